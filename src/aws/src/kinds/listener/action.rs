//! What becomes of a request.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    self, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, TargetGroupStickinessConfig, TargetGroupTuple,
};
use engine::{Flaw, Ref, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TargetGroup;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Servers get it.
    Forward {
        /// The groups of servers that share requests.
        #[schemars(length(min = 1, max = 5))]
        target_groups: BTreeSet<Weighted>,
        /// Seconds a client stays with the same group; not at all unless set.
        #[serde(default)]
        #[schemars(range(min = 1, max = 604800))]
        stickiness: Option<i32>,
    },
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The load balancer answers by itself.
    FixedResponse {
        /// The status code.
        #[schemars(range(min = 200, max = 599))]
        status: u16,
        /// What the body is, such as `text/plain`.
        #[serde(default = "plain")]
        content_type: String,
        /// The body; empty unless set.
        #[serde(default)]
        #[schemars(length(max = 1024))]
        body: String,
    },
    /// Something made outside that a blueprint cannot say, such as a login.
    Foreign {
        /// AWS's name of it.
        name: String,
    },
}

/// A group of servers and its share of requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The group.
    pub target_group: Ref<TargetGroup>,
    /// Its share, relative to the others'; 1 unless set.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 999))]
    pub weight: i32,
}

/// Where a client is sent. What is not set stays as the client asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redirect {
    /// `HTTP` or `HTTPS`.
    #[schemars(regex(pattern = r"^HTTPS?$"))]
    pub protocol: Option<String>,
    /// The port.
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}$"))]
    pub port: Option<String>,
    /// The host; `#{host}` in it is the one asked for.
    pub host: Option<String>,
    /// The path; `#{path}` in it is the one asked for.
    #[schemars(regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// The query, without `?`; `#{query}` in it is the one asked for.
    pub query: Option<String>,
    /// Whether clients may remember it (301 instead of 302).
    pub permanent: bool,
}

impl Redirect {
    /// The same over HTTPS, for good.
    pub fn https() -> Self {
        Self {
            protocol: Some("HTTPS".to_owned()),
            port: Some("443".to_owned()),
            permanent: true,
            ..Self::default()
        }
    }
}

fn one() -> i32 {
    1
}

fn plain() -> String {
    "text/plain".to_owned()
}

/// What AWS calls the parts a redirect leaves alone.
const SAME: [&str; 5] = ["#{protocol}", "#{port}", "#{host}", "/#{path}", "#{query}"];

/// What a load balancer's own answer may be.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html>
const CONTENT_TYPES: [&str; 5] =
    ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

impl Action {
    /// One group gets every request.
    pub fn to(target_group: Ref<TargetGroup>) -> Self {
        Self::Forward { target_groups: BTreeSet::from([Weighted { target_group, weight: 1 }]), stickiness: None }
    }

    pub(super) fn flaws(&self, path: &str) -> Vec<Flaw> {
        let flaw = match self {
            Self::Forward { target_groups, .. } => {
                let path = format!("{path}.target_groups");
                let groups: BTreeSet<_> = target_groups.iter().map(|one| &one.target_group).collect();
                match target_groups.len() {
                    0 => Flaw::new(path, "no servers to forward to"),
                    6.. => Flaw::new(path, "more than five groups of servers"),
                    all if groups.len() < all => Flaw::new(path, "names a group twice").hint("add the weights up"),
                    _ => return Vec::new(),
                }
            }
            // A redirect that changes the query alone is a loop to AWS.
            Self::Redirect(redirect)
                if [&redirect.protocol, &redirect.port, &redirect.host, &redirect.path]
                    .iter()
                    .all(|part| part.is_none()) =>
            {
                Flaw::new(path, "sends clients where they came from").hint("set what differs, such as `protocol: HTTPS`")
            }
            Self::FixedResponse { status, .. } if !matches!(status / 100, 2 | 4 | 5) => {
                let message = format!("a load balancer does not answer {status}");
                Flaw::new(format!("{path}.status"), message).hint("use 2xx, 4xx or 5xx; `redirect` answers 301 or 302")
            }
            Self::FixedResponse { content_type, .. } if !CONTENT_TYPES.contains(&content_type.as_str()) => {
                let message = format!("a load balancer does not send `{content_type}`");
                let hint = format!("use one of {}", CONTENT_TYPES.join(", "));
                Flaw::new(format!("{path}.content_type"), message).hint(hint)
            }
            Self::Foreign { .. } => {
                Flaw::new(format!("{path}.type"), "`foreign` is what AWS may show, not what can be made")
            }
            Self::Redirect(_) | Self::FixedResponse { .. } => return Vec::new(),
        };
        vec![flaw]
    }

    pub(super) fn write(&self) -> Result<types::Action> {
        let action = types::Action::builder();
        Ok(match self {
            Self::Forward { target_groups, stickiness } => {
                let tuple = |one: &Weighted| {
                    let id = one.target_group.id()?;
                    Ok(TargetGroupTuple::builder().target_group_arn(id).weight(one.weight).build())
                };
                let tuples = target_groups.iter().map(tuple).collect::<Result<Vec<_>>>()?;
                let sticky = TargetGroupStickinessConfig::builder().enabled(stickiness.is_some());
                let config = ForwardActionConfig::builder().set_target_groups(Some(tuples));
                // One group alone takes no stickiness.
                let config = match (target_groups.len(), stickiness) {
                    (1, None) => config,
                    _ => config.target_group_stickiness_config(sticky.set_duration_seconds(*stickiness).build()),
                };
                action.r#type(ActionTypeEnum::Forward).forward_config(config.build())
            }
            Self::Redirect(redirect) => {
                let part = |part: &Option<String>, same: usize| part.clone().unwrap_or_else(|| SAME[same].to_owned());
                let config = RedirectActionConfig::builder()
                    .protocol(part(&redirect.protocol, 0))
                    .port(part(&redirect.port, 1))
                    .host(part(&redirect.host, 2))
                    .path(part(&redirect.path, 3))
                    .query(part(&redirect.query, 4))
                    .status_code(match redirect.permanent {
                        true => RedirectActionStatusCodeEnum::Http301,
                        false => RedirectActionStatusCodeEnum::Http302,
                    });
                action.r#type(ActionTypeEnum::Redirect).redirect_config(config.build())
            }
            Self::FixedResponse { status, content_type, body } => {
                let config = FixedResponseActionConfig::builder()
                    .status_code(status.to_string())
                    .content_type(content_type)
                    .message_body(body);
                action.r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build())
            }
            Self::Foreign { name } => action.r#type(ActionTypeEnum::from(name.as_str())),
        }
        .build())
    }

    /// Reads the last of a listener's or rule's actions: the ones before it authenticate.
    pub(super) fn read(actions: &[types::Action]) -> Self {
        let foreign = |name: &str| Self::Foreign { name: name.to_owned() };
        let [action] = actions else {
            let first = actions.iter().min_by_key(|action| action.order());
            return foreign(first.and_then(types::Action::r#type).map_or("none", ActionTypeEnum::as_str));
        };
        let name = action.r#type().map_or("none", ActionTypeEnum::as_str);
        match name {
            "forward" => read_forward(action),
            "redirect" => action.redirect_config().map_or_else(|| foreign(name), |config| Self::Redirect(read_redirect(config))),
            "fixed-response" => action.fixed_response_config().map_or_else(
                || foreign(name),
                |config| Self::FixedResponse {
                    status: config.status_code().and_then(|status| status.parse().ok()).unwrap_or_default(),
                    content_type: config.content_type().unwrap_or("text/plain").to_owned(),
                    body: config.message_body().unwrap_or_default().to_owned(),
                },
            ),
            _ => foreign(name),
        }
    }
}

fn read_forward(action: &types::Action) -> Action {
    let config = action.forward_config();
    let tuples = config.map(|config| config.target_groups()).unwrap_or_default();
    let mut target_groups: BTreeSet<Weighted> = tuples
        .iter()
        .filter_map(|tuple| {
            let target_group = Ref::live(tuple.target_group_arn()?);
            Some(Weighted { target_group, weight: tuple.weight().unwrap_or(1) })
        })
        .collect();
    if target_groups.is_empty() {
        target_groups.extend(action.target_group_arn().map(|arn| Weighted { target_group: Ref::live(arn), weight: 1 }));
    }
    let sticky = config.and_then(|config| config.target_group_stickiness_config());
    let on = sticky.filter(|sticky| sticky.enabled().unwrap_or_default());
    Action::Forward { target_groups, stickiness: on.and_then(|sticky| sticky.duration_seconds()) }
}

fn read_redirect(config: &RedirectActionConfig) -> Redirect {
    let part = |value: Option<&str>, same: usize| value.filter(|value| *value != SAME[same]).map(str::to_owned);
    Redirect {
        protocol: part(config.protocol(), 0),
        port: part(config.port(), 1),
        host: part(config.host(), 2),
        path: part(config.path(), 3),
        query: part(config.query(), 4),
        permanent: config.status_code() == Some(&RedirectActionStatusCodeEnum::Http301),
    }
}

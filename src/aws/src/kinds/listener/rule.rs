//! Rules of a listener: which requests are treated apart.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    self, HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
    PathPatternConditionConfig, QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition,
    SourceIpConditionConfig,
};
use engine::Flaw;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Action;
use crate::cidr;

/// Which requests are treated apart, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerRule {
    /// The rule's place: the first that fits a request is followed, the lowest number first.
    #[schemars(range(min = 1, max = 50000))]
    pub priority: u16,
    /// What requests are like; all of it.
    #[schemars(length(min = 1, max = 5))]
    pub conditions: BTreeSet<Condition>,
    /// What becomes of them.
    pub action: Action,
}

/// What a request is like: any of the values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Condition {
    /// The path, with `*` and `?`.
    Path {
        /// Patterns.
        #[schemars(length(min = 1, max = 5))]
        values: BTreeSet<String>,
    },
    /// The host name, with `*` and `?`.
    Host {
        /// Patterns.
        #[schemars(length(min = 1, max = 5))]
        values: BTreeSet<String>,
    },
    /// A header, with `*` and `?`.
    Header {
        /// The header's name.
        #[schemars(length(min = 1, max = 40))]
        name: String,
        /// Patterns.
        #[schemars(length(min = 1, max = 5))]
        values: BTreeSet<String>,
    },
    /// The method.
    Method {
        /// Methods, in capitals.
        #[schemars(length(min = 1, max = 5))]
        values: BTreeSet<String>,
    },
    /// A part of the query.
    Query {
        /// Parts.
        #[schemars(length(min = 1, max = 5))]
        values: BTreeSet<Parameter>,
    },
    /// The client's address.
    SourceIp {
        /// Ranges.
        #[schemars(with = "BTreeSet<String>", length(min = 1, max = 5))]
        values: BTreeSet<IpNet>,
    },
    /// Something made outside that a blueprint cannot say, such as a regular expression.
    Foreign {
        /// AWS's name of it.
        name: String,
    },
}

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The key; any unless set.
    #[serde(default)]
    pub key: Option<String>,
    /// The value, with `*` and `?`.
    pub value: String,
}

impl Condition {
    /// The path is like one of these.
    pub fn path(values: &[&str]) -> Self {
        Self::Path { values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    /// The host name is like one of these.
    pub fn host(values: &[&str]) -> Self {
        Self::Host { values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    /// How many values it has.
    fn len(&self) -> usize {
        match self {
            Self::Path { values } | Self::Host { values } | Self::Header { values, .. } | Self::Method { values } => {
                values.len()
            }
            Self::Query { values } => values.len(),
            Self::SourceIp { values } => values.len(),
            Self::Foreign { .. } => 1,
        }
    }

    /// The type's name, where a rule takes one condition of it.
    fn sole(&self) -> Option<&'static str> {
        match self {
            Self::Path { .. } => Some("path"),
            Self::Host { .. } => Some("host"),
            Self::Method { .. } => Some("method"),
            Self::SourceIp { .. } => Some("source-ip"),
            Self::Header { .. } | Self::Query { .. } | Self::Foreign { .. } => None,
        }
    }

    pub(super) fn write(&self) -> RuleCondition {
        let list = |values: &BTreeSet<String>| Some(values.iter().cloned().collect::<Vec<_>>());
        let condition = RuleCondition::builder();
        match self {
            Self::Path { values } => condition.field("path-pattern").path_pattern_config(
                PathPatternConditionConfig::builder().set_values(list(values)).build(),
            ),
            Self::Host { values } => condition.field("host-header").host_header_config(
                HostHeaderConditionConfig::builder().set_values(list(values)).build(),
            ),
            Self::Header { name, values } => condition.field("http-header").http_header_config(
                HttpHeaderConditionConfig::builder().http_header_name(name).set_values(list(values)).build(),
            ),
            Self::Method { values } => condition.field("http-request-method").http_request_method_config(
                HttpRequestMethodConditionConfig::builder().set_values(list(values)).build(),
            ),
            Self::Query { values } => {
                let pairs = values.iter().map(|one| {
                    QueryStringKeyValuePair::builder().set_key(one.key.clone()).value(&one.value).build()
                });
                let config = QueryStringConditionConfig::builder().set_values(Some(pairs.collect()));
                condition.field("query-string").query_string_config(config.build())
            }
            Self::SourceIp { values } => condition.field("source-ip").source_ip_config(
                SourceIpConditionConfig::builder()
                    .set_values(Some(values.iter().map(ToString::to_string).collect()))
                    .build(),
            ),
            Self::Foreign { name } => condition.field(name),
        }
        .build()
    }

    pub(super) fn read(condition: &RuleCondition) -> Self {
        // Old rules have their values beside the field's name instead of in a configuration of its own.
        let set = |config: Option<&[String]>| -> BTreeSet<String> {
            let values = config.filter(|values| !values.is_empty()).unwrap_or(condition.values());
            values.iter().cloned().collect()
        };
        let name = condition.field().unwrap_or_default();
        match name {
            "path-pattern" => Self::Path { values: set(condition.path_pattern_config().map(|config| config.values())) },
            "host-header" => Self::Host { values: set(condition.host_header_config().map(|config| config.values())) },
            "http-request-method" => {
                Self::Method { values: set(condition.http_request_method_config().map(|config| config.values())) }
            }
            "source-ip" => {
                let ranges = set(condition.source_ip_config().map(|config| config.values()));
                let read: Result<_, ipnet::AddrParseError> = ranges.iter().map(|range| range.parse()).collect();
                read.map_or_else(|_| Self::Foreign { name: name.to_owned() }, |values| Self::SourceIp { values })
            }
            "http-header" => {
                let config = condition.http_header_config();
                Self::Header {
                    name: config.and_then(|config| config.http_header_name()).unwrap_or_default().to_owned(),
                    values: set(config.map(|config| config.values())),
                }
            }
            "query-string" => {
                let pairs = condition.query_string_config().map(|config| config.values()).unwrap_or_default();
                let parameter = |pair: &QueryStringKeyValuePair| Parameter {
                    key: pair.key().map(str::to_owned),
                    value: pair.value().unwrap_or_default().to_owned(),
                };
                Self::Query { values: pairs.iter().map(parameter).collect() }
            }
            _ => Self::Foreign { name: name.to_owned() },
        }
    }
}

pub(super) fn read(rule: &types::Rule) -> Option<ListenerRule> {
    Some(ListenerRule {
        // The default one is `default_action`.
        priority: rule.priority()?.parse().ok()?,
        conditions: rule.conditions().iter().map(Condition::read).collect(),
        action: Action::read(rule.actions()),
    })
}

pub(super) fn flaws(rules: &BTreeSet<ListenerRule>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut priorities = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("rules.{index}");
        if !priorities.insert(rule.priority) {
            let message = format!("two rules have the priority {}", rule.priority);
            flaws.push(Flaw::new(format!("{path}.priority"), message));
        }
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
        let values: usize = rule.conditions.iter().map(Condition::len).sum();
        if values > 5 {
            let message = format!("has {values} values, where AWS takes five in a rule");
            flaws.push(Flaw::new(format!("{path}.conditions"), message).hint("divide them over several rules"));
        }
        let mut seen = BTreeSet::new();
        for name in rule.conditions.iter().filter_map(Condition::sole).filter(|name| !seen.insert(*name)) {
            let message = format!("has two conditions of type `{name}`");
            let hint = "put the values into one: any of them fits";
            flaws.push(Flaw::new(format!("{path}.conditions"), message).hint(hint));
        }
        for condition in &rule.conditions {
            if let Condition::SourceIp { values } = condition {
                flaws.extend(values.iter().filter_map(|range| cidr::flaw(&format!("{path}.conditions"), *range)));
            }
        }
        if rule.conditions.is_empty() || rule.conditions.iter().any(|condition| condition.len() == 0) {
            let hint = "what every request gets is the `default_action`";
            flaws.push(Flaw::new(format!("{path}.conditions"), "a rule needs a condition with a value").hint(hint));
        }
        if rule.conditions.iter().any(|condition| matches!(condition, Condition::Foreign { .. })) {
            let message = "`foreign` is what AWS may show, not what can be made";
            flaws.push(Flaw::new(format!("{path}.conditions"), message));
        }
        flaws.extend(rule.action.flaws(&format!("{path}.action")));
    }
    flaws
}

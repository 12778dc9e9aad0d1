//! The environment file: which blueprint, on which cloud, in whose account, and what is different there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::check::check;
use super::diagnostic::{Diagnostic, Severity};
use super::node::{Data, Node};
use super::schema::{MAX_STACK_NAME, stack_name};
use super::source::{FileId, Sources, Span};
use crate::Site;

/// Where and how a stack is run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Environment {
    /// The file's name without its extension, such as `prod`.
    pub name: String,
    /// Where the blueprint is: absolute, or relative to the working directory as the environment file is.
    pub blueprint: PathBuf,
    /// What the stack is made on.
    pub provider: ProviderName,
    /// The only AWS account the stack may be made in: 12 digits.
    pub account: Option<String>,
    /// The accounts and regions in use; there is always a primary one.
    pub sites: BTreeMap<Site, SiteSettings>,
    /// How the simulated cloud behaves.
    pub simulator: SimulatorSettings,
}

/// What a stack is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Amazon Web Services.
    Aws,
    /// A simulated cloud in a file under `.terrace/`.
    Simulator,
}

/// An AWS region, and the profile whose credentials reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteSettings {
    /// The region; the primary site's is the blueprint's where it is left out, and known once that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "region"))]
    pub region: Option<String>,
    /// The profile of `~/.aws/config`; the usual credential chain where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// How the simulated cloud behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorSettings {
    /// How many times faster than a real cloud time passes; 0 means that nothing takes time.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub time_scale: f64,
    /// How many seconds of the cloud's time a new resource is missing from listings.
    #[schemars(range(min = 0, max = 3600))]
    pub lag_seconds: f64,
    /// The share of calls that are turned away as too many.
    #[schemars(range(min = 0, max = 1))]
    pub throttle: f64,
    /// The share of writes that are carried out but whose answer is lost.
    #[schemars(range(min = 0, max = 1))]
    pub lost_responses: f64,
    /// The number of the call, from 1, at which the process dies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_at_call: Option<u64>,
    /// What the random choices follow from: the same seed makes the same ones.
    pub seed: u64,
}

impl Default for SimulatorSettings {
    /// Sixty times faster: a database that takes ten minutes takes ten seconds.
    fn default() -> Self {
        Self { time_scale: 60.0, lag_seconds: 0.0, throttle: 0.0, lost_responses: 0.0, crash_at_call: None, seed: 0 }
    }
}

/// The environment file as it is written. Doc comments are what hints and editors show.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    /// The blueprint, relative to this file.
    blueprint: String,
    /// What the stack is made on: `aws` or `simulator`.
    provider: ProviderName,
    /// The only AWS account the stack may be made in.
    #[serde(default)]
    account: Option<Account>,
    /// The accounts and regions in use.
    #[serde(default)]
    sites: Sites,
    /// How the simulated cloud behaves.
    #[serde(default)]
    simulator: SimulatorSettings,
    /// What is different from the blueprint: maps merge, lists replace, `null` removes.
    #[serde(default, rename = "overrides")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    _overrides: serde_json::Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Account {
    Digits(String),
    Number(u64),
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sites {
    /// Where the stack lives.
    #[serde(default)]
    primary: SiteSettings,
    /// Where copies are kept for the loss of a region.
    #[serde(default)]
    recovery: Option<SiteSettings>,
    /// `us-east-1`: where CloudFront takes its certificate and web ACL from.
    #[serde(default)]
    edge: Option<SiteSettings>,
}

/// The JSON schema of an environment file.
pub fn environment_schema() -> serde_json::Value {
    schema_for!(File).to_value()
}

/// Reads an environment from its parsed file, and hands back the overrides; `None` if it cannot be used at all.
pub fn environment(
    path: &Path,
    file: FileId,
    root: Option<Node>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Environment, Option<Node>)> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let start = Span::new(file, 0..0);
    if !stack_name(&name) {
        let message = format!("`{name}` is not a valid name of an environment");
        let hint = format!("name the file in at most {MAX_STACK_NAME} lower-case letters, digits and single hyphens");
        diagnostics.push(Diagnostic::error(start, message).hint(hint));
    }
    let root = root.unwrap_or_else(|| Node::new(start, Data::Map(Default::default())));
    let mut found = check(&environment_schema(), &root, sources).found;
    found.extend(mistakes(&root));
    let refused = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    diagnostics.append(&mut found);
    let overrides = root.get("overrides").filter(|node| node.map().is_some()).cloned();
    let read = File::deserialize(root.value()).ok();
    let Some(read) = read else {
        // Mistakes elsewhere should not hide the blueprint's: its path is enough to go on checking.
        let blueprint = root.get("blueprint").and_then(Node::text)?;
        let environment = Environment {
            blueprint: path.with_file_name(blueprint),
            name,
            provider: ProviderName::Simulator,
            account: None,
            sites: [(Site::primary(), SiteSettings::default())].into(),
            simulator: SimulatorSettings::default(),
        };
        return refused.then_some((environment, overrides));
    };
    let others = [("recovery", read.sites.recovery), ("edge", read.sites.edge)];
    let mut sites: BTreeMap<_, _> =
        others.into_iter().filter_map(|(name, settings)| Some((Site::new(name), settings?))).collect();
    sites.insert(Site::primary(), read.sites.primary);
    if let Some(edge) = sites.get_mut(&Site::new("edge")) {
        edge.region.get_or_insert_with(|| EDGE_REGION.to_owned());
    }
    let account = read.account.map(|account| match account {
        Account::Digits(digits) => digits,
        Account::Number(number) => number.to_string(),
    });
    let blueprint = path.with_file_name(read.blueprint);
    let environment =
        Environment { name, blueprint, provider: read.provider, account, sites, simulator: read.simulator };
    Some((environment, overrides))
}

/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>
const EDGE_REGION: &str = "us-east-1";

/// What the schema cannot say.
fn mistakes(root: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(account) = root.get("account") {
        let digits = match &account.data {
            Data::Text(text) => text.clone(),
            Data::Number(number) => number.to_string(),
            Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => return found,
        };
        if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("`{digits}` is not an AWS account id");
            found.push(Diagnostic::error(account.span, message).hint("it has 12 digits; quote it: `\"123456789012\"`"));
        }
    }
    let sites = root.get("sites");
    if let Some(region) = sites.and_then(|sites| sites.get("edge")).and_then(|edge| edge.get("region"))
        && region.text().is_some_and(|text| text != EDGE_REGION)
    {
        let message = format!("the edge site is in {EDGE_REGION}: CloudFront reads its certificates nowhere else");
        found.push(Diagnostic::error(region.span, message).hint("leave `region` out"));
    }
    if let Some(recovery) = sites.and_then(|sites| sites.get("recovery"))
        && recovery.get("region").is_none()
        && let Some(entry) = sites.and_then(Node::map).and_then(|sites| sites.entry("recovery"))
    {
        found.push(
            Diagnostic::error(entry.span, "the recovery site has no region")
                .hint("write the region that takes over: `region: ap-northeast-1`"),
        );
    }
    found
}

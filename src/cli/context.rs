//! What a command works on: the environment as it was read, and the cloud it names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::apply::Pace;
use engine::blueprint::{DEFAULT_REGION, Environment, ProviderName, Reading, SimulatorSettings, read};
use engine::simulator::{Crash, Moments, Settings, Simulator};
use engine::{Graph, Owner, Provider, Site};

use crate::error::{Code, During, Failure};
use crate::printer::Printer;

/// Where environments are, relative to the working folder.
pub(crate) const ENVIRONMENTS: &str = "environments";
/// What the tool keeps between runs: the simulated cloud and journals. Nothing in it is needed to recover.
pub(crate) const KEEP: &str = ".terrace";

/// An environment without mistakes.
pub(crate) struct Context {
    /// The environment.
    pub(crate) environment: Environment,
    /// Whose resources these are.
    pub(crate) owner: Owner,
    /// What is wanted.
    pub(crate) graph: Graph,
    /// How patient to be with its cloud.
    pub(crate) pace: Pace,
    /// The primary site's region.
    region: String,
}

/// The file of an environment.
pub(crate) fn file(environment: &str) -> PathBuf {
    let path = Path::new(environment);
    let is_path = environment.contains(['/', '\\']) || path.extension().is_some();
    if is_path { path.to_owned() } else { Path::new(ENVIRONMENTS).join(format!("{environment}.yaml")) }
}

/// Reads an environment and its blueprint, mistakes and all.
pub(crate) fn reading(environment: &str) -> Result<Reading, Failure> {
    let path = file(environment);
    if !path.exists() {
        let known = environments();
        let failure =
            Failure::new(format!("there is no environment `{environment}`: `{}` does not exist", path.display()));
        return Err(failure.hint(match known.is_empty() {
            true => "start with `terrace init`, or name a folder with `-C`".to_owned(),
            false => format!("environments here: {}", known.join(", ")),
        }));
    }
    Ok(read(&path, aws::components::ALL, aws::kinds::INFOS))
}

/// The names of the environments in the working folder, sorted.
pub(crate) fn environments() -> Vec<String> {
    let files = std::fs::read_dir(ENVIRONMENTS).into_iter().flatten().flatten();
    let names = files.filter_map(|file| {
        let path = file.path();
        path.extension().filter(|extension| *extension == "yaml")?;
        Some(path.file_stem()?.to_string_lossy().into_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

impl Context {
    /// Reads an environment; prints every mistake if there is one.
    pub(crate) fn load(environment: &str, printer: &mut Printer) -> Result<Self, Failure> {
        let reading = reading(environment)?;
        let failed = reading.failed();
        if !reading.diagnostics.is_empty() {
            let text = reading.render(printer.paint_notes.0);
            printer.note(&format!("{text}\n"));
        }
        let (Some(environment), Some(owner), false) = (reading.environment, reading.owner, failed) else {
            let mistakes = reading.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
            return Err(Failure::new(format!("{mistakes} mistakes in the blueprint; nothing was done")));
        };
        let pace = match environment.provider {
            ProviderName::Aws => Pace { scale: time_scale()?, ..Pace::default() },
            ProviderName::Simulator => Pace { scale: scale(&environment.simulator), ..Pace::default() },
        };
        let stated = environment.sites.get(&Site::primary()).and_then(|site| site.region.clone());
        let blueprint = reading.document.as_ref().and_then(|document| document.root.get("region")?.text());
        let region = stated.unwrap_or_else(|| blueprint.unwrap_or(DEFAULT_REGION).to_owned());
        Ok(Self { environment, owner, graph: reading.graph, pace, region })
    }

    /// Where the stack is, in a few words: `shop/prod in 123456789012, ap-northeast-2`.
    pub(crate) fn place(&self) -> String {
        let region = &self.region;
        match self.environment.provider {
            ProviderName::Simulator => {
                let speed = match self.environment.simulator.time_scale {
                    0.0 => "no time passes".to_owned(),
                    scale => format!("{scale} times as fast as AWS"),
                };
                format!("{} on the simulated cloud, {region}, {speed}", self.owner)
            }
            ProviderName::Aws => match &self.environment.account {
                Some(account) => format!("{} in account {account}, {region}", self.owner),
                None => format!("{} on AWS, {region}", self.owner),
            },
        }
    }

    /// Connects to the environment's cloud, and refuses another account than the environment names.
    pub(crate) async fn connect(&self) -> Result<Box<dyn Provider>, Failure> {
        match self.environment.provider {
            ProviderName::Simulator => self.simulator(),
            ProviderName::Aws => self.aws().await,
        }
    }

    fn simulator(&self) -> Result<Box<dyn Provider>, Failure> {
        let path = simulated_cloud();
        let settings = settings(&self.environment.simulator);
        let opened = Simulator::open(&path, aws::kinds::INFOS, settings);
        let simulator = opened.map_err(|error| {
            let message = format!("the simulated cloud `{}` cannot be read: {error}", path.display());
            Failure::new(message).hint("`terrace sandbox reset` starts it anew")
        })?;
        Ok(Box::new(simulator.with_sites(self.environment.sites.keys().cloned())))
    }

    async fn aws(&self) -> Result<Box<dyn Provider>, Failure> {
        let mut sites = Vec::new();
        let primary = Site::primary();
        let order = self.environment.sites.iter().filter(|(site, _)| **site == primary);
        let order = order.chain(self.environment.sites.iter().filter(|(site, _)| **site != primary));
        for (site, settings) in order {
            let region = settings.region.as_deref().unwrap_or(&self.region);
            sites.push((site.clone(), aws::Aws::connect(region, settings.profile.as_deref()).await));
        }
        if let (Some(expected), Some((_, aws))) = (&self.environment.account, sites.first()) {
            let account = aws.account().await.during(|| "the account cannot be told".to_owned());
            let account = account.map_err(|failure| {
                failure.code(Code::Preflight).hint("check the credentials: `aws sts get-caller-identity`")
            })?;
            if account != *expected {
                let message = format!("these credentials are for account {account}, not {expected}; nothing was done");
                let hint = format!("use the credentials of `{}`'s account, or mend `account:`", self.environment.name);
                return Err(Failure::new(message).code(Code::Refused).hint(hint));
            }
        }
        Ok(Box::new(aws::client::provider(sites)))
    }
}

/// The file of the simulated cloud.
pub(crate) fn simulated_cloud() -> PathBuf {
    Path::new(KEEP).join("cloud.json")
}

/// Real seconds per cloud second.
fn scale(settings: &SimulatorSettings) -> f64 {
    if settings.time_scale == 0.0 { 0.0 } else { 1.0 / settings.time_scale }
}

/// A test cloud may run faster than AWS does; only together with another endpoint than AWS's.
fn time_scale() -> Result<f64, Failure> {
    let Some(scale) =
        std::env::var("TERRACE_TIME_SCALE").ok().filter(|_| std::env::var_os("AWS_ENDPOINT_URL").is_some())
    else {
        return Ok(1.0);
    };
    let parsed = scale.parse().ok().filter(|scale: &f64| (0.0..=1.0).contains(scale));
    parsed.ok_or_else(|| Failure::new(format!("`TERRACE_TIME_SCALE={scale}` is not a number between 0 and 1")))
}

fn settings(settings: &SimulatorSettings) -> Settings {
    Settings {
        scale: scale(settings),
        lag: Duration::from_secs_f64(settings.lag_seconds),
        throttle: settings.throttle,
        lost: settings.lost_responses,
        crash: settings.crash_at_call.map(|call| Crash { call, when: Moments::AfterAccept }),
        seed: settings.seed,
    }
}

//! Connections to one AWS account and region.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use engine::{Catalog, Error, Result, Site};

use crate::lease::Leases;
use crate::{Call, Required, kinds};

/// How often the SDK tries a call that was throttled or got no answer, first try included.
///
/// An apply keeps some thirty calls in the air, more than some buckets hold; ten tries with the SDK's doubling,
/// jittered pauses (up to 20 s) outlast the emptiest of them, ELB's 0.2 calls a second.
pub(crate) const TRIES: u32 = 10;

/// One client per service, all for the same account and region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The region's name, such as `ap-northeast-2`.
    pub region: String,
    pub(crate) autoscaling: aws_sdk_autoscaling::Client,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) rds: aws_sdk_rds::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

impl Aws {
    /// Clients that share one configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            autoscaling: aws_sdk_autoscaling::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            rds: aws_sdk_rds::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
        }
    }

    /// Reads credentials the way every AWS tool does, from `profile` where one is named, and connects to a region.
    ///
    /// `AWS_ENDPOINT_URL` sends every call elsewhere, as it does for every AWS tool.
    pub async fn connect(region: &str, profile: Option<&str>) -> Self {
        let mut loader = defaults().region(Region::new(region.to_owned()));
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        Self::new(&loader.load().await)
    }

    /// The account the credentials belong to, 12 digits.
    ///
    /// # Errors
    /// When there are no credentials, or AWS does not take them.
    pub async fn account(&self) -> Result<String> {
        let identity = self.sts.get_caller_identity().send().await.call("GetCallerIdentity")?;
        identity.account.required("Account")
    }
}

/// The provider over these sites; the first is the primary one, where leases are kept.
///
/// # Panics
/// When there is no site.
pub fn provider(sites: Vec<(Site, Aws)>) -> Catalog<Aws> {
    let primary = sites.first().expect("a stack has a primary site").1.clone();
    Catalog::new(sites, kinds::ALL, Box::new(Leases(primary)))
}

/// The configuration every connection starts from.
pub fn defaults() -> aws_config::ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::standard().with_max_attempts(TRIES))
}

/// For `customize().config_override(…)` of creates that have neither a client token nor a natural key: the SDK must not
/// repeat them by itself when an answer is lost, or it makes two. The engine looks before it repeats.
pub(crate) fn once() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled())
}

/// Repeats a call that names a resource made a moment ago until AWS knows it everywhere, for a minute at most.
///
/// EC2 may deny a resource it has just made
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>). Where an update can make up for it, a
/// create need not wait.
pub(crate) async fn known<F: Future<Output = Result<()>>>(call: impl Fn() -> F) -> Result<()> {
    let mut pause = Duration::from_millis(50);
    loop {
        match call().await {
            Err(Error::NotFound | Error::Missing { .. }) if pause < Duration::from_secs(30) => {
                tokio::time::sleep(pause).await
            }
            answer => return answer,
        }
        pause *= 2;
    }
}

//! What is wrong with a database as asked for, what a change of it does to people, and what it costs.

use engine::{Flaw, Impact, Risk, Usage};

use super::DbInstance;
use super::parts::{Storage, StorageType};

/// Seconds between metrics that Enhanced Monitoring offers.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>
const INTERVALS: [u8; 6] = [1, 5, 10, 15, 30, 60];

pub(super) fn flaws(wanted: &DbInstance) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if wanted.security_groups.is_empty() {
        let hint = "name one that lets the application servers in on its port";
        flaws.push(Flaw::new("security_groups", "a database needs a security group").hint(hint));
    }
    if wanted.kms_key.is_some() && !wanted.encrypted {
        flaws.push(Flaw::new("kms_key", "a key without encryption").hint("leave `encrypted` on"));
    }
    if let Some(days) = wanted.performance_insights.as_ref().map(|insights| insights.keep_days) {
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.cost.html
        if !matches!(days, 7 | 731) && (days % 31 != 0 || days > 713) {
            let hint = "7, 731, or a multiple of 31 up to 713";
            flaws.push(Flaw::new("performance_insights.keep_days", format!("samples are not kept {days} days")).hint(hint));
        }
    }
    if let Some(seconds) = wanted.monitoring.as_ref().map(|it| it.interval).filter(|it| !INTERVALS.contains(it)) {
        let message = format!("metrics do not come every {seconds} seconds");
        flaws.push(Flaw::new("monitoring.interval", message).hint("one of: 1, 5, 10, 15, 30, 60"));
    }
    if wanted.version.split('.').count() < wanted.engine.major() {
        let message = format!("the version `{}` of {} needs two numbers", wanted.version, wanted.engine.name());
        flaws.push(Flaw::new("version", message).hint("write it like `\"8.0\"`"));
    }
    flaws.extend(storage(&wanted.storage));
    flaws
}

fn storage(storage: &Storage) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
    if let Some(max) = storage.max.filter(|max| i64::from(*max) * 10 < i64::from(storage.size) * 11) {
        let message = format!("`max` {max} is not a tenth more than `size` {}", storage.size);
        flaws.push(Flaw::new("storage.max", message).hint("leave it out for a disk that does not grow"));
    }
    match storage.sort {
        StorageType::Gp2 if storage.iops.is_some() => {
            flaws.push(Flaw::new("storage.iops", "the speed of `gp2` follows its size").hint("use `gp3`"));
        }
        StorageType::Io1 | StorageType::Io2 if storage.iops.is_none() => {
            flaws.push(Flaw::new("storage.iops", format!("`{}` needs its speed named", storage.sort.name())));
        }
        StorageType::Gp2 | StorageType::Gp3 | StorageType::Io1 | StorageType::Io2 => {}
    }
    if storage.throughput.is_some() && storage.sort != StorageType::Gp3 {
        let flaw = Flaw::new("storage.throughput", "is for `gp3` alone");
        flaws.push(flaw.hint("remove `throughput`"));
    }
    flaws
}

pub(super) fn impacts(before: Option<&DbInstance>, after: Option<&DbInstance>) -> Vec<Impact> {
    let mut impacts = Vec::new();
    let mut say = |risk, effect: String| impacts.push(Impact::new(risk, effect));
    match (before, after) {
        (None, Some(after)) if after.publicly_accessible => {
            say(Risk::Exposure, "the database has an address on the internet".to_owned());
        }
        (Some(before), None) => {
            say(Risk::Downtime, "what uses the database stops working".to_owned());
            if !before.final_snapshot {
                say(Risk::DataLoss, "no snapshot is left".to_owned());
            }
        }
        (Some(before), Some(after)) => between(before, after, &mut say),
        (None, _) => {}
    }
    impacts
}

fn between(before: &DbInstance, after: &DbInstance, say: &mut impl FnMut(Risk, String)) {
    // What each change interrupts:
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html
    let pause = if before.multi_az { "a failover of about a minute" } else { "an outage of some minutes" };
    if before.class != after.class {
        say(Risk::Downtime, format!("{pause}: the class becomes {}", after.class));
    }
    if before.version != after.version {
        say(Risk::Downtime, format!("an outage of some minutes: the version becomes {}", after.version));
    }
    if before.port != after.port && after.port.is_some() {
        say(Risk::Downtime, "it restarts and listens on another port".to_owned());
    }
    if before.multi_az != after.multi_az {
        say(Risk::Downtime, match after.multi_az {
            true => "writes are slower while the standby is made".to_owned(),
            false => "no standby takes over when it fails".to_owned(),
        });
    }
    if before.parameter_group != after.parameter_group && after.parameter_group.is_some() {
        say(Risk::Downtime, "some parameters wait for a reboot".to_owned());
    }
    if before.ca_certificate != after.ca_certificate && after.ca_certificate.is_some() {
        say(Risk::Downtime, "it may restart with its new certificate".to_owned());
    }
    if before.storage.sort != after.storage.sort {
        say(Risk::Downtime, "it is slower while its disk is moved".to_owned());
    }
    if after.storage.size < before.storage.size && after.storage.max.is_none() {
        say(Risk::DataLoss, "a disk cannot shrink: AWS refuses this".to_owned());
    }
    if !before.publicly_accessible && after.publicly_accessible {
        say(Risk::Exposure, "it gets an address on the internet".to_owned());
    }
    if !before.iam_authentication && after.iam_authentication {
        say(Risk::Exposure, "IAM identities may sign in".to_owned());
    }
    if before.security_groups != after.security_groups {
        say(Risk::Exposure, "who may reach it changes".to_owned());
    }
    if before.backup.keep_days > 0 && after.backup.keep_days == 0 {
        say(Risk::DataLoss, "automated backups stop and those there are go".to_owned());
    } else if after.backup.keep_days < before.backup.keep_days {
        say(Risk::DataLoss, format!("backups older than {} days go", after.backup.keep_days));
    }
    if before.backup.keep_days == 0 && after.backup.keep_days > 0 && !before.multi_az {
        say(Risk::Downtime, "a short outage: automated backups start".to_owned());
    }
    if before.deletion_protection && !after.deletion_protection {
        say(Risk::DataLoss, "AWS no longer refuses to delete it".to_owned());
    }
    if before.final_snapshot && !after.final_snapshot {
        say(Risk::DataLoss, "deleting it will leave no snapshot".to_owned());
    }
}

/// The instance by engine, class and deployment; the disk by type; provisioned speed beyond what it comes with.
pub(super) fn usage(wanted: &DbInstance) -> Vec<Usage> {
    let place = if wanted.multi_az { "multi-az" } else { "single-az" };
    let meter = |meter: String, monthly: f64| Usage { meter, monthly };
    let storage = &wanted.storage;
    let sort = storage.sort.name();
    let mut usage = vec![
        meter(format!("rds/{}/{}/{place}/hour", wanted.engine.name(), wanted.class), 730.0),
        meter(format!("rds/storage/{sort}/{place}/gib-month"), storage.size.into()),
    ];
    let (iops, throughput) = included(storage);
    let extra = |wanted: Option<i32>, included: i32| wanted.map(|wanted| wanted - included).filter(|extra| *extra > 0);
    if let Some(extra) = extra(storage.iops, iops) {
        usage.push(meter(format!("rds/iops/{sort}/{place}/iops-month"), extra.into()));
    }
    if let Some(extra) = extra(storage.throughput, throughput) {
        usage.push(meter(format!("rds/throughput/{sort}/{place}/mibps-month"), extra.into()));
    }
    if wanted.performance_insights.as_ref().is_some_and(|insights| insights.keep_days > 7) {
        usage.push(meter(format!("rds/performance-insights/{}/month", wanted.class), 1.0));
    }
    usage.push(meter("secretsmanager/secret/month".to_owned(), 1.0));
    usage
}

/// Operations and MiB a second a disk comes with.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage>
fn included(storage: &Storage) -> (i32, i32) {
    match storage.sort {
        StorageType::Gp3 if storage.size >= 400 => (12_000, 500),
        StorageType::Gp3 => (3_000, 125),
        StorageType::Gp2 | StorageType::Io1 | StorageType::Io2 => (0, 0),
    }
}

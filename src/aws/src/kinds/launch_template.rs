//! The `launch-template` kind: its default version is what the properties describe.

use std::collections::BTreeSet;

use engine::{Changed, Flaw, Found, Kind, Labels, Query, Ref, Result, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, SecurityGroup};
use crate::Aws;

mod live;

/// What instances are started with. A change makes a new version and makes it the default one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchTemplate {
    /// The image: its id, or `resolve:ssm:` and the name of a parameter that holds the id, looked up at each start.
    #[schemars(regex(pattern = r"^(ami-[0-9a-f]{8,17}|resolve:ssm:[a-zA-Z0-9._/:-]+)$"))]
    pub image: String,
    /// The instance type, such as `m5.large`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"))]
    pub instance_type: String,
    /// What instances may do in the account: a role with an instance profile; nothing unless set.
    #[serde(default)]
    pub role: Option<Ref<Role>>,
    /// Who may reach instances and whom they may reach.
    #[schemars(length(min = 1))]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// The key pair for SSH; none unless set, since Session Manager needs none.
    #[serde(default)]
    pub key_pair: Option<String>,
    /// A script or cloud-init configuration that runs at the first start; none unless set.
    #[serde(default)]
    #[schemars(length(max = 16384))]
    pub user_data: Option<String>,
    /// Whether metrics come every minute instead of every five; off unless set.
    #[serde(default)]
    pub monitoring: bool,
    /// Whether disk traffic has a line of its own; on unless set.
    #[serde(default = "yes")]
    pub ebs_optimized: bool,
    /// The disk the system is on.
    #[serde(default)]
    pub root_volume: RootVolume,
    /// Whether the metadata service asks for a session token (IMDSv2), so that a tricked server gives no credentials
    /// away; on unless set.
    #[serde(default = "yes")]
    pub require_metadata_token: bool,
    /// How many network hops an answer of the metadata service goes; containers on the instance need 2; 1 unless set.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub metadata_hops: i32,
    /// Tags of instances; none unless set.
    #[serde(default)]
    pub instance_tags: BTreeSet<Tag>,
    /// Tags of instances' disks; none unless set.
    #[serde(default)]
    pub volume_tags: BTreeSet<Tag>,
}

/// The disk the system is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RootVolume {
    /// The name the image gives it: `/dev/xvda` on Amazon Linux, `/dev/sda1` on Ubuntu.
    #[schemars(regex(pattern = r"^/dev/[a-z0-9]+$"))]
    pub device: String,
    /// The sort of disk.
    #[serde(rename = "type")]
    pub sort: VolumeType,
    /// Gibibytes.
    #[schemars(range(min = 1, max = 65536))]
    pub size: i32,
    /// Reads and writes a second; 3,000 of `gp3` unless set.
    #[schemars(range(min = 100, max = 256000))]
    pub iops: Option<i32>,
    /// Mebibytes a second, of `gp3` alone; 125 unless set.
    #[schemars(range(min = 125, max = 2000))]
    pub throughput: Option<i32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key it is encrypted with; the account's default key unless set.
    pub kms_key: Option<String>,
}

impl Default for RootVolume {
    fn default() -> Self {
        Self {
            device: "/dev/xvda".to_owned(),
            sort: VolumeType::Gp3,
            size: 20,
            iops: None,
            throughput: None,
            encrypted: true,
            kms_key: None,
        }
    }
}

/// Sorts of disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose.
    Gp3,
    /// General purpose, older: speed comes with size.
    Gp2,
    /// Provisioned speed.
    Io2,
    /// Provisioned speed, older.
    Io1,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// The key.
    #[schemars(regex(pattern = r"^[\w .:/=+@-]{1,128}$"))]
    pub key: String,
    /// The value.
    #[schemars(length(max = 256))]
    pub value: String,
}

impl Tag {
    /// A tag.
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

fn yes() -> bool {
    true
}

fn one() -> i32 {
    1
}

/// What other resources may read from a live template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The template's id.
    pub id: String,
    /// The number of the default version.
    pub version: String,
}

impl Kind for LaunchTemplate {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "launch-template";
    const FIXED: &'static [&'static str] = &[];
    const RENEWED: &'static [&'static str] = &["version"];
    const UNMANAGED: &'static [(&'static str, &'static str)] = &[
        ("LaunchTemplateName", "is made of the stack, the environment and the name in the blueprint"),
        ("VersionDescription", "versions follow the blueprint, whose history says why"),
        ("BlockDeviceMappings", "disks beyond the root one belong to the image"),
        ("CapacityReservationSpecification", "AWS's own choice uses an open reservation that fits"),
        ("CpuOptions", "AWS's own choice follows the instance type"),
        ("CreditSpecification", "AWS's own choice follows the instance type"),
        ("DisableApiStop", "the group decides which instances live"),
        ("DisableApiTermination", "the group decides which instances live"),
        ("EnclaveOptions", "enclaves are not part of these stacks"),
        ("HibernationOptions", "the group replaces instances instead of stopping them"),
        ("InstanceInitiatedShutdownBehavior", "the group replaces instances that stop"),
        ("InstanceMarketOptions", "spot instances are chosen by a group, not by its template"),
        ("InstanceRequirements", "the instance type is named"),
        ("KernelId", "is for paravirtual images"),
        ("LicenseSpecifications", "licences are not part of these stacks"),
        ("MaintenanceOptions", "AWS's own choice recovers instances"),
        ("NetworkInterfaces", "the group's subnets say where instances are"),
        ("NetworkPerformanceOptions", "AWS's own choice follows the instance type"),
        ("Placement", "the group's subnets say where instances are"),
        ("PrivateDnsNameOptions", "the subnet says how instances are named"),
        ("RamDiskId", "is for paravirtual images"),
        ("SecurityGroups", "groups of a network are named by id"),
    ];

    fn example() -> Self {
        Self {
            image: "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64".to_owned(),
            instance_type: "m5.large".to_owned(),
            role: Some(Ref::to("app")),
            security_groups: BTreeSet::from([Ref::to("app")]),
            key_pair: Some("operators".to_owned()),
            user_data: Some("#!/bin/sh\ndnf install -y nginx\n".to_owned()),
            monitoring: true,
            ebs_optimized: true,
            root_volume: RootVolume {
                size: 30,
                iops: Some(4000),
                throughput: Some(250),
                kms_key: Some("arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001".to_owned()),
                ..RootVolume::default()
            },
            require_metadata_token: true,
            metadata_hops: 1,
            instance_tags: BTreeSet::from([Tag::new("Name", "app")]),
            volume_tags: BTreeSet::from([Tag::new("Name", "app")]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let root = |change: fn(&mut RootVolume)| {
            let mut root_volume = example.root_volume.clone();
            change(&mut root_volume);
            Self { root_volume, ..example.clone() }
        };
        vec![
            Self { image: "ami-0123456789abcdef0".to_owned(), ..example.clone() },
            Self { instance_type: "m5.xlarge".to_owned(), ..example.clone() },
            Self { role: Some(Ref::to("web")), ..example.clone() },
            Self { role: None, ..example.clone() },
            Self { security_groups: BTreeSet::from([Ref::to("app"), Ref::to("web")]), ..example.clone() },
            Self { key_pair: None, ..example.clone() },
            Self { user_data: Some("#!/bin/sh\ndnf install -y httpd\n".to_owned()), ..example.clone() },
            Self { user_data: None, ..example.clone() },
            Self { monitoring: false, ..example.clone() },
            Self { ebs_optimized: false, ..example.clone() },
            root(|root| root.device = "/dev/sda1".to_owned()),
            root(|root| root.size = 40),
            root(|root| root.iops = Some(5000)),
            root(|root| root.throughput = Some(300)),
            root(|root| root.kms_key = None),
            root(|root| {
                *root = RootVolume { sort: VolumeType::Gp2, iops: None, throughput: None, ..root.clone() };
            }),
            root(|root| *root = RootVolume { encrypted: false, kms_key: None, ..root.clone() }),
            Self { require_metadata_token: false, ..example.clone() },
            Self { metadata_hops: 2, ..example.clone() },
            Self { instance_tags: BTreeSet::from([Tag::new("Name", "app"), Tag::new("team", "shop")]), ..example.clone() },
            Self { instance_tags: BTreeSet::new(), ..example.clone() },
            Self { volume_tags: BTreeSet::from([Tag::new("team", "shop")]), ..example.clone() },
            Self { volume_tags: BTreeSet::new(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        live::find(aws, which).await
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        live::create(self, aws, labels).await
    }

    async fn update(&self, aws: &Aws, id: &str, _: &Changed) -> Result<()> {
        live::update(self, aws, id).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        crate::tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        live::delete(aws, id).await
    }

    fn check(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let root = &self.root_volume;
        if root.kms_key.is_some() && !root.encrypted {
            flaws.push(Flaw::new("root_volume.kms_key", "is for an encrypted disk").hint("set `encrypted: true`"));
        }
        if root.throughput.is_some() && root.sort != VolumeType::Gp3 {
            flaws.push(Flaw::new("root_volume.throughput", "is for `gp3` alone").hint("set `type: gp3`"));
        }
        match root.sort {
            VolumeType::Gp2 if root.iops.is_some() => {
                flaws.push(Flaw::new("root_volume.iops", "a `gp2` disk's speed follows its size").hint("set `type: gp3`"));
            }
            VolumeType::Io1 | VolumeType::Io2 if root.iops.is_none() => {
                flaws.push(Flaw::new("root_volume.iops", "is needed for this type"));
            }
            _ => {}
        }
        for (path, tags) in [("instance_tags", &self.instance_tags), ("volume_tags", &self.volume_tags)] {
            flaws.extend(twice(path, tags));
        }
        flaws
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, revision: u32) -> Outputs {
        Outputs { id: id.to_owned(), version: revision.to_string() }
    }
}

/// Keys that are there more than once.
pub(super) fn twice(path: &str, tags: &BTreeSet<Tag>) -> Vec<Flaw> {
    let mut keys = BTreeSet::new();
    let again = tags.iter().enumerate().filter(|(_, tag)| !keys.insert(&tag.key));
    again.map(|(index, tag)| Flaw::new(format!("{path}.{index}.key"), format!("`{}` is there twice", tag.key))).collect()
}

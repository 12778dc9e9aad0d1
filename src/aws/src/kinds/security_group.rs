//! The `security-group` kind: the group and its rules.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self, Filter, ResourceType};
use engine::{Changed, Error, Flaw, Found, Impact, Kind, Labels, Phase, Query, Ref, Result, Risk, Timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vpc;
use crate::rule::{self, Peer, Rule};
use crate::{Already, Aws, Call, Deleted, Required, tags};

/// Who may reach what is in it, and whom that may reach.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// The network it is part of.
    pub vpc: Ref<Vpc>,
    /// What it is for.
    #[serde(default = "nameless")]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]+$"))]
    pub description: String,
    /// Who may reach it; nobody unless set.
    #[serde(default)]
    pub ingress: BTreeSet<Rule>,
    /// Whom it may reach; everybody over IPv4 unless set.
    #[serde(default = "everybody")]
    pub egress: BTreeSet<Rule>,
}

fn nameless() -> String {
    "Managed by Terrace".to_owned()
}

fn everybody() -> BTreeSet<Rule> {
    BTreeSet::from([Rule::everything(Peer::everywhere())])
}

/// What other resources may read from a live group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// The group's id.
    pub id: String,
}

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Kind for SecurityGroup {
    type Cloud = Aws;
    type Outputs = Outputs;

    const NAME: &'static str = "security-group";
    const FIXED: &'static [&'static str] = &["vpc", "description"];
    const UNMANAGED: &'static [(&'static str, &'static str)] =
        &[("GroupName", "is made of the stack, the environment and the name in the blueprint")];

    fn example() -> Self {
        let peer = |name: &str| Peer::SecurityGroup(Ref::to(name));
        Self {
            vpc: Ref::to("main"),
            description: "Application servers".to_owned(),
            ingress: BTreeSet::from([
                Rule::tcp(8080, peer("balancer")).described("the load balancer"),
                Rule::tcp(9100, Peer::Itself),
            ]),
            egress: BTreeSet::from([
                Rule::tcp(443, Peer::everywhere()).described("package and AWS endpoints"),
                Rule::tcp(3306, peer("database")),
            ]),
        }
    }

    fn variants() -> Vec<Self> {
        let example = Self::example();
        let mut described = example.clone();
        described.ingress = example.ingress.iter().cloned().map(|rule| rule.described("renamed")).collect();
        let ping = Rule::ping(Peer::Cidr("10.0.0.0/8".parse().expect("a range")));
        let ipv6 = Rule::tcp_range(8000, 8100, Peer::Cidr("2001:db8::/32".parse().expect("a range")));
        let all = Rule::everything(Peer::SecurityGroup(Ref::to("balancer")));
        vec![
            Self { ingress: BTreeSet::from([ping, ipv6]), ..example.clone() },
            Self { ingress: BTreeSet::from([all]), ..example.clone() },
            described,
            Self { ingress: BTreeSet::new(), ..example.clone() },
            Self { egress: everybody(), ..example.clone() },
            Self { egress: BTreeSet::new(), ..example },
        ]
    }

    async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Self>>> {
        let groups = describe(aws, tags::ec2::filter(which, "group-id")).await?;
        groups.iter().map(read).collect()
    }

    async fn create(&self, aws: &Aws, labels: &Labels) -> Result<String> {
        let name = labels.name(255);
        let create = aws
            .ec2
            .create_security_group()
            .vpc_id(self.vpc.id()?)
            .group_name(&name)
            .description(&self.description)
            .tag_specifications(tags::ec2::specification(ResourceType::SecurityGroup, labels));
        let id = match create.send().await.call("CreateSecurityGroup") {
            Ok(created) => created.group_id.required("GroupId")?,
            Err(Error::Service { code, .. }) if code == "InvalidGroup.Duplicate" => {
                self.twin(aws, &name, labels).await?
            }
            Err(error) => return Err(error),
        };
        // A group not known everywhere yet is left to the update.
        self.fill(aws, &id, &Changed(["ingress", "egress"].map(str::to_owned).into())).await.deleted()?;
        Ok(id)
    }

    async fn update(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        self.fill(aws, id, changed).await
    }

    async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        tags::ec2::label(aws, id, labels).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<()> {
        aws.ec2.delete_security_group().group_id(id).send().await.call("DeleteSecurityGroup").deleted()
    }

    fn check(&self) -> Vec<Flaw> {
        let ways = [("ingress", &self.ingress), ("egress", &self.egress)];
        ways.into_iter().flat_map(|(path, rules)| rule::flaws(path, rules)).collect()
    }

    fn impact(before: Option<&Self>, after: Option<&Self>) -> Vec<Impact> {
        let Some(after) = after else { return Vec::new() };
        let known: BTreeSet<_> = before.iter().flat_map(|before| &before.ingress).map(Rule::key).collect();
        let new = after.ingress.iter().filter(|rule| !known.contains(&rule.key()));
        // A new group is as its blueprint says; only a door to the whole internet is worth a line of its own.
        let telling = new.filter(|rule| before.is_some() || rule.peer.is_everybody());
        telling.map(|rule| Impact::new(Risk::Exposure, format!("{} may reach {}", rule.peer, rule.ports()))).collect()
    }

    fn timing() -> Timing {
        Timing::seconds(2, 2, 1)
    }

    fn simulate(&self, id: &str, _: u32) -> Outputs {
        Outputs { id: id.to_owned() }
    }
}

impl SecurityGroup {
    /// Makes the live rules as wanted: new ones first, so that what stays allowed is allowed all the time.
    async fn fill(&self, aws: &Aws, id: &str, changed: &Changed) -> Result<()> {
        let filter = tags::ec2::filter(Query::Ids(std::slice::from_ref(&id.to_owned())), "group-id");
        let live = read(describe(aws, filter).await?.first().ok_or(Error::NotFound)?)?.properties;
        let one = async |name: &str, way: Way, wanted: &BTreeSet<Rule>, live: &BTreeSet<Rule>| match changed.has(name) {
            true => turn(aws, id, way, wanted, live).await,
            false => Ok(()),
        };
        futures::try_join!(
            one("ingress", Way::In, &self.ingress, &live.ingress),
            one("egress", Way::Out, &self.egress, &live.egress),
        )
        .map(drop)
    }

    /// The group that has the name already, if it is the one being made.
    async fn twin(&self, aws: &Aws, name: &str, labels: &Labels) -> Result<String> {
        let filter = |key: &str, value: &str| Filter::builder().name(key).values(value).build();
        let describe = aws
            .ec2
            .describe_security_groups()
            .filters(filter("vpc-id", self.vpc.id()?))
            .filters(filter("group-name", name));
        let groups = describe.send().await.call("DescribeSecurityGroups")?.security_groups.unwrap_or_default();
        let group = groups.first().ok_or(Error::NotFound)?;
        match tags::adopt(group.group_id().required("GroupId")?, &tags::ec2::read(group.tags()), labels) {
            Err(Error::Foreign { owner, .. }) => Err(Error::Foreign { name: name.to_owned(), owner }),
            adopted => adopted,
        }
    }
}

/// Allows what is new, renames what is only described otherwise, then forbids what is not wanted.
async fn turn(aws: &Aws, id: &str, way: Way, wanted: &BTreeSet<Rule>, live: &BTreeSet<Rule>) -> Result<()> {
    let by_key = |rules: &BTreeSet<Rule>| -> BTreeMap<_, Rule> {
        rules.iter().map(|rule| (rule.key(), rule.clone())).collect()
    };
    let (wanted, live) = (by_key(wanted), by_key(live));
    let new = wanted.iter().filter(|(key, _)| !live.contains_key(*key)).map(|(_, rule)| rule);
    allow(aws, id, way, rule::permissions(id, new)?).await?;
    let renamed = wanted.iter().filter(|(key, rule)| {
        live.get(*key).is_some_and(|live| live.description != rule.description)
    });
    describe_rules(aws, id, way, rule::permissions(id, renamed.map(|(_, rule)| rule))?).await?;
    let gone = live.iter().filter(|(key, _)| !wanted.contains_key(*key)).map(|(_, rule)| rule);
    forbid(aws, id, way, rule::permissions(id, gone)?).await
}

/// One call for all of them; where one is there already, AWS refuses them all, and each gets a call of its own.
async fn allow(aws: &Aws, id: &str, way: Way, rules: Vec<types::IpPermission>) -> Result<()> {
    let once = async |rules: Vec<types::IpPermission>| match way {
        Way::In => {
            let allow = aws.ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
            allow.send().await.call("AuthorizeSecurityGroupIngress").map(drop)
        }
        Way::Out => {
            let allow = aws.ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(Some(rules));
            allow.send().await.call("AuthorizeSecurityGroupEgress").map(drop)
        }
    };
    if rules.is_empty() {
        return Ok(());
    }
    match once(rules.clone()).await {
        Err(Error::Service { code, .. }) if code == DUPLICATE => {
            for rule in rules {
                once(vec![rule]).await.already(&[DUPLICATE])?;
            }
            Ok(())
        }
        done => done,
    }
}

/// The code of a rule that is there already.
const DUPLICATE: &str = "InvalidPermission.Duplicate";

async fn forbid(aws: &Aws, id: &str, way: Way, rules: Vec<types::IpPermission>) -> Result<()> {
    let once = async |rules: Vec<types::IpPermission>| match way {
        Way::In => {
            let forbid = aws.ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(rules));
            forbid.send().await.call("RevokeSecurityGroupIngress").map(drop)
        }
        Way::Out => {
            let forbid = aws.ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(Some(rules));
            forbid.send().await.call("RevokeSecurityGroupEgress").map(drop)
        }
    };
    if rules.is_empty() {
        return Ok(());
    }
    match once(rules.clone()).await {
        Err(Error::NotFound) => {
            for rule in rules {
                once(vec![rule]).await.deleted()?;
            }
            Ok(())
        }
        done => done,
    }
}

async fn describe_rules(aws: &Aws, id: &str, way: Way, rules: Vec<types::IpPermission>) -> Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    match way {
        Way::In => {
            let update = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(id);
            let update = update.set_ip_permissions(Some(rules)).send().await;
            update.call("UpdateSecurityGroupRuleDescriptionsIngress").map(drop)
        }
        Way::Out => {
            let update = aws.ec2.update_security_group_rule_descriptions_egress().group_id(id);
            let update = update.set_ip_permissions(Some(rules)).send().await;
            update.call("UpdateSecurityGroupRuleDescriptionsEgress").map(drop)
        }
    }
}

async fn describe(aws: &Aws, filter: Filter) -> Result<Vec<types::SecurityGroup>> {
    let describe = aws.ec2.describe_security_groups().filters(filter);
    describe.into_paginator().items().send().try_collect().await.call("DescribeSecurityGroups")
}

fn read(group: &types::SecurityGroup) -> Result<Found<SecurityGroup>> {
    let id = group.group_id().required("GroupId")?;
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(group.tags()),
        properties: SecurityGroup {
            vpc: Ref::live(group.vpc_id().required("VpcId")?),
            description: group.description().required("Description")?.to_owned(),
            ingress: rule::read(id, group.ip_permissions())?,
            egress: rule::read(id, group.ip_permissions_egress())?,
        },
        outputs: Outputs { id: id.to_owned() },
        phase: Phase::Ready,
        note: None,
    })
}

//! The calls behind a listener: its certificates and its rules are calls of their own.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{self, Certificate, ProtocolEnum};
use engine::{Changed, Error, Found, Labels, Late, Phase, Query, Ref, Result, Tags};
use futures::future::try_join_all;

use super::{Action, Listener, ListenerRule, MODERN, Outputs, Protocol, rule};
use crate::kinds::load_balancer;
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// Properties of a listener that one call changes together.
const ITSELF: &[&str] = &["port", "protocol", "certificate", "tls_policy", "default_action"];

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Listener>>> {
    let listeners = match which {
        Query::Owned(owner) => {
            let balancers = load_balancer::live::candidates(aws, owner).await?;
            let each = balancers.iter().filter_map(|one| one.load_balancer_arn()).map(|arn| of(aws, arn));
            try_join_all(each).await?.into_iter().flatten().collect()
        }
        Query::Ids(ids) => {
            let pages = ids.chunks(tags::elb::PAGE).map(|page| lookup(page, |arns| describe(aws, arns)));
            try_join_all(pages).await?.into_iter().flatten().collect::<Vec<_>>()
        }
    };
    let arns: Vec<String> = listeners.iter().filter_map(|listener| listener.listener_arn.clone()).collect();
    let mut tags = tags::elb::read(aws, &arns).await?;
    if let Query::Owned(owner) = which {
        tags.retain(|_, tags| tags::owned(tags, owner));
    }
    let owned = listeners.iter().filter_map(|one| Some((one, tags.remove(one.listener_arn()?)?)));
    let found = try_join_all(owned.map(|(listener, tags)| read(aws, listener, tags))).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The listeners of a load balancer; none if it is gone.
async fn of(aws: &Aws, balancer: &str) -> Result<Vec<types::Listener>> {
    let pages = aws.elb.describe_listeners().load_balancer_arn(balancer).into_paginator().items().send();
    match pages.try_collect().await.call("DescribeListeners") {
        Err(Error::NotFound) => Ok(Vec::new()),
        listeners => listeners,
    }
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<types::Listener>> {
    let describe = aws.elb.describe_listeners().set_listener_arns(Some(arns));
    Ok(describe.send().await.call("DescribeListeners")?.listeners.unwrap_or_default())
}

pub(super) async fn create(wanted: &Listener, aws: &Aws, labels: &Labels) -> Result<String> {
    let balancer = wanted.load_balancer.id()?;
    let create = aws
        .elb
        .create_listener()
        .load_balancer_arn(balancer)
        .port(wanted.port.into())
        .protocol(wanted.protocol())
        .set_certificates(wanted.certificates()?)
        .set_ssl_policy(wanted.policy())
        .default_actions(wanted.default_action.write()?)
        .set_tags(Some(tags::elb::write(labels)));
    let arn = match create.send().await.call("CreateListener") {
        Ok(created) => {
            let listener = created.listeners.unwrap_or_default().pop();
            listener.and_then(|listener| listener.listener_arn).required("ListenerArn")?
        }
        Err(Error::Service { code, .. }) if code == "DuplicateListener" => twin(wanted, aws, labels).await?,
        Err(error) => return Err(error),
    };
    // A listener not known everywhere yet is left to the update.
    set_certificates(wanted, aws, &arn).await.deleted()?;
    set_rules(wanted, aws, &arn).await.deleted()?;
    Ok(arn)
}

/// The listener that has the port already, if it is the one being made.
async fn twin(wanted: &Listener, aws: &Aws, labels: &Labels) -> Result<String> {
    let listeners = of(aws, wanted.load_balancer.id()?).await?;
    let listener = listeners.into_iter().find(|listener| listener.port() == Some(wanted.port.into()));
    let arn = listener.and_then(|listener| listener.listener_arn).ok_or(Error::NotFound)?;
    let tags = tags::elb::read(aws, std::slice::from_ref(&arn)).await?.remove(&arn).unwrap_or_default();
    tags::adopt(&arn, &tags, labels)
}

pub(super) async fn update(wanted: &Listener, aws: &Aws, arn: &str, changed: &Changed) -> Result<()> {
    if changed.any(ITSELF) {
        let modify = aws
            .elb
            .modify_listener()
            .listener_arn(arn)
            .port(wanted.port.into())
            .protocol(wanted.protocol())
            .set_certificates(wanted.certificates()?)
            .set_ssl_policy(wanted.policy())
            .default_actions(wanted.default_action.write()?);
        modify.send().await.call("ModifyListener")?;
    }
    if changed.has("more_certificates") {
        set_certificates(wanted, aws, arn).await?;
    }
    if changed.has("rules") {
        set_rules(wanted, aws, arn).await?;
    }
    Ok(())
}

pub(super) async fn delete(aws: &Aws, arn: &str) -> Result<()> {
    aws.elb.delete_listener().listener_arn(arn).send().await.call("DeleteListener").deleted()
}

impl Listener {
    fn protocol(&self) -> ProtocolEnum {
        match self.protocol {
            Protocol::Http => ProtocolEnum::Http,
            Protocol::Https => ProtocolEnum::Https,
        }
    }

    /// The certificate clients are shown, the only one the calls that make and change a listener take.
    fn certificates(&self) -> Result<Option<Vec<Certificate>>> {
        let arn = self.certificate.as_ref().map(Late::get).transpose()?;
        Ok(arn.map(|arn| vec![Certificate::builder().certificate_arn(arn).build()]))
    }

    fn policy(&self) -> Option<String> {
        let modern = (self.protocol == Protocol::Https).then(|| MODERN.to_owned());
        self.tls_policy.clone().or(modern)
    }
}

/// Adds what is new, then removes what is not wanted.
async fn set_certificates(wanted: &Listener, aws: &Aws, arn: &str) -> Result<()> {
    let live = more_certificates(aws, arn).await?;
    let list = |arns: Vec<&String>| arns.iter().map(|arn| Certificate::builder().certificate_arn(*arn).build()).collect();
    let new: Vec<_> = wanted.more_certificates.difference(&live).collect();
    if !new.is_empty() {
        let add = aws.elb.add_listener_certificates().listener_arn(arn).set_certificates(Some(list(new)));
        add.send().await.call("AddListenerCertificates")?;
    }
    let gone: Vec<_> = live.difference(&wanted.more_certificates).collect();
    if !gone.is_empty() {
        let remove = aws.elb.remove_listener_certificates().listener_arn(arn).set_certificates(Some(list(gone)));
        remove.send().await.call("RemoveListenerCertificates")?;
    }
    Ok(())
}

async fn more_certificates(aws: &Aws, arn: &str) -> Result<BTreeSet<String>> {
    let pages = aws.elb.describe_listener_certificates().listener_arn(arn).into_paginator().items().send();
    let all: Vec<Certificate> = pages.try_collect().await.call("DescribeListenerCertificates")?;
    let others = all.into_iter().filter(|certificate| !certificate.is_default().unwrap_or_default());
    Ok(others.filter_map(|certificate| certificate.certificate_arn).collect())
}

async fn rules(aws: &Aws, arn: &str) -> Result<Vec<types::Rule>> {
    let pages = aws.elb.describe_rules().listener_arn(arn).into_paginator().items().send();
    pages.try_collect().await.call("DescribeRules")
}

/// Makes and changes the wanted rules, then deletes the others: what is still wanted is followed all the time.
async fn set_rules(wanted: &Listener, aws: &Aws, listener: &str) -> Result<()> {
    let live = rules(aws, listener).await?;
    let live: BTreeMap<u16, (&str, ListenerRule)> = live
        .iter()
        .filter_map(|one| rule::read(one).map(|read| (read.priority, (one.rule_arn().unwrap_or_default(), read))))
        .collect();
    for rule in &wanted.rules {
        let conditions = Some(rule.conditions.iter().map(|condition| condition.write()).collect());
        match live.get(&rule.priority) {
            Some((_, live)) if live == rule => {}
            Some((arn, _)) => {
                let modify = aws.elb.modify_rule().rule_arn(*arn).set_conditions(conditions);
                modify.actions(rule.action.write()?).send().await.call("ModifyRule")?;
            }
            None => {
                let create = aws.elb.create_rule().listener_arn(listener).priority(rule.priority.into());
                let create = create.set_conditions(conditions).actions(rule.action.write()?);
                create.send().await.call("CreateRule")?;
            }
        }
    }
    let kept: BTreeSet<u16> = wanted.rules.iter().map(|rule| rule.priority).collect();
    for (arn, _) in live.iter().filter(|(priority, _)| !kept.contains(priority)).map(|(_, rule)| rule) {
        aws.elb.delete_rule().rule_arn(*arn).send().await.call("DeleteRule").deleted()?;
    }
    Ok(())
}

/// `None` for a listener that went away between the listing and its rules.
async fn read(aws: &Aws, listener: &types::Listener, tags: Tags) -> Result<Option<Found<Listener>>> {
    let arn = listener.listener_arn().required("ListenerArn")?;
    let encrypted = listener.protocol() == Some(&ProtocolEnum::Https);
    let certificates = async {
        match encrypted {
            true => more_certificates(aws, arn).await,
            false => Ok(BTreeSet::new()),
        }
    };
    let (rules, more_certificates) = match futures::try_join!(rules(aws, arn), certificates) {
        Ok(both) => both,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let certificate = listener.certificates().first().and_then(|certificate| certificate.certificate_arn());
    Ok(Some(Found {
        id: arn.to_owned(),
        tags,
        properties: Listener {
            load_balancer: Ref::live(listener.load_balancer_arn().required("LoadBalancerArn")?),
            port: listener.port().and_then(|port| port.try_into().ok()).required("Port")?,
            protocol: if encrypted { Protocol::Https } else { Protocol::Http },
            certificate: certificate.map(|arn| Late::Known(arn.to_owned())),
            more_certificates,
            tls_policy: encrypted.then(|| listener.ssl_policy().unwrap_or_default().to_owned()),
            default_action: Action::read(listener.default_actions()),
            rules: rules.iter().filter_map(rule::read).collect(),
        },
        outputs: Outputs { id: arn.to_owned() },
        phase: Phase::Ready,
        note: None,
    }))
}

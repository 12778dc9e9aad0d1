//! The calls behind a load balancer.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    self, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
};
use engine::{Changed, Error, Found, Labels, Owner, Phase, Query, Ref, Result, Tags};
use futures::future::try_join_all;

use super::{LoadBalancer, Outputs, Scheme, attributes};
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// Names of load balancers have 32 characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
const NAME_LIMIT: usize = 32;

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<LoadBalancer>>> {
    let balancers = match which {
        Query::Owned(owner) => candidates(aws, owner).await?,
        Query::Ids(ids) => {
            let pages = ids.chunks(tags::elb::PAGE).map(|page| lookup(page, |arns| describe(aws, arns)));
            try_join_all(pages).await?.into_iter().flatten().collect()
        }
    };
    let arns: Vec<String> = balancers.iter().filter_map(|balancer| balancer.load_balancer_arn.clone()).collect();
    let mut tags = tags::elb::read(aws, &arns).await?;
    if let Query::Owned(owner) = which {
        tags.retain(|_, tags| tags::owned(tags, owner));
    }
    let owned = balancers.iter().filter_map(|one| Some((one, tags.remove(one.load_balancer_arn()?)?)));
    let found = try_join_all(owned.map(|(balancer, tags)| read(aws, balancer, tags))).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Application load balancers whose name may be the owner's.
pub(crate) async fn candidates(aws: &Aws, owner: &Owner) -> Result<Vec<types::LoadBalancer>> {
    let pages = aws.elb.describe_load_balancers().into_paginator().items().send();
    let all: Vec<types::LoadBalancer> = pages.try_collect().await.call("DescribeLoadBalancers")?;
    let fits = |balancer: &types::LoadBalancer| {
        balancer.r#type() == Some(&LoadBalancerTypeEnum::Application)
            && balancer.load_balancer_name().is_some_and(|name| tags::may_own(owner, name, NAME_LIMIT))
    };
    Ok(all.into_iter().filter(fits).collect())
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<types::LoadBalancer>> {
    let describe = aws.elb.describe_load_balancers().set_load_balancer_arns(Some(arns));
    Ok(describe.send().await.call("DescribeLoadBalancers")?.load_balancers.unwrap_or_default())
}

pub(super) async fn create(wanted: &LoadBalancer, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT);
    let create = aws
        .elb
        .create_load_balancer()
        .name(&name)
        .r#type(LoadBalancerTypeEnum::Application)
        .scheme(match wanted.scheme {
            Scheme::InternetFacing => LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => LoadBalancerSchemeEnum::Internal,
        })
        .set_subnets(Some(wanted.subnet_ids()?))
        .set_security_groups(Some(wanted.group_ids()?))
        .set_tags(Some(tags::elb::write(labels)));
    let arn = match create.send().await.call("CreateLoadBalancer") {
        Ok(created) => {
            let balancer = created.load_balancers.unwrap_or_default().pop();
            balancer.and_then(|balancer| balancer.load_balancer_arn).required("LoadBalancerArn")?
        }
        Err(Error::Service { code, .. }) if code == "DuplicateLoadBalancerName" => twin(aws, &name, labels).await?,
        Err(error) => return Err(error),
    };
    // A load balancer not known everywhere yet is left to the update.
    set_attributes(wanted, aws, &arn, attributes::PROPERTIES).await.deleted()?;
    Ok(arn)
}

/// The load balancer that has the name already, if it is the one being made.
async fn twin(aws: &Aws, name: &str, labels: &Labels) -> Result<String> {
    let described = aws.elb.describe_load_balancers().names(name).send().await.call("DescribeLoadBalancers")?;
    let balancer = described.load_balancers.unwrap_or_default().pop().ok_or(Error::NotFound)?;
    let arn = balancer.load_balancer_arn.required("LoadBalancerArn")?;
    let tags = tags::elb::read(aws, std::slice::from_ref(&arn)).await?.remove(&arn).unwrap_or_default();
    tags::adopt(&arn, &tags, labels)
}

pub(super) async fn update(wanted: &LoadBalancer, aws: &Aws, arn: &str, changed: &Changed) -> Result<()> {
    // Protection first: what follows may have to wait.
    let due: Vec<&str> = attributes::PROPERTIES.iter().copied().filter(|property| changed.has(property)).collect();
    if !due.is_empty() {
        set_attributes(wanted, aws, arn, &due).await?;
    }
    if changed.has("security_groups") {
        let set = aws.elb.set_security_groups().load_balancer_arn(arn);
        set.set_security_groups(Some(wanted.group_ids()?)).send().await.call("SetSecurityGroups")?;
    }
    if changed.has("subnets") {
        let set = aws.elb.set_subnets().load_balancer_arn(arn);
        set.set_subnets(Some(wanted.subnet_ids()?)).send().await.call("SetSubnets")?;
    }
    Ok(())
}

async fn set_attributes(wanted: &LoadBalancer, aws: &Aws, arn: &str, properties: &[&str]) -> Result<()> {
    let modify = aws.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
    let modify = modify.set_attributes(Some(attributes::write(wanted, properties)));
    modify.send().await.call("ModifyLoadBalancerAttributes").map(drop)
}

pub(super) async fn delete(aws: &Aws, arn: &str) -> Result<()> {
    aws.elb.delete_load_balancer().load_balancer_arn(arn).send().await.call("DeleteLoadBalancer").deleted()
}

impl LoadBalancer {
    fn subnet_ids(&self) -> Result<Vec<String>> {
        self.subnets.iter().map(|subnet| subnet.id().map(str::to_owned)).collect()
    }

    fn group_ids(&self) -> Result<Vec<String>> {
        self.security_groups.iter().map(|group| group.id().map(str::to_owned)).collect()
    }
}

/// `None` for a load balancer that went away between the listing and its attributes.
async fn read(aws: &Aws, balancer: &types::LoadBalancer, tags: Tags) -> Result<Option<Found<LoadBalancer>>> {
    let arn = balancer.load_balancer_arn().required("LoadBalancerArn")?;
    let describe = aws.elb.describe_load_balancer_attributes().load_balancer_arn(arn);
    let listed: BTreeMap<String, String> = match describe.send().await.call("DescribeLoadBalancerAttributes") {
        Ok(described) => {
            let pairs = described.attributes.unwrap_or_default().into_iter();
            pairs.filter_map(|attribute| Some((attribute.key?, attribute.value?))).collect()
        }
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let state = balancer.state();
    let reason = state.and_then(|state| state.reason()).map(str::to_owned);
    let zones = balancer.availability_zones().iter().filter_map(|zone| zone.subnet_id());
    let live = LoadBalancer {
        scheme: match balancer.scheme() {
            Some(LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
            _ => Scheme::InternetFacing,
        },
        subnets: zones.map(Ref::live).collect(),
        security_groups: balancer.security_groups().iter().map(|id| Ref::live(id)).collect(),
        // The rest are attributes.
        ..<LoadBalancer as engine::Kind>::example()
    };
    Ok(Some(Found {
        id: arn.to_owned(),
        tags,
        properties: attributes::read(&listed, live),
        outputs: Outputs {
            id: arn.to_owned(),
            dns_name: balancer.dns_name().unwrap_or_default().to_owned(),
            zone_id: balancer.canonical_hosted_zone_id().unwrap_or_default().to_owned(),
            full_name: arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name).to_owned(),
        },
        phase: match state.and_then(|state| state.code()) {
            Some(LoadBalancerStateEnum::Provisioning) => Phase::Pending,
            Some(LoadBalancerStateEnum::Failed) => {
                Phase::Failed(reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned()))
            }
            // An impaired one works, with less capacity than it should have.
            _ => Phase::Ready,
        },
        note: reason,
    }))
}

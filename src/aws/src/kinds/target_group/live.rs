//! The calls behind a target group.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    self, Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum,
};
use engine::{Changed, Error, Found, Labels, Phase, Query, Ref, Result, Tags};
use futures::future::try_join_all;

use super::{Algorithm, HealthCheck, Outputs, Protocol, Stickiness, TargetGroup, TargetType, Version};
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// Names of target groups have 32 characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const NAME_LIMIT: usize = 32;

/// Properties that are attributes to AWS.
const ATTRIBUTES: &[&str] = &["deregistration_delay", "slow_start", "algorithm", "stickiness"];

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<TargetGroup>>> {
    let groups = match which {
        Query::Owned(owner) => {
            let all: Vec<types::TargetGroup> = aws
                .elb
                .describe_target_groups()
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .call("DescribeTargetGroups")?;
            let may_own = |group: &types::TargetGroup| {
                group.target_group_name().is_some_and(|name| tags::may_own(owner, name, NAME_LIMIT))
            };
            all.into_iter().filter(may_own).collect()
        }
        Query::Ids(ids) => by_id(aws, ids).await?,
    };
    let arns: Vec<String> = groups.iter().filter_map(|group| group.target_group_arn.clone()).collect();
    let mut tags = tags::elb::read(aws, &arns).await?;
    if let Query::Owned(owner) = which {
        tags.retain(|_, tags| tags::owned(tags, owner));
    }
    let groups = groups.iter().filter_map(|group| Some((group, tags.remove(group.target_group_arn()?)?)));
    let found = try_join_all(groups.map(|(group, tags)| read(aws, group, tags))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn by_id(aws: &Aws, ids: &[String]) -> Result<Vec<types::TargetGroup>> {
    let pages = ids.chunks(tags::elb::PAGE).map(|page| lookup(page, |arns| describe(aws, arns)));
    Ok(try_join_all(pages).await?.into_iter().flatten().collect())
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<types::TargetGroup>> {
    let describe = aws.elb.describe_target_groups().set_target_group_arns(Some(arns));
    Ok(describe.send().await.call("DescribeTargetGroups")?.target_groups.unwrap_or_default())
}

pub(super) async fn create(wanted: &TargetGroup, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT);
    let health = &wanted.health_check;
    let create = aws
        .elb
        .create_target_group()
        .name(&name)
        .vpc_id(wanted.vpc.id()?)
        .port(wanted.port.into())
        .protocol(protocol(wanted.protocol))
        .protocol_version(match wanted.protocol_version {
            Version::Http1 => "HTTP1",
            Version::Http2 => "HTTP2",
            Version::Grpc => "GRPC",
        })
        .target_type(match wanted.target_type {
            TargetType::Instance => TargetTypeEnum::Instance,
            TargetType::Ip => TargetTypeEnum::Ip,
        })
        .health_check_path(&health.path)
        .health_check_port(&health.port)
        .health_check_protocol(protocol(health.protocol))
        .health_check_interval_seconds(health.interval)
        .health_check_timeout_seconds(health.timeout)
        .healthy_threshold_count(health.healthy)
        .unhealthy_threshold_count(health.unhealthy)
        .matcher(matcher(wanted))
        .set_tags(Some(tags::elb::write(labels)));
    let arn = match create.send().await.call("CreateTargetGroup") {
        Ok(created) => {
            let group = created.target_groups.unwrap_or_default().pop();
            group.and_then(|group| group.target_group_arn).required("TargetGroupArn")?
        }
        Err(Error::Service { code, .. }) if code == "DuplicateTargetGroupName" => twin(aws, &name, labels).await?,
        Err(error) => return Err(error),
    };
    // A group not known everywhere yet is left to the update.
    set_attributes(wanted, aws, &arn).await.deleted()?;
    Ok(arn)
}

/// The group that has the name already, if it is the one being made.
async fn twin(aws: &Aws, name: &str, labels: &Labels) -> Result<String> {
    let described = aws.elb.describe_target_groups().names(name).send().await.call("DescribeTargetGroups")?;
    let group = described.target_groups.unwrap_or_default().pop().ok_or(Error::NotFound)?;
    let arn = group.target_group_arn.required("TargetGroupArn")?;
    let tags = tags::elb::read(aws, std::slice::from_ref(&arn)).await?.remove(&arn).unwrap_or_default();
    tags::adopt(&arn, &tags, labels)
}

pub(super) async fn update(wanted: &TargetGroup, aws: &Aws, arn: &str, changed: &Changed) -> Result<()> {
    if changed.has("health_check") {
        let health = &wanted.health_check;
        let modify = aws
            .elb
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_path(&health.path)
            .health_check_port(&health.port)
            .health_check_protocol(protocol(health.protocol))
            .health_check_interval_seconds(health.interval)
            .health_check_timeout_seconds(health.timeout)
            .healthy_threshold_count(health.healthy)
            .unhealthy_threshold_count(health.unhealthy)
            .matcher(matcher(wanted));
        modify.send().await.call("ModifyTargetGroup")?;
    }
    if changed.any(ATTRIBUTES) {
        set_attributes(wanted, aws, arn).await?;
    }
    Ok(())
}

pub(super) async fn delete(aws: &Aws, arn: &str) -> Result<()> {
    aws.elb.delete_target_group().target_group_arn(arn).send().await.call("DeleteTargetGroup").deleted()
}

fn protocol(protocol: Protocol) -> ProtocolEnum {
    match protocol {
        Protocol::Http => ProtocolEnum::Http,
        Protocol::Https => ProtocolEnum::Https,
    }
}

fn matcher(wanted: &TargetGroup) -> Matcher {
    let codes = &wanted.health_check.codes;
    match wanted.protocol_version {
        Version::Grpc => Matcher::builder().grpc_code(codes),
        Version::Http1 | Version::Http2 => Matcher::builder().http_code(codes),
    }
    .build()
}

async fn set_attributes(wanted: &TargetGroup, aws: &Aws, arn: &str) -> Result<()> {
    let mut attributes = vec![
        ("deregistration_delay.timeout_seconds", wanted.deregistration_delay.to_string()),
        ("slow_start.duration_seconds", wanted.slow_start.to_string()),
        ("load_balancing.algorithm.type", algorithm(wanted.algorithm).to_owned()),
        ("stickiness.enabled", wanted.stickiness.is_some().to_string()),
    ];
    match &wanted.stickiness {
        Some(Stickiness { cookie: Some(cookie), duration }) => attributes.extend([
            ("stickiness.type", "app_cookie".to_owned()),
            ("stickiness.app_cookie.cookie_name", cookie.clone()),
            ("stickiness.app_cookie.duration_seconds", duration.to_string()),
        ]),
        Some(Stickiness { cookie: None, duration }) => attributes.extend([
            ("stickiness.type", "lb_cookie".to_owned()),
            ("stickiness.lb_cookie.duration_seconds", duration.to_string()),
        ]),
        None => {}
    }
    let attributes = attributes.into_iter().map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build());
    let modify = aws.elb.modify_target_group_attributes().target_group_arn(arn).set_attributes(Some(attributes.collect()));
    modify.send().await.call("ModifyTargetGroupAttributes").map(drop)
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "round_robin",
        Algorithm::LeastOutstandingRequests => "least_outstanding_requests",
        Algorithm::WeightedRandom => "weighted_random",
    }
}

/// `None` for a group that went away between the listing and its attributes.
async fn read(aws: &Aws, group: &types::TargetGroup, tags: Tags) -> Result<Option<Found<TargetGroup>>> {
    let arn = group.target_group_arn().required("TargetGroupArn")?;
    let describe = aws.elb.describe_target_group_attributes().target_group_arn(arn);
    let attributes: BTreeMap<String, String> = match describe.send().await.call("DescribeTargetGroupAttributes") {
        Ok(described) => {
            let pairs = described.attributes.unwrap_or_default().into_iter();
            pairs.filter_map(|attribute| Some((attribute.key?, attribute.value?))).collect()
        }
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let full_name = arn.split_once(":targetgroup/").map_or(arn, |(_, name)| name);
    Ok(Some(Found {
        id: arn.to_owned(),
        tags,
        properties: properties(group, &attributes)?,
        outputs: Outputs { id: arn.to_owned(), full_name: format!("targetgroup/{full_name}") },
        phase: Phase::Ready,
        note: None,
    }))
}

fn properties(group: &types::TargetGroup, attributes: &BTreeMap<String, String>) -> Result<TargetGroup> {
    let spoken = |protocol: Option<&ProtocolEnum>| match protocol {
        Some(ProtocolEnum::Https) => Protocol::Https,
        _ => Protocol::Http,
    };
    let text = |key: &str| attributes.get(key).map(String::as_str);
    let number = |key: &str, otherwise: u32| text(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    let app = text("stickiness.type") == Some("app_cookie");
    let sticky = match app {
        true => Stickiness {
            cookie: text("stickiness.app_cookie.cookie_name").map(str::to_owned),
            duration: number("stickiness.app_cookie.duration_seconds", super::day()),
        },
        false => Stickiness { cookie: None, duration: number("stickiness.lb_cookie.duration_seconds", super::day()) },
    };
    let codes = group.matcher().and_then(|matcher| matcher.http_code().or(matcher.grpc_code()));
    Ok(TargetGroup {
        vpc: Ref::live(group.vpc_id().required("VpcId")?),
        port: group.port().and_then(|port| port.try_into().ok()).required("Port")?,
        protocol: spoken(group.protocol()),
        protocol_version: match group.protocol_version() {
            Some("HTTP2") => Version::Http2,
            Some("GRPC") => Version::Grpc,
            _ => Version::Http1,
        },
        target_type: match group.target_type() {
            Some(TargetTypeEnum::Ip) => TargetType::Ip,
            _ => TargetType::Instance,
        },
        health_check: HealthCheck {
            path: group.health_check_path().unwrap_or_default().to_owned(),
            port: group.health_check_port().unwrap_or_default().to_owned(),
            protocol: spoken(group.health_check_protocol()),
            interval: group.health_check_interval_seconds().unwrap_or_default(),
            timeout: group.health_check_timeout_seconds().unwrap_or_default(),
            healthy: group.healthy_threshold_count().unwrap_or_default(),
            unhealthy: group.unhealthy_threshold_count().unwrap_or_default(),
            codes: codes.unwrap_or_default().to_owned(),
        },
        deregistration_delay: number("deregistration_delay.timeout_seconds", super::five_minutes()),
        slow_start: number("slow_start.duration_seconds", 0),
        algorithm: match text("load_balancing.algorithm.type") {
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            _ => Algorithm::RoundRobin,
        },
        stickiness: (text("stickiness.enabled") == Some("true")).then_some(sticky),
    })
}

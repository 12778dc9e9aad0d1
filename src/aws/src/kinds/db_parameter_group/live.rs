//! The calls behind a parameter group.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{self, ApplyMethod, Parameter};
use engine::{Changed, Error, Found, Labels, Phase, Query, Result, Tags};
use futures::future::try_join_all;

use super::{DbParameterGroup, Outputs, Setting};
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// Names of parameter groups have 255 characters.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html>
const NAME_LIMIT: usize = 255;
/// How many settings one call may change.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html>
const PAGE: usize = 20;

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<DbParameterGroup>>> {
    let groups = match which {
        Query::Owned(owner) => {
            let all = describe(aws, None).await?;
            all.into_iter().filter(|group| tags::may_own(owner, name(group), NAME_LIMIT)).collect()
        }
        Query::Ids(ids) => lookup(ids, |ids| each(aws, ids)).await?,
    };
    let found = try_join_all(groups.iter().map(|group| read(aws, group))).await?.into_iter().flatten();
    Ok(match which {
        Query::Owned(owner) => found.filter(|found| tags::owned(&found.tags, owner)).collect(),
        Query::Ids(_) => found.collect(),
    })
}

fn name(group: &types::DbParameterGroup) -> &str {
    group.db_parameter_group_name().unwrap_or_default()
}

async fn describe(aws: &Aws, name: Option<&str>) -> Result<Vec<types::DbParameterGroup>> {
    let describe = aws.rds.describe_db_parameter_groups().set_db_parameter_group_name(name.map(str::to_owned));
    describe.into_paginator().items().send().try_collect().await.call("DescribeDBParameterGroups")
}

/// The call takes one name at a time.
async fn each(aws: &Aws, names: Vec<String>) -> Result<Vec<types::DbParameterGroup>> {
    let groups = names.iter().map(|name| describe(aws, Some(name)));
    Ok(try_join_all(groups).await?.into_iter().flatten().collect())
}

/// A group's parameters: those somebody set, or all.
async fn parameters(aws: &Aws, group: &str, source: Option<&str>) -> Result<Vec<Parameter>> {
    let describe = aws.rds.describe_db_parameters().db_parameter_group_name(group);
    let describe = describe.set_source(source.map(str::to_owned));
    describe.into_paginator().items().send().try_collect().await.call("DescribeDBParameters")
}

async fn settings(aws: &Aws, group: &str) -> Result<BTreeSet<Setting>> {
    let set = parameters(aws, group, Some("user")).await?.into_iter();
    Ok(set.filter_map(|one| Some(Setting { name: one.parameter_name?, value: one.parameter_value? })).collect())
}

pub(super) async fn create(wanted: &DbParameterGroup, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT).to_ascii_lowercase();
    let create = aws
        .rds
        .create_db_parameter_group()
        .db_parameter_group_name(&name)
        .db_parameter_group_family(&wanted.family)
        .description(&wanted.description)
        .set_tags(Some(tags::rds::write(labels)));
    match create.send().await.call("CreateDBParameterGroup") {
        Ok(_) => {}
        Err(Error::Service { code, .. }) if code.starts_with("DBParameterGroupAlreadyExists") => {
            let group = describe(aws, Some(&name)).await?.pop().ok_or(Error::NotFound)?;
            let live = tags::rds::list(aws, group.db_parameter_group_arn().required("DBParameterGroupArn")?).await?;
            tags::adopt(&name, &live, labels)?;
        }
        Err(error) => return Err(error),
    }
    // A group not known everywhere yet is left to the update.
    set(wanted, aws, &name).await.deleted()?;
    Ok(name)
}

pub(super) async fn update(wanted: &DbParameterGroup, aws: &Aws, name: &str, changed: &Changed) -> Result<()> {
    match changed.has("parameters") {
        true => set(wanted, aws, name).await,
        false => Ok(()),
    }
}

/// Sets what is new or changed, then gives the rest back to the engine.
async fn set(wanted: &DbParameterGroup, aws: &Aws, group: &str) -> Result<()> {
    let live = settings(aws, group).await?;
    let due: Vec<&Setting> = wanted.parameters.difference(&live).collect();
    let kept: BTreeSet<&String> = wanted.parameters.iter().map(|setting| &setting.name).collect();
    let gone: Vec<&Setting> = live.iter().filter(|setting| !kept.contains(&setting.name)).collect();
    if due.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let methods = methods(aws, group).await?;
    let method = |name: &str| methods.get(name).cloned().unwrap_or(ApplyMethod::PendingReboot);
    for page in due.chunks(PAGE) {
        let parameter = |setting: &&Setting| {
            let parameter = Parameter::builder().parameter_name(&setting.name).parameter_value(&setting.value);
            parameter.apply_method(method(&setting.name)).build()
        };
        let modify = aws.rds.modify_db_parameter_group().db_parameter_group_name(group);
        let modify = modify.set_parameters(Some(page.iter().map(parameter).collect()));
        modify.send().await.call("ModifyDBParameterGroup")?;
    }
    for page in gone.chunks(PAGE) {
        let parameter = |setting: &&Setting| {
            Parameter::builder().parameter_name(&setting.name).apply_method(method(&setting.name)).build()
        };
        let reset = aws.rds.reset_db_parameter_group().db_parameter_group_name(group).reset_all_parameters(false);
        let reset = reset.set_parameters(Some(page.iter().map(parameter).collect()));
        reset.send().await.call("ResetDBParameterGroup")?;
    }
    Ok(())
}

/// How each setting is applied: at once where the engine can (`dynamic`). AWS refuses that for the others, and does not
/// keep what was asked for, so there is nothing for a blueprint to say.
async fn methods(aws: &Aws, group: &str) -> Result<BTreeMap<String, ApplyMethod>> {
    let all = parameters(aws, group, None).await?.into_iter();
    let method = |parameter: Parameter| {
        let method = match parameter.apply_type() {
            Some("dynamic") => ApplyMethod::Immediate,
            _ => ApplyMethod::PendingReboot,
        };
        Some((parameter.parameter_name?, method))
    };
    Ok(all.filter_map(method).collect())
}

pub(super) async fn label(aws: &Aws, name: &str, labels: &Labels) -> Result<()> {
    let group = describe(aws, Some(name)).await?.pop().ok_or(Error::NotFound)?;
    tags::rds::label(aws, group.db_parameter_group_arn().required("DBParameterGroupArn")?, labels).await
}

pub(super) async fn delete(aws: &Aws, name: &str) -> Result<()> {
    let delete = aws.rds.delete_db_parameter_group().db_parameter_group_name(name);
    delete.send().await.call("DeleteDBParameterGroup").deleted()
}

/// `None` for a group that went away between the listing and its settings.
async fn read(aws: &Aws, group: &types::DbParameterGroup) -> Result<Option<Found<DbParameterGroup>>> {
    let id = name(group).to_owned();
    let arn = group.db_parameter_group_arn().required("DBParameterGroupArn")?;
    let (tags, parameters): (Tags, _) = match futures::try_join!(tags::rds::list(aws, arn), settings(aws, &id)) {
        Ok(both) => both,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Found {
        tags,
        properties: DbParameterGroup {
            family: group.db_parameter_group_family().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            parameters,
        },
        outputs: Outputs { id: id.clone() },
        id,
        phase: Phase::Ready,
        note: None,
    }))
}

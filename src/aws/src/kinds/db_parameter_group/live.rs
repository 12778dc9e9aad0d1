//! Reads a parameter group and makes its parameters as wanted.

use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as Live, Parameter};
use engine::{Error, Found, Result};

use super::{DbParameterGroup, Parameters};
use crate::{Aws, Call, Required, tags};

/// How many parameters one call may change.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html>
const BATCH: usize = 20;

/// Every group of the account.
pub(super) async fn list(aws: &Aws) -> Result<Vec<Live>> {
    let describe = aws.rds.describe_db_parameter_groups();
    describe.into_paginator().items().send().try_collect().await.call("DescribeDBParameterGroups")
}

/// One group. The call takes one name and no filter, and fails when there is none of it.
pub(super) async fn one(aws: &Aws, name: &str) -> Result<Option<Live>> {
    let describe = aws.rds.describe_db_parameter_groups().db_parameter_group_name(name);
    match describe.send().await.call("DescribeDBParameterGroups") {
        Ok(described) => Ok(described.db_parameter_groups.unwrap_or_default().pop()),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` for a group that went away between the listing and its details.
pub(super) async fn read(aws: &Aws, group: &Live) -> Result<Option<Found<DbParameterGroup>>> {
    let name = group.db_parameter_group_name().required("DBParameterGroupName")?;
    let arn = group.db_parameter_group_arn().required("DBParameterGroupArn")?;
    match futures::try_join!(set_by_user(aws, name), tags::rds::live(aws, arn)) {
        Ok((parameters, tags)) => super::found(group, parameters, tags).map(Some),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets what is wanted and not so, then resets what is set and not wanted.
pub(super) async fn fill(aws: &Aws, name: &str, wanted: &Parameters) -> Result<()> {
    let live = set_by_user(aws, name).await?;
    let new = wanted.0.iter().filter(|(key, value)| live.0.get(*key) != Some(*value));
    let new: Vec<(&String, Option<&String>)> = new.map(|(key, value)| (key, Some(value))).collect();
    let old: Vec<_> = live.0.keys().filter(|key| !wanted.0.contains_key(*key)).map(|key| (key, None)).collect();
    if new.is_empty() && old.is_empty() {
        return Ok(());
    }
    let methods = methods(aws, name, new.iter().chain(&old).map(|(key, _)| key.as_str()).collect()).await?;
    for batch in new.chunks(BATCH) {
        let modify = aws.rds.modify_db_parameter_group().db_parameter_group_name(name);
        let modify = modify.set_parameters(Some(parameters(batch, &methods)?));
        modify.send().await.call("ModifyDBParameterGroup")?;
    }
    for batch in old.chunks(BATCH) {
        let reset = aws.rds.reset_db_parameter_group().db_parameter_group_name(name).reset_all_parameters(false);
        let reset = reset.set_parameters(Some(parameters(batch, &methods)?));
        reset.send().await.call("ResetDBParameterGroup")?;
    }
    Ok(())
}

/// The parameters that do not have the engine's own value.
async fn set_by_user(aws: &Aws, name: &str) -> Result<Parameters> {
    let describe = aws.rds.describe_db_parameters().db_parameter_group_name(name).source("user");
    let found = describe.into_paginator().items().send().try_collect().await.call("DescribeDBParameters")?;
    let pairs = found.into_iter().filter_map(|parameter| Some((parameter.parameter_name?, parameter.parameter_value?)));
    Ok(Parameters(pairs.collect()))
}

/// When a change of each parameter may take effect, by name.
type Methods = std::collections::BTreeMap<String, ApplyMethod>;

/// A parameter the engine reads only when it starts (`static`) can change at a reboot alone.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html>
async fn methods(aws: &Aws, name: &str, wanted: Vec<&str>) -> Result<Methods> {
    let mut methods = Methods::new();
    let mut pages = aws.rds.describe_db_parameters().db_parameter_group_name(name).into_paginator().send();
    while let Some(page) = pages.next().await {
        for parameter in page.call("DescribeDBParameters")?.parameters.unwrap_or_default() {
            let Some(name) = parameter.parameter_name.filter(|name| wanted.contains(&name.as_str())) else { continue };
            let method = match parameter.apply_type.as_deref() {
                Some("dynamic") => ApplyMethod::Immediate,
                _ => ApplyMethod::PendingReboot,
            };
            methods.insert(name, method);
        }
        if methods.len() == wanted.len() {
            break;
        }
    }
    Ok(methods)
}

fn parameters(batch: &[(&String, Option<&String>)], methods: &Methods) -> Result<Vec<Parameter>> {
    let one = |(name, value): &(&String, Option<&String>)| {
        let unknown = || Error::Invalid(format!("the engine has no parameter `{name}`"));
        let method = methods.get(*name).ok_or_else(unknown)?;
        let parameter = Parameter::builder().parameter_name(*name).apply_method(method.clone());
        Ok(parameter.set_parameter_value(value.map(String::clone)).build())
    };
    batch.iter().map(one).collect()
}

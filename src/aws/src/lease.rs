//! Lease records as Systems Manager parameters: creating one without `Overwrite` succeeds for one caller only.

use aws_sdk_ssm::types::ParameterType;
use engine::lease::{LeaseStore, Record};
use engine::{Error, Owner, Result};
use futures::future::{BoxFuture, FutureExt};

use crate::{Aws, Call};

/// Keeps lease records in the parameters `/terrace/<stack>/<environment>/lease/<number>` of the primary site.
#[derive(Clone, Debug)]
pub struct Leases(pub Aws);

fn folder(owner: &Owner) -> String {
    format!("/terrace/{owner}/lease")
}

fn path(owner: &Owner, number: u32) -> String {
    format!("{}/{number}", folder(owner))
}

impl Leases {
    async fn put(&self, owner: &Owner, number: u32, record: &Record, overwrite: bool) -> Result<()> {
        let text = serde_json::to_string(record).map_err(|error| Error::Invalid(error.to_string()))?;
        let put = self.0.ssm.put_parameter().name(path(owner, number)).value(text).overwrite(overwrite);
        put.r#type(ParameterType::String).send().await.call("PutParameter").map(drop)
    }
}

impl LeaseStore for Leases {
    fn read<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<(u32, Record)>>> {
        async move {
            let get = self.0.ssm.get_parameters_by_path().path(folder(owner));
            let pages = get.into_paginator().send().try_collect().await.call("GetParametersByPath")?;
            let read = |parameter: &aws_sdk_ssm::types::Parameter| {
                let number = parameter.name()?.rsplit('/').next()?.parse().ok()?;
                Some((number, serde_json::from_str(parameter.value()?).ok()?))
            };
            Ok(pages.iter().flat_map(|page| page.parameters()).filter_map(read).collect())
        }
        .boxed()
    }

    fn create<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<bool>> {
        async move {
            match self.put(owner, number, record, false).await {
                Ok(()) => Ok(true),
                Err(Error::Service { code, .. }) if code == "ParameterAlreadyExists" => Ok(false),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn write<'a>(&'a self, owner: &'a Owner, number: u32, record: &'a Record) -> BoxFuture<'a, Result<()>> {
        self.put(owner, number, record, true).boxed()
    }

    fn remove<'a>(&'a self, owner: &'a Owner, number: u32) -> BoxFuture<'a, Result<()>> {
        async move {
            match self.0.ssm.delete_parameter().name(path(owner, number)).send().await.call("DeleteParameter") {
                Ok(_) | Err(Error::NotFound) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

//! The calls behind a launch template. Its properties are those of the default version.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    self, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest,
    LaunchTemplatesMonitoringRequest, RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Error, Found, Labels, Phase, Query, Ref, Result};
use sha2::{Digest, Sha256};

use super::{LaunchTemplate, Outputs, RootVolume, Tag, VolumeType};
use crate::{Aws, Call, Deleted, Required, lookup, tags};

/// Names of launch templates have 128 characters.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>
const NAME_LIMIT: usize = 128;
/// The version the properties are those of.
const DEFAULT: &str = "$Default";

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<LaunchTemplate>>> {
    let templates = match which {
        Query::Owned(_) => {
            let describe = aws.ec2.describe_launch_templates().filters(tags::ec2::filter(which, ""));
            describe.into_paginator().items().send().try_collect().await.call("DescribeLaunchTemplates")?
        }
        Query::Ids(ids) => lookup(ids, |ids| by_id(aws, ids)).await?,
    };
    let mut versions = match templates.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => default_versions(aws, one.launch_template_id()).await?,
        _ => default_versions(aws, None).await?,
    };
    let pairs = templates.iter().filter_map(|template| Some((template, versions.remove(template.launch_template_id()?)?)));
    pairs.map(|(template, version)| read(template, &version)).collect()
}

async fn by_id(aws: &Aws, ids: Vec<String>) -> Result<Vec<types::LaunchTemplate>> {
    let describe = aws.ec2.describe_launch_templates().set_launch_template_ids(Some(ids));
    describe.into_paginator().items().send().try_collect().await.call("DescribeLaunchTemplates")
}

/// The default version of one template, or in one listing of all the account has.
async fn default_versions(aws: &Aws, id: Option<&str>) -> Result<BTreeMap<String, types::LaunchTemplateVersion>> {
    let describe = aws.ec2.describe_launch_template_versions().set_launch_template_id(id.map(str::to_owned));
    let pages = describe.versions(DEFAULT).into_paginator().items().send();
    let versions: Vec<types::LaunchTemplateVersion> = match pages.try_collect().await.call("DescribeLaunchTemplateVersions") {
        Err(Error::NotFound) => Vec::new(),
        versions => versions?,
    };
    Ok(versions.into_iter().filter_map(|version| Some((version.launch_template_id.clone()?, version))).collect())
}

pub(super) async fn create(wanted: &LaunchTemplate, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT);
    let create = aws
        .ec2
        .create_launch_template()
        .launch_template_name(&name)
        .launch_template_data(write(wanted)?)
        .client_token(token(&labels.token, wanted))
        .tag_specifications(tags::ec2::specification(ResourceType::LaunchTemplate, labels));
    match create.send().await.call("CreateLaunchTemplate") {
        Ok(created) => created.launch_template.and_then(|template| template.launch_template_id).required("LaunchTemplateId"),
        Err(Error::Service { code, .. }) if code == "InvalidLaunchTemplateName.AlreadyExistsException" => {
            let describe = aws.ec2.describe_launch_templates().launch_template_names(&name);
            let found = describe.send().await.call("DescribeLaunchTemplates")?.launch_templates.unwrap_or_default();
            let twin = found.first().ok_or(Error::NotFound)?;
            tags::adopt(twin.launch_template_id().required("LaunchTemplateId")?, &tags::ec2::read(twin.tags()), labels)
        }
        Err(error) => Err(error),
    }
}

/// Makes a version and makes it the default one. Cut in between, the next try gets the same version back by its token.
pub(super) async fn update(wanted: &LaunchTemplate, aws: &Aws, id: &str) -> Result<()> {
    let live = default_versions(aws, Some(id)).await?.remove(id).ok_or(Error::NotFound)?;
    let before = live.version_number().required("VersionNumber")?.to_string();
    // The version it follows is part of the token: going back to what once was is a new version again.
    let version = aws
        .ec2
        .create_launch_template_version()
        .launch_template_id(id)
        .launch_template_data(write(wanted)?)
        .client_token(token(&format!("{id}/{before}"), wanted));
    let version = version.send().await.call("CreateLaunchTemplateVersion")?.launch_template_version;
    let number = version.and_then(|version| version.version_number).required("VersionNumber")?;
    let modify = aws.ec2.modify_launch_template().launch_template_id(id).default_version(number.to_string());
    modify.send().await.call("ModifyLaunchTemplate").map(drop)
}

pub(super) async fn delete(aws: &Aws, id: &str) -> Result<()> {
    aws.ec2.delete_launch_template().launch_template_id(id).send().await.call("DeleteLaunchTemplate").deleted()
}

/// A client token of what is made: 64 hexadecimal digits of at most 128 characters.
fn token(scope: &str, wanted: &LaunchTemplate) -> String {
    let content = serde_json::to_string(wanted).unwrap_or_default();
    let digest = Sha256::new().chain_update(scope).chain_update([0]).chain_update(content).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(wanted: &LaunchTemplate) -> Result<RequestLaunchTemplateData> {
    let groups = wanted.security_groups.iter().map(|group| group.id().map(str::to_owned));
    let role = wanted.role.as_ref().map(|role| role.id()).transpose()?;
    let profile = role.map(|name| LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(name).build());
    let tagged = [(ResourceType::Instance, &wanted.instance_tags), (ResourceType::Volume, &wanted.volume_tags)];
    let tagged = tagged.into_iter().filter(|(_, tags)| !tags.is_empty()).map(|(kind, tags)| {
        let tags = tags.iter().map(|tag| types::Tag::builder().key(&tag.key).value(&tag.value).build());
        LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
    });
    let tokens = match wanted.require_metadata_token {
        true => LaunchTemplateHttpTokensState::Required,
        false => LaunchTemplateHttpTokensState::Optional,
    };
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(tokens)
        .http_put_response_hop_limit(wanted.metadata_hops);
    Ok(RequestLaunchTemplateData::builder()
        .image_id(&wanted.image)
        .instance_type(wanted.instance_type.as_str().into())
        .set_iam_instance_profile(profile)
        .set_security_group_ids(Some(groups.collect::<Result<_>>()?))
        .set_key_name(wanted.key_pair.clone())
        .set_user_data(wanted.user_data.as_ref().map(|text| STANDARD.encode(text)))
        .monitoring(LaunchTemplatesMonitoringRequest::builder().enabled(wanted.monitoring).build())
        .ebs_optimized(wanted.ebs_optimized)
        .block_device_mappings(write_root(&wanted.root_volume))
        .metadata_options(metadata.build())
        .set_tag_specifications(Some(tagged.collect()))
        .build())
}

fn write_root(root: &RootVolume) -> LaunchTemplateBlockDeviceMappingRequest {
    let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_type(match root.sort {
            VolumeType::Gp3 => types::VolumeType::Gp3,
            VolumeType::Gp2 => types::VolumeType::Gp2,
            VolumeType::Io2 => types::VolumeType::Io2,
            VolumeType::Io1 => types::VolumeType::Io1,
        })
        .volume_size(root.size)
        .set_iops(root.iops)
        .set_throughput(root.throughput)
        .encrypted(root.encrypted)
        .set_kms_key_id(root.kms_key.clone())
        .delete_on_termination(true);
    LaunchTemplateBlockDeviceMappingRequest::builder().device_name(&root.device).ebs(disk.build()).build()
}

fn read(template: &types::LaunchTemplate, version: &types::LaunchTemplateVersion) -> Result<Found<LaunchTemplate>> {
    let id = template.launch_template_id().required("LaunchTemplateId")?;
    let data = version.launch_template_data().required("LaunchTemplateData")?;
    let number = version.version_number().required("VersionNumber")?;
    Ok(Found {
        id: id.to_owned(),
        tags: tags::ec2::read(template.tags()),
        properties: read_data(data),
        outputs: Outputs { id: id.to_owned(), version: number.to_string() },
        phase: Phase::Ready,
        note: None,
    })
}

/// Reads a version. What it does not say reads as AWS's own choice, which is not what a blueprint makes.
fn read_data(data: &ResponseLaunchTemplateData) -> LaunchTemplate {
    let profile = data.iam_instance_profile();
    // A profile named by ARN ends with its name.
    let by_arn = || profile.and_then(|profile| profile.arn()).and_then(|arn| arn.rsplit('/').next());
    let role = profile.and_then(|profile| profile.name()).or_else(by_arn);
    let metadata = data.metadata_options();
    LaunchTemplate {
        image: data.image_id().unwrap_or_default().to_owned(),
        instance_type: data.instance_type().map(|one| one.as_str().to_owned()).unwrap_or_default(),
        role: role.map(Ref::live),
        security_groups: data.security_group_ids().iter().map(|id| Ref::live(id)).collect(),
        key_pair: data.key_name().map(str::to_owned),
        user_data: data.user_data().map(|text| match STANDARD.decode(text) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => text.to_owned(),
        }),
        monitoring: data.monitoring().and_then(|monitoring| monitoring.enabled()).unwrap_or_default(),
        ebs_optimized: data.ebs_optimized().unwrap_or_default(),
        root_volume: read_root(data.block_device_mappings()),
        require_metadata_token: metadata.and_then(|metadata| metadata.http_tokens())
            == Some(&LaunchTemplateHttpTokensState::Required),
        metadata_hops: metadata.and_then(|metadata| metadata.http_put_response_hop_limit()).unwrap_or_default(),
        instance_tags: read_tags(data, &ResourceType::Instance),
        volume_tags: read_tags(data, &ResourceType::Volume),
    }
}

fn read_root(devices: &[types::LaunchTemplateBlockDeviceMapping]) -> RootVolume {
    let device = devices.iter().find(|device| device.ebs().is_some());
    let disk = device.and_then(|device| device.ebs());
    RootVolume {
        device: device.and_then(|device| device.device_name()).unwrap_or_default().to_owned(),
        sort: match disk.and_then(|disk| disk.volume_type()) {
            Some(types::VolumeType::Gp3) => VolumeType::Gp3,
            Some(types::VolumeType::Io2) => VolumeType::Io2,
            Some(types::VolumeType::Io1) => VolumeType::Io1,
            _ => VolumeType::Gp2,
        },
        size: disk.and_then(|disk| disk.volume_size()).unwrap_or_default(),
        iops: disk.and_then(|disk| disk.iops()),
        throughput: disk.and_then(|disk| disk.throughput()),
        encrypted: disk.and_then(|disk| disk.encrypted()).unwrap_or_default(),
        kms_key: disk.and_then(|disk| disk.kms_key_id()).map(str::to_owned),
    }
}

fn read_tags(data: &ResponseLaunchTemplateData, kind: &ResourceType) -> BTreeSet<Tag> {
    let specifications = data.tag_specifications().iter().filter(|one| one.resource_type() == Some(kind));
    let tags = specifications.flat_map(|one| one.tags());
    tags.filter_map(|tag| Some(Tag::new(tag.key()?, tag.value()?))).collect()
}

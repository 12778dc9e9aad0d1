//! The calls behind a role. IAM's creates have no client token: the role's name is the key.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{self, EntityType, Tag};
use engine::{Changed, Error, Found, Labels, Owner, Phase, Query, Result, Tags};
use futures::future::try_join_all;
use percent_encoding::percent_decode_str;

use super::{InlinePolicy, Outputs, Role};
use crate::{Already, Aws, Call, Deleted, Policy, Required, tags};

/// Role names have 64 characters.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
const NAME_LIMIT: usize = 64;

/// Where an owner's roles are: the one thing ListRoles filters by.
fn path(owner: &Owner) -> String {
    format!("/terrace/{}/{}/", owner.stack, owner.environment)
}

/// What several calls tell of one role.
struct Parts {
    name: String,
    arn: String,
    trust: Option<String>,
    description: Option<String>,
    max_session: Option<i32>,
    boundary: Option<String>,
    tags: Tags,
    inline: BTreeMap<String, String>,
    managed: BTreeSet<String>,
    profiles: BTreeSet<String>,
    /// Whether an instance profile of the role's name and path exists.
    profile: bool,
}

pub(super) async fn find(aws: &Aws, which: Query<'_>) -> Result<Vec<Found<Role>>> {
    let parts = match which {
        Query::Owned(owner) => bulk(aws, owner).await?,
        Query::Ids(names) => try_join_all(names.iter().map(|name| single(aws, name))).await?.into_iter().flatten().collect(),
    };
    parts.into_iter().map(read).collect()
}

/// All roles of an owner in two listings. Only ListRoles tells how long sessions last, only the account's
/// authorization details tell tags and policies.
async fn bulk(aws: &Aws, owner: &Owner) -> Result<Vec<Parts>> {
    let list = aws.iam.list_roles().path_prefix(path(owner)).into_paginator().items();
    let roles: Vec<types::Role> = list.send().try_collect().await.call("ListRoles")?;
    if roles.is_empty() {
        return Ok(Vec::new());
    }
    let list = aws.iam.list_instance_profiles().path_prefix(path(owner)).into_paginator().items();
    let listed: Vec<_> = list.send().try_collect().await.call("ListInstanceProfiles")?;
    let profiles: BTreeSet<&str> = listed.iter().map(|profile| profile.instance_profile_name()).collect();
    let mut details = BTreeMap::new();
    let mut pages = aws.iam.get_account_authorization_details().filter(EntityType::Role).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.call("GetAccountAuthorizationDetails")?;
        let listed = page.role_detail_list.unwrap_or_default().into_iter();
        details.extend(listed.filter_map(|detail| Some((detail.role_name.clone()?, detail))));
    }
    // A role in one listing alone was just made or just deleted.
    let both = roles.into_iter().filter_map(|role| details.remove(role.role_name()).map(|detail| (role, detail)));
    Ok(both.map(|(role, detail)| from_detail(&role, detail, profiles.contains(role.role_name()))).collect())
}

fn from_detail(role: &types::Role, detail: types::RoleDetail, profile: bool) -> Parts {
    let inline = detail.role_policy_list.unwrap_or_default().into_iter();
    let managed = detail.attached_managed_policies.unwrap_or_default().into_iter();
    let profiles = detail.instance_profile_list.unwrap_or_default().into_iter();
    Parts {
        name: role.role_name.clone(),
        arn: role.arn.clone(),
        trust: detail.assume_role_policy_document,
        description: role.description.clone(),
        max_session: role.max_session_duration,
        boundary: detail.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        tags: tags::iam::read(&detail.tags.unwrap_or_default()),
        inline: inline.filter_map(|policy| Some((policy.policy_name?, policy.policy_document?))).collect(),
        managed: managed.filter_map(|policy| policy.policy_arn).collect(),
        profiles: profiles.map(|profile| profile.instance_profile_name).collect(),
        profile,
    }
}

/// One role, by calls that ask for nobody else's; `None` if it does not exist.
async fn single(aws: &Aws, name: &str) -> Result<Option<Parts>> {
    let parts = futures::try_join!(
        role(aws, name),
        inline(aws, name),
        managed(aws, name),
        profiles(aws, name),
        profile_path(aws, name)
    );
    match parts {
        Ok((role, inline, managed, profiles, path)) => Ok(Some(Parts {
            profile: path.is_some_and(|path| path == role.path),
            name: role.role_name,
            arn: role.arn,
            trust: role.assume_role_policy_document,
            description: role.description,
            max_session: role.max_session_duration,
            boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
            tags: tags::iam::read(&role.tags.unwrap_or_default()),
            inline,
            managed,
            profiles,
        })),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn role(aws: &Aws, name: &str) -> Result<types::Role> {
    aws.iam.get_role().role_name(name).send().await.call("GetRole")?.role.required("Role")
}

async fn inline(aws: &Aws, name: &str) -> Result<BTreeMap<String, String>> {
    let list = aws.iam.list_role_policies().role_name(name).into_paginator().items();
    let names: Vec<String> = list.send().try_collect().await.call("ListRolePolicies")?;
    let documents = names.into_iter().map(async |policy| {
        let get = aws.iam.get_role_policy().role_name(name).policy_name(&policy);
        match get.send().await.call("GetRolePolicy") {
            Ok(got) => Ok(Some((policy, got.policy_document))),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    });
    Ok(try_join_all(documents).await?.into_iter().flatten().collect())
}

async fn managed(aws: &Aws, name: &str) -> Result<BTreeSet<String>> {
    let list = aws.iam.list_attached_role_policies().role_name(name).into_paginator().items();
    let attached: Vec<_> = list.send().try_collect().await.call("ListAttachedRolePolicies")?;
    Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

async fn profiles(aws: &Aws, name: &str) -> Result<BTreeSet<String>> {
    let list = aws.iam.list_instance_profiles_for_role().role_name(name).into_paginator().items();
    let profiles: Vec<_> = list.send().try_collect().await.call("ListInstanceProfilesForRole")?;
    Ok(profiles.into_iter().map(|profile| profile.instance_profile_name).collect())
}

/// The path of the instance profile of a role's name, if there is one.
async fn profile_path(aws: &Aws, name: &str) -> Result<Option<String>> {
    match aws.iam.get_instance_profile().instance_profile_name(name).send().await.call("GetInstanceProfile") {
        Ok(got) => Ok(got.instance_profile.map(|profile| profile.path)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a document as IAM returns it: with everything but letters and digits escaped.
/// <https://datatracker.ietf.org/doc/html/rfc3986>
fn document(text: &str) -> Result<Policy> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    Policy::parse(&decoded).ok_or_else(|| Error::Invalid("IAM returns a policy that is not JSON".to_owned()))
}

fn read(parts: Parts) -> Result<Found<Role>> {
    let inline = parts.inline.iter().map(|(name, text)| Ok(InlinePolicy::new(name, document(text)?)));
    Ok(Found {
        properties: Role {
            trust: document(&parts.trust.required("AssumeRolePolicyDocument")?)?,
            description: parts.description.unwrap_or_default(),
            inline_policies: inline.collect::<Result<_>>()?,
            managed_policies: parts.managed,
            permissions_boundary: parts.boundary,
            max_session: parts.max_session.unwrap_or(3600),
            instance_profile: match parts.profiles.contains(&parts.name) {
                true => Some(true),
                false if parts.profile => None,
                false => Some(false),
            },
        },
        tags: parts.tags,
        outputs: Outputs { id: parts.name.clone(), arn: parts.arn },
        id: parts.name,
        phase: Phase::Ready,
        note: None,
    })
}

pub(super) async fn create(wanted: &Role, aws: &Aws, labels: &Labels) -> Result<String> {
    let name = labels.name(NAME_LIMIT);
    let create = aws
        .iam
        .create_role()
        .role_name(&name)
        .path(path(&labels.owner))
        .assume_role_policy_document(wanted.trust.to_string())
        .description(&wanted.description)
        .max_session_duration(wanted.max_session)
        .set_permissions_boundary(wanted.permissions_boundary.clone())
        .set_tags(Some(tags::iam::write(labels)));
    match create.send().await.call("CreateRole") {
        Ok(_) => {}
        Err(Error::Service { code, .. }) if code == "EntityAlreadyExists" => {
            let live = role(aws, &name).await?;
            tags::adopt(&name, &tags::iam::read(live.tags()), labels)?;
        }
        Err(error) => return Err(error),
    }
    // A role not known everywhere yet is left to the update.
    fill(wanted, aws, &name, &["inline_policies", "managed_policies", "instance_profile"]).await.deleted()?;
    Ok(name)
}

/// Brings these parts of a live role to what is wanted.
async fn fill(wanted: &Role, aws: &Aws, name: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        match *part {
            "inline_policies" => set_inline(wanted, aws, name).await?,
            "managed_policies" => set_managed(wanted, aws, name).await?,
            _ => set_profile(wanted, aws, name).await?,
        }
    }
    Ok(())
}

pub(super) async fn update(wanted: &Role, aws: &Aws, name: &str, changed: &Changed) -> Result<()> {
    if changed.has("permissions_boundary") {
        match &wanted.permissions_boundary {
            Some(arn) => {
                let put = aws.iam.put_role_permissions_boundary().role_name(name).permissions_boundary(arn);
                put.send().await.call("PutRolePermissionsBoundary")?;
            }
            None => {
                let delete = aws.iam.delete_role_permissions_boundary().role_name(name);
                delete.send().await.call("DeleteRolePermissionsBoundary").deleted()?;
            }
        }
    }
    if changed.any(&["description", "max_session"]) {
        let update = aws.iam.update_role().role_name(name).description(&wanted.description);
        update.max_session_duration(wanted.max_session).send().await.call("UpdateRole")?;
    }
    let parts = ["inline_policies", "managed_policies", "instance_profile"];
    fill(wanted, aws, name, &parts.into_iter().filter(|part| changed.has(part)).collect::<Vec<_>>()).await?;
    // Last: whoever may take the role on now finds it as wanted.
    if changed.has("trust") {
        let update = aws.iam.update_assume_role_policy().role_name(name).policy_document(wanted.trust.to_string());
        update.send().await.call("UpdateAssumeRolePolicy")?;
    }
    Ok(())
}

/// Puts what is new or changed, then deletes what is not wanted.
async fn set_inline(wanted: &Role, aws: &Aws, name: &str) -> Result<()> {
    let live = inline(aws, name).await?;
    for policy in &wanted.inline_policies {
        if live.get(&policy.name).and_then(|text| document(text).ok()).is_some_and(|live| live == policy.document) {
            continue;
        }
        let put = aws.iam.put_role_policy().role_name(name).policy_name(&policy.name);
        put.policy_document(policy.document.to_string()).send().await.call("PutRolePolicy")?;
    }
    let names: BTreeSet<&String> = wanted.inline_policies.iter().map(|policy| &policy.name).collect();
    for policy in live.keys().filter(|policy| !names.contains(policy)) {
        let delete = aws.iam.delete_role_policy().role_name(name).policy_name(policy);
        delete.send().await.call("DeleteRolePolicy").deleted()?;
    }
    Ok(())
}

async fn set_managed(wanted: &Role, aws: &Aws, name: &str) -> Result<()> {
    let live = managed(aws, name).await?;
    for arn in wanted.managed_policies.difference(&live) {
        aws.iam.attach_role_policy().role_name(name).policy_arn(arn).send().await.call("AttachRolePolicy")?;
    }
    for arn in live.difference(&wanted.managed_policies) {
        let detach = aws.iam.detach_role_policy().role_name(name).policy_arn(arn);
        detach.send().await.call("DetachRolePolicy").deleted()?;
    }
    Ok(())
}

async fn set_profile(wanted: &Role, aws: &Aws, name: &str) -> Result<()> {
    if wanted.instance_profile != Some(true) {
        return remove_profile(aws, name, name).await;
    }
    let role = role(aws, name).await?;
    let create = aws.iam.create_instance_profile().instance_profile_name(name).path(role.path());
    let create = create.set_tags(Some(role.tags().to_vec()));
    create.send().await.call("CreateInstanceProfile").already(&["EntityAlreadyExists"])?;
    let get = aws.iam.get_instance_profile().instance_profile_name(name);
    let profile = get.send().await.call("GetInstanceProfile")?.instance_profile.required("InstanceProfile")?;
    if profile.path() != role.path() {
        return Err(Error::Foreign { name: name.to_owned(), owner: format!("the path `{}`", profile.path()) });
    }
    if profile.roles().iter().any(|role| role.role_name() == name) {
        return Ok(());
    }
    let add = aws.iam.add_role_to_instance_profile().instance_profile_name(name).role_name(name);
    add.send().await.call("AddRoleToInstanceProfile").map(drop)
}

async fn remove_profile(aws: &Aws, role: &str, profile: &str) -> Result<()> {
    let remove = aws.iam.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
    remove.send().await.call("RemoveRoleFromInstanceProfile").deleted()?;
    // One of another name is somebody else's: the role only leaves it.
    if profile != role {
        return Ok(());
    }
    aws.iam.delete_instance_profile().instance_profile_name(profile).send().await.call("DeleteInstanceProfile").deleted()
}

pub(super) async fn label(aws: &Aws, name: &str, labels: &Labels) -> Result<()> {
    let written: Vec<Tag> = tags::iam::write(labels);
    aws.iam.tag_role().role_name(name).set_tags(Some(written.clone())).send().await.call("TagRole")?;
    let profile = aws.iam.tag_instance_profile().instance_profile_name(name).set_tags(Some(written));
    profile.send().await.call("TagInstanceProfile").deleted()
}

/// Empties the role first: IAM deletes none that still has something.
pub(super) async fn delete(aws: &Aws, name: &str) -> Result<()> {
    // The role goes last: without it nothing is left behind.
    let Some(parts) = single(aws, name).await? else { return Ok(()) };
    for profile in &parts.profiles {
        remove_profile(aws, name, profile).await?;
    }
    // One that was made and never got its role, by a create that was cut short.
    if !parts.profiles.contains(name) {
        let arn = parts.arn.replacen(":role/", ":instance-profile/", 1);
        let get = aws.iam.get_instance_profile().instance_profile_name(name).send().await.call("GetInstanceProfile");
        match get.map(|got| got.instance_profile) {
            Ok(Some(profile)) if profile.arn() == arn && profile.roles().is_empty() => {
                let delete = aws.iam.delete_instance_profile().instance_profile_name(name);
                delete.send().await.call("DeleteInstanceProfile").deleted()?;
            }
            other => other.deleted()?,
        }
    }
    for arn in &parts.managed {
        let detach = aws.iam.detach_role_policy().role_name(name).policy_arn(arn);
        detach.send().await.call("DetachRolePolicy").deleted()?;
    }
    for policy in parts.inline.keys() {
        let delete = aws.iam.delete_role_policy().role_name(name).policy_name(policy);
        delete.send().await.call("DeleteRolePolicy").deleted()?;
    }
    aws.iam.delete_role().role_name(name).send().await.call("DeleteRole").deleted()
}

//! The engine's labels in each service's spelling of tags.

use engine::{Error, Labels, Owner, Result, Tags, tag};

/// Takes over a live resource with the natural key of one being made, if its tags say that it is that one.
///
/// This is what makes a create whose answer was lost repeatable where the cloud has no client token.
pub(crate) fn adopt(id: &str, tags: &Tags, labels: &Labels) -> Result<String> {
    let value = |key: &str| tags.get(key).map(String::as_str).unwrap_or_default();
    if value(tag::STACK) == labels.owner.to_string() && value(tag::ADDRESS) == labels.address.to_string() {
        return Ok(id.to_owned());
    }
    let owner = match (value(tag::STACK), value(tag::ADDRESS)) {
        ("", _) => "nobody terrace knows".to_owned(),
        (stack, address) => format!("`{address}` of `{stack}`"),
    };
    Err(Error::Foreign { name: id.to_owned(), owner })
}

/// Whether a physical name is one [`Labels::name`] gives to the owner's resources, as far as the name can tell.
///
/// Where no listing tells tags, this saves asking for everybody's. A long owner is cut off along with the name, so the
/// tags still have to be read.
pub(crate) fn may_own(owner: &Owner, name: &str, limit: usize) -> bool {
    // What is left of the name in the worst case: the suffix and the cut part's hash take seven characters each.
    let prefix = owner.prefix();
    let kept = prefix.len().min(limit - 14);
    name.to_ascii_lowercase().starts_with(prefix[..kept].trim_end_matches('-'))
}

/// Whether the tags are the owner's.
pub(crate) fn owned(tags: &Tags, owner: &Owner) -> bool {
    tags.get(tag::STACK).is_some_and(|stack| *stack == owner.to_string())
}

/// Tags of EC2 resources.
pub(crate) mod ec2 {
    use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
    use engine::{Labels, Query, Result, Tags, tag};

    use crate::{Aws, Call};

    /// Narrows a describe call down to a query: by owner tag, or by the kind's id filter.
    ///
    /// Ids go into a filter because a describe call by ids fails as a whole when one of them does not exist.
    pub(crate) fn filter(which: Query<'_>, id_filter: &str) -> Filter {
        match which {
            Query::Owned(owner) => {
                Filter::builder().name(format!("tag:{}", tag::STACK)).values(owner.to_string()).build()
            }
            Query::Ids(ids) => Filter::builder().name(id_filter).set_values(Some(ids.to_vec())).build(),
        }
    }

    /// Tags for a create call.
    pub(crate) fn specification(kind: ResourceType, labels: &Labels) -> TagSpecification {
        TagSpecification::builder().resource_type(kind).set_tags(Some(write(labels))).build()
    }

    /// The labels as tags.
    pub(crate) fn write(labels: &Labels) -> Vec<Tag> {
        let name = ("Name".to_owned(), labels.title());
        let tags = labels.all().into_iter().chain([name]);
        tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }

    /// Live tags, by key. `Name` is left out: it is derived from the address.
    pub(crate) fn read(tags: &[Tag]) -> Tags {
        let pairs = tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        pairs.filter(|(key, _)| key != "Name").collect()
    }

    /// Writes the labels over a live resource's tags.
    pub(crate) async fn label(aws: &Aws, id: &str, labels: &Labels) -> Result<()> {
        let create = aws.ec2.create_tags().resources(id).set_tags(Some(write(labels)));
        create.send().await.call("CreateTags").map(drop)
    }
}

/// Tags of load balancers, target groups and listeners.
pub(crate) mod elb {
    use std::collections::BTreeMap;

    use aws_sdk_elasticloadbalancingv2::types::Tag;
    use engine::{Labels, Result, Tags};
    use futures::future::try_join_all;

    use crate::{Aws, Call};

    /// How many resources one DescribeTags call may name.
    pub(crate) const PAGE: usize = 20;

    /// The labels as tags.
    pub(crate) fn write(labels: &Labels) -> Vec<Tag> {
        labels.all().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }

    /// The tags of resources by their ARN; no listing has them. Ones that went away meanwhile are left out.
    pub(crate) async fn read(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>> {
        let pages = arns.chunks(PAGE).map(|page| {
            crate::lookup(page, |arns| async {
                let describe = aws.elb.describe_tags().set_resource_arns(Some(arns));
                Ok(describe.send().await.call("DescribeTags")?.tag_descriptions.unwrap_or_default())
            })
        });
        let described = try_join_all(pages).await?.into_iter().flatten().filter_map(|described| {
            let tags = described.tags.unwrap_or_default().into_iter();
            Some((described.resource_arn?, tags.filter_map(|tag| Some((tag.key?, tag.value?))).collect()))
        });
        Ok(described.collect())
    }

    /// Writes the labels over a live resource's tags.
    pub(crate) async fn label(aws: &Aws, arn: &str, labels: &Labels) -> Result<()> {
        let add = aws.elb.add_tags().resource_arns(arn).set_tags(Some(write(labels)));
        add.send().await.call("AddTags").map(drop)
    }
}

/// Tags of IAM roles and instance profiles.
pub(crate) mod iam {
    use aws_sdk_iam::types::Tag;
    use engine::{Labels, Tags};

    /// The labels as tags.
    pub(crate) fn write(labels: &Labels) -> Vec<Tag> {
        let tags = labels.all().into_iter();
        tags.map(|(key, value)| Tag::builder().key(key).value(value).build().expect("a tag has both")).collect()
    }

    /// Live tags, by key.
    pub(crate) fn read(tags: &[Tag]) -> Tags {
        tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
    }
}

/// Tags of RDS resources.
pub(crate) mod rds {
    use aws_sdk_rds::types::Tag;
    use engine::{Found, Kind, Labels, Owner, Query, Result, Tags, tag};

    use crate::{Aws, Call};

    /// A name in the spelling RDS keeps: lower case, and no two hyphens in a row.
    pub(crate) fn name(labels: &Labels, limit: usize) -> String {
        let name = labels.name(limit).to_lowercase();
        name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// Those of a listing whose name starts as the owner's do: the rest need not be asked for their tags.
    pub(crate) fn own<T>(listed: Vec<T>, owner: &Owner, name: impl Fn(&T) -> Option<&str>) -> Vec<T> {
        let prefix = owner.prefix().to_lowercase();
        listed.into_iter().filter(|item| name(item).is_some_and(|name| name.starts_with(&prefix))).collect()
    }

    /// Those the query asks for, once their tags are known.
    pub(crate) fn of<K: Kind>(which: Query<'_>, found: impl Iterator<Item = Found<K>>) -> Vec<Found<K>> {
        match which {
            Query::Owned(owner) => found.filter(|found| belongs(&found.tags, owner)).collect(),
            Query::Ids(_) => found.collect(),
        }
    }

    /// Whether tags say that a resource is the owner's.
    pub(crate) fn belongs(tags: &Tags, owner: &Owner) -> bool {
        tags.get(tag::STACK).is_some_and(|stack| *stack == owner.to_string())
    }

    /// The labels as tags.
    pub(crate) fn write(labels: &Labels) -> Vec<Tag> {
        labels.all().into_iter().map(|(key, value)| pair(&key, &value)).collect()
    }

    /// One tag.
    pub(crate) fn pair(key: &str, value: &str) -> Tag {
        Tag::builder().key(key).value(value).build()
    }

    /// Live tags, by key.
    pub(crate) fn read(tags: &[Tag]) -> Tags {
        tags.iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect()
    }

    /// Asks for the tags of one resource, where its listing leaves them out.
    pub(crate) async fn live(aws: &Aws, arn: &str) -> Result<Tags> {
        let list = aws.rds.list_tags_for_resource().resource_name(arn);
        Ok(read(list.send().await.call("ListTagsForResource")?.tag_list()))
    }

    /// Writes the labels over a live resource's tags.
    pub(crate) async fn label(aws: &Aws, arn: &str, labels: &Labels) -> Result<()> {
        let add = aws.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(write(labels)));
        add.send().await.call("AddTagsToResource").map(drop)
    }
}

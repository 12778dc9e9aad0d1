//! The engine's labels in each service's spelling of tags.

use engine::{Error, Labels, Result, Tags, tag};

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

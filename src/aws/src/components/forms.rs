//! Forms of text, for schemas alone: what a list or map of such texts looks like to an editor and to the check.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

macro_rules! form {
    ($(#[$about:meta])* $name:ident, $format:literal) => {
        $(#[$about])*
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $format.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

form!(
    /// An address range, such as `10.0.0.0/16`.
    Range,
    "cidr-ipv4"
);
form!(
    /// An Amazon resource name.
    Arn,
    "arn"
);

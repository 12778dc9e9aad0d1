//! Names of resources, and of the places they live in.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An AWS account and region the stack uses, by its name in the environment file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Site(String);

impl Site {
    /// The site every resource lives in unless its address says otherwise.
    pub const PRIMARY: &'static str = "primary";

    /// Names a site.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The site resources live in by default.
    pub fn primary() -> Self {
        Self::new(Self::PRIMARY)
    }

    /// The site's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one resource of a stack: `kind/name`, or `site:kind/name` outside the primary site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Address {
    site: Site,
    kind: String,
    name: String,
}

impl Address {
    /// Names a resource of the primary site.
    pub fn new(kind: &str, name: &str) -> Self {
        Self::at(Site::primary(), kind, name)
    }

    /// Names a resource of a site.
    pub fn at(site: Site, kind: &str, name: &str) -> Self {
        Self { site, kind: kind.to_owned(), name: name.to_owned() }
    }

    /// Reads `kind/name` or `site:kind/name`.
    pub fn parse(text: &str) -> Option<Self> {
        let (site, rest) = text.split_once(':').unwrap_or((Site::PRIMARY, text));
        let (kind, name) = rest.split_once('/')?;
        let empty = site.is_empty() || kind.is_empty() || name.is_empty();
        (!empty).then(|| Self::at(Site::new(site), kind, name))
    }

    /// The site the resource lives in.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The resource's kind, such as `subnet`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The resource's name within its kind, such as `public-a`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.site.as_str() != Site::PRIMARY {
            write!(f, "{}:", self.site)?;
        }
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| format!("`{text}` is not an address: expected `kind/name`"))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in ["subnet/public-a", "recovery:vpc/main"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Address::parse("primary:vpc/main").unwrap().to_string(), "vpc/main");
        for text in ["", "vpc", "/main", "vpc/", ":vpc/main"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}

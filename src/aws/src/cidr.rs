//! Address ranges: how AWS spells them is how a blueprint has to.

use std::str::FromStr;

use engine::{Error, Flaw, Result};
use ipnet::IpNet;

/// Reads a range AWS reports.
pub(crate) fn read<N: FromStr>(text: &str) -> Result<N> {
    text.parse().map_err(|_| Error::Invalid(format!("AWS reports the range `{text}`")))
}

/// Complains of a range whose address has bits beyond its prefix: AWS drops them, so the live range would never read
/// as written.
pub(crate) fn flaw(path: &str, range: IpNet) -> Option<Flaw> {
    let canonical = range.trunc();
    (range != canonical).then(|| {
        Flaw::new(path, format!("`{range}` has address bits beyond its prefix")).hint(format!("write `{canonical}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_with_stray_bits_is_refused_and_corrected() {
        let flaw = |text: &str| flaw("cidr", text.parse().expect("a range"));
        assert_eq!(flaw("10.0.0.0/16"), None);
        assert_eq!(flaw("::/0"), None);
        assert_eq!(flaw("10.0.1.0/16").and_then(|flaw| flaw.hint), Some("write `10.0.0.0/16`".to_owned()));
    }
}

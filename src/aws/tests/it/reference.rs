//! `docs/kinds.md` says what the kinds say.

use std::path::Path;

#[test]
fn the_page_of_kinds_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kinds.md");
    let made = aws::reference::page(aws::kinds::INFOS);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/kinds.md is not what the kinds say; UPDATE=1 writes it anew");
}

#[test]
fn the_page_names_every_kind_property_and_omission() {
    let page = aws::reference::page(aws::kinds::INFOS);
    let mut sections = page.split("\n## ").skip(1);
    for kind in aws::kinds::INFOS {
        let section = sections.next().unwrap();
        assert!(section.starts_with(&format!("{}\n", kind.name)));
        let schema = (kind.schema)();
        for (name, _) in schema.get("properties").and_then(|all| all.as_object()).into_iter().flatten() {
            let row = section.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("{} has no row for `{name}`", kind.name));
            assert_eq!(row.contains("**Replaces.**"), kind.fixed.contains(&name.as_str()), "{row}");
        }
        for (name, reason) in kind.unmanaged {
            assert!(section.contains(&format!("- `{name}`: {reason}")), "{} {name}", kind.name);
        }
    }
}

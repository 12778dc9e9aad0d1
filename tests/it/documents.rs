//! What `--json` prints is what its published schema says.

use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::folder::Folder;

/// What is wrong with a document by the schema that the command prints and that `docs/schemas` keeps.
fn errors(folder: &Folder, name: &str, document: &Value) -> Option<String> {
    let printed = folder.expect(&["schema", name]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(format!("{name}.json"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == printed, "{} is not what is printed; UPDATE=1 writes it anew", path.display());
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", serde_json::from_str(&printed).unwrap()).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(document, schema).err().map(|error| format!("{error:#}"))
}

#[test]
fn every_document_is_as_its_schema_says() {
    let folder = Folder::new();
    let empty = Folder::new();
    let check = |name: &str, printed: &str| {
        let document = serde_json::from_str(printed).unwrap();
        assert_eq!(errors(&folder, name, &document), None, "{name}");
    };
    check("plan", &folder.expect(&["plan", "--json"]));
    check("outputs", &folder.expect(&["outputs", "--json"]));
    check("validate", &folder.expect(&["validate", "--json"]));
    let lines = |printed: &str| {
        for line in printed.lines() {
            check("events", line);
        }
    };
    lines(&folder.expect(&["apply", "--yes", "--json"]));
    check("show", &folder.expect(&["show", "--json"]));
    check("outputs", &folder.expect(&["outputs", "--json"]));
    folder.edit("blueprints/three-tier.yaml", |text| text.replace("storage: 100 ", "storage: 200 "));
    check("plan", &folder.expect(&["plan", "--json"]));
    let refused = folder.run(&["destroy", "--json"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    lines(&refused.out);
    check("error", &refused.out);
    check("plan", &folder.expect(&["plan", "--destroy", "--json"]));
    lines(&folder.expect(&["destroy", "--yes", "--json"]));
    check("sandbox-reset", &folder.expect(&["sandbox", "reset", "--json"]));
    check("sandbox-reset", &folder.expect(&["sandbox", "reset", "--json"]));
    check("init", &empty.expect(&["init", "other", "--json"]));
    empty.edit("blueprints/three-tier.yaml", |text| text.replace("storage:", "strage:"));
    let mistakes = empty.run(&["validate", "--json"]);
    assert_eq!(mistakes.code, 1, "{mistakes:?}");
    check("validate", &mistakes.out);
}

#[test]
fn the_shipped_blueprint_is_as_its_schema_says() {
    let folder = Folder::new();
    let mut shown: Value = serde_json::from_str(&folder.expect(&["blueprint", "show", "--json"])).unwrap();
    assert_eq!(errors(&folder, "blueprint", &shown), None);
    shown["tiers"]["web"]["min"] = "two".into();
    let wrong = errors(&folder, "blueprint", &shown).unwrap();
    assert!(wrong.contains("/tiers/web/min"), "{wrong}");
}

//! `terrace init`.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use engine::blueprint::{MAX_STACK_NAME, stack_name};

use crate::args::InitArguments;
use crate::documents::Begun;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

/// What a new folder gets; the blueprint's name is put in.
const FILES: &[(&str, &str)] = &[
    ("blueprints/three-tier.yaml", include_str!("../../../blueprints/three-tier.yaml")),
    ("environments/sandbox.yaml", include_str!("../../../environments/sandbox.yaml")),
    ("environments/dev.yaml", include_str!("../../../environments/dev.yaml")),
    ("environments/prod.yaml", include_str!("../../../environments/prod.yaml")),
];
/// The name in the blueprint that is shipped.
const NAME: &str = "name: shop";

pub(crate) fn run(arguments: &InitArguments, printer: &mut Printer) -> Result<Code, Failure> {
    let folder = &arguments.folder;
    let name = match &arguments.name {
        Some(name) if stack_name(name) => name.clone(),
        Some(name) => {
            let failure = Failure::new(format!("a stack cannot be called `{name}`; nothing was written"));
            let hint =
                format!("at most {MAX_STACK_NAME} lower-case letters, digits and single hyphens, a letter first");
            return Err(failure.hint(hint));
        }
        None => name_of(folder)?,
    };
    let mut written = Vec::new();
    for (file, text) in FILES {
        let path = folder.join(file);
        let text = text.replacen(NAME, &format!("name: {name}"), 1);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).during(|| format!("cannot make `{}`", parent.display()))?;
        }
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut opened) => {
                opened.write_all(text.as_bytes()).during(|| format!("cannot write `{}`", path.display()))?;
                written.push((*file).to_owned());
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                printer.note(&format!("kept {}: it exists already\n", path.display()));
            }
            Err(error) => return Err(error).during(|| format!("cannot write `{}`", path.display())),
        }
    }
    if printer.json {
        printer.document(&Begun { name, written });
    } else {
        for file in &written {
            printer.data(&format!("wrote {}\n", folder.join(file).display()));
        }
    }
    let change = if folder == Path::new(".") { String::new() } else { format!(" -C {}", folder.display()) };
    printer.hint(&format!("`terrace{change} apply sandbox` stands it up on the simulated cloud"));
    Ok(Code::Done)
}

/// The folder's name made a stack's: lower-case letters, digits and single hyphens, starting with a letter.
fn name_of(folder: &Path) -> Result<String, Failure> {
    fs::create_dir_all(folder).during(|| format!("cannot make `{}`", folder.display()))?;
    let full = folder.canonicalize().during(|| format!("cannot find `{}`", folder.display()))?;
    let last = full.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let parts = last.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join("-");
    let name = name.trim_start_matches(|letter: char| !letter.is_ascii_lowercase());
    let short: String = name.chars().take(MAX_STACK_NAME).collect();
    let short = short.trim_end_matches('-');
    Ok(if short.is_empty() { "shop".to_owned() } else { short.to_owned() })
}

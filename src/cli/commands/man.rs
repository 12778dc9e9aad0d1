//! `terrace man`.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Arguments;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

pub(crate) fn run(folder: Option<&Path>, printer: &mut Printer) -> Result<Code, Failure> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).during(|| format!("cannot make `{}`", folder.display()))?;
            let pages = clap_mangen::generate_to(Arguments::command(), folder);
            pages.during(|| format!("cannot write to `{}`", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command())
                .render(&mut page)
                .during(|| "cannot write the page".to_owned())?;
            printer.data(&String::from_utf8_lossy(&page));
        }
    }
    Ok(Code::Done)
}

//! `terrace show`.

use engine::discover;

use crate::args::Target;
use crate::context::Context;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;
use crate::view;

pub(crate) async fn run(target: &Target, printer: &mut Printer) -> Result<Code, Failure> {
    let context = Context::load(&target.environment, printer)?;
    let provider = context.connect().await?;
    let inventory = discover(&*provider, &context.owner).await.during(|| "cannot see what is live".to_owned())?;
    if printer.json {
        printer.document(&view::tree::document(&context.graph, &inventory));
    } else {
        printer.data(&view::tree::render(&context.graph, &inventory, &context.place(), printer.paint));
    }
    Ok(Code::Done)
}

//! `terrace outputs`.

use engine::discover;

use crate::args::Target;
use crate::context::Context;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;
use crate::view::outputs::{plain, render, values};

pub(crate) async fn run(target: &Target, name: Option<&str>, printer: &mut Printer) -> Result<Code, Failure> {
    let context = Context::load(&target.environment, printer)?;
    let provider = context.connect().await?;
    let inventory = discover(&*provider, &context.owner).await.during(|| "cannot see what is live".to_owned())?;
    let values = values(&context.graph, &inventory);
    match name {
        Some(name) => {
            let known = || values.keys().cloned().collect::<Vec<_>>().join(", ");
            let value = values.get(name).ok_or_else(|| {
                Failure::new(format!("the stack has no output `{name}`")).hint(format!("outputs: {}", known()))
            })?;
            if value.is_null() {
                return Err(Failure::new(format!("`{name}` is not known yet")).hint("apply first"));
            }
            if printer.json {
                printer.document(value);
            } else {
                printer.data(&format!("{}\n", plain(value)));
            }
        }
        None if printer.json => printer.document(&values),
        None => printer.data(&render(&values)),
    }
    Ok(Code::Done)
}

//! `terrace apply`.

use super::{plan, walk};
use crate::args::ApplyArguments;
use crate::context::Context;
use crate::documents::OutputsLine;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;
use crate::view;

pub(crate) async fn run(arguments: &ApplyArguments, printer: &mut Printer) -> Result<Code, Failure> {
    let context = Context::load(&arguments.walk.target.environment, printer)?;
    let provider = context.connect().await?;
    // What is planned before the lease is taken may be out of date by then: everything is planned under it.
    let lease = walk::take_lease(&context, &*provider, &arguments.walk.consent, printer).await?;
    let done = walk::under(&lease, apply(arguments, &context, &*provider, &lease, printer)).await;
    let released = lease.release().await.during(|| "cannot let go of the lease".to_owned());
    done.and_then(|code| released.map(|()| code))
}

async fn apply(
    arguments: &ApplyArguments,
    context: &Context,
    provider: &dyn engine::Provider,
    lease: &engine::lease::Lease<'_>,
    printer: &mut Printer,
) -> Result<Code, Failure> {
    let (plan, inventory) = plan::make(context, provider).await?;
    if let Some(file) = &arguments.plan {
        plan::check_saved(file, &plan, context)?;
    }
    if !printer.json {
        plan::print(&plan, context, arguments.walk.details, printer);
    }
    walk::refuse(&plan)?;
    let mut live = inventory;
    if !plan.is_empty() {
        if plan.changes_anything() {
            walk::agree(&plan, false, context, &arguments.walk.consent, printer).await?;
        }
        let walk = walk::Walk { verb: "apply", context, provider, lease, width: arguments.walk.consent.parallelism };
        live = walk::walk(&plan, live, &walk, printer).await?;
    }
    let outputs = view::outputs::values(&context.graph, &live);
    if printer.json {
        printer.line(&OutputsLine::Outputs { outputs });
    } else if !outputs.is_empty() {
        printer.data(&format!("\nOutputs\n{}", view::outputs::render(&outputs)));
    }
    Ok(Code::Done)
}

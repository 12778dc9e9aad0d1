//! `terrace destroy`.

use engine::Graph;

use super::{plan, walk};
use crate::args::WalkArguments;
use crate::context::Context;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;

pub(crate) async fn run(arguments: &WalkArguments, printer: &mut Printer) -> Result<Code, Failure> {
    let mut context = Context::load(&arguments.target.environment, printer)?;
    context.graph = Graph::default();
    let provider = context.connect().await?;
    let lease = walk::take_lease(&context, &*provider, &arguments.consent, printer).await?;
    let done = walk::under(&lease, destroy(arguments, &context, &*provider, &lease, printer)).await;
    let released = match &done {
        Ok(_) => lease.remove().await,
        Err(_) => lease.release().await,
    };
    done.and_then(|code| released.during(|| "cannot let go of the lease".to_owned()).map(|()| code))
}

async fn destroy(
    arguments: &WalkArguments,
    context: &Context,
    provider: &dyn engine::Provider,
    lease: &engine::lease::Lease<'_>,
    printer: &mut Printer,
) -> Result<Code, Failure> {
    let (plan, inventory) = plan::make(context, provider).await?;
    if plan.is_empty() {
        printer.note(&format!("nothing of {} is live\n", context.owner));
        return Ok(Code::Done);
    }
    if !printer.json {
        plan::print(&plan, context, arguments.details, printer);
    }
    walk::refuse(&plan)?;
    walk::agree(&plan, true, context, &arguments.consent, printer).await?;
    let walk = walk::Walk { verb: "destroy", context, provider, lease, width: arguments.consent.parallelism };
    walk::walk(&plan, inventory, &walk, printer).await?;
    Ok(Code::Done)
}

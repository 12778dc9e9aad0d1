//! `terrace plan`.

use std::path::Path;

use engine::{Graph, Inventory, Plan, discover};
use serde::{Deserialize, Serialize};

use crate::args::PlanArguments;
use crate::context::Context;
use crate::documents::Planned;
use crate::error::{Code, During, Failure};
use crate::printer::Printer;
use crate::view::{self, plan::Options};

pub(crate) async fn run(arguments: &PlanArguments, printer: &mut Printer) -> Result<Code, Failure> {
    let mut context = Context::load(&arguments.target.environment, printer)?;
    if arguments.destroy {
        context.graph = Graph::default();
    }
    let provider = context.connect().await?;
    let inventory = discover(&*provider, &context.owner).await.during(|| "cannot see what is live".to_owned())?;
    let plan = engine::plan(&context.graph, &inventory, provider.kinds());
    print(&plan, &context, arguments.details, printer);
    if let Some(file) = &arguments.out {
        save(file, &Saved { owner: context.owner.to_string(), plan: plan.clone() })?;
        printer.hint(&format!("`terrace apply {} --plan {}` applies it", context.environment.name, file.display()));
    }
    let changes = plan.changes_anything();
    Ok(if changes && arguments.detailed_exitcode { Code::Changes } else { Code::Done })
}

/// Prints a plan, for people or machines.
pub(super) fn print(plan: &Plan, context: &Context, details: bool, printer: &mut Printer) {
    if printer.json {
        return printer.document(&Planned { stack: context.owner.to_string(), plan });
    }
    let options = Options { paint: printer.paint, width: printer.width, details };
    printer.data(&view::plan::render(plan, &context.place(), options));
}

/// A plan in a file.
#[derive(Deserialize, Serialize)]
struct Saved {
    owner: String,
    plan: Plan,
}

fn save(file: &Path, saved: &Saved) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(saved).expect("plans are plain JSON");
    std::fs::write(file, text).during(|| format!("cannot save the plan as `{}`", file.display()))
}

/// Checks that a saved plan is what would be planned now: reality and blueprint are as they were.
pub(super) fn check_saved(file: &Path, plan: &Plan, context: &Context) -> Result<(), Failure> {
    let name = || format!("the saved plan `{}`", file.display());
    let text = std::fs::read(file).during(|| format!("cannot read {}", name()))?;
    let saved: Saved = serde_json::from_slice(&text).during(|| format!("{} is no plan", name()))?;
    let again = || format!("plan again: `terrace plan {} --out {}`", context.environment.name, file.display());
    if saved.owner != context.owner.to_string() {
        let message = format!("{} is for {}, not {}", name(), saved.owner, context.owner);
        return Err(Failure::new(message).code(Code::Stale));
    }
    if saved.plan != *plan {
        let message = format!("{} is stale: the blueprint or what is live has changed since", name());
        return Err(Failure::new(message).code(Code::Stale).hint(again()));
    }
    Ok(())
}

/// The plan and the inventory it was made on.
pub(super) async fn make(context: &Context, provider: &dyn engine::Provider) -> Result<(Plan, Inventory), Failure> {
    let inventory = discover(provider, &context.owner).await.during(|| "cannot see what is live".to_owned())?;
    Ok((engine::plan(&context.graph, &inventory, provider.kinds()), inventory))
}

//! `verify plan`: the requests of a run, and for which check. Sends nothing.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::output::show;
use super::subject::{declaration, subject, target};
use super::{Done, RunError};
use crate::cli::CheckArguments;
use crate::judge::plan::{Plan, Questions};
use crate::model::check::Needs;
use crate::model::evidence::Selection;

pub(super) fn plan(arguments: &CheckArguments, today: Date) -> Result<Done, RunError> {
    let declaration = declaration(arguments.profile.as_deref(), today)?;
    let selection = Selection { only: arguments.only.clone(), skip: arguments.skip.clone() };
    let target = target(arguments, &declaration)?;
    let allows = if arguments.intrusive || arguments.launch { Needs::Intrusive } else { Needs::Nothing };
    let subject = subject(&declaration, target, arguments.expect_release.clone(), allows, today);
    let plan = Plan::of(subject, &selection)?;
    let mut text = format!(
        "profile {} · {} · {} checks, {} requests\n",
        declaration.name,
        plan.subject.target,
        plan.checks.len(),
        plan.requests()
    );
    for planned in &plan.checks {
        let asked = match &planned.questions {
            Questions::Probes(probes) => format!("{:4} requests", probes.len()),
            Questions::Everything { .. } => " all answers".to_owned(),
            Questions::Skipped(why) => format!("n/a: {why}"),
        };
        // Without the option, the reason why the check is skipped names it.
        let needs = planned.check.needs.option().filter(|_| planned.check.needs <= plan.subject.allows);
        let needs = needs.map_or_else(String::new, |option| format!(", for {option}"));
        let _ = writeln!(text, "\n{}  {asked}{needs}", planned.check.id);
        if let Questions::Probes(probes) = &planned.questions {
            for (index, _) in probes {
                let _ = writeln!(text, "    {}", plan.probes[*index].request);
            }
        }
    }
    show(&text)
}

//! `verify replay FILE --url URL`: whether a new target passes the checks that failed in a recording.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::Date;

use crate::commands::output::{progress, show, tell};
use crate::commands::subject::{declaration, options, parse_target, subject};
use crate::commands::{Done, RunError};
use crate::judge::plan::{Plan, Questions};
use crate::judge::{Judgement, judge};
use crate::model::check::Verdict;
use crate::model::evidence::{Evidence, Selection};
use crate::model::probe::Probe;
use crate::prober::Prober;
use crate::report::recording;
use crate::report::{Outcome, Report, Status};

pub(in crate::commands) struct Again<'a> {
    pub(in crate::commands) file: &'a Path,
    pub(in crate::commands) profile: Option<&'a str>,
    pub(in crate::commands) url: &'a str,
    pub(in crate::commands) headers: &'a [String],
    pub(in crate::commands) ca: Option<&'a Path>,
}

pub(in crate::commands) async fn again(arguments: &Again<'_>, today: Date) -> Result<Done, RunError> {
    let evidence = recording::read(arguments.file)?;
    let declaration = declaration(Some(arguments.profile.unwrap_or(&evidence.profile)), today)?;
    let subject_of =
        |target| subject(&declaration, target, evidence.expected_release.clone(), evidence.allows, today);
    let target = parse_target(arguments.url)?;
    let options = options(arguments.headers, arguments.ca)?;
    let prober = Prober::new(&declaration.profile, &target, &options)?;

    let recorded = Plan::of(subject_of(parse_target(&evidence.target)?), &evidence.selection)?;
    let failed = Failed::of(&recorded, &evidence, today);
    if failed.unknown > 0 {
        tell(&format!(
            "{} checks could not be judged in the recording, and are not asked again; record it again with --record",
            failed.unknown
        ));
    }
    if failed.ids.is_empty() {
        return show("nothing failed in the recording, so nothing was sent\n");
    }

    let selection =
        Selection { only: failed.ids.iter().map(|&id| id.to_owned()).collect(), skip: Vec::new() };
    let mut plan = Plan::of(subject_of(target), &selection)?;
    for probe in failed.read_beside {
        if !plan.probes.contains(&probe) {
            plan.probes.push(probe);
        }
    }
    // A family around a failed check may be selected with it: `a.b` is the family of `a.b.c`.
    plan.checks.retain(|planned| failed.ids.contains(planned.check.id));
    let progress = progress(plan.probes.len());
    let answers = prober.run(&plan, |sent| progress.set_position(sent as u64)).await;
    progress.finish_and_clear();
    conclude(&judge(&plan, &answers))
}

/// The failed checks of a recording.
struct Failed {
    ids: BTreeSet<&'static str>,
    /// The findings of the failed checks that read every answer: they have no questions of their own.
    read_beside: Vec<Probe>,
    /// The number of inconclusive checks.
    unknown: usize,
}

impl Failed {
    fn of(plan: &Plan<'_>, evidence: &Evidence, today: Date) -> Self {
        let judgements = judge(plan, evidence);
        let read_beside = plan.checks.iter().zip(&judgements).flat_map(|(planned, judgement)| {
            match (&planned.questions, &judgement.verdict) {
                (Questions::Everything { .. }, Verdict::Fail(failures)) => failures.as_slice(),
                _ => &[],
            }
        });
        // They read the answers to ordinary requests.
        let usual: Vec<&Probe> = plan.probes.iter().filter(|probe| probe.request.means.is_client()).collect();
        let read_beside = read_beside.map(|failure| usual[failure.question].clone()).collect();
        // A waived failure was accepted: the report leaves it out.
        let findings = Report::new(plan.subject.declaration, judgements, today).findings;
        let ids = findings.iter().filter(|finding| finding.status == Status::Fail);
        Self {
            ids: ids.map(|finding| finding.check.id).collect(),
            read_beside,
            unknown: findings.iter().filter(|finding| finding.status == Status::Inconclusive).count(),
        }
    }
}

fn conclude(judgements: &[Judgement]) -> Result<Done, RunError> {
    let mut text = String::new();
    let (mut fixed, mut failed, mut unknown) = (0, 0, 0);
    for Judgement { check, verdict, .. } in judgements {
        let (word, count, why) = match verdict {
            Verdict::Pass => ("FIXED", &mut fixed, ""),
            Verdict::Fail(failures) => (
                "FAILED",
                &mut failed,
                failures.first().map(|failure| failure.observed.as_str()).unwrap_or_default(),
            ),
            Verdict::Inconclusive(why) | Verdict::NotApplicable(why) => {
                ("UNKNOWN", &mut unknown, why.as_str())
            }
        };
        *count += 1;
        let _ = writeln!(text, "{}", format!("{word:7}  {}  {why}", check.id).trim_end());
    }
    let _ = writeln!(text, "{fixed} fixed, {failed} failed, {unknown} unknown");
    show(&text)?;
    Ok(Done::Judged(match (failed, unknown) {
        (0, 0) => Outcome::Pass,
        (0, _) => Outcome::Inconclusive,
        _ => Outcome::Fail,
    }))
}

//! `verify init`: asks the deployment stage by stage, and writes the profile once.
#![allow(clippy::disallowed_methods, reason = "the profile is a file")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use jiff::civil::Date;
use profiles::Declaration;

use super::output::{progress, show, tell};
use super::subject::{options, parse_target};
use super::{Done, RunError};
use crate::cli::InitArguments;
use crate::init::{STAGES, Survey, Written};
use crate::prober::Prober;

pub(super) async fn init(arguments: &InitArguments, today: Date) -> Result<Done, RunError> {
    let target = parse_target(&arguments.url)?;
    if let Some(path) = arguments.output.as_deref().filter(|path| path.exists()) {
        return Err(RunError::Exists(path.display().to_string()));
    }
    let production = Declaration::load("production", today)?;
    let prober =
        Prober::new(&production.profile, &target, &options(&arguments.headers, arguments.ca.as_deref())?)?;
    let mut survey = Survey::new(target, arguments.origins.clone(), today);
    for stage in STAGES {
        let plan = survey.plan(*stage, &production);
        let progress = progress(plan.probes.len());
        let answers = prober.run(&plan, |sent| progress.set_position(sent as u64)).await;
        progress.finish_and_clear();
        survey.hear(&plan, answers).map_err(RunError::Unseen)?;
    }
    let written = survey.written();
    match &arguments.output {
        Some(path) => create(path, &written.text)?,
        None => {
            show(&written.text)?;
        }
    }
    tell(&thoughts(&written, arguments.output.as_deref()));
    Ok(Done::Shown)
}

/// An existing profile holds manual work: it is never overwritten.
fn create(path: &Path, text: &str) -> Result<(), RunError> {
    let shown = || path.display().to_string();
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => RunError::Exists(shown()),
        _ => RunError::Profiled { path: shown(), error },
    })
}

/// The remarks with their places, and the next command.
fn thoughts(written: &Written, output: Option<&Path>) -> String {
    let place = output.map_or("line ".to_owned(), |path| format!("{}:", path.display()));
    let mut lines: Vec<String> = written
        .doubts
        .iter()
        .map(|doubt| format!("{place}{}  {}  {}", doubt.line, doubt.setting, doubt.why))
        .collect();
    lines.push(match written.doubts.len() {
        0 => "no remarks to review".to_owned(),
        1 => "1 remark to review".to_owned(),
        many => format!("{many} remarks to review"),
    });
    lines.push(match output {
        // A name without a slash would be one of the embedded profiles.
        Some(path) if !path.to_string_lossy().contains('/') => {
            format!("next: verify --profile ./{}", path.display())
        }
        Some(path) => format!("next: verify --profile {}", path.display()),
        None => "next: the same with --output profiles/NAME.toml".to_owned(),
    });
    lines.join("\n")
}

//! Every reporter over the same report, and over a hostile one.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use profiles::Declaration;
use serde_json::Value as Json;
use support::{Distort, RELEASE, Reply, TODAY, foreign, start};
use verify::check::{Severity, Subject};
use verify::exchange::{Answer, Evidence, Exchange};
use verify::judge::judge;
use verify::observed::{Drift, observed};
use verify::plan::{Plan, Selection};
use verify::prober::{Access, Prober};
use verify::report::{Outcome, Report, Status};
use verify::reporters::REPORTERS;

const TARGET: &str = "https://api.example.com";

/// One of each kind: kept, broken, inconclusive, not applicable, waived; a small part of the catalogue, so that a
/// new check does not change how a report looks.
const CHECKS: &[&str] = &[
    "run.target.reachable",
    "run.control.unknown-path-404",
    "run.release.matches",
    "run.waivers.current",
    "cors.actual.allows-declared-origin",
    "cors.reject.null",
    "cors.reject.suffix",
    "cors.reject.non-canonical",
    "cors.preflight.rejects-method",
    "health.contract.status-and-type",
    "health.contract.environment",
    "exposure.banner",
    "method.405-with-allow",
    "headers.cookies",
];

const WAIVERS: &str = r#"
[[waivers]]
check = "exposure.banner"
reason = "the proxy adds it | ask *operations*"
expires = "2026-12-31"

[[waivers]]
check = "health.contract.status-and-type"
reason = "fixed in spring"
expires = "2026-06-30"

[[waivers]]
check = "cors.reject.null"
reason = "the old app"
expires = "2025-12-31"
"#;

const FAULTY: Distort = |seen, reply| {
    if seen.method == "POST" {
        *reply = Reply::new(429);
        return;
    }
    if seen.is_preflight() && seen.header("access-control-request-method") == Some("PLUMBLINE") {
        *reply = Reply::new(204);
        reply.grant(seen);
        reply.set("access-control-allow-methods", "PLUMBLINE");
        reply.set("access-control-allow-headers", "authorization, content-type");
    }
    let origin = seen.origin().to_ascii_lowercase();
    if origin.ends_with("example.com") {
        reply.grant(seen);
    }
    if origin == "null" {
        reply.set("access-control-allow-origin", "*");
    }
    if seen.path == "/health" {
        reply.body = reply.body.replace("production", "staging");
    }
    reply.set("x-powered-by", "Express");
};

fn declaration(waivers: &str) -> Declaration {
    let text = format!("{}{waivers}", include_str!("../../profiles/production.toml"));
    Declaration::parse("profiles/production.toml", &text, TODAY).unwrap()
}

fn plan<'a>(declaration: &'a Declaration, only: &[&str]) -> Plan<'a> {
    let subject = Subject {
        declaration,
        target: TARGET.parse().unwrap(),
        foreign: foreign(),
        expected_release: only.is_empty().then(|| RELEASE.to_owned()),
    };
    let only = only.iter().map(|id| (*id).to_owned()).collect();
    Plan::of(subject, &Selection { only, skip: Vec::new() }).unwrap()
}

/// What the backend answers, as if it had taken no longer than it is told here.
async fn evidence(plan: &Plan<'_>, distort: Distort) -> Evidence {
    let here = format!("http://{}", start(distort).await).parse().unwrap();
    let prober = Prober::new(plan.subject.profile(), &here, &Access::default()).unwrap();
    let mut evidence = prober.run(plan, |_| ()).await;
    evidence.duration_ms = 812;
    for (index, (_, exchange)) in evidence.exchanges.iter_mut().enumerate() {
        exchange.elapsed_ms = if index == 9 { 140 } else { 8 + (index as u64 * 7) % 23 };
    }
    evidence
}

fn report<'a>(plan: &Plan<'a>, evidence: &Evidence) -> Report<'a> {
    let mut report = Report::new(plan.subject.declaration, judge(plan, evidence), TODAY).of_run(evidence);
    report.observed = observed(plan, evidence);
    report
}

fn render(name: &str, report: &Report<'_>) -> String {
    let reporter = REPORTERS.iter().find(|reporter| reporter.name == name).unwrap();
    let text = (reporter.render)(report);
    assert_eq!(text, (reporter.render)(report), "the same report gives the same bytes");
    text
}

/// As a file has it.
fn plain(name: &str, report: &Report<'_>) -> String {
    anstream::adapter::strip_str(&render(name, report)).to_string()
}

async fn with_faulty(test: impl FnOnce(Report<'_>)) {
    let declaration = declaration(WAIVERS);
    let plan = plan(&declaration, CHECKS);
    let evidence = evidence(&plan, FAULTY).await;
    let mut report = report(&plan, &evidence);
    report.snapshots.unchanged = vec!["methods".to_owned()];
    report.snapshots.drifted = vec![Drift {
        name: "health".to_owned(),
        diff: "--- accepted\n+++ observed\n@@ -1,2 +1,3 @@\n GET /health: 200\n-also: x-a\n+also: x-a, x-powered-by\n".to_owned(),
    }];
    report.snapshots.unseen = vec!["exposure".to_owned()];
    report.warnings = vec!["`verify` has something to say".to_owned()];
    test(report);
}

#[tokio::test]
async fn every_reporter_shows_the_whole_story() {
    with_faulty(|report| {
        for status in
            [Status::Pass, Status::Fail, Status::Inconclusive, Status::NotApplicable, Status::Waived]
        {
            assert!(report.count(status) > 0, "{status:?} is missing");
        }
        for reporter in REPORTERS {
            insta::assert_snapshot!(reporter.name, plain(reporter.name, &report));
        }
    })
    .await;
}

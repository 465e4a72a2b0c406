//! Every reporter over the same report, and over a hostile one.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeSet;

use profiles::Declaration;
use pulldown_cmark::{Event, Options, Parser, Tag};
use quick_junit::TestCaseStatus;
use serde_json::Value as Json;
use support::{Distort, RELEASE, Reply, TODAY, foreign, start};
use variants::production_with;
use verify::judge::judge;
use verify::judge::plan::Plan;
use verify::model::check::{Needs, Severity, Subject};
use verify::model::evidence::{Evidence, Selection};
use verify::model::exchange::Answer;
use verify::prober::{ProbeOptions, Prober};
use verify::report::observed::{Drift, Snapshots, observed};
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

/// What the reports underline. The rest of the profile is production's, and stands below, or in its table below.
const SHOWN: &str = r#"environment = "production"

[cors]
origins = [
  "https://todo.example.com",
  "https://www.example.com",
]
methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
credentials = true

[health]
path = "/health"

[deployment]
url = "https://api.example.com"

[verify]
errors = "problem-json"
"#;

fn declaration(waivers: &str) -> Declaration {
    let text = production_with(&format!("{SHOWN}{waivers}"));
    Declaration::parse("profiles/production.toml", &text, TODAY).unwrap()
}

fn plan<'a>(declaration: &'a Declaration, only: &[&str]) -> Plan<'a> {
    let subject = Subject {
        declaration,
        target: TARGET.parse().unwrap(),
        foreign: foreign(),
        expected_release: only.is_empty().then(|| RELEASE.to_owned()),
        allows: Needs::Nothing,
    };
    let only = only.iter().map(|id| (*id).to_owned()).collect();
    Plan::of(subject, &Selection { only, skip: Vec::new() }).unwrap()
}

/// The backend's answers, with fixed durations.
async fn evidence(plan: &Plan<'_>, distort: Distort) -> Evidence {
    let here = format!("http://{}", start(distort).await).parse().unwrap();
    let prober = Prober::new(plan.subject.profile(), &here, &ProbeOptions::default()).unwrap();
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

#[tokio::test]
async fn junit_counts_what_the_report_counts() {
    with_faulty(|report| {
        let junit = quick_junit::Report::deserialize_from_str(&render("junit", &report)).unwrap();
        assert_eq!(
            (junit.tests, junit.failures, junit.errors, junit.skipped),
            (
                report.findings.len(),
                report.count(Status::Fail),
                report.count(Status::Inconclusive),
                report.count(Status::NotApplicable) + report.count(Status::Waived),
            )
        );
        for suite in &junit.test_suites {
            let properties: Vec<(&str, &str)> =
                suite.properties.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
            assert_eq!(properties, [("profile", "production"), ("target", TARGET), ("outcome", "fail")]);
            for case in &suite.test_cases {
                let finding =
                    report.findings.iter().find(|finding| finding.check.id == case.name.as_str()).unwrap();
                let passed = matches!(case.status, TestCaseStatus::Success { .. });
                assert_eq!(passed, finding.status == Status::Pass, "{}", finding.check.id);
            }
        }
    })
    .await;
}

/// The types are generated from the standard's schema: a member that it does not know, or one that is missing,
/// does not survive the way through them.
#[tokio::test]
async fn sarif_is_sarif() {
    with_faulty(|report| {
        let json: Json = serde_json::from_str(&render("sarif", &report)).unwrap();
        let typed: serde_sarif::sarif::Sarif = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&typed).unwrap(), json);

        let run = &json["runs"][0];
        let rules: Vec<&Json> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
        let planned: Vec<&str> = report.findings.iter().map(|finding| finding.check.id).collect();
        assert_eq!(rules, planned);
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), report.count(Status::Fail) + report.count(Status::Waived));
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index], &result["ruleId"]);
            let finding = &report.findings[index];
            assert_eq!(
                result["suppressions"].as_array().unwrap().len(),
                usize::from(finding.status == Status::Waived)
            );
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "profiles/production.toml");
            assert_eq!(place["region"]["startLine"], finding.location.line);
            assert!(place["region"]["endColumn"].as_u64() > place["region"]["startColumn"].as_u64());
        }
        let prints: BTreeSet<&str> = results
            .iter()
            .map(|result| result["partialFingerprints"]["checkAndPromise/v1"].as_str().unwrap())
            .collect();
        assert_eq!(prints.len(), results.len(), "two alerts must not be taken for one");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    })
    .await;
}

#[tokio::test]
async fn github_drops_no_annotation_that_we_have_not_counted() {
    let declaration = declaration(WAIVERS);
    let plan = plan(&declaration, &[]);
    let evidence = evidence(&plan, |seen, reply| reply.grant(seen)).await;
    let mut report = report(&plan, &evidence);
    for (index, finding) in report.findings.iter_mut().enumerate() {
        finding.observed = vec!["100%\n::error::seen".to_owned()];
        finding.status = match index {
            0..12 => Status::Inconclusive,
            12..25 => Status::Waived,
            _ => Status::Fail,
        };
        finding.waiver = Some(("known".to_owned(), TODAY));
    }
    let failed = report.count(Status::Fail);
    let text = render("github", &report);
    let lines = |kind: &str| text.lines().filter(|line| line.starts_with(&format!("::{kind} "))).count();
    assert_eq!((lines("error"), lines("warning"), lines("notice")), (10, 10, 10), "{text}");
    assert_eq!(text.lines().count(), 31, "a line from the target is not a line of the report: {text}");
    assert!(text.contains("100%25%0A::error::seen"), "{text}");
    let rest = format!("not shown here: {} errors, 2 warnings and 4 notices", failed - 10);
    assert!(text.contains(&rest), "`{rest}` is not in {text}");
    let severities: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("::error "))
        .map(|line| ["(high)", "(medium)", "(low)"].into_iter().find(|s| line.contains(s)).unwrap())
        .collect();
    assert!(severities.is_sorted_by_key(|s| ["(high)", "(medium)", "(low)"].iter().position(|k| k == s)));
}

#[tokio::test]
async fn only_failures_of_the_asked_severity_fail_the_run() {
    with_faulty(|mut report| {
        report.snapshots = Snapshots::default();
        report.findings.retain(|finding| finding.status != Status::Inconclusive);
        assert_eq!((report.outcome(), report.tolerated()), (Outcome::Fail, 0));

        report
            .findings
            .retain(|finding| finding.status != Status::Fail || finding.check.severity < Severity::High);
        report.fail_on = Severity::High;
        assert_eq!((report.outcome(), report.tolerated()), (Outcome::Pass, 3));
        assert_eq!(report.count(Status::Fail), 3, "they are failures all the same");
        assert!(plain("github", &report).lines().all(|line| !line.starts_with("::error")));
        assert!(plain("html", &report).contains("below --fail-on"));

        report.fail_on = Severity::Medium;
        assert_eq!((report.outcome(), report.tolerated()), (Outcome::Fail, 1));
    })
    .await;
}

#[tokio::test]
async fn a_waiver_is_judged_by_its_day_and_by_what_it_waives() {
    let waiver = |check: &str, expires: &str| {
        format!("\n[[waivers]]\ncheck = \"{check}\"\nreason = \"known\"\nexpires = \"{expires}\"\n")
    };
    let (later, over) = ("2026-12-31", "2026-01-01");
    let all: &[&str] = &[];
    let few: &[&str] = &["run.waivers.current", "run.target.reachable", "cors.reject.null"];
    let needed = waiver("exposure.banner", later);
    for (waivers, only, status, says) in [
        (String::new(), all, Status::NotApplicable, "the profile waives nothing"),
        (needed.clone(), all, Status::Pass, ""),
        (
            needed.clone() + &waiver("method", later),
            all,
            Status::Fail,
            "the waiver of `method` is not needed",
        ),
        // A drill may need it.
        (needed.clone() + &waiver("cors", later), all, Status::Pass, ""),
        (waiver("cors", later), few, Status::Pass, ""),
        (waiver("exposure.banner", over), few, Status::Fail, "expired on 2026-01-01"),
        (waiver("cors", over), &["run.waivers"], Status::Inconclusive, "no check that has a waiver"),
        (waiver("cors", over) + &waiver("run.waivers", later), few, Status::Waived, "expired on 2026-01-01"),
        (
            needed + &waiver("run.no-5xx-anywhere", later),
            all,
            Status::Fail,
            "`run.no-5xx-anywhere` is not needed",
        ),
    ] {
        let declaration = declaration(&waivers);
        let plan = plan(&declaration, only);
        let evidence = evidence(&plan, |_, reply| reply.set("x-powered-by", "Express")).await;
        let report = report(&plan, &evidence);
        let finding =
            report.findings.iter().find(|finding| finding.check.id == "run.waivers.current").unwrap();
        let seen = finding.observed.join(" ");
        assert_eq!((finding.status, seen.contains(says)), (status, true), "{waivers}{seen}");
        if finding.status == Status::Fail {
            let line = declaration.source.line(&finding.promise);
            assert!(line.starts_with("check = ") || line.starts_with("expires = "), "{line}");
        }
    }
}

/// Hostile text in every field of an exchange that reports use.
const PAYLOAD: &str = "</script><script>alert(1)</script><img src=x>|a|`b```c [l](https://evil.example) \u{1b}[31m\u{202e}\r\n\r\n::error::pwned\n```\n# pwned\n%0A::error::pwned ]]> {{ 7 * 191 }} postgres://app:hunter2@db.example/x";
const SECRETS: &[&str] = &["hunter2", "c00kie-value", "bearer-value", "sent-cookie"];

fn hostile(mut evidence: Evidence) -> Evidence {
    for (_, exchange) in &mut evidence.exchanges {
        exchange.request.headers.push(("authorization".to_owned(), "Bearer bearer-value".to_owned()));
        exchange.request.headers.push(("Cookie".to_owned(), "sid=sent-cookie".to_owned()));
        let origin = exchange.request.header("origin").unwrap_or_default().to_owned();
        let Answer::Received(response) = &mut exchange.answer else { continue };
        response.headers = [
            "x-powered-by",
            "server",
            "allow",
            "content-type",
            "vary",
            "x-release",
            "cache-control",
            "location",
            "access-control-allow-methods",
            "access-control-max-age",
            "access-control-expose-headers",
        ]
        .map(|name| (name.to_owned(), PAYLOAD.to_owned()))
        .into();
        let cookie = format!("{PAYLOAD}=c00kie-value; Path=/");
        response.headers.push(("set-cookie".to_owned(), "sid=c00kie-value; Path=/".to_owned()));
        response.headers.push(("set-cookie".to_owned(), cookie));
        response.headers.push(("access-control-allow-origin".to_owned(), origin));
        let text = serde_json::Value::from(PAYLOAD);
        response.body = format!(
            "{{\"status\":{text},\"database\":{text},\"environment\":{text},\"timestamp\":{text},\"password\":\"hunter2\"}}"
        );
    }
    evidence
}

#[tokio::test]
async fn no_reporter_repeats_a_secret_or_obeys_a_target() {
    let declaration = declaration("");
    let plan = plan(&declaration, &[]);
    let evidence = hostile(evidence(&plan, |_, _| {}).await);
    let mut report = report(&plan, &evidence);
    let seen: Vec<&str> = report.observed.iter().map(|subject| subject.text.as_str()).collect();
    let seen = seen.join("\n");
    let diff: Vec<String> = seen.lines().map(|line| format!("+{line}\n {line}\n")).collect();
    report.snapshots.drifted = vec![Drift { name: "health".to_owned(), diff: diff.concat() }];
    assert!(report.count(Status::Fail) > 15, "a hostile target breaks many promises");
    assert!(
        seen.contains("<script>") && seen.contains("```"),
        "what is reviewed shows what was said: {seen}"
    );

    for reporter in REPORTERS {
        let text = plain(reporter.name, &report);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{} repeats {secret}: {text}", reporter.name);
        }
        let obeyed = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(obeyed, None, "{}", reporter.name);
        assert!(!text.contains("1337"), "{}: a target's template was filled in", reporter.name);
        // Actions obeys such a line in a step's output, after spaces too; pages are for files.
        let obeyed = text.lines().find(|line| line.trim_start().starts_with("::error::"));
        assert!(obeyed.is_none() || ["html", "markdown"].contains(&reporter.name), "{}", reporter.name);
    }
    let html = plain("html", &report);
    assert!(!html.contains("<script") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
    markdown_is_ours(&plain("markdown", &report));
    let sarif = plain("sarif", &report);
    assert!(!sarif.contains("]("), "a link: {sarif}");
    let junit = quick_junit::Report::deserialize_from_str(&plain("junit", &report)).unwrap();
    assert_eq!(junit.tests, report.findings.len());

    // Only then the human report shows what drifted.
    report.findings.retain(|finding| finding.status == Status::Pass);
    assert_eq!(report.outcome(), Outcome::Drift);
    let human = plain("human", &report);
    assert!(
        human.contains("::error::pwned") && !human.lines().any(|line| line.trim_start().starts_with("::"))
    );
}

/// No HTML but the folds, no link, no heading that the reporter did not write.
fn markdown_is_ours(text: &str) {
    let ours = ["## ", "### Broken", "### Inconclusive", "### Waived", "### Snapshots", "### Warnings"];
    for event in Parser::new_ext(text, Options::ENABLE_GFM | Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            (Event::Html(html) | Event::InlineHtml(html), _) => {
                let known = html.starts_with("<details") || html.starts_with("</details>");
                assert!(known && !html.contains("script>"), "{html}");
            }
            (Event::Start(Tag::Heading { .. }), place) => {
                assert!(ours.iter().any(|title| text[place.clone()].starts_with(title)), "{}", &text[place]);
            }
            (Event::Start(tag @ (Tag::Link { .. } | Tag::Image { .. })), _) => panic!("{tag:?}"),
            (Event::Text(text), _) => assert!(!text.contains("\n::error"), "{text}"),
            _ => {}
        }
    }
}

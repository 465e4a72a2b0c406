//! No answer, however malformed, makes a judgement or a report panic.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeMap;

use jiff::civil::date;
use profiles::Declaration;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use support::missing::{missing, tls_failure};
use support::{RELEASE, foreign};
use variants::production;
use verify::judge::plan::Plan;
use verify::judge::{judge, obstacle};
use verify::model::check::{Needs, Subject};
use verify::model::drilled::{Counts, Drilled, Ended, Steady, StepResult, TimedReply};
use verify::model::evidence::{Evidence, Selection};
use verify::model::exchange::{
    Answer, Burst, Certificate, Exchange, Handshake, Means, RawReply, Response, Unanswered,
};
use verify::report::observed::observed;
use verify::report::{Report, Status};
use verify::reporters::REPORTERS;

/// Names that some check reads.
const NAMES: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "allow",
    "cache-control",
    "content-encoding",
    "content-security-policy",
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
    "x-release",
    "x-request-id",
];

/// Typical values, to be mixed with arbitrary text.
const VALUES: &[&str] = &[
    "*",
    "true",
    "null",
    "https://todo.example.com",
    "application/json",
    "application/problem+json; charset=utf-8",
    "text/html",
    "max-age=",
    "max-age=99999999999999999999",
    "Mon, 02 Jan 2026 03:04:05 GMT",
    "origin, ,,accept-encoding",
    "https://127.0.0.1/health",
    "sid=1; Secure; SameSite",
    ";=,",
    "",
];

const BODIES: &[&str] = &[
    "{\"status\":\"ok\",\"database\":\"connected\",\"environment\":\"production\",\"timestamp\":\"2026-01-02T03:04:05Z\"}",
    "{\"status\":404,\"type\":\"about:blank\",\"title\":\"Not Found\"}",
    "{\"timestamp\":\"-262143-01-01T00:00:00Z\"}",
    "postgres://app:hunter2@db/app",
    "[[[[[[[[",
    "<svg/onload=plumbline>",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answers_can_be_judged_and_reported(
        answers in vec(answer(), 1..24),
        reply in vec(reply(), 1..4),
        handshake in vec(handshake(), 1..4),
        bursts in vec(burst(), 1..4),
        shift in 0_usize..24,
    ) {
        let declaration = production().with("load.rate_limit", 20).declaration();
        let subject = Subject {
            declaration: &declaration,
            target: "https://api.example.com".parse().unwrap(),
            foreign: foreign(),
            expected_release: Some(RELEASE.to_owned()),
            allows: Needs::Intrusive,
        };
        let plan = Plan::of(subject, &Selection::default()).unwrap();
        // Mostly of the kind that was asked for, so that more than the refusal of the wrong kind is judged.
        let evidence = evidence(&plan, |index, means| match means {
            Means::Raw(_) | Means::Frames if index % 4 > 0 => reply[(index + shift) % reply.len()].clone(),
            Means::Handshake(_) if index % 4 > 0 => handshake[(index + shift) % handshake.len()].clone(),
            Means::Burst(_) if index % 4 > 0 => bursts[(index + shift) % bursts.len()].clone(),
            _ => answers[(index + shift) % answers.len()].clone(),
        });

        check(&declaration, &plan, &evidence)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_drills_can_be_judged_and_reported(
        answers in vec(answer(), 1..4),
        drills in vec(drilled(), 1..8),
        shift in 0_usize..8,
    ) {
        let items = ["/api/items"];
        let declaration = production().with("drill.reads", items).with("drill.writes", items).declaration();
        let subject = Subject {
            declaration: &declaration,
            target: "http://127.0.0.1:1".parse().unwrap(),
            foreign: Vec::new(),
            expected_release: None,
            allows: Needs::Drill,
        };
        let plan = Plan::of(subject, &Selection::default()).unwrap();
        let evidence = evidence(&plan, |index, means| match means {
            Means::Drill(_) if index % 5 > 0 => drills[(index + shift) % drills.len()].clone(),
            _ => answers[(index + shift) % answers.len()].clone(),
        });
        check(&declaration, &plan, &evidence)?;
    }
}

/// Judges and reports, and checks the properties of every report.
fn check(declaration: &Declaration, plan: &Plan<'_>, evidence: &Evidence) -> Result<(), TestCaseError> {
    // A recording is read as it was written.
    let written = serde_json::to_string(evidence).unwrap();
    prop_assert_eq!(&serde_json::from_str::<Evidence>(&written).unwrap(), evidence);

    let _ = obstacle(plan, evidence);
    let mut report = Report::new(declaration, judge(plan, evidence), date(2026, 1, 2)).of_run(evidence);
    report.observed = observed(plan, evidence);
    prop_assert_eq!(report.findings.len(), plan.checks.len());
    for finding in &report.findings {
        let reply = finding.status == Status::Pass || !finding.observed.is_empty();
        prop_assert!(reply, "{} is {:?} and does not say why", finding.check.id, finding.status);
    }
    for reporter in REPORTERS {
        prop_assert!(!(reporter.render)(&report).is_empty());
    }
    Ok(())
}

fn evidence(plan: &Plan<'_>, answer: impl Fn(usize, &Means) -> Answer) -> Evidence {
    let exchanges = plan.probes.iter().enumerate().map(|(index, probe)| {
        let request = probe.request.clone();
        let exchange = Exchange {
            request,
            answer: answer(index, &probe.request.means),
            elapsed_ms: 7,
            received_ms: 1_767_323_045_000,
        };
        (probe.clone(), exchange)
    });
    Evidence {
        schema: Evidence::SCHEMA.to_owned(),
        profile: "production".to_owned(),
        target: plan.subject.target.to_string(),
        expected_release: plan.subject.expected_release.clone(),
        selection: plan.selection.clone(),
        allows: Needs::Intrusive,
        duration_ms: 1,
        requests: plan.requests(),
        exchanges: exchanges.collect(),
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => response().prop_map(Answer::Received),
        1 => missing(text()).prop_map(Answer::Missing),
        1 => reply(),
        1 => handshake(),
        1 => burst(),
    ]
}

fn reply() -> impl Strategy<Value = Answer> {
    (vec(response(), 0..3), any::<bool>(), any::<u64>())
        .prop_map(|(responses, closed, taken)| Answer::Raw(RawReply { responses, closed, taken }))
}

fn response() -> impl Strategy<Value = Response> {
    let status =
        prop_oneof![select(vec![200, 204, 301, 400, 401, 403, 404, 405, 429, 500, 503]), any::<u16>()];
    let value = prop_oneof![select(VALUES).prop_map(str::to_owned), text()];
    let header = (select(NAMES).prop_map(str::to_owned), value);
    let body = prop_oneof![select(BODIES).prop_map(str::to_owned), text()];
    (status, vec(header, 0..12), body).prop_map(|(status, headers, body)| Response { status, headers, body })
}

fn handshake() -> impl Strategy<Value = Answer> {
    let some = || proptest::option::of(text());
    let certificate =
        (any::<i64>(), any::<usize>()).prop_map(|(not_after_ms, sent)| Certificate { not_after_ms, sent });
    (some(), some(), proptest::option::of(certificate), proptest::option::of(tls_failure())).prop_map(
        |(version, protocol, certificate, refused)| {
            Answer::Handshake(Handshake { version, protocol, certificate, refused })
        },
    )
}

fn burst() -> impl Strategy<Value = Answer> {
    let statuses: BTreeMap<u16, u32> = BTreeMap::new();
    let statuses = prop_oneof![Just(statuses), btree_map(any::<u16>(), 0_u32..200, 0..4)];
    let failure =
        (missing(text()), 0_u32..200).prop_map(|(why, connections)| Unanswered { why, connections });
    let failures = vec(failure, 0..3);
    let latencies = vec(any::<u64>(), 0..200).prop_map(|mut latencies| {
        latencies.sort_unstable();
        latencies
    });
    (statuses, failures, latencies, proptest::option::of(text())).prop_map(
        |(statuses, failures, latencies_ms, retry_after)| {
            Answer::Burst(Burst { statuses, failures, latencies_ms, retry_after })
        },
    )
}

fn drilled() -> impl Strategy<Value = Answer> {
    let steady = || {
        prop_oneof![
            any::<u64>().prop_map(Steady::Healthy),
            (missing(text()), any::<u64>()).prop_map(|(why, within_ms)| Steady::Not { why, within_ms }),
            Just(Steady::Unasked)
        ]
    };
    (steady(), vec(seen(), 0..14), steady())
        .prop_map(|(before, steps, after)| Answer::Drilled(Drilled::new(before, steps, after)))
}

fn seen() -> impl Strategy<Value = StepResult> {
    let reply = (any::<u64>(), prop_oneof![3 => response().prop_map(Ok), 1 => missing(text()).prop_map(Err)]);
    let reply = reply.prop_map(|(after_ms, answer)| TimedReply { after_ms, answer });
    let counts = any::<(u32, u32, u64, u64, u64)>().prop_map(
        |(open, most_open, queries, named_statements, trusting)| Counts {
            open,
            most_open,
            queries,
            named_statements,
            trusting,
        },
    );
    let ended = proptest::option::of(any::<(Option<i32>, u64)>());
    let ended = ended.prop_map(|ended| ended.map(|(code, after_ms)| Ended { code, after_ms }));
    let rest = (any::<u64>(), any::<bool>(), vec(text(), 0..3), vec((text(), text()), 0..2));
    (vec(reply, 0..4), counts, ended, rest).prop_map(
        |(answers, counts, ended, (took_ms, closed, log, leaks))| StepResult {
            took_ms,
            answers,
            counts,
            ended,
            closed,
            log,
            leaks,
        },
    )
}

/// Arbitrary text, with control characters and characters of several bytes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", "\\PC{0,20}", "[\\x00-\\x1f\u{80}-\u{ff}]{0,10}"]
}

#[test]
fn every_means_is_among_the_questions() {
    // Otherwise no answer of that kind would reach a check that expects it.
    let declaration = Declaration::load("production", date(2026, 1, 2)).unwrap();
    let subject = Subject {
        declaration: &declaration,
        target: "https://api.example.com".parse().unwrap(),
        foreign: foreign(),
        expected_release: None,
        allows: Needs::Intrusive,
    };
    let plan = Plan::of(subject, &Selection::default()).unwrap();
    let any = |wanted: fn(&Means) -> bool| plan.probes.iter().any(|probe| wanted(&probe.request.means));
    assert!(any(|means| matches!(means, Means::Raw(_))));
    assert!(any(|means| matches!(means, Means::Handshake(_))));
    assert!(any(|means| matches!(means, Means::Burst(_))));
    assert!(any(|means| matches!(means, Means::Http2)));
    assert!(any(|means| matches!(means, Means::Frames)));
    assert!(any(|means| matches!(means, Means::Plain)));
}

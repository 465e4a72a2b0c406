//! Answers written as text: the documented examples of checks, which are also their unit tests.
//!
//! An example is one answer for every question, or several separated by `---`, one per question, the last one
//! for the rest. `{origin}` stands for the `Origin` that was sent, `{method}` and `{headers}` for what a
//! preflight asked for, `{now}` for the current second.
//!
//! Other answers have a short form. Raw bytes: responses with `+++` between them, and `(open)` at
//! the end where the connection was not closed, or `(closed)` alone. A drill: a line for each named result,
//! `in-flight: 200 in 812 ms`. A handshake: `TLS 1.3 · h2 · certificate for
//! 60 days`, or `refused: alert 70`, `refused: closed`, `refused: expired`. A burst: `200 x98, reset x2 · 20 ms ·
//! retry-after 1`. An answer that never came: `missing: REASON`, a reason of [`missing`].

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;

use crate::model::check::{Ask, Question, Subject};
use crate::model::drill::Step;
use crate::model::drilled::{Drilled, Ended, Steady, StepResult, TimedReply};
use crate::model::exchange::{
    Answer, Burst, Certificate, Exchange, Handshake, Means, RawReply, Response, Unanswered,
};
use crate::model::missing::{Missing, Phase};
use crate::model::probe::Probe;
use crate::model::tls::{Alert, CertificateFault, TlsFailure};

/// The instant of every example, so that examples about time are repeatable: 2026-01-02T03:04:05Z.
pub const NOW_MS: i64 = 1_767_323_045_000;

/// The exchanges with a deployment that answers as the example says.
pub fn exchanges(subject: &Subject<'_>, ask: fn(&Subject<'_>) -> Ask, example: &str) -> Vec<Exchange> {
    let questions = match ask(subject) {
        Ask::Questions(questions) => questions,
        Ask::Everything { promise, .. } => {
            let usual = Probe::get(subject.health());
            let drilled = !example.starts_with("HTTP/") && !example.starts_with("missing: ");
            let steps = vec![Step::ask(usual.request.clone(), 1).named("answer")];
            vec![Question::new(if drilled { usual.by(Means::Drill(steps)) } else { usual }, promise)]
        }
        Ask::Skip(_) => return Vec::new(),
    };
    let answers: Vec<&str> = example.split("\n---\n").collect();
    questions
        .iter()
        .enumerate()
        .map(|(index, question)| exchange(question, answers[index.min(answers.len() - 1)]))
        .collect()
}

fn exchange(question: &Question, answer: &str) -> Exchange {
    let request = question.probe.request.clone();
    let second = NOW_MS / 1000 + i64::from(question.probe.round);
    let filled = answer
        .replace("{origin}", request.header("origin").unwrap_or_default())
        .replace("{method}", request.header("access-control-request-method").unwrap_or_default())
        .replace("{headers}", request.header("access-control-request-headers").unwrap_or_default())
        .replace("{now}", &jiff::Timestamp::from_second(second).expect("a time in this century").to_string());
    let answer = match (filled.strip_prefix("missing: "), &request.means) {
        (Some(reason), _) => Answer::Missing(missing(reason, &request.means)),
        (None, Means::Raw(_) | Means::Frames) => Answer::Raw(reply(&filled)),
        (None, Means::Drill(steps)) if !filled.starts_with("HTTP/") => {
            Answer::Drilled(drilled(&filled, steps))
        }
        _ if filled.starts_with("HTTP/") => Answer::Received(response(&filled)),
        (None, Means::Handshake(_)) => Answer::Handshake(handshake(&filled)),
        (None, Means::Burst(_)) => Answer::Burst(burst(&filled)),
        _ => Answer::Missing(Missing::OtherKind),
    };
    let slow = filled.contains("x-example-elapsed-ms: ");
    Exchange { request, answer, elapsed_ms: if slow { 60_000 } else { 1 }, received_ms: second * 1000 }
}

/// Why there is no answer: a word for each kind that checks distinguish.
fn missing(reason: &str, means: &Means) -> Missing {
    let place = "api.example.com".to_owned();
    match (reason, means) {
        ("no-address", Means::Address(kind)) => Missing::NoAddress { host: place, kind: *kind },
        ("refused", _) => Missing::Refused { place },
        ("timeout", _) => Missing::Timeout { place, phase: Phase::Head, within_ms: 5_000 },
        ("closed", _) => Missing::Closed { place, phase: Phase::Head },
        ("reset", _) => Missing::Reset { place, phase: Phase::Head },
        _ => unreachable!("an example gives a reason that is listed here: asserted in tests/catalogue.rs"),
    }
}

/// How a handshake was refused.
fn refused(why: &str) -> TlsFailure {
    match why.strip_prefix("alert ").map(str::parse) {
        Some(number) => Alert(number.expect("an alert has a number: asserted in tests/catalogue.rs")).into(),
        None if why == "closed" => TlsFailure::Closed,
        None => {
            let fault: Result<_, serde::de::value::Error> =
                CertificateFault::deserialize(why.into_deserializer());
            TlsFailure::Certificate(fault.expect("a fault has a name: asserted in tests/catalogue.rs"))
        }
    }
}

fn reply(text: &str) -> RawReply {
    let open = text.strip_suffix("(open)");
    let text = open.unwrap_or(text).trim_end();
    let responses = text.split("\n+++\n").filter(|part| part.starts_with("HTTP/")).map(response);
    RawReply { responses: responses.collect(), closed: open.is_none(), taken: 0 }
}

/// A line for each result that a check reads, `in-flight: 200 in 812 ms`; a step that has none showed nothing.
///
/// Behind the name: `503 x8 in 12 ms [name: value] BODY`, `none in 9 ms`, `refused in 9 ms`, `ended 1 in 90 ms`,
/// `queries 3`, `open 12`, `named 1`, `trusting 1`, `leak NAME`, `log TEXT`, with `; ` between them, or `running`.
fn drilled(text: &str, steps: &[Step]) -> Drilled {
    let mut results = vec![StepResult::default(); steps.len()];
    for line in text.lines() {
        let named = line
            .split_once(": ")
            .and_then(|(name, facts)| Some((steps.iter().position(|step| step.is_named(name))?, facts)));
        // Which steps a drill has depends on the profile; tests/catalogue.rs holds the names against a full one.
        let Some((index, facts)) = named else { continue };
        results[index] = result(facts);
    }
    Drilled::new(Steady::Healthy(1), results, Steady::Healthy(1))
}

fn result(facts: &str) -> StepResult {
    let mut seen = StepResult::default();
    for fact in facts.split("; ") {
        let (word, rest) = fact.split_once(' ').unwrap_or((fact, ""));
        let number = rest.parse().unwrap_or_default();
        match word {
            "running" => {}
            "log" => seen.log.push(rest.to_owned()),
            "leak" => seen.leaks.push((rest.to_owned(), "the output of the candidate".to_owned())),
            "queries" => seen.counts.queries = u64::from(number),
            "open" => seen.counts.most_open = number,
            "named" => seen.counts.named_statements = u64::from(number),
            "trusting" => seen.counts.trusting = u64::from(number),
            "ended" => {
                let code = rest.split(' ').next().and_then(|code| code.parse().ok());
                seen.ended = Some(Ended { code, after_ms: after_ms(rest) });
            }
            status => seen.answers = answers(status, rest),
        }
    }
    seen
}

fn answers(status: &str, rest: &str) -> Vec<TimedReply> {
    let times = rest.strip_prefix('x').and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(1);
    let tail = rest.split_once(" ms").map_or("", |(_, tail)| tail.trim());
    let mut response =
        Response { status: status.parse().unwrap_or_default(), headers: Vec::new(), body: String::new() };
    let mut tail = tail;
    while let Some((header, more)) = tail.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
        response
            .headers
            .extend(header.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())));
        tail = more.trim();
    }
    tail.clone_into(&mut response.body);
    if !response.body.is_empty() && response.header("content-type").is_none() {
        response.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let answer = match status {
        "none" => Err(missing("timeout", &Means::Client)),
        "refused" => Err(missing("refused", &Means::Client)),
        _ => Ok(response),
    };
    vec![TimedReply { after_ms: after_ms(rest), answer }; times]
}

fn after_ms(text: &str) -> u64 {
    let before = text.split_once(" ms").map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|ms| ms.parse().ok()).unwrap_or_default()
}

fn handshake(text: &str) -> Handshake {
    if let Some(why) = text.strip_prefix("refused: ") {
        return Handshake { version: None, protocol: None, certificate: None, refused: Some(refused(why)) };
    }
    let mut parts = text.split(" · ");
    let version = parts.next().map(str::to_owned);
    let protocol = parts.next().map(str::to_owned);
    let days =
        parts.next().and_then(|part| part.strip_prefix("certificate for ")?.split(' ').next()?.parse().ok());
    let certificate =
        days.map(|days: i64| Certificate { not_after_ms: NOW_MS + days * 86_400_000 + 1, sent: 2 });
    Handshake { version, protocol, certificate, refused: None }
}

fn burst(text: &str) -> Burst {
    let mut burst = Burst {
        statuses: BTreeMap::new(),
        failures: Vec::new(),
        latencies_ms: Vec::new(),
        retry_after: None,
    };
    let mut parts = text.split(" · ");
    for (what, times) in
        parts.next().into_iter().flat_map(|part| part.split(", ")).filter_map(|one| one.split_once(" x"))
    {
        let times = times.parse().unwrap_or_default();
        if let Ok(status) = what.parse() {
            burst.statuses.insert(status, times);
        } else {
            let why = missing(what, &Means::Client);
            burst.failures.push(Unanswered { why, connections: times });
        }
    }
    for part in parts {
        if let Some(seconds) = part.strip_prefix("retry-after ") {
            burst.retry_after = Some(seconds.to_owned());
        } else if let Some(Ok(ms)) = part.strip_suffix(" ms").map(str::parse) {
            burst.latencies_ms =
                burst.statuses.values().flat_map(|times| vec![ms; *times as usize]).collect();
        }
    }
    burst
}

/// A response written as in HTTP/1.1.
fn response(text: &str) -> Response {
    text.parse().expect("an example begins with a status line: asserted in tests/catalogue.rs")
}

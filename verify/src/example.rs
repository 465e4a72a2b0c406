//! Answers written as text: the documented examples of checks, which are also their unit tests.
//!
//! An example is one answer for every question, or several separated by `---`, one per question, the last one
//! for the rest. `{origin}` stands for the `Origin` that was sent, `{method}` and `{headers}` for what a
//! preflight asked for, `{now}` for the current second.

use crate::check::{Ask, Question, Subject};
use crate::exchange::{Answer, Exchange, Response};
use crate::probe::Probe;

/// The instant of every example, so that examples about time are repeatable: 2026-01-02T03:04:05Z.
pub const NOW_MS: i64 = 1_767_323_045_000;

/// The exchanges that a deployment answering as the example says would produce.
pub fn exchanges(subject: &Subject<'_>, ask: fn(&Subject<'_>) -> Ask, example: &str) -> Vec<Exchange> {
    let questions = match ask(subject) {
        Ask::Questions(questions) => questions,
        Ask::Everything { promise } => vec![Question::new(Probe::get(subject.health()), promise)],
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
    let answer = match filled.strip_prefix("missing: ") {
        Some(why) => Answer::Missing(why.to_owned()),
        None => Answer::Received(response(&filled)),
    };
    let slow = filled.contains("x-example-elapsed-ms: ");
    Exchange { request, answer, elapsed_ms: if slow { 60_000 } else { 1 }, received_ms: second * 1000 }
}

/// A response written as in HTTP/1.1: status line, header lines, an empty line, the body.
pub fn response(text: &str) -> Response {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .expect("an example begins with a status line: asserted in tests/catalogue.rs");
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Response { status, headers, body: body.to_owned() }
}

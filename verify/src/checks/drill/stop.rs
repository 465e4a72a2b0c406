//! After a signal a candidate finishes the requests in flight, and ends in the declared time.

use crate::checks::drilled::{answer, drill, health, result, steps, words};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::drill::{Action, Change, Fault, Signal, Step};
use crate::model::drilled::{StepResult, TimedReply};
use crate::model::exchange::Exchange;
use crate::model::missing::Missing;

pub(super) const DRAINS: Check = Check {
    id: "drill.stop.drains",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "After SIGTERM and SIGINT the service answers requests in flight, accepts no new connections, does not \
           wait for idle ones, and ends with 0 in the declared time.",
    rationale: "Every deployment stops the old release: one that ends at once fails its requests in flight, and \
                one that waits for idle connections is killed with all its requests.",
    remedy: "Stop accepting, finish requests in flight, close idle connections, end with 0. Here: `server.drain_timeout`. \
             uvicorn: start it with `exec` and `--timeout-graceful-shutdown`. Express: `server.close()` and \
             `server.closeIdleConnections()` on SIGTERM.",
    references: &[
        "https://docs.railway.com/deployments/reference",
        "https://cwe.mitre.org/data/definitions/404.html",
    ],
    requirements: &["FR-009"],
    ask: |subject| {
        let idle = format!("GET {} HTTP/1.1\r\nhost: {{host}}\r\n\r\n", subject.health());
        let lame_duck = lame_duck_ms(subject);
        let probes = [Signal::Terminate, Signal::Interrupt].map(|signal| {
            let steps = vec![
                Step::start(Change::Nothing),
                Step::recover(subject.profile().launch.ready.millis()).named(WELL),
                Step::hold(idle.clone()),
                Step::pause(100),
                Step::fault(Fault::Latency(700)),
                Step::begin(health(subject), 1),
                Step::pause(BEFORE_MS),
                Step::signal(signal),
                Step::pause(lame_duck + 250),
                Step::reach("127.0.0.1").named(NEW_CONNECTION),
                Step::gather().named(IN_FLIGHT),
                Step::end(declared_ms(subject) + LATE_MS).named(END),
            ];
            drill(subject, steps)
        });
        Ask::Questions(probes.map(|probe| Question::new(probe, "server.drain_timeout")).into())
    },
    judge: |subject, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            if let Some(why) = never_well(exchange) {
                return vec![Reading::Unknown(why)];
            }
            let signal = signal(exchange);
            let in_flight =
                answer(exchange, IN_FLIGHT).map_or_else(Reading::Unknown, |reply| finished(reply, signal));
            let new = answer(exchange, NEW_CONNECTION)
                .map_or_else(Reading::Unknown, |reply| refused(reply, signal));
            let end = match result(exchange, END) {
                Ok(end) => ended(subject, end, signal, Some(0)),
                Err(why) => vec![Reading::Unknown(why)],
            };
            [in_flight, new].into_iter().chain(end).collect()
        })
    },
    passes: &["new-connection: refused in 1 ms\nin-flight: 200 in 812 ms\nend: ended 0 in 900 ms"],
    fails: &[
        "new-connection: refused in 1 ms\nin-flight: none in 300 ms\nend: ended 0 in 10 ms",
        "new-connection: 404 in 1 ms\nin-flight: 200 in 812 ms\nend: ended 0 in 900 ms",
        "new-connection: none in 700 ms\nin-flight: 200 in 812 ms\nend: ended 0 in 900 ms",
        "new-connection: refused in 1 ms\nin-flight: 200 in 812 ms\nend: ended by a signal in 900 ms",
        "new-connection: refused in 1 ms\nin-flight: 200 in 812 ms\nend: running",
    ],
};

pub(super) const DEADLINE: Check = Check {
    id: "drill.stop.deadline",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "Unfinished requests do not delay the end beyond the declared time.",
    rationale: "One client that stops sending must not make the platform kill the release with every request in \
                flight.",
    remedy: "Limit the time of the drain, and close the remaining connections. Here: `server.drain_timeout`. uvicorn: \
             `--timeout-graceful-shutdown`. Node: `server.closeAllConnections()` after a timeout.",
    references: &["https://docs.railway.com/deployments/reference"],
    requirements: &["FR-009"],
    ask: |subject| {
        let path = subject.health();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\nx-plumbline-");
        let write = subject.profile().drill.writes.first().map_or(path, profiles::Path::as_str);
        let body = format!(
            "POST {write} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        );
        let steps = vec![
            Step::start(Change::Nothing),
            Step::recover(subject.profile().launch.ready.millis()).named(WELL),
            Step::hold(head),
            Step::hold(body),
            Step::pause(100),
            Step::signal(Signal::Terminate),
            Step::end(declared_ms(subject) + LATE_MS).named(END),
        ];
        Ask::one(drill(subject, steps), "server.drain_timeout")
    },
    judge: |subject, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match (result(exchange, END), never_well(exchange)) {
            (Err(why), _) | (_, Some(why)) => vec![Reading::Unknown(why)],
            (Ok(end), None) => ended(subject, end, "SIGTERM, with half-sent requests,", None),
        })
    },
    passes: &["end: ended 0 in 3000 ms"],
    fails: &["end: running"],
};

/// The candidate, healthy before the signal.
const WELL: &str = "well";
const IN_FLIGHT: &str = "in-flight";
const NEW_CONNECTION: &str = "new-connection";
const END: &str = "end";

/// The time between a request in flight and the signal.
const BEFORE_MS: u64 = 200;
/// The wait beyond the declared time, so that a late end is measured.
const LATE_MS: u64 = 2_000;
/// The tolerated delay beyond the declared time.
const SLACK_MS: u64 = 1_000;

/// The request in flight is answered.
fn finished(reply: &TimedReply, signal: &str) -> Reading {
    if reply.answer.is_ok() && reply.after_ms < BEFORE_MS {
        return Reading::Unknown(format!(
            "the request was answered {}, before {signal}: nothing was in flight",
            words(reply)
        ));
    }
    Reading::expect(reply.answer.is_ok(), || {
        format!("after {signal} the request in flight had {}", words(reply))
    })
}

/// A new connection is refused, so that its client tries another instance. A client whose connection is accepted but
/// not served waits.
fn refused(reply: &TimedReply, signal: &str) -> Reading {
    let refused = match &reply.answer {
        Ok(response) => response.status >= 500,
        Err(why) => matches!(why, Missing::Refused { .. }),
    };
    Reading::expect(refused, || {
        format!("after {signal} a new connection was accepted, and had {}", words(reply))
    })
}

/// The service ends, in time, and with this exit code if one is expected.
fn ended(subject: &Subject<'_>, end: &StepResult, signal: &str, code: Option<i32>) -> Vec<Reading> {
    let declared = declared_ms(subject);
    let Some(ended) = &end.ended else {
        let why = format!("after {signal} the service had not ended; the profile declares {declared} ms");
        return vec![Reading::Broken(why)];
    };
    let in_time = Reading::expect(ended.after_ms <= declared + SLACK_MS, || {
        format!("after {signal} the service took {} ms; the profile declares {declared} ms", ended.after_ms)
    });
    let well = Reading::expect(code.is_none() || ended.code == code, || match ended.code {
        Some(code) => format!("after {signal} the service ended with {code}, not 0"),
        None => format!("{signal} ended the service: it has no handler for it"),
    });
    vec![in_time, well]
}

/// The time after the signal in which the service may still accept requests.
fn lame_duck_ms(subject: &Subject<'_>) -> u64 {
    u64::try_from(subject.profile().lame_duck().get().as_millis()).unwrap_or(u64::MAX)
}

/// The longest time from the signal to the end.
fn declared_ms(subject: &Subject<'_>) -> u64 {
    lame_duck_ms(subject) + subject.profile().server.drain_timeout.millis()
}

/// Why the candidate's end cannot be judged: it was not healthy before it.
fn never_well(exchange: &Exchange) -> Option<String> {
    let well = match result(exchange, WELL) {
        Ok(well) => well.answer()?,
        Err(why) => return Some(why),
    };
    well.answer.as_ref().err().map(|why| format!("the candidate was not healthy before the signal: {why}"))
}

fn signal(exchange: &Exchange) -> &'static str {
    match steps(exchange).iter().find(|step| matches!(step.action, Action::Signal(_))) {
        Some(Step { action: Action::Signal(Signal::Interrupt), .. }) => "SIGINT",
        _ => "SIGTERM",
    }
}

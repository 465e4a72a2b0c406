//! A candidate ends as a platform ends it: what is in flight is finished, and nothing holds the end up.

use crate::checks::drilled::{drill, health, step, words};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::drill::{Change, Fault, Signal, Step};
use crate::model::exchange::{Exchange, Means};
use crate::model::missing::Missing;

pub(super) const DRAINS: Check = Check {
    id: "drill.stop.drains",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "After SIGTERM and SIGINT what is in flight is answered, nothing new is taken, idle connections do not matter, and the service ends with 0 in the declared time.",
    rationale: "Every deployment stops the old release: one that dies at once fails the requests of that moment, and one \
                that waits for idle connections is killed with all of them.",
    remedy: "Stop accepting, finish what runs, close idle connections, end with 0. Here: `server.drain_timeout`. \
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
                Step::Start(Change::Nothing),
                Step::Recover(subject.profile().launch.ready.millis()),
                Step::Hold(idle.clone()),
                Step::Pause(100),
                Step::Fault(Fault::Latency(700)),
                Step::Begin(health(subject), 1),
                Step::Pause(BEFORE_MS),
                Step::Signal(signal),
                Step::Pause(lame_duck + 250),
                Step::Reach("127.0.0.1".to_owned()),
                Step::Gather,
                Step::End(declared_ms(subject) + LATE_MS),
            ];
            drill(subject, steps)
        });
        Ask::Questions(probes.map(|probe| Question::new(probe, "server.drain_timeout")).into())
    },
    judge: |subject, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let (new, gathered, end) = match (step(exchange, 9), step(exchange, 10), step(exchange, 11)) {
                (Ok(new), Ok(gathered), Ok(end)) => (new, gathered, end),
                (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => return Reading::Unknown(why),
            };
            if let Some(why) = never_well(exchange) {
                return Reading::Unknown(why);
            }
            let signal = signal(exchange);
            match gathered.answers.first() {
                None => return Reading::Unknown("no request was in flight".to_owned()),
                Some(reply) if reply.answer.is_ok() && reply.after_ms < BEFORE_MS => {
                    return Reading::Unknown(format!(
                        "the request was answered {}, before {signal}: nothing was in flight",
                        words(reply)
                    ));
                }
                Some(reply) if reply.answer.is_err() => {
                    return Reading::Broken(format!(
                        "after {signal} the request in flight had {}",
                        words(reply)
                    ));
                }
                Some(_) => {}
            }
            // Whoever is refused asks another instance; whoever is taken and left alone does not.
            let refused = new.answers.first().is_some_and(|reply| match &reply.answer {
                Ok(response) => response.status >= 500,
                Err(why) => matches!(why, Missing::Refused { .. }),
            });
            if let Some(reply) = new.answers.first().filter(|_| !refused) {
                return Reading::Broken(format!(
                    "after {signal} a new connection was taken, and had {}",
                    words(reply)
                ));
            }
            ended(subject, end, signal, Some(0))
        })
    },
    passes: &["-\n-\n-\n-\n-\n-\n-\n-\n-\nrefused in 1 ms\n200 in 710 ms\nended 0 in 800 ms"],
    fails: &[
        "-\n-\n-\n-\n-\n-\n-\n-\n-\nrefused in 1 ms\nnone in 200 ms\nended 0 in 10 ms",
        "-\n-\n-\n-\n-\n-\n-\n-\n-\n404 in 1 ms\n200 in 710 ms\nended 0 in 800 ms",
        "-\n-\n-\n-\n-\n-\n-\n-\n-\nnone in 700 ms\n200 in 710 ms\nended 0 in 800 ms",
        "-\n-\n-\n-\n-\n-\n-\n-\n-\nrefused in 1 ms\n200 in 710 ms\nended by a signal in 800 ms",
        "-\n-\n-\n-\n-\n-\n-\n-\n-\nrefused in 1 ms\n200 in 710 ms\n-",
    ],
};

pub(super) const DEADLINE: Check = Check {
    id: "drill.stop.deadline",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "Requests that were never finished do not hold the end up beyond the declared time.",
    rationale: "One client that stopped sending must not make the platform kill the release with everybody's requests in it.",
    remedy: "Bound the drain, and cut what is left. Here: `server.drain_timeout`. uvicorn: \
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
            Step::Start(Change::Nothing),
            Step::Recover(subject.profile().launch.ready.millis()),
            Step::Hold(head),
            Step::Hold(body),
            Step::Pause(100),
            Step::Signal(Signal::Terminate),
            Step::End(declared_ms(subject) + LATE_MS),
        ];
        Ask::one(drill(subject, steps), "server.drain_timeout")
    },
    judge: |subject, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match (step(exchange, 6), never_well(exchange)) {
            (Err(why), _) | (_, Some(why)) => Reading::Unknown(why),
            (Ok(end), None) => ended(subject, end, "SIGTERM, with half-sent requests,", None),
        })
    },
    passes: &["-\n-\n-\n-\n-\n-\nended 0 in 3000 ms"],
    fails: &["-\n-\n-\n-\n-\n-\n-"],
};

/// How long a request has been under way when the signal comes.
const BEFORE_MS: u64 = 200;
/// How much longer than declared the end is waited for, so that its lateness can be told.
const LATE_MS: u64 = 2_000;
/// How much later than declared is still on time.
const SLACK_MS: u64 = 1_000;

fn ended(
    subject: &Subject<'_>,
    end: &crate::model::drill::StepResult,
    signal: &str,
    code: Option<i32>,
) -> Reading {
    let declared = declared_ms(subject);
    match &end.ended {
        None => Reading::Broken(format!(
            "after {signal} the service had not ended; the profile declares {declared} ms"
        )),
        Some(ended) if ended.after_ms > declared + SLACK_MS => Reading::Broken(format!(
            "after {signal} the service took {} ms; the profile declares {declared} ms",
            ended.after_ms
        )),
        Some(ended) if code.is_some() && ended.code != code => Reading::Broken(match ended.code {
            Some(code) => format!("after {signal} the service ended with {code}, not 0"),
            None => format!("{signal} ended the service: it has no handler for it"),
        }),
        Some(_) => Reading::Holds,
    }
}

/// How long after the signal everything may still be served.
fn lame_duck_ms(subject: &Subject<'_>) -> u64 {
    u64::try_from(subject.profile().lame_duck().get().as_millis()).unwrap_or(u64::MAX)
}

/// The longest that the end may take.
fn declared_ms(subject: &Subject<'_>) -> u64 {
    lame_duck_ms(subject) + subject.profile().server.drain_timeout.millis()
}

/// Why the candidate's end says nothing: it was not well before it.
fn never_well(exchange: &Exchange) -> Option<String> {
    let reply = step(exchange, 1).ok()?.answers.first()?;
    reply.answer.as_ref().err().map(|why| format!("the candidate was not well before the signal: {why}"))
}

fn signal(exchange: &Exchange) -> &'static str {
    let Means::Drill(steps) = &exchange.request.means else { return "the signal" };
    match steps.iter().find(|step| matches!(step, Step::Signal(_))) {
        Some(Step::Signal(Signal::Interrupt)) => "SIGINT",
        _ => "SIGTERM",
    }
}

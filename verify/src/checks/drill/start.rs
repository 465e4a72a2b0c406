//! A candidate starts on the platform's port, and refuses to start without its secrets.

use profiles::Profile;

use crate::checks::drilled::{answer, drill, result, steps, words};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::drill::{Action, Change, Step};
use crate::model::exchange::Exchange;
use crate::model::missing::Missing;

pub(super) const SECRETS: Check = Check {
    id: "drill.start.secret-missing-or-placeholder",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "If a required secret is missing, empty or `changeme`, the service ends at once with an error that names \
           the variable.",
    rationale: "A service that starts with a default password or signing key is open to everyone who knows the \
                default.",
    remedy: "Read every secret at the start, without a default, and refuse empty values and placeholders. Here: \
             `secrets.required`. FastAPI: `pydantic-settings` fields without defaults, and a validator.",
    references: &[
        "https://cwe.mitre.org/data/definitions/1188.html",
        "https://cwe.mitre.org/data/definitions/798.html",
    ],
    requirements: &["FR-004", "v5.0.0-13.2.3"],
    ask: |subject| {
        let secrets = subject.profile().secrets.required.iter().enumerate().flat_map(|(index, name)| {
            let name = name.as_str().to_owned();
            let changes =
                [Change::Without(name.clone()), Change::Empty(name.clone()), Change::Placeholder(name)];
            changes.map(|change| (format!("secrets.required[{index}]"), change))
        });
        Ask::all(
            secrets.map(|(promise, change)| {
                Question::new(drill(subject, vec![Step::start(change).named(START)]), promise)
            }),
            "the profile requires no secret (secrets.required)",
        )
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let seen = match result(exchange, START) {
                Ok(seen) => seen,
                Err(why) => return vec![Reading::Unknown(why)],
            };
            let (name, change) = changed(exchange);
            let log = seen.log.iter().map(|line| line.to_ascii_lowercase());
            let name_in_any_case = name.to_ascii_lowercase();
            let names = log.clone().any(|line| line.contains(&name_in_any_case));
            // An error may name `changeme` as an example; the variable followed by `changeme` is a printed value.
            let shown = log.clone().any(|line| line.contains(&format!("{name_in_any_case}=changeme")));
            let hidden =
                Reading::expect(!shown, || format!("{change} the service showed the value of {name}"));
            let Some(ended) = &seen.ended else {
                let runs = Reading::Broken(format!("{change} the service had not ended after 5 s"));
                return vec![runs, hidden];
            };
            vec![
                Reading::expect(ended.code != Some(0), || {
                    format!("{change} the service ended with 0, the code of success")
                }),
                Reading::expect(names, || format!("{change} the service ended, and did not name {name}")),
                hidden,
            ]
        })
    },
    passes: &["start: ended 1 in 90 ms; log DATABASE_URL is missing; set it"],
    fails: &[
        "start: running",
        "start: ended 0 in 90 ms; log DATABASE_URL is missing",
        "start: ended 1 in 90 ms; log a setting is missing",
        "start: ended 1 in 90 ms; log DATABASE_URL=changeme is a placeholder",
    ],
};

pub(super) const PORT_AND_BIND: Check = Check {
    id: "drill.start.port-and-bind",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "The service listens on `PORT`, on every address, and answers within the declared time.",
    rationale: "The platform chooses the port and connects from outside: a service on port 8000, or on 127.0.0.1 \
                only, runs but is unreachable.",
    remedy: "Bind `::` or `0.0.0.0` and the port in `PORT`. Here: `server.address`. uvicorn: \
             `--host 0.0.0.0 --port $PORT`. Express: `app.listen(process.env.PORT)`.",
    references: &["https://docs.railway.com/networking/public-networking"],
    requirements: &["FR-001"],
    ask: |subject| {
        let mut steps = vec![Step::start(Change::Nothing).named(START)];
        steps.extend(addresses(subject.profile()).map(|(name, address)| Step::reach(address).named(name)));
        Ask::one(drill(subject, steps), "server.address")
    },
    judge: |subject, exchanges| {
        let ready = subject.profile().launch.ready;
        Verdict::of_answers(exchanges, |exchange| {
            let started = match result(exchange, START) {
                Ok(started) => started,
                Err(why) => return vec![Reading::Unknown(why)],
            };
            if let Some(ended) = started.ended {
                let why = format!("the service ended {} ms after its start", ended.after_ms);
                return vec![Reading::Broken(why)];
            }
            let reached = addresses(subject.profile()).map(|(name, address)| match answer(exchange, name) {
                Err(why) => Reading::Unknown(why),
                Ok(reply) => match &reply.answer {
                    Ok(_) => Reading::Holds,
                    // A machine without IPv6 cannot judge this.
                    Err(why @ Missing::Unreachable { .. }) => Reading::Unknown(format!("{address}: {why}")),
                    Err(_) => Reading::Broken(format!(
                        "on PORT at {address} there was {} within {ready} of the start",
                        words(reply)
                    )),
                },
            });
            reached.collect()
        })
    },
    passes: &["loopback: 200 in 3 ms\nother-address: 200 in 3 ms\nipv6: 200 in 3 ms"],
    fails: &[
        "loopback: none in 3 ms\nother-address: none in 3 ms\nipv6: none in 3 ms",
        "loopback: 200 in 3 ms\nother-address: none in 3 ms\nipv6: 200 in 3 ms",
        "start: ended 1 in 90 ms",
    ],
};

const START: &str = "start";

/// The addresses at which the service must answer, each with the name of its result.
fn addresses(profile: &Profile) -> impl Iterator<Item = (&'static str, &'static str)> {
    let declared = profile.server.address;
    let loopback = Some(("loopback", "127.0.0.1"));
    // Any other address of this machine: all of 127.0.0.0/8 is its own.
    let other = declared.is_unspecified().then_some(("other-address", "127.0.0.2"));
    let ipv6 = (declared.is_unspecified() && declared.is_ipv6()).then_some(("ipv6", "[::1]"));
    [loopback, other, ipv6].into_iter().flatten()
}

/// The variable and its change, as the beginning of a sentence.
fn changed(exchange: &Exchange) -> (String, String) {
    match steps(exchange).first().map(|step| &step.action) {
        Some(Action::Start(change)) => match change {
            Change::Without(name) | Change::Empty(name) | Change::Placeholder(name) => {
                (name.clone(), change.to_string())
            }
            Change::Nothing | Change::VerifiedDatabase => (String::new(), change.to_string()),
        },
        _ => (String::new(), String::new()),
    }
}

//! A candidate starts where the platform looks for it, and refuses to start without its secrets.

use crate::checks::drilled::{drill, step, words};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::drill::{Change, Step};
use crate::model::exchange::{Exchange, Means};
use crate::model::missing::Missing;

pub(super) const SECRETS: Check = Check {
    id: "drill.start.secret-missing-or-placeholder",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "Without a required secret, with an empty one, or with `changeme` in its place, the service ends at once with an error that names the variable.",
    rationale: "A service that starts with a default password or signing key works, and so does everyone who knows the default.",
    remedy: "Read every secret at the start, without a default, and refuse what is empty or a placeholder. Here: \
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
            secrets
                .map(|(promise, change)| Question::new(drill(subject, vec![Step::Start(change)]), promise)),
            "the profile requires no secret (secrets.required)",
        )
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let seen = match step(exchange, 0) {
                Ok(seen) => seen,
                Err(why) => return Reading::Unknown(why),
            };
            let (name, change) = changed(exchange);
            let log = seen.log.iter().map(|line| line.to_ascii_lowercase());
            let name_in_any_case = name.to_ascii_lowercase();
            let names = log.clone().any(|line| line.contains(&name_in_any_case));
            // To name `changeme` as an example is help; to set it behind the variable has printed what is there.
            let shown = log.clone().any(|line| line.contains(&format!("{name_in_any_case}=changeme")));
            match &seen.ended {
                None => Reading::Broken(format!("{change} the service had not ended after 5 s")),
                Some(ended) if ended.code == Some(0) => {
                    Reading::Broken(format!("{change} the service ended with 0, as if all were well"))
                }
                Some(_) if !names => {
                    Reading::Broken(format!("{change} the service ended, and did not name {name}"))
                }
                Some(_) if shown => {
                    Reading::Broken(format!("{change} the service showed the value of {name}"))
                }
                Some(_) => Reading::Holds,
            }
        })
    },
    passes: &["ended 1 in 90 ms; log DATABASE_URL is missing; set it"],
    fails: &[
        "200 in 3 ms",
        "ended 0 in 90 ms; log DATABASE_URL is missing",
        "ended 1 in 90 ms; log a setting is missing",
        "ended 1 in 90 ms; log DATABASE_URL=changeme is a placeholder",
    ],
};

pub(super) const PORT_AND_BIND: Check = Check {
    id: "drill.start.port-and-bind",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "The service listens on `PORT`, on every address, and answers within the declared time.",
    rationale: "The platform chooses the port and comes from outside: a service on 8000, or on 127.0.0.1 only, runs, and nobody reaches it.",
    remedy: "Bind `::` or `0.0.0.0` and the port in `PORT`. Here: `server.address`. uvicorn: \
             `--host 0.0.0.0 --port $PORT`. Express: `app.listen(process.env.PORT)`.",
    references: &["https://docs.railway.com/networking/public-networking"],
    requirements: &["FR-001"],
    ask: |subject| {
        let address = subject.profile().server.address;
        let mut steps = vec![Step::Start(Change::Nothing), Step::Reach("127.0.0.1".to_owned())];
        if address.is_unspecified() {
            // Any other address of this machine: all of 127.0.0.0/8 is its own.
            steps.push(Step::Reach("127.0.0.2".to_owned()));
        }
        if address.is_unspecified() && address.is_ipv6() {
            steps.push(Step::Reach("[::1]".to_owned()));
        }
        Ask::one(drill(subject, steps), "server.address")
    },
    judge: |subject, exchanges| {
        let ready = subject.profile().launch.ready;
        Verdict::of_answers(exchanges, |exchange| {
            let started = match step(exchange, 0) {
                Ok(started) => started,
                Err(why) => return Reading::Unknown(why),
            };
            if let Some(ended) = started.ended {
                return Reading::Broken(format!("the service ended {} ms after its start", ended.after_ms));
            }
            let Means::Drill(steps) = &exchange.request.means else {
                return Reading::Unknown("it was not drilled".to_owned());
            };
            for (number, step_) in steps.iter().enumerate().skip(1) {
                let Step::Reach(address) = step_ else { continue };
                let reply = match step(exchange, number).map(|seen| seen.answers.first()) {
                    Ok(Some(reply)) => reply,
                    Ok(None) => return Reading::Unknown(format!("{address} was not asked")),
                    Err(why) => return Reading::Unknown(why),
                };
                match &reply.answer {
                    Ok(_) => {}
                    // A machine without IPv6 cannot tell.
                    Err(why @ Missing::Unreachable { .. }) => {
                        return Reading::Unknown(format!("{address}: {why}"));
                    }
                    Err(_) => {
                        return Reading::Broken(format!(
                            "on PORT at {address} there was {} within {ready} of the start",
                            words(reply)
                        ));
                    }
                }
            }
            Reading::Holds
        })
    },
    passes: &["-\n200 in 3 ms\n200 in 3 ms\n200 in 3 ms"],
    fails: &[
        "-\nnone in 3 ms\nnone in 3 ms\nnone in 3 ms",
        "-\n200 in 3 ms\nnone in 3 ms\n200 in 3 ms",
        "ended 1 in 90 ms",
    ],
};

/// The variable, and what was done to it, as the beginning of a sentence.
fn changed(exchange: &Exchange) -> (String, String) {
    let Means::Drill(steps) = &exchange.request.means else { return (String::new(), String::new()) };
    match steps.first() {
        Some(Step::Start(change)) => match change {
            Change::Without(name) | Change::Empty(name) | Change::Placeholder(name) => {
                (name.clone(), change.to_string())
            }
            Change::Nothing | Change::VerifiedDatabase => (String::new(), change.to_string()),
        },
        _ => (String::new(), String::new()),
    }
}

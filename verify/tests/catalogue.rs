//! Every check of the catalogue is documented, and its examples are true.
#![allow(clippy::disallowed_methods, reason = "profiles are files")]

use std::collections::BTreeSet;

use jiff::civil::date;
use profiles::{Declaration, Origin};
use variants::production;
use verify::checks;
use verify::checks::asvs;
use verify::checks::example::exchanges;
use verify::model::check::{Ask, Check, FAMILIES, Needs, Question, Subject, Verdict};
use verify::model::exchange::{Answer, Exchange, Means};
use verify::model::missing::Missing;

#[test]
fn every_passing_example_passes_and_every_failing_one_fails() {
    with_subject(|subject| {
        for check in checks::all() {
            assert!(
                !questions(subject, check).is_empty() || is_about_everything(subject, check),
                "{}",
                check.id
            );
            for example in check.passes {
                let verdict = (check.judge)(subject, &exchanges(subject, check.ask, example));
                assert_eq!(verdict, Verdict::Pass, "{} on\n{example}", check.id);
            }
            for example in check.fails {
                let verdict = (check.judge)(subject, &exchanges(subject, check.ask, example));
                assert!(
                    matches!(&verdict, Verdict::Fail(failures) if !failures.is_empty()),
                    "{} on\n{example}\n{verdict:?}",
                    check.id
                );
            }
        }
    });
}

#[test]
fn every_named_result_of_a_drill_is_read_and_every_example_names_only_what_its_check_reads() {
    with_subject(|subject| {
        // By the names of its drill: drills that differ only in what they do are read by different checks.
        let mut every: BTreeSet<(Vec<String>, String)> = BTreeSet::new();
        let mut read: BTreeSet<(Vec<String>, String)> = BTreeSet::new();
        for check in checks::all() {
            let mut reads: BTreeSet<String> = BTreeSet::new();
            let drills = questions(subject, check).into_iter().map(|question| question.probe.request.means);
            for (index, means) in drills.enumerate() {
                let Means::Drill(steps) = means else { continue };
                let names: Vec<String> = steps.iter().filter_map(|step| step.name.clone()).collect();
                let unique: BTreeSet<&String> = names.iter().collect();
                assert_eq!(unique.len(), names.len(), "{}: two results have one name: {names:?}", check.id);
                // Without a result that it reads, a check does not pass.
                let is_read = |name: &&String| {
                    let mut exchanges = exchanges(subject, check.ask, check.passes[0]);
                    forget(&mut exchanges[index], name);
                    (check.judge)(subject, &exchanges) != Verdict::Pass
                };
                let own: Vec<&String> = names.iter().filter(is_read).collect();
                assert!(!own.is_empty(), "{} reads nothing of its drill", check.id);
                every.extend(names.iter().map(|name| (names.clone(), name.clone())));
                read.extend(own.iter().map(|name| (names.clone(), (*name).clone())));
                reads.extend(own.into_iter().cloned());
            }
            if !reads.is_empty() {
                for line in check.passes.iter().chain(check.fails).flat_map(|example| example.lines()) {
                    let name = line.split_once(": ").map(|(name, _)| name);
                    assert!(
                        name.is_some_and(|name| reads.contains(name)),
                        "{} does not read {line}",
                        check.id
                    );
                }
            }
        }
        let idle: Vec<&(Vec<String>, String)> = every.difference(&read).collect();
        assert!(idle.is_empty(), "no check reads {idle:?}: leave out these names");
    });
}

/// Takes the name from the result that has it.
fn forget(exchange: &mut Exchange, name: &str) {
    if let Means::Drill(steps) = &mut exchange.request.means {
        steps.iter_mut().filter(|step| step.is_named(name)).for_each(|step| step.name = None);
    }
}

#[test]
fn a_check_that_finds_several_faults_in_one_answer_reports_all_of_them() {
    for (id, example, faults) in [
        (
            "drill.stop.drains",
            "new-connection: 200 in 4 ms\nin-flight: none in 260 ms\nend: ended 3 in 90000 ms",
            &[
                "after SIGTERM the request in flight had no answer",
                "after SIGTERM a new connection was accepted, and had 200 in 4 ms",
                "after SIGTERM the service took 90000 ms",
                "after SIGTERM the service ended with 3, not 0",
            ][..],
        ),
        (
            "drill.start.secret-missing-or-placeholder",
            "start: ended 0 in 40 ms; log DATABASE_URL=changeme",
            &["the service ended with 0", "the service showed the value of DATABASE_URL"],
        ),
        (
            "drill.start.secret-missing-or-placeholder",
            "start: ended 0 in 40 ms; log a setting is missing",
            &["the service ended with 0", "did not name DATABASE_URL"],
        ),
        (
            "drill.start.port-and-bind",
            "loopback: none in 3 ms\nother-address: none in 4 ms\nipv6: none in 5 ms",
            &["on PORT at 127.0.0.1 ", "on PORT at 127.0.0.2 ", "on PORT at [::1] "],
        ),
        (
            "health.deep.single-flight",
            "crowd: none x7 in 400 ms; queries 200; open 40",
            &["health checks at once had no answer", "health checks at once cost 200 queries"],
        ),
        (
            "health.deep.contract-when-down",
            "under-fault: 503 in 9 ms {\"status\":\"unhealthy\",\"database\":\"connected\",\
             \"environment\":\"production\",\"timestamp\":\"yesterday\"}",
            &["`timestamp`", "`connected`"],
        ),
        (
            "errors.outage.as-declared",
            "under-fault: 500 in 9 ms [content-type: text/plain] asyncpg.ConnectionDoesNotExistError: connection refused",
            &["contains `refused`", "contains `asyncpg.`", "application/problem+json"],
        ),
        (
            "health.fresh.not-cached",
            "HTTP/1.1 200 OK\nage: 9\ncache-control: max-age=60",
            &["came from a cache (age: 9)", "was answered with cache-control: max-age=60"],
        ),
        (
            "method.trace-connect-refused",
            "HTTP/1.1 200 OK\n\nx-plumbline-echo: plumbline-echo-5d1e",
            &["echoed the request's headers", "answered 200"],
        ),
        (
            "tls.plain-http.policy",
            "HTTP/1.1 200 OK\nset-cookie: a=1\nset-cookie: b=2",
            &["given a cookie: a=1", "given a cookie: b=2", "without TLS answered 200"],
        ),
    ] {
        with_subject(|subject| {
            let check = checks::all().find(|check| check.id == id).expect("a check of the catalogue");
            let exchanges = exchanges(subject, check.ask, example);
            // Where it asks several times, of the first time.
            let Verdict::Fail(failures) = (check.judge)(subject, &exchanges[..1]) else {
                panic!("{id} on\n{example}");
            };
            let observed: Vec<&str> = failures.iter().map(|failure| failure.observed.as_str()).collect();
            assert_eq!(observed.len(), faults.len(), "{id}: {observed:#?}");
            for (observed, fault) in observed.iter().zip(faults) {
                assert!(observed.contains(fault), "{id}: {observed} does not say {fault}");
            }
        });
    }
}

#[test]
fn every_check_has_examples_of_both_kinds() {
    for check in checks::all() {
        if check.id == "run.waivers.current" {
            // It reads the profile and the other findings, not answers: tests/reporters.rs shows it at work.
            continue;
        }
        assert!(!check.passes.is_empty(), "{}", check.id);
        // A target that does not answer is inconclusive: reachability cannot fail.
        assert!(!check.fails.is_empty() || check.id == "run.target.reachable", "{}", check.id);
    }
}

#[test]
fn no_answer_is_never_a_pass_and_never_a_failure() {
    with_subject(|subject| {
        for check in checks::all() {
            for answer in ["missing: timeout", "missing: closed", "missing: reset"] {
                let verdict = (check.judge)(subject, &exchanges(subject, check.ask, answer));
                assert!(matches!(verdict, Verdict::Inconclusive(_)), "{}: {verdict:?}", check.id);
            }
        }
    });
}

#[test]
fn a_rate_limited_answer_is_inconclusive() {
    with_subject(|subject| {
        for check in checks::all() {
            let verdict =
                (check.judge)(subject, &exchanges(subject, check.ask, "HTTP/1.1 429 Too Many Requests"));
            assert!(matches!(verdict, Verdict::Inconclusive(_)), "{}: {verdict:?}", check.id);
        }
    });
}

#[test]
fn ids_are_unique_and_begin_with_a_family() {
    let ids: Vec<&str> = checks::all().map(|check| check.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(ids.len() >= 30, "the catalogue has {} checks", ids.len());
    for check in checks::all() {
        assert!(FAMILIES.iter().any(|(name, _)| check.is_within(name)), "{}", check.id);
        check.family();
    }
}

#[test]
fn every_check_is_documented() {
    let spec = include_str!("../../specs/004-backend-deployment/spec.md");
    for check in checks::all() {
        for text in [check.rule, check.rationale, check.remedy] {
            assert!(
                text.ends_with('.') || text.ends_with("strings."),
                "{}: `{text}` is no sentence",
                check.id
            );
        }
        assert!(
            !check.references.is_empty() && check.references.iter().all(|url| url.starts_with("https://")),
            "{}",
            check.id
        );
        assert!(!check.requirements.is_empty(), "{}", check.id);
        for requirement in check.requirements {
            assert!(
                spec.contains(requirement) || asvs::cited(requirement).is_some(),
                "{} cites {requirement}, which neither spec.md nor verify/src/checks/asvs.rs has",
                check.id
            );
        }
    }
}

#[test]
fn every_asvs_requirement_is_listed_once_in_order_and_with_its_version() {
    let ids: Vec<Vec<u32>> = asvs::CITED
        .iter()
        .map(|requirement| {
            let number = requirement.id.strip_prefix("v5.0.0-").expect("an id has its version");
            number.split('.').map(|part| part.parse().expect("a number")).collect()
        })
        .collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    for requirement in asvs::CITED {
        assert!(requirement.asks.ends_with('.'), "{}: `{}` is no sentence", requirement.id, requirement.asks);
    }
}

#[test]
fn every_question_can_be_sent_and_its_promise_found() {
    with_subject(|subject| {
        for question in checks::all().flat_map(|check| questions(subject, check)) {
            let request = &question.probe.request;
            assert!(request.path.starts_with('/'), "{request}");
            assert!(request.method.bytes().all(|b| b.is_ascii_alphabetic()), "{request}");
            let span = subject.declaration.source.span(&question.promise);
            assert_ne!(span, 0..0, "`{}` stands nowhere in the profile", question.promise);
        }
    });
}

/// Judgements read bytes of any deployment: none may make them panic.
#[test]
fn odd_answers_are_judged_without_a_panic() {
    let odd = [
        "HTTP/1.1 0 Zero",
        "HTTP/1.1 999 Much\nvary: ,,,\naccess-control-allow-origin: ,\nallow: ,\ncontent-type: ;\ncache-control: =",
        "HTTP/1.1 200 OK\nset-cookie: \nset-cookie: ;;;=\naccess-control-max-age: -1\n\n{\"timestamp\": 5, \"status\": null}",
        "HTTP/1.1 200 OK\ncontent-type: \u{ff}\u{fe}\n\n\u{0}\u{feff}[[[[",
        "HTTP/1.1 200 OK\n\n{\"timestamp\":\"é026-01-02T03:04:05Z\",\"environment\":\"\"}",
    ];
    with_subject(|subject| {
        for check in checks::all() {
            for example in odd {
                (check.judge)(subject, &exchanges(subject, check.ask, example));
            }
            (check.judge)(subject, &[]);
            (check.judge)(subject, &[silent()]);
        }
    });
}

fn with_subject(test: impl FnOnce(&Subject<'_>)) {
    let today = date(2026, 1, 2);
    // With every promise that a profile can leave out, so that every check has questions.
    let items = ["/api/items"];
    let declaration = production().with("drill.reads", items).with("drill.writes", items).declaration();
    let declaration = Declaration { embedded: true, ..declaration };
    let foreign: Vec<(String, Origin)> = declaration
        .siblings(today)
        .iter()
        .flat_map(|other| {
            other.profile.cors.origins.iter().map(|origin| (other.name.clone(), origin.clone()))
        })
        .collect();
    let subject = Subject {
        declaration: &declaration,
        target: "https://api.example.com".parse().expect("an origin"),
        foreign,
        expected_release: Some("4f2c1e9aa0".to_owned()),
        allows: Needs::Intrusive,
    };
    test(&subject);
}

fn questions(subject: &Subject<'_>, check: &Check) -> Vec<Question> {
    match (check.ask)(subject) {
        Ask::Questions(questions) => questions,
        Ask::Everything { .. } | Ask::Skip(_) => Vec::new(),
    }
}

fn is_about_everything(subject: &Subject<'_>, check: &Check) -> bool {
    // A waiver is judged by what became of the other checks; tests/reporters.rs shows it.
    matches!((check.ask)(subject), Ask::Everything { .. }) || check.id == "run.waivers.current"
}

fn silent() -> Exchange {
    let probe = verify::model::probe::Probe::get("/health");
    Exchange {
        request: probe.request,
        answer: Answer::Missing(Missing::NotRecorded),
        elapsed_ms: 0,
        received_ms: 0,
    }
}

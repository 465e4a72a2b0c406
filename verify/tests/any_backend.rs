//! A backend in any language is judged by the promises of its profile alone.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeMap;

use profiles::Declaration;
use support::{Distort, foreign, full_plan, probe, production, start, subject};
use tokio::net::TcpListener;
use verify::checks;
use verify::judge::judge;
use verify::judge::plan::Plan;
use verify::model::check::{Ask, Needs, Subject, Verdict};
use verify::model::evidence::Selection;
use verify::model::exchange::{AddressKind, Answer, Means};
use verify::model::missing::Missing;
use verify::model::probe::Probe;

#[tokio::test]
async fn a_health_check_that_promises_its_status_only_may_say_what_it_likes() {
    let declaration = production().with("health.contract", "status").declaration();
    let verdicts = verdicts(&declaration, |seen, reply| {
        if seen.path == "/health" && reply.status == 200 {
            reply.content("text/plain", "ok");
        }
    })
    .await;
    for id in ["schema", "environment", "status-agrees-with-body"] {
        let verdict = &verdicts[format!("health.contract.{id}").as_str()];
        assert!(matches!(verdict, Verdict::NotApplicable(why) if why.contains("health.contract")), "{id}");
    }
    assert!(matches!(verdicts["health.fresh.timestamp-moves"], Verdict::NotApplicable(_)));
    assert_eq!(verdicts["health.contract.status-and-type"], Verdict::Pass);
    assert_eq!(failed(&verdicts), Vec::<&str>::new());
}

#[tokio::test]
async fn a_health_path_that_also_takes_post_has_no_wrong_method() {
    let declaration = production().declaration();
    let verdicts = verdicts(&declaration, |seen, reply| match (seen.path.as_str(), seen.method.as_str()) {
        // But no body without an end: that is another promise.
        ("/health", "POST") if reply.status == 405 && seen.header("transfer-encoding").is_none() => {
            reply.remove("allow");
            reply.content("application/json", "{}");
        }
        ("/health", "OPTIONS") if !seen.is_preflight() => reply.set("allow", "GET, HEAD, POST, OPTIONS"),
        _ => {}
    })
    .await;
    assert_eq!(failed(&verdicts), Vec::<&str>::new());
}

#[tokio::test]
async fn a_method_that_a_header_changes_is_found_beside_a_post_that_is_served() {
    let declaration = production().declaration();
    let verdicts = verdicts(&declaration, |seen, reply| {
        if seen.path == "/health" && seen.method == "POST" {
            reply.status = if seen.header("x-http-method-override").is_some() { 200 } else { 201 };
        }
    })
    .await;
    assert!(matches!(verdicts["method.unknown-refused"], Verdict::Fail(_)));
}

#[tokio::test]
async fn a_grant_that_is_the_same_for_everyone_needs_no_vary() {
    let declaration = production().with("cors.origins", ["https://todo.example.com"]).declaration();
    let verdicts = verdicts(&declaration, |_, reply| {
        reply.remove("vary");
        reply.set("access-control-allow-origin", "https://todo.example.com");
    })
    .await;
    assert_eq!(verdicts["cors.actual.vary-origin"], Verdict::Pass);
    assert_eq!(verdicts["cors.reject.list-and-duplicates"], Verdict::Pass);
}

#[tokio::test]
async fn head_may_leave_out_what_depends_on_the_content() {
    let declaration = production().declaration();
    let verdicts = verdicts(&declaration, |seen, reply| {
        if seen.method == "HEAD" {
            reply.remove("content-type");
        }
    })
    .await;
    assert_eq!(verdicts["method.head-equals-get"], Verdict::Pass);
}

#[test]
fn documentation_is_asked_for_where_the_profile_says() {
    let elsewhere = production().with("verify.docs", ["/reference"]);
    let hidden = elsewhere.declaration();
    let asked = paths_of_docs(&hidden);
    assert!(
        asked.contains(&"/reference".to_owned()) && asked.contains(&"/swagger-ui".to_owned()),
        "{asked:?}"
    );

    let shown = elsewhere.with("environment", "development").with("server.docs", "shown").declaration();
    assert_eq!(paths_of_docs(&shown), [Subject::unknown_path(), "/reference"]);
}

#[tokio::test]
async fn a_name_with_a_dead_address_is_asked_on_each() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(support::serve(listener, |_, _| {}));
    let declaration = production().declaration();
    let subject = Subject { target: format!("http://localhost:{port}").parse().unwrap(), ..of(&declaration) };
    let kinds = [AddressKind::IPv4, AddressKind::IPv6];
    let probes = kinds.map(|kind| Probe::get("/health").by(Means::Address(kind)));
    let plan = Plan { subject, checks: Vec::new(), probes: probes.to_vec(), selection: Selection::default() };
    let evidence = probe(&plan).await;

    let [over_ipv4, over_ipv6] = probes.map(|probe| evidence.find(&probe).unwrap().clone());
    assert_eq!(over_ipv4.response().map(|response| response.status), Ok(200));
    let Answer::Missing(why) = &over_ipv6.answer else { panic!("nothing listens on ::1: {over_ipv6:?}") };
    let check = checks::all().find(|check| check.id == "run.target.each-address").unwrap();
    let verdict = (check.judge)(&plan.subject, &[over_ipv4, over_ipv6.clone()]);
    // Not every machine names ::1 `localhost`, or has it at all.
    match why {
        Missing::NoAddress { .. } => assert_eq!(verdict, Verdict::Pass),
        Missing::Refused { .. } => assert!(matches!(verdict, Verdict::Fail(_)), "{verdict:?}"),
        _ => assert!(matches!(verdict, Verdict::NotApplicable(_)), "{verdict:?}"),
    }
}

async fn verdicts(declaration: &Declaration, distort: Distort) -> BTreeMap<&'static str, Verdict> {
    let subject = Subject { declaration, ..subject(start(distort).await) };
    let plan = full_plan(subject);
    let judgements = judge(&plan, &probe(&plan).await);
    judgements.into_iter().map(|judgement| (judgement.check.id, judgement.verdict)).collect()
}

fn failed<'v>(verdicts: &'v BTreeMap<&'static str, Verdict>) -> Vec<&'v str> {
    verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Fail(_))).map(|(id, _)| *id).collect()
}

fn paths_of_docs(declaration: &Declaration) -> Vec<String> {
    let check = checks::all().find(|check| check.id == "exposure.docs.as-declared").unwrap();
    match (check.ask)(&of(declaration)) {
        Ask::Questions(questions) => {
            questions.into_iter().map(|question| question.probe.request.path).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn of(declaration: &Declaration) -> Subject<'_> {
    Subject {
        declaration,
        target: "https://api.example.com".parse().unwrap(),
        foreign: foreign(),
        expected_release: None,
        allows: Needs::Intrusive,
    }
}

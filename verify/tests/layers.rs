//! The responder of an answer: the service, or a proxy in front of it.
#![allow(clippy::unwrap_used, reason = "a test sets itself up, and says where it cannot")]

mod support;

use support::{Distort, Reply, TODAY, full_plan, probe, start, subject};
use verify::judge::responder::Responder;
use verify::judge::{Judgement, judge};
use verify::model::check::Verdict;
use verify::report::Report;
use verify::reporters::REPORTERS;

/// A platform that cannot reach the service for one kind of request.
const GATEWAY: Distort = |seen, reply| {
    if seen.method == "POST" {
        *reply = Reply::new(502);
    }
};

#[tokio::test]
async fn what_a_gateway_answers_is_neither_kept_nor_broken() {
    let judged = judged(GATEWAY).await;
    for id in ["errors.shape.as-declared", "headers.security-as-declared", "method.405-with-allow"] {
        let Verdict::Inconclusive(why) = &find(&judged, id).verdict else {
            panic!("{id}: {:?}", find(&judged, id).verdict)
        };
        let says = "the platform or a proxy answered 502 in the service's place: without x-release";
        assert!(why.contains(says), "{id}: {why}");
    }
    let found = find(&judged, "run.no-5xx-anywhere");
    assert!(matches!(found.verdict, Verdict::Fail(_)), "it looks for such answers: {:?}", found.verdict);
    assert_eq!(found.responder, Some(Responder::Edge));
}

#[tokio::test]
async fn a_server_error_of_the_services_own_is_broken() {
    let own: Distort = |seen, reply| {
        if seen.method == "POST" {
            reply.status = 502;
            "<h1>Bad Gateway</h1>".clone_into(&mut reply.body);
            reply.set("content-type", "text/html");
        }
    };
    let judged = judged(own).await;
    let found = find(&judged, "errors.shape.as-declared");
    assert!(matches!(found.verdict, Verdict::Fail(_)), "{:?}", found.verdict);
    assert_eq!(found.responder, Some(Responder::App));
}

#[tokio::test]
async fn where_not_every_answer_names_its_release_nothing_is_told_from_its_absence() {
    let only_on_health: Distort = |seen, reply| {
        GATEWAY(seen, reply);
        if seen.path != "/health" {
            reply.remove("x-release");
        }
    };
    let judged = judged(only_on_health).await;
    let found = find(&judged, "errors.shape.as-declared");
    assert!(matches!(found.verdict, Verdict::Fail(_)), "{:?}", found.verdict);
    assert!(judged.iter().all(|judgement| judgement.responder.is_none()));
}

#[tokio::test]
async fn a_login_before_preflights_is_found_at_the_edge_too() {
    let wall: Distort = |seen, reply| {
        if seen.is_preflight() {
            *reply = Reply::new(401);
        }
    };
    let judged = judged(wall).await;
    let found = find(&judged, "cors.preflight.needs-no-auth");
    assert!(matches!(found.verdict, Verdict::Fail(_)), "{:?}", found.verdict);
    assert_eq!(found.responder, Some(Responder::Edge));
}

#[tokio::test]
async fn reports_name_the_layer_of_a_failure() {
    let strict: Distort = |seen, reply| {
        if seen.method == "POST" {
            *reply = Reply::new(405);
        }
        if seen.path == "/health" {
            reply.body = reply.body.replace("\"production\"", "\"staging\"");
        }
    };
    let address = start(strict).await;
    let plan = full_plan(subject(address));
    let evidence = probe(&plan).await;
    let report = Report::new(plan.subject.declaration, judge(&plan, &evidence), TODAY).of_run(&evidence);
    let (app, edge) = (
        "the service: its answer has x-release",
        "an edge or proxy in front of the service: other answers have x-release, this one does not",
    );
    for (name, shown) in [
        ("human", [app, edge]),
        ("markdown", [app, edge]),
        ("html", [app, edge]),
        ("json", ["\"layer\": \"app\"", "\"layer\": \"edge\""]),
        ("sarif", ["\"layer\": \"app\"", "\"layer\": \"edge\""]),
    ] {
        let reporter = REPORTERS.iter().find(|reporter| reporter.name == name).unwrap();
        let text = anstream::adapter::strip_str(&(reporter.render)(&report)).to_string();
        for shown in shown {
            assert!(text.contains(shown), "{name} does not say `{shown}`: {text}");
        }
    }
}

async fn judged(distort: Distort) -> Vec<Judgement> {
    let plan = full_plan(subject(start(distort).await));
    judge(&plan, &probe(&plan).await)
}

fn find<'a>(judged: &'a [Judgement], id: &str) -> &'a Judgement {
    judged.iter().find(|judgement| judgement.check.id == id).unwrap()
}

//! Every check finds its defect: one faulty backend per defect, the whole catalogue against each, as one matrix.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

/// A file for each family of checks, for what is wrong below HTTP, and for the reasons why other checks fire, too.
mod defects {
    pub(crate) mod co_fires;
    pub(crate) mod connection;
    pub(crate) mod cors_actual;
    pub(crate) mod cors_preflight;
    pub(crate) mod cors_reject;
    pub(crate) mod errors;
    pub(crate) mod exposure;
    pub(crate) mod headers;
    pub(crate) mod health;
    pub(crate) mod http1;
    pub(crate) mod load;
    pub(crate) mod method;
    pub(crate) mod run;
    pub(crate) mod tls;

    use crate::Defect;

    /// In the order of the matrix.
    pub(crate) const ALL: &[&[Defect]] = &[
        run::DEFECTS,
        cors_actual::DEFECTS,
        cors_reject::DEFECTS,
        cors_preflight::DEFECTS,
        health::DEFECTS,
        exposure::DEFECTS,
        errors::DEFECTS,
        method::DEFECTS,
        http1::DEFECTS,
        headers::DEFECTS,
        tls::DEFECTS,
        load::DEFECTS,
    ];
}

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use defects::co_fires::{CO_FIRES, why};
use futures_util::stream::{self, StreamExt as _};
use support::edge::{Edge, Quirk};
use support::{DECLARATION, Distort, Reply, Seen, full_plan, probe, subject};
use verify::checks;
use verify::judge::judge;
use verify::model::check::{Needs, Verdict};

/// A defect, the checks that must catch it, and how it changes a sound backend.
struct Defect {
    name: &'static str,
    caught_by: &'static [&'static str],
    distort: Distort,
}

/// The same below HTTP: a defect of the connection.
struct Fault {
    name: &'static str,
    caught_by: &'static [&'static str],
    quirk: Quirk,
}

/// The number of backends that are tried at the same time.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn every_defect_is_caught_and_a_sound_backend_is_silent() {
    let backends = all().into_iter().map(|(name, caught_by, distort, quirk)| async move {
        (name, caught_by, failing(distort, quirk).await)
    });
    let fired: Vec<(&str, &[&str], BTreeSet<&str>)> =
        stream::iter(backends).buffered(AT_ONCE).collect().await;

    for (name, caught_by, fired) in &fired {
        if *name == SOUND.name {
            assert_eq!(*fired, BTreeSet::new(), "a sound backend is silent");
        }
        for id in *caught_by {
            assert!(fired.contains(id), "{id} must catch a backend that {name}; fired: {fired:?}");
        }
    }
    let bitten: BTreeSet<&str> = fired.iter().flat_map(|(_, caught_by, _)| *caught_by).copied().collect();
    // Drills have candidates of their own, in tests/drills.rs.
    let toothless: Vec<&str> = checks::all()
        .filter(|check| check.needs != Needs::Drill)
        .map(|check| check.id)
        .filter(|id| !bitten.contains(id) && !ELSEWHERE.contains(id))
        .collect();
    assert_eq!(toothless, Vec::<&str>::new(), "every check needs a defect that it catches");

    insta::assert_snapshot!("matrix", matrix(&fired));

    let pairs: Vec<(&str, &str)> = fired
        .iter()
        .flat_map(|(_, caught_by, fired)| co_fires(caught_by, fired).map(|id| (caught_by[0], id)))
        .collect();
    for (main, other) in &pairs {
        assert!(why(main, other).is_some(), "why does {other} fire on what {main} must catch?");
    }
    let told: BTreeSet<&str> = pairs.iter().filter_map(|(main, other)| why(main, other)).collect();
    let idle: Vec<&str> = CO_FIRES.iter().map(|(_, _, why)| *why).filter(|why| !told.contains(why)).collect();
    assert_eq!(idle, Vec::<&str>::new(), "these reasons explain nothing");
}

/// Checks that no backend on one loopback address without a rate limit can break: the tests `any_backend`, `rate` and
/// `reporters` cover them.
const ELSEWHERE: &[&str] =
    &["run.target.reachable", "run.target.each-address", "run.waivers.current", "load.rate.429"];

fn all() -> Vec<(&'static str, &'static [&'static str], Distort, Quirk)> {
    let defects = [&SOUND].into_iter().chain(defects::ALL.iter().copied().flatten());
    let defects = defects.map(|defect| (defect.name, defect.caught_by, defect.distort, Quirk::None));
    let faults = defects::connection::FAULTS
        .iter()
        .map(|fault| (fault.name, fault.caught_by, SOUND.distort, fault.quirk));
    defects.chain(faults).collect()
}

#[tokio::test]
async fn a_closed_port_is_inconclusive_and_never_a_pass() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let plan = full_plan(subject(address));
    for judgement in judge(&plan, &probe(&plan).await) {
        let harmless = matches!(judgement.verdict, Verdict::Inconclusive(_) | Verdict::NotApplicable(_));
        assert!(harmless, "{}: {:?}", judgement.check.id, judgement.verdict);
    }
}

async fn failing(distort: Distort, quirk: Quirk) -> BTreeSet<&'static str> {
    let edge = Edge::start(distort, quirk).await;
    let plan = full_plan(edge.subject(&DECLARATION));
    let judgements = judge(&plan, &edge.probe(&plan).await);
    for judgement in &judgements {
        let asked = !matches!(judgement.verdict, Verdict::NotApplicable(_));
        assert!(asked || ELSEWHERE.contains(&judgement.check.id), "{} was not asked", judgement.check.id);
    }
    if quirk == Quirk::None && distort as usize == SOUND.distort as usize {
        for judgement in &judgements {
            let sure = !matches!(judgement.verdict, Verdict::Inconclusive(_));
            assert!(sure, "{}: {:?}", judgement.check.id, judgement.verdict);
        }
    }
    judgements
        .iter()
        .filter(|judgement| matches!(judgement.verdict, Verdict::Fail(_)))
        .map(|judgement| judgement.check.id)
        .collect()
}

/// The checks that fired unintentionally.
fn co_fires<'a, 'id: 'a>(
    caught_by: &'a [&str],
    fired: &'a BTreeSet<&'id str>,
) -> impl Iterator<Item = &'id str> + 'a {
    fired.iter().copied().filter(|id| !caught_by.contains(id))
}

/// For each defect the checks that fired, the intended ones first; of the others, each reason once.
fn matrix(fired: &[(&str, &[&str], BTreeSet<&str>)]) -> String {
    let mut text = String::new();
    for (name, caught_by, fired) in fired {
        let _ = writeln!(text, "a backend that {name}");
        for id in *caught_by {
            let _ = writeln!(text, "  caught by  {id}");
        }
        let mut others: Vec<(&str, &str)> =
            co_fires(caught_by, fired).map(|id| (why(caught_by[0], id).unwrap_or("?"), id)).collect();
        others.sort_unstable();
        for alike in others.chunk_by(|one, other| one.0 == other.0) {
            for (_, id) in alike {
                let _ = writeln!(text, "  and by     {id}");
            }
            let _ = writeln!(text, "    because  {}", alike[0].0);
        }
    }
    text
}

const SOUND: Defect = Defect { name: "keeps its promises", caught_by: &[], distort: |_, _| {} };

const APP: &str = "https://todo.example.com";

fn in_crowd(seen: &Seen) -> bool {
    // As a burst asks: our client keeps its connections, and raw probes do not name themselves.
    let names_itself = seen.header("user-agent").is_some_and(|name| name.starts_with("plumbline-verify/"));
    seen.header("connection") == Some("close") && names_itself
}

fn has_grant(reply: &Reply) -> bool {
    reply.headers.iter().any(|(name, _)| name == "access-control-allow-origin")
}

fn strip_grant(reply: &mut Reply) {
    reply.headers.retain(|(name, _)| !name.starts_with("access-control-"));
}

fn grant_if(seen: &Seen, reply: &mut Reply, trusts: fn(&str) -> bool) {
    if seen.header("origin").is_some() && trusts(seen.origin()) {
        reply.grant(seen);
    }
}

fn in_health(seen: &Seen, reply: &mut Reply, change: impl FnOnce(&mut Reply)) {
    if seen.path == "/health" && reply.status == 200 {
        change(reply);
    }
}

fn serve(seen: &Seen, reply: &mut Reply, path: &str, media_type: &str, body: &str) {
    if seen.path == path && seen.method == "GET" {
        reply.content(media_type, body);
    }
}

fn with_member(body: &str, name: &str, value: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    json[name] = value.into();
    json.to_string()
}

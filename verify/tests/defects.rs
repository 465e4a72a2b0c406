//! Every check bites: one faulty backend per defect, the whole catalogue against each, as one matrix.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use support::edge::{Edge, Quirk};
use support::{DECLARATION, Distort, Reply, Seen, full_plan, probe, problem, subject};
use verify::checks;
use verify::judge::judge;
use verify::model::check::{Needs, Verdict, is_within};

/// A defect, the checks that must catch it, and how it changes a sound backend.
struct Defect {
    name: &'static str,
    caught_by: &'static [&'static str],
    distort: Distort,
}

/// The same below HTTP: what is wrong with the connection.
struct Fault {
    name: &'static str,
    caught_by: &'static [&'static str],
    quirk: Quirk,
}

/// Backends of which each has its own wire, tried several at a time.
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
/// `reporters` show them at work.
const ELSEWHERE: &[&str] =
    &["run.target.reachable", "run.target.each-address", "run.waivers.current", "load.rate.429"];

fn all() -> Vec<(&'static str, &'static [&'static str], Distort, Quirk)> {
    let defects = [&SOUND].into_iter().chain(DEFECTS.iter().copied());
    let defects = defects.map(|defect| (defect.name, defect.caught_by, defect.distort, Quirk::None));
    let faults = FAULTS.iter().map(|fault| (fault.name, fault.caught_by, SOUND.distort, fault.quirk));
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

/// Why a check fires beside the one that must: the latter, the former, and the reason. Each may be a family, and the
/// first line that fits tells.
const CO_FIRES: &[(&str, &str, &str)] = &[
    (
        "http1.framing.ambiguous-length",
        "",
        "the stand-in for a bad parser answers every head with a bare 404",
    ),
    ("cors.actual.allows-declared-origin", "cors", "what grants an origin nothing grants it nothing more"),
    ("cors.actual.credentials-as-declared", "cors", "with credentials a browser wants exactly `true`"),
    ("cors.actual.single-header", "cors", "a browser joins both values to one that is no origin"),
    ("cors.actual.no-wildcard", "cors.actual.allows-declared-origin", "with credentials `*` is no origin"),
    ("cors.actual.no-wildcard", "cors.actual.errors-keep-grant", "with credentials `*` is no origin"),
    ("cors.actual.no-wildcard", "cors.preflight.allows-declared", "with credentials `*` is no origin"),
    ("cors.actual.no-wildcard", "cors.reject", "`*` lets each stranger read"),
    (
        "cors.actual.vary-origin",
        "headers.encoding",
        "the whole Vary is gone, with what it says of compression",
    ),
    ("cors", "cors.actual.denied-is-bare", "a stranger is granted something"),
    (
        "cors.reject",
        "cors.reject.list-and-duplicates",
        "a list, or the first of two lines, is taken for one origin",
    ),
    ("cors.reject.reflected", "cors.reject", "who echoes any origin echoes this one"),
    ("cors.reject.prefix", "cors.reject", "this one begins with the declared origin, too"),
    ("cors.reject.suffix", "cors.reject", "this one ends like the declared origin, too"),
    ("cors.reject.substring", "cors.reject.hostile-bytes", "an empty Origin is inside every text"),
    ("cors.reject.hostile-bytes", "run.no-5xx-anywhere", "it reads every answer of the run"),
    ("cors.preflight.rejects-header", "cors.reject.hostile-bytes", "8 KB of a header's name are echoed, too"),
    ("cors.preflight.rejects-header", "cors.preflight", "of two lines the first alone is echoed"),
    ("cors.preflight.rejects-origin", "cors.preflight", "the declared page is granted every method, too"),
    (
        "cors.preflight.authorization-explicit",
        "cors.actual.no-wildcard",
        "`*` is a wildcard in this header, too",
    ),
    (
        "cors.preflight",
        "cors.preflight.allows-declared",
        "it runs the whole algorithm, which fails at any step",
    ),
    ("cors.preflight", "cors.preflight.tolerates-list-syntax", "what is refused is refused in any spelling"),
    ("health.contract.status-and-type", "load.burst", "the crowd is answered 503, too"),
    ("health.fresh.latency", "load.burst", "what is slow for one is slow for a crowd"),
    ("health.fresh.not-cached", "headers.security-as-declared", "no-store is one of the declared headers"),
    ("errors.reflect.inert", "errors.shape.as-declared", "a page is not the declared format"),
    ("method.405-with-allow", "cors.preflight", "OPTIONS is to be answered with Allow, too"),
    ("headers.cookies", "tls.plain-http.policy", "the redirect to TLS sets the cookie in the clear"),
    ("tls.plain-http.policy", "tls.plain-http.method-kept", "a POST is served without TLS, too"),
];

fn why(main: &str, other: &str) -> Option<&'static str> {
    let fits = |selector: &&str, id: &str| selector.is_empty() || is_within(id, selector);
    let line = CO_FIRES.iter().find(|(of, beside, _)| fits(of, main) && fits(beside, other));
    line.map(|(_, _, why)| *why)
}

/// Those that fired and were not meant to.
fn co_fires<'a, 'id: 'a>(
    caught_by: &'a [&str],
    fired: &'a BTreeSet<&'id str>,
) -> impl Iterator<Item = &'id str> + 'a {
    fired.iter().copied().filter(|id| !caught_by.contains(id))
}

/// For each defect the checks that fired, those that were meant to first; of the others, each reason once.
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

const DEFECTS: &[&Defect] = &[
    // run
    &Defect {
        name: "answers every path with its index page",
        caught_by: &["run.control.unknown-path-404"],
        distort: |seen, reply| {
            if reply.status == 404 && seen.method == "GET" {
                reply.content("text/html", "<title>app</title>");
            }
        },
    },
    &Defect {
        name: "still runs the old release",
        caught_by: &["run.release.matches"],
        distort: |_, reply| reply.set("x-release", "0000000"),
    },
    &Defect {
        name: "fails on an odd query",
        caught_by: &["run.no-5xx-anywhere"],
        distort: |seen, reply| {
            if seen.query.contains('%') {
                reply.status = 500;
            }
        },
    },
    // cors.actual
    &Defect {
        name: "lost its second origin",
        caught_by: &["cors.actual.allows-declared-origin"],
        distort: |seen, reply| {
            if seen.origin() == "https://www.example.com" {
                strip_grant(reply);
            }
        },
    },
    &Defect {
        name: "spells credentials `True`",
        caught_by: &["cors.actual.credentials-as-declared"],
        distort: |_, reply| {
            if has_grant(reply) {
                reply.set("access-control-allow-credentials", "True");
            }
        },
    },
    &Defect {
        name: "allows every origin by `*`",
        caught_by: &["cors.actual.no-wildcard"],
        distort: |_, reply| reply.set("access-control-allow-origin", "*"),
    },
    &Defect {
        name: "sends its grant twice, from the proxy and the application",
        caught_by: &["cors.actual.single-header"],
        distort: |seen, reply| {
            if has_grant(reply) {
                reply.add("access-control-allow-origin", seen.origin());
            }
        },
    },
    &Defect {
        name: "grants a default origin when none was sent",
        caught_by: &["cors.actual.no-origin-no-grant"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                reply.set("access-control-allow-origin", APP);
            }
        },
    },
    &Defect {
        name: "tells refused origins its policy",
        caught_by: &["cors.actual.denied-is-bare"],
        distort: |seen, reply| {
            if seen.header("origin").is_some() {
                reply.set("access-control-allow-credentials", "true");
            }
        },
    },
    &Defect {
        name: "varies by origin only when one was sent",
        caught_by: &["cors.actual.vary-origin"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                reply.remove("vary");
            }
        },
    },
    &Defect {
        name: "stands behind a cache that does not tell origins apart",
        caught_by: &["cors.actual.cache-not-poisoned"],
        distort: |seen, reply| {
            static STORED: AtomicBool = AtomicBool::new(false);
            if seen.query == "plumbline=cache" && STORED.swap(true, Ordering::Relaxed) {
                strip_grant(reply);
            }
        },
    },
    &Defect {
        name: "writes errors outside its CORS layer",
        caught_by: &["cors.actual.errors-keep-grant"],
        distort: |seen, reply| {
            if reply.status >= 400 && !seen.is_preflight() {
                strip_grant(reply);
            }
        },
    },
    &Defect {
        name: "exposes every header",
        caught_by: &["cors.actual.expose-headers-as-declared"],
        distort: |_, reply| {
            if has_grant(reply) {
                reply.set("access-control-expose-headers", "x-request-id, x-internal");
            }
        },
    },
    // cors.reject
    &Defect {
        name: "echoes any origin",
        caught_by: &["cors.reject.reflected"],
        distort: |seen, reply| reply.grant(seen),
    },
    &Defect {
        name: "echoes the origin of whoever sends a cookie",
        caught_by: &["cors.reject.reflected"],
        distort: |seen, reply| {
            if seen.header("cookie").is_some() {
                reply.grant(seen);
            }
        },
    },
    &Defect {
        name: "allows `null`",
        caught_by: &["cors.reject.null"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "null"),
    },
    &Defect {
        name: "compares origins with starts_with",
        caught_by: &["cors.reject.prefix"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.starts_with(APP)),
    },
    &Defect {
        name: "compares origins with ends_with",
        caught_by: &["cors.reject.suffix"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.ends_with("todo.example.com")),
    },
    &Defect {
        name: "looks for the origin inside its list",
        caught_by: &["cors.reject.substring"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                "https://todo.example.com,https://www.example.com".contains(origin)
            });
        },
    },
    &Defect {
        name: "matches origins by a regular expression with bare dots",
        caught_by: &["cors.reject.unescaped-dot"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                origin.len() == APP.len() && origin.starts_with("https://todo") && origin.ends_with("com")
            });
        },
    },
    &Defect {
        name: "allows every subdomain of its front end",
        caught_by: &["cors.reject.subdomain"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.ends_with(".todo.example.com")),
    },
    &Defect {
        name: "allows the whole domain of its front end",
        caught_by: &["cors.reject.parent-and-sibling"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                origin == "https://example.com" || origin == "https://evil.example.com"
            });
        },
    },
    &Defect {
        name: "ignores the scheme",
        caught_by: &["cors.reject.http-downgrade"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "http://todo.example.com"),
    },
    &Defect {
        name: "ignores the port",
        caught_by: &["cors.reject.other-port"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.starts_with("https://todo.example.com:"));
        },
    },
    &Defect {
        name: "normalises origins before comparing",
        caught_by: &["cors.reject.non-canonical"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.to_ascii_lowercase().trim_end_matches(['/', '.']) == APP);
        },
    },
    &Defect {
        name: "stops reading a host at an odd character",
        caught_by: &["cors.reject.special-characters"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.split(['_', '~', '$', '!', '{']).next() == Some(APP));
        },
    },
    &Defect {
        name: "left localhost allowed",
        caught_by: &["cors.reject.localhost"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin == "http://localhost" || origin == "http://127.0.0.1");
        },
    },
    &Defect {
        name: "runs with the development profile's origins",
        caught_by: &["cors.reject.other-profile"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "http://localhost:5173"),
    },
    &Defect {
        name: "allows wrapped apps and files",
        caught_by: &["cors.reject.alien-scheme"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin == "capacitor://localhost" || origin == "file://");
        },
    },
    &Defect {
        name: "takes the first of several origins",
        caught_by: &["cors.reject.list-and-duplicates"],
        distort: |seen, reply| {
            if seen.origin().split([',', ' ']).next() == Some(APP) {
                reply.set("access-control-allow-origin", APP);
            }
        },
    },
    &Defect {
        name: "fails on an Origin that is no text",
        caught_by: &["cors.reject.hostile-bytes"],
        distort: |seen, reply| {
            if !seen.origin().is_ascii() {
                *reply = problem(500, "Internal Server Error");
            }
        },
    },
    // cors.preflight
    &Defect {
        name: "forgot PATCH in its preflights",
        caught_by: &["cors.preflight.allows-declared"],
        distort: |seen, reply| {
            if seen.header("access-control-request-method") == Some("PATCH") {
                *reply = problem(403, "Forbidden");
            }
        },
    },
    &Defect {
        name: "asks for a login before CORS",
        caught_by: &["cors.preflight.needs-no-auth"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 401;
            }
        },
    },
    &Defect {
        name: "routes preflights like any other request",
        caught_by: &["cors.preflight.ok-status"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 405;
            }
        },
    },
    &Defect {
        name: "leaves Authorization to `*`",
        caught_by: &["cors.preflight.authorization-explicit"],
        distort: |seen, reply| {
            if seen.is_preflight() && has_grant(reply) {
                reply.set("access-control-allow-headers", "*");
            }
        },
    },
    &Defect {
        name: "grants every preflight",
        caught_by: &["cors.preflight.rejects-origin"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 204;
                reply.grant(seen);
                reply.set(
                    "access-control-allow-methods",
                    seen.header("access-control-request-method").unwrap_or_default(),
                );
            }
        },
    },
    &Defect {
        name: "echoes the method that a preflight asks for",
        caught_by: &["cors.preflight.rejects-method"],
        distort: |seen, reply| {
            if seen.is_preflight() && seen.origin() == APP && reply.status == 403 {
                reply.status = 204;
                reply.grant(seen);
                reply.set(
                    "access-control-allow-methods",
                    seen.header("access-control-request-method").unwrap_or_default(),
                );
            }
        },
    },
    &Defect {
        name: "echoes the headers that a preflight asks for",
        caught_by: &["cors.preflight.rejects-header"],
        distort: |seen, reply| {
            if let (true, APP, Some(asked)) =
                (seen.is_preflight(), seen.origin(), seen.header("access-control-request-headers"))
            {
                reply.status = 204;
                reply.grant(seen);
                reply.set("access-control-allow-headers", asked);
            }
        },
    },
    &Defect {
        name: "lets browsers remember preflights for a year",
        caught_by: &["cors.preflight.max-age-as-declared"],
        distort: |_, reply| {
            if reply.headers.iter().any(|(name, _)| name == "access-control-max-age") {
                reply.set("access-control-max-age", "31536000");
            }
        },
    },
    &Defect {
        name: "compares the list of request headers as one text",
        caught_by: &["cors.preflight.tolerates-list-syntax"],
        distort: |seen, reply| {
            if seen
                .header("access-control-request-headers")
                .is_some_and(|asked| asked != "authorization,content-type")
            {
                *reply = problem(403, "Forbidden");
            }
        },
    },
    &Defect {
        name: "takes every OPTIONS for a preflight",
        caught_by: &["cors.preflight.plain-options-is-not-preflight"],
        distort: |seen, reply| {
            if seen.method == "OPTIONS" && !seen.is_preflight() {
                reply.remove("allow");
                reply.set("access-control-allow-methods", "GET");
            }
        },
    },
    // health
    &Defect {
        name: "answers its health check in plain text",
        caught_by: &["health.contract.status-and-type"],
        distort: |seen, reply| in_health(seen, reply, |reply| reply.set("content-type", "text/plain")),
    },
    &Defect {
        name: "cannot reach its database",
        caught_by: &["health.contract.status-and-type"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.status = 503;
                reply.body = reply
                    .body
                    .replace("\"ok\"", "\"unhealthy\"")
                    .replace("\"connected\"", "\"disconnected\"");
            });
        },
    },
    &Defect {
        name: "renamed a word of the health contract",
        caught_by: &["health.contract.schema"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| reply.body = reply.body.replace("\"connected\"", "\"up\""));
        },
    },
    &Defect {
        name: "runs as development",
        caught_by: &["health.contract.environment"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = reply.body.replace("\"production\"", "\"development\"");
            });
        },
    },
    &Defect {
        name: "answers 200 with a disconnected database",
        caught_by: &["health.contract.status-agrees-with-body"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = reply.body.replace("\"connected\"", "\"disconnected\"");
            });
        },
    },
    &Defect {
        name: "took its timestamp at start",
        caught_by: &["health.fresh.timestamp-moves"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = with_member(&reply.body, "timestamp", "2026-01-02T03:04:05.5Z");
            });
        },
    },
    &Defect {
        name: "lets its health check be cached",
        caught_by: &["health.fresh.not-cached"],
        distort: |seen, reply| in_health(seen, reply, |reply| reply.set("cache-control", "max-age=60")),
    },
    &Defect {
        name: "is slow to say how it is",
        caught_by: &["health.fresh.latency"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                in_health(seen, reply, |reply| reply.delay = Duration::from_millis(3_500));
            }
        },
    },
    &Defect {
        name: "names its database's error",
        caught_by: &["health.leak.no-internals"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = with_member(&reply.body, "detail", "connection to 10.0.0.3:5432 refused");
            });
        },
    },
    // exposure
    &Defect {
        name: "left its documentation on",
        caught_by: &["exposure.docs.as-declared"],
        distort: |seen, reply| serve(seen, reply, "/docs", "text/html", "<title>Swagger UI</title>"),
    },
    &Defect {
        name: "describes its GraphQL schema to strangers",
        caught_by: &["exposure.graphql.introspection"],
        distort: |seen, reply| {
            if seen.path == "/graphql" && seen.method == "POST" {
                reply.content("application/json", r#"{"data":{"__schema":{"queryType":{"name":"Query"}}}}"#);
            }
        },
    },
    &Defect {
        name: "decodes paths after it has checked them",
        caught_by: &["exposure.files.traversal"],
        distort: |seen, reply| {
            if seen.path.starts_with("/..%2f") && seen.path.ends_with("etc/passwd") {
                reply.content("text/plain", "root:x:0:0:root:/root:/bin/sh\n");
            }
        },
    },
    &Defect {
        name: "serves its .env",
        caught_by: &["exposure.files.env"],
        distort: |seen, reply| serve(seen, reply, "/.env", "text/plain", "PORT=8000\nJWT_KEY=abc\n"),
    },
    &Defect {
        name: "serves its .git",
        caught_by: &["exposure.files.vcs"],
        distort: |seen, reply| {
            serve(seen, reply, "/.git/HEAD", "application/octet-stream", "ref: refs/heads/main\n");
        },
    },
    &Defect {
        name: "serves its repository's root",
        caught_by: &["exposure.files.keys-and-backups"],
        distort: |seen, reply| serve(seen, reply, "/Cargo.toml", "text/plain", "[workspace]\n"),
    },
    &Defect {
        name: "shows its metrics to strangers",
        caught_by: &["exposure.debug.endpoints"],
        distort: |seen, reply| serve(seen, reply, "/metrics", "text/plain", "http_requests_total 5\n"),
    },
    &Defect {
        name: "advertises its framework",
        caught_by: &["exposure.banner"],
        distort: |_, reply| reply.set("x-powered-by", "Express"),
    },
    &Defect {
        name: "shows a connection string in an error",
        caught_by: &["exposure.secrets.patterns"],
        distort: |_, reply| {
            if reply.status == 405 {
                reply.body = with_member(&reply.body, "detail", "postgres://app:hunter2@db/app");
            }
        },
    },
    // errors
    &Defect {
        name: "answers errors in HTML",
        caught_by: &["errors.shape.as-declared"],
        distort: |_, reply| {
            if reply.status == 404 {
                reply.set("content-type", "text/html");
                "<h1>Not Found</h1>".clone_into(&mut reply.body);
            }
        },
    },
    &Defect {
        name: "shows a trace for broken JSON",
        caught_by: &["errors.leak.no-trace"],
        distort: |seen, reply| {
            if seen.header("content-type") == Some("application/json") {
                reply.body = with_member(&reply.body, "detail", "Traceback (most recent call last)");
            }
        },
    },
    &Defect {
        name: "repeats the path in an HTML page",
        caught_by: &["errors.reflect.inert"],
        distort: |seen, reply| {
            if reply.status == 404 {
                reply.set("content-type", "text/html");
                reply.body = format!("Cannot GET {}", seen.path.replace("%3C", "<").replace("%3E", ">"));
            }
        },
    },
    &Defect {
        name: "takes the request id that it is sent",
        caught_by: &["errors.request-id.safe"],
        distort: |seen, reply| {
            if let Some(id) = seen.header("x-request-id") {
                reply.set("x-request-id", id);
            }
        },
    },
    &Defect {
        name: "gives every request the same id",
        caught_by: &["errors.request-id.safe"],
        distort: |_, reply| reply.set("x-request-id", "0"),
    },
    // method
    &Defect {
        name: "does not say which methods it allows",
        caught_by: &["method.405-with-allow"],
        distort: |_, reply| reply.remove("allow"),
    },
    &Defect {
        name: "knows no HEAD",
        caught_by: &["method.head-equals-get"],
        distort: |seen, reply| {
            if seen.method == "HEAD" {
                reply.status = 405;
            }
        },
    },
    &Defect {
        name: "takes `get` for GET",
        caught_by: &["method.unknown-refused"],
        distort: |seen, reply| {
            if seen.method == "get" {
                reply.status = 200;
            }
        },
    },
    &Defect {
        name: "echoes TRACE",
        caught_by: &["method.trace-connect-refused"],
        distort: |seen, reply| {
            if seen.method == "TRACE" {
                reply.content("message/http", seen.header("x-plumbline-echo").unwrap_or_default());
            }
        },
    },
    &Defect {
        name: "opens tunnels for strangers",
        caught_by: &["method.trace-connect-refused"],
        distort: |seen, reply| {
            if seen.method == "CONNECT" {
                *reply = Reply::new(200);
            }
        },
    },
    // http1
    &Defect {
        name: "builds redirects from the Host that it is sent",
        caught_by: &["http1.host.not-trusted"],
        distort: |seen, reply| {
            if seen.path == "/health/" {
                let host = seen.header("x-forwarded-host").or(seen.header("host")).unwrap_or_default();
                *reply = Reply::new(307);
                reply.set("location", format!("https://{host}/health"));
            }
        },
    },
    // headers
    &Defect {
        name: "sends its security headers only on success",
        caught_by: &["headers.security-as-declared"],
        distort: |_, reply| {
            if reply.status >= 400 {
                reply.remove("x-content-type-options");
            }
        },
    },
    &Defect {
        name: "sets a cookie that scripts can read",
        caught_by: &["headers.cookies"],
        distort: |_, reply| reply.set("set-cookie", "sid=1; Secure; SameSite=Lax"),
    },
    &Defect {
        name: "compresses for clients that refused it",
        caught_by: &["headers.encoding"],
        distort: |seen, reply| {
            if seen.header("accept-encoding").is_some() {
                reply.set("content-encoding", "gzip");
            }
        },
    },
    &Defect {
        name: "does not tell caches that it compresses",
        caught_by: &["headers.encoding"],
        distort: |_, reply| reply.set("vary", "origin"),
    },
    // http1
    &Defect {
        name: "needs no Host",
        caught_by: &["http1.host.missing-or-duplicate"],
        distort: |seen, reply| {
            if seen.header("host").is_none() {
                reply.content("application/json", "{}");
            }
        },
    },
    &Defect {
        name: "takes bodies of any size",
        caught_by: &["http1.limit.body"],
        distort: |_, reply| {
            if reply.status == 413 {
                reply.status = 200;
            }
        },
    },
    // tls
    &Defect {
        name: "serves without TLS",
        caught_by: &["tls.plain-http.policy"],
        distort: |seen, reply| {
            if seen.secure.is_some() {
                reply.content("application/json", "{}");
            }
        },
    },
    &Defect {
        name: "turns a POST without TLS into a GET",
        caught_by: &["tls.plain-http.method-kept"],
        distort: |seen, reply| {
            if seen.secure.is_some() {
                reply.status = 301;
            }
        },
    },
    &Defect {
        name: "promises TLS on success only",
        caught_by: &["tls.hsts"],
        distort: |_, reply| {
            if reply.status == 404 {
                reply.remove("strict-transport-security");
            }
        },
    },
    // load
    &Defect {
        name: "turns part of a crowd away",
        caught_by: &["load.burst"],
        distort: |seen, reply| {
            static ASKED: AtomicU32 = AtomicU32::new(0);
            if in_crowd(seen) && ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
                in_health(seen, reply, |reply| reply.status = 503);
            }
        },
    },
    &Defect {
        name: "makes a crowd wait",
        caught_by: &["load.burst"],
        distort: |seen, reply| {
            if in_crowd(seen) {
                in_health(seen, reply, |reply| reply.delay = Duration::from_millis(3_500));
            }
        },
    },
    &Defect {
        name: "counts preflights",
        caught_by: &["cors.preflight.not-rate-limited"],
        distort: |seen, reply| {
            if in_crowd(seen) && seen.is_preflight() {
                *reply = problem(429, "Too Many Requests");
            }
        },
    },
];

const FAULTS: &[Fault] = &[
    Fault {
        name: "takes what stands behind a head for the next request",
        caught_by: &["http1.framing.ambiguous-length"],
        quirk: Quirk::Smuggles,
    },
    Fault { name: "reads heads of any size", caught_by: &["http1.limit.head"], quirk: Quirk::ReadsAnyHead },
    Fault {
        name: "waits for slow heads",
        caught_by: &["http1.slow.headers-and-body"],
        quirk: Quirk::WaitsForSlowHeads,
    },
    Fault {
        name: "has a certificate that ends in five days",
        caught_by: &["tls.cert.valid"],
        quirk: Quirk::CertificateEndsSoon,
    },
    Fault {
        name: "has a certificate of another host",
        caught_by: &["tls.cert.valid"],
        quirk: Quirk::CertificateOfAnotherHost,
    },
    Fault {
        name: "takes any field over HTTP/2",
        caught_by: &["http2.connection-fields-refused"],
        quirk: Quirk::TakesAnyFrames,
    },
    Fault { name: "lost HTTP/2", caught_by: &["http2.as-declared"], quirk: Quirk::NoHttp2 },
    Fault {
        name: "still speaks TLS 1.0",
        caught_by: &["tls.version.legacy-refused"],
        quirk: Quirk::SpeaksTls10,
    },
];

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

//! `verify init`: the first profile states the deployment's behaviour, has remarks to review, and loads.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeSet;

use profiles::{Contract, Declaration, Docs, Environment, ErrorFormat, Family, Http2, PlainHttp};
use proptest::prelude::*;
use support::command::{Ended, verify};
use support::edge::{Edge, Quirk};
use support::{DECLARATION, Distort, Reply, TODAY, start};
use tempfile::TempDir;
use verify::init::{STAGES, Survey};
use verify::judge::judge;
use verify::judge::plan::Plan;
use verify::model::check::{Needs, Verdict};
use verify::model::evidence::{Evidence, Selection};
use verify::model::exchange::{Answer, Exchange, Response};

const SOUND: Distort = |_, _| {};
const APPS: &[&str] = &["--origin", "https://todo.example.com", "--origin", "https://www.example.com"];

#[tokio::test]
async fn a_sound_backend_gets_the_profile_that_it_keeps() {
    let url = format!("http://{}", start(SOUND).await);
    let first = init(&url, APPS).await;
    assert_eq!(first.ended.code, 0, "{}", first.ended.stderr);

    let (written, kept) = (first.declaration().profile, &DECLARATION.profile);
    assert_eq!(written.cors.origins, kept.cors.origins);
    assert_eq!(written.cors.methods, kept.cors.methods);
    assert_eq!(written.cors.request_headers, kept.cors.request_headers);
    assert_eq!(written.cors.exposed_headers, kept.cors.exposed_headers);
    assert_eq!(written.cors.credentials, kept.cors.credentials);
    assert_eq!(written.cors.max_age, kept.cors.max_age);
    assert_eq!((&written.health.path, written.health.contract), (&kept.health.path, kept.health.contract));
    assert_eq!(written.deployment.request_id_header, kept.deployment.request_id_header);
    assert_eq!(written.verify.errors, kept.verify.errors);
    assert_eq!(written.verify.families, kept.verify.families);
    assert_eq!((written.server.docs, written.environment), (Docs::Hidden, Environment::Development));
    assert_eq!(written.deployment.url.as_str(), url);

    insta::assert_snapshot!("sound", first.text.replace(&url, "http://127.0.0.1:1"));
    let thoughts = first.ended.stderr.replace(&url, "http://127.0.0.1:1");
    insta::assert_snapshot!("sound_thoughts", thoughts);
    assert_found_only_what_was_marked(&first).await;
}

#[tokio::test]
async fn an_open_policy_is_called_out() {
    let open: Distort = |seen, reply| {
        if seen.is_preflight() {
            *reply = Reply::new(200);
            reply.add("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
            reply.add(
                "access-control-allow-headers",
                seen.header("access-control-request-headers").unwrap_or_default(),
            );
        }
        reply.grant(seen);
    };
    let first = init(&format!("http://{}", start(open).await), &[]).await;
    let cors = first.declaration().profile.cors;
    let origins: Vec<&str> = cors.origins.iter().map(profiles::Origin::as_str).collect();
    assert_eq!(origins, ["https://example.com"], "a grant that all get names no front end");
    assert_eq!(cors.methods.len(), 7, "{:?}", cors.methods);
    assert_eq!(cors.request_headers.len(), 2, "what is echoed is no list");
    for (setting, remark) in [
        (
            "cors.origins",
            "cors.reject.reflected: GET /health allowed origin `https://plumbline-probe.evil.example`",
        ),
        ("cors.origins", "cors.reject.null"),
        ("cors.origins", "name the front ends with --origin"),
        ("cors.origins", "cors.preflight.rejects-origin"),
        ("cors.request_headers", "cors.preflight.rejects-header"),
        ("cors.max_age", "access-control-max-age is absent"),
    ] {
        assert!(first.thinks(setting, remark), "{setting}: {remark} is not in\n{}", first.ended.stderr);
    }
    assert_found_only_what_was_marked(&first).await;
}

#[tokio::test]
async fn another_framework_gets_the_families_whose_promises_it_makes() {
    let framework: Distort = |seen, reply| {
        if seen.path == "/health" && !seen.is_preflight() {
            *reply = Reply::new(404);
        }
        match seen.path.as_str() {
            "/healthz" if seen.method == "GET" => reply.content("application/json", r#"{"status":"up"}"#),
            "/healthz" if !seen.is_preflight() => {
                *reply = Reply::new(405);
                reply.content("application/json", r#"{"detail":"Method Not Allowed"}"#);
                reply.status = 405;
                reply.add("allow", "GET");
            }
            "/docs" | "/openapi.json" if seen.method == "GET" => {
                reply.content("text/html", &format!("the page {}", seen.path));
            }
            _ if reply.status == 404 => {
                reply.content("application/json", r#"{"detail":"Not Found"}"#);
                reply.status = 404;
            }
            _ => {}
        }
        for name in ["x-content-type-options", "content-security-policy", "x-release", "x-request-id"] {
            reply.remove(name);
        }
        reply.headers.retain(|(name, _)| !name.starts_with("access-control-"));
        reply.add("x-version", "1.2.3");
    };
    let first = init(&format!("http://{}", start(framework).await), &[]).await;
    let written = first.declaration().profile;
    assert_eq!(written.health.path.as_str(), "/healthz");
    assert_eq!((written.server.docs, written.verify.errors), (Docs::Shown, ErrorFormat::Json));
    assert_eq!(written.deployment.release_header.as_str(), "x-version");
    assert_eq!((written.health.contract, written.deployment.request_id_header), (Contract::Status, None));
    assert!(first.text.contains("\n# request_id_header = \"x-request-id\"\n"), "{}", first.text);
    assert!(written.verify.families.contains(&Family::Health), "its status is promised all the same");
    let docs: Vec<&str> = written.verify.docs.iter().map(profiles::Path::as_str).collect();
    assert_eq!(docs, ["/docs", "/openapi.json"], "where they were found");
    for (setting, remark) in [
        ("verify.families", "`cors` is left out: no tried origin may read an answer"),
        ("health.contract", "not \"full\": `status` is \"up\""),
        ("deployment.request_id_header", "left out: no answer has a request id in a known header"),
        (
            "verify.families",
            "`headers` is left out: the 200 of GET /healthz lacks x-content-type-options: nosniff",
        ),
        ("deployment.release_header", "a guess from its name; `x-version` was `1.2.3`"),
    ] {
        assert!(first.thinks(setting, remark), "{setting}: {remark} is not in\n{}", first.ended.stderr);
    }
    assert_found_only_what_was_marked(&first).await;
}

/// With the library, because the port for requests without TLS is 80 on the command line.
#[tokio::test]
async fn what_stands_before_the_service_is_declared_as_it_is() {
    let lost: Distort = |seen, reply| {
        if seen.secure.is_some() {
            *reply = Reply::new(403);
        }
        if reply.status == 404 {
            reply.remove("strict-transport-security");
        }
    };
    for (distort, quirk, http2, plain_http, hsts) in [
        (SOUND, Quirk::None, Http2::Offered, PlainHttp::Redirect, Some("365d")),
        (lost, Quirk::NoHttp2, Http2::Absent, PlainHttp::Refuse, None),
    ] {
        let edge = Edge::start(distort, quirk).await;
        let production = Declaration::load("production", TODAY).unwrap();
        let mut survey = Survey::new(format!("https://{}", edge.address).parse().unwrap(), vec![], TODAY);
        for stage in STAGES {
            let plan = survey.plan(*stage, &production);
            survey.hear(&plan, edge.probe(&plan).await).unwrap();
        }
        let written = survey.written();
        let declaration = Declaration::parse("first.toml", &written.text, TODAY).unwrap();
        let declared = &declaration.profile.edge;
        assert_eq!((declared.http2, declared.plain_http), (http2, plain_http), "{}", written.text);
        assert_eq!(declared.hsts, hsts.map(|hsts| hsts.parse().unwrap()));

        let marked: Vec<&str> = written.doubts.iter().map(|doubt| doubt.setting.as_str()).collect();
        assert_eq!(marked.contains(&"edge.hsts"), hsts.is_none(), "{marked:?}");
        let selection = Selection { only: vec!["tls".to_owned(), "http2".to_owned()], skip: vec![] };
        let plan = Plan::of(edge.subject(&declaration), &selection).unwrap();
        for judgement in judge(&plan, &edge.probe(&plan).await) {
            let kept = matches!(judgement.verdict, Verdict::Pass | Verdict::NotApplicable(_));
            assert!(kept, "{}: {:?}", judgement.check.id, judgement.verdict);
        }
    }
}

#[tokio::test]
async fn a_health_check_of_its_status_alone_is_declared_so() {
    let brief: Distort = |seen, reply| {
        if seen.path == "/health" && reply.status == 200 {
            reply.content("text/plain", "ok");
        }
    };
    let first = init(&format!("http://{}", start(brief).await), APPS).await;
    let written = first.declaration().profile;
    assert_eq!(written.health.contract, Contract::Status);
    assert_eq!(written.verify.families, DECLARATION.profile.verify.families);
    let remark = "not \"full\": the body of GET /health is not JSON";
    assert!(first.thinks("health.contract", remark), "{}", first.ended.stderr);
    assert_found_only_what_was_marked(&first).await;
}

#[tokio::test]
async fn an_origin_that_no_browser_sends_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["init", "https://api.example.org", "--origin", "https://app.example.org/"];
    let ended = verify(folder.path(), &arguments).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("write \"https://app.example.org\""), "{}", ended.stderr);
}

#[tokio::test]
async fn a_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "work").unwrap();
    let url = format!("http://{}", start(SOUND).await);
    let ended = verify(folder.path(), &["init", &url, "--output", "mine.toml"]).await;
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("mine.toml exists and is not overwritten; choose another --output"),
        "{}",
        ended.stderr
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("mine.toml")).unwrap(), "work");
}

#[tokio::test]
async fn without_a_file_the_profile_alone_is_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", start(SOUND).await);
    let ended = verify(folder.path(), &["init", &url]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    Declaration::parse("profile.toml", &ended.stdout, TODAY).unwrap();
    assert!(ended.stderr.contains("next: the same with --output profiles/NAME.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_no_deployment_gets_no_profile() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let login = start(|_, reply| *reply = Reply::new(401)).await;
    for (address, says) in [(closed, "could not connect to"), (login, "a login answers for the service")] {
        let folder = tempfile::tempdir().unwrap();
        let ended =
            verify(folder.path(), &["init", &format!("http://{address}"), "--output", "new.toml"]).await;
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert!(ended.stderr.contains(says) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("nothing was written") && ended.stdout.is_empty(), "{}", ended.stderr);
        assert!(!folder.path().join("new.toml").exists());
    }
}

#[tokio::test]
async fn a_private_header_is_sent_and_not_written() {
    let guarded: Distort = |seen, reply| {
        match seen.header("x-preview-key") {
            Some(key) => reply.add("x-version", key),
            None => *reply = Reply::new(401),
        }
        reply.remove("x-release");
    };
    let first =
        init(&format!("http://{}", start(guarded).await), &["--header", "x-preview-key: s3cr3t"]).await;
    assert_eq!(first.ended.code, 0, "{}", first.ended.stderr);
    assert!(first.text.contains("release_header = \"x-version\""), "{}", first.text);
    assert!(!first.text.contains("s3cr3t") && !first.ended.stderr.contains("s3cr3t"));
}

#[test]
fn production_refuses_what_a_public_deployment_must_not_promise() {
    let written = surveyed("https://api.example.org", &["https://app.example.org"], |request| {
        let docs = ["/docs", "/openapi.json"].contains(&request.path.as_str());
        let mut response =
            Response { status: if docs { 200 } else { 404 }, headers: vec![], body: request.path.clone() };
        if let Some(origin) = request.header("origin") {
            response.headers.push(("access-control-allow-origin".to_owned(), origin.to_owned()));
        }
        if request.path == "/health" {
            response.status = 200;
        }
        response
    });
    let profile = Declaration::parse("profile.toml", &written.text, TODAY).unwrap().profile;
    assert_eq!((profile.environment, profile.server.docs), (Environment::Production, Docs::Hidden));
    assert_eq!(profile.deployment.url.as_str(), "https://api.example.org");
    let docs = written.doubts.iter().find(|doubt| doubt.setting == "server.docs").unwrap();
    assert!(docs.why.contains("GET /docs answered 200; the profile declares docs hidden"), "{}", docs.why);
    let line = written.text.lines().nth(docs.line - 1).unwrap();
    assert!(line.starts_with("docs = "), "{line}");
}

#[test]
fn what_production_cannot_promise_is_a_remark() {
    let local = "http://localhost:3000";
    let written = surveyed("https://api.example.org", &[], |request| {
        let mut response = Response { status: 404, headers: vec![], body: String::new() };
        if request.header("origin") == Some(local) {
            response.headers.push(("access-control-allow-origin".to_owned(), local.to_owned()));
        }
        response
    });
    let profile = Declaration::parse("profile.toml", &written.text, TODAY).unwrap().profile;
    assert_eq!(profile.cors.origins, ["https://app.example.com".parse().unwrap()]);
    let remarks: Vec<&str> = written.doubts.iter().map(|doubt| doubt.why.as_str()).collect();
    for remark in [
        "origin `http://localhost:3000` is on the user's machine, not in production",
        "https://app.example.com is a placeholder for the front end's origin",
    ] {
        assert!(remarks.contains(&remark), "{remarks:?}");
    }
}

#[test]
fn an_api_that_lists_hundreds_of_names_gets_a_profile() {
    let names: Vec<String> = (0..2_000).map(|n| format!("X-N{n}")).collect();
    let written = surveyed("http://127.0.0.1:1", &["https://app.example.org"], |request| Response {
        status: if request.path == "/health" { 200 } else { 404 },
        headers: vec![
            ("access-control-allow-origin".to_owned(), request.header("origin").unwrap_or("null").to_owned()),
            ("access-control-allow-methods".to_owned(), names.join(",")),
            ("access-control-allow-headers".to_owned(), names.join(",")),
        ],
        body: String::new(),
    });
    assert!(written.text.len() < 32 * 1024, "{} bytes", written.text.len());
    Declaration::parse("profile.toml", &written.text, TODAY).unwrap();
}

#[test]
fn what_cannot_be_seen_says_where_it_comes_from() {
    let written = surveyed("https://api.example.org", &[], |_| Response {
        status: 404,
        headers: vec![],
        body: String::new(),
    });
    for table in ["database", "pool", "secrets", "platform", "launch"] {
        let marked = format!("[{table}]\n# not visible from outside: ");
        assert!(written.text.contains(&marked), "[{table}] is not marked in\n{}", written.text);
    }
    let timeout = written.text.lines().find(|line| line.starts_with("request_timeout")).unwrap();
    assert!(timeout.ends_with("# not visible from outside"), "{timeout}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_target_says_breaks_out_of_the_profile(
        status in prop::sample::select(vec![200_u16, 204, 404, 405, 500]),
        values in prop::collection::vec(hostile(), 8),
        body in hostile(),
    ) {
        let written = surveyed("http://127.0.0.1:1", &["https://app.example.org"], |request| {
            let names = [
                "access-control-allow-methods", "access-control-allow-headers", "access-control-expose-headers",
                "access-control-max-age", "access-control-allow-credentials", "content-type", "x-version", "allow",
            ];
            let mut headers: Vec<(String, String)> =
                names.iter().zip(&values).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let origin = request.header("origin").unwrap_or(&values[0]).to_owned();
            headers.push(("access-control-allow-origin".to_owned(), origin));
            let control = request.path.contains("control");
            Response { status: if control { 404 } else { status }, headers, body: body.clone() }
        });
        let declaration = Declaration::parse("profile.toml", &written.text, TODAY);
        prop_assert!(declaration.is_ok(), "{}\n{}", declaration.unwrap_err(), written.text);
        prop_assert!(written.text.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(written.text.len() < 64 * 1024);
    }
}

/// Hostile and malformed values.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\xff]{0,60}",
        "([A-Za-z*#\"'\\\\\\[\\]=-]{0,12},){0,6}",
        "(x-[a-z]{1,8}, ?){0,5}",
        prop::sample::select(vec![
            "\"\"\"\n[server]\nport = 1".to_owned(),
            "'''\r\n[[waivers]]".to_owned(),
            "x\"]\n[cors]\norigins = [\"https://evil.example".to_owned(),
            "postgres://app:hunter2@db.example.org/app".to_owned(),
            "ghp_0123456789abcdefghij, sk_live_0123456789abcdef".to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
            "-----BEGIN ".to_owned(),
            "password=\"hunter2hunter2\"".to_owned(),
            "x".repeat(64 * 1024),
            "x-a,".repeat(16 * 1024),
            "99999999999999999999".to_owned(),
            "\u{feff}\u{2028}\u{85}\u{7f}".to_owned(),
            "*".to_owned(),
            "true".to_owned(),
            "600".to_owned(),
        ]),
    ]
}

/// A profile in a file, and the output of the command.
struct First {
    folder: TempDir,
    url: String,
    text: String,
    ended: Ended,
}

async fn init(url: &str, more: &[&str]) -> First {
    let folder = tempfile::tempdir().unwrap();
    let ended = verify(folder.path(), &[&["init", url, "--output", "first.toml"], more].concat()).await;
    let text = std::fs::read_to_string(folder.path().join("first.toml")).unwrap_or_default();
    First { folder, url: url.to_owned(), text, ended }
}

impl First {
    fn declaration(&self) -> Declaration {
        Declaration::parse("first.toml", &self.text, TODAY).unwrap()
    }

    /// Settings with a remark, as standard error lists them.
    fn marked(&self) -> BTreeSet<String> {
        let remarks = self.ended.stderr.lines().filter_map(|line| line.strip_prefix("first.toml:"));
        remarks.filter_map(|line| line.split("  ").nth(1)).map(str::to_owned).collect()
    }

    fn thinks(&self, setting: &str, remark: &str) -> bool {
        let mut lines = self.ended.stderr.lines();
        lines.any(|line| line.starts_with("first.toml:") && line.contains(setting) && line.contains(remark))
    }
}

/// The same deployment, held against the profile: what fails, fails at a setting with a remark.
async fn assert_found_only_what_was_marked(first: &First) {
    let arguments =
        ["--profile", "./first.toml", "--url", &first.url, "--report", "json", "--snapshots", "off"];
    let ended = verify(first.folder.path(), &arguments).await;
    let json = ended.json();
    let marked = first.marked();
    for finding in json["findings"].as_array().unwrap().iter().filter(|finding| finding["status"] == "fail") {
        let expected = finding["expected"].as_str().unwrap();
        let setting = expected.split([' ', '[']).next().unwrap();
        assert!(marked.contains(setting), "{finding} is at none of {marked:?}");
    }
    assert!(matches!(ended.code, 0 | 1), "{}", ended.stdout);
    assert_eq!(ended.code == 0, ended.failed().is_empty());
}

/// The profile for a target with these answers.
fn surveyed(
    target: &str,
    origins: &[&str],
    answer: impl Fn(&verify::model::exchange::Request) -> Response,
) -> verify::init::Written {
    let production = Declaration::load("production", TODAY).unwrap();
    let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    let mut survey = Survey::new(target.parse().unwrap(), origins, TODAY);
    for stage in STAGES {
        let plan = survey.plan(*stage, &production);
        survey.hear(&plan, answers(&plan, &answer)).unwrap();
    }
    survey.written()
}

fn answers(plan: &Plan<'_>, answer: impl Fn(&verify::model::exchange::Request) -> Response) -> Evidence {
    let exchanges = plan.probes.iter().map(|probe| {
        let request = probe.request.clone();
        let answer = Answer::Received(answer(&request));
        (probe.clone(), Exchange { request, answer, elapsed_ms: 1, received_ms: 0 })
    });
    Evidence {
        schema: Evidence::SCHEMA.to_owned(),
        profile: "production".to_owned(),
        target: plan.subject.target.to_string(),
        expected_release: None,
        selection: Selection::default(),
        allows: Needs::Nothing,
        duration_ms: 1,
        requests: plan.requests(),
        exchanges: exchanges.collect(),
    }
}

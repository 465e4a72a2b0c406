//! `verify replay`: the failed checks of a recording are sent to a new target, and no others.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Mutex;

use support::command::{Ended, verify};
use support::{Distort, Reply, start};
use tempfile::TempDir;

const SOUND: Distort = |_, _| {};
const REFLECTS: Distort = |seen, reply| reply.grant(seen);
/// Frames may read it, an odd query breaks it, and it names its software.
const BROKEN: Distort = |seen, reply| {
    if seen.origin() == "null" {
        reply.grant(seen);
    }
    if seen.query.contains('%') {
        *reply = Reply::new(500);
    }
    reply.set("x-powered-by", "Express");
};

#[tokio::test]
async fn what_is_fixed_is_fixed() {
    let recording = record(BROKEN).await;
    let ended = recording.again(SOUND, &[]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("FIXED    cors.reject.null\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("FIXED    run.no-5xx-anywhere\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("FAILED") && !ended.stdout.contains("UNKNOWN"), "{}", ended.stdout);
    let fixed = ended.stdout.matches("FIXED ").count();
    assert!(ended.stdout.ends_with(&format!("{fixed} fixed, 0 failed, 0 unknown\n")), "{}", ended.stdout);
}

#[tokio::test]
async fn what_still_fails_says_what_was_observed() {
    let recording = record(BROKEN).await;
    let half: Distort = |seen, reply| {
        if seen.origin() == "null" {
            reply.grant(seen);
        }
    };
    let ended = recording.again(half, &[]).await;
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended
            .stdout
            .contains("FAILED   cors.reject.null  GET /health allowed origin `null` with credentials"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("FIXED    exposure.") && ended.stdout.contains("FIXED    run.no-5xx"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(" failed, 0 unknown\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_check_that_reads_every_answer_is_asked_what_it_found() {
    let recording = record(BROKEN).await;
    let ended = recording
        .again(
            |seen, reply| {
                if seen.query.contains('%') {
                    *reply = Reply::new(500);
                }
            },
            &[],
        )
        .await;
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("FAILED   run.no-5xx-anywhere  GET /"), "{}", ended.stdout);
}

#[tokio::test]
async fn only_the_probes_of_failed_checks_are_sent() {
    static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let counting: Distort = |seen, _| {
        SENT.lock().unwrap().push(format!("{} {} {}", seen.method, seen.path, seen.origin()));
    };
    let null: Distort = |seen, reply| {
        if seen.origin() == "null" && seen.method == "GET" {
            reply.grant(seen);
        }
    };
    let ended = record(null).await.again(counting, &[]).await;
    assert_eq!(ended.stdout, "FIXED    cors.reject.null\n1 fixed, 0 failed, 0 unknown\n");
    let mut sent = SENT.lock().unwrap().clone();
    sent.sort();
    sent.dedup();
    assert_eq!(sent, ["GET /health ", "GET /health null", "GET /plumbline-control-7f3a9c "]);
}

#[tokio::test]
async fn the_order_is_that_of_reports() {
    let recording = record(REFLECTS).await;
    let ended = recording.again(REFLECTS, &[]).await;
    let listed: Vec<&str> =
        ended.stdout.lines().filter_map(|line| line.strip_prefix("FAILED   ")?.split(' ').next()).collect();
    let known: Vec<&str> =
        verify::checks::all().map(|check| check.id).filter(|id| listed.contains(id)).collect();
    assert!(listed.len() > 5 && listed == known, "{listed:?}");
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_has_fixed_nothing() {
    let recording = record(REFLECTS).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let ended = recording.again_at(closed, &[]).await;
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("UNKNOWN  cors.reject.reflected  could not connect to"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("0 fixed, 0 failed, "), "{}", ended.stdout);
}

#[tokio::test]
async fn where_nothing_failed_nothing_is_sent() {
    let never: Distort = |_, _| panic!("nothing is to be sent");
    let ended = record(SOUND).await.again(never, &[]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "nothing failed in the recording, so nothing was sent\n")
    );
}

#[tokio::test]
async fn a_private_header_opens_a_protected_preview_and_is_not_shown() {
    let guarded: Distort = |seen, reply| match seen.header("x-preview-key") {
        Some("s3cr3t") => reply.grant(seen),
        _ => *reply = Reply::new(401),
    };
    let recording = record(REFLECTS).await;
    let refused = recording.again(guarded, &[]).await;
    assert_eq!(refused.code, 3, "{}", refused.stdout);
    assert!(refused.stdout.contains("a login answers for the service"), "{}", refused.stdout);
    let passed = recording.again(guarded, &["--header", "x-preview-key: s3cr3t"]).await;
    assert_eq!(passed.code, 1, "{}", passed.stdout);
    assert!(!passed.stdout.contains("s3cr3t") && !passed.stderr.contains("s3cr3t"));
}

#[tokio::test]
async fn a_waived_failure_is_not_asked_again() {
    let waiver = "\n[[waivers]]\ncheck = \"cors\"\nreason = \"known\"\nexpires = \"2999-12-31\"\n";
    let null: Distort = |seen, reply| {
        if seen.origin() == "null" {
            reply.grant(seen);
        }
    };
    let recording = record_with(null, waiver).await;
    let ended = recording.again(null, &[]).await;
    assert_eq!(ended.stdout, "nothing failed in the recording, so nothing was sent\n");
}

#[tokio::test]
async fn an_older_recording_says_what_to_do() {
    let recording = record(BROKEN).await;
    let file = recording.folder.path().join("recording.json");
    let mut evidence: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    // As if this version had one more question.
    let exchanges = evidence["exchanges"].as_array_mut().unwrap();
    exchanges.retain(|exchange| exchange[0]["request"]["headers"][0][1] != "null");
    std::fs::write(&file, evidence.to_string()).unwrap();

    let judged = verify(recording.folder.path(), &["replay", "recording.json"]).await;
    assert!(
        judged
            .stdout
            .contains("cors.reject.null  GET /health: not in the evidence; record it again with --record"),
        "{}",
        judged.stdout
    );
    let again = recording.again(SOUND, &[]).await;
    assert!(!again.stdout.contains("cors.reject.null"), "{}", again.stdout);
    assert!(again.stderr.contains("could not be judged in the recording"), "{}", again.stderr);
    assert!(again.stderr.contains("record it again with --record"), "{}", again.stderr);
}

#[tokio::test]
async fn a_recording_that_told_reasons_in_english_is_refused_by_the_name_of_its_format() {
    let recording = record(SOUND).await;
    let file = recording.folder.path().join("recording.json");
    let mut evidence: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    evidence["exchanges"][0][1]["answer"] = serde_json::json!({"Missing": "connection refused"});
    evidence["schema"] = "plumbline-evidence/1".into();
    std::fs::write(&file, evidence.to_string()).unwrap();
    let old = verify(recording.folder.path(), &["replay", "recording.json"]).await;
    assert_eq!(old.code, 2, "{}{}", old.stdout, old.stderr);
    assert!(
        old.stderr.contains("recording.json has the format `plumbline-evidence/1`, and this version reads")
            && old.stderr.contains("record it again with --record"),
        "{}",
        old.stderr
    );

    // The same under this version's name: a reason that is not one of its kinds.
    evidence["exchanges"][0][1]["answer"] = serde_json::json!({"missing": "connection refused"});
    evidence["schema"] = verify::model::evidence::Evidence::SCHEMA.into();
    std::fs::write(&file, evidence.to_string()).unwrap();
    let odd = verify(recording.folder.path(), &["replay", "recording.json"]).await;
    assert_eq!(odd.code, 2, "{}{}", odd.stdout, odd.stderr);
    assert!(odd.stderr.contains("unknown variant `connection refused`"), "{}", odd.stderr);
}

#[tokio::test]
async fn what_does_not_go_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for more in [["--header", "a: b"], ["--ca", "ca.pem"]] {
        let ended = verify(folder.path(), &[&["replay", "recording.json"], more.as_slice()].concat()).await;
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("--url"), "{}", ended.stderr);
    }
    let both = ["replay", "recording.json", "--url", "http://127.0.0.1:1", "--report", "json"];
    let ended = verify(folder.path(), &both).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
}

/// A folder with a profile and the recording of a run against a backend.
struct Recording {
    folder: TempDir,
}

async fn record(distort: Distort) -> Recording {
    record_with(distort, "").await
}

async fn record_with(distort: Distort, added: &str) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let profile = format!("{}{added}", include_str!("../../profiles/production.toml"));
    std::fs::write(folder.path().join("profile.toml"), profile).unwrap();
    let url = format!("http://{}", start(distort).await);
    let arguments =
        ["--profile", "profile.toml", "--url", &url, "--snapshots", "off", "--record", "recording.json"];
    let ended = verify(folder.path(), &arguments).await;
    assert!(matches!(ended.code, 0 | 1), "{}{}", ended.stdout, ended.stderr);
    Recording { folder }
}

impl Recording {
    async fn again(&self, distort: Distort, more: &[&str]) -> Ended {
        self.again_at(start(distort).await, more).await
    }

    async fn again_at(&self, address: SocketAddr, more: &[&str]) -> Ended {
        let url = format!("http://{address}");
        let arguments = ["replay", "recording.json", "--url", &url];
        verify(self.folder.path(), &[arguments.as_slice(), more].concat()).await
    }
}

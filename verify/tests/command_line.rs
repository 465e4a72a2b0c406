//! The command line: exit codes that can be trusted, and one clear error for every mistake.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::command::{Ended, verify};
use support::{Distort, start};
use tempfile::TempDir;

const SOUND: Distort = |_, _| {};

#[tokio::test]
async fn first_unseen_then_accepted_then_drifted() {
    let folder = folder("");
    let url = format!("http://{}", start(SOUND).await);
    let unseen = run(&folder, &url, &[]).await;
    assert_eq!(unseen.code, 4, "{}{}", unseen.stdout, unseen.stderr);
    assert!(
        unseen.stdout.contains("nobody has reviewed: cors.matrix, health, errors, methods, exposure"),
        "{}",
        unseen.stdout
    );
    assert!(folder.path().join("snapshots/profile/health.snap.new").exists());

    let accepted = run(&folder, &url, &["--snapshots", "update"]).await;
    assert_eq!(accepted.code, 0, "{}", accepted.stdout);
    assert!(!folder.path().join("snapshots/profile/health.snap.new").exists());

    let again = run(&folder, &url, &[]).await;
    assert_eq!(again.code, 0, "{}", again.stdout);

    let debugging: Distort = |seen, reply| {
        if seen.path == "/health" {
            reply.add("x-debug", "1");
        }
    };
    let other = format!("http://{}", start(debugging).await);
    let drifted = run(&folder, &other, &[]).await;
    assert_eq!(drifted.code, 4, "{}", drifted.stdout);
    assert!(drifted.stdout.contains("+also: x-debug"), "{}", drifted.stdout);
    assert!(folder.path().join("snapshots/profile/health.snap.new").exists());

    let recovered = run(&folder, &url, &[]).await;
    assert_eq!(recovered.code, 0);
    assert!(
        !folder.path().join("snapshots/profile/health.snap.new").exists(),
        "a drift that went away needs no review"
    );
}

#[tokio::test]
async fn a_broken_promise_exits_1_and_underlines_it() {
    let folder = folder("");
    let url = format!("http://{}", start(|seen, reply| reply.grant(seen)).await);
    let ended = run(&folder, &url, &["--only", "cors.reject.null", "--only", "cors.reject.suffix"]).await;
    assert_eq!(ended.code, 1);
    for part in [
        "FAIL[cors.reject.null]",
        "--> profile.toml:",
        "origins = [",
        "sent: GET /health · origin: null",
        "curl -si --path-as-is",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is not in\n{}", ended.stdout);
    }
    assert!(ended.stdout.contains("2 failed"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_closed_port_exits_3() {
    let ended = run(&folder(""), "http://127.0.0.1:1", &["--report", "json"]).await;
    assert_eq!(ended.code, 3);
    assert_eq!(ended.json()["outcome"], "inconclusive");
    assert_eq!(
        ended.observed("run.target.reachable"),
        "GET /health: could not connect to 127.0.0.1:1: connection refused (os error 111)"
    );
}

#[tokio::test]
async fn waiting_ends_when_the_expected_release_runs_and_says_which_one_does() {
    let url = format!("http://{}", start(SOUND).await);
    let found =
        run(&folder(""), &url, &["--wait", "5s", "--expect-release", support::RELEASE, "--only", "run"])
            .await;
    assert_eq!(found.code, 0, "{}{}", found.stdout, found.stderr);
    let missed = run(&folder(""), &url, &["--wait", "100ms", "--expect-release", "0123456"]).await;
    assert_eq!(missed.code, 3);
    assert!(missed.stderr.contains("x-release is `4f2c1e9aa0`; expected `0123456`"), "{}", missed.stderr);
}

#[tokio::test]
async fn every_mistake_on_the_command_line_is_one_clear_error_and_exits_2() {
    let folder = folder("");
    std::fs::write(folder.path().join("not-a-tape.json"), "{}").unwrap();
    for (arguments, says) in [
        (vec![], "name a profile: --profile production"),
        (
            vec!["--profile", "prodction"],
            "there is no profile `prodction`; the embedded ones are `development` and `production`",
        ),
        (vec!["--profile", "missing.toml"], "could not read the profile `missing.toml`"),
        (vec!["--profile", "production", "--url", "not a url"], "`not a url` is not a target"),
        (vec!["--profile", "production", "--url", "https://api.example.com/v1"], "has a path"),
        (vec!["--profile", "production", "--only", "cors.rejct"], "did you mean `cors.reject"),
        (vec!["--profile", "production", "--only", "run", "--skip", "run"], "the selection leaves no check"),
        (vec!["--profile", "production", "--wait", "soon"], "`soon` is not a duration"),
        (vec!["--profile", "production", "--header", "nonsense"], "there is no colon"),
        (
            vec!["--profile", "production", "--ca", "missing.pem"],
            "could not read certificates from --ca missing.pem",
        ),
        (vec!["--profile", "production", "--report", "yaml"], "`yaml` is not a report format"),
        (
            vec!["--profile", "production", "--report", "json", "--report", "human"],
            "two reports cannot share standard output",
        ),
        (vec!["--profile", "production", "--url", "http://127.0.0.1:1", "--launch"], "cannot be used with"),
        (vec!["replay", "missing.json"], "could not read the evidence missing.json"),
        (vec!["replay", "not-a-tape.json"], "is not evidence that this version can read"),
        (vec!["explain", "cors.rejct"], "is neither a check nor a family"),
        (vec!["lint", "missing.toml"], "could not read the profile `missing.toml`"),
    ] {
        let ended = verify(folder.path(), &arguments).await;
        assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(says), "{arguments:?} does not say `{says}`: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_profile_with_five_mistakes_is_refused_with_all_five() {
    let folder = folder("");
    let text = include_str!("../../profiles/production.toml")
        .replace("\"https://www.example.com\"", "\"https://www.example.com/\"")
        .replace("max_age = \"10m\"", "max_age = \"10 minutes\"")
        .replace("size = 10", "sise = 10")
        .replace("docs = \"hidden\"", "docs = \"secret\"")
        .replace("replicas = 1", "replicas = 0");
    std::fs::write(folder.path().join("wrong.toml"), text).unwrap();
    let ended = verify(folder.path(), &["--profile", "wrong.toml"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("5 problems in wrong.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_recording_is_judged_again_without_the_network_and_holds_no_private_header() {
    let folder = folder("");
    let url = format!("http://{}", start(|seen, reply| reply.grant(seen)).await);
    let live = run(
        &folder,
        &url,
        &[
            "--record",
            "tape.json",
            "--header",
            "x-preview-key: s3cr3t",
            "--report",
            "json",
            "--snapshots",
            "off",
        ],
    )
    .await;
    let tape = std::fs::read_to_string(folder.path().join("tape.json")).unwrap();
    assert!(!tape.contains("s3cr3t") && !live.stdout.contains("s3cr3t"));

    let replayed =
        verify(folder.path(), &["replay", "tape.json", "--profile", "profile.toml", "--report", "json"])
            .await;
    assert_eq!((replayed.code, replayed.failed()), (live.code, live.failed()));
    assert!(replayed.failed().contains(&"cors.reject.null".to_owned()));
}

#[tokio::test]
async fn a_waiver_waives_until_its_day_and_is_reported_when_nothing_needs_it() {
    let url = format!("http://{}", start(|_, reply| reply.set("x-powered-by", "Express")).await);
    let waiver = |check: &str, expires: &str| {
        format!("\n[[waivers]]\ncheck = \"{check}\"\nreason = \"known\"\nexpires = \"{expires}\"\n")
    };

    let accepted = run(
        &folder(&waiver("exposure.banner", "2999-12-31")),
        &url,
        &["--report", "json", "--snapshots", "off"],
    )
    .await;
    assert_eq!((accepted.code, &accepted.json()["summary"]["waived"]), (0, &1.into()), "{}", accepted.stdout);

    let expired = run(
        &folder(&waiver("exposure.banner", "2020-01-01")),
        &url,
        &["--report", "json", "--snapshots", "off"],
    )
    .await;
    assert_eq!((expired.code, expired.failed()), (1, vec!["exposure.banner".to_owned()]));
    assert!(expired.json()["warnings"][0].as_str().unwrap().contains("expired on 2020-01-01"));

    let unused = run(
        &folder(&waiver("cors.reject.null", "2999-12-31")),
        &url,
        &["--report", "json", "--snapshots", "off"],
    )
    .await;
    assert!(unused.json()["warnings"][0].as_str().unwrap().contains("is not needed"));
}

#[tokio::test]
async fn two_runs_of_the_same_target_report_the_same() {
    let folder = folder("");
    let url = format!("http://{}", start(|seen, reply| reply.grant(seen)).await);
    let report = || async {
        let mut json = run(&folder, &url, &["--report", "json", "--snapshots", "off"]).await.json();
        json["duration_ms"] = 0.into();
        json
    };
    assert_eq!(report().await, report().await);
}

#[tokio::test]
async fn the_plan_the_list_and_the_explanations_need_no_network() {
    let folder = folder("");
    let plan =
        verify(folder.path(), &["plan", "--profile", "profile.toml", "--only", "cors.reject.null"]).await;
    assert_eq!(plan.code, 0);
    assert!(
        plan.stdout.contains("1 checks, 2 requests") && plan.stdout.contains("GET /health · origin: null"),
        "{}",
        plan.stdout
    );
    let list = verify(folder.path(), &["list"]).await;
    assert!(list.code == 0 && list.stdout.lines().count() >= 30);
    let explained = verify(folder.path(), &["explain", "cors.reject.null"]).await;
    assert!(explained.code == 0 && explained.stdout.contains("Sandboxed frames"), "{}", explained.stdout);
    let linted = verify(folder.path(), &["lint"]).await;
    assert_eq!(
        (linted.code, linted.stdout.as_str()),
        (0, "profiles/development.toml: sound\nprofiles/production.toml: sound\n")
    );
}

#[tokio::test]
async fn a_plan_beyond_the_budget_is_refused_before_a_byte_is_sent() {
    let folder = folder("");
    let text = std::fs::read_to_string(folder.path().join("profile.toml"))
        .unwrap()
        .replace("requests = 500", "requests = 20");
    std::fs::write(folder.path().join("profile.toml"), text).unwrap();
    let ended = run(&folder, "http://127.0.0.1:1", &[]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("but the profile allows verify.requests = 20"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_candidate_that_dies_is_reported_with_its_last_lines() {
    let ended = launch("\"sh\", \"-c\", \"echo cannot find the moon; exit 7\"", "5s").await.0;
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("before it answered: exit status: 7")
            && ended.stderr.contains("| cannot find the moon"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_candidate_that_never_answers_is_reported_and_ended_with_all_it_started() {
    let (ended, folder) =
        launch("\"sh\", \"-c\", \"sleep 600 & echo $! > started; trap '' TERM; wait\"", "500ms").await;
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("did not answer within 500 ms: could not connect"), "{}", ended.stderr);
    let started = std::fs::read_to_string(folder.path().join("started")).unwrap();
    let process = Path::new("/proc").join(started.trim());
    let deadline = Instant::now() + Duration::from_secs(5);
    while process.exists() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!process.exists(), "process {started} is still running");
}

#[tokio::test]
async fn a_candidate_gets_a_clean_environment_and_a_free_port() {
    let (ended, folder) = launch("\"sh\", \"-c\", \"env > seen; exit 1\"", "5s").await;
    assert_eq!(ended.code, 3);
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains(&"PORT") && names.contains(&"PATH"), "{seen}");
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST")),
        "{seen}"
    );
}

#[tokio::test]
async fn a_launched_candidate_is_verified_and_stopped() {
    let (ended, folder) = launch(
        "\"sh\", \"-c\", \"echo $$ > started; exec python3 -m http.server $PORT --bind 127.0.0.1\"",
        "6s",
    )
    .await;
    // Python's file server keeps hardly any promise; that it was judged and stopped is the point.
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("ms after its start"), "{}", ended.stderr);
    let started = std::fs::read_to_string(folder.path().join("started")).unwrap();
    assert!(!Path::new("/proc").join(started.trim()).exists(), "process {started} is still running");
}

#[tokio::test]
async fn a_failing_build_is_shown_and_nothing_is_launched() {
    let folder = folder("");
    replace(&folder, "build = ", "build = [\"sh\", \"-c\", \"echo no compiler here; exit 3\"]\n");
    let ended = verify(folder.path(), &["--profile", "profile.toml", "--launch"]).await;
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("no compiler here") && ended.stderr.contains("exit status: 3"),
        "{}",
        ended.stderr
    );
}

/// A folder of its own with a profile in it: production's, and what is added.
fn folder(added: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("profile.toml"),
        format!("{}{added}", include_str!("../../profiles/production.toml")),
    )
    .unwrap();
    folder
}

async fn run(folder: &TempDir, url: &str, more: &[&str]) -> Ended {
    let mut arguments = vec!["--profile", "profile.toml", "--url", url];
    arguments.extend(more);
    verify(folder.path(), &arguments).await
}

/// Launches a command that stands in the profile as TOML list items.
async fn launch(command: &str, ready: &str) -> (Ended, TempDir) {
    let folder = folder("");
    replace(&folder, "build = ", "build = []\n");
    replace(&folder, "command = ", &format!("command = [{command}]\n"));
    replace(&folder, "ready = ", &format!("ready = \"{ready}\"\n"));
    replace(&folder, "drain_timeout = ", "drain_timeout = \"1s\"\n");
    (verify(folder.path(), &["--profile", "profile.toml", "--launch", "--snapshots", "off"]).await, folder)
}

/// Replaces the line of the profile that begins so.
fn replace(folder: &TempDir, begins: &str, with: &str) {
    let file = folder.path().join("profile.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: String = text
        .lines()
        .map(|line| if line.starts_with(begins) { with.to_owned() } else { format!("{line}\n") })
        .collect();
    std::fs::write(file, lines).unwrap();
}

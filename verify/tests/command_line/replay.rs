//! `--record` and `replay`: a run without the network, and without what is private.

use crate::support::command::verify;
use crate::support::{Distort, start};
use crate::{SOUND, folder, run};

#[tokio::test]
async fn a_recording_is_judged_again_without_the_network_and_holds_no_private_header() {
    let folder = folder("");
    let url = format!("http://{}", start(|seen, reply| reply.grant(seen)).await);
    let live = run(
        &folder,
        &url,
        &[
            "--record",
            "recording.json",
            "--header",
            "x-preview-key: s3cr3t",
            "--report",
            "json",
            "--snapshots",
            "off",
        ],
    )
    .await;
    let recording = std::fs::read_to_string(folder.path().join("recording.json")).unwrap();
    assert!(!recording.contains("s3cr3t") && !live.stdout.contains("s3cr3t"));

    let replayed =
        verify(folder.path(), &["replay", "recording.json", "--profile", "profile.toml", "--report", "json"])
            .await;
    assert_eq!((replayed.code, replayed.failed()), (live.code, live.failed()));
    assert!(replayed.failed().contains(&"cors.reject.null".to_owned()));
}

#[tokio::test]
async fn a_recording_is_asked_the_same_questions() {
    let folder = folder("");
    let url = format!("http://{}", start(SOUND).await);
    run(&folder, &url, &["--record", "recording.json", "--only", "run"]).await;
    let replayed = verify(folder.path(), &["replay", "recording.json", "--report", "json"]).await;
    assert_eq!(
        (replayed.code, replayed.json()["findings"].as_array().unwrap().len()),
        (0, verify::checks::all().filter(|check| check.is_within("run")).count()),
        "{}",
        replayed.stderr
    );
}

#[tokio::test]
async fn a_private_header_that_comes_back_is_not_recorded() {
    let folder = folder("");
    let echo: Distort = |seen, reply| {
        if reply.status == 404 {
            reply.set("x-echo", seen.header("x-preview-key").unwrap_or_default());
            reply.body = format!("you sent {}", seen.header("x-preview-key").unwrap_or_default());
        }
    };
    let url = format!("http://{}", start(echo).await);
    run(&folder, &url, &["--header", "x-preview-key: s3cr3t", "--record", "recording.json"]).await;
    let recording = std::fs::read_to_string(folder.path().join("recording.json")).unwrap();
    let snapshot = std::fs::read_to_string(folder.path().join("snapshots/profile/errors.snap.new")).unwrap();
    assert!(!recording.contains("s3cr3t") && recording.contains("you sent [redacted]"));
    assert!(!snapshot.contains("s3cr3t"), "{snapshot}");
}

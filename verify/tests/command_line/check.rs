//! `verify`: a live target is asked, and the exit code says what came of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{self, Distort, Reply, start};
use crate::{SOUND, folder, run};

#[tokio::test]
async fn first_unseen_then_accepted_then_drifted() {
    let folder = folder("");
    let url = format!("http://{}", start(SOUND).await);
    let unseen = run(&folder, &url, &[]).await;
    assert_eq!(unseen.code, 4, "{}{}", unseen.stdout, unseen.stderr);
    assert!(
        unseen.stdout.contains("not reviewed yet: cors.matrix, health, errors, methods, exposure"),
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
        "could not connect to 127.0.0.1:1: connection refused; nothing listens on this port"
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
async fn a_private_cookie_is_the_only_cookie() {
    let url = format!(
        "http://{}",
        start(|seen, reply| {
            let cookies: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "cookie").collect();
            if !matches!(cookies.as_slice(), [(_, value)] if value == "preview=s3cr3t") {
                reply.status = 401;
            }
        })
        .await
    );
    let ended = run(&folder(""), &url, &["--header", "Cookie: preview=s3cr3t", "--snapshots", "off"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stdout);
}

/// A login, a redirect or an edge in the service's place proves nothing about it.
#[tokio::test]
async fn what_answers_in_the_services_place_is_inconclusive() {
    let walls: [(Distort, &str); 4] = [
        (|_, reply| *reply = Reply::new(401), "a login answers for the service"),
        (|_, reply| *reply = Reply::new(308), "a redirect answers for the service"),
        (|_, reply| *reply = Reply::new(429), "a rate limiter answers for the service"),
        (|_, reply| *reply = Reply::new(502), "the platform answers for a service that does not run"),
    ];
    for (wall, says) in walls {
        let ended = run(&folder(""), &format!("http://{}", start(wall).await), &[]).await;
        assert_eq!(ended.code, 3, "{}", ended.stdout);
        assert!(
            ended.stdout.contains(says) && ended.stdout.contains("0 passed · 0 failed"),
            "{}",
            ended.stdout
        );
    }
}

#[tokio::test]
async fn an_honest_backend_does_not_drift_from_itself() {
    let busy: Distort = |seen, reply| {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        if seen.path == "/health" && reply.status == 200 {
            reply.body = reply.body.replace('}', &format!(",\"uptime\":{asked}}}"));
        } else if reply.status == 404 {
            reply.body = "line\r\nline\r\n".to_owned();
        }
        reply.add("set-cookie", format!("__edge={asked}; Secure"));
        reply.add("set-cookie", format!("id=1; Expires={asked}; Secure; HttpOnly; SameSite=Lax"));
    };
    let folder = folder("");
    let url = format!("http://{}", start(busy).await);
    run(&folder, &url, &["--snapshots", "update"]).await;
    let again = run(&folder, &url, &["--report", "json"]).await.json();
    assert_eq!(
        (&again["snapshots"]["unchanged"], again["snapshots"]["drifted"].as_array().unwrap().len()),
        (&5.into(), 0)
    );
}

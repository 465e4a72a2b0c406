//! `verify --launch`: a candidate is built, started, asked and ended.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::command::verify;
use crate::{folder, launch, launch_in, replace, until};

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
    // Python's file server breaks most promises; the test shows that it was judged and stopped.
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

#[tokio::test]
async fn a_candidate_that_dies_while_it_is_verified_is_reported() {
    let python = "import http.server as h, os, sys\nclass H(h.BaseHTTPRequestHandler):\n n=0\n protocol_version='HTTP/1.1'\n def do_GET(s):\n  H.n+=1\n  if H.n>20: os.write(2, b'caf\\xe9: out of luck\\n'); os._exit(9)\n  s.send_response(200); s.send_header('content-length','0'); s.end_headers()\nh.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()";
    let folder = folder("");
    std::fs::write(folder.path().join("luckless.py"), python).unwrap();
    let ended = launch_in(&folder, "\"python3\", \"luckless.py\"", "20s").await;
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("while it was verified: exit status: 9"), "{}", ended.stderr);
    assert!(ended.stderr.contains("out of luck"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_signal_ends_the_candidate_or_the_build_and_all_they_started() {
    for (step, other) in [("command", "build = []\n"), ("build", "")] {
        for (signal, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
            let folder = folder("");
            if !other.is_empty() {
                replace(&folder, "build = ", other);
            }
            let command = r#"["sh", "-c", "trap '' HUP INT TERM; sleep 600 & echo $! > started; wait"]"#;
            replace(&folder, &format!("{step} = "), &format!("{step} = {command}\n"));
            let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_verify"))
                .args(["--profile", "profile.toml", "--launch"])
                .current_dir(folder.path())
                .stdin(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let started = folder.path().join("started");
            let grandchild =
                until(|| std::fs::read_to_string(&started).ok().filter(|id| id.ends_with('\n'))).await;
            let id = child.id().unwrap().to_string();
            assert!(
                tokio::process::Command::new("kill")
                    .args(["-s", signal, &id])
                    .status()
                    .await
                    .unwrap()
                    .success()
            );
            assert_eq!(child.wait().await.unwrap().code(), Some(code), "{step} {signal}");
            let process = Path::new("/proc").join(grandchild.trim());
            until(|| (!process.exists()).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn a_launch_command_that_does_not_exist_is_a_mistake_in_the_profile() {
    let (ended, _) = launch("\"/nonexistent/server\"", "5s").await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("check [launch] in the profile"), "{}", ended.stderr);
}

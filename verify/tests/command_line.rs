//! The command line: exit codes that can be trusted, and one clear error for every mistake.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::command::{Ended, verify};
use support::{Distort, Reply, start};
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
        "could not connect to 127.0.0.1:1: connection refused; nothing listens on this port"
    );
}

#[test]
fn the_exit_code_does_not_depend_on_who_reads_the_message() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    // A pipe without a reader.
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    let code = |arguments: &[&str], output: Stdio, errors: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(output).stderr(errors);
        command.status().unwrap().code()
    };
    for arguments in
        [&["--profile", "nowhere"][..], &["--unknown"], &["lint", "nowhere"], &["explain", "nowhere"]]
    {
        assert_eq!(code(arguments, full(), full()), Some(2), "{arguments:?}");
        assert_eq!(code(arguments, closed(), closed()), Some(2), "{arguments:?}");
    }
    // A reader that has seen enough is no error; a disk that is full is one.
    assert_eq!(code(&["list"], closed(), full()), Some(0));
    assert_eq!(code(&["list"], full(), full()), Some(2));
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
        (
            vec!["--profile", "production", "--url", "not a url"],
            "the URL is no target: origin `not a url` has no scheme",
        ),
        (vec!["--profile", "production", "--url", "https://api.example.com/v1"], "has a path"),
        (vec!["--profile", "production", "--only", "cors.rejct"], "did you mean `cors.reject"),
        (vec!["--profile", "production", "--only", "run", "--skip", "run"], "the selection leaves no check"),
        (vec!["--profile", "production", "--wait", "soon"], "`soon` is not a duration"),
        (vec!["--profile", "production", "--header", "nonsense"], "a --header has no colon"),
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

#[tokio::test]
async fn a_waiver_waives_until_its_day_and_is_reported_when_nothing_needs_it() {
    let url = format!("http://{}", start(|_, reply| reply.set("x-powered-by", "Express")).await);
    let waiver = |check: &str, expires: &str| {
        format!("\n[[waivers]]\ncheck = \"{check}\"\nreason = \"known\"\nexpires = \"{expires}\"\n")
    };

    let judged = async |waivers: String| {
        run(&folder(&waivers), &url, &["--report", "json", "--snapshots", "off"]).await
    };

    let accepted = judged(waiver("exposure.banner", "2999-12-31")).await;
    assert_eq!((accepted.code, &accepted.json()["summary"]["waived"]), (0, &1.into()), "{}", accepted.stdout);

    let expired = judged(waiver("exposure.banner", "2020-01-01")).await;
    assert_eq!(
        (expired.code, expired.failed()),
        (1, ["run.waivers.current", "exposure.banner"].map(Into::into).into())
    );
    assert!(expired.observed("run.waivers.current").contains("expired on 2020-01-01"));

    let unused =
        judged(waiver("exposure.banner", "2999-12-31") + &waiver("cors.reject.null", "2999-12-31")).await;
    assert_eq!((unused.code, unused.failed()), (1, vec!["run.waivers.current".to_owned()]));
    assert!(unused.observed("run.waivers.current").contains("`cors.reject.null` is not needed"));
}

#[tokio::test]
async fn a_failure_below_the_threshold_is_reported_and_does_not_fail_the_run() {
    let folder = folder("");
    let url = format!("http://{}", start(|_, reply| reply.set("x-powered-by", "Express")).await);
    let broken = run(&folder, &url, &["--snapshots", "off", "--record", "tape.json"]).await;
    assert_eq!(broken.code, 1, "{}", broken.stdout);

    let tolerated = run(&folder, &url, &["--snapshots", "off", "--fail-on", "high"]).await;
    assert_eq!(tolerated.code, 0, "{}", tolerated.stdout);
    for part in [
        "FAIL[exposure.banner]",
        "1 failed (1 below --fail-on high)",
        "no promise of severity high or above is broken",
    ] {
        assert!(tolerated.stdout.contains(part), "`{part}` is not in\n{}", tolerated.stdout);
    }
    assert_eq!(tolerated.stderr, "", "progress is for terminals");

    let replay =
        ["replay", "tape.json", "--profile", "profile.toml", "--fail-on", "high", "--report", "json"];
    let replayed = verify(folder.path(), &replay).await;
    assert_eq!((replayed.code, replayed.failed()), (0, vec!["exposure.banner".to_owned()]));
    assert_eq!((&replayed.json()["outcome"], &replayed.json()["fail_on"]), (&"pass".into(), &"high".into()));

    let unknown = verify(folder.path(), &["replay", "tape.json", "--fail-on", "severe"]).await;
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
}

#[tokio::test]
async fn every_report_can_be_had_at_once() {
    let folder = folder("");
    let url = format!("http://{}", start(|seen, reply| reply.grant(seen)).await);
    let formats = ["json", "html", "markdown", "junit", "sarif"];
    let files: Vec<String> = formats.iter().map(|format| format!("{format}=report.{format}")).collect();
    let mut arguments = vec!["--snapshots", "off", "--report", "github"];
    arguments.extend(files.iter().flat_map(|file| ["--report", file]));
    let ended = run(&folder, &url, &arguments).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("::error file=profile.toml,line="), "{}", ended.stdout);
    for format in formats {
        let report = std::fs::read_to_string(folder.path().join(format!("report.{format}"))).unwrap();
        assert!(report.contains("cors.reject.null"), "{format}: {report}");
    }
    let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains("<code>cors.matrix</code>") && html.contains("p99"), "{html}");
}

#[tokio::test]
async fn two_runs_of_the_same_target_report_the_same() {
    let folder = folder("");
    for distort in [SOUND, |seen, reply| reply.grant(seen)] {
        let url = format!("http://{}", start(distort).await);
        let report = || async {
            let files = ["--report", "html=report.html", "--report", "markdown=report.md"];
            let arguments = [&["--report", "json", "--snapshots", "off"][..], &files].concat();
            let mut json = run(&folder, &url, &arguments).await.json();
            json["duration_ms"] = 0.into();
            let file = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
            (json, without_times(&file("report.html")), without_times(&file("report.md")))
        };
        let (json, html, markdown) = report().await;
        assert!(html.contains("headers.cookies") && markdown.contains("| cors |"), "{html}{markdown}");
        assert_eq!((json, html, markdown), report().await);
    }
}

/// A page without its plot, and milliseconds without their number.
fn without_times(page: &str) -> String {
    let page = match (page.find("<svg"), page.find("</svg>")) {
        (Some(start), Some(end)) => format!("{}{}", &page[..start], &page[end..]),
        _ => page.to_owned(),
    };
    let parts = page.split(" ms").map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
    parts.collect::<Vec<_>>().join(" ms")
}

#[tokio::test]
async fn the_plan_the_list_and_the_explanations_need_no_network() {
    let folder = folder("");
    let plan =
        verify(folder.path(), &["plan", "--profile", "profile.toml", "--only", "cors.reject.null"]).await;
    assert_eq!(plan.code, 0);
    assert!(
        plan.stdout.contains("1 checks, 3 requests") && plan.stdout.contains("GET /health · origin: null"),
        "{}",
        plan.stdout
    );
    let list = verify(folder.path(), &["list"]).await;
    assert!(list.code == 0 && list.stdout.lines().count() >= 30);
    let needy: Vec<&str> =
        list.stdout.lines().filter(|line| line.ends_with(" (needs --intrusive)")).collect();
    assert!(needy.iter().any(|line| line.starts_with("load.burst ")), "{needy:?}");
    let burst = verify(folder.path(), &["explain", "load.burst"]).await.stdout;
    assert!(burst.contains("Needs: `--intrusive`, or `--launch`."), "{burst}");
    let arguments = ["plan", "--profile", "profile.toml", "--only", "cors.reject.hostile-bytes"];
    let unasked = verify(folder.path(), &arguments).await.stdout;
    assert!(unasked.contains("n/a: needs --intrusive, or --launch"), "{unasked}");
    let asked = verify(folder.path(), &[&arguments[..], &["--intrusive"]].concat()).await.stdout;
    assert!(asked.contains("requests, for --intrusive"), "{asked}");
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
    replace(&folder, "requests = ", "requests = 20\n");
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

/// A login, a redirect or an edge that answers for the service says nothing about it.
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
async fn nothing_that_the_target_says_is_obeyed_by_the_terminal() {
    let hostile: Distort = |seen, reply| {
        if seen.path == "/health" {
            reply.body =
                r#"{"environment":"dev\u001b[2J\u0007\nproven","timestamp":"x\u001b]0;t"}"#.to_owned();
        } else {
            reply.set("content-type", "text/plain");
            reply.body = "\u{1b}[31mred\r\n".to_owned();
        }
    };
    let folder = folder("");
    let url = format!("http://{}", start(hostile).await);
    for report in ["human", "json", "html", "markdown", "github", "junit", "sarif"] {
        let ended = run(&folder, &url, &["--report", report]).await;
        let controls: Vec<char> = ended.stdout.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(controls.is_empty(), "{controls:?} in {}", ended.stdout);
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

#[tokio::test]
async fn a_recording_is_asked_the_same_questions() {
    let folder = folder("");
    let url = format!("http://{}", start(SOUND).await);
    run(&folder, &url, &["--record", "tape.json", "--only", "run"]).await;
    let replayed = verify(folder.path(), &["replay", "tape.json", "--report", "json"]).await;
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
    run(&folder, &url, &["--header", "x-preview-key: s3cr3t", "--record", "tape.json"]).await;
    let tape = std::fs::read_to_string(folder.path().join("tape.json")).unwrap();
    let snapshot = std::fs::read_to_string(folder.path().join("snapshots/profile/errors.snap.new")).unwrap();
    assert!(!tape.contains("s3cr3t") && tape.contains("you sent [redacted]"));
    assert!(!snapshot.contains("s3cr3t"), "{snapshot}");
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

#[tokio::test]
async fn a_file_of_the_same_name_elsewhere_is_not_the_embedded_profile() {
    let folder = folder("");
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    std::fs::rename(folder.path().join("profile.toml"), folder.path().join("profiles/production.toml"))
        .unwrap();
    let url = format!("http://{}", start(SOUND).await);
    let ended = verify(folder.path(), &["--profile", "profiles/production.toml", "--url", &url]).await;
    assert_eq!(ended.code, 4, "{}", ended.stdout);
    assert!(folder.path().join("profiles/snapshots/production/health.snap.new").exists());
}

#[tokio::test]
async fn a_secret_on_the_command_line_is_not_repeated() {
    for arguments in
        [["--header", "Authorization Bearer s3cr3t"], ["--url", "https://me:s3cr3t@host.example"]]
    {
        let ended =
            verify(folder("").path(), &[&["--profile", "profile.toml"], arguments.as_slice()].concat()).await;
        assert_eq!(ended.code, 2);
        assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
    }
}

/// Looks again until there is something to see.
async fn until<T>(look: impl Fn() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(seen) = look() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was seen within 10 s");
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
    (launch_in(&folder, command, ready).await, folder)
}

async fn launch_in(folder: &TempDir, command: &str, ready: &str) -> Ended {
    replace(folder, "build = ", "build = []\n");
    replace(folder, "command = ", &format!("command = [{command}]\n"));
    replace(folder, "ready = ", &format!("ready = \"{ready}\"\n"));
    replace(folder, "drain_timeout = ", "drain_timeout = \"1s\"\n");
    verify(folder.path(), &["--profile", "profile.toml", "--launch", "--snapshots", "off"]).await
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

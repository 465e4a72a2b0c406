//! Reports: what they say, where they go, and what fails the run.

use crate::support::command::verify;
use crate::support::{Distort, start};
use crate::{SOUND, folder, run};

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
    let broken = run(&folder, &url, &["--snapshots", "off", "--record", "recording.json"]).await;
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
        ["replay", "recording.json", "--profile", "profile.toml", "--fail-on", "high", "--report", "json"];
    let replayed = verify(folder.path(), &replay).await;
    assert_eq!((replayed.code, replayed.failed()), (0, vec!["exposure.banner".to_owned()]));
    assert_eq!((&replayed.json()["outcome"], &replayed.json()["fail_on"]), (&"pass".into(), &"high".into()));

    let unknown = verify(folder.path(), &["replay", "recording.json", "--fail-on", "severe"]).await;
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

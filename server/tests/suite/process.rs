//! The program refuses to start with one clear message and the right exit code.

use std::fs::OpenOptions;
use std::process::Stdio;

use testkit::Port;

use crate::support::{NO_DATABASE, changed, command};

const URL: (&str, &str) = ("DATABASE_URL", "postgresql://app:hunter2@db.example.net/app");

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    // A developer's own variables must not matter.
    let mut environment = environment.to_vec();
    environment.push(("RUST_BACKTRACE", "full"));
    let output = command(arguments, &environment).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for unwanted in ["panicked", "stack backtrace", "hunter2", "RUST_BACKTRACE", "error: error"] {
        assert!(!text.contains(unwanted), "{unwanted}: {text}");
    }
    (output.status.code(), text)
}

fn assert_refused(arguments: &[&str], environment: &[(&str, &str)], expected: &[&str]) {
    let (code, text) = run(arguments, environment);
    assert_eq!(code, Some(2), "{text}");
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_unknown_profile_is_refused_with_the_known_ones() {
    assert_refused(&["--profile", "staging"], &[], &["error: there is no profile `staging`", "`production`"]);
    assert_refused(&["--profile", "no/such.toml"], &[], &["could not read the profile"]);
}

#[test]
fn what_has_no_end_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for file in [pipe.to_str().unwrap(), "/dev/zero", "/dev/stdin"] {
        let said = format!("error: could not read the profile `{file}`: it is a pipe, a socket or a device");
        assert_refused(&["--profile", file], &[URL, ("PORT", "8080")], &[&said]);
    }
    let signed = [URL, ("PORT", "+80")];
    let said = "`PORT` is not a number from 1 to 65535 in plain digits; set it to the port to listen on";
    assert_refused(&["--profile", "production"], &signed, &[said]);
}

#[test]
fn every_mistake_of_a_profile_is_shown_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    let mistakes = [
        ("\"https://todo.example.com\"", "\"https://todo.example.com/\""),
        ("docs = \"hidden\"", "docs = \"shwon\""),
        ("budget = \"2s\"", "budget = \"2\""),
        ("credentials = true", "credential = true"),
        ("url_variable = \"DATABASE_URL\"", "url_variable = \"postgresql://app:hunter2@db/app\""),
    ];
    std::fs::write(&file, changed(profiles::EMBEDDED[1].2, &mistakes)).unwrap();
    let file = file.to_str().unwrap();
    let expected = ["ends with a slash", "shwon", "`2`", "credential", "environment variable", "wrong.toml:"];
    assert_refused(&["--profile", file], &[URL, ("PORT", "8080")], &expected);
    assert_refused(&["--check", "--profile", file], &[URL, ("PORT", "8080")], &expected);
}

#[test]
fn every_mistake_of_the_environment_is_shown_at_once() {
    for arguments in [&["--profile", "production"][..], &["--profile", "production", "--check"]] {
        assert_refused(arguments, &[], &["`DATABASE_URL` is not set", "`PORT` is not set"]);
        let wrong = [("DATABASE_URL", "<paste hunter2 here>"), ("PORT", "http")];
        assert_refused(arguments, &wrong, &["`DATABASE_URL` holds a placeholder", "`PORT` is not a number"]);
        assert_refused(arguments, &[("DATABASE_URL", ""), ("PORT", "8080")], &["`DATABASE_URL` is empty"]);
        let plain = [("DATABASE_URL", "postgresql://app:hunter2@db.example.net/app?sslmode=disable")];
        assert_refused(arguments, &plain, &["`DATABASE_URL` asks for no TLS", "sslmode=verify-full"]);
    }
}

#[test]
fn every_required_secret_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.toml");
    let more =
        [("required = [\"DATABASE_URL\"]", "required = [\"DATABASE_URL\", \"JWT_KEY\", \"MAIL_KEY\"]")];
    std::fs::write(&file, changed(profiles::EMBEDDED[1].2, &more)).unwrap();
    let environment = [URL, ("PORT", "8080"), ("JWT_KEY", "changeme-hunter2")];
    let expected = ["`JWT_KEY` holds a placeholder", "`MAIL_KEY` is not set"];
    assert_refused(&["--profile", file.to_str().unwrap()], &environment, &expected);
}

#[test]
fn production_needs_the_platforms_port() {
    assert_refused(&["--profile", "production"], &[URL], &["`PORT` is not set", "PORT=8080"]);
}

#[test]
fn on_railway_the_profile_must_be_named() {
    let railway = [URL, ("PORT", "8080"), ("RAILWAY_ENVIRONMENT_NAME", "production")];
    assert_refused(&[], &railway, &["RAILWAY_ENVIRONMENT_NAME", "--profile production"]);
}

#[test]
#[cfg(not(feature = "embedded-postgres"))]
fn without_a_database_both_remedies_are_named() {
    assert_refused(&[], &[], &["`DATABASE_URL` is not set", "postgresql://USER:PASSWORD@HOST", "cargo dev"]);
}

#[test]
fn the_exit_code_does_not_depend_on_who_reads_the_message() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    // A pipe without a reader.
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    for (arguments, environment, code) in [
        (&["--profile", "nowhere"][..], &[][..], 2),
        (&["--unknown"], &[], 2),
        (&["--profile", "production"], &[], 2),
        (&["--profile", "production", "--check"], &[URL, ("PORT", "http")], 2),
    ] {
        for (output, errors) in [(full(), full()), (closed(), closed())] {
            let status = command(arguments, environment).stdout(output).stderr(errors).status().unwrap();
            assert_eq!(status.code(), Some(code), "{arguments:?}");
        }
    }
    // A closed reader is not an error; a full disk is.
    for (output, code) in [(closed(), 0), (full(), 1)] {
        let status = command(&["--help"], &[]).stdout(output).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn a_wrong_argument_is_usage() {
    assert_refused(&["--prifile", "production"], &[], &["--profile", "Usage"]);
}

#[test]
fn a_taken_port_is_a_failure_not_a_refusal() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, text) = run(&["--profile", "development"], &[("DATABASE_URL", NO_DATABASE), ("PORT", &port)]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("could not listen on 127.0.0.1:{port}: ")), "{text}");
}

#[test]
fn a_sound_profile_and_environment_pass_the_check() {
    let port = Port::take().unwrap().to_string();
    let (code, text) = run(&["--check", "--profile", "production"], &[URL, ("PORT", &port)]);
    assert_eq!((code, text.as_str()), (Some(0), "the profile `production` and its environment are sound\n"));
}

//! What the command line and the profile refuse: one clear error for every mistake.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::support::command::verify;
use crate::support::start;
use crate::{SOUND, folder};

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
    // A reader that closes the pipe is not an error; a full disk is.
    assert_eq!(code(&["list"], closed(), full()), Some(0));
    assert_eq!(code(&["list"], full(), full()), Some(2));
}

#[tokio::test]
async fn every_mistake_on_the_command_line_is_one_clear_error_and_exits_2() {
    let folder = folder("");
    std::fs::write(folder.path().join("not-a-recording.json"), "{}").unwrap();
    for (arguments, says) in [
        (vec![], "name a profile: --profile production"),
        (
            vec!["--profile", "prodction"],
            "there is no profile `prodction`; the embedded ones are `development` and `production`",
        ),
        (vec!["--profile", "missing.toml"], "could not read the profile `missing.toml`"),
        (
            vec!["--profile", "production", "--url", "not a url"],
            "the URL is not a target: origin `not a url` has no scheme",
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
        (vec!["replay", "not-a-recording.json"], "is not evidence that this version can read"),
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
    let text = include_str!("../../../profiles/production.toml")
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

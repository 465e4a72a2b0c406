//! `plan`, `list` and `explain` need no network.

use crate::support::command::verify;
use crate::{folder, replace, run};

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

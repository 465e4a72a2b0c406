//! FastAPI and Express, as in tutorials and with a careful configuration.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use support::command::{Ended, verify};
use testkit::Port;

struct Framework {
    /// The example that ships with this repository.
    profile: &'static str,
    /// Shell commands with PORT, run from the repository's root like those of `[launch]`.
    tutorial: &'static str,
    careful: &'static str,
    /// Every promise that the tutorial's service breaks, each verified by hand.
    broken: &'static [&'static str],
    /// The inconclusive checks, because of broken promises.
    unknown: &'static [&'static str],
    /// The observed text of some broken promises.
    says: &'static [(&'static str, &'static str)],
}

const FASTAPI: Framework = Framework {
    profile: "profiles/examples/fastapi.toml",
    tutorial: "exec uvicorn --app-dir verify/tests/services/fastapi tutorial:app --port $PORT",
    careful: "exec uvicorn --app-dir verify/tests/services/fastapi careful:app --port $PORT --no-server-header",
    broken: &[
        // With credentials CORSMiddleware echoes any origin instead of `*`.
        "cors.actual.denied-is-bare",
        "cors.reject.reflected",
        "cors.reject.null",
        "cors.reject.prefix",
        "cors.reject.suffix",
        "cors.reject.substring",
        "cors.reject.unescaped-dot",
        "cors.reject.subdomain",
        "cors.reject.parent-and-sibling",
        "cors.reject.http-downgrade",
        "cors.reject.other-port",
        "cors.reject.non-canonical",
        "cors.reject.special-characters",
        "cors.reject.localhost",
        "cors.reject.other-profile",
        "cors.reject.alien-scheme",
        "cors.preflight.rejects-origin",
        "cors.preflight.rejects-method",
        "cors.preflight.rejects-header",
        // It echoes the first line of Access-Control-Request-Headers and ignores the second.
        "cors.preflight.tolerates-list-syntax",
        // Tutorials do not configure these.
        "cors.actual.expose-headers-as-declared",
        "health.contract.schema",
        "health.fresh.not-cached",
        "headers.security-as-declared",
        "errors.request-id.safe",
        // FastAPI's defaults.
        "exposure.docs.as-declared",
        "method.head-equals-get",
    ],
    unknown: WITHOUT_CONTRACT,
    says: &[
        (
            "cors.reject.reflected",
            "GET /health allowed origin `https://plumbline-probe.evil.example` with credentials; \
             the profile allows only `https://app.example.com`, `https://www.example.org`\n\
             GET /health with a cookie allowed origin `https://plumbline-probe.evil.example` with credentials; \
             the profile allows only `https://app.example.com`, `https://www.example.org`",
        ),
        (
            "cors.preflight.tolerates-list-syntax",
            "the preflight with access-control-request-headers `authorization` and `content-type` was answered 200 \
             without granting content-type",
        ),
        (
            "exposure.docs.as-declared",
            "GET /docs answered 200; the profile declares docs hidden\n\
             GET /redoc answered 200; the profile declares docs hidden\n\
             GET /openapi.json answered 200; the profile declares docs hidden",
        ),
        ("method.head-equals-get", "HEAD /health answered 405, and GET 200"),
    ],
};

const EXPRESS: Framework = Framework {
    profile: "profiles/examples/express.toml",
    tutorial: "exec node verify/tests/services/express/tutorial.js",
    careful: "exec node verify/tests/services/express/careful.js",
    broken: &[
        // `origin: true` echoes any origin.
        "cors.actual.denied-is-bare",
        "cors.reject.reflected",
        "cors.reject.null",
        "cors.reject.prefix",
        "cors.reject.suffix",
        "cors.reject.substring",
        "cors.reject.unescaped-dot",
        "cors.reject.subdomain",
        "cors.reject.parent-and-sibling",
        "cors.reject.http-downgrade",
        "cors.reject.other-port",
        "cors.reject.non-canonical",
        "cors.reject.special-characters",
        "cors.reject.localhost",
        "cors.reject.other-profile",
        "cors.reject.alien-scheme",
        "cors.preflight.rejects-origin",
        "cors.preflight.rejects-method",
        "cors.preflight.rejects-header",
        // The package cors answers every OPTIONS as a preflight.
        "cors.preflight.plain-options-is-not-preflight",
        // Tutorials do not configure these.
        "cors.actual.expose-headers-as-declared",
        "cors.preflight.max-age-as-declared",
        "health.contract.schema",
        "health.fresh.not-cached",
        "headers.security-as-declared",
        "errors.request-id.safe",
        // Express's defaults: its name, pages of HTML, 404 for a wrong method, and the stack unless NODE_ENV says
        // production.
        "exposure.banner",
        "errors.shape.as-declared",
        "errors.leak.no-trace",
        "method.405-with-allow",
    ],
    unknown: WITHOUT_CONTRACT,
    says: &[
        ("cors.preflight.plain-options-is-not-preflight", "OPTIONS /health was answered as a preflight"),
        ("errors.leak.no-trace", "the 400 of POST /health contains `node_modules/`"),
        (
            "exposure.banner",
            "GET /health was answered with x-powered-by: Express\n\
             GET /plumbline-control-7f3a9c was answered with x-powered-by: Express",
        ),
        ("method.405-with-allow", "POST /health answered 404, not 405"),
    ],
};

/// `{"status": "ok"}` says nothing of these.
const WITHOUT_CONTRACT: &[&str] = &[
    "health.contract.environment",
    "health.contract.status-agrees-with-body",
    "health.fresh.timestamp-moves",
];

#[tokio::test]
async fn fastapi_as_in_tutorials_breaks_exactly_these_promises() {
    breaks_exactly_what_is_known(&FASTAPI).await;
}

#[tokio::test]
async fn express_as_in_tutorials_breaks_exactly_these_promises() {
    breaks_exactly_what_is_known(&EXPRESS).await;
}

#[tokio::test]
async fn fastapi_set_up_with_care_keeps_every_promise() {
    keeps_every_promise(&FASTAPI).await;
}

#[tokio::test]
async fn express_set_up_with_care_keeps_every_promise() {
    keeps_every_promise(&EXPRESS).await;
}

#[tokio::test]
async fn the_example_profiles_launch_what_they_declare() {
    for framework in [FASTAPI, EXPRESS] {
        let ended = held_against(&framework, &["--launch"]).await;
        assert_kept(&framework, &ended, "");
    }
}

/// Each machine chooses its registry; the hash proves that the package is the same.
#[test]
fn the_lock_file_has_hashes_and_names_no_registry() {
    let lock = include_str!("services/express/package-lock.json");
    assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
}

async fn breaks_exactly_what_is_known(framework: &Framework) {
    let service = Service::start(framework.tutorial);
    let ended = held_against(framework, &["--url", &service.url, "--wait", "30s"]).await;
    assert_eq!(ended.code, 1, "{}{}", ended.stderr, service.wrote());
    assert_eq!(set(&ended.failed()), set(framework.broken));
    assert_eq!(set(&ended.with_status("inconclusive")), set(framework.unknown));
    for (id, observed) in framework.says {
        assert_eq!(ended.observed(id), *observed, "{id}");
    }
}

async fn keeps_every_promise(framework: &Framework) {
    let service = Service::start(framework.careful);
    let ended = held_against(framework, &["--url", &service.url, "--wait", "30s"]).await;
    assert_kept(framework, &ended, &service.wrote());
}

async fn held_against(framework: &Framework, target: &[&str]) -> Ended {
    let arguments = ["--profile", framework.profile, "--report", "json", "--snapshots", "off"];
    verify(Path::new(ROOT), &[&arguments, target].concat()).await
}

fn assert_kept(framework: &Framework, ended: &Ended, wrote: &str) {
    assert!(ended.stdout.starts_with('{'), "{}{wrote}", ended.stderr);
    assert_eq!(ended.failed(), Vec::<String>::new(), "{}", ended.stdout);
    assert_eq!(ended.with_status("inconclusive"), Vec::<String>::new(), "{}", ended.stdout);
    assert_eq!(ended.code, 0);
    // An empty list of failures proves nothing alone: the checks that the tutorial's service breaks ran and passed.
    let passed = set(&ended.with_status("pass"));
    for id in framework.broken.iter().chain(framework.unknown) {
        assert!(passed.contains(*id), "{id} did not pass: {}", ended.stdout);
    }
}

fn set(ids: &[impl AsRef<str>]) -> BTreeSet<String> {
    ids.iter().map(|id| id.as_ref().to_owned()).collect()
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A service on a free port of loopback. Dropping it ends it and its child processes.
struct Service {
    child: Child,
    url: String,
    _port: Port,
    output: File,
}

impl Service {
    /// Started, and perhaps not ready yet: `--wait` waits for it.
    fn start(command: &str) -> Self {
        let port = Port::take().unwrap();
        let output = tempfile::tempfile().unwrap();
        let child = Command::new("sh")
            .args(["-c", command])
            .current_dir(ROOT)
            .env_clear()
            // scripts/test installs uvicorn and node, and puts them there.
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("PORT", port.number().to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output.try_clone().unwrap())
            .process_group(0)
            .spawn()
            .expect("every system that the tests run on has a shell");
        Self { child, url: format!("http://127.0.0.1:{}", port.number()), _port: port, output }
    }

    /// What it has written so far.
    fn wrote(&self) -> String {
        let mut output = &self.output;
        let mut text = String::new();
        output.rewind().unwrap();
        output.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

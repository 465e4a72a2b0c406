//! Drills of release candidates: this server keeps every promise, and each faulty one is caught.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use support::command::{Ended, verify_with};
use testkit::{PgBouncer, Postgres};
use variants::{Variant, production};

#[tokio::test]
async fn our_server_passes_every_drill_under_its_production_profile() {
    let folder = ours(&server());
    let ended = verify_with(folder.path(), &DRILL, &[]).await;
    assert_eq!((ended.code, ended.failed()), (0, Vec::new()), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.with_status("inconclusive"), Vec::<String>::new());
    // Drills that need a route that queries the database: the server has none.
    assert_eq!(ended.with_status("not_applicable"), NEED_A_ROUTE);
}

#[tokio::test]
async fn our_server_passes_every_drill_through_pgbouncer() {
    let postgres = Postgres::start().unwrap();
    let bouncer = PgBouncer::before(&postgres, &[]).unwrap();
    let folder = ours(&server());
    let ended = verify_with(folder.path(), &DRILL, &[("DATABASE_URL", &bouncer.url())]).await;
    assert_eq!((ended.code, ended.failed()), (0, Vec::new()), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.with_status("inconclusive"), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_database_a_drill_says_how_to_get_one() {
    let folder = ours(&server());
    // No PATH leads to PostgreSQL's programs, and no /usr/lib/postgresql is looked at: the profile names the rest.
    let ended = verify_with(
        folder.path(),
        &["drill", "--profile", "./ours.toml"],
        &[("DATABASE_URL", "mysql://somewhere/else")],
    )
    .await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("DATABASE_URL is not a URL of a PostgreSQL database"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_candidate_that_ends_before_it_is_healthy_is_not_waited_for() {
    let folder = ours(Path::new("false"));
    let begun = Instant::now();
    let ended = verify_with(folder.path(), &DRILL, &[]).await;
    // Its `launch.ready` are 60 s.
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    let why = "not healthy: the candidate ended with 1; it was given 60s";
    let observed = ended.observed("health.deep.db-down");
    assert!(observed.contains(why), "{observed}");
}

#[tokio::test]
async fn runs_leave_nothing_behind_whether_they_end_or_are_ended() {
    let folder = ours(&server());
    let scratch = tempfile::tempdir().unwrap();
    // PostgreSQL runs as another user where the tests run as root.
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let temporary = scratch.path().display().to_string();
    let environment = [("TMPDIR", temporary.as_str())];
    let arguments = [
        "drill",
        "--profile",
        "./ours.toml",
        "--only",
        "health.deep.db-down",
        "--report",
        "json",
        "--snapshots",
        "off",
    ];
    for _ in 0..3 {
        let ended = verify_with(folder.path(), &arguments, &environment).await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        assert_eq!(left_behind(&temporary), Vec::<String>::new());
    }
    for ms in [300, 900, 1_500, 2_500] {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_verify"))
            .args(["drill", "--profile", "./ours.toml", "--snapshots", "off"])
            .current_dir(folder.path())
            .envs(environment)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let pid = Pid::from_raw(run.id().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(130), "ended by SIGINT after {ms} ms");
        assert_eq!(left_behind(&temporary), Vec::<String>::new(), "ended by SIGINT after {ms} ms");
    }
}

/// Files in the folder for temporary ones, and processes that name it, as everything that a run starts does.
fn left_behind(temporary: &str) -> Vec<String> {
    let files =
        std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let process = entry.ok()?.path();
        let read = |name| std::fs::read(process.join(name)).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', " ");
        (text(&line).contains(temporary) || text(&environment).contains(temporary)).then(|| text(&line))
    });
    files.chain(processes).collect()
}

const NEED_A_ROUTE: [&str; 3] =
    ["cors.actual.simple-request-needs-json", "health.deep.pool-exhausted", "errors.outage.as-declared"];

const DRILL: [&str; 7] = ["drill", "--profile", "./ours.toml", "--report", "json", "--snapshots", "off"];

/// A folder with our production profile, whose command starts this program.
fn ours(binary: &Path) -> tempfile::TempDir {
    let binary = binary.display().to_string();
    let profile = production()
        .with("launch.build", NOTHING)
        .with("launch.command", [binary.as_str(), "--profile", "production"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ours.toml"), profile.text()).unwrap();
    folder
}

const NOTHING: [&str; 0] = [];

/// Built beside our own binary.
fn server() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_verify")).parent().unwrap();
    let mut build = std::process::Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "-p", "server"]).current_dir(root());
    // What cargo says of this package would have others, such as ring, built again, and again after the tests.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    assert!(build.status().unwrap().success(), "the server was not built");
    target.join("server")
}

/// Services with FastAPI, `SQLAlchemy` and `asyncpg`.
mod foreign {
    use std::collections::BTreeSet;

    use verify::model::check::Needs;

    use super::*;

    /// The drill that must find a defect of `faulty.py`, and the others that find it with it.
    struct Faulty {
        caught_by: &'static str,
        and_by: &'static [&'static str],
        because: &'static str,
    }

    #[tokio::test]
    async fn a_service_written_with_care_passes_every_drill() {
        let ended = drilled(&careful(), &[]).await;
        assert_eq!((ended.code, ended.failed()), (0, Vec::new()), "{}{}", ended.stdout, ended.stderr);
        for status in ["inconclusive", "not_applicable"] {
            assert_eq!(ended.with_status(status), Vec::<String>::new(), "{}", ended.stdout);
        }
    }

    /// Recorded results, each verified by hand against the service.
    #[tokio::test]
    async fn a_service_as_a_plan_describes_it_breaks_these_promises() {
        let ended = drilled(&plan(), &[]).await;
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        let failed: BTreeSet<String> = ended.failed().into_iter().collect();
        for id in PLAN {
            assert!(failed.contains(*id), "{id} is kept: {failed:?}");
        }
        let known = |id: &String| PLAN.contains(&id.as_str()) || HUNG.contains(&id.as_str());
        let others: Vec<&String> = failed.iter().filter(|id| !known(id)).collect();
        assert_eq!(others, Vec::<&String>::new());
    }

    const PLAN: &[&str] = &[
        // Neither connecting nor a query has a deadline: the service waits for a silent database for ever.
        "health.deep.db-blackhole",
        // Errors of the driver are 500.
        "drill.db.fail-fast",
        // `sslmode` becomes `require`, which verifies nothing.
        "tls.db.verified",
        // A secret may be empty, or `changeme`.
        "drill.start.secret-missing-or-placeholder",
        // uvicorn ends itself with the signal that it was sent, and waits for half a request for ever.
        "drill.stop.drains",
        "drill.stop.deadline",
    ];

    /// Checks that also fail, or are inconclusive, while requests of an earlier drill still hang in the candidate.
    const HUNG: &[&str] = &[
        // A query and a ping for each probe.
        "health.deep.single-flight",
        // asyncpg names its statements.
        "drill.db.transaction-mode",
        "health.deep.db-down",
        "health.deep.db-lies",
        "health.deep.recovers",
        "health.deep.contract-when-down",
        "health.deep.no-internals-when-down",
        "health.deep.pool-exhausted",
        "health.platform.host",
        "cors.actual.outage-keeps-grant",
        "errors.outage.as-declared",
        "drill.db.stale-connections",
        "load.pool.bound",
    ];

    /// A test for each candidate, since they mostly wait and run beside each other.
    macro_rules! candidates {
        ($($defect:ident: $faulty:expr,)*) => {
            const FAULTY: &[Faulty] = &[$($faulty),*];

            mod is_caught_by_its_drill_and_by_no_other_of_its_kind_unless_explained {
                use super::*;

                $(
                    #[tokio::test]
                    async fn $defect() {
                        let faulty: Faulty = $faulty;
                        faulty.is_caught(&stringify!($defect).replace('_', "-")).await;
                    }
                )*
            }
        };
    }

    candidates! {
        ignores_sigterm: by("drill.stop.drains")
            .and(&["drill.stop.deadline"], "what does not end at all ends within no deadline"),
        hangs_on_keep_alive: by("drill.stop.drains")
            .and(&["drill.stop.deadline"], "a request that was never finished is an open connection, too"),
        keeps_dead_pool: by("health.deep.recovers"),
        shallow_health: by("health.deep.db-down").and(
            &["health.deep.db-blackhole", "health.deep.db-lies"],
            "a health check without a query is healthy under every fault",
        ),
        waits_for_tcp: by("health.deep.db-blackhole"),
        checks_only_the_socket: by("health.deep.db-lies"),
        query_per_probe: by("health.deep.single-flight"),
        waits_behind_traffic: by("health.deep.pool-exhausted").and(
            &["health.deep.db-blackhole"],
            "traffic that waits for a silent database fills the pool, too",
        ),
        strict_host: by("health.platform.host"),
        logs_dsn: by("exposure.secrets.canary"),
        echoes_secret: by("exposure.secrets.canary"),
        traces_secret: by("exposure.secrets.canary"),
        leaks_on_503: by("errors.outage.as-declared"),
        leaks_in_health: by("health.deep.no-internals-when-down")
            .and(&["health.deep.contract-when-down"], "the driver's text stands in a member of its own"),
        connect_per_request: by("load.pool.bound"),
        accepts_any_certificate: by("tls.db.verified"),
        accepts_plaintext: by("tls.db.verified"),
        parses_any_type: by("cors.actual.simple-request-needs-json"),
        no_cors_on_503: by("cors.actual.outage-keeps-grant"),
        no_acquire_timeout: by("drill.db.fail-fast"),
        dies_with_database: by("drill.db.fail-fast"),
        first_request_fails: by("drill.db.stale-connections"),
        named_statements: by("drill.db.transaction-mode"),
        default_secret: by("drill.start.secret-missing-or-placeholder"),
        empty_secret_ok: by("drill.start.secret-missing-or-placeholder"),
        placeholder_ok: by("drill.start.secret-missing-or-placeholder"),
        names_the_value: by("drill.start.secret-missing-or-placeholder"),
        fixed_port: by("drill.start.port-and-bind"),
        loopback_only: by("drill.start.port-and-bind"),
        slow_start: by("drill.start.port-and-bind"),
        dies_at_once: by("drill.stop.drains"),
        ignores_sigint: by("drill.stop.drains"),
        waits_for_stuck: by("drill.stop.deadline"),
        keeps_listening: by("drill.stop.drains"),
        exits_nonzero: by("drill.stop.drains"),
        dies_with_an_error: by("drill.stop.drains"),
    }

    const fn by(caught_by: &'static str) -> Faulty {
        Faulty { caught_by, and_by: &[], because: "" }
    }

    impl Faulty {
        /// The others that find it with it, and why.
        const fn and(self, and_by: &'static [&'static str], because: &'static str) -> Self {
            Self { and_by, because, ..self }
        }

        async fn is_caught(&self, defect: &str) {
            let ended = self.drilled(defect).await;
            let failed: BTreeSet<String> = ended.failed().into_iter().collect();
            let meant = std::iter::once(self.caught_by).chain(self.and_by.iter().copied());
            let meant: BTreeSet<String> = meant.map(str::to_owned).collect();
            let observed: Vec<String> =
                failed.iter().map(|id| format!("{id}: {}", ended.observed(id))).collect();
            assert_eq!(failed, meant, "({}) {}", self.because, observed.join("\n"));
        }

        /// By the drills of its kind: a start and an end need no fault of the database, and the other way round. Only
        /// a secret can come out anywhere.
        async fn drilled(&self, defect: &str) -> Ended {
            let process = ["drill.start", "drill.stop"];
            let selection = match self.caught_by {
                "exposure.secrets.canary" => Vec::new(),
                id if process.iter().any(|family| id.starts_with(family)) => {
                    process.map(|id| ["--only", id]).to_vec()
                }
                _ => process.map(|id| ["--skip", id]).to_vec(),
            };
            drilled(&faulty(defect), &selection.concat()).await
        }
    }

    #[tokio::test]
    async fn a_candidate_with_two_faults_is_told_of_both() {
        let drain = ["--only", "drill.stop.drains"];
        let ended = drilled(&faulty("dies-with-an-error"), &drain).await;
        let observed = ended.observed("drill.stop.drains");
        for signal in ["SIGTERM", "SIGINT"] {
            let lost = format!("after {signal} the request in flight had no answer");
            let code = format!("after {signal} the service ended with 3, not 0");
            assert!(observed.contains(&lost) && observed.contains(&code), "{observed}");
        }
    }

    #[test]
    fn every_drill_has_a_candidate_that_it_catches() {
        let caught: BTreeSet<&str> = FAULTY.iter().map(|faulty| faulty.caught_by).collect();
        let drills = verify::checks::all().filter(|check| check.needs == Needs::Drill).map(|check| check.id);
        let uncaught: Vec<&str> = drills.filter(|id| !caught.contains(id) && *id != CONTRACT).collect();
        assert_eq!(uncaught, Vec::<&str>::new());
        assert!(FAULTY.iter().any(|faulty| faulty.and_by.contains(&CONTRACT)));
    }

    /// Its defect is any body that is not the contract's: it fires beside what the body says too much.
    const CONTRACT: &str = "health.deep.contract-when-down";

    /// The careful service with one defect.
    fn faulty(defect: &str) -> Variant {
        let command = format!("exec python {SERVICES}/faulty.py --defect {defect}");
        careful().with("launch.command", ["sh", "-c", &command]).with("launch.ready", "15s")
    }

    /// What both services promise, neither of which is behind our platform.
    fn foreign(command: [&str; 3]) -> Variant {
        production()
            .without("client_ip")
            .without("limits")
            .without("health.writes")
            .without("edge.hsts")
            .without("load.rate_limit")
            .with("server.header_limit", "64KiB")
            .with("server.uri_limit", "64KiB")
            .with("server.max_connections", 1_000)
            .with("cors.origins", ["https://app.example.com", "https://www.example.org"])
            .with("cors.methods", ["GET", "POST", "PUT", "DELETE"])
            .with("pool.create_limit", 2)
            .with("pool.ping_after", "1ms")
            .with("secrets.required", ["DATABASE_URL", "JWT_SECRET"])
            .with("drill.reads", ["/api/items"])
            .with("drill.writes", ["/api/items"])
            .with("verify.errors", "json")
            .with("verify.docs", ["/docs", "/redoc", "/openapi.json"])
            .with("verify.concurrency", 8)
            .with("launch.build", NOTHING)
            .with("launch.command", command)
    }

    /// What `careful.py` promises, and `faulty.py` breaks one by one.
    fn careful() -> Variant {
        foreign(["sh", "-c", "exec python verify/tests/services/drilled/careful.py"])
            // Of which the database gets 4.
            .with("server.request_timeout", "5s")
            .with("server.body_timeout", "5s")
            // Two tries: 1.2 s and 0.6 s, and a second for a busy machine.
            .with("health.budget", "3s")
            .with("pool.size", 5)
            // One for a burst, one for the health check alone.
            .with("pool.overflow", 2)
            .with("pool.create_timeout", "1500ms")
            .with("pool.recycle_after", "4m")
    }

    /// What `plan.py` promises by the user's plan. Where that is silent, what every service should.
    fn plan() -> Variant {
        let uvicorn = "ENVIRONMENT=production exec uvicorn --app-dir verify/tests/services/drilled plan:app \
                       --host 0.0.0.0 --port $PORT";
        foreign(["sh", "-c", uvicorn])
            .with("server.address", "0.0.0.0")
            .with("server.request_timeout", "10s")
            .with("server.body_timeout", "10s")
            .with("health.budget", "2s")
            .with("cors.exposed_headers", NOTHING)
            .with("pool.size", 10)
            // SQLAlchemy's default is 30 s.
            .with("pool.acquire_timeout", "2s")
            // asyncpg's default is 60 s.
            .with("pool.create_timeout", "2s")
            .with("pool.recycle_after", "1h")
    }

    /// Drills a service of `tests/services/drilled`, from the repository's root.
    async fn drilled(profile: &Variant, selection: &[&str]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drilled.toml");
        std::fs::write(&path, profile.text()).unwrap();
        let path = path.display().to_string();
        let all = ["drill", "--profile", &path, "--report", "json", "--snapshots", "off"];
        verify_with(&root(), &[&all, selection].concat(), &[]).await
    }

    const SERVICES: &str = "verify/tests/services/drilled";
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

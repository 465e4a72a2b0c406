//! Under load: wrk sends requests as fast as the answers come, and the system reports the CPU time of the answers.

use std::fmt::Write as _;
use std::process::Command;

use bench::ORIGINS;

use crate::contender::Contender::{self, Actix, Axum, AxumPing, BareHyper, BareHyperCors, BareHyperPg, Ours};
use crate::contender::Running;
use crate::goal::Goal;
use crate::process::{Times, family};
use crate::table::{Column, Measured, Round};
use crate::{Bench, What};

const CPU: usize = 0;
const RATE: usize = 1;
const P99: usize = 3;
const DATABASE: usize = 4;

const COLUMNS: &[Column] = &[
    Column { title: "CPU, µs", digits: 2 },
    Column { title: "answers/s", digits: 0 },
    Column { title: "p50, ms", digits: 2 },
    Column { title: "p99, ms", digits: 2 },
    Column { title: "database's CPU, µs", digits: 2 },
];
/// The same without the database.
const ALONE: &[Column] = COLUMNS.split_at(DATABASE).0;

pub(crate) const WHATS: &[What] = &[
    What {
        name: "livez",
        title: "`GET /livez` with an allowed origin, over 100 connections",
        measure: |bench| measure(bench, &[BareHyper, BareHyperCors, Ours, Axum, Actix], ALONE, LIVEZ, 100),
        goals: &[Goal::at_most(CPU, 1.20).times(BareHyper), Goal::at_most(CPU, 0.75).times(Axum)],
    },
    What {
        name: "preflight",
        title: "a preflight, over 100 connections",
        measure: |bench| measure(bench, &[BareHyperCors, Ours, Axum, Actix], ALONE, PREFLIGHT, 100),
        goals: &[Goal::at_most(CPU, 1.15).times(BareHyperCors), Goal::at_most(CPU, 0.80).times(Axum)],
    },
    What {
        name: "health",
        title: "`GET /health`, over 100 connections",
        measure: |bench| measure(bench, WITH_DATABASE, COLUMNS, HEALTH, 100),
        goals: &[
            Goal::at_most(CPU, 0.42).times(BareHyperPg),
            Goal::at_most(CPU, 0.36).times(Axum),
            Goal::at_most(CPU, 0.25).times(AxumPing),
            Goal::at_least(RATE, 3.3).times(Axum),
            Goal::at_most(DATABASE, 0.05).times(Axum),
        ],
    },
    What {
        name: "health-1000",
        title: "`GET /health`, over 1000 connections",
        measure: |bench| measure(bench, WITH_DATABASE, COLUMNS, HEALTH, 1000),
        goals: &[Goal::at_least(RATE, 2.4).times(Axum)],
    },
    What {
        name: "health-1",
        title: "`GET /health`, over one connection: no shared answers",
        measure: |bench| measure(bench, WITH_DATABASE, COLUMNS, HEALTH, 1),
        goals: &[
            Goal::at_most(CPU, 1.10).times(BareHyperPg),
            Goal::at_most(CPU, 0.95).times(Axum),
            Goal::at_most(CPU, 0.67).times(AxumPing),
        ],
    },
    What {
        name: "livez-1000",
        title: "`GET /livez` with an allowed origin, over 1000 connections",
        measure: |bench| measure(bench, &[BareHyper, Ours, Axum, Actix], ALONE, LIVEZ, 1000),
        goals: &[Goal::at_most(P99, 1.4).times(BareHyper), Goal::at_most(P99, 0.1).times(Axum)],
    },
];

const WITH_DATABASE: &[Contender] = &[BareHyperPg, Ours, Axum, AxumPing, Actix];

/// A request.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

pub(crate) const LIVEZ: Request = Request { method: "GET", path: "/livez", headers: &[] };
const HEALTH: Request = Request { method: "GET", path: "/health", headers: &[] };
const PREFLIGHT: Request = Request {
    method: "OPTIONS",
    path: "/livez",
    headers: &[("access-control-request-method", "PUT"), ("access-control-request-headers", "content-type")],
};

fn measure(
    bench: &Bench,
    contenders: &[Contender],
    columns: &'static [Column],
    request: Request,
    connections: u32,
) -> Measured {
    let mut all: Vec<_> = contenders.iter().map(|contender| contender.start(bench)).collect();
    for one in &mut all {
        one.warm();
        fire(one, request, connections, 1);
    }
    let postmaster = bench.postgres.ask("select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)");
    let postmaster = postmaster.parse().expect("its first line is a number");
    let database = || Times::of(&family(postmaster));
    let round = |_| -> Round {
        let figures = all.iter().map(|one| {
            let (own, databases) = (one.times(), database());
            let seen = fire(one, request, connections, bench.seconds);
            let mut figures = vec![
                one.times().since(&own) / seen.answers,
                seen.answers / seen.seconds,
                seen.p50,
                seen.p99,
                database().since(&databases) / seen.answers,
            ];
            figures.truncate(columns.len());
            (one.contender, figures)
        });
        figures.collect()
    };
    Measured { columns, rounds: (0..bench.rounds).map(round).collect() }
}

pub(crate) struct LoadResult {
    answers: f64,
    seconds: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
}

/// Ends the program on any answer but 2xx, and on a broken connection.
pub(crate) fn fire(one: &Running, request: Request, connections: u32, seconds: u64) -> LoadResult {
    let script = tempfile::Builder::new().suffix(".lua").tempfile().expect("a temporary file");
    std::fs::write(&script, script_of(request)).expect("room for a script");
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--timeout", "20s", "--latency", "--connections"]);
    wrk.arg(connections.to_string()).arg("--duration").arg(format!("{seconds}s"));
    wrk.arg("--script").arg(script.path()).arg(format!("http://127.0.0.1:{}{}", one.port, request.path));
    let output = wrk.output().expect("wrk is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("seen "));
    let numbers = line.unwrap_or_default().split(' ').map(str::parse);
    let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().unwrap_or_default();
    let [answers, microseconds, p50, p99, errors] = numbers[..] else {
        panic!("wrk said: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    let name = one.contender.name();
    assert!(errors == 0.0, "{name}, {}: {errors} answers were none, or not 2xx\n{text}", request.path);
    assert!(answers > 0.0, "{name}, {}: no answer\n{text}", request.path);
    LoadResult { answers, seconds: microseconds / 1e6, p50: p50 / 1e3, p99: p99 / 1e3 }
}

/// The script runs nothing per request. wrk counts every status but 2xx and 3xx as an error, and no route answers 3xx.
fn script_of(Request { method, headers, .. }: Request) -> String {
    let mut script = format!("wrk.method = \"{method}\"\nwrk.headers[\"origin\"] = \"{}\"\n", ORIGINS[0]);
    for (name, value) in headers {
        let _ = writeln!(script, "wrk.headers[\"{name}\"] = \"{value}\"");
    }
    script
        + r#"
function done(summary, latency)
  local errors = summary.errors
  local all = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("seen %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), all))
end
"#
}

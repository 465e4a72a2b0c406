//! From the start of the process to its first answers.

use crate::contender::Contender::{Actix, Axum, BareHyperPg, Ours};
use crate::goal::Goal;
use crate::table::{Column, Measured, Round};
use crate::{Bench, What};

const RUNS: usize = 20;

const LIVEZ: usize = 1;
const CPU: usize = 2;
const HEALTH: usize = 3;

const COLUMNS: &[Column] = &[
    Column { title: "listens, ms", digits: 2 },
    Column { title: "first `/livez`, ms", digits: 2 },
    Column { title: "CPU until `/livez`, ms", digits: 2 },
    Column { title: "first `/health`, ms", digits: 2 },
];

pub(crate) const WHAT: What = What {
    name: "start",
    title: "from exec to the first answers, 20 runs, the page cache warm",
    measure,
    goals: &[
        Goal::at_most(LIVEZ, 1.5).times(BareHyperPg),
        Goal::at_most(CPU, 1.5).times(BareHyperPg),
        Goal::at_most(HEALTH, 1.3).times(BareHyperPg),
        Goal::at_most(HEALTH, 10.0),
    ],
};

fn measure(bench: &Bench) -> Measured {
    let run = |_| -> Round {
        let figures = [BareHyperPg, Ours, Axum, Actix].map(|contender| {
            let mut one = contender.start(bench);
            let started = one.started;
            let since = || started.elapsed().as_secs_f64() * 1e3;
            let mut client = one.connect();
            let listens = since();
            client.get("/livez");
            let livez = since();
            let cpu = one.times().total() / 1e3;
            client.get("/health");
            (contender, vec![listens, livez, cpu, since()])
        });
        figures.into()
    };
    // The first run reads the programs from disk, so it does not count.
    Measured { columns: COLUMNS, rounds: (0..=RUNS).map(run).skip(1).collect() }
}

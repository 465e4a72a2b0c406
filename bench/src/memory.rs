//! The memory of a service: idle, with a thousand idle clients, and after load.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::contender::Contender::{Actix, Axum, BareHyper, BareHyperPg, Ours};
use crate::goal::Goal;
use crate::load::{LIVEZ, fire};
use crate::table::{Column, Measured, Round};
use crate::{Bench, What};

const CONNECTIONS: u32 = 1000;
const REST: Duration = Duration::from_secs(10);

const IDLE: usize = 0;
const CONNECTION: usize = 2;
const AFTER: usize = 3;
const CPU: usize = 4;
const SIZE: usize = 5;

const COLUMNS: &[Column] = &[
    Column { title: "idle, MiB", digits: 1 },
    Column { title: "with 1000 idle connections, MiB", digits: 1 },
    Column { title: "bytes per idle connection", digits: 0 },
    Column { title: "after load, MiB", digits: 1 },
    Column { title: "idle CPU, µs/s", digits: 0 },
    Column { title: "binary, MiB", digits: 2 },
];

pub(crate) const WHAT: What = What {
    name: "memory",
    title: "resident memory; idle: after a first answer of each route; load: `livez-1000`",
    measure,
    goals: &[
        Goal::at_most(IDLE, 6.0),
        Goal::at_most(AFTER, 0.75).times(Axum),
        Goal::at_most(CONNECTION, 13_000.0),
        Goal::at_most(CONNECTION, 0.57).times(Axum),
        Goal::at_most(CPU, 20.0),
        Goal::at_most(SIZE, 4.0),
    ],
};

fn measure(bench: &Bench) -> Measured {
    let contenders = [BareHyper, BareHyperPg, Ours, Axum, Actix];
    let mut all = contenders.map(|contender| contender.start(bench));
    all.iter_mut().for_each(|one| one.warm());
    sleep(Duration::from_secs(1));
    // Idle contenders can be measured at the same time.
    let before = all.each_ref().map(|one| one.times());
    sleep(REST);
    let figures = all.iter_mut().zip(before).map(|(one, before)| {
        let rest = one.times().since(&before) / REST.as_secs_f64();
        let idle = one.resident();
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| one.connect()).collect();
        clients.iter_mut().for_each(|client| client.get("/livez"));
        let connected = one.resident();
        drop(clients);
        fire(one, LIVEZ, CONNECTIONS, bench.seconds);
        let size = fs::metadata(bench.programs.of(one.contender)).expect("it runs").len();
        let connection = (connected - idle) / f64::from(CONNECTIONS);
        let [idle, connected, after, size] = [idle, connected, one.resident(), size as f64].map(mebibytes);
        (one.contender, vec![idle, connected, connection, after, rest, size])
    });
    let round: Round = figures.collect();
    Measured { columns: COLUMNS, rounds: vec![round] }
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / 1024.0 / 1024.0
}

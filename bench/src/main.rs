//! Measures the released service beside its peers; docs/performance.md has the command and what it printed.
//!
//! The contenders run one after the other in every round, on the first processor; the load generator and PostgreSQL run
//! on the second. Every ratio is formed within a round, so that changes of the machine's speed cancel out.

mod build;
mod contender;
mod goal;
mod load;
mod machine;
mod memory;
mod process;
mod start;
mod table;

use std::process::ExitCode;

use testkit::Postgres;

use crate::build::Programs;
use crate::goal::Goal;
use crate::table::Measured;

const USAGE: &str = "\
usage: cargo run --release --manifest-path bench/Cargo.toml -- [--rounds 5] [--seconds 2] [WHAT…]

WHAT is among: livez preflight health health-1000 health-1 livez-1000 start memory [default: all]
exit codes: 0 every goal is reached · 1 one is missed · 2 it cannot be measured here";

/// The tools of a measurement.
struct Bench {
    programs: Programs,
    postgres: Postgres,
    rounds: usize,
    seconds: u64,
}

/// A measurement.
struct What {
    name: &'static str,
    title: &'static str,
    measure: fn(&Bench) -> Measured,
    goals: &'static [Goal],
}

/// In the order of the report.
fn all() -> impl Iterator<Item = &'static What> {
    load::WHATS.iter().chain([&start::WHAT, &memory::WHAT])
}

fn main() -> ExitCode {
    match arguments().and_then(|(rounds, seconds, whats)| {
        machine::prepare()?;
        let programs = Programs::build()?;
        // From here on every child but the contenders runs there too.
        machine::pin(machine::LOAD);
        let postgres = Postgres::start().map_err(|error| error.to_string())?;
        let bench = Bench { programs, postgres, rounds, seconds };
        Ok(run(&bench, &whats))
    }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<(usize, u64, Vec<&'static What>), String> {
    let (mut rounds, mut seconds, mut whats) = (5, 2, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next()?.parse::<u16>().ok().filter(|number| *number > 0);
        match argument.as_str() {
            "--rounds" => rounds = number().ok_or(USAGE)?.into(),
            "--seconds" => seconds = number().ok_or(USAGE)?.into(),
            name => whats.push(all().find(|what| what.name == name).ok_or(USAGE)?),
        }
    }
    if whats.is_empty() {
        whats.extend(all());
    }
    Ok((rounds, seconds, whats))
}

/// Prints the goals. Whether every goal is reached.
fn run(bench: &Bench, whats: &[&What]) -> bool {
    println!("{}\n", machine::description(bench));
    let mut lines = Vec::new();
    for what in whats {
        eprintln!("measuring {}", what.name);
        let measured = (what.measure)(bench);
        println!("`{}`: {}\n\n{}", what.name, what.title, measured.table(what.goals));
        lines.extend(what.goals.iter().map(|goal| goal.judge(what.name, &measured)));
    }
    println!("| | figure | seen | goal | |\n| --- | --- | --- | --- | --- |");
    lines.iter().for_each(|line| println!("{line}"));
    let missed = lines.iter().filter(|line| !line.is_reached()).count();
    println!("\ngoals: {} reached, {missed} missed", lines.len() - missed);
    missed == 0
}

//! Requests on many connections at the same instant, timed from that instant.
//!
//! Every connection is open before the instant, and every latency counts from it, even if the request is written
//! late: waiting requests stay in the measurement (coordinated omission).
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::responses;
use super::wire::{Stream, Wire};
use crate::model::exchange::{Burst, Request, Response};
use crate::model::missing::{Missing, Phase};

pub(super) async fn ask(wire: &Wire, request: &Request, connections: u32) -> Burst {
    let opened = join_all((0..connections).map(|_| wire.connect())).await;
    let spelled = wire.spelled(request);
    let instant = Instant::now();
    let answers = join_all(opened.into_iter().map(|stream| async {
        let answer = timeout(wire.timeout(), answer(stream?, &spelled, wire)).await;
        let answer = answer.map_err(|_| wire.peer().late(Phase::Head))??;
        Ok::<_, Missing>((answer, instant.elapsed()))
    }))
    .await;

    let mut burst = Burst {
        statuses: BTreeMap::new(),
        failures: Vec::new(),
        latencies_ms: Vec::new(),
        retry_after: None,
    };
    for answer in answers {
        match answer {
            Ok((response, latency)) => {
                *burst.statuses.entry(response.status).or_default() += 1;
                burst.latencies_ms.push(millis(latency));
                if response.status == 429 {
                    burst.retry_after = burst.retry_after.or_else(|| response.header("retry-after"));
                }
            }
            Err(why) => burst.fail(why),
        }
    }
    burst.latencies_ms.sort_unstable();
    burst.failures.sort_by(|one, other| one.why.cmp(&other.why));
    burst
}

async fn answer(mut stream: Stream, request: &[u8], wire: &Wire) -> Result<Response, Missing> {
    let failed = |error: io::Error| wire.peer().io(&error, Phase::Head);
    stream.write_all(request).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut received = Vec::new();
    let mut buffer = vec![0; 4 * 1024];
    while !responses::is_whole(&received) && received.len() < Response::LONGEST_BODY {
        match stream.read(&mut buffer).await.map_err(failed)? {
            0 => break,
            read => received.extend_from_slice(&buffer[..read]),
        }
    }
    let first = responses::read(&received, wire.confidential()).into_iter().next();
    first.ok_or_else(|| wire.peer().closed(Phase::Head))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! The faults of networks have their documented effect.

use std::io::ErrorKind;
use std::time::Duration;

use testkit::{Fault, Gauge};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{PATIENCE, Setup, closed, end, silent};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test]
async fn refused_means_that_nothing_listens_until_the_repair() {
    let setup = Setup::start().await;
    let mut client = setup.client().await;
    for _ in 0..3 {
        setup.set(Fault::Refuse).await;
        assert_eq!(setup.tcp().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        client.simple_query("select 1").await.expect("what is open stays open");
        setup.proxy.cut();
        closed(&client).await;
        assert_eq!(setup.tcp().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        setup.set(Fault::None).await;
        client = setup.client().await;
        client.simple_query("select 1").await.unwrap();
    }
    drop(client);
    setup.until(|counts| counts.connections.open == 0).await;
}

/// Linux gives a bound port without a listener to a program that binds it with `SO_REUSEADDR`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_that_was_lost_is_said_so_and_tried_again() {
    let setup = Setup::start().await;
    setup.set(Fault::Refuse).await;
    let other = TcpListener::bind(("127.0.0.1", setup.proxy.port())).await.unwrap();
    for _ in 0..2 {
        let error = setup.proxy.set(Fault::None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    drop(other);
    setup.set(Fault::None).await;
    setup.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_black_hole_answers_no_connection_and_lets_none_go_on() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let mut idle = setup.raw().await;
    setup.set(Fault::BlackHole).await;
    silent(client.simple_query("select 1")).await;
    silent(setup.connect()).await;
    let mut late = setup.tcp().await.unwrap();
    late.write_all(&SSL_REQUEST).await.unwrap();
    silent(late.read_u8()).await;

    setup.set(Fault::None).await;
    closed(&client).await;
    for lost in [&mut idle, &mut late] {
        assert_eq!(end(lost).await, Err(ErrorKind::ConnectionReset));
    }
    setup.until(|counts| counts.connections.open == 0).await;
    setup.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_a_black_hole_is_not_open_any_more() {
    let setup = Setup::start().await;
    setup.set(Fault::BlackHole).await;
    silent(setup.connect()).await;
    setup.until(|counts| counts.connections.opened == 1 && counts.connections.open == 0).await;
}

#[tokio::test]
async fn a_stall_keeps_what_is_sent_and_passes_it_at_the_repair() {
    let setup = Setup::start().await;
    let live = setup.client().await;
    setup.set(Fault::Stall).await;
    let stalled = async { tokio::join!(live.simple_query("select 1"), setup.client()) };
    let mut stalled = Box::pin(stalled);
    silent(&mut stalled).await;
    setup.set(Fault::None).await;
    let (answer, new) = timeout(PATIENCE, stalled).await.unwrap();
    answer.unwrap();
    new.simple_query("select 1").await.unwrap();
    let both = Gauge { open: 2, most_open: 2, opened: 2 };
    assert_eq!((setup.proxy.counts().sessions, setup.proxy.counts().queries), (both, 2));
}

#[tokio::test]
async fn a_stalled_connection_can_be_cut_or_frozen() {
    let setup = Setup::start().await;
    let (cut, frozen) = (setup.client().await, setup.client().await);
    setup.set(Fault::Stall).await;
    setup.proxy.cut();
    closed(&cut).await;
    closed(&frozen).await;
    setup.set(Fault::None).await;

    let frozen = setup.client().await;
    setup.set(Fault::Stall).await;
    setup.set(Fault::Freeze).await;
    silent(frozen.simple_query("select 1")).await;
    setup.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_database_that_wakes_makes_new_connections_wait_and_no_others() {
    const WAKES_IN: Duration = Duration::from_millis(400);
    let setup = Setup::start().await;
    let live = setup.client().await;
    setup.set(Fault::Wake(WAKES_IN)).await;
    live.simple_query("select 1").await.unwrap();
    let asked = Instant::now();
    let (_one, _other) = tokio::join!(setup.client(), setup.client());
    assert!(asked.elapsed() >= WAKES_IN, "{:?}", asked.elapsed());
    assert_eq!(setup.proxy.counts().waking, Gauge { open: 0, most_open: 2, opened: 2 });
}

#[tokio::test]
async fn a_latency_is_on_every_way_of_live_and_new_connections() {
    const LATENCY: Duration = Duration::from_millis(100);
    let setup = Setup::start().await;
    let live = setup.client().await;
    setup.set(Fault::Latency(LATENCY)).await;
    let asked = Instant::now();
    live.simple_query("select 1").await.unwrap();
    assert!(asked.elapsed() >= LATENCY * 2, "{:?}", asked.elapsed());

    let asked = Instant::now();
    let new = setup.client().await;
    assert!(asked.elapsed() >= LATENCY * 2, "{:?}", asked.elapsed());
    // A large answer is delayed once: a delay of each of its hundreds of parts would exceed the wait.
    timeout(PATIENCE, new.simple_query("select repeat('x', 5000000)")).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cut_closes_what_is_open_in_order_and_nothing_else() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let mut raw = setup.raw().await;
    setup.proxy.cut();
    assert_eq!(end(&mut raw).await, Ok(()));
    closed(&client).await;
    let client = setup.client().await;
    client.simple_query("select 1").await.unwrap();
    assert_eq!(setup.proxy.counts().sessions, Gauge { open: 1, most_open: 1, opened: 2 });
}

#[tokio::test]
async fn a_reset_is_seen_as_one() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let mut raw = setup.raw().await;
    setup.proxy.reset();
    assert_eq!(end(&mut raw).await, Err(ErrorKind::ConnectionReset));
    closed(&client).await;
    setup.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_half_closed_connection_ends_one_way_and_is_still_read() {
    let setup = Setup::start().await;
    let mut raw = setup.raw().await;
    setup.set(Fault::HalfClose).await;
    assert_eq!(end(&mut raw).await, Ok(()));
    // If the connection were closed, the first of these would cause a reset, and the second would see it.
    for _ in 0..3 {
        raw.write_all(&[0; 1000]).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    setup.client().await.simple_query("select 1").await.unwrap();
    setup.set(Fault::None).await;
    setup.until(|counts| counts.connections.open == 0).await;
}

#[tokio::test]
async fn frozen_connections_are_never_answered_again_and_new_ones_are() {
    let setup = Setup::start().await;
    let old = setup.client().await;
    let mut raw = setup.raw().await;
    setup.set(Fault::Freeze).await;
    silent(old.check_connection()).await;
    assert_eq!(setup.proxy.counts().pings, 1, "what is never answered is counted all the same");
    silent(old.simple_query("select 1")).await;
    let new = setup.client().await;
    new.simple_query("select 1").await.unwrap();
    silent(raw.read_u8()).await;
    setup.set(Fault::None).await;
    closed(&old).await;
    assert_eq!(end(&mut raw).await, Err(ErrorKind::ConnectionReset));
    new.simple_query("select 1").await.unwrap();
}

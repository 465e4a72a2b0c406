//! The wire to PostgreSQL, as a proxy that counts what passes and breaks in every way that networks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::postgres::url;

pub(crate) struct Wire {
    port: u16,
    fault: watch::Sender<Fault>,
    tally: Arc<Tally>,
}

/// What is wrong. Connections are numbered from 0; "before" means those with a smaller number.
#[derive(Clone, Default)]
struct Fault {
    refused: bool,
    silent: bool,
    delay: Duration,
    accept_delay: Duration,
    cut_before: usize,
    half_closed_before: usize,
    forgotten_before: usize,
}

#[derive(Default)]
struct Tally {
    opened: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    opening: AtomicUsize,
    most_opening: AtomicUsize,
    queries: AtomicUsize,
    pings: AtomicUsize,
    named: AtomicUsize,
}

impl Wire {
    pub(crate) fn to(port: u16) -> Self {
        let listener = listen(0, 1024);
        let own = listener.local_addr().unwrap().port();
        let wire = Self { port: own, fault: watch::Sender::default(), tally: Arc::default() };
        tokio::spawn(accept(listener, port, wire.fault.subscribe(), Arc::clone(&wire.tally)));
        wire
    }

    pub(crate) fn url(&self) -> String {
        url("127.0.0.1", self.port)
    }

    /// Nobody listens any more; what is open stays open.
    pub(crate) async fn refuse(&self) {
        self.fault.send_modify(|fault| fault.refused = true);
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing passes any more, in either direction; connections stay open, and new ones are accepted.
    pub(crate) fn silence(&self) {
        self.fault.send_modify(|fault| fault.silent = true);
    }

    /// Nothing passes on the connections of now, for ever; new ones work. A firewall that forgot them.
    pub(crate) fn forget(&self) {
        let opened = self.tally.opened.load(Ordering::SeqCst);
        self.fault.send_modify(|fault| fault.forgotten_before = opened);
    }

    /// The connections of now are closed in both directions.
    pub(crate) fn cut(&self) {
        let opened = self.tally.opened.load(Ordering::SeqCst);
        self.fault.send_modify(|fault| fault.cut_before = opened);
    }

    /// PostgreSQL's side of the connections of now is closed, and PostgreSQL does not know.
    pub(crate) fn half_close(&self) {
        let opened = self.tally.opened.load(Ordering::SeqCst);
        self.fault.send_modify(|fault| fault.half_closed_before = opened);
    }

    /// Every packet takes this long.
    pub(crate) fn delay(&self, delay: Duration) {
        self.fault.send_modify(|fault| fault.delay = delay);
    }

    /// A new connection is answered only after this: a database that wakes.
    pub(crate) fn wake_in(&self, delay: Duration) {
        self.fault.send_modify(|fault| fault.accept_delay = delay);
    }

    /// Ends refusal, silence and delays; what was cut or forgotten stays so.
    pub(crate) fn repair(&self) {
        self.fault.send_modify(|fault| {
            (fault.refused, fault.silent) = (false, false);
            (fault.delay, fault.accept_delay) = (Duration::ZERO, Duration::ZERO);
        });
    }

    /// The health checks' queries.
    pub(crate) fn queries(&self) -> usize {
        self.tally.queries.load(Ordering::SeqCst)
    }

    /// Round trips that only ask whether the connection lives.
    pub(crate) fn pings(&self) -> usize {
        self.tally.pings.load(Ordering::SeqCst)
    }

    /// Statements that were given a name.
    pub(crate) fn named(&self) -> usize {
        self.tally.named.load(Ordering::SeqCst)
    }

    pub(crate) fn opened(&self) -> usize {
        self.tally.opened.load(Ordering::SeqCst)
    }

    /// The most connections that were open at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.tally.most_open.load(Ordering::SeqCst)
    }

    /// The most connections that waited to be passed on at the same time.
    pub(crate) fn most_opening(&self) -> usize {
        self.tally.most_opening.load(Ordering::SeqCst)
    }
}

/// An address that answers no packet: its queue is full, and the system drops whatever else comes.
pub(crate) struct Full {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Full {
    pub(crate) async fn listen() -> Self {
        let listener = listen(0, 0);
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queue.push(stream);
        }
        Self { listener, _queue: queue }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
}

fn listen(port: u16, queue: u32) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    socket.listen(queue).unwrap()
}

async fn accept(mut listener: TcpListener, to: u16, mut fault: watch::Receiver<Fault>, tally: Arc<Tally>) {
    let port = listener.local_addr().unwrap().port();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            refused = async { fault.wait_for(|fault| fault.refused).await.is_err() } => {
                if refused { return }
                drop(listener);
                if fault.wait_for(|fault| !fault.refused).await.is_err() { return }
                listener = listen(port, 1024);
                continue;
            }
        };
        tokio::spawn(connection(client, to, fault.clone(), Arc::clone(&tally)));
    }
}

async fn connection(client: TcpStream, to: u16, fault: watch::Receiver<Fault>, tally: Arc<Tally>) {
    let number = tally.opened.fetch_add(1, Ordering::SeqCst);
    let opening = Gauge::up(&tally, |tally| (&tally.opening, &tally.most_opening));
    let delay = fault.borrow().accept_delay;
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    drop(opening);
    let _open = Gauge::up(&tally, |tally| (&tally.open, &tally.most_open));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let request = pump(Way::Request, from_client, to_server, number, fault.clone(), &tally);
    let answer = pump(Way::Answer, from_server, to_client, number, fault, &tally);
    tokio::join!(request, answer);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

async fn pump(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: usize,
    mut fault: watch::Receiver<Fault>,
    tally: &Tally,
) {
    let ended =
        |fault: &Fault| number < fault.cut_before || way == Way::Answer && number < fault.half_closed_before;
    let mut buffer = vec![0; 16 * 1024];
    let mut end = fault.clone();
    let pass = async {
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let bytes = &buffer[..read];
            if way == Way::Request {
                tally.count(bytes);
            }
            if fault.borrow().forgotten_before > number {
                std::future::pending::<()>().await;
            }
            let delay = fault.borrow().delay;
            sleep(delay).await;
            if fault.wait_for(|fault| !fault.silent).await.is_err() || to.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = pass => {}
        _ = end.wait_for(ended) => {}
    }
}

impl Tally {
    fn count(&self, bytes: &[u8]) {
        let add = |count: &AtomicUsize, more| {
            count.fetch_add(more, Ordering::SeqCst);
        };
        let question = b"show transaction_read_only\0";
        add(&self.queries, bytes.windows(question.len()).filter(|part| part == question).count());
        // A Sync that follows nothing.
        add(&self.pings, usize::from(bytes == b"S\0\0\0\x04"));
        // Parse, a length, and a name that is not empty.
        add(&self.named, usize::from(bytes.first() == Some(&b'P') && bytes.get(5).is_some_and(|b| *b != 0)));
    }
}

/// One that counts while it lives.
struct Gauge<'t>(&'t AtomicUsize);

impl<'t> Gauge<'t> {
    fn up(tally: &'t Tally, of: fn(&Tally) -> (&AtomicUsize, &AtomicUsize)) -> Self {
        let (now, most) = of(tally);
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self(now)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

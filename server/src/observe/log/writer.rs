//! Writes lines: a bounded queue, and a thread that waits for the reader.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::Level;

use super::flood::Floods;
use super::line::{Fields, Format, Line};

/// The most bytes in the queue; as many again may be in the current write.
const CAPACITY: usize = 1024 * 1024;

/// The pause before another write to a full non-blocking output.
const PAUSE: Duration = Duration::from_millis(10);

/// How many lines of this process were lost: the queue was full, or the write failed.
static LOST: AtomicU64 = AtomicU64::new(0);

pub(super) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Accepts lines without waiting for their reader: lines beyond the limit are dropped and counted.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    format: Format,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes that wait for the thread.
    lines: Vec<u8>,
    floods: Floods,
    /// Lost lines since the last report.
    untold: u64,
    closed: bool,
    /// The thread has ended: the queue was closed, and all lines are written.
    ended: bool,
}

impl Queue {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: impl Write + Send + 'static, format: Format) -> io::Result<Self> {
        let shared = Arc::new(Shared { format, state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_all(output))?;
        Ok(Self(shared))
    }

    pub(super) fn push(&self, line: Line) {
        let mut state = self.0.state();
        let Some(line) = state.floods.admit(line, Instant::now()) else {
            return;
        };
        state.add(&self.0.format.write(&line));
        drop(state);
        self.0.changed.notify_all();
    }

    /// Accepts no more lines, and returns once the queued ones are written, or after that time.
    pub(super) fn close(&self, within: Duration) {
        let mut state = self.0.state();
        for line in state.floods.settle_all() {
            state.add(&self.0.format.write(&line));
        }
        state.closed = true;
        self.0.changed.notify_all();
        drop(self.0.changed.wait_timeout_while(state, within, |state| !state.ended));
    }
}

impl Clone for Queue {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl State {
    fn add(&mut self, line: &str) {
        if self.closed || self.lines.len() + line.len() > CAPACITY {
            self.lose(1);
        } else {
            self.lines.extend_from_slice(line.as_bytes());
        }
    }

    fn lose(&mut self, lines: u64) {
        self.untold += lines;
        LOST.fetch_add(lines, Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the queued bytes in one piece, then a line with the number of lost lines.
    fn write_all(&self, mut output: impl Write) {
        while let Some((lines, untold)) = self.next() {
            if write(&mut output, &lines).is_err() {
                let mut state = self.state();
                // An upper bound: the output may have taken some of them before it failed.
                state.lose(memchr::memchr_iter(b'\n', &lines).count() as u64);
                state.untold += untold;
            } else if untold > 0
                && write(&mut output, self.format.write(&lost_lines(untold)).as_bytes()).is_err()
            {
                self.state().untold += untold;
            }
        }
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Waits for queued bytes, and returns them with the number of lines lost before. `None` at the end.
    fn next(&self) -> Option<(Vec<u8>, u64)> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            for line in state.floods.settle(now) {
                state.add(&self.format.write(&line));
            }
            if !state.lines.is_empty() {
                return Some((mem::take(&mut state.lines), mem::take(&mut state.untold)));
            }
            if state.closed {
                return None;
            }
            // Without floods, wait until a line arrives.
            let pause = state.floods.due().map_or(Duration::MAX, |due| due.saturating_duration_since(now));
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lost_lines(count: u64) -> Line {
    let mut fields = Fields::default();
    fields.put("message", "lines of the log were lost: standard output did not take them");
    fields.put("lost", count);
    Line { level: Level::WARN, target: module_path!(), fields, kind: None }
}

/// Like [`Write::write_all`]; an output that another process has made non-blocking is tried again while it is full.
fn write(output: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use serde_json::Value;

    use super::*;

    /// Long enough for any machine; only a failure waits so long.
    const LONG: Duration = Duration::from_secs(30);

    /// An output that waits for a result before each piece, until all results are used.
    struct Gate {
        results: Receiver<io::Result<()>>,
        begun: Sender<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            if let Ok(result) = self.results.recv() {
                result?;
            }
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Output {
        results: Sender<io::Result<()>>,
        begun: Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Output {
        /// All written bytes, once writes are no longer held.
        fn flow(self, queue: &Queue) -> String {
            drop(self.results);
            queue.close(LONG);
            String::from_utf8(self.taken.lock().unwrap().clone()).unwrap()
        }
    }

    fn gated() -> (Queue, Output) {
        let ((results, held), (begins, begun), taken) = (channel(), channel(), Arc::default());
        let gate = Gate { results: held, begun: begins, taken: Arc::clone(&taken) };
        (Queue::start(gate, Format::Json).unwrap(), Output { results, begun, taken })
    }

    fn line(message: &str) -> Line {
        let mut fields = Fields::default();
        fields.put("message", message);
        Line { level: Level::INFO, target: "test", fields, kind: None }
    }

    /// The messages of lines, and of those that tell of lost ones the number.
    fn messages(text: &str) -> Vec<String> {
        let lines = text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let message = line["message"].as_str().unwrap().to_owned();
            line["lost"].as_u64().map_or(message, |lost| format!("{lost} lost"))
        });
        lines.collect()
    }

    #[test]
    fn all_lines_are_written_in_their_order_before_the_end() {
        let (queue, output) = gated();
        let lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        for message in &lines {
            queue.push(line(message));
        }
        assert_eq!(messages(&output.flow(&queue)), lines);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_told_once_it_flows_again() {
        let (queue, output) = gated();
        queue.push(line("first"));
        output.begun.recv().unwrap();
        let long = "x".repeat(CAPACITY / 4 - 200);
        for _ in 0..7 {
            queue.push(line(&long));
        }
        let before = lost();
        assert!(before >= 3);
        assert_eq!(messages(&output.flow(&queue)), ["first", &long, &long, &long, &long, "3 lost"]);
    }

    #[test]
    fn the_end_waits_for_no_reader_beyond_its_time() {
        let (queue, output) = gated();
        queue.push(line("stuck"));
        output.begun.recv().unwrap();
        let started = Instant::now();
        queue.close(Duration::from_millis(20));
        assert!(started.elapsed() >= Duration::from_millis(20) && started.elapsed() < LONG);
        assert!(output.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn lines_that_cannot_be_written_are_told_with_the_next_that_can() {
        let (queue, output) = gated();
        output.results.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        queue.push(line("one"));
        output.begun.recv().unwrap();
        // Only once the thread has counted them.
        while queue.0.state().untold == 0 {
            thread::yield_now();
        }
        queue.push(line("three"));
        assert_eq!(messages(&output.flow(&queue)), ["three", "1 lost"]);
    }

    #[test]
    fn a_full_output_that_does_not_block_is_tried_again() {
        let (queue, output) = gated();
        for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted] {
            output.results.send(Err(kind.into())).unwrap();
        }
        queue.push(line("late"));
        assert_eq!(messages(&output.flow(&queue)), ["late"]);
    }
}

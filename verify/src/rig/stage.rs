//! Where drills are played: the proxy, the candidate before it, and the steps in their order.
#![allow(clippy::disallowed_methods, reason = "a drill is processes, sockets and time")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::proxy::{self, Authority, Certificate, Proxy};
use super::{PLACEHOLDER, Rig, RigError, has_its_own};
use crate::launch::{Candidate, LaunchContext};
use crate::model::check::Subject;
use crate::model::drill::{
    Change, Counts, Drilled, Ended, Fault, Signal, Steady, Step, StepResult, TimedReply,
};
use crate::model::exchange::{Answer, Request, Response};
use crate::model::redact;
use crate::prober::{HeldConnection, ProbeOptions, Prober};

pub(super) struct Stage<'a> {
    rig: &'a Rig<'a>,
    proxy: Proxy,
    actor: Option<Actor>,
    /// Why no drill on a sound candidate can be run.
    hopeless: Option<String>,
    /// Whom a candidate is told to trust with its database.
    authority: Authority,
    authority_file: NamedTempFile,
    /// Whether the database is to have no TLS: a session without it should not be.
    without_tls: bool,
}

/// A running candidate, and who asks it.
struct Actor {
    candidate: Candidate,
    prober: Arc<Prober>,
    /// How many of its lines have been read.
    read: usize,
    /// Its environment was changed: it serves no other drill.
    changed: bool,
}

/// How much longer than a promise an answer is waited for, so that its lateness can be told.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two drills.
const CALM: Duration = Duration::from_millis(150);
/// How long a candidate may take to refuse its environment.
const REFUSAL: Duration = Duration::from_secs(5);

impl<'a> Stage<'a> {
    pub(super) async fn set(rig: &'a Rig<'a>) -> Result<Self, RigError> {
        let proxy = Proxy::start(rig.database.upstream()?).await.map_err(RigError::Proxy)?;
        let authority = Authority::new().map_err(RigError::Proxy)?;
        let mut authority_file = NamedTempFile::new().map_err(RigError::Proxy)?;
        authority_file.write_all(authority.pem().as_bytes()).map_err(RigError::Proxy)?;
        Ok(Self { rig, proxy, actor: None, hopeless: None, authority, authority_file, without_tls: false })
    }

    /// Ends the candidate; the proxy ends with the stage.
    pub(super) async fn strike(mut self) {
        self.dismiss().await;
    }

    /// One ordinary request to a sound candidate.
    pub(super) async fn ask(&mut self, request: &Request) -> Answer {
        match self.sound_actor().await {
            Ok(Some(actor)) => {
                let mut answer = actor.prober.ask(request).await.0;
                if let Answer::Received(response) = &mut answer {
                    self.silence(response);
                }
                answer
            }
            Ok(None) => Answer::Missing("the candidate was never healthy".to_owned()),
            Err(why) => Answer::Missing(why.to_string()),
        }
    }

    /// Steady state, the steps, repair, steady state.
    pub(super) async fn drill(&mut self, steps: &[Step]) -> Result<Drilled, RigError> {
        let before = if has_its_own(steps) {
            Steady::Unasked
        } else {
            self.sound_actor().await?;
            if let Some(why) = &self.hopeless {
                return Ok(Drilled {
                    before: Steady::Not(why.clone()),
                    steps: Vec::new(),
                    after: Steady::Unasked,
                });
            }
            // An answer that a crowd shared may hold a moment longer than the crowd.
            sleep(CALM).await;
            self.steady().await
        };
        self.proxy.mark();
        let mut play = Play::default();
        let mut seen: Vec<StepResult> = Vec::with_capacity(steps.len());
        for step in steps {
            seen.push(self.step(step, &mut play).await?);
        }
        for held in play.held {
            let (index, connection) = held;
            seen[index].closed = connection.is_closed().await;
        }
        for task in play.begun {
            task.abort();
        }
        self.proxy.set(proxy::Fault::None).await.map_err(RigError::Proxy)?;
        self.without_tls = false;
        let gone = self.actor.as_mut().is_none_or(|actor| actor.changed || actor.candidate.has_ended());
        let after = if gone { Steady::Unasked } else { self.steady().await };
        // A candidate that does not recover, or was changed, is no use to the next drill.
        if !matches!(after, Steady::Healthy(_)) {
            self.dismiss().await;
        }
        Ok(Drilled { before, steps: seen, after })
    }

    async fn step(&mut self, step: &Step, play: &mut Play) -> Result<StepResult, RigError> {
        let begun = Instant::now();
        let mut seen = StepResult::default();
        match step {
            Step::Start(change) => seen.ended = self.start(change).await?,
            Step::Fault(Fault::Reset) => self.proxy.reset(),
            Step::Fault(fault) => {
                self.without_tls = *fault == Fault::Plaintext;
                let fault = as_proxied(*fault, &self.authority).map_err(RigError::Proxy)?;
                self.proxy.set(fault).await.map_err(RigError::Proxy)?;
            }
            Step::Cut => self.proxy.cut(),
            Step::Mark => self.proxy.mark(),
            Step::Ask(request, times) => {
                let actor = self.sound_or_own();
                let asked = (0..*times).map(|_| told(&actor.prober, request));
                seen.answers = join_all(asked).await;
            }
            Step::Begin(request, times) => {
                let actor = self.sound_or_own();
                for _ in 0..*times {
                    let (prober, request) = (Arc::clone(&actor.prober), request.clone());
                    play.begun.push(tokio::spawn(async move { told(&prober, &request).await }));
                }
            }
            Step::Gather => {
                for task in play.begun.drain(..) {
                    seen.answers.extend(task.await.ok());
                }
            }
            Step::Hold(text) => {
                let actor = self.sound_or_own();
                match actor.prober.hold(text).await {
                    Ok(held) => play.held.push((play.index, held)),
                    Err(why) => seen.answers.push(TimedReply { after_ms: 0, answer: Err(why) }),
                }
            }
            Step::Reach(address) => seen.answers.push(self.reach(address).await?),
            Step::Pause(ms) => sleep(Duration::from_millis(*ms)).await,
            Step::Signal(signal) => {
                let actor = self.sound_or_own();
                actor.changed = true;
                play.signalled = Some(Instant::now());
                actor.candidate.signal(match signal {
                    Signal::Terminate => rustix::process::Signal::TERM,
                    Signal::Interrupt => rustix::process::Signal::INT,
                });
            }
            Step::Recover(ms) => {
                self.proxy.set(proxy::Fault::None).await.map_err(RigError::Proxy)?;
                let health = self.rig.profile.health.path.as_str().to_owned();
                let actor = self.sound_or_own();
                seen.answers.push(recovered(actor, &health, Duration::from_millis(*ms)).await);
            }
            Step::End(ms) => {
                let since = play.signalled.unwrap_or(begun);
                let actor = self.sound_or_own();
                let status = actor.candidate.ended(Duration::from_millis(*ms)).await;
                seen.ended =
                    status.map(|status| Ended { code: status.code(), after_ms: millis(since.elapsed()) });
            }
        }
        play.index += 1;
        seen.took_ms = millis(begun.elapsed());
        seen.counts = self.counts();
        self.hide(&mut seen).await;
        Ok(seen)
    }

    /// Another candidate in the place of the one before; how it ended, if it did.
    async fn start(&mut self, change: &Change) -> Result<Option<Ended>, RigError> {
        self.dismiss().await;
        let mut actor = self.launch(change)?;
        let begun = Instant::now();
        let within = match change {
            Change::Nothing | Change::VerifiedDatabase => self.rig.profile.launch.ready.get(),
            Change::Without(_) | Change::Empty(_) | Change::Placeholder(_) => REFUSAL,
        };
        let health = self.rig.profile.health.path.as_str();
        // One that must refuse has its whole time; another goes on with its first answer.
        let refusal = within == REFUSAL && *change != Change::Nothing;
        let any = |_: &Response| if refusal { Err("it must not serve".to_owned()) } else { Ok(()) };
        let ended = tokio::select! {
            status = actor.candidate.ended(within) => status,
            _ = actor.prober.wait(health, within, any) => None,
        };
        actor.changed = *change != Change::Nothing;
        self.actor = Some(actor);
        Ok(ended.map(|status| Ended { code: status.code(), after_ms: millis(begun.elapsed()) }))
    }

    /// The running candidate, or another one when it has ended or was changed.
    async fn sound_actor(&mut self) -> Result<Option<&mut Actor>, RigError> {
        let usable = self.actor.as_mut().is_some_and(|actor| !actor.changed && !actor.candidate.has_ended());
        if !usable && self.hopeless.is_none() {
            self.dismiss().await;
            let mut actor = self.launch(&Change::Nothing)?;
            let within = self.rig.profile.launch.ready.get();
            let health = self.rig.profile.health.path.as_str();
            // One that never was healthy will not be so for the next drill.
            let well = actor.well(health, within).await;
            self.hopeless = well.err().map(|why| format!("{why}, within {within:?} of its start"));
            self.actor = Some(actor);
        }
        Ok(self.actor.as_mut())
    }

    /// The candidate that the drill started, or the shared one.
    fn sound_or_own(&mut self) -> &mut Actor {
        self.actor.as_mut().expect("a drill starts its candidate, or finds a sound one: see `drill`")
    }

    fn launch(&self, change: &Change) -> Result<Actor, RigError> {
        let variable = self.rig.profile.database.url_variable.as_str();
        let mut environment = self.rig.environment.clone();
        let trusted = self.authority_file.path().display().to_string();
        let (host, parameters): (_, &[(&str, &str)]) = match change {
            // A name, because certificates are for names.
            Change::VerifiedDatabase => {
                environment.push(("PGSSLROOTCERT".to_owned(), trusted.clone()));
                ("localhost", &[("sslmode", "verify-full"), ("sslrootcert", &trusted)])
            }
            _ => ("127.0.0.1", &[]),
        };
        let url = self.rig.database.through(host, self.proxy.port(), parameters);
        environment.push((variable.to_owned(), url));
        let set = |environment: &mut Vec<(String, String)>, name: &str, value: Option<&str>| {
            environment.retain(|(known, _)| known != name);
            environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        match change {
            Change::Nothing | Change::VerifiedDatabase => {}
            Change::Without(name) => set(&mut environment, name, None),
            Change::Empty(name) => set(&mut environment, name, Some("")),
            Change::Placeholder(name) => set(&mut environment, name, Some(PLACEHOLDER)),
        }
        let setting = LaunchContext { folder: self.rig.folder.clone(), environment };
        let candidate = Candidate::start(self.rig.profile, &setting)?;
        let target = format!("http://127.0.0.1:{}", candidate.port()).parse();
        let target = target.expect("a loopback address with a port is an origin");
        let access = ProbeOptions { timeout: Some(self.patience()), ..ProbeOptions::default() };
        let prober = Prober::new(self.rig.profile, &target, &access)?;
        Ok(Actor { candidate, prober: Arc::new(prober), read: 0, changed: false })
    }

    /// The longest that any answer is waited for.
    fn patience(&self) -> Duration {
        self.rig.profile.server.request_timeout.get().max(self.rig.profile.verify.timeout.get()) + PATIENCE
    }

    async fn steady(&mut self) -> Steady {
        let within = self.rig.profile.drill.recovery.get();
        let health = self.rig.profile.health.path.as_str();
        let Some(actor) = &mut self.actor else { return Steady::Unasked };
        let begun = Instant::now();
        match actor.well(health, within).await {
            Ok(()) => Steady::Healthy(millis(begun.elapsed())),
            Err(why) => Steady::Not(format!("{why}; it was given {within:?}")),
        }
    }

    /// The candidate's port at another of this machine's addresses.
    async fn reach(&mut self, address: &str) -> Result<TimedReply, RigError> {
        let request = Request::new("GET", Subject::unknown_path());
        let port = self.sound_or_own().candidate.port();
        let target = format!("http://{address}:{port}").parse().expect("drills name addresses");
        let access = ProbeOptions { timeout: Some(self.patience()), ..ProbeOptions::default() };
        let prober = Prober::new(self.rig.profile, &target, &access)?;
        Ok(told(&prober, &request).await)
    }

    fn counts(&self) -> Counts {
        let counted = self.proxy.counts();
        let without = if self.without_tls { counted.plain_startups } else { 0 };
        Counts {
            open: counted.sessions.open,
            most_open: counted.sessions.most_open,
            queries: counted.queries,
            named_statements: counted.named_statements,
            trusting: counted.trusting_startups + without,
        }
    }

    async fn dismiss(&mut self) {
        if let Some(actor) = self.actor.take() {
            actor.candidate.stop().await;
        }
    }

    /// Reads what was written meanwhile, finds secrets in it and in the answers, and hides them.
    async fn hide(&mut self, seen: &mut StepResult) {
        if let Some(actor) = &mut self.actor {
            if seen.ended.is_some() {
                // The last lines may still be in the pipe.
                sleep(Duration::from_millis(50)).await;
            }
            seen.log = actor.candidate.written(actor.read);
            actor.read += seen.log.len();
        }
        let values: Vec<String> = self.rig.secrets.iter().map(|(_, value)| value.clone()).collect();
        for (name, value) in &self.rig.secrets {
            if seen.log.iter().any(|line| line.contains(value.as_str())) {
                seen.leaks.push((name.clone(), "what the candidate wrote".to_owned()));
            }
            let told = |told: &&TimedReply| told.answer.as_ref().is_ok_and(|response| holds(response, value));
            if seen.answers.iter().any(|answer| told(&answer)) {
                seen.leaks.push((name.clone(), "an answer".to_owned()));
            }
        }
        for line in &mut seen.log {
            *line = redact::shown(&redact::without(line, &values));
        }
        for told in &mut seen.answers {
            if let Ok(response) = &mut told.answer {
                self.silence(response);
            }
        }
    }

    /// Takes the values of secrets out of an answer.
    fn silence(&self, response: &mut Response) {
        let values: Vec<String> = self.rig.secrets.iter().map(|(_, value)| value.clone()).collect();
        response.body = redact::without(&response.body, &values);
        for (_, value) in &mut response.headers {
            *value = redact::without(value, &values);
        }
    }
}

impl Actor {
    /// Waits until it is healthy, or says why it is not. One that has ended is not waited for.
    async fn well(&mut self, health: &str, within: Duration) -> Result<(), String> {
        tokio::select! {
            Some(status) = self.candidate.ended(within) => Err(format!("the candidate ended: {status}")),
            well = self.prober.wait(health, within, is_healthy) => well,
        }
    }
}

/// What goes on while steps follow each other.
#[derive(Default)]
struct Play {
    index: usize,
    begun: Vec<JoinHandle<TimedReply>>,
    /// Held connections, each with the step that opened it.
    held: Vec<(usize, HeldConnection)>,
    signalled: Option<Instant>,
}

fn is_healthy(response: &Response) -> Result<(), String> {
    if response.status == 200 {
        Ok(())
    } else {
        Err(format!("the health check answered {}", response.status))
    }
}

async fn told(prober: &Prober, request: &Request) -> TimedReply {
    let (answer, after_ms) = prober.ask(request).await;
    TimedReply { after_ms, answer: answer.response().cloned().map_err(str::to_owned) }
}

/// The first healthy answer, or the last of the others, with the time that it took.
async fn recovered(actor: &mut Actor, health: &str, within: Duration) -> TimedReply {
    let begun = Instant::now();
    let outcome = actor.well(health, within).await;
    let mut told = told(&actor.prober, &Request::new("GET", health)).await;
    told.after_ms = millis(begun.elapsed());
    if let Err(why) = outcome {
        told.answer = Err(format!("{why}; it was given {within:?}"));
    }
    told
}

fn holds(response: &Response, value: &str) -> bool {
    response.body.contains(value) || response.headers.iter().any(|(_, header)| header.contains(value))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn as_proxied(fault: Fault, authority: &Authority) -> std::io::Result<proxy::Fault> {
    Ok(match fault {
        Fault::Refuse => proxy::Fault::Refuse,
        Fault::BlackHole => proxy::Fault::BlackHole,
        // Half of it each way.
        Fault::Latency(ms) => proxy::Fault::Latency(Duration::from_millis(ms / 2)),
        // Done once, to what is there.
        Fault::Reset => proxy::Fault::None,
        Fault::Freeze => proxy::Fault::Freeze,
        Fault::HalfClose => proxy::Fault::HalfClose,
        Fault::AuthError => proxy::Fault::AuthError,
        Fault::QueryError => proxy::Fault::QueryError,
        Fault::SelfSigned => proxy::Fault::Tls(Certificate::self_signed()?),
        Fault::WrongHost => proxy::Fault::Tls(Certificate::wrong_host(authority)?),
        Fault::Plaintext => proxy::Fault::Plain,
    })
}

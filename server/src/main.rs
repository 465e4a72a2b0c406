//! The service as a process: arguments in, signals in between, an exit code out.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use profiles::LoadError;
use server::boot::arguments::{Arguments, HELP, Invocation};
use server::boot::embedded::{Embedded, Serving};
use server::boot::{self, DeclarationError, Environment, Settings};
use server::{ROUTES, Running, Signals, StartError, listener, log};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let done = match Arguments::parse(std::env::args_os()) {
        Ok(Invocation::Serve(arguments)) => run(&arguments, &Environment::of_process()),
        Ok(Invocation::Print(text)) => print(text),
        Err(error) => Err(Failure::refused(format!("{error}\n\n{HELP}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// How long the exit waits for blocking threads, which cannot be cancelled.
const LAST_TASKS: Duration = Duration::from_millis(500);

enum Failure {
    /// A profile with mistakes; its `Display` lists them all.
    Profile(profiles::Refused),
    /// A mistake in the usage, the profile or the environment: nothing was served.
    Refused(Box<dyn Error>),
    /// The service failed while it ran.
    Broken(Box<dyn Error>),
}

fn run(arguments: &Arguments, environment: &Environment) -> Result<(), Failure> {
    let declaration = boot::declaration(arguments, environment).map_err(|error| match error {
        DeclarationError::Load(LoadError::Refused(refused)) => Failure::Profile(refused),
        error => Failure::refused(error),
    })?;
    let embedded = Embedded::reserve(&declaration, environment).map_err(Failure::broken)?;
    let environment = embedded.as_ref().map_or(environment, Embedded::environment);
    let (settings, address) =
        Settings::gather_with_address(&declaration, environment).map_err(Failure::refused)?;
    if arguments.check {
        let sound = format!("the profile `{}` and its environment are sound\n", declaration.name);
        return print(&(declaration.render_warnings() + &sound));
    }
    // The last to go: what ends, and how, is in it.
    let _log = log::install(declaration.profile.environment, environment.log_directives())
        .map_err(|error| Failure::broken(format!("could not start the log: {error}")))?;
    for warning in &declaration.warnings {
        tracing::warn!(profile = declaration.name, "{}", warning.message);
    }
    // One thread: at a thousand connections its slowest answers are sixteen times quicker than those of the
    // work-stealing runtime, for the same processor time.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::broken)?;
    let Some((signals, _database)) = runtime.block_on(prepare(embedded))? else {
        return Ok(());
    };
    let served = runtime.block_on(serve(signals, settings, address, &declaration.name));
    // Closes the last connections to the embedded database, which ends only after them. A pending look-up of a host
    // name must not delay the exit.
    runtime.shutdown_timeout(LAST_TASKS);
    served
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader such as `head` that has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::broken),
    }
}

/// Installs the signal handlers before anything slow. `None` when a signal arrives before the service starts.
async fn prepare(embedded: Option<Embedded>) -> Result<Option<(Signals, Option<Serving>)>, Failure> {
    let mut signals = Signals::install().map_err(Failure::broken)?;
    let Some(embedded) = embedded else {
        return Ok(Some((signals, None)));
    };
    tokio::select! {
        started = embedded.start() => Ok(Some((signals, Some(started.map_err(Failure::broken)?)))),
        _ = signals.next() => Ok(None),
    }
}

async fn serve(
    mut signals: Signals,
    settings: Settings,
    address: SocketAddr,
    profile: &str,
) -> Result<(), Failure> {
    let listener = listener::bind(address)
        .map_err(|error| Failure::broken(format!("could not listen on {address}: {error}")))?;
    let running = Running::start(settings, ROUTES, listener).map_err(|error| match error {
        StartError::Conflict(_) => Failure::refused(error),
        StartError::Listener(_) | StartError::Metrics { .. } => Failure::broken(error),
    })?;
    tracing::info!(address = %running.local_addr(), profile, "listening");
    let signal = signals.next().await;
    tracing::info!(signal, "ending");
    tokio::select! {
        _ = running.stop() => {}
        signal = signals.next() => return Err(Failure::broken(format!("cut off by a second signal, {signal}"))),
    }
    tracing::info!("ended");
    Ok(())
}

impl Failure {
    fn refused(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Refused(error.into())
    }

    fn broken(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Broken(error.into())
    }

    fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Profile(refused) => (refused.to_string(), 2),
            Self::Refused(error) => (format!("error: {error}"), 2),
            Self::Broken(error) => (format!("error: {error}"), 1),
        };
        // Standard error may be closed or full; the code says it all the same.
        let _ = writeln!(io::stderr(), "{}", text.trim_end());
        ExitCode::from(code)
    }
}

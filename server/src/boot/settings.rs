//! The settings: profile, environment and secrets, read before the first request.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use http::HeaderValue;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use profiles::{Declaration, LoadError, Profile};

use crate::boot::arguments::Arguments;
use crate::boot::secret::{Secret, SecretError, is_placeholder};
use crate::database::Database;
use crate::database::access::DatabaseAccess;
use crate::database::tls::AuthorityError;
use crate::database::url::{Address, UrlError};
use crate::routes::ROUTES;
use crate::routes::router::{Conflict, Router};

/// The environment variables, as a value that tests can build.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Secret>);

/// A valid profile with the environment that it needs.
#[derive(Clone)]
pub struct Settings {
    pub(crate) profile: Profile,
    access: DatabaseAccess,
    pub(crate) release: Option<HeaderValue>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    #[error(
        "this is Railway's environment (`{RAILWAY}` is set), and no profile is named; \
         start with `--profile production`, as the Procfile does"
    )]
    OnRailway,
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Every reason why this environment cannot serve the profile.
#[derive(Debug)]
pub struct Refused {
    profile: String,
    mistakes: Vec<Mistake>,
}

/// Its messages name variables and never show values.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    #[error("`{0}` is not set; set it in the service's environment")]
    Missing(String),
    #[error("`{0}` is empty; set it in the service's environment")]
    Empty(String),
    #[error("`{0}` holds a placeholder; set it to the real value")]
    Placeholder(String),
    #[error("`{0}` is not set; {NO_DATABASE}")]
    NoDatabase(String),
    #[error("`{variable}` {error}")]
    Url { variable: String, error: UrlError },
    #[error("`{0}` has a placeholder for its password; copy the real URL from the database's console")]
    PlaceholderPassword(String),
    #[error("`{variable}` {error}")]
    Authority { variable: String, error: AuthorityError },
    #[error(
        "`PORT` is not set, and in production the platform chooses the port; set it, such as `PORT=8080`"
    )]
    NoPort,
    #[error(
        "the profile's `server.max_connections = {connections}` and what the service needs beside them are {needed} \
         open files, but this process may open {allowed} (`ulimit -Hn`); lower the one or raise the other"
    )]
    Files { connections: u32, needed: u64, allowed: u64 },
    #[error("in the profile, {0}")]
    Conflict(#[from] Conflict),
    #[error(
        "`PORT` is not a number from 1 to 65535 in plain digits; set it to the port to listen on, such as `PORT=8080`"
    )]
    Port,
}

/// Railway sets it in every service (its variables reference).
const RAILWAY: &str = "RAILWAY_ENVIRONMENT_NAME";
/// Railway sets it for deployments from GitHub only.
const COMMIT: &str = "RAILWAY_GIT_COMMIT_SHA";

#[cfg(feature = "embedded-postgres")]
const NO_DATABASE: &str = "set it to `postgresql://USER:PASSWORD@HOST/DATABASE`";
#[cfg(not(feature = "embedded-postgres"))]
const NO_DATABASE: &str = "set it to `postgresql://USER:PASSWORD@HOST/DATABASE`, \
                           or start with `cargo dev`, which brings a PostgreSQL of its own";

/// Loads the profile that the arguments name.
pub fn declaration(
    arguments: &Arguments,
    environment: &Environment,
) -> Result<Declaration, DeclarationError> {
    let name = match &arguments.profile {
        Some(name) => name,
        None if environment.get(RAILWAY).is_some() => return Err(DeclarationError::OnRailway),
        None => "development",
    };
    let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC).date();
    Ok(Declaration::load(name, today)?)
}

impl Environment {
    /// The process's own variables: the only place that reads them.
    #[expect(clippy::disallowed_methods, reason = "boot is where the environment is read")]
    pub fn of_process() -> Self {
        // Variables that are not UTF-8 are skipped; a required one is then reported as missing.
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::new(texts)
    }

    pub fn new<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), Secret::new(value))).collect())
    }

    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), Secret::new(value));
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// `RUST_LOG`: the log filter, such as `server=debug`.
    pub fn log_directives(&self) -> Option<&str> {
        self.get("RUST_LOG").map(Secret::expose)
    }

    fn sound(&self, variable: &str) -> Result<&Secret, Mistake> {
        let secret = self.get(variable).ok_or_else(|| Mistake::Missing(variable.to_owned()))?;
        match secret.error() {
            None => Ok(secret),
            Some(SecretError::Empty) => Err(Mistake::Empty(variable.to_owned())),
            Some(SecretError::Placeholder) => Err(Mistake::Placeholder(variable.to_owned())),
        }
    }
}

impl Settings {
    /// Settings without an address, for a caller that has its own listener.
    pub fn gather(declaration: &Declaration, environment: &Environment) -> Result<Self, Refused> {
        let mut mistakes = Vec::new();
        let settings = Self::collect(declaration, environment, &mut mistakes);
        match settings {
            Some(settings) if mistakes.is_empty() => Ok(settings),
            _ => Err(Refused { profile: declaration.name.clone(), mistakes }),
        }
    }

    /// Settings with the address to listen on.
    pub fn gather_with_address(
        declaration: &Declaration,
        environment: &Environment,
    ) -> Result<(Self, SocketAddr), Refused> {
        let mut mistakes = Vec::new();
        let settings = Self::collect(declaration, environment, &mut mistakes);
        mistakes.extend(files(&declaration.profile).err());
        let port = port(declaration, environment).map_err(|mistake| mistakes.push(mistake)).ok();
        match (settings, port) {
            (Some(settings), Some(port)) if mistakes.is_empty() => {
                let address = SocketAddr::new(settings.profile.server.address, port);
                Ok((settings, address))
            }
            _ => Err(Refused { profile: declaration.name.clone(), mistakes }),
        }
    }

    /// The database of these settings, not yet connected.
    pub fn database(&self) -> Database {
        Database::new(&self.profile, &self.access)
    }

    fn collect(
        declaration: &Declaration,
        environment: &Environment,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let profile = &declaration.profile;
        mistakes.extend(Router::new(ROUTES, profile).err().map(Mistake::from));
        let url_variable = profile.database.url_variable.as_str();
        for variable in profile.secrets.required.iter().filter(|variable| variable.as_str() != url_variable) {
            mistakes.extend(environment.sound(variable.as_str()).err());
        }
        let access = database(profile, environment).map_err(|mistake| mistakes.push(mistake)).ok()?;
        let release = environment.get(COMMIT).and_then(|sha| HeaderValue::from_str(sha.expose()).ok());
        Some(Self { profile: profile.clone(), access, release })
    }
}

fn database(profile: &Profile, environment: &Environment) -> Result<DatabaseAccess, Mistake> {
    let variable = profile.database.url_variable.as_str();
    let url = environment.sound(variable).map_err(|mistake| match mistake {
        Mistake::Missing(variable) if profile.environment == profiles::Environment::Development => {
            Mistake::NoDatabase(variable)
        }
        mistake => mistake,
    })?;
    let address = Address::parse(url.expose(), &profile.database)
        .map_err(|error| Mistake::Url { variable: variable.to_owned(), error })?;
    // On a developer's machine `postgres:password` is a legitimate password.
    if address.remote_password().is_some_and(|password| is_placeholder(&password)) {
        return Err(Mistake::PlaceholderPassword(variable.to_owned()));
    }
    DatabaseAccess::to(address).map_err(|error| Mistake::Authority { variable: variable.to_owned(), error })
}

/// Connections beyond `server.max_connections`, each for one request: a health check is always answered, any other
/// request only if a place has become free by then.
pub(crate) const RESERVE: u32 = 256;

/// Open files besides client and database connections: standard streams, listeners, the runtime's own, and connections
/// accepted only to be closed.
const OTHER_FILES: u64 = 64;

/// Raises the process's soft limit of open files as far as needed. Debian starts services with 1024; the hard limit is
/// usually much higher.
fn files(profile: &Profile) -> Result<(), Mistake> {
    let connections = profile.server.max_connections;
    let needed = u64::from(connections) + u64::from(RESERVE) + u64::from(profile.pool.seen()) + OTHER_FILES;
    // A system without this resource has no limit.
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if allowed < needed {
        return Err(Mistake::Files { connections, needed, allowed });
    }
    Ok(())
}

/// `PORT` overrides the profile; in production only the platform knows the port.
fn port(declaration: &Declaration, environment: &Environment) -> Result<u16, Mistake> {
    match environment.get("PORT") {
        Some(port) => digits(port.expose()).filter(|port| *port != 0).ok_or(Mistake::Port),
        None if declaration.profile.environment == profiles::Environment::Production => Err(Mistake::NoPort),
        None => Ok(declaration.profile.server.port),
    }
}

/// Digits only: Rust's `parse` also accepts a sign.
fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the profile `{}` cannot be served here:", self.profile)?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgresql://app:n7Jq0Zt5@db.example.net/app");

    fn refusal(profile: &str, variables: &[(&str, &str)]) -> Option<String> {
        let declaration = Declaration::load(profile, jiff::civil::date(2026, 1, 1)).unwrap();
        let environment = Environment::new(variables.iter().copied());
        Settings::gather_with_address(&declaration, &environment).err().map(|refused| refused.to_string())
    }

    #[test]
    fn a_sound_environment_is_accepted() {
        assert_eq!(refusal("production", &[URL, ("PORT", "8080")]), None);
        assert_eq!(refusal("development", &[URL]), None);
    }

    #[test]
    fn a_remote_password_is_no_placeholder() {
        let refusal = |url| refusal("production", &[("DATABASE_URL", url), ("PORT", "8080")]);
        let remote = refusal("postgresql://app:password@db.example.net/app").unwrap();
        assert!(remote.contains("`DATABASE_URL` has a placeholder for its password"), "{remote}");
        assert_eq!(refusal("postgresql://postgres:password@localhost/app"), None);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let refusal = refusal("production", &[("DATABASE_URL", "changeme")]).unwrap();
        assert!(refusal.contains("`DATABASE_URL` holds a placeholder"), "{refusal}");
        assert!(refusal.contains("`PORT` is not set"), "{refusal}");
    }

    #[test]
    fn a_health_check_cannot_take_another_routes_path() {
        let declaration = variants::production().with("health.path", "/livez").declaration();
        let refused = Settings::gather(&declaration, &Environment::new([URL])).err().unwrap().to_string();
        assert!(refused.contains("two routes have the path `/livez`"), "{refused}");
    }

    #[test]
    fn a_port_is_a_number_from_1_to_65535() {
        for port in
            ["", "0", "http", "65536", "-1", "80 ", "+80", " 8080", "80\n", "0x50", "8_080", "８０", "80.0"]
        {
            let refusal = refusal("production", &[URL, ("PORT", port)]).expect(port);
            assert!(refusal.contains("`PORT` is not a number") && refusal.contains("`PORT=8080`"), "{port}");
        }
    }

    #[test]
    fn the_platforms_port_wins_over_the_profiles() {
        let declaration = Declaration::load("development", jiff::civil::date(2026, 1, 1)).unwrap();
        for (variables, port) in [(vec![URL, ("PORT", "9999")], 9999), (vec![URL], 8000)] {
            let environment = Environment::new(variables);
            let (_, address) = Settings::gather_with_address(&declaration, &environment).unwrap();
            assert_eq!(address.port(), port);
        }
    }

    #[test]
    fn a_missing_database_names_its_remedies() {
        let refusal = refusal("development", &[]).unwrap();
        assert!(refusal.contains("`DATABASE_URL` is not set"), "{refusal}");
        assert!(refusal.contains("postgresql://USER:PASSWORD@HOST/DATABASE"), "{refusal}");
        assert_eq!(refusal.contains("cargo dev"), !cfg!(feature = "embedded-postgres"), "{refusal}");
    }

    #[test]
    fn on_railway_the_profile_must_be_named() {
        let unnamed = Arguments { profile: None, check: false };
        let railway = Environment::new([(RAILWAY, "production")]);
        assert!(matches!(declaration(&unnamed, &railway), Err(DeclarationError::OnRailway)));
        let named = Arguments { profile: Some("production".to_owned()), check: false };
        assert_eq!(declaration(&named, &railway).unwrap().name, "production");
        assert_eq!(declaration(&unnamed, &Environment::default()).unwrap().name, "development");
    }
}

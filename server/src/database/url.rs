//! Parses a connection URL in any framework's spelling, before the driver sees it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use profiles::{Database as Policy, PoolMode, TlsPolicy};
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, SslNegotiation};

/// The address of PostgreSQL, and whether TLS is used: always or never, not "if the server offers it".
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) config: Config,
    /// The file of a private authority, which is then the only trusted one.
    pub(super) authority: Option<PathBuf>,
}

/// A part of the URL that cannot be honoured, with its remedy. Messages name settings, never values that may be secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("does not start with `postgresql://`; write it as `postgresql://USER:PASSWORD@HOST/DATABASE`")]
    Scheme,
    #[error("is not a PostgreSQL URL: {0}; write it as `postgresql://USER:PASSWORD@HOST/DATABASE`")]
    Form(String),
    #[error("names no {0}; write it as `postgresql://USER:PASSWORD@HOST/DATABASE`")]
    Missing(&'static str),
    #[error(
        "asks for no TLS, and the profile's `database.tls` requires it here; write `sslmode=verify-full`"
    )]
    NoTls,
    #[error("names a Unix socket, which cannot carry TLS, and the profile's `database.tls` is `always`")]
    SocketWithTls,
    #[error(
        "names a certificate file and asks for no TLS; write `sslmode=verify-full`, or drop `sslrootcert`"
    )]
    AuthorityWithoutTls,
    #[error("says twice, and differently, whether TLS is used; write `sslmode=verify-full` alone")]
    TwoWishes,
    #[error("has an address but no host name, and TLS needs the name to verify; add `host=…`")]
    NoName,
    #[error(
        "has a host with a character that no host name has; percent-encode the password, and write a name as in DNS"
    )]
    Host,
    #[error(
        "asks for `sslnegotiation=direct`, which is TLS from the start; write `sslmode=verify-full` or drop it"
    )]
    DirectWithoutTls,
    #[error("names a different number of hosts, addresses or ports; write one of each for every server")]
    Counts,
    #[error("asks for `channel_binding=require`, which needs TLS; write `sslmode=verify-full` or drop it")]
    BindingWithoutTls,
    #[error("has a value for `{name}` that means nothing here; {remedy}")]
    Value { name: &'static str, remedy: &'static str },
    #[error("has the option `{name}`, which cannot be honoured: {why}")]
    Option { name: String, why: &'static str },
}

/// The TLS setting of the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Unsaid,
    Off,
    On,
}

/// A parsed option.
enum Meaning {
    /// The driver knows it under this name.
    Keep,
    /// The service already behaves as the option asks.
    Holds,
    Tls(Wish),
    Authority(PathBuf),
    UserTimeout(Duration),
}

impl Address {
    pub(crate) fn parse(url: &str, policy: &Policy) -> Result<Self, UrlError> {
        let rest = after_scheme(url.trim()).ok_or(UrlError::Scheme)?;
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        // Parts of an unescaped password must not become a host or an option, which errors and logs repeat.
        if place.matches('@').count() > 1
            || options.contains('@')
            || !place.contains('@') && options.contains(':')
        {
            return Err(UrlError::Form(
                "a `?` in the password must be written `%3F`, and an `@` `%40`".to_owned(),
            ));
        }
        let mut kept = String::new();
        let mut wish = Wish::Unsaid;
        let mut authority = None;
        let mut user_timeout = None;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            match meaning(&name, &value, policy.pool_mode)? {
                Meaning::Keep => {
                    kept.push(if kept.is_empty() { '?' } else { '&' });
                    kept.extend(utf8_percent_encode(&name, OPTION));
                    kept.push('=');
                    kept.extend(utf8_percent_encode(&value, OPTION));
                }
                Meaning::Holds => {}
                Meaning::Tls(said) if ![Wish::Unsaid, said].contains(&wish) => {
                    return Err(UrlError::TwoWishes);
                }
                Meaning::Tls(said) => wish = said,
                Meaning::Authority(file) => authority = Some(file),
                Meaning::UserTimeout(timeout) => user_timeout = Some(timeout),
            }
        }
        let mut config = Config::from_str(&format!("postgresql://{place}{kept}"))
            .map_err(|error| UrlError::Form(reason(&error)))?;
        if let Some(timeout) = user_timeout {
            config.tcp_user_timeout(timeout);
        }
        if authority.is_some() {
            // A URL that names an authority requires TLS.
            wish = if wish == Wish::Off { return Err(UrlError::AuthorityWithoutTls) } else { Wish::On };
        }
        config.ssl_mode(ssl_mode(&config, wish, policy.tls)?);
        check(&config)?;
        Ok(Self { config, authority })
    }

    /// The password, unless all servers are on this machine.
    pub(crate) fn remote_password(&self) -> Option<Cow<'_, str>> {
        self.config.get_password().filter(|_| !is_loopback(&self.config)).map(String::from_utf8_lossy)
    }
}

/// SQLAlchemy and others name their driver in the scheme: `postgresql+asyncpg://`.
fn after_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let (base, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let known = ["postgresql", "postgres"].contains(&base.to_ascii_lowercase().as_str());
    (known && driver.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(rest)
}

fn meaning(name: &str, value: &str, pool_mode: PoolMode) -> Result<Meaning, UrlError> {
    // A name with other characters may be a piece of the password.
    let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let refuse =
        |why| Err(UrlError::Option { name: if word { name.to_owned() } else { "…".to_owned() }, why });
    Ok(match name {
        "user"
        | "password"
        | "dbname"
        | "host"
        | "hostaddr"
        | "port"
        | "application_name"
        | "connect_timeout"
        | "keepalives"
        | "keepalives_idle"
        | "keepalives_interval"
        | "keepalives_retries"
        | "target_session_attrs"
        | "load_balance_hosts"
        | "sslnegotiation"
        | "channel_binding" => Meaning::Keep,
        "sslmode" => Meaning::Tls(match value {
            "disable" => Wish::Off,
            // Falling back to plain text when a server denies TLS would be insecure, so it counts as unset.
            "allow" | "prefer" => Wish::Unsaid,
            // Chain and host name are always verified, so these are equivalent.
            "require" | "verify-ca" | "verify-full" => Wish::On,
            _ => return unknown("sslmode", "write `sslmode=verify-full`"),
        }),
        // asyncpg's and pg8000's spelling.
        "ssl" => Meaning::Tls(match value {
            "false" | "0" | "disable" => Wish::Off,
            "allow" | "prefer" => Wish::Unsaid,
            "" | "true" | "1" | "require" | "verify-ca" | "verify-full" => Wish::On,
            _ => return unknown("ssl", "write `sslmode=verify-full`"),
        }),
        "sslrootcert" if value == "system" => Meaning::Holds,
        "sslrootcert" if !value.is_empty() => Meaning::Authority(PathBuf::from(value)),
        "sslrootcert" => {
            return unknown("sslrootcert", "write the path of the authority's certificate in PEM form");
        }
        "sslcert" | "sslkey" | "sslpassword" | "sslcrl" | "sslcrldir" => {
            return refuse("client certificates and revocation lists are not supported; remove it");
        }
        // The host's name is always sent, and nothing is compressed.
        "sslsni" if value == "1" => Meaning::Holds,
        "sslsni" => {
            return refuse("the host's name is always sent, and Neon finds the database by it; remove it");
        }
        "sslcompression" if value == "0" => Meaning::Holds,
        "ssl_min_protocol_version" if ["TLSv1", "TLSv1.1", "TLSv1.2"].contains(&value) => Meaning::Holds,
        "ssl_min_protocol_version" | "ssl_max_protocol_version" => {
            return refuse("TLS 1.2 and 1.3 are spoken, whichever is the server's best; remove it");
        }
        // No statement is named, so any transaction pooler may be in between.
        "pgbouncer" | "prepared_statements" | "statement_cache_size" | "prepared_statement_cache_size" => {
            Meaning::Holds
        }
        "gssencmode" if value != "require" => Meaning::Holds,
        "client_encoding" if ["utf8", "utf-8"].contains(&value.to_ascii_lowercase().as_str()) => {
            Meaning::Holds
        }
        // Milliseconds in libpq; the driver's parser would read seconds.
        "tcp_user_timeout" => match value.parse() {
            Ok(millis) => Meaning::UserTimeout(Duration::from_millis(millis)),
            Err(_) => return unknown("tcp_user_timeout", "write a number of milliseconds"),
        },
        // Neon's proxy reads its endpoint here and does not forward it.
        "options" if is_endpoint(value) => Meaning::Keep,
        "options" if pool_mode != PoolMode::Transaction => Meaning::Keep,
        "options" => {
            return refuse(
                "a transaction pooler refuses start-up options; write `ALTER ROLE … SET …` once instead",
            );
        }
        "statement_timeout" | "lock_timeout" | "schema" | "search_path" | "currentSchema" => {
            return refuse(
                "session settings do not survive a transaction pooler; write `ALTER ROLE … SET …` once instead",
            );
        }
        "connection_limit" | "pool_size" | "max_overflow" | "pool_timeout" | "pool_recycle"
        | "pool_pre_ping" => {
            return refuse("the profile's `[pool]` says it; remove it from the URL");
        }
        _ => return refuse("it is unknown here; remove it"),
    })
}

fn is_endpoint(options: &str) -> bool {
    let named = options.starts_with("endpoint=") || options.starts_with("project=");
    named && !options.contains(char::is_whitespace)
}

fn unknown<T>(name: &'static str, remedy: &'static str) -> Result<T, UrlError> {
    Err(UrlError::Value { name, remedy })
}

fn ssl_mode(config: &Config, wish: Wish, policy: TlsPolicy) -> Result<SslMode, UrlError> {
    let socket = config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)));
    let required = policy == TlsPolicy::Always || !is_loopback(config);
    match (required, wish) {
        (true, _) if socket => Err(UrlError::SocketWithTls),
        (true, Wish::Off) => Err(UrlError::NoTls),
        (true, Wish::On | Wish::Unsaid) => Ok(SslMode::Require),
        (false, Wish::On) if !socket => Ok(SslMode::Require),
        (false, _) => Ok(SslMode::Disable),
    }
}

/// Whether every address is loopback.
fn is_loopback(config: &Config) -> bool {
    if !config.get_hostaddrs().is_empty() {
        return config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

fn check(config: &Config) -> Result<(), UrlError> {
    let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
    let ports = config.get_ports().len();
    if hosts == 0 && addresses == 0 {
        return Err(UrlError::Missing("host"));
    }
    if hosts != 0 && addresses != 0 && hosts != addresses || ports > 1 && ports != hosts.max(addresses) {
        return Err(UrlError::Counts);
    }
    if hosts == 0 && config.get_ssl_mode() == SslMode::Require {
        return Err(UrlError::NoName);
    }
    let name = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(host) if !host.chars().all(name))) {
        return Err(UrlError::Host);
    }
    if config.get_ssl_negotiation() == SslNegotiation::Direct && config.get_ssl_mode() == SslMode::Disable {
        return Err(UrlError::DirectWithoutTls);
    }
    // The driver would default to the operating system's user and a database of that name.
    if config.get_user().is_none_or(str::is_empty) {
        return Err(UrlError::Missing("user"));
    }
    if config.get_dbname().is_none_or(str::is_empty) {
        return Err(UrlError::Missing("database"));
    }
    if config.get_channel_binding() == ChannelBinding::Require && config.get_ssl_mode() == SslMode::Disable {
        return Err(UrlError::BindingWithoutTls);
    }
    Ok(())
}

const OPTION: &percent_encoding::AsciiSet = NON_ALPHANUMERIC;

fn decode(text: &str) -> Result<String, UrlError> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| UrlError::Form("its options are not UTF-8".to_owned()))?.into_owned())
}

/// The driver's reasons name options and repeat no value.
fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;

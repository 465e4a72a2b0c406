//! Why the database did not answer, as a class and a sentence: the text of a driver's error may hold anything.

use std::error::Error;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use rustls::{CertificateError, OtherError};
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::messages::TooLong;
use super::tls::{Flaw, objection};

/// Each message names the fault and the remedy, and never repeats text from the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    #[error(
        "every connection of the pool stayed in use for `pool.acquire_timeout`; \
         find what holds them, or raise `pool.size`"
    )]
    Exhausted,
    #[error("no answer in time")]
    Timeout,
    #[error("the pool is closed: the service is ending")]
    Closed,

    #[error("the connection was refused; is the database running, and are host and port right?")]
    Refused,
    #[error("the host name could not be resolved; is it spelt as in the database's console?")]
    Unresolved,
    #[error("the connection could not be opened or was lost{}", .0.map(|kind| format!(": {kind}")).unwrap_or_default())]
    Lost(Option<io::ErrorKind>),

    #[error(
        "the server announced a message of more than 16 MiB, or said more than 256 KiB before it was ready; select less at \
         once, or see what it is that answers there"
    )]
    Oversized,
    #[error("the server offers no TLS; switch it on there, or reach it over loopback")]
    TlsNotOffered,
    #[error(
        "the server's certificate comes from an authority that is not trusted; \
         name the authority's file with `sslrootcert`"
    )]
    TlsUntrusted,
    #[error(
        "another key has signed the server's certificate than that of the authority of this name in the file of \
         `sslrootcert`; copy the authority's certificate again"
    )]
    TlsOtherKey,
    #[error(
        "the server's certificate is self-signed; copy it into a file, and name the file with `sslrootcert`"
    )]
    TlsSelfSigned,
    #[error(
        "the server's certificate is for another host; use a host name that the certificate holds, with \
         `hostaddr=…` beside it where that name leads elsewhere"
    )]
    TlsWrongHost,
    #[error(
        "the server's certificate names no host, since its common name is none; \
         issue it with `subjectAltName=DNS:…`, or name the certificate itself with `sslrootcert`"
    )]
    TlsNoHost,
    #[error(
        "the server's certificate has expired or is not valid yet; renew it, or set this machine's clock"
    )]
    TlsExpired,
    #[error("the server's certificate cannot be used: {0}")]
    TlsUnusable(&'static str),
    #[error(
        "the TLS handshake failed; is it PostgreSQL that answers there, and does it speak TLS 1.2 or 1.3?"
    )]
    Tls,
    #[error(
        "`channel_binding=require` cannot be kept: the server's certificate does not allow it, or a pooler ends \
         TLS before PostgreSQL; remove the option, and the certificate is still verified"
    )]
    ChannelBinding,
    #[error("the user or password was not accepted; copy the URL from the database's console again")]
    Authentication,
    #[error("there is no database of that name; is it spelt as in the database's console?")]
    NoDatabase,

    #[error("the database is starting, recovering or shutting down")]
    NotReady,
    #[error(
        "the database takes no writes: it is a standby, or `default_transaction_read_only` is on, as platforms set it \
         when a disk is nearly full; reach the primary, or give the database room"
    )]
    ReadOnly,
    #[error("the database's disk is full; free space on it, or enlarge it")]
    DiskFull,
    #[error("the database ended the connection: it was restarted, suspended, or told to by an administrator")]
    Ended,
    #[error(
        "the database or its pooler accepts no more connections; lower `pool.size`, or raise `max_connections` or \
         the pooler's `max_client_conn`"
    )]
    TooManyConnections,
    #[error(
        "no server connection of the pooler became free in its `query_wait_timeout`; raise its `pool_size`"
    )]
    PoolerBusy,
    #[error("the pooler cannot log in to PostgreSQL; is it running, and are the pooler's credentials right?")]
    PoolerLogin,

    #[error(
        "a pooler has lost a named statement, and only the look-up of a type of your own names one; \
         cast columns of enum, domain and composite types to `text`"
    )]
    NamedStatement,
    #[error("the transaction has failed and is rolled back; the error of its statement says why")]
    TransactionFailed,
    #[error("a parameter does not fit its type, or there are too many or too few")]
    Parameters,
    #[error("PostgreSQL answered with the error {}", .0.code())]
    Statement(SqlState),
}

impl DatabaseError {
    /// One word for the log.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
            Self::Lost(_) => "lost",
            Self::Oversized => "oversized",
            Self::TlsNotOffered => "tls-not-offered",
            Self::TlsUntrusted | Self::TlsOtherKey => "tls-untrusted",
            Self::TlsSelfSigned => "tls-self-signed",
            Self::TlsWrongHost => "tls-wrong-host",
            Self::TlsNoHost => "tls-no-host",
            Self::TlsExpired => "tls-expired",
            Self::TlsUnusable(_) => "tls-unusable",
            Self::Tls => "tls",
            Self::ChannelBinding => "channel-binding",
            Self::Authentication => "authentication",
            Self::NoDatabase => "no-database",
            Self::NotReady => "not-ready",
            Self::ReadOnly => "read-only",
            Self::DiskFull => "disk-full",
            Self::Ended => "ended",
            Self::TooManyConnections => "too-many-connections",
            Self::PoolerBusy => "pooler-busy",
            Self::PoolerLogin => "pooler-login",
            Self::NamedStatement => "named-statement",
            Self::TransactionFailed => "transaction-failed",
            Self::Parameters => "parameters",
            Self::Statement(_) => "statement",
        }
    }

    /// Whether the statement is at fault: the database works, and a retry changes nothing.
    pub fn is_the_statements(&self) -> bool {
        match self {
            Self::NamedStatement | Self::TransactionFailed | Self::Parameters => true,
            Self::Statement(code) => !PASSING.iter().any(|class| code.code().starts_with(class)),
            _ => false,
        }
    }

    /// Whether another attempt to connect may succeed: the database may be waking, restarting or full for a moment.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Refused
                | Self::Unresolved
                | Self::Lost(_)
                | Self::NotReady
                | Self::ReadOnly
                | Self::Ended
                | Self::TooManyConnections
                | Self::PoolerBusy
                | Self::PoolerLogin
        )
    }
}

/// Classes of SQLSTATE in which the same statement may succeed later: connection, rollback for concurrency or deadlock,
/// lack of resources, an unavailable lock, operator's intervention (timeouts included), system.
const PASSING: &[&str] = &["08", "40", "53", "55P03", "57", "58"];

/// Whether the connection is still usable: an error from PostgreSQL that does not end the session is a complete answer,
/// and a statement that the driver refused was never sent. Two errors are faults of the session itself: it has lost a
/// named statement, which its client would use again, or it is read-only, although new sessions may be writable.
pub(super) fn leaves_the_connection(error: &tokio_postgres::Error) -> bool {
    let Some(answer) = error.as_db_error() else {
        return kind(error) == DriverKind::Parameters;
    };
    let is_its_own = matches!(answered(answer), DatabaseError::NamedStatement | DatabaseError::ReadOnly);
    !ends_the_session(answer) && !is_its_own
}

fn ends_the_session(answer: &DbError) -> bool {
    match answer.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        // PgBouncer sends only the field that PostgreSQL may translate.
        None => ["FATAL", "PANIC"].contains(&answer.severity()),
    }
}

impl From<PoolError> for DatabaseError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Exhausted,
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Self::Timeout,
            PoolError::Backend(error) => (&error).into(),
            PoolError::Closed => Self::Closed,
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Self::Lost(None),
        }
    }
}

impl From<&tokio_postgres::Error> for DatabaseError {
    fn from(error: &tokio_postgres::Error) -> Self {
        if let Some(answer) = error.as_db_error() {
            return answered(answer);
        }
        if causes(error).any(<dyn Error>::is::<TooLong>) {
            return Self::Oversized;
        }
        if let Some(error) = causes(error).find_map(<dyn Error>::downcast_ref::<rustls::Error>) {
            return handshake(error);
        }
        match kind(error) {
            DriverKind::Tls if text(error).contains("does not support TLS") => Self::TlsNotOffered,
            // A restarting or waking proxy closed the connection: not a fault of TLS.
            DriverKind::Tls => match broken_off(error) {
                Some(kind) => Self::Lost(Some(kind)),
                None => Self::Tls,
            },
            DriverKind::Authentication if text(error).contains("channel binding") => Self::ChannelBinding,
            DriverKind::Authentication => Self::Authentication,
            DriverKind::Parameters => Self::Parameters,
            DriverKind::Other => match causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()) {
                Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => Self::Refused,
                // Of a URL with `target_session_attrs=read-write`.
                Some(error) if error.to_string() == "database does not allow writes" => Self::ReadOnly,
                // The standard library has no error kind for a failed look-up.
                Some(error) if error.to_string().contains("lookup address") => Self::Unresolved,
                cause => Self::Lost(cause.map(io::Error::kind)),
            },
        }
    }
}

/// PgBouncer gives each of its own refusals the code 08P01; only their texts differ.
fn answered(answer: &DbError) -> DatabaseError {
    let code = answer.code();
    if *code == SqlState::PROTOCOL_VIOLATION {
        let text = answer.message();
        if text.contains("query_wait_timeout") {
            return DatabaseError::PoolerBusy;
        }
        if text.contains("no more connections allowed") {
            return DatabaseError::TooManyConnections;
        }
        if ["server login", "connect failed", "client_login_timeout"].iter().any(|part| text.contains(part)) {
            return DatabaseError::PoolerLogin;
        }
        if text.contains("no such database") {
            return DatabaseError::NoDatabase;
        }
        if text.contains("authentication failed") || text.contains("no such user") {
            return DatabaseError::Authentication;
        }
    }
    match code.code() {
        "53300" => DatabaseError::TooManyConnections,
        "3D000" => DatabaseError::NoDatabase,
        "57P03" => DatabaseError::NotReady,
        "25006" => DatabaseError::ReadOnly,
        "53100" => DatabaseError::DiskFull,
        "26000" | "42P05" => DatabaseError::NamedStatement,
        // Class 28: invalid authorization specification.
        code if code.starts_with("28") => DatabaseError::Authentication,
        _ if ends_the_session(answer) => DatabaseError::Ended,
        _ => DatabaseError::Statement(code.clone()),
    }
}

fn broken_off(error: &tokio_postgres::Error) -> Option<io::ErrorKind> {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut kinds = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.find(|kind| [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(kind))
}

fn handshake(error: &rustls::Error) -> DatabaseError {
    let rustls::Error::InvalidCertificate(fault) = error else {
        return DatabaseError::Tls;
    };
    match fault {
        CertificateError::UnknownIssuer => DatabaseError::TlsUntrusted,
        CertificateError::BadSignature => DatabaseError::TlsOtherKey,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            DatabaseError::TlsWrongHost
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => DatabaseError::TlsExpired,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            DatabaseError::TlsUnusable("it is not for servers; issue it with `extendedKeyUsage=serverAuth`")
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            DatabaseError::TlsUnusable(
                "its algorithm is too weak or unknown; issue it with ECDSA or RSA, and SHA-256",
            )
        }
        CertificateError::Other(OtherError(error)) => match error.downcast_ref() {
            Some(Flaw::SelfSigned) => DatabaseError::TlsSelfSigned,
            Some(Flaw::NoHost) => DatabaseError::TlsNoHost,
            Some(Flaw::Authority) => DatabaseError::TlsUnusable(
                "it says `CA:TRUE` and comes from an intermediate; issue it with `CA:FALSE`, or name the certificate \
                 itself with `sslrootcert`",
            ),
            None if matches!(objection(fault), Some(webpki::Error::UnsupportedCertVersion)) => {
                DatabaseError::TlsUnusable(
                    "it is of X.509 version 1, which names no host; issue it with `subjectAltName=DNS:…`",
                )
            }
            None => DatabaseError::TlsUnusable(UNREADABLE),
        },
        _ => DatabaseError::TlsUnusable(UNREADABLE),
    }
}

const UNREADABLE: &str = "it is not encoded as RFC 5280 asks; issue it anew";

/// The driver's error kinds are private, so only their texts distinguish them.
#[derive(PartialEq, Eq)]
enum DriverKind {
    Tls,
    Authentication,
    Parameters,
    Other,
}

fn kind(error: &tokio_postgres::Error) -> DriverKind {
    let text = error.to_string();
    if text.contains("TLS") {
        DriverKind::Tls
    } else if text.starts_with("authentication error") || text.starts_with("invalid configuration") {
        DriverKind::Authentication
    } else if text.starts_with("error serializing parameter") || text.contains("parameters but got") {
        DriverKind::Parameters
    } else {
        DriverKind::Other
    }
}

fn text(error: &tokio_postgres::Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

/// The `source` of an `io::Error` skips the error that it wraps.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fault_of_the_statement_is_the_statements() {
        for code in ["23505", "42P01", "22012", "25P02", "42501"] {
            assert!(DatabaseError::Statement(SqlState::from_code(code)).is_the_statements(), "{code}");
        }
        // A serialization failure, a deadlock, a full disk, a lock_timeout, a statement_timeout, an I/O error.
        for code in ["40001", "40P01", "53100", "55P03", "57014", "58030"] {
            assert!(!DatabaseError::Statement(SqlState::from_code(code)).is_the_statements(), "{code}");
        }
        assert!(!DatabaseError::Timeout.is_the_statements());
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again() {
        for error in [DatabaseError::Authentication, DatabaseError::TlsExpired, DatabaseError::NoDatabase] {
            assert!(!error.passes(), "{error}");
        }
        assert!(DatabaseError::NotReady.passes() && DatabaseError::TooManyConnections.passes());
    }
}

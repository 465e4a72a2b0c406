//! The table of requests that a page sends, and their outcomes.

use std::fmt;

use self::Outcome::{Read, Stopped, Withheld};
use self::Sent::{Authorization, Json, NoCors, NoCorsText, Plain, Text, Unlisted};
use crate::pages::Page;
use crate::services::To::{self, Limited, Severed, Uncredentialed, Well};

/// A request, and its outcome for the allowed page without and with credentials, and for all other pages.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) to: To,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) sent: Sent,
    omitted: Outcome,
    included: Outcome,
    foreign: Outcome,
}

/// The content of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Plain,
    Text,
    Json,
    Authorization,
    /// A header that is not in `cors.request_headers`.
    Unlisted,
    /// `no-cors`, like a form or an image: the page does not ask to read the answer.
    NoCors,
    NoCorsText,
}

/// The number is the status of the last answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The page reads the whole answer.
    Read(u16),
    /// The request arrives, but the page cannot read the answer.
    Withheld(u16),
    /// The browser sends only the preflight, and the page cannot read the answer.
    Stopped(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Omitted,
    Included,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Requests without a preflight arrive from every page; those that change something are refused before the handler.
    row(Well,           "GET",    "/api/notes", Plain,         Read(200),     Read(200),     Withheld(200)),
    row(Well,           "HEAD",   "/api/notes", Plain,         Read(200),     Read(200),     Withheld(200)),
    row(Well,           "POST",   "/api/notes", Text,          Read(200),     Read(200),     Withheld(403)),
    row(Well,           "GET",    "/nothing",   Plain,         Read(404),     Read(404),     Withheld(404)),
    row(Well,           "POST",   "/health",    Text,          Read(405),     Read(405),     Withheld(405)),
    row(Well,           "GET",    "/boom",      Plain,         Read(500),     Read(500),     Withheld(500)),
    row(Limited,        "GET",    "/api/notes", Plain,         Read(429),     Read(429),     Withheld(429)),
    row(Severed,        "GET",    "/health",    Plain,         Read(503),     Read(503),     Withheld(503)),
    // Requests with a preflight are sent for the allowed page only.
    row(Well,           "GET",    "/api/notes", Authorization, Read(200),     Read(200),     Stopped(403)),
    row(Well,           "POST",   "/api/notes", Json,          Read(200),     Read(200),     Stopped(403)),
    row(Well,           "PUT",    "/api/notes", Json,          Read(200),     Read(200),     Stopped(403)),
    row(Well,           "DELETE", "/nothing",   Plain,         Read(404),     Read(404),     Stopped(403)),
    row(Well,           "PATCH",  "/health",    Json,          Read(405),     Read(405),     Stopped(403)),
    row(Well,           "DELETE", "/boom",      Plain,         Read(500),     Read(500),     Stopped(403)),
    row(Limited,        "PUT",    "/api/notes", Json,          Read(429),     Read(429),     Stopped(403)),
    row(Severed,        "DELETE", "/api/notes", Plain,         Read(503),     Read(503),     Stopped(403)),
    // A header that the profile does not list is refused for every page.
    row(Well,           "GET",    "/api/notes", Unlisted,      Stopped(403),  Stopped(403),  Stopped(403)),
    row(Well,           "QUERY",  "/api/notes", Plain,         Stopped(403),  Stopped(403),  Stopped(403)),
    // `credentials = false`: with credentials even the allowed page cannot read.
    row(Uncredentialed, "GET",    "/api/notes", Plain,         Read(200),     Withheld(200), Withheld(200)),
    row(Uncredentialed, "PUT",    "/api/notes", Json,          Read(200),     Stopped(204),  Stopped(403)),
    // Cross-Origin-Resource-Policy: no page can embed an answer, the allowed page included.
    row(Well,           "GET",    "/api/notes", NoCors,        Withheld(200), Withheld(200), Withheld(200)),
    row(Well,           "POST",   "/api/notes", NoCorsText,    Withheld(200), Withheld(200), Withheld(403)),
];

const fn row(
    to: To,
    method: &'static str,
    path: &'static str,
    sent: Sent,
    omitted: Outcome,
    included: Outcome,
    foreign: Outcome,
) -> Row {
    Row { to, method, path, sent, omitted, included, foreign }
}

impl Row {
    /// Fetch, #cors-preflight-fetch: all but the methods and headers that a form could send.
    pub(crate) fn is_preflighted(&self) -> bool {
        !["GET", "HEAD", "POST"].contains(&self.method)
            || matches!(self.sent, Sent::Json | Sent::Authorization | Sent::Unlisted)
    }
}

impl Sent {
    pub(crate) fn field(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Plain | Self::NoCors => None,
            Self::Text | Self::NoCorsText => Some(("content-type", "text/plain")),
            Self::Json => Some(("content-type", "application/json")),
            Self::Authorization => Some(("authorization", "Bearer n7Jq0Zt5")),
            Self::Unlisted => Some(("x-unlisted", "1")),
        }
    }

    pub(crate) fn with_cors(self) -> bool {
        !matches!(self, Self::NoCors | Self::NoCorsText)
    }
}

/// A row from one page, with or without credentials.
pub(crate) struct Case {
    pub(crate) row: &'static Row,
    pub(crate) credentials: Credentials,
    page: Page,
    number: usize,
}

impl Case {
    pub(crate) fn all(page: Page) -> impl Iterator<Item = Self> {
        let both = [Credentials::Omitted, Credentials::Included];
        let rows = ROWS.iter().enumerate();
        rows.flat_map(move |(number, row)| both.map(|credentials| Self { row, credentials, page, number }))
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match (self.page, self.credentials) {
            (Page::Allowed, Credentials::Omitted) => self.row.omitted,
            (Page::Allowed, Credentials::Included) => self.row.included,
            _ => self.row.foreign,
        }
    }

    /// The user's cookie belongs to the service's host, and is sent by pages of that host on any port: cookies are not
    /// isolated by port (RFC 6265 section 8.5).
    pub(crate) fn sends_cookie(&self) -> bool {
        self.credentials == Credentials::Included && matches!(self.page, Page::Allowed | Page::OtherPort)
    }

    /// The query, which identifies its requests at the service.
    pub(crate) fn mark(&self) -> String {
        format!("case={:?}-{}-{:?}", self.page, self.number, self.credentials)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { to, method, path, sent, .. } = self.row;
        let (page, credentials, outcome) = (self.page, self.credentials, self.outcome());
        write!(f, "{page:?} page, {method} {path} to {to:?}, {sent:?}, {credentials:?}, {outcome:?}")
    }
}

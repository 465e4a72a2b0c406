//! HTTP/1.1 byte for byte: requests, and the statuses of the answers before the connection ends.
//!
//! Where hyper or the service is more tolerant than the RFC requires, a comment says why that is
//! harmless. Transfer-Encoding beside Content-Length and bare line feeds are in `timeouts`.

use std::net::SocketAddr;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use server::{Context, Handler, Refusal, Reply, Route, RouteKind, Served};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{LONG, NO_DATABASE, production, serve_with};

/// Answers with the body's length.
const ECHO: Route = Route {
    path: |_| "/echo",
    methods: &[(Method::GET, Handler::Async(echo)), (Method::PUT, Handler::Async(echo))],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Counts the body.",
};
static ROUTES: &[&Route] = &[&ECHO];

fn echo(context: Context) -> BoxFuture<'static, Result<Reply, Refusal>> {
    async move { Ok(Reply::json(StatusCode::OK, &context.body().len())) }.boxed()
}

/// The sent bytes, and the statuses of all answers.
type Row = (&'static str, &'static [u16]);

/// RFC 9112 section 3: the request line.
const REQUEST_LINES: &[Row] = &[
    // Section 3.2.1: origin-form.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    ("GET /echo?q=/../%00// HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    // Section 3.2.2: a server must accept absolute-form, and takes the path from it. Scheme and authority decide
    // nothing here, since one service answers for all its names.
    ("GET http://a/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    ("GET http://b/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    ("GET ftp://a/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    ("GET http://a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[404]),
    // Section 3.2.3: authority-form is for CONNECT, and the service is not a proxy.
    ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n", &[501]),
    ("CONNECT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[501]),
    ("GET a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n", &[400]),
    // Section 3.2.4: asterisk-form is for OPTIONS.
    ("OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[204]),
    ("GET * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[400]),
    // Section 3: single spaces; a space in the target is not repaired.
    ("GET /ec ho HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET  /echo HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET /echo  HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET\t/echo\tHTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    (" GET /echo HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1 \r\nhost: a\r\n\r\n", &[400]),
    ("/echo HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    // Section 2.2: an empty line before the request line is skipped.
    ("\r\nGET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    // Section 3.2 has no fragment. hyper drops it; a proxy in front may have routed by it (CVE-2023-45539).
    ("GET /echo#/../secret HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET http://a/echo?q# HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    // RFC 3986 section 2: bytes that a URI cannot contain.
    ("GET /ec\0ho HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
    ("GET /ech\u{f6} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo\\ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[404]),
    // RFC 9110 section 9.1: methods are case-sensitive, and tokens.
    ("get /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[501]),
    ("G@T /echo HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
];

/// RFC 9112 section 2.3, RFC 9110 section 2.5: versions.
const VERSIONS: &[Row] = &[
    // HTTP/1.0 needs no Host, and closes unless it is asked not to (RFC 9112 section 9.3).
    ("GET /echo HTTP/1.0\r\n\r\n", &[200]),
    ("GET /echo HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /echo HTTP/1.0\r\n\r\n", &[200, 200]),
    ("GET /echo HTTP/1.0\r\n\r\nGET /echo HTTP/1.0\r\n\r\n", &[200]),
    // HTTP/0.9 is obsolete.
    ("GET /echo\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.2\r\nhost: a\r\n\r\n", &[400]),
    ("GET /echo HTTP/0.9\r\nhost: a\r\n\r\n", &[400]),
    ("GET /echo HTTP/2.0\r\nhost: a\r\n\r\n", &[400]),
    ("GET /echo http/1.1\r\nhost: a\r\n\r\n", &[400]),
    // RFC 9113 section 3.4: the preface of HTTP/2 is designed to fail here. hyper closes without an answer, which an
    // HTTP/2 client understands as well as an answer in HTTP/1.1.
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
];

/// RFC 9112 section 3.2, RFC 9110 section 7.2.
const HOSTS: &[Row] = &[
    ("GET /echo HTTP/1.1\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nhost: a\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a/b\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: u@a\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a:x\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a:99999\r\nconnection: close\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nHOST: [::1]:80\r\nconnection: close\r\n\r\n", &[200]),
    ("GET http://a/echo HTTP/1.1\r\nconnection: close\r\n\r\n", &[400]),
];

/// RFC 9112 section 5, RFC 9110 section 5.5.
const FIELDS: &[Row] = &[
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx:\t y \t\r\nconnection: close\r\n\r\n", &[200]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx:\r\nconnection: close\r\n\r\n", &[200]),
    // Section 5: a line has a name and a colon.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n", &[400]),
    // Section 5.1: no space before the colon.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost : a\r\n\r\n", &[400]),
    // Section 2.2: no space before the first field.
    ("GET /echo HTTP/1.1\r\n host: a\r\n\r\n", &[400]),
    // Section 5.2: a folded line is refused.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n", &[400]),
    // RFC 9110 section 5.5: CR, LF and NUL are dangerous in a value.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx: y\rz: w\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\rhost: a\r\r", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx\0: y\r\n\r\n", &[400]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx(y): z\r\n\r\n", &[400]),
    // Bytes beyond ASCII are opaque (obs-text), and the service sends no value of a request back.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nx: \u{f6}\r\nconnection: close\r\n\r\n", &[200]),
];

/// RFC 9112 section 6.2 and 6.3: Content-Length.
const LENGTHS: &[Row] = &[
    ("PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", &[200]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", &[200]),
    // Equal values may be merged (section 6.3); hyper does, and reads exactly that many bytes.
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        &[200],
    ),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\nhello", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0x5\r\n\r\nhello", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5 5\r\n\r\nhello", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551616\r\n\r\n", &[400]),
    // A number above the profile's limit.
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775807\r\n\r\n", &[413]),
    // A body of GET has no meaning (RFC 9110 section 9.3.1), but its end must be known.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", &[200]),
    (
        "GET /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n\
         helloGET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        &[200, 200],
    ),
];

/// RFC 9112 section 6.1 and 7: Transfer-Encoding.
const CODINGS: &[Row] = &[
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
        &[200],
    ),
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: Chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
        &[200],
    ),
    // Section 6.3: a request whose last coding is not chunked has no end.
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n\r\n", &[400]),
    // Section 6.1: 501 for an unknown coding; chunked comes last and once.
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[501]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", &[501]),
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        &[501],
    ),
    // Section 6.1: HTTP/1.0 has no transfer codings.
    ("PUT /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    // Section 7.1: chunks.
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello", &[400]),
    // The chunk is longer than its size.
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", &[400]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n", &[400]),
    // Section 7.1.1: unknown extensions are ignored; a line feed in one is refused.
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         5;x=\"y\"\r\nhello\r\n0\r\n\r\n",
        &[200],
    ),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x\nhello\r\n0\r\n\r\n", &[400]),
    // Section 7.1.2: trailers are read and dropped; none becomes a field of the request.
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\nx: y\r\n\r\n",
        &[200],
    ),
];

/// RFC 9110 section 10.1.1, RFC 9112 section 9.
const CONNECTIONS: &[Row] = &[
    (
        "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\
         content-length: 5\r\n\r\nhello",
        &[100, 200],
    ),
    // No 100 for a request that is refused or that has no body.
    ("PUT /nothing HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n", &[404]),
    ("PUT /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n", &[413]),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\r\n", &[200]),
    // Other expectations may be answered 417; ignoring them is harmless.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: tea\r\n\r\n", &[200]),
    // Section 9.6: nothing after close.
    (
        "GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /echo HTTP/1.1\r\nhost: a\r\n\r\n",
        &[200],
    ),
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: Close, x\r\n\r\n", &[200]),
    // Section 9.3.2: answers come in the order of the requests.
    (
        "GET /echo HTTP/1.1\r\nhost: a\r\n\r\nGET /nothing HTTP/1.1\r\nhost: a\r\n\r\n\
         BREW /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        &[200, 404, 501],
    ),
    // A refusal ends the connection only if the framing is malformed.
    (
        "GET //echo HTTP/1.1\r\nhost: a\r\n\r\nGET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        &[400, 200],
    ),
    ("GET /echo HTTP/1.1\r\nhost: a\r\n\r\n\0\r\n\r\nGET /echo HTTP/1.1\r\nhost: a\r\n\r\n", &[200, 400]),
    // Section 7.8 of RFC 9110: an upgrade may be ignored.
    ("GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n", &[200]),
];

#[tokio::test]
async fn every_row_of_the_wire_table_is_so() {
    let tables = [REQUEST_LINES, VERSIONS, HOSTS, FIELDS, LENGTHS, CODINGS, CONNECTIONS];
    let rows: Vec<(String, Vec<u16>)> =
        tables.concat().into_iter().map(|(sent, statuses)| (sent.to_owned(), statuses.to_vec())).collect();
    let limits = limits();
    assert!(rows.len() + limits.len() >= 40);
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    let mut wrong = Vec::new();
    for (sent, expected) in rows.into_iter().chain(limits) {
        let heard = statuses(service.local_addr(), sent.as_bytes()).await;
        if heard.as_ref() != Ok(&expected) {
            let start: String = sent.chars().take(200).collect();
            wrong.push(format!("{start:?}: expected {expected:?}, heard {heard:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The profile limits targets (RFC 9110 section 4.1) and heads (RFC 6585 section 5), hyper the number of fields.
fn limits() -> Vec<(String, Vec<u16>)> {
    let head = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n")
    };
    let target = |length: usize| "/echo?".to_owned() + &"x".repeat(length - "/echo?".len());
    let fields = |count: usize| "x: y\r\n".repeat(count);
    vec![
        (head(&target(8 << 10), ""), vec![200]),
        (head(&target((8 << 10) + 1), ""), vec![414]),
        // Beyond its buffer hyper refuses, and cannot distinguish a long target from a long head.
        (head(&target(100_000), ""), vec![431]),
        (head("/echo", &format!("x: {}\r\n", "y".repeat(32_000))), vec![200]),
        (head("/echo", &format!("x: {}\r\n", "y".repeat(33_000))), vec![431]),
        (head("/echo", &format!("x: {}\r\n", "y".repeat(100_000))), vec![431]),
        // With `host` and `connection`.
        (head("/echo", &fields(98)), vec![200]),
        (head("/echo", &fields(99)), vec![431]),
    ]
}

/// The statuses of all answers until the service closes, or an error if it does not.
async fn statuses(address: SocketAddr, sent: &[u8]) -> Result<Vec<u16>, String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The service may close before all bytes are sent.
    let _ = stream.write_all(sent).await;
    let mut answer = Vec::new();
    let ended = timeout(LONG / 4, stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer);
    // Details mention HTTP/1.1 too; an answer to 1.0 has its version.
    let statuses: Vec<u16> = text
        .split("HTTP/1.")
        .skip(1)
        .filter_map(|line| line.get(1..5)?.strip_prefix(' ')?.parse().ok())
        .collect();
    if ended.is_err() { Err(format!("{statuses:?}, and the connection stayed open")) } else { Ok(statuses) }
}

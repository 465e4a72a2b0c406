//! The service in a real browser: which answers scripts of a page can read, and which requests they can send.
//!
//! Only Debian's Chromium interprets the CORS headers here.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

mod cases;
mod chromium;
mod pages;
mod services;
#[allow(dead_code, reason = "the suite's")]
#[path = "../suite/support.rs"]
mod support;
mod tap;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cases::{Case, Credentials, Outcome};
use crate::chromium::Chromium;
use crate::pages::{Page, Pages};
use crate::services::{EXPOSED, Services, with_docs};
use crate::support::{NO_DATABASE, get, production, serve, until};
use crate::tap::Exchange;

/// A page may always read these (Fetch, #cors-safelisted-response-header-name).
const SAFELISTED: &[&str] = &[
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

/// Sends all requests, and reports what the page could read of each answer.
const FETCH: &str = "
const [requests, done] = arguments;
const ask = async ({ url, ...init }) => {
    try {
        const response = await fetch(url, init);
        const { status, headers } = response;
        return { status, headers: Object.fromEntries(headers), body: await response.text() };
    } catch (error) {
        return { error: error.name };
    }
};
Promise.all(requests.map(ask)).then(done);
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_reads_and_sends_exactly_what_the_profile_promises() {
    let pages = Pages::serve().await;
    let browser = tokio::spawn(Chromium::start());
    let services = Services::start(&pages).await;
    let browser = browser.await.unwrap();
    let began = Instant::now();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in Page::ALL {
        browser.open(&pages.address(page)).await;
        let cases: Vec<_> = Case::all(page).collect();
        let requests: Vec<_> = cases.iter().map(|case| request(case, &services)).collect();
        let seen = browser.run(FETCH, vec![requests.into()]).await;
        let arrived = services.arrived();
        for (case, seen) in cases.iter().zip(seen.as_array().unwrap()) {
            let arrived = arrived.get(&case.mark()).map_or(&[][..], Vec::as_slice);
            let judged = judge(case, &pages.origin(page), seen, arrived);
            wrong.extend(judged.err().map(|error| format!("{case}: {error}")));
        }
        count += cases.len();
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} cases in {:?}", began.elapsed());
}

/// The arguments of `fetch`.
fn request(case: &Case, services: &Services) -> Value {
    let (row, address) = (case.row, services.address(case.row.to));
    let mut request = json!({
        "url": format!("http://{address}{}?{}", row.path, case.mark()),
        "method": row.method,
        "credentials": match case.credentials {
            Credentials::Omitted => "omit",
            Credentials::Included => "include",
        },
        "mode": if row.sent.with_cors() { "cors" } else { "no-cors" },
    });
    if let Some((name, value)) = row.sent.field() {
        request["headers"] = json!({ name: value });
        if name == "content-type" {
            request["body"] = "{}\r\n".into();
        }
    }
    request
}

fn judge(case: &Case, origin: &str, seen: &Value, arrived: &[Exchange]) -> Result<(), String> {
    let outcome = case.outcome();
    let found: Vec<_> =
        arrived.iter().map(|exchange| (exchange.method.as_str(), exchange.answer.status)).collect();
    let expected = match outcome {
        Outcome::Stopped(status) => vec![("OPTIONS", status)],
        Outcome::Read(status) | Outcome::Withheld(status) if case.row.is_preflighted() => {
            vec![("OPTIONS", 204), (case.row.method, status)]
        }
        Outcome::Read(status) | Outcome::Withheld(status) => vec![(case.row.method, status)],
    };
    same("what arrived", &found, &expected)?;
    for Exchange { method, headers, .. } in arrived {
        let sends_origin = case.row.sent.with_cors() || method != "GET";
        same("Origin", &headers.get("origin").map(String::as_str), &sends_origin.then_some(origin))?;
        let cookie = case.sends_cookie() && method != "OPTIONS";
        same("a cookie", &headers.contains_key("cookie"), &cookie)?;
    }
    let Outcome::Read(_) = outcome else {
        return same("what the page learns", seen, &json!({ "error": "TypeError" }));
    };
    let answer = &arrived.last().ok_or("nothing arrived")?.answer;
    let readable: BTreeMap<_, _> = answer
        .headers
        .keys()
        .map(String::as_str)
        .filter(|name| SAFELISTED.contains(name) || EXPOSED.contains(name))
        .map(|name| (name, answer.header(name)))
        .collect();
    let hidden = ["vary", "x-content-type-options"].map(|name| answer.headers.contains_key(name));
    same("headers that are not exposed", &hidden, &[true, true])?;
    same("x-request-id", &readable.contains_key("x-request-id"), &true)?;
    let retries = [429, 503].contains(&answer.status) && case.row.path != "/health";
    same("retry-after", &readable.contains_key("retry-after"), &retries)?;
    same("what is read", seen, &json!({ "status": answer.status, "headers": readable, "body": answer.body }))
}

fn same<T: std::fmt::Debug + PartialEq>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{what}: {seen:?}, and {expected:?} is promised")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_docs_page_shows_every_operation_and_asks_nobody_else_and_is_404_where_it_is_hidden() {
    let service = serve(&with_docs(), NO_DATABASE).await;
    let document = get(service.local_addr(), "/openapi.json").await.json();
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method, path)))
        .filter(|(method, _)| *method != "parameters")
        .map(|(method, path)| format!("{} {path}", method.to_ascii_uppercase()))
        .collect();
    let browser = Chromium::start().await;
    // By a host name: Swagger UI never sends a document on localhost to its validator on another site.
    let own = format!("http://docs.example:{}/", service.local_addr().port());
    browser.open(&format!("{own}docs")).await;
    until(async || shown(&browser).await == described).await;

    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs.png");
    std::fs::write(&screenshot, browser.screenshot().await).unwrap();
    println!("{} operations, shown in {}", described.len(), screenshot.display());
    assert_eq!(browser.console().await, Vec::<String>::new());
    let asked = browser.requested().await;
    for path in ["docs", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js", "openapi.json"]
    {
        assert!(asked.contains(&format!("{own}{path}")), "{path}: {asked:?}");
    }
    let elsewhere: Vec<_> = asked.iter().filter(|url| !url.starts_with(&own)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");

    // Both logs work: one has the forbidden request, the other the allowed one.
    let forbidden = "new Image().src = '/picture'; fetch('/livez').then(arguments[0], arguments[0])";
    browser.run(forbidden, vec![]).await;
    until(async || browser.console().await.iter().any(|line| line.contains("Content Security Policy"))).await;
    until(async || browser.requested().await.contains(&format!("{own}livez"))).await;

    let hidden = serve(&production(&[]), NO_DATABASE).await;
    for path in ["docs", "docs/start.js", "docs/swagger-ui.css", "openapi.json"] {
        browser.open(&format!("http://{}/{path}", hidden.local_addr())).await;
        let status = "arguments[0](performance.getEntriesByType('navigation')[0].responseStatus)";
        assert_eq!(browser.run(status, vec![]).await, 404, "{path}");
    }
}

/// What the page lists, such as `GET /health`.
async fn shown(browser: &Chromium) -> BTreeSet<String> {
    let operations = "arguments[0]([...document.querySelectorAll('.opblock-summary')].map(summary =>
        summary.querySelector('.opblock-summary-method').textContent + ' ' +
        summary.querySelector('.opblock-summary-path').dataset.path))";
    serde_json::from_value(browser.run(operations, vec![]).await).unwrap()
}

//! Instructions per decision: the rules for heads, CORS, the route and the headers of every answer. Valgrind's counts
//! are repeatable, so a gate can be close. `cargo bench -p server --bench decisions` needs valgrind, and
//! `gungraun-runner` of the version in `Cargo.lock`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing else to say")]

use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, ORIGIN,
};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use profiles::{Declaration, Profile};
use server::{Policy, ROUTES};

type Prepared = (Policy, Profile, Request<()>);

fn prepared(request: Request<()>) -> Prepared {
    let profile = Declaration::load("production", jiff::civil::date(2026, 1, 1)).unwrap().profile;
    let policy = Policy::new(&profile, ROUTES, None).unwrap();
    // The first copy of a value makes it a shared one, which allocates.
    let _ = decide(&policy, &profile, request.clone());
    (policy, profile, request)
}

fn decide(policy: &Policy, profile: &Profile, request: Request<()>) -> Response<Full<Bytes>> {
    policy.rehearse(request, &profile.server, HeaderValue::from_static("c0ffee00-1"))
}

fn actual(method: &str, path: &str, origin: &'static str) -> Prepared {
    let request = Request::builder().method(method).uri(path).header(HOST, "api.example.com");
    prepared(request.header(ORIGIN, origin).header(CONTENT_TYPE, "application/json").body(()).unwrap())
}

fn preflight(method: &str, origin: &'static str) -> Prepared {
    let request = Request::builder().method("OPTIONS").uri("/health").header(HOST, "api.example.com");
    let request = request.header(ORIGIN, origin).header(ACCESS_CONTROL_REQUEST_METHOD, method);
    prepared(request.header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type").body(()).unwrap())
}

const ALLOWED: &str = "https://todo.example.com";
const FOREIGN: &str = "https://evil.example.com";

#[library_benchmark]
#[bench::allowed_origin(actual("GET", "/livez", ALLOWED))]
#[bench::foreign_origin(actual("GET", "/livez", FOREIGN))]
#[bench::preflight(preflight("PUT", ALLOWED))]
#[bench::refused_preflight(preflight("PUT", FOREIGN))]
#[bench::not_found(actual("GET", "/nothing", ALLOWED))]
#[bench::cross_site(actual("DELETE", "/livez", FOREIGN))]
fn decisions(prepared: Prepared) -> (Response<Full<Bytes>>, Policy, Profile) {
    let (policy, profile, request) = prepared;
    let answer = decide(black_box(&policy), &profile, black_box(request));
    (answer, policy, profile)
}

library_benchmark_group!(name = requests, benchmarks = decisions);
main!(library_benchmark_groups = requests);

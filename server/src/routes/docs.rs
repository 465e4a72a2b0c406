//! `/docs`: the OpenAPI document as a page, by Swagger UI (history/adr/0020), without a third-party request.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY};
use http::{HeaderValue, Method, StatusCode};

use crate::observe::route_label::RouteKind;
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::Context;
use crate::routes::route::{Handler, Route, Served};

pub(super) const PAGE: Route = Route {
    path: |_| "/docs",
    methods: &[(Method::GET, Handler::Sync(|_| page()))],
    served: Served::WithDocs,
    kind: RouteKind::Api,
    summary: "This API on one page.",
};

pub(super) const FILE: Route = Route {
    path: |_| "/docs/{file}",
    methods: &[(Method::GET, Handler::Async(|context| std::future::ready(file(&context)).boxed()))],
    summary: "A script or a style of the page.",
    ..PAGE
};

/// The page loads from and sends to this service only: nothing inline, nothing evaluated. The styles of Swagger UI
/// embed their images (`data:`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
    name: &'static str,
    content_type: &'static str,
    coding: Option<&'static str>,
    bytes: &'static [u8],
}

/// The files of Swagger UI are stored and sent as gzip: every browser accepts it, and the service needs no code for it.
const FILES: &[File] = &[
    File { name: "start.js", content_type: JAVASCRIPT, coding: None, bytes: include_bytes!("docs/start.js") },
    File {
        name: "swagger-ui-bundle.js",
        content_type: JAVASCRIPT,
        coding: Some("gzip"),
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
    },
    File {
        name: "swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        coding: Some("gzip"),
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")),
    },
];

/// RFC 9239 section 6.1.1.
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

fn page() -> Reply {
    Reply::html(include_str!("docs/page.html").to_owned())
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
}

fn file(context: &Context) -> Result<Reply, Refusal> {
    let named = |file: &&File| context.parameter("file") == Some(file.name);
    let file = FILES.iter().find(named).ok_or_else(Refusal::not_found)?;
    let reply = Reply::bytes(StatusCode::OK, Bytes::from_static(file.bytes))
        .typed(HeaderValue::from_static(file.content_type));
    Ok(match file.coding {
        Some(coding) => reply.with(CONTENT_ENCODING, HeaderValue::from_static(coding)),
        None => reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_names_is_one_of_its_own() {
        let page = include_str!("docs/page.html");
        let named: Vec<_> = page.split('"').filter_map(|text| text.strip_prefix("/docs/")).collect();
        assert_eq!(named.len(), FILES.len());
        for name in named {
            assert!(FILES.iter().any(|file| file.name == name), "{name}");
        }
        for inline in ["<style", "style=", "<script>", "onload", "src=\"http", "href=\"http"] {
            assert!(!page.contains(inline), "{inline}");
        }
    }
}

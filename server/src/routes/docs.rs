//! `/docs`: the API on one page, made from the OpenAPI document. No script, nothing from elsewhere.

use std::fmt::Write as _;

use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Method};
use serde_json::Value;

use super::openapi::document;
use super::{Handler, Kind, Route, Served};
use crate::context::Glance;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    path: |_| "/docs",
    methods: &[(Method::GET, Handler::Now(get))],
    served: Served::WithDocs,
    kind: Kind::Api,
    summary: "This API on one page.",
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
h2{margin:2rem 0 .25rem;font:600 1.1rem ui-monospace,monospace}h2 b{color:#0a6}\
dt{float:left;clear:left;width:6rem;font-family:ui-monospace,monospace}dd{margin:0 0 .25rem 6rem}";

/// The hash is of `STYLE` (CSP Level 3 section 8.3): only this very text applies.
const POLICY: &str = "default-src 'none'; style-src 'sha256-J/nPWZx0eUNiLkVVJYASknBHjnO3PhiLv+/Kauu3BSg='; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn get(glance: &Glance<'_>) -> Reply {
    Reply::html(page(&document(glance.service.routes, &glance.service.profile)))
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
}

fn page(document: &Value) -> String {
    let title = text(&document["info"]["title"]);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n<p>{}</p>\n\
         <p>For machines: <a href=\"/openapi.json\">/openapi.json</a></p>\n",
        text(&document["info"]["description"]),
    );
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let Some(answers) = operation["responses"].as_object() else {
                continue;
            };
            let (method, path) = (escape(&method.to_ascii_uppercase()), escape(path));
            let _ =
                write!(page, "<h2><b>{method}</b> {path}</h2>\n<p>{}</p>\n<dl>", text(&operation["summary"]));
            for (status, answer) in answers {
                let _ = write!(page, "<dt>{}</dt><dd>{}</dd>", escape(status), description(document, answer));
            }
            page.push_str("</dl>\n");
        }
    }
    page.push_str("</html>\n");
    page
}

/// An answer's description, followed to the components where it is only a reference.
fn description(document: &Value, answer: &Value) -> String {
    let target = answer["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    text(&target.unwrap_or(answer)["description"])
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn the_page_names_every_operation_and_loads_nothing() {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("development", today).unwrap().profile;
        let page = page(&document(ROUTES, &profile));
        for path in ["/health", "/livez", "/readyz", "/docs"] {
            assert!(page.contains(&format!("<b>GET</b> {path}</h2>")), "{path}");
        }
        for foreign in ["<script", "src=", "http://", "https://", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn what_the_document_says_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}

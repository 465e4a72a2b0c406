//! GraphQL describes itself only where documentation is shown.

use profiles::Docs;
use serde_json::Value as Json;

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "exposure.graphql.introspection",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Where documentation is hidden, GraphQL answers no introspection.",
    rationale: "`__schema` is the API's documentation under another name: every type, field and mutation, for anyone.",
    remedy: "Switch introspection off in production. FastAPI with Strawberry: the extension \
             `DisableIntrospection()`. Express with Apollo: `introspection: false`. Here: there is no GraphQL.",
    references: &[
        "https://spec.graphql.org/October2021/#sec-Introspection",
        "https://cwe.mitre.org/data/definitions/200.html",
    ],
    requirements: &["FR-005"],
    ask: |subject| {
        if subject.profile().server.docs == Docs::Shown {
            return Ask::skip("the profile shows its documentation (server.docs = \"shown\")");
        }
        let mut post = Probe::new("POST", "/graphql").with("content-type", "application/json");
        post.request.body = Some("{\"query\":\"{__schema{queryType{name}}}\"}".to_owned());
        let get = Probe::get("/graphql?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D");
        Ask::Questions([post, get].map(|probe| Question::new(probe, "server.docs")).into())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let described = response.json().is_some_and(|body| described(&body));
            Reading::expect(!described, || {
                format!(
                    "{} {} answered the introspection query; the profile declares docs hidden",
                    exchange.request.method,
                    exchange.request.path.split('?').next().unwrap_or_default()
                )
            })
        })
    },
    passes: &[
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 200 OK\n\n{\"errors\":[{\"message\":\"Cannot query field \\\"__schema\\\"\"}]}",
        "HTTP/1.1 200 OK\n\n{\"data\":{\"__schema\":null},\"errors\":[{\"message\":\"introspection is disabled\"}]}",
        "HTTP/1.1 200 OK\ncontent-type: text/html\n\n<title>an app that answers every path: __schema</title>",
    ],
    fails: &["HTTP/1.1 200 OK\n\n{\"data\":{\"__schema\":{\"queryType\":{\"name\":\"Query\"}}}}"],
};

/// Data, not an error that repeats the query.
fn described(body: &Json) -> bool {
    body["data"]["__schema"].is_object()
}

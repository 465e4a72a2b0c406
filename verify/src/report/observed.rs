//! Observed behaviour, as text that a reviewer can read in a pull request: one subject a snapshot.
//!
//! Findings judge promises; snapshots show the behaviour that no promise covers, so that a change is reviewed.
//! Their text does not depend on when or where the deployment ran.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cors::oracle::{Credentials, cors_check, preflight_check};
use crate::judge::plan::Plan;
use crate::model::check::{Needs, Subject};
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Means, Response};
use crate::model::probe::Probe;
use crate::model::redact;

/// The text of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The file's name without `.snap`.
    pub name: &'static str,
    /// A plain sentence, so that it needs no quotes in the file's YAML.
    pub description: &'static str,
    pub text: String,
}

/// The observed behaviour compared with the accepted one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshots {
    pub unchanged: Vec<String>,
    pub drifted: Vec<Drift>,
    /// Subjects without an accepted snapshot.
    pub unseen: Vec<String>,
    /// Errors in writing files for review.
    pub unwritten: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub name: String,
    /// A unified diff from the accepted text to the observed one.
    pub diff: String,
}

pub fn observed(plan: &Plan<'_>, evidence: &Evidence) -> Vec<Observed> {
    let subject = &plan.subject;
    if subject.allows == Needs::Drill {
        return vec![drills(evidence)];
    }
    let view = View { subject, evidence };
    let subjects: [(&'static str, &'static str, String); 5] = [
        (
            "cors.matrix",
            "Who may read responses, what pages may send with every declared header, and which headers alone, as a \
             browser decides it; yes is with credentials and without, omit is without only, · was not asked.",
            view.cors_matrix(),
        ),
        (
            "health",
            "The health check's answer.",
            view.answers(&[Probe::get(subject.health()), Probe::new("HEAD", subject.health())]),
        ),
        (
            "errors",
            "Errors as clients see them.",
            view.answers(&[Probe::get(Subject::unknown_path()), Probe::new("POST", subject.health())]),
        ),
        ("methods", "The answer to each method on the health path.", view.methods()),
        ("exposure", "The answer to a GET of each tried path.", view.exposure(plan)),
    ];
    subjects
        .into_iter()
        .filter(|(_, _, text)| !text.is_empty())
        .map(|(name, description, text)| Observed { name, description, text })
        .collect()
}

/// A paragraph a drill.
fn drills(evidence: &Evidence) -> Observed {
    let behaviour = evidence.exchanges.iter().filter_map(|(probe, exchange)| {
        match (&probe.request.means, &exchange.answer) {
            (Means::Drill(steps), Answer::Drilled(drilled)) => Some(drilled.behaviour(steps).join("\n")),
            _ => None,
        }
    });
    let text = behaviour.collect::<Vec<_>>().join("\n\n");
    Observed { name: "drills", description: "The behaviour of the candidate in each drill.", text }
}

struct View<'a> {
    subject: &'a Subject<'a>,
    evidence: &'a Evidence,
}

impl View<'_> {
    fn cors_matrix(&self) -> String {
        let methods: Vec<&str> =
            self.subject.profile().cors.methods.iter().map(profiles::Method::as_str).collect();
        let headers: Vec<&str> =
            self.subject.profile().cors.request_headers.iter().map(profiles::FieldName::as_str).collect();
        let declared: Vec<&str> =
            self.subject.declared_origins().map(|(_, origin)| origin.as_str()).collect();
        let strangers = self
            .subject
            .foreign
            .iter()
            .map(|(_, origin)| origin.as_str())
            .filter(|origin| !declared.contains(origin));
        let mut origins: Vec<&str> = declared.clone();
        origins.extend(strangers);
        origins.extend(["null", "https://plumbline-probe.evil.example"]);

        let columns = ["reads"].iter().chain(&methods).chain(&headers);
        let widths: Vec<usize> = columns.clone().map(|name| name.len().max(OMIT.len())).collect();
        let width = origins.iter().map(|origin| origin.len()).max().unwrap_or_default();
        let mut text = row("origin", width, &columns.copied().collect::<Vec<_>>(), &widths);
        for origin in origins {
            let mut cells = vec![self.reads(origin)];
            cells.extend(methods.iter().map(|method| self.preflight(origin, method, &headers)));
            cells.extend(
                headers.iter().map(|header| self.granted(origin, "GET", &[header]).unwrap_or(UNASKED)),
            );
            text.push_str(&row(origin, width, &cells, &widths));
        }
        if let Some(first) = declared.first() {
            text.push_str(&self.policy(first, &headers));
        }
        text
    }

    fn reads(&self, origin: &str) -> &'static str {
        let response = self.response(&Probe::get(self.subject.health()).origin(origin));
        response.map_or(UNASKED, |response| cell(|credentials| cors_check(origin, credentials, response)))
    }

    /// With every declared header, or without any if no probe asks for them.
    fn preflight(&self, origin: &str, method: &str, headers: &[&str]) -> &'static str {
        let full = self.granted(origin, method, headers);
        full.or_else(|| self.granted(origin, method, &[])).unwrap_or(UNASKED)
    }

    fn granted(&self, origin: &str, method: &str, headers: &[&str]) -> Option<&'static str> {
        let response = self.response(&Probe::preflight(self.subject.health(), origin, method, headers))?;
        Some(cell(|credentials| preflight_check(origin, method, headers, credentials, response)))
    }

    /// The Access-Control lines of one grant.
    fn policy(&self, origin: &str, headers: &[&str]) -> String {
        let actual = self.response(&Probe::get(self.subject.health()).origin(origin));
        let methods = &self.subject.profile().cors.methods;
        let preflight = methods.iter().find_map(|method| {
            self.response(&Probe::preflight(self.subject.health(), origin, method.as_str(), headers))
        });
        let mut text = String::new();
        for (what, response) in [("actual", actual), ("preflight", preflight)] {
            let Some(response) = response else { continue };
            let _ = writeln!(text, "\n{what} request from {origin}: {}", response.status);
            text.push_str(&lines(response, |name| name.starts_with("access-control-") || name == "vary"));
        }
        text
    }

    fn answers(&self, probes: &[Probe]) -> String {
        let release = self.subject.profile().deployment.release_header.as_str();
        let mut text = String::new();
        for probe in probes {
            let Some(response) = self.response(probe) else { continue };
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(
                text,
                "{separator}{} {}: {}",
                probe.request.method, probe.request.path, response.status
            );
            text.push_str(&lines(response, is_telling));
            let others: BTreeSet<&str> = response
                .headers
                .iter()
                .map(|(name, _)| name.as_str())
                .filter(|name| !is_telling(name) && !is_transport(name) && *name != release)
                .collect();
            if !others.is_empty() {
                let _ = writeln!(text, "also: {}", others.into_iter().collect::<Vec<_>>().join(", "));
            }
            if !response.body.is_empty() {
                let _ = writeln!(text, "\n{}", body(response, self.later(probe)));
            }
        }
        text
    }

    fn methods(&self) -> String {
        let path = self.subject.health();
        let methods = ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "TRACK", "PLUMBLINE", "get"];
        let mut text = String::new();
        for method in methods {
            let plain = Probe::new(method, path);
            let traced = Probe::new(method, path).with("x-plumbline-echo", "plumbline-echo-5d1e");
            let Some(response) = self.response(&plain).or_else(|| self.response(&traced)) else { continue };
            let allow = response.header("allow").map(|allow| redact::reviewable(&allow));
            let allow = allow.map_or_else(String::new, |allow| format!("  allow: {allow}"));
            let _ = writeln!(text, "{method:9}  {}{allow}", response.status);
        }
        text
    }

    fn exposure(&self, plan: &Plan<'_>) -> String {
        let simple = plan.probes.iter().filter(|probe| {
            let request = &probe.request;
            // No probe of intrusive runs only: runs with and without --intrusive share the snapshot.
            probe.round == 0
                && request.means.is_client()
                && request.method == "GET"
                && request.headers.is_empty()
        });
        let mut answers: Vec<(&str, &Response)> = simple
            .filter(|probe| !probe.request.path.contains(['?', '%']))
            .filter_map(|probe| Some((probe.request.path.as_str(), self.response(probe)?)))
            .collect();
        answers.sort_by_key(|(path, _)| *path);
        let mut text = String::new();
        for (path, response) in answers {
            let _ = writeln!(text, "{}  {path}", response.status);
        }
        text
    }

    /// The answer to the same request at the end of the run, if it was asked again.
    fn later(&self, probe: &Probe) -> Option<&Response> {
        self.response(&probe.clone().in_round(1))
    }

    fn response(&self, probe: &Probe) -> Option<&Response> {
        self.evidence.find(probe).map(Exchange::response)?.ok()
    }
}

const OMIT: &str = "omit";
const UNASKED: &str = "·";

/// One cell of the matrix: a grant with credentials includes one without.
fn cell(decide: impl Fn(Credentials) -> Result<(), String>) -> &'static str {
    match (decide(Credentials::Include), decide(Credentials::Omit)) {
        (Ok(()), _) => "yes",
        (_, Ok(())) => OMIT,
        _ => "no",
    }
}

fn row(origin: &str, width: usize, cells: &[&str], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("  {cell:width$}"));
    let line = format!("{origin:width$}{}", cells.collect::<String>());
    format!("{}\n", line.trim_end())
}

/// Header lines that pass the filter, sorted, with cookies and credentials redacted.
fn lines(response: &Response, wanted: impl Fn(&str) -> bool) -> String {
    let lines: BTreeSet<String> = response
        .headers
        .iter()
        .filter(|(name, _)| wanted(name))
        // An edge sets cookies of its own.
        .filter(|(name, value)| name != "set-cookie" || !value.trim_start().starts_with(['_', '.']))
        .map(|(name, value)| {
            let value = redact::header(name, value);
            let value = if name == "set-cookie" { redact::lasting(&value) } else { value };
            format!("{name}: {}\n", redact::reviewable(&value))
        })
        .collect();
    lines.into_iter().collect()
}

/// Headers whose values are behaviour.
fn is_telling(name: &str) -> bool {
    const TELLING: &[&str] = &[
        "allow",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-security-policy",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "location",
        "permissions-policy",
        "referrer-policy",
        "retry-after",
        "set-cookie",
        "strict-transport-security",
        "vary",
        "www-authenticate",
        "x-content-type-options",
        "x-frame-options",
        "x-powered-by",
    ];
    TELLING.contains(&name)
}

/// Headers of the connection, of caches and of platforms: they differ between two deployments of the same build.
fn is_transport(name: &str) -> bool {
    const TRANSPORT: &[&str] = &[
        "age",
        "alt-svc",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "nel",
        "report-to",
        "server",
        "server-timing",
        "transfer-encoding",
        "via",
    ];
    const PLATFORMS: &[&str] = &[
        "x-railway-",
        "x-hikari-",
        "x-vercel-",
        "cf-",
        "x-served-by",
        "x-timer",
        "x-cache",
        "x-amz",
        "x-envoy-",
        "fly-",
        "x-render-",
        "rndr-",
    ];
    TRANSPORT.contains(&name) || PLATFORMS.iter().any(|prefix| name.starts_with(prefix))
}

fn body(response: &Response, later: Option<&Response>) -> String {
    match response.json() {
        Some(json) => {
            let later = later.and_then(Response::json);
            let lasting = redact::varying(&json, later.as_ref());
            redact::reviewable(
                &serde_json::to_string_pretty(&lasting).expect("JSON that was read can be written"),
            )
        }
        None => redact::reviewable(&response.body.chars().take(2_000).collect::<String>()),
    }
}

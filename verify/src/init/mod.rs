//! A first profile from the current behaviour of a deployment, with remarks to review.
//!
//! The catalogue itself reads the answers: a value is right if the check that tests it passes, and every check
//! that fails on the finished draft is a remark at the setting whose promise it tests.

mod draft;
mod settings;

use jiff::civil::Date;
use profiles::{Declaration, Origin};

use crate::cors::oracle::{Credentials, cors_check};
use crate::judge::obstacle;
use crate::judge::plan::Plan;
use crate::model::check::{Needs, Subject, judgeable};
use crate::model::evidence::{Evidence, Selection};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub use draft::{Doubt, Written};
use settings::unbounded;

/// The questions and answers so far.
pub struct Survey {
    target: Origin,
    /// Front ends that the caller named: an API does not show its list to other origins.
    named: Vec<Origin>,
    today: Date,
    evidence: Evidence,
}

/// The next probes, given all earlier answers.
pub type Stage = fn(&Survey) -> Vec<Probe>;

/// Some eighty requests in four stages.
pub const STAGES: &[Stage] = &[Survey::paths, Survey::origins, Survey::preflights, Survey::confirmation];

/// The usual paths of a health check, the likeliest first.
const HEALTH: &[&str] =
    &["/health", "/healthz", "/api/health", "/api/v1/health", "/status", "/readyz", "/livez", "/"];

/// The most requests of one stage, however long the lists in answers are.
const MOST: usize = 120;

/// Origins to try when the caller names none.
const COMMON_ORIGINS: &[&str] = &["https://example.com", "http://localhost:3000", "http://localhost:5173"];
/// The undeclared origin of the catalogue's checks.
const STRANGER: &str = "https://plumbline-probe.evil.example";

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS: &[&str] = &["authorization", "content-type", "x-api-key", "x-csrf-token", "x-requested-with"];
/// In no server's list: a server that grants these grants everything.
const NO_METHOD: &str = "PLUMBLINE";
const NO_HEADER: &str = "x-plumbline-undeclared";

/// The checks that decide a value.
const DOCS: &str = "exposure.docs";
const ERRORS: &str = "errors.shape";
const CONTRACT: &str = "health.contract.schema";
const SECURITY_HEADERS: &str = "headers.security-as-declared";
const HTTP2: &str = "http2.as-declared";
const PLAIN_HTTP: &str = "tls.plain-http.policy";
const HSTS: &str = "tls.hsts";
/// The checks that judge the draft. Attacks and the search for exposed files are left to `verify`.
const CONFIRMED: &[&str] =
    &["run", "cors.actual", "cors.preflight", "health", "errors", "method", "headers", "http2", "tls"];
/// The checks that show whether undeclared origins are allowed.
const STRANGERS: &[&str] = &["cors.reject.reflected", "cors.reject.null", "cors.preflight.rejects-origin"];

impl Survey {
    pub fn new(target: Origin, named: Vec<Origin>, today: Date) -> Self {
        let evidence = Evidence {
            schema: Evidence::SCHEMA.to_owned(),
            profile: "production".to_owned(),
            target: target.to_string(),
            expected_release: None,
            selection: Selection::default(),
            allows: Needs::Nothing,
            duration_ms: 0,
            requests: 0,
            exchanges: Vec::new(),
        };
        Self { target, named, today, evidence }
    }

    /// The next questions as a plan; the first two show whether the service itself answers.
    pub fn plan<'a>(&self, stage: Stage, production: &'a Declaration) -> Plan<'a> {
        let mut probes = vec![Probe::get(self.path()), Probe::get(Subject::unknown_path())];
        for probe in stage(self) {
            if self.evidence.find(&probe).is_none() && !probes.contains(&probe) && probes.len() < MOST {
                probes.push(probe);
            }
        }
        let subject = self.subject(production);
        Plan { subject, checks: Vec::new(), probes, selection: Selection::default() }
    }

    /// Keeps the answers. If a login, a redirect or an edge answers in the deployment's place, returns an error.
    pub fn hear(&mut self, plan: &Plan<'_>, answers: Evidence) -> Result<(), String> {
        if let Some(obstacle) = obstacle(plan, &answers) {
            return Err(obstacle);
        }
        self.evidence.requests += answers.requests;
        for (probe, exchange) in answers.exchanges {
            if self.evidence.find(&probe).is_none() {
                self.evidence.exchanges.push((probe, exchange));
            }
        }
        Ok(())
    }

    /// The profile with its remarks.
    pub fn written(&self) -> Written {
        let mut draft = self.settings();
        self.families(&mut draft);
        self.doubts(&mut draft);
        draft.written(&format!(
            "# The behaviour of the deployment at {} during `verify init`.\n\
             # Review each remark that begins with `?`, and remove it when the setting states your promise.\n",
            self.target
        ))
    }

    fn paths(&self) -> Vec<Probe> {
        HEALTH.iter().map(|path| Probe::get(path)).chain(self.asked(&[DOCS])).collect()
    }

    fn origins(&self) -> Vec<Probe> {
        let mut probes = self.asked(&[ERRORS, CONTRACT, SECURITY_HEADERS, HTTP2, PLAIN_HTTP]);
        for origin in self.candidates() {
            probes.push(self.reading(origin.as_str()));
            probes.push(Probe::preflight(self.path(), origin.as_str(), "PUT", &HEADERS[..2]));
        }
        probes.extend(self.asked(STRANGERS));
        probes
    }

    fn preflights(&self) -> Vec<Probe> {
        let Some(page) = self.page() else { return Vec::new() };
        let preflight =
            |method, headers: &[&str]| Probe::preflight(self.path(), page.as_str(), method, headers);
        let methods = METHODS.iter().chain([&NO_METHOD]).map(|method| preflight(method, &[]));
        let headers = HEADERS.iter().chain([&NO_HEADER]).map(|header| preflight("GET", &[header]));
        methods.chain(headers).collect()
    }

    /// The probes of the draft's own checks.
    fn confirmation(&self) -> Vec<Probe> {
        self.asked(CONFIRMED)
    }

    /// The probes of these checks, with the draft so far as the profile.
    fn asked(&self, selectors: &[&str]) -> Vec<Probe> {
        let declaration = unbounded(&self.settings());
        self.select(&declaration, selectors).probes
    }

    fn select<'a>(&self, declaration: &'a Declaration, selectors: &[&str]) -> Plan<'a> {
        let only = selectors.iter().map(|&selector| selector.to_owned()).collect();
        Plan::of(self.subject(declaration), &Selection { only, skip: Vec::new() })
            .expect("init names checks of the catalogue, and its drafts are unbounded")
    }

    fn subject<'a>(&self, declaration: &'a Declaration) -> Subject<'a> {
        Subject {
            declaration,
            target: self.target.clone(),
            foreign: Vec::new(),
            expected_release: None,
            allows: Needs::Nothing,
        }
    }

    fn path(&self) -> &str {
        self.health().unwrap_or(HEALTH[0])
    }

    /// The path whose answer resembles a health check most, and differs from the answer to an unknown path.
    fn health(&self) -> Option<&'static str> {
        let control = self.answer(&Probe::get(Subject::unknown_path()));
        let is_control = |response: &Response| {
            control.is_some_and(|control| control.status == response.status && control.body == response.body)
        };
        let likeness = |path: &&str| {
            let response = self.answer(&Probe::get(path)).filter(|response| !is_control(response))?;
            let body = response.json();
            let speaks = body.as_ref().is_some_and(|body| body["status"].is_string());
            let contract = speaks && body.is_some_and(|body| body["database"].is_string());
            match response.status {
                _ if contract => Some(4),
                200 if speaks => Some(3),
                503 if speaks => Some(2),
                200 => Some(1),
                _ => None,
            }
        };
        // `max_by_key` returns the last of equals; the first is wanted.
        HEALTH
            .iter()
            .rev()
            .filter_map(|path| Some((likeness(path)?, *path)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, path)| path)
    }

    fn answer(&self, probe: &Probe) -> Option<&Response> {
        self.evidence.find(probe).and_then(|exchange| judgeable(exchange).ok())
    }

    fn reading(&self, origin: &str) -> Probe {
        Probe::get(self.path()).origin(origin)
    }

    /// The named origins, or else common ones; and those in answers to requests without an origin.
    fn candidates(&self) -> Vec<Origin> {
        let common =
            COMMON_ORIGINS.iter().filter(|_| self.named.is_empty()).filter_map(|origin| origin.parse().ok());
        let constant =
            self.evidence.exchanges.iter().filter(|(probe, _)| probe.request.header("origin").is_none());
        let constant = constant.filter_map(|(_, exchange)| {
            exchange.response().ok()?.header("access-control-allow-origin")?.parse().ok()
        });
        let mut candidates: Vec<Origin> = Vec::new();
        for origin in self.named.iter().cloned().chain(constant).chain(common) {
            if !candidates.contains(&origin) {
                candidates.push(origin);
            }
        }
        candidates
    }

    /// The first origin that may read: every allowed page has the same permissions.
    fn page(&self) -> Option<Origin> {
        self.candidates().into_iter().find(|origin| self.is_granted(origin))
    }

    fn lets_strangers_in(&self) -> bool {
        self.is_granted(&STRANGER.parse().expect("a constant, and an origin"))
    }

    fn is_granted(&self, origin: &Origin) -> bool {
        let reads = self.answer(&self.reading(origin.as_str()));
        reads.is_some_and(|answer| cors_check(origin.as_str(), Credentials::Omit, answer).is_ok())
            || self.granted_preflights(origin.as_str()).next().is_some()
    }

    fn granted_preflights<'s>(&'s self, origin: &'s str) -> impl Iterator<Item = &'s Response> {
        self.evidence.exchanges.iter().filter_map(move |(probe, exchange)| {
            let request = &probe.request;
            let asks =
                request.method == "OPTIONS" && request.header("access-control-request-method").is_some();
            let response = exchange.response().ok()?;
            let granted = asks
                && request.header("origin") == Some(origin)
                && (200..300).contains(&response.status)
                && cors_check(origin, Credentials::Omit, response).is_ok();
            granted.then_some(response)
        })
    }
}

//! Each setting's value, from the answers.

use profiles::{Declaration, Duration, FieldName, Method, Origin, Scheme};
use toml_edit::Value;

use super::draft::Draft;
use super::{
    COMMON_ORIGINS, CONTRACT, DOCS, ERRORS, HEADERS, HEALTH, HSTS, HTTP2, METHODS, NO_HEADER, NO_METHOD,
    PLAIN_HTTP, SECURITY_HEADERS, Survey,
};
use crate::cors::oracle::{Credentials, preflight_check};
use crate::judge::judge;
use crate::judge::plan::Questions;
use crate::model::check::{FAMILIES, Verdict, judgeable};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

/// Used if no observed origin is valid in the profile.
const PLACEHOLDER: &str = "https://app.example.com";

/// Headers that name a release, the clearest first.
const RELEASES: &[&str] = &[
    "x-release",
    "x-commit",
    "x-commit-sha",
    "x-git-commit",
    "x-git-sha",
    "x-revision",
    "x-version",
    "x-app-version",
    "x-build",
    "x-build-id",
    "x-deployment-id",
    "x-railway-deployment-id",
];

const REQUEST_ID: &str = "deployment.request_id_header";

/// Headers that name a request, the commonest first.
const REQUEST_IDS: &[&str] =
    &["x-request-id", "request-id", "x-requestid", "x-correlation-id", "correlation-id", "x-trace-id"];

impl Survey {
    /// The visible settings, without the families, which depend on all others.
    pub(super) fn settings(&self) -> Draft {
        let mut draft = Draft::new(self.today);
        self.place(&mut draft);
        self.contract(&mut draft);
        self.docs(&mut draft);
        if !self.first_that_holds(&mut draft, "verify.errors", &["problem-json", "json"], ERRORS) {
            if let Verdict::Fail(failures) = self.verdict(&draft, ERRORS) {
                for failure in failures {
                    draft.doubt("verify.errors", format!("with \"json\": {}", failure.observed));
                }
            }
            choose(&mut draft, "verify.errors", "any");
        }
        self.cors(&mut draft);
        self.release(&mut draft);
        self.request_id(&mut draft);
        leave_out(
            &mut draft,
            "load.rate_limit",
            "finding a limit takes a flood of requests; state the limit if there is one",
        );
        if self.target.scheme() == Scheme::Https {
            self.edge(&mut draft);
        }
        draft
    }

    /// Environment, URL and health path.
    fn place(&self, draft: &mut Draft) {
        let local = self.target.host().is_loopback();
        let production = self.target.scheme() == Scheme::Https && !local;
        choose(draft, "environment", if production { "production" } else { "development" });
        if !production && !local {
            draft.doubt(
                "environment",
                "a public deployment on plain http: only https can be declared production",
            );
        }
        choose(draft, "deployment.url", self.target.as_str());
        choose(draft, "health.path", self.path());
        if self.health().is_none() {
            draft.doubt(
                "health.path",
                format!("none of {} has a health check; which path has?", HEALTH.join(", ")),
            );
        }
    }

    /// Whether the health check keeps the full contract, or its status only.
    fn contract(&self, draft: &mut Draft) {
        if self.health().is_none() || self.first_that_holds(draft, "health.contract", &["full"], CONTRACT) {
            return;
        }
        if let Verdict::Fail(failures) = self.verdict(draft, CONTRACT) {
            let observed = failures.first().map(|failure| failure.observed.as_str()).unwrap_or_default();
            draft.doubt("health.contract", format!("not \"full\": {observed}"));
        }
        choose(draft, "health.contract", "status");
    }

    /// Hidden, or shown at the paths where it was found.
    fn docs(&self, draft: &mut Draft) {
        if self.first_that_holds(draft, "server.docs", &["hidden"], DOCS) {
            return;
        }
        let found = self.failed_paths(draft, DOCS);
        if found.is_empty() || draft.set("server.docs", "shown").is_err() {
            return;
        }
        take(draft, "verify.docs", found);
    }

    /// The paths of the questions whose answers break the check.
    fn failed_paths(&self, draft: &Draft, check: &str) -> Vec<String> {
        let Verdict::Fail(failures) = self.verdict(draft, check) else { return Vec::new() };
        let declaration = unbounded(draft);
        let plan = self.select(&declaration, &[check]);
        let Some(Questions::Probes(asked)) = plan.checks.first().map(|planned| &planned.questions) else {
            return Vec::new();
        };
        let failed = failures.iter().filter_map(|failure| asked.get(failure.question));
        failed.map(|(index, _)| plan.probes[*index].request.path.clone()).collect()
    }

    fn request_id(&self, draft: &mut Draft) {
        let answer = self.answer(&Probe::get(self.path()));
        match REQUEST_IDS.iter().find(|name| answer.is_some_and(|answer| answer.header(name).is_some())) {
            Some(name) => choose(draft, REQUEST_ID, *name),
            None => leave_out(draft, REQUEST_ID, "no answer has a request id in a known header"),
        }
    }

    /// The settings of the edge, for a target with TLS.
    fn edge(&self, draft: &mut Draft) {
        self.best(draft, "edge.http2", &["offered", "absent"], HTTP2);
        self.best(draft, "edge.plain_http", &["redirect", "refuse", "closed"], PLAIN_HTTP);
        choose(draft, "edge.hsts", "365d");
        if let Verdict::Fail(failures) = self.verdict(draft, HSTS) {
            let observed = failures.first().map(|failure| failure.observed.as_str()).unwrap_or_default();
            leave_out(draft, "edge.hsts", observed);
        }
    }

    /// The first value with which the check passes; else one without a probe so far; else the first.
    fn best(&self, draft: &mut Draft, setting: &str, words: &[&str], check: &str) {
        let verdicts = words.iter().map(|word| {
            choose(draft, setting, *word);
            (self.verdict(draft, check), *word)
        });
        let verdicts: Vec<(Verdict, &str)> = verdicts.collect();
        let first = |wanted: fn(&Verdict) -> bool| verdicts.iter().find(|(verdict, _)| wanted(verdict));
        let best = first(|verdict| *verdict == Verdict::Pass)
            .or_else(|| first(|verdict| matches!(verdict, Verdict::Inconclusive(_))))
            .or(verdicts.first());
        if let Some((_, word)) = best {
            choose(draft, setting, *word);
        }
    }

    /// Sets the first value with which the check passes; if none does, the last valid one remains.
    fn first_that_holds(&self, draft: &mut Draft, setting: &str, words: &[&str], check: &str) -> bool {
        words
            .iter()
            .any(|word| draft.set(setting, *word).is_ok() && self.verdict(draft, check) == Verdict::Pass)
    }

    /// How the check judges the draft so far.
    fn verdict(&self, draft: &Draft, check: &str) -> Verdict {
        let declaration = unbounded(draft);
        let plan = self.select(&declaration, &[check]);
        let mut judgements = judge(&plan, &self.evidence).into_iter().map(|judgement| judgement.verdict);
        judgements.next().expect("the selector names a check")
    }

    fn cors(&self, draft: &mut Draft) {
        let mut origins = self.candidates();
        // Most checks use the first origin.
        origins.sort_by_key(|origin| !self.is_granted(origin));
        if self.named.is_empty() {
            origins.retain(|origin| self.is_granted(origin));
            // If every origin is allowed, a grant does not show which origins should be.
            origins.truncate(if self.lets_strangers_in() { 1 } else { usize::MAX });
            let tried = COMMON_ORIGINS.join(", ");
            draft.doubt(
                "cors.origins",
                format!(
                    "an API does not show its list to other origins, and only {tried} were tried: name the front \
                     ends with --origin https://app.example"
                ),
            );
        }
        take(draft, "cors.origins", origins.iter().map(ToString::to_string));
        if !origins.iter().any(|origin| draft.declaration().profile.cors.origins.contains(origin)) {
            choose(draft, "cors.origins", Value::from_iter([PLACEHOLDER]));
            draft.doubt("cors.origins", format!("{PLACEHOLDER} is a placeholder for the front end's origin"));
        }
        if let Some(page) = self.page() {
            self.policy(draft, &page);
        }
    }

    /// The settings of CORS, from the permissions of that page.
    fn policy(&self, draft: &mut Draft, page: &Origin) {
        let page = page.as_str();
        let granted: Vec<&Response> = self.granted_preflights(page).collect();
        let read = self.answer(&self.reading(page));
        let answers = || read.into_iter().chain(granted.iter().copied());
        let credentials = answers()
            .any(|response| response.header("access-control-allow-credentials").as_deref() == Some("true"));
        let policy = Credentials::declared(credentials);
        choose(draft, "cors.credentials", credentials);

        let passes = |method: &str, headers: &[&str]| {
            let probe = Probe::preflight(self.path(), page, method, headers);
            self.answer(&probe)
                .is_some_and(|answer| preflight_check(page, method, headers, policy, answer).is_ok())
        };
        let listed = |field: &str| -> Vec<String> {
            let values: Vec<String> = granted.iter().filter_map(|response| response.header(field)).collect();
            let items = values.iter().flat_map(|value| value.split(',')).map(|item| item.trim().to_owned());
            items.filter(|item| !item.is_empty()).collect()
        };

        let methods = listed("access-control-allow-methods");
        let named = |method: &str| methods.iter().any(|listed| listed == method);
        // Without a list, or with an open one, only the tried names are known.
        let open = passes(NO_METHOD, &[]) || !methods.iter().any(|method| method.parse::<Method>().is_ok());
        let tried = METHODS.iter().filter(|method| named(method) || (open && passes(method, &[])));
        let tried = tried.map(|&method| method.to_owned());
        let others = methods.iter().filter(|method| *method != NO_METHOD && method.parse::<Method>().is_ok());
        take(draft, "cors.methods", tried.chain(others.cloned()));

        let open = passes("GET", &[NO_HEADER]);
        let tried = HEADERS.iter().filter(|header| passes("GET", &[header])).map(|&header| header.to_owned());
        let tried = tried.take(if open { 2 } else { HEADERS.len() });
        let others = listed("access-control-allow-headers").into_iter().map(|name| name.to_ascii_lowercase());
        let others = others.filter(|name| !open && name.parse::<FieldName>().is_ok());
        take(draft, "cors.request_headers", tried.chain(others));

        let exposed = read.map(|response| response.list("access-control-expose-headers")).unwrap_or_default();
        take(
            draft,
            "cors.exposed_headers",
            exposed.into_iter().filter(|name| name.parse::<FieldName>().is_ok()),
        );

        let mut seconds = granted.iter().filter_map(|response| response.header("access-control-max-age"));
        let max_age = seconds.find_map(|seconds| format!("{seconds}s").parse::<Duration>().ok());
        // If it is absent, production's value remains, and the check reports it.
        let max_age = max_age.unwrap_or(draft.declaration().profile.cors.max_age);
        choose(draft, "cors.max_age", max_age.to_string());
    }

    fn release(&self, draft: &mut Draft) {
        let answer = self.answer(&Probe::get(self.path()));
        let named = RELEASES.iter().find_map(|name| Some((*name, answer?.header(name)?)));
        choose(draft, "deployment.release_header", named.as_ref().map_or(RELEASES[0], |(name, _)| *name));
        match named {
            Some((name, _)) if name == RELEASES[0] => {}
            Some((name, release)) => {
                draft.doubt(
                    "deployment.release_header",
                    format!("a guess from its name; `{name}` was `{release}`"),
                );
            }
            None => draft.doubt("deployment.release_header", "no answer names its release in a known header"),
        }
    }

    /// Leaves out the families whose promises the deployment does not make.
    pub(super) fn families(&self, draft: &mut Draft) {
        let declared = draft.declaration().profile.verify.families;
        let (mut kept, mut missing) = (Vec::new(), Vec::new());
        for (name, _) in FAMILIES.iter().filter(|(_, family)| declared.contains(family)) {
            match self.lacks(draft, name) {
                Some(why) => missing.push(format!("`{name}` is left out: {why}")),
                None => kept.push((*name).to_owned()),
            }
        }
        take(draft, "verify.families", kept);
        draft.doubt("verify.families", "most checks of `http1` and all of `load` need --intrusive");
        for why in missing {
            draft.doubt("verify.families", why);
        }
    }

    fn lacks(&self, draft: &Draft, family: &str) -> Option<String> {
        let promise = match family {
            "cors" if self.named.is_empty() && self.page().is_none() => {
                return Some("no tried origin may read an answer".to_owned());
            }
            "health" if self.health().is_none() => {
                return Some("no tried path has a health check".to_owned());
            }
            "headers" => SECURITY_HEADERS,
            _ => return None,
        };
        match self.verdict(draft, promise) {
            Verdict::Fail(failures) => failures.into_iter().next().map(|failure| failure.observed),
            Verdict::Inconclusive(why) => Some(why),
            Verdict::Pass | Verdict::NotApplicable(_) => None,
        }
    }

    /// A remark for every check that fails on the draft, if its questions were sent.
    pub(super) fn doubts(&self, draft: &mut Draft) {
        let declaration = unbounded(draft);
        let plan = self.select(&declaration, &[]);
        budget(draft, plan.probes.len());
        for judgement in judge(&plan, &self.evidence) {
            let Verdict::Fail(failures) = judgement.verdict else { continue };
            let setting = judgement.promise.split('[').next().unwrap_or_default();
            let observed = failures.first().map(|failure| failure.observed.as_str()).unwrap_or_default();
            draft.doubt(setting, format!("{}: {observed}", judgement.check.id));
        }
        let unknown = self.evidence.exchanges.iter().find_map(|(_, exchange)| judgeable(exchange).err());
        if let Some(why) = unknown {
            draft.doubt(
                "deployment.url",
                format!("some probes have no answer, so this profile may be incomplete: {why}"),
            );
        }
    }
}

/// Sets the value, or adds a remark why production's remains.
fn choose(draft: &mut Draft, setting: &str, value: impl Into<Value>) {
    if let Err(why) = draft.set(setting, value) {
        draft.doubt(setting, why);
    }
}

/// Leaves an optional setting out, with a remark.
fn leave_out(draft: &mut Draft, setting: &str, why: &str) {
    let refused = draft.drop(setting).err();
    draft.doubt(setting, refused.unwrap_or_else(|| format!("left out: {why}")));
}

fn take(draft: &mut Draft, setting: &str, names: impl IntoIterator<Item = String>) {
    for why in draft.set_list(setting, names) {
        draft.doubt(setting, why);
    }
}

/// The draft with a budget for any plan: it is only judged, and the stage bounds the number of requests.
pub(super) fn unbounded(draft: &Draft) -> Declaration {
    let mut declaration = draft.declaration();
    declaration.profile.verify.requests = u32::MAX;
    declaration
}

/// Raises the budget if an API lists more names than production's profile.
fn budget(draft: &mut Draft, needed: usize) {
    if needed > draft.declaration().profile.verify.requests as usize {
        choose(draft, "verify.requests", i64::try_from(needed.next_multiple_of(100)).unwrap_or(i64::MAX));
        draft.doubt("verify.requests", format!("with the lists above a run needs {needed} requests"));
    }
}

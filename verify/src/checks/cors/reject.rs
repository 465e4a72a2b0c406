//! Origins that must never be allowed: one check per faulty comparison, all with the same judgement.

use crate::cors::attack::{self, Attack};
use crate::cors::oracle::{Credentials, cors_check};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Exchange;
use crate::model::probe::Probe;

const COMMON: Check = Check {
    id: "",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "",
    rationale: "",
    remedy: "Compare the Origin header byte for byte with an allow-list: no prefix, suffix, substring or regular \
             expression. FastAPI: `allow_origins=[…]` with full origins and no `allow_origin_regex`. Express: `cors({ \
             origin: [\"https://…\"] })` with strings. Here: `cors.origins`.",
    references: &[
        "https://fetch.spec.whatwg.org/#http-access-control-allow-origin",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    requirements: &["FR-006", "v5.0.0-3.4.2"],
    ask: |_| Ask::skip("a template"),
    judge,
    passes: &[
        "HTTP/1.1 200 OK\nvary: origin",
        "HTTP/1.1 403 Forbidden",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: https://other.example",
    ],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: *",
    ],
};

pub(super) const REFLECTED: Check = Check {
    id: "cors.reject.reflected",
    rule: "No response allows an undeclared origin.",
    rationale: "A server that echoes the Origin header lets every page on the web read its answers as the visitor.",
    remedy: "Look the Origin header up in an allow-list instead of repeating it. FastAPI: `allow_origins=[\"*\"]` with \
             `allow_credentials=True` repeats it; list the origins. Express: `cors({ origin: true })` repeats it; give \
             an array of strings. Here: `cors.origins`.",
    references: &[
        "https://portswigger.net/web-security/cors",
        "https://cwe.mitre.org/data/definitions/346.html",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| {
        let asked = ask(subject, attack::from_list(subject, &["https://plumbline-probe.evil.example"]));
        let Ask::Questions(mut questions) = asked else {
            return asked;
        };
        // Some layers answer `*` to requests without a cookie, and echo the origin of those with one (Starlette 0.41).
        questions.extend(questions.clone().into_iter().map(|question| Question {
            probe: question.probe.with("cookie", "plumbline-probe=1"),
            ..question
        }));
        Ask::Questions(questions)
    },
    fails: &[
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true",
        COMMON.fails[0],
        COMMON.fails[1],
        COMMON.fails[2],
    ],
    ..COMMON
};

pub(super) const NULL: Check = Check {
    id: "cors.reject.null",
    rule: "No response allows the `null` origin.",
    rationale: "Sandboxed frames and local files send `Origin: null`, so any page can forge it.",
    remedy: "Take `null` off the allow-list, and open local pages through a development server instead of \
             `file://`. Here: `cors.origins` accepts no `null`.",
    references: &[
        "https://portswigger.net/web-security/cors",
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_list(subject, &["null"])),
    ..COMMON
};

pub(super) const PREFIX: Check = Check {
    id: "cors.reject.prefix",
    rule: "No response allows an origin that merely begins like a declared one.",
    rationale: "`https://app.example.com.evil.example` begins with `https://app.example.com` and belongs to someone else.",
    references: &[
        "https://portswigger.net/web-security/cors",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::prefix)),
    ..COMMON
};

pub(super) const SUFFIX: Check = Check {
    id: "cors.reject.suffix",
    rule: "No response allows an origin that merely ends like a declared one.",
    rationale: "`https://evil-example.com` ends with `example.com`, and anyone can register it.",
    references: &[
        "https://portswigger.net/web-security/cors",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::suffix)),
    ..COMMON
};

pub(super) const SUBSTRING: Check = Check {
    id: "cors.reject.substring",
    rule: "No response allows an origin that merely contains, or is contained in, a declared one.",
    rationale: "A search of the header for the trusted name, or of the list for the header's text, also accepts \
                other origins.",
    references: &[
        "https://github.com/chenjj/CORScanner#misconfiguration-types",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::substring)),
    ..COMMON
};

pub(super) const UNESCAPED_DOT: Check = Check {
    id: "cors.reject.unescaped-dot",
    rule: "No response allows an origin with another character in place of a dot.",
    rationale: "In a regular expression a bare `.` matches any character, so `appxexample.com` passes for \
                `app.example.com`.",
    remedy: "Replace the regular expression by full origins; if there must be one, escape its dots and anchor both \
             ends. FastAPI: `allow_origins` instead of `allow_origin_regex`. Express: strings instead of a RegExp in \
             `origin`. Here: no pattern can be declared.",
    references: &[
        "https://github.com/chenjj/CORScanner#misconfiguration-types",
        "https://cwe.mitre.org/data/definitions/625.html",
    ],
    requirements: &["FR-006", "v5.0.0-3.4.2", "v5.0.0-1.2.9"],
    ask: |subject| ask(subject, attack::from_each(subject, attack::unescaped_dot)),
    ..COMMON
};

pub(super) const SUBDOMAIN: Check = Check {
    id: "cors.reject.subdomain",
    rule: "No response allows an undeclared subdomain of a declared origin.",
    rationale: "An attacker who takes over a forgotten subdomain can read every visitor's data.",
    references: &[
        "https://github.com/chenjj/CORScanner#misconfiguration-types",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::subdomain)),
    ..COMMON
};

pub(super) const PARENT_AND_SIBLING: Check = Check {
    id: "cors.reject.parent-and-sibling",
    rule: "No response allows the parent domain of a declared origin, or a sibling.",
    rationale: "On shared hosting such as vercel.app the siblings belong to strangers: `https://*.vercel.app` \
                matches all of them.",
    references: &["https://publicsuffix.org/learn/", "https://cwe.mitre.org/data/definitions/942.html"],
    ask: |subject| ask(subject, attack::from_each(subject, attack::parent_and_sibling)),
    ..COMMON
};

pub(super) const HTTP_DOWNGRADE: Check = Check {
    id: "cors.reject.http-downgrade",
    rule: "No response allows the http form of a declared https origin.",
    rationale: "An attacker on the network can serve any page at the http origin, and read the API through it.",
    remedy: "Compare scheme, host and port together: list `https://` origins only, and compare them byte for byte. \
             Here: the rule `cors.origins.secure` refuses http origins in production.",
    references: &[
        "https://portswigger.net/web-security/cors",
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::http_downgrade)),
    ..COMMON
};

pub(super) const OTHER_PORT: Check = Check {
    id: "cors.reject.other-port",
    rule: "No response allows a declared host on another port.",
    rationale: "The port is part of the origin: another port of the same machine is another program, perhaps \
                another user's.",
    references: &[
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://www.rfc-editor.org/rfc/rfc6454#section-5",
        "https://cwe.mitre.org/data/definitions/346.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::other_port)),
    ..COMMON
};

pub(super) const NON_CANONICAL: Check = Check {
    id: "cors.reject.non-canonical",
    severity: Severity::Medium,
    rule: "No response allows a spelling that no browser sends.",
    rationale: "A comparison that parses and normalises first can accept an origin that browsers treat as a \
                different one.",
    references: &[
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://cwe.mitre.org/data/definitions/346.html",
    ],
    ask: |subject| ask(subject, attack::from_each(subject, attack::non_canonical)),
    ..COMMON
};

pub(super) const SPECIAL_CHARACTERS: Check = Check {
    id: "cors.reject.special-characters",
    rule: "No response allows a declared host that continues with a special character and another domain.",
    rationale: "Browsers accept hosts such as `app.example.com_.evil.example`, and faulty patterns stop at the \
                special character.",
    references: &[
        "https://github.com/chenjj/CORScanner/blob/master/common/corscheck.py",
        "https://cwe.mitre.org/data/definitions/625.html",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| {
        let first = subject.declared_origins().next().into_iter();
        let attacks = first.flat_map(|(promise, origin)| {
            attack::special_characters(origin)
                .into_iter()
                .map(move |origin| Attack { origin, promise: promise.clone() })
        });
        ask(subject, attacks.collect())
    },
    ..COMMON
};

pub(super) const LOCALHOST: Check = Check {
    id: "cors.reject.localhost",
    rule: "In production no response allows an origin on localhost.",
    rationale: "A development setting in production lets any program that serves a page on a visitor's machine \
                read the API as that visitor.",
    remedy: "Keep development origins out of production's list. FastAPI, Express: read the list from the environment's \
             configuration, not from the code. Here: the rule `cors.origins.public` refuses them in production.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6761#section-6.3",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| ask(subject, attack::localhost(subject)),
    ..COMMON
};

pub(super) const OTHER_PROFILE: Check = Check {
    id: "cors.reject.other-profile",
    rule: "No response allows an origin that only another profile declares.",
    rationale: "Such a grant shows that the deployment runs with another environment's configuration.",
    remedy: "Start the service with this environment's own list: check the start command and the variables of the \
             deployment. Here: `--profile production`.",
    references: &["https://12factor.net/config", "https://cwe.mitre.org/data/definitions/942.html"],
    ask: |subject| ask(subject, attack::from_other_profiles(subject)),
    ..COMMON
};

pub(super) const ALIEN_SCHEME: Check = Check {
    id: "cors.reject.alien-scheme",
    rule: "No response allows an origin that is neither http nor https.",
    rationale: "Browser extensions, wrapped apps and, in some web views, local files send such origins; each of \
                them could then read the API.",
    references: &[
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    ask: |subject| {
        ask(
            subject,
            attack::from_list(
                subject,
                &[
                    "file://",
                    "data:",
                    "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
                    "capacitor://localhost",
                ],
            ),
        )
    },
    ..COMMON
};

fn ask(subject: &Subject<'_>, attacks: Vec<Attack>) -> Ask {
    Ask::all(
        attacks
            .into_iter()
            .map(|attack| Question::new(Probe::get(subject.health()).origin(&attack.origin), attack.promise)),
        "no such origin can be derived from this profile",
    )
}

fn judge(subject: &Subject<'_>, exchanges: &[Exchange]) -> Verdict {
    let declared: Vec<String> = subject.declared_origins().map(|(_, origin)| format!("`{origin}`")).collect();
    Verdict::of_each(exchanges, |exchange, response| {
        let request = &exchange.request;
        let origin = request.header("origin").unwrap_or_default();
        let with = match (
            cors_check(origin, Credentials::Include, response),
            cors_check(origin, Credentials::Omit, response),
        ) {
            (Ok(()), _) => " with credentials",
            (_, Ok(())) => "",
            _ => return Reading::Holds,
        };
        let cookie = if request.header("cookie").is_some() { " with a cookie" } else { "" };
        Reading::Broken(format!(
            "{} {}{cookie} allowed origin `{origin}`{with}; the profile allows only {}",
            request.method,
            request.path,
            declared.join(", ")
        ))
    })
}

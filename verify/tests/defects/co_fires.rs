//! The reasons for which other checks fire on a defect, too.

use verify::model::check::is_within;

/// Checks that may fire beside the intended one: the intended check, the other, and the reason. Each may be a family;
/// the first line that matches applies.
pub(crate) const CO_FIRES: &[(&str, &str, &str)] = &[
    ("http1.framing.ambiguous-length", "", "the backend with this parser answers every head with a bare 404"),
    ("cors.actual.allows-declared-origin", "cors", "an origin without a grant gets none of the others"),
    ("cors.actual.credentials-as-declared", "cors", "with credentials a browser wants exactly `true`"),
    ("cors.actual.single-header", "cors", "a browser joins both values to one that is not an origin"),
    (
        "cors.actual.no-wildcard",
        "cors.actual.allows-declared-origin",
        "with credentials `*` is not an origin",
    ),
    ("cors.actual.no-wildcard", "cors.actual.errors-keep-grant", "with credentials `*` is not an origin"),
    ("cors.actual.no-wildcard", "cors.preflight.allows-declared", "with credentials `*` is not an origin"),
    ("cors.actual.no-wildcard", "cors.reject", "`*` lets every origin read"),
    ("cors.actual.vary-origin", "headers.encoding", "the whole Vary is missing, Accept-Encoding too"),
    ("cors", "cors.actual.denied-is-bare", "an undeclared origin receives a grant"),
    (
        "cors.reject",
        "cors.reject.list-and-duplicates",
        "a list, or the first of two lines, is read as one origin",
    ),
    ("cors.reject.reflected", "cors.reject", "a server that echoes any origin echoes this one"),
    ("cors.reject.prefix", "cors.reject", "this one begins with the declared origin, too"),
    ("cors.reject.suffix", "cors.reject", "this one ends like the declared origin, too"),
    ("cors.reject.substring", "cors.reject.hostile-bytes", "an empty Origin is inside every text"),
    ("cors.reject.hostile-bytes", "run.no-5xx-anywhere", "it reads every answer of the run"),
    ("cors.preflight.rejects-header", "cors.reject.hostile-bytes", "8 KB of a header's name are echoed, too"),
    ("cors.preflight.rejects-header", "cors.preflight", "of two lines the first alone is echoed"),
    ("cors.preflight.rejects-origin", "cors.preflight", "the declared page is granted every method, too"),
    (
        "cors.preflight.authorization-explicit",
        "cors.actual.no-wildcard",
        "`*` is a wildcard in this header, too",
    ),
    (
        "cors.preflight",
        "cors.preflight.allows-declared",
        "it runs the whole algorithm, which fails at any step",
    ),
    ("cors.preflight", "cors.preflight.tolerates-list-syntax", "a refused header is refused in any spelling"),
    ("health.contract.status-and-type", "load.burst", "the burst is answered 503, too"),
    ("health.fresh.latency", "load.burst", "an answer that is slow for one client is slow for a burst"),
    ("health.fresh.not-cached", "headers.security-as-declared", "no-store is one of the declared headers"),
    ("errors.reflect.inert", "errors.shape.as-declared", "a page is not the declared format"),
    ("method.405-with-allow", "cors.preflight", "OPTIONS must be answered with Allow, too"),
    ("headers.cookies", "tls.plain-http.policy", "the redirect to TLS sets the cookie in the clear"),
    ("tls.plain-http.policy", "tls.plain-http.method-kept", "a POST is served without TLS, too"),
];

pub(crate) fn why(main: &str, other: &str) -> Option<&'static str> {
    let fits = |selector: &&str, id: &str| selector.is_empty() || is_within(id, selector);
    let line = CO_FIRES.iter().find(|(of, beside, _)| fits(of, main) && fits(beside, other));
    line.map(|(_, _, why)| *why)
}

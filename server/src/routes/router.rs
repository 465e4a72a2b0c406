//! Which route serves a request, decided from its path and method.

use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;
use profiles::Profile;

use crate::observe::route_label::RouteLabel;
use crate::request::head::METHODS;
use crate::response::refusal::Refusal;
use crate::routes::context::PathParameters;
use crate::routes::route::{Handler, Route};

pub(crate) struct Router {
    paths: matchit::Router<Entry>,
}

struct Entry {
    route: &'static Route,
    index: usize,
    allow: HeaderValue,
}

/// A route by its path, and the path's parameters as they were sent.
pub(crate) struct Match<'r, 'p> {
    entry: &'r Entry,
    parameters: matchit::Params<'r, 'p>,
}

#[derive(Debug)]
pub(crate) enum Found {
    Handler(Handler, RouteLabel, PathParameters),
    /// OPTIONS: what the path serves.
    Options(HeaderValue),
}

/// Two routes have the same path.
#[derive(Debug, thiserror::Error)]
#[error("two routes have the path `{path}`; give one of them another")]
pub struct Conflict {
    path: String,
}

impl Router {
    pub(crate) fn new(routes: &[&'static Route], profile: &Profile) -> Result<Self, Conflict> {
        let mut paths = matchit::Router::new();
        for (index, route) in routes.iter().enumerate().filter(|(_, route)| route.is_served(profile)) {
            let path = (route.path)(profile);
            paths
                .insert(path, Entry { route, index, allow: allow(route) })
                .map_err(|_| Conflict { path: path.to_owned() })?;
        }
        Ok(Self { paths })
    }

    /// The route of this path, whether or not it serves the method.
    pub(crate) fn at<'r, 'p>(&'r self, path: &'p str) -> Option<Match<'r, 'p>> {
        let found = self.paths.at(path).ok()?;
        Some(Match { entry: found.value, parameters: found.params })
    }
}

impl Match<'_, '_> {
    pub(crate) fn label(&self) -> RouteLabel {
        RouteLabel { index: self.entry.index, kind: self.entry.route.kind }
    }

    pub(crate) fn handler(&self, method: &Method) -> Option<Handler> {
        // HEAD is GET without the body (RFC 9110 section 9.3.2).
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.entry.route.methods.iter().find(|(served, _)| served == method).map(|(_, handler)| *handler)
    }
}

/// Finds the handler for this path and method.
pub(crate) fn find(method: &Method, path: &str, at: Option<Match<'_, '_>>) -> Result<Found, Refusal> {
    // RFC 9110 section 15.6.2: 501 for a method that the server does not know for any resource.
    // CONNECT asks for a proxy.
    if !METHODS.contains(&method.as_str()) {
        return Err(Refusal::not_implemented());
    }
    if path == "*" && method == Method::OPTIONS {
        return Ok(Found::Options(HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")));
    }
    let at = at.ok_or_else(Refusal::not_found)?;
    if method == Method::OPTIONS {
        return Ok(Found::Options(at.entry.allow.clone()));
    }
    let Some(handler) = at.handler(method) else {
        return Err(Refusal::method_not_allowed(at.entry.allow.clone()));
    };
    Ok(Found::Handler(handler, at.label(), decode(&at.parameters)?))
}

fn allow(route: &Route) -> HeaderValue {
    let mut methods: Vec<&str> = Vec::new();
    for (method, _) in route.methods {
        methods.push(method.as_str());
        if *method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    HeaderValue::try_from(methods.join(", ")).expect("method names are tokens")
}

fn decode(params: &matchit::Params<'_, '_>) -> Result<PathParameters, Refusal> {
    params
        .iter()
        .map(|(name, raw)| {
            let value = percent_decode_str(raw)
                .decode_utf8()
                .map_err(|_| Refusal::bad_request("the path is not UTF-8"))?;
            Ok((name.into(), value.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::StatusCode;

    use super::*;
    use crate::observe::route_label::RouteKind;
    use crate::response::reply::Reply;
    use crate::routes::context::Context;
    use crate::routes::route::Served;

    fn handler(_: Context) -> futures_util::future::BoxFuture<'static, Result<Reply, Refusal>> {
        std::future::ready(Ok(Reply::empty(StatusCode::OK))).boxed()
    }

    const THING: Route = Route {
        path: |_| "/api/things/{id}",
        methods: &[(Method::GET, Handler::Async(handler)), (Method::PUT, Handler::Async(handler))],
        served: Served::Always,
        kind: RouteKind::Api,
        summary: "One thing.",
    };
    const MANUAL: Route = Route {
        path: |_| "/manual",
        methods: &[(Method::GET, Handler::Async(handler))],
        served: Served::WithDocs,
        ..THING
    };

    fn found(profile: &str, method: &str, path: &str) -> Result<Found, Refusal> {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load(profile, today).unwrap().profile;
        let router = Router::new(&[&THING, &MANUAL], &profile).unwrap();
        find(&method.parse().unwrap(), path, router.at(path))
    }

    fn status(method: &str, path: &str) -> u16 {
        found("production", method, path).map_or_else(|refusal| refusal.status().as_u16(), |_| 200)
    }

    #[test]
    fn a_path_parameter_is_found_by_name_and_decoded() {
        let Ok(Found::Handler(_, label, params)) = found("production", "GET", "/api/things/caf%C3%A9") else {
            panic!("the path is served");
        };
        assert_eq!(label, RouteLabel { index: 0, kind: RouteKind::Api });
        assert_eq!(params, [("id".into(), "café".into())]);
    }

    #[test]
    fn head_is_get_and_other_methods_are_not() {
        assert_eq!(status("HEAD", "/api/things/7"), 200);
        assert_eq!(status("PUT", "/api/things/7"), 200);
        assert_eq!(status("DELETE", "/api/things/7"), 405);
        assert_eq!(status("TRACE", "/api/things/7"), 405);
    }

    #[test]
    fn options_names_exactly_what_is_served() {
        let Ok(Found::Options(allow)) = found("production", "OPTIONS", "/api/things/7") else {
            panic!("OPTIONS is served everywhere");
        };
        assert_eq!(allow, "GET, HEAD, PUT, OPTIONS");
    }

    #[test]
    fn unknown_paths_are_404_and_unknown_methods_501() {
        assert_eq!(status("GET", "/api/things"), 404);
        assert_eq!(status("GET", "/api/things/7/"), 404);
        assert_eq!(status("DELETE", "/nothing"), 404);
        for method in ["BREW", "get", "CONNECT", "PROPFIND"] {
            assert_eq!(status(method, "/api/things/7"), 501, "{method}");
        }
    }

    #[test]
    fn a_route_of_the_docs_is_unknown_where_they_are_hidden() {
        assert!(found("development", "GET", "/manual").is_ok());
        assert_eq!(status("GET", "/manual"), 404);
        assert_eq!(status("POST", "/manual"), 404);
    }

    #[test]
    fn two_routes_cannot_share_a_path() {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("production", today).unwrap().profile;
        assert!(Router::new(&[&THING, &THING], &profile).is_err());
    }
}

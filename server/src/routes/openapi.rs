//! `/openapi.json`: the contract in `specs/`, and every other route.

use bytes::Bytes;
use http::{Method, StatusCode};
use profiles::Profile;
use serde_json::{Map, Value, json};

use crate::observe::route_label::RouteKind;
use crate::response::reply::Reply;
use crate::routes::route::{Handler, Route, Served};

pub(super) const ROUTE: Route = Route {
    path: |_| "/openapi.json",
    methods: &[(
        Method::GET,
        Handler::Sync(|service| Reply::ready_json(StatusCode::OK, service.document.clone())),
    )],
    served: Served::WithDocs,
    kind: RouteKind::Api,
    summary: "This API as an OpenAPI document.",
};

/// The document of the served routes; empty where the profile hides it.
pub(crate) fn document(routes: &[&Route], profile: &Profile) -> Bytes {
    if ROUTE.is_served(profile) { describe(routes, profile).to_string().into() } else { Bytes::new() }
}

/// The path of the health check in the contract; a profile may choose another.
const HEALTH: &str = "/health";

fn describe(routes: &[&Route], profile: &Profile) -> Value {
    let mut document: Value = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/contract.json")))
        .expect("written by build.rs");
    let paths = document["paths"].as_object_mut().expect("the contract has paths");
    if let Some(health) = paths.remove(HEALTH) {
        paths.insert(profile.health.path.to_string(), health);
    }
    for route in routes.iter().filter(|route| route.is_served(profile)) {
        // OpenAPI has no parameter of several segments.
        let path = (route.path)(profile).replace("{*", "{");
        let item = paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
        for (method, _) in route.methods {
            let method = method.as_str().to_ascii_lowercase();
            // The contract's own summary, if it has one.
            item.as_object_mut()
                .expect("a path of the contract has operations")
                .entry(method)
                .or_insert_with(|| operation(route, profile));
        }
    }
    document
}

fn operation(route: &Route, profile: &Profile) -> Value {
    let parameters: Vec<_> = (route.path)(profile)
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({
                "name": name.trim_start_matches('*'), "in": "path", "required": true,
                "schema": {"type": "string"},
            })
        })
        .collect();
    json!({
        "tags": [tag(route)],
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "2XX": {"description": "Done."},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// The heading under which the documentation lists a route.
fn tag(route: &Route) -> &'static str {
    match (route.served, route.kind) {
        (Served::WithDocs, _) => "Documentation",
        (_, RouteKind::Probe) => "Health",
        (_, RouteKind::Api) => "API",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::response::refusal::Refusal;
    use crate::routes::ROUTES;

    #[test]
    fn every_served_route_is_documented_and_nothing_else() {
        for (name, served) in
            [("development", &[Served::Always, Served::WithDocs][..]), ("production", &[Served::Always])]
        {
            let today = jiff::civil::date(2026, 1, 1);
            let profile = profiles::Declaration::load(name, today).unwrap().profile;
            let document = describe(ROUTES, &profile);
            let described: BTreeSet<&str> =
                document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
            let routes = ROUTES.iter().filter(|route| served.contains(&route.served));
            assert_eq!(described, routes.map(|route| (route.path)(&profile)).collect(), "{name}");
        }
    }

    #[test]
    fn a_health_check_elsewhere_is_documented_there() {
        let declaration = variants::development().with("health.path", "/internal/health").declaration();
        let document = describe(ROUTES, &declaration.profile);
        assert!(document["paths"]["/internal/health"]["get"]["responses"]["503"].is_object());
        assert!(document["paths"]["/health"].is_null());
    }

    #[test]
    fn a_method_that_the_contract_leaves_out_is_documented_beside_its_own() {
        const MORE: Route = Route {
            methods: &[(Method::POST, Handler::Async(|_| async { Err(Refusal::not_found()) }.boxed()))],
            ..crate::routes::livez::ROUTE
        };
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("production", today).unwrap().profile;
        let livez = describe(&[&MORE], &profile)["paths"]["/livez"].take();
        assert_eq!(livez["get"]["operationId"], "livez");
        assert_eq!(livez["post"]["summary"], "Whether the process runs.");
    }

    #[test]
    fn a_path_parameter_is_documented() {
        let thing = Route { path: |_| "/api/things/{id}", ..crate::routes::livez::ROUTE };
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("production", today).unwrap().profile;
        let document = describe(&[&thing], &profile);
        assert_eq!(document["paths"]["/api/things/{id}"]["get"]["parameters"][0]["name"], "id");
    }
}

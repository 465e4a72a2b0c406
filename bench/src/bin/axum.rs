//! axum as its users set it up: its own runtime, and the layers of tower-http.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use axum::routing::get;
use bench::database;
use deadpool_postgres::Pool;
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;

type Answer = (StatusCode, [(HeaderName, &'static str); 1], &'static str);

#[tokio::main]
async fn main() {
    let cors = CorsLayer::new()
        .allow_origin(bench::ORIGINS.map(HeaderValue::from_static))
        .allow_methods(bench::METHODS.map(|method| method.parse::<Method>().expect("a method")))
        .allow_headers(bench::REQUEST_HEADERS.map(HeaderName::from_static))
        .expose_headers([HeaderName::from_static(bench::EXPOSED_HEADER)])
        .allow_credentials(true)
        .max_age(Duration::from_secs(bench::MAX_AGE));
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10)))
        .layer(cors)
        .layer(RequestBodyLimitLayer::new(bench::BODY_LIMIT));
    let routes = Router::new()
        .route("/livez", get(async || json(StatusCode::OK, bench::LIVE)))
        .route("/health", get(health))
        .layer(layers)
        .with_state(database::pool());
    let listener = tokio::net::TcpListener::bind(bench::address()).await.expect("a free port");
    axum::serve(listener, routes).await.expect("it serves until it is killed");
}

async fn health(State(pool): State<Pool>) -> Answer {
    match database::is_connected(&pool).await {
        true => json(StatusCode::OK, bench::HEALTHY),
        false => json(StatusCode::SERVICE_UNAVAILABLE, bench::UNHEALTHY),
    }
}

fn json(status: StatusCode, body: &'static str) -> Answer {
    (status, [(CONTENT_TYPE, "application/json")], body)
}

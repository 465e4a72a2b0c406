//! actix-web with its own CORS and one worker.

use actix_cors::Cors;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use bench::database;
use deadpool_postgres::Pool;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let pool = database::pool();
    let serve = move || {
        let cors = Cors::default()
            .allowed_methods(bench::METHODS)
            .allowed_headers(bench::REQUEST_HEADERS)
            .expose_headers([bench::EXPOSED_HEADER])
            .supports_credentials()
            .max_age(usize::try_from(bench::MAX_AGE).ok());
        let cors = bench::ORIGINS.iter().fold(cors, |cors, origin| cors.allowed_origin(origin));
        App::new()
            .app_data(Data::new(pool.clone()))
            .wrap(cors)
            .route("/livez", web::get().to(async || json(StatusCode::OK, bench::LIVE)))
            .route("/health", web::get().to(health))
    };
    HttpServer::new(serve).workers(1).bind(bench::address())?.run().await
}

async fn health(pool: Data<Pool>) -> HttpResponse {
    match database::is_connected(&pool).await {
        true => json(StatusCode::OK, bench::HEALTHY),
        false => json(StatusCode::SERVICE_UNAVAILABLE, bench::UNHEALTHY),
    }
}

fn json(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type("application/json").body(body)
}

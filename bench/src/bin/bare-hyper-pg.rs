//! Answers `/livez` and, from its database, `/health`, with CORS.

use bench::{bare, cors, database};
use http::StatusCode;

fn main() {
    let pool = database::pool();
    bare::serve(move |request| {
        let pool = pool.clone();
        async move {
            if let Some(answer) = cors::preflight(&request) {
                return answer;
            }
            let origin = cors::allowed(request.headers());
            let answer = match request.uri().path() {
                "/livez" => bare::live(),
                // Boxed, so that idle connections do not reserve space for it.
                "/health" => bare::healthy(Box::pin(database::is_connected(&pool)).await),
                _ => bare::empty(StatusCode::NOT_FOUND),
            };
            cors::grant(answer, origin)
        }
    });
}

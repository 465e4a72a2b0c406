//! Answers `/livez`, with CORS.

use bench::{bare, cors};
use http::StatusCode;

fn main() {
    bare::serve(async |request| {
        if let Some(answer) = cors::preflight(&request) {
            return answer;
        }
        let origin = cors::allowed(request.headers());
        let answer = match request.uri().path() {
            "/livez" => bare::live(),
            _ => bare::empty(StatusCode::NOT_FOUND),
        };
        cors::grant(answer, origin)
    });
}

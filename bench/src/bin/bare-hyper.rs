//! Answers `/livez` and nothing else.

use bench::bare;
use http::StatusCode;

fn main() {
    bare::serve(async |request| match request.uri().path() {
        "/livez" => bare::live(),
        _ => bare::empty(StatusCode::NOT_FOUND),
    });
}

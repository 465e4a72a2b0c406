//! Shared by all contenders: routes, CORS, address, database.

pub mod bare;
pub mod cors;
pub mod database;

/// The origins of the production profile; every contender allows the same.
pub const ORIGINS: [&str; 2] = ["https://todo.example.com", "https://www.example.com"];
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
pub const REQUEST_HEADERS: [&str; 2] = ["authorization", "content-type"];
pub const EXPOSED_HEADER: &str = "x-request-id";
pub const MAX_AGE: u64 = 600;
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The answers' bodies.
pub const LIVE: &str = r#"{"status":"ok"}"#;
pub const HEALTHY: &str = r#"{"status":"ok","database":"connected"}"#;
pub const UNHEALTHY: &str = r#"{"status":"unhealthy","database":"disconnected"}"#;

pub fn address() -> (&'static str, u16) {
    let port = std::env::var("PORT").expect("PORT says where to listen");
    ("127.0.0.1", port.parse().expect("PORT is a number"))
}

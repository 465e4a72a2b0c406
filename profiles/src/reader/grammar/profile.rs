//! Generated from the types in `src/profile.rs`:
//! `UPDATE_REFERENCES=1 cargo test -p profiles --test reference` writes it.

use super::{Format, Kind, Setting};

#[rustfmt::skip]
pub(super) static PROFILE: Setting = Setting::new(Kind::Table { required: 14, settings: &[
    ("environment", Setting::new(Kind::Choice(&["development", "production"]), "\"development\"")),
    ("server", Setting::new(Kind::Table { required: 14, settings: &[
        ("address", Setting::new(Kind::Text(Format::Ip), "\"::\"")),
        ("port", Setting::new(Kind::Integer { least: 1, most: 65_535 }, "8080")),
        ("docs", Setting::new(Kind::Choice(&["hidden", "shown"]), "\"hidden\"")),
        ("request_timeout", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
        ("header_timeout", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
        ("body_timeout", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
        ("write_timeout", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
        ("keep_alive_timeout", Setting::new(Kind::Text(Format::Duration), "\"75s\"")),
        ("drain_timeout", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
        ("body_limit", Setting::new(Kind::Text(Format::Size), "\"1MiB\"")),
        ("header_limit", Setting::new(Kind::Text(Format::Size), "\"32KiB\"")),
        ("uri_limit", Setting::new(Kind::Text(Format::Size), "\"8KiB\"")),
        ("max_connections", Setting::new(Kind::Integer { least: 1, most: 1_000_000 }, "10000")),
        ("max_requests", Setting::new(Kind::Integer { least: 1, most: 1_000_000 }, "1000")),
    ] }, "\"…\"")),
    ("health", Setting::new(Kind::Table { required: 3, settings: &[
        ("path", Setting::new(Kind::Text(Format::Path), "\"/health\"")),
        ("budget", Setting::new(Kind::Text(Format::Duration), "\"2s\"")),
        ("contract", Setting::new(Kind::Choice(&["full", "status"]), "\"full\"")),
    ] }, "\"…\"")),
    ("cors", Setting::new(Kind::Table { required: 6, settings: &[
        ("origins", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Origin), "\"https://app.example.com\"") }, "[\"https://app.example.com\"]")),
        ("methods", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Method), "\"GET\"") }, "[\"GET\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\"]")),
        ("request_headers", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::FieldName), "\"authorization\"") }, "[\"authorization\", \"content-type\"]")),
        ("exposed_headers", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::FieldName), "\"authorization\"") }, "[\"x-request-id\"]")),
        ("credentials", Setting::new(Kind::Boolean, "true")),
        ("max_age", Setting::new(Kind::Text(Format::Duration), "\"10m\"")),
    ] }, "\"…\"")),
    ("database", Setting::new(Kind::Table { required: 3, settings: &[
        ("url_variable", Setting::new(Kind::Text(Format::Variable), "\"DATABASE_URL\"")),
        ("tls", Setting::new(Kind::Choice(&["always", "outside-loopback"]), "\"always\"")),
        ("pool_mode", Setting::new(Kind::Choice(&["direct", "session", "transaction"]), "\"direct\"")),
    ] }, "\"…\"")),
    ("pool", Setting::new(Kind::Table { required: 8, settings: &[
        ("size", Setting::new(Kind::Integer { least: 1, most: 10_000 }, "10")),
        ("overflow", Setting::new(Kind::Integer { least: 0, most: 10_000 }, "2")),
        ("acquire_timeout", Setting::new(Kind::Text(Format::Duration), "\"2s\"")),
        ("create_timeout", Setting::new(Kind::Text(Format::Duration), "\"8s\"")),
        ("create_limit", Setting::new(Kind::Integer { least: 1, most: 10_000 }, "4")),
        ("ping_after", Setting::new(Kind::Text(Format::Duration), "\"5s\"")),
        ("recycle_after", Setting::new(Kind::Text(Format::Duration), "\"1h\"")),
        ("idle_trim", Setting::new(Kind::Text(Format::Duration), "\"4m\"")),
    ] }, "\"…\"")),
    ("secrets", Setting::new(Kind::Table { required: 1, settings: &[
        ("required", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Variable), "\"DATABASE_URL\"") }, "[\"DATABASE_URL\"]")),
    ] }, "\"…\"")),
    ("platform", Setting::new(Kind::Table { required: 4, settings: &[
        ("replicas", Setting::new(Kind::Integer { least: 1, most: 1_000 }, "1")),
        ("drain_granted", Setting::new(Kind::Text(Format::Duration), "\"15s\"")),
        ("database_connections", Setting::new(Kind::Integer { least: 1, most: 262_143 }, "104")),
        ("database_reserved", Setting::new(Kind::Integer { least: 0, most: 262_143 }, "7")),
    ] }, "\"…\"")),
    ("deployment", Setting::new(Kind::Table { required: 2, settings: &[
        ("url", Setting::new(Kind::Text(Format::Origin), "\"https://api.example.com\"")),
        ("release_header", Setting::new(Kind::Text(Format::FieldName), "\"x-release\"")),
        ("request_id_header", Setting::new(Kind::Text(Format::FieldName), "\"x-request-id\"")),
    ] }, "\"…\"")),
    ("edge", Setting::new(Kind::Table { required: 3, settings: &[
        ("plain_http", Setting::new(Kind::Choice(&["redirect", "refuse", "closed"]), "\"redirect\"")),
        ("http2", Setting::new(Kind::Choice(&["offered", "absent"]), "\"offered\"")),
        ("certificate_days", Setting::new(Kind::Integer { least: 1, most: 365 }, "14")),
        ("hsts", Setting::new(Kind::Text(Format::Duration), "\"365d\"")),
    ] }, "\"…\"")),
    ("load", Setting::new(Kind::Table { required: 4, settings: &[
        ("burst", Setting::new(Kind::Integer { least: 1, most: 1_000 }, "100")),
        ("p50", Setting::new(Kind::Text(Format::Duration), "\"500ms\"")),
        ("p95", Setting::new(Kind::Text(Format::Duration), "\"1s\"")),
        ("p99", Setting::new(Kind::Text(Format::Duration), "\"2s\"")),
        ("rate_limit", Setting::new(Kind::Integer { least: 1, most: 10_000 }, "600")),
    ] }, "\"…\"")),
    ("drill", Setting::new(Kind::Table { required: 3, settings: &[
        ("reads", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Path), "\"/health\"") }, "[\"/api/items\"]")),
        ("writes", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Path), "\"/health\"") }, "[\"/api/items\"]")),
        ("recovery", Setting::new(Kind::Text(Format::Duration), "\"10s\"")),
    ] }, "\"…\"")),
    ("verify", Setting::new(Kind::Table { required: 9, settings: &[
        ("families", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Choice(&["run", "cors", "health", "exposure", "errors", "method", "http1", "http2", "tls", "headers", "load", "drill"]), "\"run\"") }, "[\"run\", \"cors\", \"health\", \"exposure\", \"errors\", \"method\", \"http1\", \"http2\", \"tls\", \"headers\", \"load\", \"drill\"]")),
        ("errors", Setting::new(Kind::Choice(&["problem-json", "json", "any"]), "\"problem-json\"")),
        ("docs", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Path), "\"/health\"") }, "[\"/docs\", \"/openapi.json\"]")),
        ("timeout", Setting::new(Kind::Text(Format::Duration), "\"5s\"")),
        ("health_latency", Setting::new(Kind::Text(Format::Duration), "\"2s\"")),
        ("clock_skew", Setting::new(Kind::Text(Format::Duration), "\"30s\"")),
        ("requests", Setting::new(Kind::Integer { least: 1, most: 100_000 }, "500")),
        ("requests_per_second", Setting::new(Kind::Integer { least: 1, most: 10_000 }, "20")),
        ("concurrency", Setting::new(Kind::Integer { least: 1, most: 256 }, "8")),
    ] }, "\"…\"")),
    ("launch", Setting::new(Kind::Table { required: 3, settings: &[
        ("build", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Any), "\"…\"") }, "[\"cargo\", \"build\", \"--release\"]")),
        ("command", Setting::new(Kind::List { least: 1, items: &Setting::new(Kind::Text(Format::Any), "\"…\"") }, "[\"./bin/server\", \"--profile\", \"production\"]")),
        ("ready", Setting::new(Kind::Text(Format::Duration), "\"60s\"")),
    ] }, "\"…\"")),
    ("client_ip", Setting::new(Kind::Table { required: 2, settings: &[
        ("header", Setting::new(Kind::Text(Format::FieldName), "\"x-real-ip\"")),
        ("trusted", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Text(Format::Network), "\"100.64.0.0/10\"") }, "[\"100.64.0.0/10\"]")),
    ] }, "\"…\"")),
    ("metrics", Setting::new(Kind::Table { required: 2, settings: &[
        ("address", Setting::new(Kind::Text(Format::Ip), "\"127.0.0.1\"")),
        ("port", Setting::new(Kind::Integer { least: 1, most: 65_535 }, "9090")),
    ] }, "\"…\"")),
    ("waivers", Setting::new(Kind::List { least: 0, items: &Setting::new(Kind::Table { required: 3, settings: &[
        ("check", Setting::new(Kind::Text(Format::CheckId), "\"cors.reject.null\"")),
        ("reason", Setting::new(Kind::Text(Format::Sentence), "\"why the failure is accepted for now\"")),
        ("expires", Setting::new(Kind::Text(Format::Date), "\"2026-12-31\"")),
    ] }, "\"…\"") }, "[\"…\"]")),
] }, "\"…\"");

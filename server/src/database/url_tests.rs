//! Every spelling of a connection URL, and its parsed form.

use profiles::{Declaration, EMBEDDED};

use super::*;

const REMOTE: &str = "postgresql://app:n7Jq0Zt5@db.example.net/app";
const LOCAL: &str = "postgresql://app@localhost/app";

fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let (_, file, text) = EMBEDDED[1];
    let mut policy = Declaration::parse(file, text, jiff::civil::date(2026, 1, 1)).unwrap().profile.database;
    change(&mut policy);
    policy
}

fn parse(url: &str) -> Result<Config, UrlError> {
    Address::parse(url, &policy(|_| {})).map(|address| address.config)
}

fn mode(url: &str) -> Result<SslMode, UrlError> {
    parse(url).map(|config| config.get_ssl_mode())
}

fn refusal(url: &str) -> String {
    parse(url).expect_err(url).to_string()
}

#[test]
fn every_frameworks_scheme_is_understood() {
    for scheme in ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg2", "postgres+psycopg"]
    {
        let config = parse(&format!("{scheme}://app:n7Jq0Zt5@db.example.net:6432/app")).unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("db.example.net".to_owned())], "{scheme}");
        assert_eq!(
            (config.get_ports(), config.get_user(), config.get_dbname()),
            (&[6432][..], Some("app"), Some("app"))
        );
    }
    for url in ["mysql://a@b/c", "db.example.net", "host=db user=app", "https://a@b/c", "postgresql"] {
        assert_eq!(parse(url).unwrap_err(), UrlError::Scheme, "{url}");
    }
}

#[test]
fn outside_this_machine_tls_is_required_whatever_the_url_says_weakly() {
    for options in [
        "",
        "?sslmode=allow",
        "?sslmode=prefer",
        "?sslmode=require",
        "?sslmode=verify-ca",
        "?sslmode=verify-full",
        "?ssl=require",
        "?ssl=true",
        "?sslmode=verify-full&sslrootcert=system",
    ] {
        assert_eq!(mode(&format!("{REMOTE}{options}")), Ok(SslMode::Require), "{options}");
    }
    for options in ["?sslmode=disable", "?ssl=false"] {
        assert_eq!(mode(&format!("{REMOTE}{options}")), Err(UrlError::NoTls), "{options}");
    }
}

#[test]
fn on_this_machine_tls_is_used_only_when_it_is_asked_for() {
    for host in ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "LOCALHOST"] {
        let url = format!("postgresql://app@{host}/app");
        assert_eq!(mode(&url), Ok(SslMode::Disable), "{host}");
        assert_eq!(mode(&format!("{url}?sslmode=prefer")), Ok(SslMode::Disable), "{host}");
        assert_eq!(mode(&format!("{url}?sslmode=verify-full")), Ok(SslMode::Require), "{host}");
    }
    for host in ["localhost.example.net", "128.0.0.1", "0.0.0.0", "10.0.0.1", "[::2]"] {
        assert_eq!(mode(&format!("postgresql://app:n7Jq0Zt5@{host}/app")), Ok(SslMode::Require), "{host}");
    }
}

#[test]
fn one_remote_host_among_several_requires_tls() {
    assert_eq!(mode("postgresql://app:n7Jq0Zt5@localhost,db.example.net/app"), Ok(SslMode::Require));
    let elsewhere = "postgresql://app:n7Jq0Zt5@localhost/app?hostaddr=10.0.0.1";
    assert_eq!(mode(elsewhere), Ok(SslMode::Require), "the address counts, not the name");
}

#[test]
fn a_policy_of_always_includes_this_machine() {
    let always = policy(|policy| policy.tls = TlsPolicy::Always);
    let parse = |url: &str| Address::parse(url, &always).map(|address| address.config.get_ssl_mode());
    assert_eq!(parse(LOCAL), Ok(SslMode::Require));
    assert_eq!(parse(&format!("{LOCAL}?sslmode=disable")), Err(UrlError::NoTls));
    assert_eq!(parse("postgresql://app@/app?host=/run/postgresql"), Err(UrlError::SocketWithTls));
}

#[test]
fn a_unix_socket_needs_no_tls() {
    assert_eq!(mode("postgresql://app@/app?host=/run/postgresql"), Ok(SslMode::Disable));
}

#[test]
fn what_a_pooler_needs_is_already_so() {
    for option in
        ["pgbouncer=true", "statement_cache_size=0", "prepared_statement_cache_size=0", "gssencmode=disable"]
    {
        assert!(parse(&format!("{REMOTE}?{option}")).is_ok(), "{option}");
    }
}

#[test]
fn neons_own_url_is_understood() {
    let config = parse(
        "postgresql://app:n7Jq0Zt5@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app\
         ?sslmode=require&channel_binding=require",
    )
    .unwrap();
    assert_eq!(config.get_ssl_mode(), SslMode::Require);
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
    assert!(parse(&format!("{REMOTE}?options=endpoint%3Dep-cool-darkness")).is_ok());
}

#[test]
fn a_private_authority_is_a_file_and_a_wish_for_tls() {
    let address = Address::parse(&format!("{LOCAL}?sslrootcert=certs%2Fca.pem"), &policy(|_| {})).unwrap();
    assert_eq!(address.authority.as_deref(), Some(std::path::Path::new("certs/ca.pem")));
    assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
}

#[test]
fn tls_needs_the_name_that_it_verifies() {
    let url = "postgresql://app:n7Jq0Zt5@/app?hostaddr=10.0.0.1";
    assert_eq!(parse(url).unwrap_err(), UrlError::NoName);
    let named = parse("postgresql://app:n7Jq0Zt5@db.example.net/app?hostaddr=10.0.0.1").unwrap();
    assert_eq!(named.get_ssl_mode(), SslMode::Require);
}

#[test]
fn a_password_may_hold_anything_that_is_percent_encoded() {
    let config = parse("postgresql+asyncpg://app:p%40s%2Fs%3Fw%25rd%23@db.example.net/app").unwrap();
    assert_eq!(config.get_password(), Some(&b"p@s/s?w%rd#"[..]));
}

#[test]
fn libpqs_milliseconds_stay_milliseconds() {
    let config = parse(&format!("{REMOTE}?tcp_user_timeout=1500")).unwrap();
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(1500)));
}

#[test]
fn what_cannot_be_honoured_is_refused_with_a_remedy() {
    for (option, said) in [
        ("statement_timeout=5000", "ALTER ROLE"),
        ("options=-c%20statement_timeout%3D5s", "ALTER ROLE"),
        ("schema=public", "ALTER ROLE"),
        ("sslrootcert=", "authority's certificate in PEM form"),
        ("sslmode=verify-full&ssl=false", "says twice"),
        ("sslsni=0", "Neon finds the database by it"),
        ("ssl_min_protocol_version=TLSv1.3", "TLS 1.2 and 1.3"),
        ("sslmode=disable&sslrootcert=ca.pem", "asks for no TLS"),
        ("host=other.example.net&hostaddr=10.0.0.1", "different number"),
        ("sslcert=/etc/me.pem", "remove it"),
        ("connection_limit=5", "[pool]"),
        ("sslmode=yes", "sslmode=verify-full"),
        ("gssencmode=require", "remove it"),
        ("wheels=4", "remove it"),
    ] {
        let refusal = refusal(&format!("{REMOTE}?{option}"));
        assert!(refusal.contains(said), "{option}: {refusal}");
    }
}

#[test]
fn start_up_options_are_kept_where_no_transaction_pooler_stands() {
    let direct = policy(|policy| policy.pool_mode = PoolMode::Direct);
    let config = Address::parse(&format!("{REMOTE}?options=-c%20lock_timeout%3D5s"), &direct).unwrap().config;
    assert_eq!(config.get_options(), Some("-c lock_timeout=5s"));
}

#[test]
fn a_url_without_its_parts_is_refused() {
    assert_eq!(parse("postgresql:///app?user=app").unwrap_err(), UrlError::Missing("host"));
    assert_eq!(parse("postgresql://localhost/app").unwrap_err(), UrlError::Missing("user"));
    assert_eq!(parse("postgresql://app@localhost").unwrap_err(), UrlError::Missing("database"));
    assert_eq!(parse("postgresql://app@localhost/").unwrap_err(), UrlError::Missing("database"));
    assert!(matches!(parse("postgresql://app@localhost:http/app").unwrap_err(), UrlError::Form(_)));
}

#[test]
fn channel_binding_and_direct_negotiation_need_tls() {
    let url = format!("{LOCAL}?channel_binding=require");
    assert_eq!(parse(&url).unwrap_err(), UrlError::BindingWithoutTls);
    let url = format!("{LOCAL}?sslnegotiation=direct");
    assert_eq!(parse(&url).unwrap_err(), UrlError::DirectWithoutTls);
    assert!(parse(&format!("{REMOTE}?sslnegotiation=direct")).is_ok());
}

#[test]
fn no_refusal_repeats_the_password() {
    for url in [
        "mysql://app:hunter2@db/app",
        "postgresql://app:hunter2@localhost:http/app",
        "postgresql://app:hunter2@db.example.net/app?wheels=4",
        "postgresql://app:hunter2@db.example.net/app?sslmode=disable",
        "postgresql://app:hunter2@",
        "postgresql://app:p@hunter2@db.example.net/app",
        "postgresql://app:p@hunter2/app@db.example.net",
        "postgresql://app@hunter2!/app",
        "postgresql://app:hunter2@localhost/%ff",
    ] {
        assert!(!refusal(url).contains("hunter2"), "{url}");
    }
}

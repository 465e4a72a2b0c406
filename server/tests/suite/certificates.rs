//! Certificates of databases: those that libpq's `verify-full` accepts and platforms issue, and those that must be
//! refused.

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use testkit::{Postgres, url};

use crate::tls::{assert_logged, health};

/// A certificate with its key and its parameters, which also signs others.
struct Owner {
    certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

type Change = fn(&mut CertificateParams);

impl Owner {
    fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), params, key }
    }

    fn authority(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::self_signed(params)
    }

    fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        Self { certificate: params.signed_by(&key, &issuer).unwrap(), params, key }
    }
}

fn server(host: &str, changes: &[Change]) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a database");
    for change in changes {
        change(&mut params);
    }
    params
}

/// From a platform's template, without the permission to sign.
fn says_ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::ContentCommitment,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
    ];
}

/// As in PostgreSQL's manual: only the common name contains the host.
fn common_name_only(params: &mut CertificateParams) {
    params.subject_alt_names.clear();
    params.distinguished_name.push(DnType::CommonName, "localhost");
}

fn expired(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
}

fn of_tomorrow(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    params.not_after = rcgen::date_time_ymd(4096, 1, 1);
}

fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

/// A PostgreSQL whose certificate changes.
struct Shown {
    postgres: Postgres,
    folder: TempDir,
    host: &'static str,
}

impl Shown {
    fn new() -> Self {
        Self { postgres: Postgres::start().unwrap(), folder: tempfile::tempdir().unwrap(), host: "localhost" }
    }

    fn shows(&mut self, owner: &Owner, chain: &[&Owner]) -> &Self {
        let certificates: String =
            [&[owner], chain].concat().iter().map(|owner| owner.certificate.pem()).collect();
        self.postgres.show(&certificates, &owner.key.serialize_pem());
        self
    }

    fn url(&self, declared: &[&Owner]) -> String {
        let file: PathBuf = self.folder.path().join("declared.pem");
        fs::write(&file, declared.iter().map(|owner| owner.certificate.pem()).collect::<String>()).unwrap();
        let url = url(self.host, self.postgres.port());
        format!("{url}?sslrootcert={}&sslmode=verify-full", file.display())
    }

    async fn is_accepted_with(&self, declared: &[&Owner]) {
        let url = self.url(declared);
        let weaker = url.replace("verify-full", "verify-ca");
        for url in [url.clone(), weaker, url.clone() + "&hostaddr=127.0.0.1"] {
            assert_eq!(health(&url).await, 200, "{url}");
        }
        // TLS 1.2 signs other data.
        assert_eq!(health(&(url + "&channel_binding=require")).await, 200);
    }

    async fn is_refused_with(&self, declared: &[&Owner], class: &str, remedy: &str) {
        assert_logged(&self.url(declared), class, remedy).await;
    }
}

#[tokio::test]
async fn a_leaf_that_says_ca_is_accepted_from_a_declared_authority() {
    let (root, other, mut shown) = (Owner::authority("root-ca"), Owner::authority("root-ca"), Shown::new());
    let leaf = root.issue(server("localhost", &[says_ca]));
    shown.shows(&leaf, &[]).is_accepted_with(&[&root]).await;
    // In a file with other certificates, one of the same name.
    assert_eq!(health(&shown.url(&[&Owner::authority("another"), &other, &root])).await, 200);
    shown.is_refused_with(&[&other], "tls-untrusted", "copy the authority's certificate again").await;
    shown.is_refused_with(&[&Owner::authority("another")], "tls-untrusted", "`sslrootcert`").await;
    let undeclared = url("localhost", shown.postgres.port()) + "?sslmode=verify-full";
    assert_logged(&undeclared, "tls-untrusted", "`sslrootcert`").await;

    let leaf = root.issue(server("elsewhere.example.net", &[says_ca]));
    shown.shows(&leaf, &[]).is_refused_with(&[&root], "tls-wrong-host", "`hostaddr=…`").await;
    let leaf = root.issue(server("localhost", &[says_ca, expired]));
    shown.shows(&leaf, &[]).is_refused_with(&[&root], "tls-expired", "renew it").await;
    let leaf = root.issue(server("localhost", &[says_ca, common_name_only]));
    shown.shows(&leaf, &[]).is_refused_with(&[&root], "tls-no-host", "subjectAltName=DNS:").await;
}

#[tokio::test]
async fn a_certificate_that_is_declared_itself_is_accepted() {
    let (root, mut shown) = (Owner::authority("root-ca"), Shown::new());
    for owner in [
        Owner::self_signed(server("localhost", &[says_ca])),
        Owner::self_signed(server("localhost", &[])),
        Owner::self_signed(server("localhost", &[says_ca, common_name_only])),
        root.issue(server("localhost", &[says_ca])),
        root.issue(server("localhost", &[])),
    ] {
        shown.shows(&owner, &[]).is_accepted_with(&[&owner]).await;
    }
    let undeclared = Owner::self_signed(server("localhost", &[says_ca]));
    shown.shows(&undeclared, &[]).is_refused_with(&[&root], "tls-self-signed", "`sslrootcert`").await;
}

#[tokio::test]
async fn a_declared_certificate_holds_for_its_host_and_its_dates_only() {
    let mut shown = Shown::new();
    for (changes, class, remedy) in [
        (&[says_ca as Change, expired][..], "tls-expired", "renew it"),
        (&[of_tomorrow], "tls-expired", "this machine's clock"),
        (&[says_ca, for_clients], "tls-unusable", "extendedKeyUsage=serverAuth"),
    ] {
        let owner = Owner::self_signed(server("localhost", changes));
        shown.shows(&owner, &[]).is_refused_with(&[&owner], class, remedy).await;
    }
    let elsewhere = Owner::self_signed(server("elsewhere.example.net", &[says_ca]));
    shown.shows(&elsewhere, &[]).is_refused_with(&[&elsewhere], "tls-wrong-host", "`hostaddr=…`").await;
    // A common name counts only if no host is named.
    let unnamed =
        Owner::self_signed(server("localhost", &[says_ca, |params| params.subject_alt_names.clear()]));
    shown.shows(&unnamed, &[]).is_refused_with(&[&unnamed], "tls-no-host", "subjectAltName=DNS:").await;
}

#[tokio::test]
async fn a_chain_is_followed_to_the_declared_authority() {
    let (root, mut shown) = (Owner::authority("root-ca"), Shown::new());
    let intermediate = root.issue(Owner::authority("intermediate").params);
    let leaf = intermediate.issue(server("localhost", &[]));
    shown.shows(&leaf, &[&intermediate]).is_accepted_with(&[&root]).await;
    shown.shows(&leaf, &[]).is_refused_with(&[&root], "tls-untrusted", "`sslrootcert`").await;

    let leaf = intermediate.issue(server("localhost", &[says_ca]));
    shown
        .shows(&leaf, &[&intermediate])
        .is_refused_with(&[&root], "tls-unusable", "name the certificate")
        .await;
    shown.is_accepted_with(&[&leaf]).await;
    shown.is_accepted_with(&[&intermediate]).await;
}

#[tokio::test]
async fn an_address_is_a_host_that_a_certificate_names() {
    let (root, mut shown) = (Owner::authority("root-ca"), Shown::new());
    shown.host = "127.0.0.1";
    let leaf = root.issue(server("127.0.0.1", &[says_ca]));
    shown.shows(&leaf, &[]).is_accepted_with(&[&root]).await;
    let own = Owner::self_signed(server("127.0.0.1", &[says_ca]));
    shown.shows(&own, &[]).is_accepted_with(&[&own]).await;
    let own = Owner::self_signed(server("127.0.0.2", &[says_ca]));
    shown.shows(&own, &[]).is_refused_with(&[&own], "tls-wrong-host", "use a host name").await;
}

//! The certificates that the verifier accepts, and that every changed bit is refused.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::pem::PemObject as _;

use super::*;

type Change = fn(&mut CertificateParams);

const HOST: &str = "db.example.net";

fn leaf(change: Change) -> CertificateParams {
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "a database");
    change(&mut params);
    params
}

/// A leaf with `CA:TRUE`, and the authority that signed it.
fn issued(root: Change, change: Change) -> (CertificateDer<'static>, CertificateDer<'static>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "root-ca");
    root(&mut params);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let leaf = leaf(change).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    (leaf.der().clone(), root.der().clone())
}

fn verify(shown: &CertificateDer<'_>, declared: &CertificateDer<'static>) -> Result<(), CertificateError> {
    let mut roots = RootCertStore::empty();
    roots.add(declared.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(roots, vec![declared.clone()], provider);
    // In 2027.
    let now = UnixTime::since_unix_epoch(Duration::from_hours(500_000));
    let name = ServerName::try_from(HOST).unwrap();
    match verifier.verify_server_cert(shown, &[], &name, &[], now) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

const AS_IT_IS: Change = |_| {};

#[test]
fn not_one_bit_of_a_certificate_may_be_another() {
    let (leaf, root) = issued(AS_IT_IS, AS_IT_IS);
    let own = self::leaf(AS_IT_IS).self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    for (shown, declared) in [(&leaf, &root), (&own, &own)] {
        assert_eq!(verify(shown, declared), Ok(()));
        for bit in 0..shown.len() * 8 {
            let mut other = shown.to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            let refused = verify(&CertificateDer::from(other), declared);
            assert!(refused.is_err(), "bit {bit} of {}", shown.len() * 8);
        }
    }
}

#[test]
fn only_an_authority_that_may_sign_for_every_host_vouches_for_one_that_says_ca() {
    let for_everything: Change = |root| root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let (leaf, root) = issued(for_everything, AS_IT_IS);
    assert_eq!(verify(&leaf, &root), Ok(()));
    for root in [
        (|root| root.is_ca = IsCa::ExplicitNoCa) as Change,
        |root| root.is_ca = IsCa::NoCa,
        |root| root.key_usages = vec![KeyUsagePurpose::CrlSign],
        |root| {
            let permitted_subtrees = vec![GeneralSubtree::DnsName("example.org".to_owned())];
            root.name_constraints =
                Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        },
    ] {
        let (leaf, root) = issued(root, AS_IT_IS);
        assert_eq!(verify(&leaf, &root), Err(CertificateError::BadSignature));
    }
}

#[test]
fn what_else_webpki_asks_is_asked_of_one_that_says_ca() {
    let refused = |change| {
        let (leaf, root) = issued(AS_IT_IS, change);
        verify(&leaf, &root).unwrap_err()
    };
    let other_host = refused(|leaf| leaf.subject_alt_names = leaf_of("other.example.net").subject_alt_names);
    assert!(matches!(other_host, CertificateError::NotValidForNameContext { .. }));
    let over = refused(|leaf| leaf.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert!(matches!(over, CertificateError::ExpiredContext { .. }));
    let to_come = refused(|leaf| leaf.not_before = rcgen::date_time_ymd(2050, 1, 1));
    assert!(matches!(to_come, CertificateError::NotValidYetContext { .. }));
    let for_clients = refused(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(for_clients, CertificateError::InvalidPurpose);
    let unnamed = refused(|leaf| leaf.subject_alt_names.clear());
    assert_eq!(flaw(&unnamed), Some(&Flaw::NoHost));
    let critical = refused(|leaf| {
        let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        leaf.custom_extensions.push(unknown);
    });
    assert_eq!(objection(&critical), Some(&webpki::Error::UnsupportedCriticalExtension));
}

fn flaw(refusal: &CertificateError) -> Option<&Flaw> {
    let CertificateError::Other(OtherError(error)) = refusal else {
        return None;
    };
    error.downcast_ref()
}

fn leaf_of(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

#[test]
fn the_key_of_a_declared_certificate_vouches_for_no_other_that_says_ca() {
    let key = KeyPair::generate().unwrap();
    let params = leaf(|leaf| leaf.is_ca = IsCa::NoCa);
    let declared = params.self_signed(&key).unwrap().der().clone();
    let other = leaf(AS_IT_IS).signed_by(&KeyPair::generate().unwrap(), &Issuer::new(params, key)).unwrap();
    assert!(verify(other.der(), &declared).is_err());
}

#[test]
fn a_certificate_of_version_1_names_no_host_and_is_named_so() {
    let old = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
    let refused = verify(&old, &old).unwrap_err();
    assert_eq!(objection(&refused), Some(&webpki::Error::UnsupportedCertVersion));
}

/// `openssl x509 -req -signkey`, as in older manuals.
const VERSION_1: &str = concat!(
    "-----BEGIN CERTIFICATE-----\n",
    "MIIBJTCBywIUfmw9UNHcqLkGJZhl0ocg4/a7JYAwCgYIKoZIzj0EAwIwFDESMBAG\n",
    "A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDIzMjM0NFoYDzIxMjYxMTA2MjMyMzQ0\n",
    "WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n",
    "AARyE3h3+ZmMNCy7mmqYsQFmfh5BgUV17s6HjVsgk8J9sUYe1J02Ie+j50mEI4YH\n",
    "lyS5KYvUDbjqO8pGjee/fb7KMAoGCCqGSM49BAMCA0kAMEYCIQDm3g0jmWvCQGAR\n",
    "ZmLASdhlMQKSKJtC/7sulOEueHWuQwIhAOQyx+j08h1i1o0IbbbHdtRyd0MZ7Foe\n",
    "wo/hRDMw+HKk\n",
    "-----END CERTIFICATE-----\n",
);

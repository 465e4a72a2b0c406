//! The fields of a certificate that the verifier reads, parsed by x509-cert.

use rustls::CertificateError;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::der::asn1::{AnyRef, Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{self, Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{Certificate as Fields, TbsCertificate};

/// A certificate encoded as RFC 5280 requires.
pub(super) struct Certificate {
    fields: Fields,
    /// The original bytes that its issuer signed.
    signed: Vec<u8>,
}

/// RFC 5280 appendix A.2 and X.520.
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

impl Certificate {
    pub(super) fn read(bytes: &CertificateDer<'_>) -> Option<Self> {
        let fields = Fields::from_der(bytes).ok()?;
        let mut reader = SliceReader::new(bytes).ok()?;
        let signed = reader.sequence(|parts| {
            let signed = parts.tlv_bytes()?;
            // Algorithm and signature are in `fields`.
            parts.tlv_bytes()?;
            parts.tlv_bytes()?;
            Ok(signed.to_vec())
        });
        Some(Self { fields, signed: signed.ok()? })
    }

    /// Whether its key may sign certificates (section 6.1.4); webpki checks name constraints.
    fn may_sign(&self) -> bool {
        let says_so = self.says().get::<BasicConstraints>();
        let is_authority = matches!(says_so, Ok(Some((_, constraints))) if constraints.ca);
        let usage = match self.says().get::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            usage => usage.is_ok(),
        };
        is_authority && usage && matches!(self.says().get::<NameConstraints>(), Ok(None))
    }

    /// Whether servers may present it (section 4.2.1.12).
    pub(super) fn is_for_servers(&self) -> bool {
        match self.says().get::<ExtendedKeyUsage>() {
            Ok(Some((_, purposes))) => purposes.0.contains(&SERVER_AUTH),
            purposes => purposes.is_ok(),
        }
    }

    /// Whether it is valid at this time (section 4.1.2.5).
    pub(super) fn is_valid_at(&self, now: UnixTime) -> Result<(), CertificateError> {
        let validity = &self.says().validity;
        let time = |of: x509_cert::time::Time| UnixTime::since_unix_epoch(of.to_unix_duration());
        let (not_before, not_after) = (time(validity.not_before), time(validity.not_after));
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before });
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after });
        }
        Ok(())
    }

    pub(super) fn names_its_issuer_as(&self, issuer: &Self) -> bool {
        self.says().issuer == issuer.says().subject
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.names_its_issuer_as(self)
    }

    /// Whether this authority issued it: checks the name, the key's permissions and the signature (section 6.1.3).
    pub(super) fn is_signed_by(&self, issuer: &Self, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        self.names_its_issuer_as(issuer)
            && issuer.may_sign()
            && self.signature_fits(issuer, algorithms).unwrap_or(false)
    }

    fn signature_fits(&self, issuer: &Self, algorithms: &WebPkiSupportedAlgorithms) -> der::Result<bool> {
        let key = &issuer.says().subject_public_key_info;
        let (signature_id, key_id) = (id(&self.fields.signature_algorithm)?, id(&key.algorithm)?);
        let (key, signature) = (key.subject_public_key.raw_bytes(), self.fields.signature.raw_bytes());
        Ok(algorithms.all.iter().any(|algorithm| {
            *algorithm.signature_alg_id() == *signature_id
                && *algorithm.public_key_alg_id() == *key_id
                && algorithm.verify_signature(key, &self.signed, signature).is_ok()
        }))
    }

    /// Whether it lacks the extension that names hosts.
    pub(super) fn names_no_host(&self) -> bool {
        matches!(self.says().get::<SubjectAltName>(), Ok(None))
    }

    /// Whether the subject's last, most specific common name is this one.
    pub(super) fn has_common_name(&self, name: &str) -> bool {
        let subject = self.says().subject.0.iter().flat_map(|part| part.0.iter());
        let common = subject.rev().find(|attribute| attribute.oid == COMMON_NAME);
        common.is_some_and(|attribute| {
            let value = AnyRef::from(&attribute.value);
            let text = (value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str()))
                .or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str()))
                .or_else(|_| value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str()));
            text.is_ok_and(|text| text.eq_ignore_ascii_case(name))
        })
    }

    fn says(&self) -> &TbsCertificate {
        &self.fields.tbs_certificate
    }
}

/// An algorithm in rustls's encoding: without the outer sequence.
fn id(algorithm: &AlgorithmIdentifierOwned) -> der::Result<Vec<u8>> {
    Ok(AnyRef::from_der(&algorithm.to_der()?)?.value().to_vec())
}

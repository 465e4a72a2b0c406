//! The certificates of the file in `sslrootcert`, read once at start.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

/// The trusted authorities, and the individually declared certificates.
pub(super) struct Authority {
    pub(super) roots: RootCertStore,
    /// Empty with Mozilla's roots, which declare no individual certificate.
    pub(super) declared: Vec<CertificateDer<'static>>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error(
        "names the certificate file `{}` (`sslrootcert`), which cannot be read: {error}; \
         a relative path starts in the working directory", file.display()
    )]
    File { file: PathBuf, error: io::Error },
    #[error(
        "names the certificate file `{}` (`sslrootcert`), which is no sound PEM file: {error}; \
         copy it again", file.display()
    )]
    Pem { file: PathBuf, error: pem::Error },
    #[error(
        "names the certificate file `{}` (`sslrootcert`), which holds no certificate in PEM form; \
         it should begin with `-----BEGIN CERTIFICATE-----`", file.display()
    )]
    Empty { file: PathBuf },
    #[error(
        "names the certificate file `{}` (`sslrootcert`), whose certificate cannot be used: {error}; \
         ask for the authority's own certificate", file.display()
    )]
    Certificate { file: PathBuf, error: rustls::Error },
}

/// Four times the size of Mozilla's roots.
const LARGEST: u64 = 1 << 20;

impl Authority {
    pub(super) fn read(file: &Path) -> Result<Self, AuthorityError> {
        let file = file.to_owned();
        let bytes = match profiles::read_file(&file, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) => return Err(AuthorityError::File { file, error }),
        };
        let (mut roots, mut declared) = (RootCertStore::empty(), Vec::new());
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = match certificate {
                Ok(certificate) => certificate,
                Err(error) => return Err(AuthorityError::Pem { file, error }),
            };
            if let Err(error) = roots.add(certificate.clone()) {
                return Err(AuthorityError::Certificate { file, error });
            }
            declared.push(certificate);
        }
        if declared.is_empty() { Err(AuthorityError::Empty { file }) } else { Ok(Self { roots, declared }) }
    }
}

//! The certificates of the file that `sslrootcert` names, read once, at the start.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

/// Who vouches for a server, and the certificates that were named one by one.
pub(super) struct Authority {
    pub(super) roots: RootCertStore,
    /// Empty where the roots are Mozilla's, which are named for no database.
    pub(super) declared: Vec<CertificateDer<'static>>,
}

/// Why nothing can be trusted that the file says.
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

/// Mozilla's roots together have a quarter of it.
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

//! A file that a user names: read only if it is one, and only up to a bound.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The bytes of a file, if it has no more than `largest`.
///
/// A pipe, a socket or a device is not even opened: a pipe without a writer is waited for, and a device may have no end.
pub fn read_file(path: impl AsRef<Path>, largest: u64) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::other("it is a pipe, a socket or a device, and no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let error = format!("it has more than {} KiB", largest >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
    }
    Ok(bytes)
}

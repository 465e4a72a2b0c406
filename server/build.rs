//! Prepares what the service embeds: the contract, which people write as YAML, as JSON; and the files of Swagger UI.

use std::path::Path;

use rawzip::{CompressionMethod, ZipArchive};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

const CONTRACT: &str = "../specs/004-backend-deployment/contracts/health-check.yaml";

/// Of the forty files of Swagger UI: all that a page needs.
const ASSETS: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js"];

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn main() {
    println!("cargo::rerun-if-changed={CONTRACT}");
    let folder = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(Path::new(&folder).join(name), bytes).expect("OUT_DIR is writable");
    };
    write("contract.json", contract().as_bytes());
    for name in ASSETS {
        let gzip = gzipped(name).unwrap_or_else(|error| panic!("the archive of Swagger UI: {error}"));
        let gzip = gzip.unwrap_or_else(|| panic!("the archive of Swagger UI has no `dist/{name}`"));
        write(&format!("{name}.gz"), &gzip);
    }
}

fn contract() -> String {
    let text = std::fs::read_to_string(CONTRACT).unwrap_or_else(|error| panic!("{CONTRACT}: {error}"));
    let contract: serde_json::Value =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{CONTRACT}: {error}"));
    contract.to_string()
}

/// One file of the distribution. A zip and a gzip hold the same stream (RFC 1951), so nothing is compressed anew.
fn gzipped(name: &str) -> Result<Option<Vec<u8>>, rawzip::Error> {
    let archive = ZipArchive::from_slice(SWAGGER_UI_VENDORED)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let path = entry.file_path().try_normalize()?;
        let Some((_version, file)) = path.as_ref().split_once("/dist/") else {
            continue;
        };
        if file != name {
            continue;
        }
        assert_eq!(entry.compression_method(), CompressionMethod::DEFLATE, "{name}");
        let length = u32::try_from(entry.uncompressed_size_hint()).expect("a script has no 4 GiB");
        // RFC 1952 section 2.3: deflate, no flags, no time, best compression, no file system.
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
        let trailer = [entry.crc32().to_le_bytes(), length.to_le_bytes()].concat();
        let stream = archive.get_entry(entry.wayfinder())?;
        return Ok(Some([&header, stream.data(), &trailer].concat()));
    }
    Ok(None)
}

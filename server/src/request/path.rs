//! Unambiguous paths: a path that a proxy, a cache or a file system could read as another one is refused before
//! routing (RFC 3986 section 7.3).

use std::str;

use percent_encoding::percent_decode;

/// Why the path is refused. The text names the rule and never repeats the path.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let Some(path) = path.strip_prefix('/') else {
        return Err("the request target is not a path");
    };
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the path has bytes that a URI cannot have");
    }
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        // The last segment may be empty: `/` and `/things/` are valid paths.
        if segment.is_empty() && segments.peek().is_some() {
            return Err("the path has an empty segment");
        }
        // Nearly all paths contain neither.
        if segment.contains(['%', '.']) {
            check_segment(segment.as_bytes())?;
        }
    }
    Ok(())
}

fn check_segment(segment: &[u8]) -> Result<(), &'static str> {
    for (at, _) in segment.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = segment.get(at + 1..at + 3).and_then(|digits| str::from_utf8(digits).ok());
        // Parsing accepts a sign, which is not a digit.
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            None => return Err("the path has a `%` without two hexadecimal digits"),
            Some(b'/') => return Err("the path has an encoded slash"),
            Some(byte) if byte.is_ascii_control() => return Err("the path has an encoded control character"),
            Some(_) => {}
        }
    }
    // Decoded once: `%252e` is a name with a percent sign, and is never decoded again.
    if percent_decode(segment).take(3).eq(*b".") || percent_decode(segment).take(3).eq(*b"..") {
        return Err("the path has a segment `.` or `..`");
    }
    if percent_decode(segment).decode_utf8().is_err() {
        return Err("the path is not UTF-8");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_let_through() {
        for path in [
            "/",
            "/health",
            "/api/things/",
            "/api/things/a%20b",
            "/caf%C3%A9",
            "/openapi.json",
            "/.env",
            "/...",
            "/..a/a..",
            "/%252e%252e/",
            "/%2e%2e%2e",
            "/a:b@c;d=e,f!$&'()*+~_-",
            "/%5c..%5c",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_could_be_read_as_another_path_is_refused() {
        for path in [
            "",
            "*",
            "health",
            "//",
            "//health",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e",
            "/%2E%2e/b",
            "/.%2e/b",
            "/%2e./b",
            "/..%2f..%2fb",
            "/a%2Fb",
            "/%00",
            "/a%0d%0ab",
            "/%1f",
            "/%7f",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%-1",
            "/%\u{e9}",
            "/%ff%fe",
            "/%c3",
            "/caf\u{e9}",
            "/a\u{7f}",
            "/a\0",
            "/a b",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}

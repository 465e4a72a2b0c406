//! `Access-Control-Request-Headers`: a preflight is allowed exactly if every requested name is on the profile's list,
//! in any case, order and whitespace within the bounds; the answer has each name once.
//!
//! An input lists the profile's names, one a line, then an empty line, then the field's lines in the request.
#![no_main]

use std::sync::LazyLock;

use http::Request;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN,
};
use libfuzzer_sys::{Corpus, fuzz_target};
use profiles::{Cors, FieldName};
use server::fuzz::CorsPolicy;

static PRODUCTION: LazyLock<Cors> = LazyLock::new(|| fuzz::production().cors);

// The bounds that the server promises: elements with a name, without one, and whitespace around one.
const MOST_NAMES: usize = 64;
const MOST_EMPTY: usize = 16;
const MOST_PADDING: usize = 8;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some([listed, sent]) = fuzz::lists(data) else { return Corpus::Reject };
    let names: Vec<FieldName> = fuzz::parsed(&listed);
    for name in &names {
        assert!(is_token(name.as_str().as_bytes()), "{name:?} is on the list");
        assert_eq!(name.as_str(), name.as_str().to_ascii_lowercase());
    }
    let longest = names.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
    let policy = CorsPolicy::new(&Cors { request_headers: names.clone(), ..PRODUCTION.clone() });

    let mut request = Request::builder()
        .method("OPTIONS")
        .uri("/things")
        .header(ORIGIN, PRODUCTION.origins[0].as_str())
        .header(ACCESS_CONTROL_REQUEST_METHOD, "PUT");
    for line in &sent {
        request = request.header(ACCESS_CONTROL_REQUEST_HEADERS, *line);
    }
    // The line is not a valid field value.
    let Ok(request) = request.body(()) else { return Corpus::Reject };
    let answer = policy.answer(request);

    let elements: Vec<&[u8]> = sent.iter().flat_map(|line| line.split(|byte| *byte == b',')).collect();
    let asked: Vec<&[u8]> =
        elements.iter().map(|element| unpadded(element)).filter(|name| !name.is_empty()).collect();
    let known =
        |asked: &[u8]| names.iter().find(|name| name.as_str().as_bytes() == asked.to_ascii_lowercase());
    let listed = asked.iter().all(|asked| is_token(asked) && known(asked).is_some());
    let counts = asked.len() <= MOST_NAMES && elements.len() - asked.len() <= MOST_EMPTY;
    let narrow = |element: &&[u8]| element.len() - unpadded(element).len() <= MOST_PADDING;

    if !listed || !counts {
        assert!(answer.is_none(), "a name that is not listed, or too many elements");
    } else if elements.iter().all(narrow) {
        assert!(answer.is_some(), "every name is listed");
    } else if elements.iter().any(|element| element.len() > longest + MOST_PADDING) {
        assert!(answer.is_none(), "an element out of bounds");
    }
    let Some(answer) = answer else { return Corpus::Keep };

    let mut expected: Vec<&str> = Vec::new();
    for name in asked.iter().filter_map(|asked| known(asked)) {
        if !expected.contains(&name.as_str()) {
            expected.push(name.as_str());
        }
    }
    let granted: Vec<&HeaderValue> = answer.get_all(ACCESS_CONTROL_ALLOW_HEADERS).iter().collect();
    match granted[..] {
        [] => assert!(expected.is_empty(), "{expected:?} is allowed, and the answer says nothing"),
        [line] => assert_eq!(line, expected.join(",").as_str()),
        _ => panic!("the answer has several lines: {granted:?}"),
    }
    Corpus::Keep
});

/// A token by RFC 9110 section 5.6.2, written out.
fn is_token(name: &[u8]) -> bool {
    let tchar = |byte: &u8| {
        matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'!' | b'#'..=b'\'' | b'*' | b'+'
        | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
    };
    !name.is_empty() && name.iter().all(tchar)
}

/// Trims optional whitespace (RFC 9110 section 5.6.3).
fn unpadded(element: &[u8]) -> &[u8] {
    let is_name = |byte: &u8| !b" \t".contains(byte);
    match (element.iter().position(is_name), element.iter().rposition(is_name)) {
        (Some(first), Some(last)) => &element[first..=last],
        _ => &[],
    }
}

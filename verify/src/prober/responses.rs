//! Parses the HTTP/1.1 responses in a stream of bytes, complete or not.

use std::borrow::Cow;

use crate::model::exchange::Response;
use crate::model::redact;

const MOST_HEADERS: usize = 128;

/// Every final response, in order; of a truncated one the part that arrived.
pub(super) fn read(mut bytes: &[u8], confidential: &[String]) -> Vec<Response> {
    let mut responses = Vec::new();
    while let Some(first) = first(bytes, confidential) {
        // An interim response is not an answer (RFC 9110 section 15.2).
        if first.response.status >= 200 {
            responses.push(first.response);
        }
        bytes = first.rest;
    }
    responses
}

/// Whether the first final response is complete.
pub(super) fn is_whole(mut bytes: &[u8]) -> bool {
    while let Some(first) = first(bytes, &[]) {
        if first.response.status >= 200 {
            return first.whole;
        }
        bytes = first.rest;
    }
    false
}

struct First<'b> {
    response: Response,
    /// Whether its body has a defined end, and it has arrived.
    whole: bool,
    rest: &'b [u8],
}

fn first<'b>(bytes: &'b [u8], confidential: &[String]) -> Option<First<'b>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else {
        return None;
    };
    let headers = head.headers.iter().map(|header| {
        let name = header.name.to_ascii_lowercase();
        let value: String = header.value.iter().map(|byte| char::from(*byte)).collect();
        let value = redact::header(&name, &redact::without(&value, confidential));
        (name, value)
    });
    let mut response = Response { status: head.code?, headers: headers.collect(), body: String::new() };
    let Body { content, whole, rest } = body(&response, &bytes[length..]);
    let kept = &content[..content.len().min(Response::LONGEST_BODY)];
    response.body = redact::without(&String::from_utf8_lossy(kept), confidential);
    Some(First { response, whole, rest })
}

struct Body<'b> {
    content: Cow<'b, [u8]>,
    whole: bool,
    rest: &'b [u8],
}

/// RFC 9112 section 6.3, for requests that were not HEAD.
fn body<'b>(response: &Response, bytes: &'b [u8]) -> Body<'b> {
    if matches!(response.status, 100..=199 | 204 | 304) {
        return Body { content: Cow::Borrowed(&[]), whole: true, rest: bytes };
    }
    if response.list("transfer-encoding").iter().any(|coding| coding == "chunked") {
        return chunked(bytes);
    }
    match response.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => {
            let (content, rest) = bytes.split_at(length.min(bytes.len()));
            Body { content: Cow::Borrowed(content), whole: content.len() == length, rest }
        }
        None => Body { content: Cow::Borrowed(bytes), whole: false, rest: &[] },
    }
}

fn chunked(mut bytes: &[u8]) -> Body<'_> {
    let mut content = Vec::new();
    let cut = |content| Body { content: Cow::Owned(content), whole: false, rest: &[] };
    loop {
        let Ok(httparse::Status::Complete((head, size))) = httparse::parse_chunk_size(bytes) else {
            return cut(content);
        };
        bytes = &bytes[head..];
        // Without `TE: trailers` no trailers are expected: an empty line follows the last chunk.
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(end) = size.checked_add(2).filter(|end| *end <= bytes.len()) else {
            content.extend_from_slice(&bytes[..size.min(bytes.len())]);
            return cut(content);
        };
        content.extend_from_slice(&bytes[..size]);
        bytes = &bytes[end..];
        if size == 0 {
            return Body { content: Cow::Owned(content), whole: true, rest: bytes };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str) -> Vec<String> {
        read(text.as_bytes(), &[]).into_iter().map(|response| response.body).collect()
    }

    #[test]
    fn pipelined_answers_are_told_apart() {
        let answers = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 100 Continue\r\n\r\n\
                       HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n\
                       HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest";
        assert_eq!(bodies(answers), ["one", "two", "", "rest"]);
        assert_eq!(bodies("HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\ncut"), ["cut"]);
        assert_eq!(bodies("SSH-2.0-OpenSSH"), Vec::<String>::new());
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"));
    }
}

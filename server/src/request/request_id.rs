//! The id of a request: a trusted proxy's, or a new one.

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::request::client::Client;
use crate::request::head::{Field, Head};

/// Long enough for every format in use, short enough for a log line.
const LONGEST: usize = 64;

/// The proxy's id, if `header` names its field and a trusted proxy sent one well-formed value: any other value could
/// forge log lines or answers. Otherwise the service's own id.
pub(crate) fn of(head: &Head, client: &Client, header: Option<&HeaderName>, own: Uuid) -> HeaderValue {
    accepted(head, client, header).unwrap_or_else(|| from_uuid(own))
}

pub(crate) fn from_uuid(own: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(own.hyphenated().encode_lower(&mut text)).expect("hexadecimal digits and dashes")
}

fn accepted(head: &Head, client: &Client, header: Option<&HeaderName>) -> Option<HeaderValue> {
    match head.field(header.filter(|_| client.vouched)?) {
        Field::One(value) if is_well_formed(value.as_bytes()) => Some(value.clone()),
        Field::One(_) | Field::Absent | Field::Ambiguous => None,
    }
}

/// The pattern `RequestId` of the contract (specs/004-backend-deployment/contracts/health-check.yaml).
fn is_well_formed(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-request-id");

    const OWN: Uuid = Uuid::from_u128(0xabc);

    fn id(header: Option<&HeaderName>, vouched: bool, lines: &[&str]) -> String {
        let mut request = Request::builder().uri("/");
        for line in lines {
            request = request.header(NAME, *line);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        let client = Client { address: "192.0.2.1".parse().unwrap(), vouched };
        of(&head, &client, header, OWN).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_trusted_proxys_id_is_taken() {
        for sent in ["7", "0Zt-5.q_X", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", &"x".repeat(64)] {
            assert_eq!(id(Some(&NAME), true, &[sent]), sent);
        }
    }

    #[test]
    fn anything_else_is_replaced() {
        let own = |id: String, why: &str| assert_eq!(id, "00000000-0000-0000-0000-000000000abc", "{why}");
        for sent in ["", " ", "a b", "a\tb", "a,b", "a;b", "<b>", "é", "\"", "{}", "a/b", &"x".repeat(65)] {
            own(id(Some(&NAME), true, &[sent]), sent);
        }
        own(id(Some(&NAME), true, &["one", "two"]), "several");
        own(id(Some(&NAME), true, &[]), "none");
        own(id(Some(&NAME), false, &["mine"]), "from a client");
        own(id(None, true, &["mine"]), "in a header that is not declared");
    }

    #[test]
    fn what_is_given_and_what_is_taken_keep_the_contract() {
        let contract = include_str!("../../../specs/004-backend-deployment/contracts/health-check.yaml");
        assert!(
            contract.contains("pattern: '^[A-Za-z0-9._-]{1,64}$'"),
            "`is_well_formed` reads another pattern"
        );
        assert!(is_well_formed(from_uuid(Uuid::new_v4()).as_bytes()));
    }
}

//! The trace that a request belongs to, and the trace headers for the next service (W3C Trace Context).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::request::head::Field;

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// A valid `traceparent` (Trace Context, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    id: TraceId,
    sampled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

/// One request's position in a trace: the caller's trace, or a new one if none was sent.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'h> {
    id: TraceId,
    span: u64,
    sampled: bool,
    /// The caller's `tracestate`, which has no meaning without its `traceparent`.
    state: Option<&'h HeaderMap>,
}

impl Parent {
    /// Several lines are ambiguous, and an invalid one counts as none (section 4.3).
    pub(crate) fn of(traceparent: Field<'_>) -> Option<Self> {
        match traceparent {
            Field::One(value) => Self::parse(value.as_bytes()),
            Field::Absent | Field::Ambiguous => None,
        }
    }

    /// `version "-" trace-id "-" parent-id "-" trace-flags`, in lower case. A later version may append fields, after a
    /// dash; the first four are read as those of version 00 (section 4.3).
    fn parse(text: &[u8]) -> Option<Self> {
        let (fields, rest) = text.split_at_checked(55)?;
        let version = hex(&fields[..2])?;
        let ends_well = match version {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let dashed = [2, 35, 52].iter().all(|at| fields[*at] == b'-');
        let (id, span, flags) = (hex(&fields[3..35])?, hex(&fields[36..52])?, hex(&fields[53..])?);
        // Only the lowest flag is defined; the others are not forwarded (section 3.2.2.5.2).
        let parent = Self { id: TraceId(id), sampled: flags & 1 == 1 };
        (ends_well && dashed && id != 0 && span != 0).then_some(parent)
    }

    pub(crate) fn id(&self) -> TraceId {
        self.id
    }
}

fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

impl<'h> Trace<'h> {
    /// The position of the request with this id, always the same one. A version 4 UUID is random enough for a trace id,
    /// and neither the whole nor a half is ever zero (RFC 9562 section 5.4).
    pub(crate) fn of(own: Uuid, parent: Option<Parent>, headers: &'h HeaderMap) -> Self {
        let span = own.as_u64_pair().1;
        match parent {
            Some(Parent { id, sampled }) => Self { id, span, sampled, state: Some(headers) },
            None => Self { id: TraceId(own.as_u128()), span, sampled: false, state: None },
        }
    }

    /// `traceparent` for the next service: this trace, with a span of this request. A new trace is not sampled: its
    /// spans are not recorded.
    pub fn traceparent(&self) -> HeaderValue {
        let text = format!("00-{}-{:016x}-{:02x}", self.id, self.span, u8::from(self.sampled));
        HeaderValue::try_from(text).expect("hexadecimal digits and dashes")
    }

    /// `tracestate` for the next service, if there is one: the data of the callers' tracing systems.
    pub fn tracestate(&self) -> Option<HeaderValue> {
        let mut lines = self.state?.get_all(TRACESTATE).iter();
        let first = lines.next()?.clone();
        // Several lines of a list may be joined (RFC 9110 section 5.3).
        Some(lines.fold(first, |list, line| {
            let joined = [list.as_bytes(), b",", line.as_bytes()].concat();
            HeaderValue::from_bytes(&joined).expect("values of header lines, and a comma")
        }))
    }

    pub(crate) fn id(&self) -> TraceId {
        self.id
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::request::head::Head;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(lines: &[(&'static str, &str)]) -> (Option<Parent>, HeaderMap) {
        let mut request = Request::builder().uri("/");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        (Parent::of(head.fields().traceparent), head.headers().clone())
    }

    fn sent(lines: &[(&'static str, &str)]) -> (String, Option<String>) {
        let (parent, headers) = of(lines);
        let trace = Trace::of(Uuid::new_v4(), parent, &headers);
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        (text(trace.traceparent()), trace.tracestate().map(text))
    }

    #[test]
    fn a_valid_traceparent_is_believed() {
        for (text, sampled) in [
            // The examples of the specification.
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false),
            // Unknown flags are ignored.
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02", false),
            // A later version, with and without more fields.
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like", true),
        ] {
            let (parent, _) = of(&[("traceparent", text)]);
            let expected = Parent { id: TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736), sampled };
            assert_eq!(parent, Some(expected), "{text}");
        }
    }

    #[test]
    fn an_invalid_traceparent_is_none() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
            "CC-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(&[("traceparent", text)]).0, None, "{text}");
        }
        let twice = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(of(&[twice, twice]).0, None);
        assert_eq!(of(&[]).0, None);
    }

    #[test]
    fn the_next_service_is_told_of_the_same_trace_and_another_span() {
        let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let (traceparent, tracestate) =
            sent(&[parent, ("tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")]);
        let parts: Vec<_> = traceparent.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3], parts.len()), ("00", ID, "01", 4));
        assert_ne!(parts[2], "00f067aa0ba902b7");
        assert_eq!(tracestate.as_deref(), Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));

        let (_, tracestate) = sent(&[parent, ("tracestate", "congo=1"), ("tracestate", "rojo=2")]);
        assert_eq!(tracestate.as_deref(), Some("congo=1,rojo=2"));
        assert_eq!(sent(&[parent]).1, None);
    }

    #[test]
    fn without_a_valid_traceparent_a_trace_begins_and_the_state_ends() {
        for lines in [&[("tracestate", "congo=1")][..], &[("traceparent", "00-x"), ("tracestate", "congo=1")]]
        {
            let (traceparent, tracestate) = sent(lines);
            assert!(Parent::parse(traceparent.as_bytes()).is_some(), "{traceparent}");
            assert!(traceparent.ends_with("-00"), "{traceparent}");
            assert_eq!(tracestate, None);
        }
    }

    #[test]
    fn each_request_has_ids_of_its_own_and_keeps_them() {
        let headers = HeaderMap::new();
        let told = |own| Trace::of(own, None, &headers).traceparent();
        let one = Uuid::new_v4();
        assert_eq!(told(one), told(one));
        let all: std::collections::HashSet<_> = (0..1_000).map(|_| told(Uuid::new_v4())).collect();
        assert_eq!(all.len(), 1_000);
    }
}

use proptest::prelude::*;

use super::*;

const PARSE: (u8, &[u8]) = (b'P', b"\0select 1\0\0\0");
const NAMED: (u8, &[u8]) = (b'P', b"s1\0select 1\0\0\0");
const BIND: (u8, &[u8]) = (b'B', b"\0\0\0\0\0\0\0\0");
const EXECUTE: (u8, &[u8]) = (b'E', b"\0\0\0\0\0");
const SYNC: (u8, &[u8]) = (b'S', b"");
const QUERY: (u8, &[u8]) = (b'Q', b"select 1\0");

fn bytes(messages: &[(u8, &[u8])]) -> Vec<u8> {
    let framed = |(kind, body): &(u8, &[u8])| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[*kind][..], &length, body].concat()
    };
    messages.iter().flat_map(framed).collect()
}

/// The kinds of the messages.
fn kinds(bytes: &[u8]) -> String {
    let (mut frames, mut input, mut kinds) = (Frames::default(), bytes, String::new());
    while let Some(piece) = frames.next(&mut input).unwrap() {
        if let Piece::Start(message) = piece {
            kinds.push(message.kind().into());
        }
    }
    kinds
}

/// A session that PostgreSQL has declared ready, in this status.
fn ready(status: u8) -> Session {
    let mut session = Session::new();
    session.told(&bytes(&[(b'R', &[0; 4]), (b'Z', &[status])]), &mut Counts::default()).unwrap();
    session
}

/// The bytes to the server, the bytes to the client, and the number of unread bytes.
fn ask(session: &mut Session, messages: &[(u8, &[u8])], lying: bool) -> (String, String, usize) {
    let input = bytes(messages);
    let mut input = &input[..];
    let out = session.ask(&mut input, lying, &mut Counts::default()).unwrap();
    (kinds(&out.to_server), kinds(&out.to_client), input.len())
}

#[test]
fn a_query_is_answered_with_an_error_and_a_session_that_goes_on() {
    let mut session = ready(b'I');
    assert_eq!(ask(&mut session, &[QUERY], true), (String::new(), "EZ".to_owned(), 0));
    assert_eq!(ask(&mut session, &[QUERY], false), ("Q".to_owned(), String::new(), 0));
}

#[test]
fn after_an_error_all_is_skipped_until_sync() {
    let mut session = ready(b'I');
    assert_eq!(ask(&mut session, &[PARSE, (b'H', b"")], true), (String::new(), "E".to_owned(), 0));
    // The fault may be over: the rest of a failed series fails too.
    let rest = [BIND, QUERY, EXECUTE, SYNC];
    assert_eq!(ask(&mut session, &rest, false), (String::new(), "Z".to_owned(), 0));
    assert_eq!(ask(&mut session, &[PARSE], false).0, "P");
}

#[test]
fn a_series_that_passed_in_part_passes_whole() {
    let mut session = ready(b'I');
    assert_eq!(ask(&mut session, &[PARSE, (b'D', b"S\0"), (b'H', b"")], false).0, "PDH");
    assert_eq!(ask(&mut session, &[BIND, EXECUTE, SYNC], true), ("BES".to_owned(), String::new(), 0));
}

#[test]
fn a_lie_waits_until_the_answers_before_it_are_there() {
    let mut session = ready(b'I');
    assert_eq!(ask(&mut session, &[QUERY], false).0, "Q");
    let (to_server, to_client, left) = ask(&mut session, &[QUERY, SYNC], true);
    assert_eq!((to_server, to_client, session.waits()), (String::new(), String::new(), true));
    assert_eq!(left, bytes(&[SYNC]).len());
    let notice = bytes(&[(b'Z', b"I"), (b'N', b"\0")]);
    session.told(&notice[..8], &mut Counts::default()).unwrap();
    assert_eq!(ask(&mut session, &[], true).1, "", "inside a notice");
    session.told(&notice[8..], &mut Counts::default()).unwrap();
    assert_eq!(ask(&mut session, &[SYNC], true), ("S".to_owned(), "EZ".to_owned(), 0));
}

#[test]
fn a_transaction_in_which_a_lie_was_told_has_failed() {
    for (status, told) in [(b'I', b'I'), (b'T', b'E'), (b'E', b'E')] {
        let mut session = ready(status);
        let input = bytes(&[QUERY]);
        let out = session.ask(&mut &input[..], true, &mut Counts::default()).unwrap();
        assert_eq!(out.to_client.last(), Some(&told));
    }
}

#[test]
fn copying_in_either_protocol_leaves_nothing_owed() {
    let data: (u8, &[u8]) = (b'd', b"1\n");
    for copy in [&[PARSE, BIND, EXECUTE, SYNC, data, (b'c', b""), SYNC][..], &[QUERY, data, (b'c', b"")]] {
        let mut session = ready(b'I');
        assert_eq!(ask(&mut session, copy, false).2, 0);
        session.told(&bytes(&[(b'G', b"\0"), (b'Z', b"I")]), &mut Counts::default()).unwrap();
        assert_eq!(ask(&mut session, &[QUERY], true).1, "EZ");
    }
}

#[test]
fn a_named_statement_survives_unless_it_is_closed_in_its_transaction() {
    let mut counts = Counts::default();
    let mut session = ready(b'I');
    let closed = bytes(&[NAMED, BIND, EXECUTE, (b'C', b"Ss1\0"), SYNC]);
    session.ask(&mut &closed[..], false, &mut counts).unwrap();
    session.told(&bytes(&[(b'Z', b"I")]), &mut counts).unwrap();
    assert_eq!((counts.named_statements, counts.surviving_statements), (1, 0));
    session.ask(&mut &bytes(&[NAMED, SYNC])[..], false, &mut counts).unwrap();
    session.told(&bytes(&[(b'Z', b"T")]), &mut counts).unwrap();
    assert_eq!((counts.named_statements, counts.surviving_statements), (2, 0));
    session.told(&bytes(&[(b'Z', b"I")]), &mut counts).unwrap();
    assert_eq!((counts.named_statements, counts.surviving_statements, counts.queries), (2, 1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A missing `ReadyForQuery` hangs a driver; an extra one confuses it for good.
    #[test]
    fn every_query_and_every_sync_is_answered_once(
        asked in prop::collection::vec((prop::sample::select(vec![0, 1, 2, 3]), any::<bool>()), 1..30),
        prompt in any::<bool>(),
    ) {
        let (mut session, mut owed, mut told) = (ready(b'I'), 0, String::new());
        let series: [&[(u8, &[u8])]; 4] = [&[QUERY], &[SYNC], &[PARSE, BIND, EXECUTE, SYNC], &[NAMED, SYNC]];
        let mut input = Vec::new();
        for (kind, lying) in &asked {
            input.extend(bytes(series[*kind]));
            loop {
                let mut left = &input[..];
                let out = session.ask(&mut left, *lying, &mut Counts::default()).unwrap();
                input = left.to_vec();
                told.push_str(&kinds(&out.to_client));
                owed += kinds(&out.to_server).matches(['Q', 'S']).count();
                // A slow PostgreSQL answers only when it must.
                while owed > 0 && (prompt || session.waits()) {
                    session.told(&bytes(&[(b'Z', b"I")]), &mut Counts::default()).unwrap();
                    told.push('Z');
                    owed -= 1;
                }
                if !session.waits() {
                    break;
                }
            }
        }
        prop_assert!(input.is_empty());
        prop_assert_eq!(told.matches('Z').count() + owed, asked.len());
    }

    #[test]
    fn garbage_in_either_direction_ends_the_session_or_passes(
        chunks in prop::collection::vec(any::<(bool, bool, Vec<u8>)>(), 0..20),
    ) {
        let (mut session, mut counts) = (ready(b'T'), Counts::default());
        for (asked, lying, chunk) in &chunks {
            let read = if *asked {
                session.ask(&mut &chunk[..], *lying, &mut counts).map(drop)
            } else {
                session.told(chunk, &mut counts)
            };
            if read.is_err() {
                break;
            }
        }
    }
}

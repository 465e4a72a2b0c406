//! Reasons for a missing answer: recordings keep each, people read its words, and judgements use its kind alone.
#![allow(clippy::unwrap_used, reason = "a test sets itself up, and says where it cannot")]

mod support;

use jiff::civil::date;
use profiles::Declaration;
use proptest::prelude::*;
use support::foreign;
use support::missing::{every, every_tls_failure, missing, tls_failure};
use verify::checks;
use verify::checks::example::exchanges;
use verify::model::check::{Needs, Subject, Verdict};
use verify::model::exchange::{Answer, Burst, Exchange};
use verify::model::missing::Missing;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reason_is_recorded_and_read_as_it_was(reason in missing(any::<String>()), failure in tls_failure()) {
        let written = serde_json::to_string(&Answer::Missing(reason.clone())).unwrap();
        prop_assert_eq!(serde_json::from_str::<Answer>(&written).unwrap(), Answer::Missing(reason));
        let written = serde_json::to_string(&failure).unwrap();
        prop_assert_eq!(serde_json::from_str::<verify::model::tls::TlsFailure>(&written).unwrap(), failure);
    }

    #[test]
    fn every_reason_has_words_that_say_what_and_where(
        place in "[a-z][a-z0-9.-]{0,20}:[0-9]{1,5}",
        number in any::<u16>(),
    ) {
        for reason in every(&place, number) {
            let words = reason.to_string();
            prop_assert!(!words.starts_with(char::is_uppercase) && !words.ends_with('.'), "{words}");
            prop_assert!(!words.contains(['{', '}', '"', '\n']) && !words.contains("::"), "{words}");
            prop_assert!(words.len() < 250, "{words}");
            let written = serde_json::to_string(&reason).unwrap();
            prop_assert!(!written.contains(&place) || words.contains(&place), "{words} does not say where");
        }
        let words: Vec<String> = every(&place, number).iter().map(ToString::to_string).collect();
        for (index, one) in words.iter().enumerate() {
            prop_assert!(!words[index + 1..].contains(one), "two reasons are told in the same words: {one}");
        }
    }
}

#[test]
fn a_reason_that_is_not_known_is_refused_with_a_message() {
    for (reason, why) in [
        (r#""no response within 5s""#, "unknown variant `no response within 5s`"),
        (r#"{"lost": {"place": "a:1"}}"#, "unknown variant `lost`"),
        (r#"{"timeout": {"place": "a:1", "phase": "dessert", "within_ms": 1}}"#, "unknown variant `dessert`"),
        (r#"{"tls": {"place": "a:1", "why": {"certificate": "pretty"}}}"#, "unknown variant `pretty`"),
        (r#"{"tls": {"place": "a:1", "why": {"alert": 300}}}"#, "invalid value: integer `300`"),
        (r#"{"refused": {}}"#, "missing field `place`"),
    ] {
        let refused = serde_json::from_str::<Missing>(reason).unwrap_err().to_string();
        assert!(refused.contains(why), "{reason}: {refused}");
    }
}

/// With any host name, and any words of the system's errors.
#[test]
fn judgements_read_the_kind_of_a_reason_and_not_its_words() {
    const PLAIN: &str = "api.example.com";
    // All that once decided a verdict.
    let misleading = "connection refused: certificate, alert, the name has no IPv6 address, network is unreachable, \
                      not sent, could not resolve";
    let mut compared = 0;
    with_subjects(|subject| {
        for check in checks::all() {
            for example in check.passes.iter().take(1).chain(check.fails.iter().take(1)) {
                let sound = exchanges(subject, check.ask, example);
                for (index, reason) in every(PLAIN, 503).iter().enumerate() {
                    let expected = judged(check, subject, &sound, reason);
                    let reworded = &every(misleading, 503)[index];
                    assert_eq!(
                        judged(check, subject, &sound, reworded),
                        expected,
                        "{}: {reworded}",
                        check.id
                    );
                    compared += 1;
                }
            }
        }
    });
    assert!(compared > 5_000, "only {compared} verdicts were compared");
}

/// The verdicts of a check when each single answer of an example is missing for this reason: in its place, among
/// a burst's, or at each step of a drill.
fn judged(
    check: &verify::model::check::Check,
    subject: &Subject<'_>,
    sound: &[Exchange],
    reason: &Missing,
) -> Vec<&'static str> {
    let changes: [fn(&mut Answer, &Missing); 2] = [
        |answer, reason| *answer = Answer::Missing(reason.clone()),
        |answer, reason| match answer {
            Answer::Drilled(drilled) => {
                for told in drilled.answers_mut() {
                    told.answer = Err(reason.clone());
                }
            }
            Answer::Burst(Burst { failures, .. }) => {
                for failure in failures {
                    failure.why = reason.clone();
                }
            }
            answer => *answer = Answer::Missing(reason.clone()),
        },
    ];
    let verdicts = changes.into_iter().flat_map(|change| {
        (0..sound.len()).map(move |index| {
            let mut exchanges = sound.to_vec();
            change(&mut exchanges[index].answer, reason);
            kind(&(check.judge)(subject, &exchanges))
        })
    });
    verdicts.collect()
}

const fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail(_) => "fail",
        Verdict::Inconclusive(_) => "inconclusive",
        Verdict::NotApplicable(_) => "not applicable",
    }
}

#[test]
fn a_certificate_is_told_from_other_refusals_by_its_kind() {
    with_subjects(|subject| {
        let check = checks::all().find(|check| check.id == "tls.cert.valid").unwrap();
        let sound = exchanges(subject, check.ask, check.passes[0]);
        for failure in every_tls_failure(40) {
            let mut exchanges = sound.clone();
            let Answer::Handshake(handshake) = &mut exchanges[0].answer else { panic!("{:?}", exchanges[0]) };
            handshake.refused = Some(failure.clone());
            let Verdict::Fail(failures) = (check.judge)(subject, &exchanges) else { panic!("{failure}") };
            let about = "the certificate of https://api.example.com";
            let of_a_certificate = matches!(failure, verify::model::tls::TlsFailure::Certificate(_));
            assert_eq!(failures[0].observed.starts_with(about), of_a_certificate, "{}", failures[0].observed);
        }
    });
}

/// A live target, and a candidate that is drilled.
fn with_subjects(test: impl FnMut(&Subject<'_>)) {
    let profile = include_str!("../../profiles/production.toml")
        .replace("reads = []", "reads = [\"/api/items\"]")
        .replace("writes = []", "writes = [\"/api/items\"]");
    let declaration = Declaration::parse("profiles/production.toml", &profile, date(2026, 1, 2)).unwrap();
    let subject = |allows| Subject {
        declaration: &declaration,
        target: "https://api.example.com".parse().unwrap(),
        foreign: foreign(),
        expected_release: Some(support::RELEASE.to_owned()),
        allows,
    };
    [Needs::Intrusive, Needs::Drill].map(subject).iter().for_each(test);
}

//! The secrets of a candidate: found in its answers and log lines, and hidden.

use crate::model::drilled::TimedReply;
use crate::model::exchange::Response;
use crate::model::redact;

/// Values, each with the variable that holds it.
pub(super) struct Secrets {
    variables: Vec<String>,
    values: Vec<String>,
}

impl Secrets {
    pub(super) fn new(secrets: impl Iterator<Item = (String, String)>) -> Self {
        let (variables, values) = secrets.unzip();
        Self { variables, values }
    }

    /// The variables whose values were seen, each with its place.
    pub(super) fn leaks(&self, log: &[String], answers: &[TimedReply]) -> Vec<(String, String)> {
        let mut leaks = Vec::new();
        for (variable, value) in self.variables.iter().zip(&self.values) {
            if log.iter().any(|line| line.contains(value.as_str())) {
                leaks.push((variable.clone(), "the output of the candidate".to_owned()));
            }
            let told = |told: &TimedReply| told.answer.as_ref().is_ok_and(|response| holds(response, value));
            if answers.iter().any(told) {
                leaks.push((variable.clone(), "an answer".to_owned()));
            }
        }
        leaks
    }

    pub(super) fn hide_in_line(&self, line: &mut String) {
        *line = redact::shown(&redact::without(line, &self.values));
    }

    pub(super) fn hide_in_answer(&self, response: &mut Response) {
        response.body = redact::without(&response.body, &self.values);
        for (_, value) in &mut response.headers {
            *value = redact::without(value, &self.values);
        }
    }
}

fn holds(response: &Response, value: &str) -> bool {
    response.body.contains(value) || response.headers.iter().any(|(_, header)| header.contains(value))
}

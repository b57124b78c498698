//! The part of a request behind the question mark.
//! Promises: a parameter that an endpoint does not take, or that comes twice, is refused by name, unless there are so many that only their
//! number is told.

use axum::extract::Query as Pairs;
use axum::http::Uri;
use tenure_admin::FieldError;

use super::problem::{Code, Fault};

/// Parameters that a request may have. Each is held against those before it, so their number is bounded.
const PARAMETERS_MAX: usize = 32;

/// Parameters by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Those of a request to an endpoint that takes `allowed`.
    pub(super) fn read(uri: &Uri, allowed: &[&str]) -> Result<Self, Fault> {
        let query = uri.query().unwrap_or_default();
        if query.split('&').nth(PARAMETERS_MAX).is_some() {
            let detail = format!("the query has too many parameters: at most {PARAMETERS_MAX} are read");
            return Err(Fault::new(Code::Invalid, detail));
        }
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
            Fault::new(
                Code::Malformed,
                "the query cannot be read: expected name=value&name=value",
            )
        })?;
        let errors = errors_in(&pairs, allowed);
        if errors.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(Fault::invalid(errors))
        }
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a switch is set; it is not if it is not named.
    pub(super) fn is_set(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Fault::invalid_field(name, "true or false")),
        }
    }
}

fn errors_in(pairs: &[(String, String)], allowed: &[&str]) -> Vec<FieldError> {
    let wrong = |at: usize, name: &str| {
        if !allowed.contains(&name) {
            Some(match allowed {
                [] => "unknown: this path takes no query parameters".to_owned(),
                _ => format!("unknown: this path takes {}", allowed.join(", ")),
            })
        } else if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
            Some("named twice".to_owned())
        } else {
            None
        }
    };
    let of_pair = |(at, (name, _)): (usize, &(String, String))| {
        wrong(at, name).map(|rule| FieldError {
            field: name.clone(),
            rule,
        })
    };
    pairs.iter().enumerate().filter_map(of_pair).collect()
}

//! Bodies of requests.
//! Promises: everything that is wrong with a body is told at once, each field by its JSON pointer with the rule that it breaks; an unknown
//! field is told with the nearest known one. So a body that is let through breaks no rule. What is wrong with a body of many fields is
//! only that: the work for a body grows with its bytes, never with their square.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tenure_admin::FieldError;

use super::problem::{Code, Fault};

/// Fields that a body may have. Each unknown one is held against all known ones, so their number is bounded.
const FIELDS_MAX: usize = 64;

/// A field of a body.
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it may be absent.
    pub(super) optional: bool,
    /// The rule, with the values that it allows.
    pub(super) rule: &'static str,
    /// Whether a value keeps the rule.
    pub(super) holds: fn(&Value) -> bool,
}

/// The body as a type whose fields these are.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], fields: &[Field]) -> Result<T, Fault> {
    let value: Value = serde_json::from_slice(body).map_err(unreadable)?;
    let Value::Object(object) = value else {
        return Err(Fault::new(Code::Malformed, "the body is not a JSON object"));
    };
    if object.len() > FIELDS_MAX {
        let detail = format!("the body has {} fields: at most {FIELDS_MAX} are read", object.len());
        return Err(Fault::new(Code::Invalid, detail));
    }
    let errors = errors_in(&object, fields);
    if !errors.is_empty() {
        return Err(Fault::invalid(errors));
    }
    // From the bytes once more: a field that is named twice shows only there.
    serde_json::from_slice(body).map_err(unreadable)
}

/// As [`read`], for a body that may also be empty.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(body: &[u8], fields: &[Field]) -> Result<T, Fault> {
    if body.is_empty() {
        Ok(T::default())
    } else {
        read(body, fields)
    }
}

/// A body that says nothing: empty, or `{}`.
pub(super) fn read_nothing(body: &[u8]) -> Result<(), Fault> {
    if body.is_empty() {
        return Ok(());
    }
    read::<Map<String, Value>>(body, &[]).map(|_| ())
}

/// Whether it is a number of `range`.
pub(super) fn is_whole(value: &Value, range: std::ops::RangeInclusive<u64>) -> bool {
    value.as_u64().is_some_and(|number| range.contains(&number))
}

fn errors_in(object: &Map<String, Value>, fields: &[Field]) -> Vec<FieldError> {
    let unknown = object
        .keys()
        .filter(|name| fields.iter().all(|field| field.name != *name))
        .map(|name| error(name, unknown_rule(name, fields)));
    let broken = fields.iter().filter_map(|field| {
        let holds = match object.get(field.name) {
            None | Some(Value::Null) => field.optional,
            Some(value) => (field.holds)(value),
        };
        (!holds).then(|| error(field.name, field.rule.to_owned()))
    });
    unknown.chain(broken).collect()
}

fn error(name: &str, rule: String) -> FieldError {
    let escaped = name.replace('~', "~0").replace('/', "~1");
    FieldError {
        field: format!("/{escaped}"),
        rule,
    }
}

fn unknown_rule(name: &str, fields: &[Field]) -> String {
    let near = fields
        .iter()
        .map(|field| (distance(name, field.name), field.name))
        .min();
    match near {
        Some((edits, known)) if edits <= known.len().div_ceil(3) => format!("unknown: did you mean {known}?"),
        Some(_) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            format!("unknown: expected one of {}", names.join(", "))
        }
        None => "unknown: the body has no fields".to_owned(),
    }
}

/// Letters to insert, drop or exchange until one is the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // Longer names are near none of ours, and cost the square of their length.
    let one: Vec<char> = one.chars().take(64).collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut left = row + 1;
        let mut line = vec![left];
        for ((other, diagonal), up) in other.iter().zip(&above).zip(above.iter().skip(1)) {
            left = (left + 1).min(up + 1).min(diagonal + usize::from(letter != other));
            line.push(left);
        }
        above = line;
    }
    above.last().copied().unwrap_or(usize::MAX)
}

fn unreadable(error: serde_json::Error) -> Fault {
    // serde_json's sentences name places and kinds, never values of the body's text fields.
    Fault::new(
        Code::Malformed,
        format!("the body is not the JSON that is expected: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_told_with_the_nearest() {
        let rule = "a number";
        let field = |name| Field {
            name,
            optional: true,
            rule,
            holds: Value::is_number,
        };
        let fields = [field("shards"), field("replicas")];
        let refused = read::<Map<String, Value>>(br#"{"shard": 1, "a/b": 2, "replicas": "x"}"#, &fields).unwrap_err();
        let told: Vec<(&str, &str)> = refused
            .errors
            .iter()
            .map(|error| (error.field.as_str(), error.rule.as_str()))
            .collect();
        let expected = [
            ("/a~1b", "unknown: expected one of shards, replicas"),
            ("/shard", "unknown: did you mean shards?"),
            ("/replicas", rule),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn distances_count_single_letters() {
        for (one, other, edits) in [
            ("", "ab", 2),
            ("ab", "ab", 0),
            ("shard", "shards", 1),
            ("pasword", "password", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }
}

//! `ETag` and `If-Match`: whether a row is still the one that the caller has seen.

use axum::http::{HeaderMap, header};
use tenure_control_model::Revision;

use super::problem::{Code, Fault};

/// The tag of a row.
pub(super) fn etag(revision: Revision) -> String {
    format!("\"{}\"", revision.get())
}

/// The header, if there is one, names this revision.
pub(super) fn require_match(if_match: Option<&str>, revision: Revision) -> Result<(), Fault> {
    let Some(text) = if_match else {
        return Ok(());
    };
    let now = etag(revision);
    if text.trim() == "*" || text.split(',').any(|tag| tag.trim() == now) {
        return Ok(());
    }
    let detail = format!("it is {now} now, not what If-Match names: read it again and decide anew");
    Err(Fault::new(Code::PreconditionFailed, detail))
}

/// What the request asks to match.
pub(super) fn if_match_of(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let values: Result<Vec<&str>, _> = headers
        .get_all(header::IF_MATCH)
        .iter()
        .map(|value| value.to_str())
        .collect();
    let values = values.map_err(|_| Fault::invalid_field("If-Match", "an etag as it came, such as \"3\""))?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_the_row_as_it_is_matches() {
        for (if_match, matches) in [
            (None, true),
            (Some("\"3\""), true),
            (Some("*"), true),
            (Some("\"2\", \"3\""), true),
            (Some("\"2\""), false),
            (Some("W/\"3\""), false),
            (Some("3"), false),
            (Some(""), false),
        ] {
            assert_eq!(
                require_match(if_match, Revision::new(3)).is_ok(),
                matches,
                "{if_match:?}"
            );
        }
    }
}

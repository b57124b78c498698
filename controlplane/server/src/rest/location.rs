//! `Location`: where to look for what became of a request.
//! Promises: it follows from the request's path and the answer's body, so a remembered answer leads to the same place.

use serde_json::Value;

/// Of the answer to a POST to `path`.
pub(super) fn of(path: &str, body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    if let Some(operation) = text("/operation/id") {
        return Some(operation_path(operation));
    }
    if let Some(key) = text("/key/id") {
        return Some(format!("{path}/{key}"));
    }
    match text("/id").filter(|id| id.starts_with("op_")) {
        Some(operation) => Some(operation_path(operation)),
        None => {
            let version = text("/version").map(|version| format!("/versions/{version}"));
            text("/name").map(|name| format!("{path}/{name}{}", version.unwrap_or_default()))
        }
    }
}

fn operation_path(id: &str) -> String {
    format!("/v1/operations/{id}")
}

//! Rules about values that several bodies share.

use serde_json::Value;
use tenure_control_model::Name;

use super::problem::Fault;

/// What a name has to be.
pub(super) const NAME: &str = "1 to 63 small letters, digits and dashes; a letter first and no dash last";

/// Whether a value is a name.
pub(super) fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<Name>().is_ok())
}

/// The name that a body gave, which was held against the rule before.
pub(super) fn name(text: &str) -> Result<Name, Fault> {
    let name = text.parse().ok();
    name.ok_or_else(|| Fault::invalid_field("/name", NAME))
}

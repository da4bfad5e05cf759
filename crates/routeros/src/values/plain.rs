//! Booleans: `true`/`false` in flags, `yes`/`no` in settings.

use super::ValueError;

/// Reads either spelling.
pub fn parse_flag(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(ValueError::new("boolean", text)),
    }
}

/// The spelling that every parameter accepts.
pub const fn format_flag(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

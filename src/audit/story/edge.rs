//! What a proxy said of a login.

use super::Told;

/// Whose word it was, and how much of it counted.
pub(super) fn said(told: Told<'_>) -> Option<String> {
    let request = told.quoted("/data/edge/request")?;
    let mut text = format!("An edge calls it {request}");
    if let Some(key) = told.quoted("/data/edge/key") {
        text.push_str(&format!(" (key {key})"));
    }
    let source = told.text("/data/edge/source").unwrap_or_else(|| "a hidden address".to_owned());
    text.push_str(&format!(" and saw it come from {source}"));
    text.push_str(&match told.text("/data/edge/tls") {
        Some(version) => format!(", over {version}"),
        None => ", without TLS".to_owned(),
    });
    let counts = !told.is("/data/stage", "edge") || told.is("/data/code", "edge_missing");
    text.push_str(if counts { "." } else { "; that did not count." });
    Some(text)
}

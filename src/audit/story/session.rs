//! What became of the connection, as the server told it.

use super::Told;

pub(super) fn tell(told: Told<'_>) -> Option<String> {
    let time = told.time("/time").unwrap_or_default();
    let reason = told.quoted("/data/reason").map(|it| format!(" ({it})")).unwrap_or_default();
    match (told.text("/type")?.as_str(), told.text("/data/outcome")?.as_str()) {
        ("hallpass.session", "started") => {
            let at = told.time("/data/started_at").unwrap_or(time);
            Some(format!("The server let the connection in at {at}."))
        }
        ("hallpass.session", "ended") => {
            let at = told.time("/data/ended_at").unwrap_or(time);
            let amount = |name: &str| {
                let count = told.text(&format!("/data/{name}/msgs"))?;
                let s = if count == "1" { "" } else { "s" };
                Some(format!("{name} {count} message{s}"))
            };
            let amounts: Vec<_> = ["sent", "received"].into_iter().filter_map(amount).collect();
            let amounts = match amounts.is_empty() {
                true => String::new(),
                false => format!("; the client had {}", amounts.join(" and ")),
            };
            Some(format!("It ended at {at}{reason}{amounts}."))
        }
        ("hallpass.answer", "timed_out") => {
            Some(format!("The server waited in vain for an answer, and gave up at {time}."))
        }
        ("hallpass.answer", "rejected") => {
            Some(format!("The server did not take the answer, at {time}{reason}."))
        }
        _ => None,
    }
}

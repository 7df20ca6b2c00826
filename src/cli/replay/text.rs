//! How the answer is written for people.

use jiff::Timestamp;

use crate::{
    audit::replay::{ChangeKind, Group, Line, Report, Seen, Stand},
    policy::{DiffSide, RuleRef},
    printable,
};

/// Longer subjects are cut.
const LONGEST: usize = 200;

/// The changes, what cannot be told, and the sum.
pub(super) fn report(report: &Report, omitted: usize, colour: bool) -> String {
    let mut out = String::new();
    let mut kind = None;
    for group in &report.groups {
        if kind != Some(group.change.kind) {
            kind = Some(group.change.kind);
            let count = report.changed.get(&group.change.kind).copied().unwrap_or_default();
            let (title, mark) = title(group.change.kind);
            let title = paint(colour, mark, title);
            out += &format!("{title}: {}\n", counted(count, "login"));
        }
        out += &one(group, colour);
        out.push('\n');
    }
    if omitted > 0 {
        out += &format!("… and {}: `--limit` shows more of them\n\n", changes(omitted));
    }
    if report.ungrouped > 0 {
        let count = counted(report.ungrouped, "login");
        out += &format!("{count} more would change, and are not told apart\n\n");
    }
    for (why, seen) in &report.reasons {
        let why = printable::text(why);
        out += &format!("cannot be decided again: {why}\n  {}\n\n", met(seen));
    }
    for (id, why) in &report.unread {
        out += &format!("cannot be read: {}: {why}\n", printable::text(id));
    }
    if report.unreadable > 0 {
        out.push('\n');
    }
    out + &summary(report) + "\n"
}

fn paint(colour: bool, code: &str, text: &str) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn title(kind: ChangeKind) -> (&'static str, &'static str) {
    match kind {
        ChangeKind::Differs => ("differs under the same maps", "1;31"),
        ChangeKind::Allowed => ("newly allowed", "1;33"),
        ChangeKind::Widened => ("widened", "1;33"),
        ChangeKind::Both => ("widened and narrowed", "1;33"),
        ChangeKind::Account => ("another account", "1;33"),
        ChangeKind::Refused => ("newly refused", "1;31"),
        ChangeKind::Narrowed => ("narrowed", "1"),
    }
}

fn one(group: &Group, colour: bool) -> String {
    let Group { user, change, seen } = group;
    let mut out = format!("  {}: {}\n", printable::shortened(user, LONGEST), met(seen));
    out += &format!("    was  {}\n", stand(&change.was));
    out += &format!("    now  {}\n", stand(&change.now));
    for line in &change.lines {
        out += &told(line, colour);
    }
    if change.more > 0 {
        out += &format!("    … and {} more\n", change.more);
    }
    if let Some(note) = &change.note {
        out += &format!("    {}\n", printable::text(note));
    }
    out
}

/// How often, when, and the last of them.
fn met(seen: &Seen) -> String {
    let second = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at).to_string();
    let (first, last) = (second(seen.first), second(seen.last));
    let when = if first == last { first } else { format!("{first} to {last}") };
    let which = if seen.count == 1 { "decision" } else { "last decision" };
    format!("{}, {when}, {which} {}", counted(seen.count, "login"), seen.decision)
}

fn stand(stand: &Stand) -> String {
    let roles: Vec<_> = stand
        .roles
        .iter()
        .map(|role| match stand.at.iter().find(|it| it.role == *role) {
            Some(RuleRef { at, .. }) => format!("{role} ({at})"),
            None => role.to_string(),
        })
        .collect();
    let roles = match roles.as_slice() {
        [] => String::new(),
        [one] => format!(", role {one}"),
        _ => format!(", roles {}", roles.join(", ")),
    };
    let what = match (&stand.account, &stand.refused) {
        (Some(account), _) => format!("in the account {account}"),
        (None, Some(code)) => format!("refused, {code}"),
        (None, None) => "refused".to_owned(),
    };
    let detail = stand.detail.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
    printable::text(&format!("{what}{roles}{detail}"))
}

fn told(line: &Line, colour: bool) -> String {
    let (sign, code) = match line.side {
        DiffSide::Old => ('-', "31"),
        DiffSide::New => ('+', "32"),
    };
    let text = printable::shortened(&line.text, LONGEST);
    let text = paint(colour, code, &format!("{sign} {} {text}", line.aspect.as_str()));
    let mark = if line.effect.wider {
        format!("  {}", paint(colour, "1;33", "WIDER"))
    } else {
        String::new()
    };
    let mut out = format!("    {text}{mark}\n");
    for RuleRef { role, at } in &line.rules {
        out += &format!("        {role} ({})\n", printable::text(at));
    }
    out
}

fn summary(report: &Report) -> String {
    let mut parts = vec![format!("{} the same", report.same)];
    for (kind, count) in &report.changed {
        parts.push(format!("{count} {}", title(*kind).0));
    }
    for (count, what) in
        [(report.undecidable, "cannot be decided again"), (report.unreadable, "cannot be read")]
    {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let all = report.decided + report.undecidable + report.unreadable;
    let mut out = format!("{}: {}", counted(all, "login"), parts.join(", "));
    if report.not_by_maps > 0 {
        let count = counted(report.not_by_maps, "login");
        out += &format!("\n{count} did not come to the maps, such as for a bad token");
    }
    if report.withheld > 0 {
        let count = counted(report.withheld, "grant");
        out += &format!("\n{count} of these went unanswered, as the audit stream was not there");
    }
    out
}

fn changes(count: usize) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), "more change")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

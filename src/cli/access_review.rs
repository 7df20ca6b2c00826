//! `hallpass access-review`

use anyhow::{Context as _, bail};
use clap::Args;

use super::{ConfigArgs, Exit, markdown, output};
use crate::{
    config::Settings,
    document::{Problems, did_you_mean},
    names::{AccountName, RoleName},
    policy::{self, Filter, Reviewable, Reviewed, Said},
    printable, service,
    subject::SubjectPattern,
    table::table,
};

/// List all roles: their subjects, and the IdP roles that give them
///
/// A table for people, CSV (RFC 4180, one line for each subject of each role) or Markdown for
/// those who review access. Each role is shown with all that it inherits. Needs the maps and
/// what of the configuration they refer to, and none of the secrets that `serve` needs.
///
/// With `--subject`, a placeholder stands for any value: the roles by which somebody with the
/// right claim can reach it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass access-review\n  hallpass access-review --subject orders.acme.created\n  hallpass access-review --format csv > access.csv"
)]
pub(super) struct AccessReview {
    #[command(flatten)]
    config: ConfigArgs,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only roles that lead to this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountName>,
    /// Only this role
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleName>,
    /// Only roles by which somebody can publish or receive on this subject, or on one of these
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<SubjectPattern>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Table,
    /// For a spreadsheet
    Csv,
    /// For a document
    Markdown,
    /// For programs
    Json,
}

impl AccessReview {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let roles = match self.roles() {
            Ok(roles) => roles,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        self.check_names(&roles)?;
        let filter = Filter {
            account: self.account.clone(),
            role: self.role.clone(),
            subject: self.subject.clone(),
        };
        let roles = policy::review(&roles, &filter);
        if roles.is_empty() {
            output::note("no role fits");
        }
        output::text(&match self.format {
            Format::Table => table(&rows(&roles)) + &to_know(&roles),
            Format::Csv => csv(&roles)?,
            Format::Markdown => as_markdown(&roles),
            Format::Json => printable::json(&serde_json::to_string_pretty(&roles)?) + "\n",
        })
        .context("standard output")?;
        Ok(Exit::Yes)
    }

    fn roles(&self) -> Result<policy::PolicySet, Problems> {
        let layers = self.config.layers()?;
        let boundaries = service::known_boundaries(&layers)?;
        let mut problems = Problems::default();
        policy::load(&Settings::maps_directory(&layers), &boundaries, &mut problems).ok_or(problems)
    }

    /// A name that was mistyped must not read as "nobody".
    fn check_names(&self, roles: &policy::PolicySet) -> anyhow::Result<()> {
        let all = policy::review(roles, &Filter::default());
        let unknown = |what: &str, name: &str, known: Vec<&str>| {
            let near = did_you_mean(name, known);
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("no map has the {what} `{name}`{near}")
        };
        if let Some(name) =
            self.role.as_ref().filter(|name| !all.iter().any(|it| it.role == **name))
        {
            let known = all.iter().map(|role| role.role.as_str()).collect();
            bail!(unknown("role", name.as_str(), known));
        }
        if let Some(name) =
            self.account.as_ref().filter(|name| !all.iter().any(|it| it.account == **name))
        {
            let known = all.iter().map(|role| role.account.as_str()).collect();
            bail!(unknown("account", name.as_str(), known));
        }
        Ok(())
    }
}

fn issuers(role: &Reviewed) -> String {
    role.issuers.iter().map(|issuer| issuer.as_str()).collect::<Vec<_>>().join(", ")
}

fn idp_roles(role: &Reviewed) -> String {
    if role.idp_roles.is_empty() { "(nobody)".to_owned() } else { role.idp_roles.join(", ") }
}

/// A line for each subject; what is the same for all of a role stands in its first.
fn rows<'a>(roles: &'a [Reviewed]) -> Vec<Vec<String>> {
    // Most roles have no grant, and a terminal is narrow.
    let is_granted = |role: &Reviewed| {
        role.lists().iter().any(|(_, _, list)| list.iter().any(|it| it.grant.is_some()))
    };
    let with_grants = roles.iter().any(is_granted);
    let head = ["role", "account", "issuers", "IdP roles", "may", "grant", "subject", "where"];
    let head = head.into_iter().filter(|cell| with_grants || *cell != "grant");
    let mut rows = vec![head.map(str::to_owned).collect()];
    for role in roles {
        let mut lines = Vec::new();
        for (direction, denied, list) in role.lists() {
            let may = if denied { format!("not {direction}") } else { direction.to_owned() };
            let mut before = None;
            for line in list {
                // What a grant was expanded to stands below its words.
                let of = line.grant.as_deref().map(|grant| (grant, &line.at));
                let grant = of.filter(|_| of != before).map_or("", |(grant, _)| grant);
                before = of;
                lines.push((may.clone(), grant, line.subject.clone(), &line.at));
            }
        }
        let more = [("answer", &role.responses), ("stay", &role.session)];
        let more = more.into_iter().filter_map(|(may, said)| Some((may, said.as_ref()?)));
        let only = role.conditions.iter().map(|condition| ("only", condition));
        let said = |(may, it): (&str, &'a Said)| (may.to_owned(), "", it.text.clone(), &it.at);
        lines.extend(more.chain(only).map(said));
        if lines.is_empty() {
            lines.push(("connect".to_owned(), "", String::new(), &role.at));
        }
        for (index, (may, grant, said, at)) in lines.into_iter().enumerate() {
            let mut row = match index {
                0 => {
                    let (name, account) = (role.role.to_string(), role.account.to_string());
                    vec![name, account, issuers(role), idp_roles(role)]
                }
                _ => vec![String::new(); 4],
            };
            row.push(may);
            row.extend(with_grants.then(|| grant.to_owned()));
            row.extend([said, at.to_string()]);
            rows.push(row.iter().map(|cell| printable::text(cell)).collect());
        }
    }
    rows
}

/// What goes with the subjects of each role, if anything.
fn to_know(roles: &[Reviewed]) -> String {
    let noted = roles.iter().filter(|role| !role.notes.is_empty());
    let mut out = String::new();
    for role in noted {
        out += &printable::text(&format!("to know of {}", role.role));
        let lines = role.notes.iter().map(|note| format!("\n  {}", printable::text(note)));
        out.extend(lines);
        out.push('\n');
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

const CSV_HEAD: [&str; 14] = [
    "role",
    "description",
    "account",
    "issuers",
    "idp_roles",
    "direction",
    "effect",
    "grant",
    "subject",
    "notes",
    "responses",
    "session",
    "conditions",
    "at",
];

fn csv(roles: &[Reviewed]) -> anyhow::Result<String> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(CSV_HEAD)?;
    for role in roles {
        let mut line = |direction: &str, effect: &str, of: Option<&Reviewable>, at: &str| {
            let or_empty = |text: Option<&String>| text.cloned().unwrap_or_default();
            let said = |said: &Option<Said>| or_empty(said.as_ref().map(|it| &it.text));
            let cells = [
                role.role.to_string(),
                or_empty(role.description.as_ref()),
                role.account.to_string(),
                issuers(role),
                role.idp_roles.join(", "),
                direction.to_owned(),
                effect.to_owned(),
                or_empty(of.and_then(|line| line.grant.as_ref())),
                or_empty(of.map(|line| &line.subject)),
                of.map(|line| line.notes.join("; ")).unwrap_or_default(),
                said(&role.responses),
                said(&role.session),
                role.conditions.iter().map(|it| &*it.text).collect::<Vec<_>>().join("; "),
                at.to_owned(),
            ];
            writer.write_record(cells.map(|cell| harmless(&cell)))
        };
        for (direction, denied, list) in role.lists() {
            let effect = if denied { "deny" } else { "allow" };
            for it in list {
                line(direction, effect, Some(it), &it.at)?;
            }
        }
        // No role is left out because it has no subject.
        if role.lists().iter().all(|(_, _, list)| list.is_empty()) {
            line("", "", None, &role.at)?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A cell that no spreadsheet takes for a formula: what one could begin with has a `'` before it.
/// Source: <https://owasp.org/www-community/attacks/CSV_Injection>.
fn harmless(cell: &str) -> String {
    let cell = printable::text(cell);
    // Their full-width forms count as well in some.
    let begins = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let is_formula = |part: &str| {
        part.trim_start_matches(|c: char| c.is_whitespace() || c == '"').starts_with(begins)
    };
    let part = |part| if is_formula(part) { format!("'{part}") } else { part.to_owned() };
    // Where `;` stands between cells, as in much of Europe, what follows one is a cell of its own.
    cell.split(';').map(part).collect::<Vec<_>>().join(";")
}

fn as_markdown(roles: &[Reviewed]) -> String {
    let head = [
        "role",
        "description",
        "account",
        "issuers",
        "IdP roles",
        "grants",
        "publish",
        "subscribe",
        "denied publish",
        "denied subscribe",
        "responses",
        "session",
        "conditions",
        "where",
    ];
    let mut out = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for role in roles {
        let text = |text: &Option<String>| text.as_deref().map(markdown::code).unwrap_or_default();
        let several = |cells: Vec<String>| cells.join("<br>");
        let said = |said: &Option<Said>| text(&said.as_ref().map(|it| it.text.clone()));
        let codes = |list: &[Reviewable]| {
            several(list.iter().map(|line| markdown::code(&line.subject)).collect())
        };
        let mut grants: Vec<_> = role
            .lists()
            .iter()
            .flat_map(|(_, _, list)| list.iter())
            .filter_map(|line| Some(markdown::text(line.grant.as_ref()?)))
            .collect();
        grants.sort();
        grants.dedup();
        let givers = if role.idp_roles.is_empty() {
            "nobody".to_owned()
        } else {
            several(role.idp_roles.iter().map(|name| markdown::code(name)).collect())
        };
        let conditions = role.conditions.iter().map(|condition| markdown::code(&condition.text));
        let cells = [
            markdown::text(role.role.as_str()),
            text(&role.description),
            markdown::text(role.account.as_str()),
            markdown::text(&issuers(role)),
            givers,
            several(grants),
            codes(&role.publish),
            codes(&role.subscribe),
            codes(&role.deny_publish),
            codes(&role.deny_subscribe),
            said(&role.responses),
            said(&role.session),
            several(conditions.collect()),
            markdown::code(&role.at),
        ];
        out += &format!("| {} |\n", cells.join(" | "));
    }
    for role in roles.iter().filter(|role| !role.notes.is_empty()) {
        out += &format!("\nTo know of {}:\n\n", markdown::text(role.role.as_str()));
        out.extend(role.notes.iter().map(|note| format!("- {}\n", markdown::text(note))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for begins in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1"] {
            assert_eq!(harmless(begins), format!("'{begins}"));
        }
        assert_eq!(harmless("a;=1; +2"), "a;'=1;' +2", "cells of their own in some places");
        assert_eq!(harmless("a;\"=1\""), "a;'\"=1\"");
        assert_eq!(harmless("\t=1"), "\\t=1", "what a terminal obeys is an escape before that");
        assert_eq!(harmless("orders.>"), "orders.>");
        assert_eq!(harmless("$JS.API.>"), "$JS.API.>");
        assert_eq!(harmless(""), "");
    }
}

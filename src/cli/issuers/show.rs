//! `hallpass issuers show`

use clap::Args;

use super::super::{Exit, output};
use crate::{
    config::Preset,
    document::{Place, Problem},
    table::table,
};

/// Show what is known of the tokens of an IdP
///
/// Prints a preset as it is: where the layout of the tokens is documented, what to know about
/// them, what `[issuers.NAME]` says by default with `preset = "…"`, and the few lines that are
/// left to write. What is written there wins, key by key. Without a name: which presets there are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  hallpass issuers show\n  hallpass issuers show keycloak")]
pub(in crate::cli) struct Show {
    /// The preset
    name: Option<String>,
}

impl Show {
    pub(in crate::cli) fn run(&self) -> anyhow::Result<Exit> {
        let find = |name: &str| Preset::find(name, &Place::named("issuers show"));
        let told = |problems: &crate::document::Problems| {
            let line = |problem: &Problem| format!("{}: {}", problem.message, problem.help);
            anyhow::anyhow!("{}", problems.iter().map(line).collect::<Vec<_>>().join("; "))
        };
        if let Some(name) = &self.name {
            let preset = find(name).map_err(|problems| told(&problems))?;
            output::try_line(preset.text.trim_end())?;
            return Ok(Exit::Yes);
        }
        let mut rows = vec![["preset", "for the tokens of", "issuer"].map(str::to_owned).to_vec()];
        for name in Preset::names() {
            let preset = find(name).map_err(|problems| told(&problems))?;
            rows.push(vec![name.to_owned(), preset.title, preset.issuer_form]);
        }
        output::try_line(table(&rows).trim_end())?;
        Ok(Exit::Yes)
    }
}

//! `hallpass maps schema`

use clap::Args;

use super::super::{Exit, output};
use crate::setup::MAP_SCHEMA;

/// Print the JSON Schema of subject maps and of their test files
///
/// Editors complete, explain and check by it. Write it to a file, and name that at the top of each
/// map: `#:schema ../subject-map.schema.json` for Taplo, which is in Even Better TOML. `hallpass check`
/// judges what a schema cannot say.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hallpass maps schema > subject-map.schema.json")]
pub(in crate::cli) struct Schema {}

impl Schema {
    pub(in crate::cli) fn run(&self) -> anyhow::Result<Exit> {
        output::try_line(MAP_SCHEMA.trim_end())?;
        Ok(Exit::Yes)
    }
}

//! `hallpass check`

use clap::Args;

use super::{ConfigArgs, Exit, output};
use crate::{
    audit,
    config::AuditMode,
    document::{Place, Problem, Problems, Severity},
    service::{self, Loaded},
};

/// Check configuration and subject maps
///
/// Reads what `serve` would read, by the same code, and shows all problems at once, each with
/// file, line and what to do about it. Warnings alone leave the exit code 0; errors make it 3.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hallpass check --config /etc/hallpass/hallpass.toml")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Check {
    #[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let (loaded, problems) =
            match self.config.layers().and_then(|layers| service::load(&layers)) {
                Ok((loaded, mut warnings)) => {
                    warnings.append(self.cases().err().unwrap_or_default());
                    warnings.append(self.spool(&loaded).err().unwrap_or_default());
                    let is_good = !warnings.any_error();
                    (is_good.then_some(loaded), warnings)
                }
                Err(problems) => (None, problems),
            };
        output::problems(&problems);
        let count =
            |severity| problems.iter().filter(|problem| problem.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        match loaded {
            Some(loaded) => {
                output::line(&format!(
                    "ok: {}, {} in {}, {}",
                    counted(loaded.settings.issuers.len(), "issuer"),
                    counted(loaded.policy.roles(), "role"),
                    counted(loaded.policy.files(), "map"),
                    counted(warnings, "warning"),
                ));
                Ok(Exit::Yes)
            }
            None => {
                output::line(&format!(
                    "invalid: {}, {}",
                    counted(errors, "error"),
                    counted(warnings, "warning")
                ));
                Ok(Exit::Invalid)
            }
        }
    }
}

impl Check {
    /// Whether the files with test cases can be read, which `serve` does not.
    fn cases(&self) -> Result<(), Problems> {
        let Err(mut problems) = service::load_maps(&self.config.layers()?) else { return Ok(()) };
        // The maps are good: what warnings they have was said.
        problems.retain(|problem| problem.severity == Severity::Error);
        Err(problems)
    }
}

impl Check {
    /// Whether the spool can be kept where it is to be; nothing of that stays.
    fn spool(&self, loaded: &Loaded) -> Result<(), Problems> {
        let AuditMode::Spool { directory, .. } = &loaded.settings.audit.mode else { return Ok(()) };
        let Err(error) = audit::leaves_nothing(directory) else { return Ok(()) };
        let layers = self.config.layers()?;
        let section = layers.root.get("audit");
        let setting = section.and_then(|it| it.get("spool")?.get("directory")).or(section);
        let nowhere = Place::named("audit.spool.directory");
        let mut problems = Problems::default();
        problems.add(Problem::error(
            setting.map_or(&nowhere, |node| &node.place),
            error.to_string(),
            "`serve` would not start; the directory is for the user that hallpass runs as",
        ));
        Err(problems)
    }
}

/// `1 role`, `2 roles`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

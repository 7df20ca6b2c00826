//! `hallpass audit export`

use std::{
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{
    Exit, Opened, all_written, filter::TimeSpan, open, progress::Progress, unless_stopped,
};
use crate::{
    audit::reader::{ReadError, Selection},
    cli::{ConfigArgs, output},
};

/// Write the events as they are, one a line
///
/// The lines are the exact bytes of the events (NDJSON), so that `hallpass audit verify --file`
/// can verify them anywhere.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit export --out trail.ndjson\n  hallpass audit export --since 24h | zstd > yesterday.ndjson.zst"
)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where to [default: standard output]; the file is there once it is whole
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    span: TimeSpan,
}

impl Export {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        if let Some(out) = &self.out
            && !self.force
            && out.symlink_metadata().is_ok()
        {
            anyhow::bail!("`{}` is there already; `--force` replaces it", out.display());
        }
        let Some(opened) = open(&self.config, "hallpass-audit-export").await? else {
            return Ok(Exit::Invalid);
        };
        match &self.out {
            None => {
                let mut output = BufWriter::new(io::stdout());
                let ended = unless_stopped(self.write(opened, &mut output)).await;
                let Some(outcome) = ended else { return Ok(Exit::CouldNotRun) };
                let (_, written) = outcome?;
                all_written(written.and_then(|()| output.flush()))
            }
            Some(out) => self.write_file(opened, out).await,
        }
    }

    async fn write_file(&self, opened: Opened, out: &Path) -> anyhow::Result<Exit> {
        let place = || format!("`{}`", out.display());
        let mut name =
            out.file_name().with_context(|| format!("{} is no file", place()))?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = out.with_file_name(name);
        let outcome = async {
            let file = private(&part).with_context(|| format!("`{}`", part.display()))?;
            let mut writer = BufWriter::new(file);
            let reading = self.write(opened, &mut writer);
            let ended = tokio::select! {
                outcome = reading => Some(outcome),
                () = crate::cli::asked_to_stop() => None,
            };
            let Some(outcome) = ended else { return Ok(None) };
            let (count, written) = outcome?;
            written.and_then(|()| writer.flush()).with_context(place)?;
            writer.get_ref().sync_all().with_context(place)?;
            match self.force {
                true => std::fs::rename(&part, out).with_context(place)?,
                // Somebody may have made it meanwhile, and a rename would replace it.
                false => std::fs::hard_link(&part, out).with_context(place)?,
            }
            anyhow::Ok(Some(count))
        }
        .await;
        // After a rename there is nothing to remove.
        let _ = std::fs::remove_file(&part);
        let Some(count) = outcome? else { return Ok(Exit::CouldNotRun) };
        output::note(&format!("{count} events in `{}`", out.display()));
        Ok(Exit::Yes)
    }

    /// Writes every event; how many there were, and how the writing ended.
    async fn write(
        &self,
        opened: Opened,
        out: &mut impl Write,
    ) -> Result<(u64, io::Result<()>), ReadError> {
        let progress = Progress::new("exporting");
        let selection = Selection { since: self.span.stored_since(), ..Selection::default() };
        let (mut count, mut written) = (0, Ok(()));
        let reading = opened.each(&selection, &progress, |record| {
            if self.span.fits(&record) {
                count += 1;
                written = out.write_all(record.payload()).and_then(|()| out.write_all(b"\n"));
            }
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        reading.await?;
        Ok((count, written))
    }
}

/// A new file that only its owner reads: who logged in when is in it.
fn private(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

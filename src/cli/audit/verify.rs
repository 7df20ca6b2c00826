//! `hallpass audit verify`

mod beginning;
mod text;

use std::{collections::BTreeSet, ops::ControlFlow, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use nkeys::{KeyPair, KeyPairType};
use serde::Serialize;

use beginning::{Subjects, beginning};

use super::{Exit, Opened, lines, open, progress::Progress};
use crate::{
    audit::{
        reader::{self, Record, Selection, Step},
        verify::{Beginning, Found, Report, Verifier},
    },
    cli::{ConfigArgs, output},
    config::read_signers,
    printable,
};

/// How long to wait for what others follow and is still on its way, and how often to look.
const ON_ITS_WAY: (u32, Duration) = (10, Duration::from_millis(500));

/// See whether the trail is whole
///
/// Walks the audit stream, or a file that `hallpass audit export` wrote, and names the first event
/// that is missing, changed, reordered or added. Exit code 0 where the trail is intact, 2 where it
/// is not, or where there is none. Only signatures of believed keys count: `audit.signers` of the
/// configuration, or `--signer`, with which a file needs no configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass audit verify\n  hallpass audit verify --file trail.ndjson \\\n      --signer UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4\n  zstdcat trail.ndjson.zst | hallpass audit verify --file - --complete"
)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    config: ConfigArgs,
    /// Events of a file instead of the stream; `-` for standard input. With `--signer`, no
    /// configuration is read
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A key to believe instead of those in `audit.signers`; may be given several times
    #[arg(long, value_name = "KEY", value_parser = signer)]
    signer: Vec<String>,
    /// Everything must be there from the first event on, even what retention may have removed
    #[arg(long)]
    complete: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

fn signer(text: &str) -> Result<String, &'static str> {
    let key = KeyPair::from_public_key(text).ok();
    let is_user = key.is_some_and(|key| key.key_pair_type() == KeyPairType::User);
    if is_user { Ok(text.to_owned()) } else { Err("the public nkey of a user begins with `U`") }
}

#[derive(Serialize)]
struct Answer<'a> {
    /// What places are counted in.
    place: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

impl Verify {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let found = match &self.file {
            Some(_) => self.of_file()?,
            None => self.of_stream().await?,
        };
        let Some(report) = found else { return Ok(Exit::Invalid) };
        let place = if self.file.is_some() { "line" } else { "stream sequence" };
        let text = match self.format {
            Format::Text => text::report(&report, place),
            Format::Json => {
                let answer = Answer { place, report: &report };
                format!("{}\n", printable::json(&serde_json::to_string_pretty(&answer)?))
            }
        };
        output::text(&text).context("standard output")?;
        if report.recognized == 0 && report.events > 0 {
            output::error(
                "there was no event among them: each line must be an event, byte by byte as \
                 `hallpass audit export` writes it",
            );
        }
        if report.events == 0 {
            output::error("there was no event to verify");
            return Ok(Exit::No);
        }
        Ok(if report.intact { Exit::Yes } else { Exit::No })
    }

    fn believed(&self, configured: BTreeSet<String>) -> Option<BTreeSet<String>> {
        let believed = match self.signer.is_empty() {
            true => configured,
            false => self.signer.iter().cloned().collect(),
        };
        if believed.is_empty() {
            output::error(
                "nobody is believed: name the keys that sign in `audit.signers`, or by `--signer`",
            );
            return None;
        }
        Some(believed)
    }

    fn of_file(&self) -> anyhow::Result<Option<Report>> {
        let Some(file) = &self.file else { return Ok(None) };
        let configured = match self.signer.is_empty() {
            false => BTreeSet::new(),
            true => match self.config.layers().and_then(|layers| read_signers(&layers)) {
                Ok(signers) => signers,
                Err(problems) => {
                    output::problems(&problems);
                    output::note("with `--signer KEY`, a file is verified without a configuration");
                    return Ok(None);
                }
            },
        };
        let Some(believed) = self.believed(configured) else { return Ok(None) };
        let progress = Progress::new("verifying");
        let mut verifier = Verifier::new(believed);
        lines::each(file, &progress, |at, payload| {
            verifier.take(Found { at, subject: None, message_id: None, payload });
        })?;
        Ok(Some(verifier.finish(Beginning::Unknown, self.complete)))
    }

    async fn of_stream(&self) -> anyhow::Result<Option<Report>> {
        let Some(opened) = open(&self.config, "hallpass-audit-verify").await? else {
            return Ok(None);
        };
        let Opened { client, settings } = &opened;
        let Some(believed) = self.believed(settings.signers.clone()) else { return Ok(None) };
        let (info, now) = (reader::info(client.clone(), settings).await?, Timestamp::now());
        let progress = Progress::new("verifying");
        let mut verifier = Verifier::new(believed);
        let mut subjects = Subjects::default();
        let mut ends: Option<(Timestamp, u64)> = None;
        let everything = Selection::default();
        let reading = opened.each(&everything, &progress, |record| {
            let (since, _) = ends.unwrap_or((record.stored, 0));
            ends = Some((since, record.sequence));
            subjects.count(&info, &record.subject);
            verifier.take(found(&record));
            ControlFlow::Continue(())
        });
        reading.await?;
        verifier.ends_at(info.state.last_sequence);
        let mut last = ends.map_or(0, |(_, last)| last);
        // Events may overtake each other: what is missing at the very end may come yet.
        for _ in 0..ON_ITS_WAY.0 {
            if !verifier.lacks_any() {
                break;
            }
            reader::read_after(client.clone(), settings, last, |step| {
                if let Step::Event(record) = step {
                    last = record.sequence;
                    let id = record.json().get("id").and_then(serde_json::Value::as_str);
                    if id.is_some_and(|id| verifier.lacks(id)) {
                        verifier.take_late(found(&record));
                    }
                }
                ControlFlow::Continue(())
            })
            .await?;
            if verifier.lacks_any() {
                tokio::time::sleep(ON_ITS_WAY.1).await;
            }
        }
        let beginning = beginning(&info, &subjects, ends.map(|(since, _)| since), now);
        // What was recorded while it was read is not read.
        Ok(Some(verifier.finish(beginning, self.complete)))
    }
}

fn found(record: &Record) -> Found<'_> {
    Found {
        at: record.sequence,
        subject: Some(&record.subject),
        message_id: record.message_id.as_deref(),
        payload: record.payload(),
    }
}

#[cfg(test)]
mod tests;

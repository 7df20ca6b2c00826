//! A file of events, one a line, as `hallpass audit export` writes it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read, stdin},
    path::Path,
};

use anyhow::Context as _;

use super::progress::{Progress, Unit};

/// No event is longer.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Hands each line to `each`, without its end and with its number; `-` is standard input.
///
/// # Errors
/// Where it cannot be read.
pub(in crate::cli) fn each(
    file: &Path,
    progress: &Progress,
    mut each: impl FnMut(u64, &[u8]),
) -> anyhow::Result<()> {
    let place = || format!("`{}`", file.display());
    let (input, length): (Box<dyn Read>, _) = if file.as_os_str() == "-" {
        (Box::new(stdin()), 0)
    } else {
        let opened = File::open(file).with_context(place)?;
        let length = opened.metadata().with_context(place)?.len();
        (Box::new(opened), length)
    };
    progress.of(length, Unit::Bytes);
    let mut input = BufReader::with_capacity(1 << 20, input);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut input).take(LONGEST).read_until(b'\n', &mut line);
        let read = read.with_context(place)?;
        if read == 0 {
            break;
        }
        progress.add(read as u64);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        // Windows ends lines with two; no event ends with the first of them.
        each(number, text.strip_suffix(b"\r").unwrap_or(text));
    }
    Ok(())
}

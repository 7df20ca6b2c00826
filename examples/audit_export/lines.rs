//! A file to which lines are only ever added, whole ones.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
};

/// How much is read at once in search of a line's end, in bytes.
const BLOCK: u64 = 64 * 1024;

/// Adds a line for each payload; they survive whatever happens once this returns.
pub(crate) fn append(path: &Path, payloads: Vec<bytes::Bytes>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    // Events tell of people.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Whoever else writes there does it before or after.
    file.lock()?;
    let end = end_of_last_line(&mut file)?;
    file.set_len(end)?;
    let mut text = Vec::new();
    for payload in payloads {
        text.extend_from_slice(&payload);
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_all()?;
    match path.parent() {
        // A file's name is on the disk only once its directory is.
        Some(parent) if end == 0 && cfg!(unix) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            File::open(parent)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// Where the last whole line ends, in bytes.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let from = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(from))?;
        let mut block = Vec::new();
        Read::by_ref(file).take(end - from).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

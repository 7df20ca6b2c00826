//! A `console` block of a document: commands, each after `$`, with what they print.

use std::path::Path;

/// The commands of a block, each with what it prints.
pub async fn printed(directory: &Path, block: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_hallpass")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut all = String::new();
    let mut lines = block.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(line) = line.strip_prefix("$ ") else { continue };
        let mut command = line.to_owned();
        while command.ends_with('\\') {
            command = format!("{command}\n{}", lines.next().unwrap());
        }
        let output = tokio::process::Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .env("PATH", &path)
            .current_dir(directory)
            .output();
        let output = super::soon(&command, output).await.unwrap();
        all += &format!("$ {command}\n{}", super::text(&output.stdout));
    }
    all
}

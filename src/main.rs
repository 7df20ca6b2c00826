//! The `hallpass` command: parse, dispatch, exit code.

use std::process::ExitCode;

use hallpass::cli;

fn main() -> ExitCode {
    // One TLS and signature provider in the whole process. It can only be taken already if
    // something before this line chose one, and there is nothing before this line.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    cli::run(std::env::args_os()).into()
}

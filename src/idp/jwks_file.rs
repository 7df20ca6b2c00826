//! Keys in a file: for issuers that hallpass cannot reach, or whose keys somebody brings.

use std::{fs::File, io::Read as _, path::Path};

use super::{Accepted, FetchError, KeySet, http::MAX_BYTES};
use crate::{
    config::{Layers, Preset},
    document::{Kind, Problem, Problems},
};

/// The keys in a file.
pub(super) fn read(path: &Path, accepted: Accepted<'_>) -> Result<KeySet, FetchError> {
    let file = |error: std::io::Error| FetchError::File(error.to_string());
    // A pipe has no end to wait for.
    if !std::fs::metadata(path).map_err(file)?.is_file() {
        return Err(FetchError::File("it is no file".to_owned()));
    }
    let mut text = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let opened = File::open(path).map_err(file)?;
    opened.take(most + 1).read_to_end(&mut text).map_err(file)?;
    if text.len() > MAX_BYTES {
        return Err(FetchError::TooLarge);
    }
    Ok(KeySet::from_json(&text, accepted)?)
}

/// Judges the files of keys that the issuers name, as `serve` will read them.
pub fn judge_files(layers: &Layers, problems: &mut Problems) {
    let issuers = layers.root.get("issuers").map(|node| &node.kind);
    let Some(Kind::Table(issuers)) = issuers else { return };
    for (_, issuer) in issuers.values() {
        let Some(node) = issuer.get("jwks_file") else { continue };
        let Some(name) = node.as_str() else { continue };
        let path = layers.directory.join(name);
        let shown = path.display();
        let preset = issuer.get("preset").and_then(|node| node.as_str());
        let preset = preset.and_then(|name| Preset::find(name, &node.place).ok());
        let issuer = preset.map_or_else(|| issuer.clone(), |preset| preset.under(issuer));
        let key_use = issuer.get("key_use").and_then(|node| node.as_str());
        let accepted =
            Accepted { key_use: key_use.unwrap_or(Accepted::default().key_use), playground: false };
        match read(&path, accepted) {
            Ok(keys) if keys.is_empty() => problems.add(Problem::warning(
                &node.place,
                format!("there is no usable key in `{shown}`: nobody can log in with its tokens"),
                "a usable key is for signatures: RSA with 2048 bits or more, P-256, P-384, Ed25519",
            )),
            Ok(_) => {}
            Err(error) => problems.add(Problem::error(
                &node.place,
                format!("the keys in `{shown}` cannot be used: {error}"),
                "name a JWK Set (RFC 7517), as an issuer publishes it at its `jwks_uri`",
            )),
        }
    }
}

//! The file, the environment and the flags, laid over one another by the `config` crate,
//! as one tree in which every value knows where it was written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use config::{Config, Environment, File, FileFormat, Value, ValueKind};

use crate::document::{self, Kind, Node, Place, Problem, Problems, Source};

/// What an environment variable begins with to be a setting: `HALLPASS__NATS__URLS`.
///
/// Two underscores, so that the variables that `nats-server.conf` reads
/// (`HALLPASS_CALLOUT_ISSUER`, …) can stand in the same environment.
pub const ENV_PREFIX: &str = "HALLPASS";
const SEPARATOR: &str = "__";
/// What the keys of secrets end with.
const SECRETS: [&str; 2] = ["_seed", "_secret"];

/// The layers, merged.
#[derive(Debug)]
pub struct Layers {
    /// Every setting with its place.
    pub root: Node,
    /// The directory of the file: relative paths in it start there.
    pub directory: PathBuf,
}

impl Layers {
    /// Reads the file and lays the environment and `overrides` (`key.path`, value) over it.
    ///
    /// # Errors
    /// All problems with the syntax of the file and the form of the overrides.
    pub fn read(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &[(String, String)],
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let name = path.display().to_string();
        let source = match std::fs::read(path) {
            Ok(bytes) => Source::read(name, bytes, &mut problems),
            Err(error) => {
                problems.add(Problem::error(
                    &Place::named(name),
                    format!("the configuration cannot be read: {error}"),
                    "`hallpass init` writes one; `--config FILE` names another",
                ));
                None
            }
        };
        let file = source.as_ref().map(|source| document::parse(source, &mut problems));
        let overrides = Overrides::of(environment, overrides, &mut problems);
        let (Some(source), Some(file), false) = (source, file, problems.any_error()) else {
            return Err(problems);
        };
        let merged = match overrides.over(&source) {
            Ok(merged) => merged,
            Err(error) => {
                // What could be wrong with the file or a name has been looked at before.
                problems.add(Problem::error(
                    &Place::named("the settings as layered"),
                    error.to_string().replace('\n', " "),
                    "compare the file with the flags and environment variables laid over it",
                ));
                return Err(problems);
            }
        };
        let root = place_value(&merged.cache, Some(&file), &mut Vec::new());
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self { root, directory })
    }
}

const FLAG_ORIGIN: &str = "flags";

/// What is laid over the file, its names checked.
struct Overrides {
    environment: config::Map<String, String>,
    flags: Vec<(String, String)>,
}

impl Overrides {
    fn of(
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(String, String)],
        problems: &mut Problems,
    ) -> Self {
        let prefix = format!("{ENV_PREFIX}{SEPARATOR}").to_lowercase();
        let mut own = config::Map::new();
        for (name, value) in environment {
            let lower = name.to_lowercase();
            let Some(parts) = lower.strip_prefix(&prefix) else { continue };
            if is_setting(parts.split(SEPARATOR)) {
                own.insert(name, value);
            } else {
                problems.add(Problem::error(
                    &Place::named(format!("environment variable {name}")),
                    format!("`{name}` names no setting"),
                    "write section and key with `__` between them: `HALLPASS__NATS__URLS`",
                ));
            }
        }
        for (key, _) in flags.iter().filter(|(key, _)| !is_setting(key.split('.'))) {
            problems.add(Problem::error(
                &Place::named(format!("--set {key}")),
                format!("`{key}` names no setting"),
                "write section and key with a dot between them: `--set nats.urls=…`",
            ));
        }
        Self { environment: own, flags: flags.to_vec() }
    }

    fn over(self, source: &Source) -> Result<Config, config::ConfigError> {
        let mut builder = Config::builder()
            .add_source(File::from_str(&source.text, FileFormat::Toml))
            .add_source(
                Environment::with_prefix(ENV_PREFIX)
                    .prefix_separator(SEPARATOR)
                    .separator(SEPARATOR)
                    // Handing it a map keeps tests and callers free of the process's own.
                    .source(Some(self.environment)),
            );
        for (key, value) in self.flags {
            let origin = FLAG_ORIGIN.to_owned();
            builder = builder.set_override(key, Value::new(Some(&origin), value))?;
        }
        builder.build()
    }
}

fn is_setting<'a>(mut parts: impl Iterator<Item = &'a str>) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    parts.all(|part| !part.is_empty() && part.chars().all(legal))
}

/// Which layer a value is from: file, environment, flags.
fn layer(value: &Value) -> u8 {
    match value.origin() {
        None => 0,
        Some(FLAG_ORIGIN) => 2,
        Some(_) => 1,
    }
}

fn is_secret(path: &[String]) -> bool {
    path.last().is_some_and(|key| SECRETS.iter().any(|end| key.ends_with(end)))
}

/// The entries of a table that count. Of a secret, whose keys stand for one another, those of
/// the last layer do: a flag that says where it is replaces what the file says.
fn counting<'a>(
    table: &'a config::Map<String, Value>,
    path: &[String],
) -> Vec<(&'a String, &'a Value)> {
    let last = table.values().map(layer).max().filter(|_| is_secret(path)).unwrap_or_default();
    let mut entries: Vec<_> = table.iter().filter(|(_, value)| layer(value) >= last).collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// Gives each merged value the place where it was written.
fn place_value(value: &Value, file: Option<&Node>, path: &mut Vec<String>) -> Node {
    let mut place = match (layer(value), file) {
        (0, Some(node)) => node.place.clone(),
        (0, None) => Place::named(path.join(".")),
        (2, _) => Place::named(format!("--set {}", path.join("."))),
        _ => {
            let variable = path.join(SEPARATOR).to_uppercase();
            Place::named(format!("environment variable {ENV_PREFIX}{SEPARATOR}{variable}"))
        }
    };
    let kind = match &value.kind {
        ValueKind::Table(table) => {
            let entries = counting(table, path);
            let overridden = is_secret(path) && entries.iter().all(|(_, value)| layer(value) > 0);
            let mut placed = BTreeMap::new();
            for (key, value) in entries {
                let in_file = file.and_then(|node| node.get(key));
                path.push(key.clone());
                let node = place_value(value, in_file, path);
                path.pop();
                // A table that only overrides make is where the first of them is.
                if placed.is_empty() && (file.is_none() || overridden) {
                    place = node.place.clone();
                }
                let key_place = key_place(file, key).unwrap_or_else(|| node.place.clone());
                placed.insert(key.clone(), (key_place, node));
            }
            Kind::Table(placed)
        }
        ValueKind::Array(items) => Kind::List(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let in_file = file.and_then(|node| match &node.kind {
                        Kind::List(nodes) => nodes.get(index),
                        _ => None,
                    });
                    place_value(item, in_file, path)
                })
                .collect(),
        ),
        ValueKind::String(text) => Kind::String(text.clone()),
        ValueKind::Boolean(value) => Kind::Bool(*value),
        ValueKind::I64(number) => Kind::Integer(*number),
        ValueKind::U64(number) => {
            i64::try_from(*number).map_or(Kind::Other("a number out of range"), Kind::Integer)
        }
        ValueKind::Float(_) => Kind::Other("a float"),
        _ => Kind::Other("empty"),
    };
    Node { kind, place }
}

fn key_place(file: Option<&Node>, key: &str) -> Option<Place> {
    match &file?.kind {
        Kind::Table(table) => table.get(key).map(|(place, _)| place.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_knows_where_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hallpass.toml");
        std::fs::write(
            &path,
            "[nats]\nurls = [\"nats://a\"]\n\n[callout]\nqueue = \"q\"\naccount = \"A\"\n",
        )
        .unwrap();
        let environment = [
            ("HALLPASS__CALLOUT__QUEUE".to_owned(), "from-env".to_owned()),
            ("HALLPASS_CALLOUT_ISSUER".to_owned(), "not a setting".to_owned()),
        ];
        let flags = [("callout.account".to_owned(), "B".to_owned())];
        let layers = Layers::read(&path, environment, &flags).unwrap();
        let at = |section: &str, key: &str| layers.root.get(section).unwrap().get(key).unwrap();
        assert_eq!(at("callout", "queue").as_str(), Some("from-env"));
        assert_eq!(
            at("callout", "queue").place.to_string(),
            "environment variable HALLPASS__CALLOUT__QUEUE"
        );
        assert_eq!(at("callout", "account").as_str(), Some("B"));
        assert_eq!(at("callout", "account").place.to_string(), "--set callout.account");
        assert!(at("nats", "urls").place.to_string().ends_with("hallpass.toml:2"));
        assert!(layers.root.get("callout_issuer").is_none());
    }
}

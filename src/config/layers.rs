//! The file, the environment and the flags, laid over one another by the `config` crate,
//! as one tree in which every value knows where it was written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use config::{Config, Environment, File, FileFormat, Value, ValueKind};

use crate::document::{self, Kind, Node, Place, Problem, Problems, Source};

/// What an environment variable begins with to be a setting: `HALLPASS__NATS__URLS`.
///
/// Two underscores, so that the variables that `nats-server.conf` reads
/// (`HALLPASS_CALLOUT_ISSUER`, …) can stand in the same environment.
pub const ENV_PREFIX: &str = "HALLPASS";
const SEPARATOR: &str = "__";

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
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let place = Place::named(name);
                problems.add(
                    Problem::error(&place, format!("the configuration cannot be read: {error}"))
                        .help("`hallpass init` writes one; `--config FILE` names another"),
                );
                return Err(problems);
            }
        };
        let source = Arc::new(Source { path: name, text });
        let file = document::parse(&source, &mut problems);
        if problems.any_error() {
            return Err(problems);
        }
        let merged = match merge(&source, environment, overrides) {
            Ok(merged) => merged,
            Err(error) => {
                let place = Place::named("the settings as layered");
                problems.add(Problem::error(&place, error.to_string()));
                return Err(problems);
            }
        };
        let root = place_value(&merged.cache, Some(&file), &mut Vec::new());
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self { root, directory })
    }
}

const FLAG_ORIGIN: &str = "flags";

fn merge(
    source: &Source,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[(String, String)],
) -> Result<Config, config::ConfigError> {
    // `Environment` compares upper-case prefixes itself; handing it a map keeps tests and
    // callers free of the process's real environment.
    let environment: config::Map<String, String> = environment.into_iter().collect();
    let mut builder =
        Config::builder().add_source(File::from_str(&source.text, FileFormat::Toml)).add_source(
            Environment::with_prefix(ENV_PREFIX)
                .prefix_separator(SEPARATOR)
                .separator(SEPARATOR)
                .source(Some(environment)),
        );
    for (key, value) in overrides {
        let origin = FLAG_ORIGIN.to_owned();
        builder = builder.set_override(key, Value::new(Some(&origin), value.clone()))?;
    }
    builder.build()
}

/// Gives each merged value the place where it was written.
fn place_value(value: &Value, file: Option<&Node>, path: &mut Vec<String>) -> Node {
    let place = match (value.origin(), file) {
        (None, Some(node)) => node.place.clone(),
        (Some(FLAG_ORIGIN), _) => Place::named(format!("--set {}", path.join("."))),
        (Some(_), _) => {
            let variable = path.join(SEPARATOR).to_uppercase();
            Place::named(format!("environment variable {ENV_PREFIX}{SEPARATOR}{variable}"))
        }
        (None, None) => Place::named(path.join(".")),
    };
    let kind = match &value.kind {
        ValueKind::Table(table) => Kind::Table(
            table
                .iter()
                .map(|(key, value)| {
                    let in_file = file.and_then(|node| node.get(key));
                    path.push(key.clone());
                    let node = place_value(value, in_file, path);
                    path.pop();
                    let key_place = key_place(file, key).unwrap_or_else(|| node.place.clone());
                    (key.clone(), (key_place, node))
                })
                .collect::<BTreeMap<_, _>>(),
        ),
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

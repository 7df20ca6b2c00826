use std::path::Path;

use super::*;
use crate::nats_conf;

/// One of the sample configurations, with what it includes.
fn sample(name: &str) -> (Option<Draft>, Problems) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server-configs");
    let include = |from: &str, named: &str| {
        let path = Path::new(from).parent().unwrap().join(named);
        let bytes = std::fs::read(directory.join(&path)).map_err(|error| error.to_string())?;
        Ok((path.display().to_string(), bytes))
    };
    let bytes = std::fs::read(directory.join(name)).unwrap();
    let mut problems = Problems::default();
    let map = nats_conf::read(name, bytes, &include, &mut problems).unwrap();
    let draft = draft(name, &map, &|_| None, &mut problems);
    (draft, problems)
}

/// What becomes of a configuration, with an environment.
fn drafted_with(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Draft, String> {
    let mut problems = Problems::default();
    let none = |_: &str, _: &str| Err("there is nothing".to_owned());
    let map = nats_conf::read("a.conf", text.as_bytes().to_vec(), &none, &mut problems);
    let draft = map.and_then(|map| draft("a.conf", &map, environment, &mut problems));
    draft.ok_or_else(|| problems.to_string())
}

fn drafted(text: &str) -> Result<Draft, String> {
    drafted_with(text, &|_| None)
}

/// The only file of a draft, without the lines that every draft begins with.
#[track_caller]
fn text(users: &str) -> String {
    let draft = drafted(&format!("accounts: {{ APP: {{ users: [{users}] }} }}")).unwrap();
    let [file] = draft.files.as_slice() else { panic!("{draft:?}") };
    assert_eq!((file.name.as_str(), file.account.as_str()), ("APP.toml", "APP"));
    file.text.split_once("\n\n").unwrap().1.to_owned()
}

mod accepted;
mod refused;
mod shapes;

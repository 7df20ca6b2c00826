//! Directories that somebody made to hang or to fill hallpass, and what looks like them.

use std::{os::unix::fs::symlink, process::Command, sync::mpsc, time::Duration};

use super::*;
use crate::document::Severity;

const MAP: &str = "account = \"APP\"\n[roles.ROLE]\nsubscribe = [\"a\"]\n";

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "a.toml");
    directory
}

fn write(root: &Path, name: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let role = path.file_stem().unwrap().to_str().unwrap();
    std::fs::write(&path, MAP.replace("ROLE", role)).unwrap();
}

/// The files that were read, and what was wrong; in good time, whatever is there.
fn reading(root: &Path) -> (Vec<String>, Vec<String>) {
    let (done, outcome) = mpsc::channel();
    let root = root.to_owned();
    std::thread::spawn(move || {
        let mut problems = Problems::default();
        let sources = read(&root, false, &mut problems);
        let files = sources.map(|sources| sources.files).unwrap_or_default();
        let read = files.into_iter().filter(|(_, source)| source.is_some());
        let files = read.map(|(path, _)| path.display().to_string()).collect();
        let shown = |problem: &Problem| {
            let warning = if problem.severity == Severity::Warning { "warning: " } else { "" };
            let place = problem.place.to_string();
            let place = Path::new(&place).strip_prefix(&root).unwrap().display().to_string();
            format!("{warning}{place}: {}", problem.message)
        };
        let _ = done.send((files, problems.iter().map(shown).collect()));
    });
    outcome.recv_timeout(Duration::from_secs(60)).expect("the reading has no end")
}

#[test]
fn a_pipe_or_a_device_is_no_map_and_is_not_waited_for() {
    let directory = directory();
    let root = directory.path();
    assert!(Command::new("mkfifo").arg(root.join("pipe.toml")).status().unwrap().success());
    symlink("/dev/zero", root.join("zero.toml")).unwrap();
    std::fs::create_dir(root.join("z.toml")).unwrap();
    let (files, problems) = reading(root);
    assert_eq!(files, ["a.toml"]);
    let told = ["pipe.toml", "z.toml", "zero.toml"]
        .map(|name| format!("{name}: the subject map cannot be read: it is no regular file"));
    assert_eq!(problems, told);
}

#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    let directory = directory();
    let root = directory.path();
    let sized = |name: &str, size| File::create(root.join(name)).unwrap().set_len(size).unwrap();
    sized("largest.toml", LARGEST);
    sized("larger.toml", LARGEST + 1);
    sized("huge.toml", 1 << 40);
    let (files, problems) = reading(root);
    assert_eq!(files, ["a.toml", "largest.toml"]);
    let told = ["huge.toml", "larger.toml"].map(|name| {
        format!("{name}: the subject map cannot be read: the file is larger than 1 MiB")
    });
    assert_eq!(problems, told);
}

#[test]
fn all_files_together_have_a_limit() {
    let directory = directory();
    let root = directory.path();
    for index in 0..70 {
        let file = File::create(root.join(format!("b{index:02}.toml"))).unwrap();
        file.set_len(LARGEST).unwrap();
    }
    let (files, problems) = reading(root);
    assert_eq!(files.len(), 64, "with the small one");
    let told =
        "b63.toml: the subject map cannot be read: all files together are larger than 64 MiB";
    assert_eq!(problems, [told]);
    let mut taken = Taken::default();
    assert!((0..10_000).all(|_| taken.add(1).is_ok()));
    assert_eq!(taken.add(1).unwrap_err(), "there are more than 10000 files");
}

#[test]
fn links_of_directories_neither_multiply_files_nor_go_round() {
    let directory = directory();
    let root = directory.path();
    write(root, "teams/0/b.toml");
    // Each doubles the ways to the one before.
    for level in 1..30 {
        let path = root.join(format!("teams/{level}"));
        std::fs::create_dir(&path).unwrap();
        for link in ["x", "y"] {
            symlink(format!("../{}", level - 1), path.join(link)).unwrap();
        }
    }
    symlink("..", root.join("teams/0/back")).unwrap();
    let (files, problems) = reading(root);
    assert_eq!((files.len(), problems.as_slice()), (2, [].as_slice()), "{files:?}");
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_whatever_its_name() {
    let directory = directory();
    let root = directory.path();
    for name in ["denies.toml", "team", "x.test.toml", ".#a.toml"] {
        symlink("gone", root.join(name)).unwrap();
    }
    symlink("circle", root.join("circle")).unwrap();
    let (files, problems) = reading(root);
    assert_eq!(files, ["a.toml"]);
    let is_told = |name: &str| {
        let begin = format!("{name}: it cannot be known whether this is a subject map: ");
        problems.iter().any(|problem| problem.starts_with(&begin))
    };
    assert!(["circle", "denies.toml", "team", "x.test.toml"].iter().all(|name| is_told(name)));
    assert_eq!(problems.len(), 4, "a hidden one is no map: {problems:?}");
}

#[test]
fn an_extension_in_another_case_is_told() {
    let directory = directory();
    let root = directory.path();
    for name in ["B.TOML", "c.Toml", ".D.TOML", "e.toml.bak"] {
        write(root, name);
    }
    let (files, problems) = reading(root);
    assert_eq!(files, ["a.toml"]);
    let told = ["B.TOML", "c.Toml"].map(|name| {
        format!("warning: {name}: the file is not read: the names of subject maps end with `.toml`")
    });
    assert_eq!(problems, told);
}

#[test]
fn the_links_of_a_config_map_are_followed() {
    let directory = directory();
    let root = directory.path();
    write(root, "..2026_a/orders.toml");
    symlink("..2026_a", root.join("..data")).unwrap();
    symlink("..data/orders.toml", root.join("orders.toml")).unwrap();
    assert_eq!(reading(root), (vec!["a.toml".to_owned(), "orders.toml".to_owned()], vec![]));
}

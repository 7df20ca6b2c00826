use super::*;
use crate::document::{Source, parse};

/// The bounds in a text, or the problems with them.
fn read(text: &str) -> Result<Vec<MapBounds>, Vec<String>> {
    let mut problems = Problems::default();
    let root = parse(&Source::new("hallpass.toml", text).into(), &mut problems);
    check(root.get("maps").unwrap(), &mut problems);
    let layers = Layers { root, directory: PathBuf::new() };
    match all_bounds(&layers) {
        Some(bounds) if problems.is_empty() => Ok(bounds),
        bounds => {
            assert_eq!(bounds.is_none(), problems.any_error(), "{problems}");
            Err(problems.iter().map(|it| format!("{}: {}", it.place, it.message)).collect())
        }
    }
}

#[test]
fn bounds_name_what_a_directory_reaches() {
    let bounds = read(
        "[maps.bounds.sales]\ndirectory = \"teams/./sales/\"\naccounts = [\"APP\"]\n\
         subjects = [\"orders.>\"]\nissuers = [\"corp\"]\nidp_roles = [\"sales:*\"]\n\
         streams = [\"SALES_*\"]\nallow_responses = true\n",
    )
    .unwrap();
    let bounds = &bounds[0];
    assert_eq!(bounds.directory, Path::new("teams/sales"));
    assert!(bounds.streams[0].covers("SALES_EU") && bounds.buckets.is_empty());
    assert!(bounds.responses);
    assert_eq!(read("[maps]\n"), Ok(Vec::new()));
}

#[test]
fn bounds_that_cannot_be_read_are_none() {
    let lines = |lines: &str| {
        read(&format!(
            "[maps.bounds.x]\naccounts = []\nsubjects = []\ndirectory = \"x\"\n\
             idp_roles = []\n{lines}\n"
        ))
    };
    assert!(lines("").is_ok(), "reaching nothing is legal");
    for (wrong, says) in [
        ("streams = [\"A*B\"]", "hallpass.toml:6: `A*B` has a `*` before its end"),
        ("subject = []", "hallpass.toml:6: unknown key `subject` in `[maps.bounds.x]`"),
        ("roles = [\"\"]", "hallpass.toml:6: `` is empty"),
    ] {
        assert_eq!(lines(wrong).unwrap_err(), [says]);
    }
    for directory in ["", "..", "/etc", "a/../..", "."] {
        let text = format!(
            "[maps.bounds.x]\naccounts = []\nsubjects = []\nidp_roles = []\ndirectory = \"{directory}\"\n"
        );
        let told = read(&text).unwrap_err();
        assert!(told[0].contains("is not a directory below"), "{told:?}");
    }
    assert_eq!(read("[maps.bounds.x]\n").unwrap_err().len(), 4);
}

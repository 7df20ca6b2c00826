//! The page's table: each row names the tests that show it, and there are such tests.

use std::path::Path;

use crate::support::ROOT;

const PAGE: &str = include_str!("../../../docs/when-parts-fail.md");

/// The tests that a text names in its comments.
fn named(text: &str) -> Vec<&str> {
    let comments = text.split("<!-- ").skip(1).map(|it| it.split_once(" -->").unwrap().0);
    comments.flat_map(str::split_whitespace).collect()
}

/// Whether there is a test of this name, such as `failing::clocks::of_the_idp`.
fn is_there(test: &str) -> bool {
    let (module, name) = test.rsplit_once("::").unwrap();
    let path = Path::new(ROOT).join("tests/integration").join(module.replace("::", "/"));
    let Ok(text) = std::fs::read_to_string(path.with_extension("rs")) else { return false };
    let lines: Vec<_> = text.lines().collect();
    lines.windows(2).any(|it| {
        it[0].starts_with("#[tokio::test") && it[1].starts_with(&format!("async fn {name}("))
    })
}

#[test]
fn each_row_of_the_page_names_the_tests_that_show_it() {
    assert!(!is_there("failing::clocks::of_nobody") && !is_there("nowhere::at_all"));
    let (_, table) = PAGE.split_once("\n| what fails |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: Vec<_> = table.lines().skip(2).collect();
    assert!(rows.len() >= 20, "the rows were not found: {}", rows.len());
    for row in rows {
        assert!(!named(row).is_empty(), "no test shows: {row}");
        assert_eq!(row.trim_matches('|').split('|').count(), 5, "five columns: {row}");
    }
    for test in named(PAGE) {
        assert!(is_there(test), "there is no test `{test}`");
    }
}

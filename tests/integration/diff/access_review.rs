//! `hallpass access-review`

use std::path::Path;

use serde_json::Value;

use super::{ORDERS, project};
use crate::support::{code, run, text};

async fn review(root: &Path, arguments: &[&str]) -> String {
    let output = run(root, &[&["access-review"], arguments].concat()).await;
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn a_table_for_people() {
    let project = project(ORDERS).await;
    let told = review(project.path(), &[]).await;
    let expected = r"  role    account  issuers  IdP roles     may            subject                           where
  ------  -------  -------  ------------  -------------  --------------------------------  ---------------------------
  clerk   APP      corp     orders:write  publish        orders.{claim tenant_id}.created  subject-maps/orders.toml:6
                                          subscribe      orders.{claim tenant_id}.>        subject-maps/orders.toml:7
                                          not subscribe  orders.*.internal.>               subject-maps/orders.toml:8
  reader  APP      corp     reader        subscribe      prices.>                          subject-maps/orders.toml:11
";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn lines_for_a_spreadsheet_that_runs_none_of_them() {
    let hostile = ORDERS
        .replace("\"Sells\"", "\"=HYPERLINK(\\\"x\\\"),\\n\\\"\"")
        .replace("\"orders:write\"", "\"@sum\", \"-1\"");
    let project = project(&hostile).await;
    let told = review(project.path(), &["--format", "csv"]).await;
    let mut reader = csv::Reader::from_reader(told.as_bytes());
    let head: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(head[..2], ["role", "description"]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let cell = |row: usize, name: &str| {
        rows[row][head.iter().position(|it| it == name).unwrap()].to_owned()
    };
    assert_eq!(cell(0, "description"), "'=HYPERLINK(\"x\"),\\n\"");
    assert_eq!(cell(0, "idp_roles"), "'@sum, -1");
    assert_eq!((cell(2, "direction"), cell(2, "effect")), ("subscribe".into(), "deny".into()));
    assert_eq!(cell(2, "subject"), "orders.*.internal.>");
    assert_eq!(cell(3, "at"), "subject-maps/orders.toml:11");
    assert!(told.lines().count() == 5 && told.contains("\r\n"), "{told}");
}

#[tokio::test]
async fn who_can_reach_a_subject() {
    let project = project(ORDERS).await;
    let root = project.path();
    let told = review(root, &["--subject", "orders.acme.created", "--format", "json"]).await;
    let roles: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(roles.as_array().unwrap().len(), 1);
    assert_eq!(roles[0]["role"], "clerk");
    assert_eq!(roles[0]["publish"][0]["subject"], "orders.{claim tenant_id}.created");
    let nobody = run(root, &["access-review", "--subject", "stock.>"]).await;
    assert_eq!((code(&nobody), text(&nobody.stderr)), (0, "no role fits\n".to_owned()));
    let mistyped = run(root, &["access-review", "--role", "clrek"]).await;
    assert_eq!(code(&mistyped), 1, "which is not nobody");
    assert!(text(&mistyped.stderr).contains("no map has the role `clrek`; did you mean `clerk`?"));
}

#[tokio::test]
async fn markdown_for_a_document() {
    let hostile = ORDERS.replace("\"Sells\"", "\"<b> | [x](y)\"");
    let project = project(&hostile).await;
    let told = review(project.path(), &["--format", "markdown", "--role", "clerk"]).await;
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(
        lines[2].starts_with(r"| clerk | `<b> \| [x](y)` | APP | corp | `orders:write` |"),
        "{told}"
    );
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert_eq!((cells(lines[0]), cells(lines[1])), (cells(lines[2]), cells(lines[2])), "{told}");
}

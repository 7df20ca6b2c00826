use super::*;

/// What the documentation shows is what a grant expands to.
#[test]
fn the_documentation_shows_the_expansions() {
    let text = include_str!("../../../../docs/grants.md");
    let mut shown = 0;
    for (at, _) in text.match_indices("```\n```text\n") {
        let lines = text[..at].rsplit_once("```toml\n").unwrap().1;
        let after = &text[at + "```\n```text\n".len()..];
        let expected = after.split_once("```").unwrap().0;
        let grant = grant(lines.trim_end());
        let mut actual: Vec<_> =
            grant.publish.iter().map(|subject| format!("publish {subject}")).collect();
        actual.extend(grant.subscribe.iter().map(|subject| format!("subscribe {subject}")));
        actual.extend(grant.responses.then(|| "responses".to_owned()));
        same(&actual, &expected.lines().collect::<Vec<_>>());
        shown += 1;
    }
    assert_eq!(shown, 13);
}

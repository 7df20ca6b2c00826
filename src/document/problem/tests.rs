use super::*;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source::new("a.toml", text))
}

fn place(source: &Arc<Source>, span: Range<usize>) -> Place {
    Place::File { source: Arc::clone(source), span }
}

fn rendered(text: &str, span: Range<usize>) -> String {
    Problem::error(&place(&source(text), span), "wrong", "mend it").render(false)
}

#[test]
fn lines_are_counted_from_one() {
    let source = source("a\nb\r\n\nd");
    for (at, line) in [(0, 1), (1, 1), (2, 2), (4, 2), (5, 3), (6, 4), (7, 4)] {
        assert_eq!(place(&source, at..at).line(), Some(line), "{at}");
        assert_eq!(place(&source, at..at).to_string(), format!("a.toml:{line}"));
    }
    assert_eq!(Place::named("--set a.b").line(), None);
    assert_eq!(Place::named("--set a.b").to_string(), "--set a.b");
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        rendered("x = [\"åäö\", \"é\"]\n", 15..19),
        "\
error: wrong
 --> a.toml:1:13
  |
1 | x = [\"åäö\", \"é\"]
  |             ^^^
  |
  = help: mend it"
    );
    assert_eq!(rendered("a = 1\nb = \"日本\"\n", 10..18).lines().nth(4).unwrap(), "  |     ^^^^^^");
}

#[test]
fn the_end_of_a_file_has_a_place() {
    for (text, span) in [
        ("", 0..0),
        ("", 5..9),
        ("a", 1..1),
        ("a\n", 2..2),
        ("a\nb", 3..3),
        ("a = \"é", 7..7),
        ("a = \"é", 6..6), // inside a character
        ("a\r\n", 3..3),
        ("\n\n\n", 3..3),
        ("a", Range { start: 1, end: 0 }),
    ] {
        let shown = rendered(text, span.clone());
        assert!(shown.starts_with("error: wrong\n"), "{text:?} {span:?}: {shown}");
    }
}

#[test]
fn places_without_lines_are_named() {
    let there = Place::named("environment variable X");
    let problem = Problem::warning(&there, "odd", "do this").related(&there, "also here");
    assert_eq!(
        problem.render(false),
        "\
warning: odd
 |
 = note: at environment variable X
 = note: also here: environment variable X
 = help: do this"
    );
}

#[test]
fn one_line_for_logs() {
    let mut problems = Problems::default();
    assert_eq!(problems.to_string(), "");
    problems.add(Problem::warning(&Place::named("x"), "odd", "mend it"));
    assert!(!problems.any_error() && problems.len() == 1);
    problems.add(Problem::error(&place(&source("a\nb"), 2..3), "wrong", "mend it"));
    assert!(problems.any_error());
    assert_eq!(problems.to_string(), "a.toml:2: wrong; x: odd");
}

/// A seed that was written into a file by mistake is in the line that a problem shows.
#[test]
fn no_seed_is_shown() {
    for seed in [
        nkeys::KeyPair::new_account().seed().unwrap(),
        nkeys::KeyPair::new_user().seed().unwrap(),
        nkeys::XKey::new().seed().unwrap(),
    ] {
        for seed in [&seed[..], &seed[..50]] {
            let text = format!("é = 1\nissuer_sed = \"{seed}\" # é\n");
            let key = place(&source(&text), 7..17);
            let message = format!("unknown key `{seed}`");
            let problem = Problem::error(&key, message, format!("not `{seed}`"))
                .related(&key, format!("as `{seed}`"));
            let mut problems = Problems::default();
            let shown = problem.render(false);
            problems.add(problem);
            for text in [shown, problems.to_string()] {
                assert!(!text.contains(&seed[..10]), "{text}");
            }
        }
    }
    // What is no secret stays: people compare it.
    let public = nkeys::KeyPair::new_server().public_key();
    let text = format!("servers = [\"{public}\"]\n");
    assert!(rendered(&text, 0..7).contains(&public));
}

#[test]
fn what_is_concealed_is_never_shown() {
    let text = "é = \"hunter2\" # é\n";
    let problem = Problem::error(&place(&source(text), 5..14), "wrong", "mend it").conceal();
    assert_eq!(
        problem.render(false).lines().skip(3).take(2).collect::<Vec<_>>().join("\n"),
        "1 | é = ********* # é\n  |     ^^^^^^^^^"
    );
}

#[test]
fn nothing_is_pointed_at_in_a_file_without_text_or_in_all_of_it() {
    for (text, span) in [("", 0..0), ("\n \n", 0..0), ("\n", 1..1), ("a = 1\n", 0..0)] {
        assert_eq!(
            rendered(text, span),
            "error: wrong\n--> a.toml:1\n = help: mend it",
            "{text:?}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_a_problem_at_their_line() {
    let read = |bytes: &[u8]| {
        let mut problems = Problems::default();
        let source = Source::read("a.toml".to_owned(), bytes.to_vec(), &mut problems);
        assert_eq!(source.is_none(), problems.any_error());
        problems.iter().map(|problem| problem.render(false)).collect::<String>()
    };
    assert_eq!(read("é\u{0}".as_bytes()), "");
    let shown = read(b"a = 1\nb = \"\xff\"\n");
    assert!(shown.starts_with("error: the file is not UTF-8 text\n --> a.toml:2:6\n"), "{shown}");
    for bytes in [&b"\xff\xfea\0"[..], b"\xc3", b"\xff", b"a\n\n\xed\xa0\x80"] {
        assert!(read(bytes).contains("the file is not UTF-8 text"));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_span_make_it_panic(text in "\\PC{0,40}|[a\\n\\r\\té\"]{0,12}", from in 0_usize..60, length in 0_usize..60) {
        let shown = rendered(&text, from..from + length);
        proptest::prop_assert!(shown.starts_with("error: wrong"));
        let source = source(&text);
        let _ = place(&source, from..from + length).to_string();
    }
}

/// Names of files and what is in them are others' choice.
#[test]
fn a_terminal_obeys_nothing_that_is_quoted() {
    const OBEYED: &str = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}";
    let source = Arc::new(Source::new(format!("a{OBEYED}.toml"), format!("a = \"{OBEYED}\"\n")));
    let named = Place::named(format!("maps/{OBEYED}"));
    for place in [place(&source, 5..6), place(&source, 0..0), named.clone()] {
        for related in [place.clone(), named.clone()] {
            let problem = Problem::error(&place, format!("no `{OBEYED}`"), format!("not {OBEYED}"))
                .related(&related, format!("with {OBEYED}"));
            let rendered = problem.render(false);
            assert!(!rendered.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{rendered:?}");
            let mut problems = Problems::default();
            problems.add(problem);
            for told in [problems.to_string(), place.to_string()] {
                assert!(!told.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{told:?}");
                assert!(told.contains("\\u{1b}"), "{told:?}");
            }
        }
    }
}

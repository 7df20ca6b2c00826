use proptest::prelude::*;

use super::*;

fn nothing(_: &str, _: &str) -> Result<(String, Vec<u8>), String> {
    Err("there is nothing".to_owned())
}

/// A tree in one line: `{a=1 b=['x' $Y]}`.
fn shown(kind: &Kind) -> String {
    match kind {
        Kind::String(text) => format!("'{text}'"),
        Kind::Integer(number) => number.to_string(),
        Kind::Bool(value) => value.to_string(),
        Kind::List(items) => {
            let items: Vec<_> = items.iter().map(|item| shown(&item.kind)).collect();
            format!("[{}]", items.join(" "))
        }
        Kind::Map(map) => map_shown(map),
        Kind::Variable(name) => format!("${name}"),
        Kind::Other(what) => format!("<{what}>"),
    }
}

fn map_shown(map: &Map) -> String {
    let entry = |entry: &Entry| format!("{}={}", entry.key, shown(&entry.node.kind));
    format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(" "))
}

/// The tree, or the first problem as `file:line: message`.
fn tree_of(text: &str, include: Include<'_>) -> String {
    let mut problems = Problems::default();
    match read("a.conf", text.as_bytes().to_vec(), include, &mut problems) {
        Some(map) => {
            assert!(problems.is_empty(), "{problems}");
            map_shown(&map)
        }
        None => problems.to_string(),
    }
}

#[track_caller]
fn is(text: &str, expected: &str) {
    assert_eq!(tree_of(text, &nothing), expected, "{text:?}");
}

#[test]
fn a_key_has_its_value_with_a_separator_or_none() {
    for text in
        ["foo: bar", "foo=bar", "foo = bar", "foo bar", "foo\t:\tbar", "'foo' bar", "\"foo\":bar"]
    {
        is(text, "{foo='bar'}");
    }
    is("foo\n{ bar: 1 }", "{foo={bar=1}}");
    is("foo { bar { baz = 1 } }", "{foo={bar={baz=1}}}");
    is("foo = {\n a = 1; b: 2, c 3\n d 4 }", "{foo={a=1 b=2 c=3 d=4}}");
    is("foo = {a:\n1}", "{foo={a=1}}");
    is("a=1;b=2,c=3\nd=4 # x\ne=5 // y\r\nf=6", "{a=1 b=2 c=3 d=4 e=5 f=6}");
    is("a=1\na=2", "{a=2}");
    is("", "{}");
    is("# nothing\n// at all", "{}");
}

#[test]
fn json_is_legal() {
    is("{\"a\": {\"b\": [1 , \"x\", true]}, \"c\": null}", "{a={b=[1 'x' true]} c='null'}");
    is("{ a: 1 }\n", "{a=1}");
    is("a: 1\n}\n", "{a=1}");
}

#[test]
fn words_are_texts_truths_and_variables() {
    is(
        "a = yes\nb = ON\nc = True\nd = no\ne = Off\nf = false",
        "{a=true b=true c=true d=false e=false f=false}",
    );
    is("a = 'yes'\nb = \"off\"\nc = yes\\t", "{a='yes' b='off' c='yes\t'}");
    is("a = nats://host:4222 # b", "{a='nats://host:4222'}");
    is("a = x#y", "{a='x#y'}");
    is("a = 'it\"s \\n'\nb = \"it's \\\"\\x41\\x42\\\"\\\\\"", "{a='it\"s \\n' b='it's \"AB\"\\'}");
    is("a = \"\\xc3\\xa9\"", "{a='é'}");
    is("a = (\nx {\n  )\n)\nb = 1", "{a='\nx {\n  )\n' b=1}");
    is("a = $2a$11$W2zko.ts/x", "{a='$2a$11$W2zko.ts/x'}");
}

#[test]
fn numbers_have_units_and_addresses_are_texts() {
    is(
        "a = 1k\nb = 1KB\nc = 2Mi\nd = 1g\ne = 3mib\nf = -5\ng = -1k",
        "{a=1000 b=1024 c=2097152 d=1000000000 e=3145728 f=-5 g=-1000}",
    );
    is(
        "a = 127.0.0.1:4222\nb = 2s\nc = 4222abc\nd = 5min\ne=1.5",
        "{a='127.0.0.1:4222' b='2s' c='4222abc' d='5min' e=<a number with a fraction>}",
    );
    is("a = 2016-05-04T18:53:41Z", "{a=<a date>}");
    is("a = [1 , 2 ]\nb = [1\n2\n]", "{a=[1 2] b=[1 2]}");
}

#[test]
fn lists_take_new_lines_and_comments() {
    is("a = [\n 'x' # one\n // two\n y,z\n {b: 1}\n]", "{a=['x' 'y' 'z' {b=1}]}");
    is("a = []\nb = {}", "{a=[] b={}}");
}

#[test]
fn variables_are_looked_for_from_the_inside_out() {
    is("X = 1\na = $X\nb { X = 2, c = $X }", "{X=1 a=1 b={X=2 c=2}}");
    is("a { X = 1 }\nb = $X", "{a={X=1} b=$X}");
    is("a = $X\nX = 1", "{a=$X X=1}");
    is("X = {p: [a, b]}\nc = [$X, \"$X\"]", "{X={p=['a' 'b']} c=[{p=['a' 'b']} '$X']}");
    let mut problems = Problems::default();
    let map = read("a", b"X = 1\nY = 2\na = $X".to_vec(), &nothing, &mut problems).unwrap();
    let used: Vec<_> =
        map.iter().filter(|entry| entry.is_variable).map(|entry| entry.key.as_str()).collect();
    assert_eq!(used, ["X"]);
}

#[test]
fn what_the_environment_says_is_read_as_a_value() {
    let at = At { file: "a.conf".into(), line: 3 };
    for (text, expected) in [
        ("abc", "'abc'"),
        ("", "''"),
        ("7k", "7000"),
        ("[a, $B]", "['a' $B]"),
        ("'a b'", "'a b'"),
        ("$C", "$C"),
    ] {
        let node = value(text, &at).unwrap();
        assert_eq!(shown(&node.kind), expected);
        assert_eq!(node.at, at);
    }
    for text in ["a b", "[", "'"] {
        assert!(value(text, &at).is_none(), "{text}");
    }
}

#[test]
fn includes_begin_afresh_and_join_the_map_around_them() {
    let files = |from: &str, named: &str| match named {
        "b.conf" => Ok(("dir/b.conf".to_owned(), b"b = 1\nc = $X\ninclude 'c.conf'\n".to_vec())),
        "c.conf" => {
            assert_eq!(from, "dir/b.conf");
            Ok(("dir/c.conf".to_owned(), b"d = 1".to_vec()))
        }
        "bad.conf" => Ok(("bad.conf".to_owned(), b"\n\na = [".to_vec())),
        "circle.conf" => Ok(("circle.conf".to_owned(), b"include ./circle.conf".to_vec())),
        "./circle.conf" => Ok(("circle.conf".to_owned(), Vec::new())),
        _ => {
            let depth: usize = named.parse().unwrap();
            Ok((named.to_owned(), format!("include '{}'", depth + 1).into_bytes()))
        }
    };
    let included = |text| tree_of(text, &files);
    assert_eq!(included("X = 1\nb = 2\na { include b.conf }"), "{X=1 b=2 a={b=1 c=$X d=1}}");
    assert_eq!(included("b = 2\ninclude b.conf\ne = $b"), "{b=1 c=$X d=1 e=1}");
    assert_eq!(included("include: b.conf"), "{include='b.conf'}");
    assert_eq!(included("\ninclude \"bad.conf\""), "bad.conf:3: a `[` is not closed");
    assert_eq!(included("include circle.conf"), "circle.conf:1: `circle.conf` includes itself");
    assert_eq!(included("include '0'"), "14:1: `15` is one file too deep");
    is("\ninclude gone.conf", "a.conf:2: `gone.conf` cannot be included: there is nothing");
    is("include [", "a.conf:1: `include` names no file");
}

#[test]
fn what_cannot_be_read_is_told_with_its_line_and_without_its_text() {
    for (text, message) in [
        ("\na = SECRET SECRET", "a.conf:2: the value does not end where its line ends"),
        ("a = {\n b = SECRET SECRET }", "a.conf:2: two values of a map have nothing between them"),
        ("a = {\n b = SECRET", "a.conf:2: a `{` is not closed"),
        ("a = [\n SECRET\n", "a.conf:3: a `[` is not closed"),
        ("a = [SECRET SECRET]", "a.conf:1: two values of a list have nothing between them"),
        ("a = [1]\n", "a.conf:2: a `[` is not closed"),
        ("\na = \"SECRET\n\n", "a.conf:2: a quote is not closed"),
        ("a = 'SECRET\n", "a.conf:1: a quote is not closed"),
        ("a = \"SECRET\\q\"", "a.conf:1: an unknown escape"),
        ("a = \"SECRET\\xzz\"", "a.conf:1: `\\x` wants two hexadecimal digits"),
        ("a = \"\\xff\"", "a.conf:1: the escapes of a text do not make UTF-8"),
        ("a = (\nSECRET )\n", "a.conf:1: a `(` is not closed"),
        ("SECRET", "a.conf:1: a key has no value"),
        ("a =\n1", "a.conf:1: a key has no value"),
        ("a { SECRET: }", "a.conf:1: a key has no value"),
        (": 1", "a.conf:1: a key is expected here"),
        ("a = 1kx1k", "{a='1kx1k'}"),
        ("a = 1kbb", "a.conf:1: a number has an unknown unit"),
        ("a = 10e", "a.conf:1: a number is out of range"),
        ("a = 99999999999999999999", "a.conf:1: a number is out of range"),
        ("a = 2016-05", "a.conf:1: a value begins like a date and is none"),
        ("a = -SECRET", "a.conf:1: a value begins with `-` and is no number"),
        ("a = .5", "a.conf:1: a value begins with a `.`"),
        ("a = 5.", "a.conf:1: a number ends with a `.`"),
        ("\n\0", "a.conf:2: the file has a NUL in it"),
    ] {
        is(text, message);
    }
    let mut problems = Problems::default();
    assert!(read("a", b"x\n\xff".to_vec(), &nothing, &mut problems).is_none());
    assert_eq!(problems.to_string(), "a:2: the file is not UTF-8 text");
    let deep = "a = ".to_owned() + &"[".repeat(100_000);
    is(&deep, "a.conf:1: lists and maps are nested too deeply");
}

#[test]
fn a_problem_shows_stars_for_its_line() {
    let mut problems = Problems::default();
    read("a.conf", b"x = 1\npassword = SEC RET".to_vec(), &nothing, &mut problems);
    let rendered = problems.iter().next().unwrap().render(false);
    assert!(rendered.contains("a.conf:2:1") && rendered.contains("2 | *****"), "{rendered}");
    assert!(!rendered.contains("SEC") && !rendered.contains("RET"), "{rendered}");
    let node = value("SECRET", &At { file: "a.conf".into(), line: 1 }).unwrap();
    assert_eq!(format!("{node:?} {:?}", node.kind), "a string at a.conf:1 a string");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "[ab$=:;,{}\\[\\]()'\"\\\\#/\n\r\t 019.kKxTZ-]{0,60}|(a = |include x|\\$a|\\{|\\}|\\[|\\]|\n| |é|'|\"){0,20}",
    ) {
        let again = |_: &str, named: &str| Ok((named.to_owned(), b"z = 1\ny = [".to_vec()));
        for include in [&nothing as Include<'_>, &again] {
            let mut problems = Problems::default();
            let map = read("a.conf", text.clone().into_bytes(), include, &mut problems);
            prop_assert_eq!(map.is_none(), problems.any_error());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let mut problems = Problems::default();
        let map = read("a.conf", bytes, &nothing, &mut problems);
        prop_assert_eq!(map.is_none(), problems.any_error());
    }

    /// Any text can be said, in quotes.
    #[test]
    fn a_quoted_text_is_what_it_says(text in "[^\u{0}]{0,20}") {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        prop_assert_eq!(tree_of(&format!("a = \"{escaped}\""), &nothing), format!("{{a='{text}'}}"));
    }
}

use super::*;

#[test]
fn patterns_that_the_server_accepts() {
    for good in ["a", "a.b", "*", ">", "a.*.c", "a.>", "$JS.API.>", "å.b", "a-b_c"] {
        assert_eq!(good.parse::<SubjectPattern>().unwrap().as_str(), good);
    }
}

#[test]
fn patterns_that_say_what_is_wrong_and_where() {
    for (bad, says) in [
        ("", "token 1 is empty"),
        ("a..b", "token 2 is empty"),
        ("a.", "token 2 is empty"),
        (".a", "token 1 is empty"),
        ("a.>.b", "token 2 is `>`, which stands only at the end"),
        (
            "a.b*",
            "token 2 mixes a wildcard with other characters, which the server reads literally",
        ),
        ("a b", "token 1 has white space"),
        ("a.\u{7}", "token 2 has a control character"),
        ("a.b\u{a0}", "token 2 has white space"),
    ] {
        assert_eq!(bad.parse::<SubjectPattern>().unwrap_err().to_string(), says, "{bad:?}");
    }
}

#[test]
fn patterns_overlap_where_a_subject_fits_both() {
    let pattern = |text: &str| text.parse::<SubjectPattern>().unwrap();
    for (a, b, overlap) in [
        ("a.b", "a.b", true),
        ("a.b", "a.c", false),
        ("a.*", "a.c", true),
        ("a.*", "*.c", true),
        ("a.*", "b.*", false),
        ("a.>", "a.b.c", true),
        ("a.>", "a", false),
        (">", "a", true),
        ("a.*.c", "a.>", true),
        ("a.*.c", "a.b", false),
        ("a.*.c", "*.b.*", true),
        ("a.b.>", "a.*", false),
    ] {
        assert_eq!(pattern(a).overlaps(&pattern(b)), overlap, "{a} and {b}");
        assert_eq!(pattern(b).overlaps(&pattern(a)), overlap, "{b} and {a}");
    }
}

#[test]
fn patterns_cover_what_they_match_all_of() {
    let pattern = |text: &str| text.parse::<SubjectPattern>().unwrap();
    for (a, b, covers) in [
        ("a.b", "a.b", true),
        ("a.*", "a.b", true),
        ("a.b", "a.*", false),
        ("a.*", "a.>", false),
        ("a.>", "a.*", true),
        ("a.>", "a.*.>", true),
        ("a.*.>", "a.>", false),
        ("a.>", "a", false),
        (">", "a.*", true),
        (">", ">", true),
        ("*", ">", false),
        ("*.b", "a.b", true),
        ("a", "a.b", false),
        ("a.b", "a", false),
    ] {
        assert_eq!(pattern(a).covers(&pattern(b)), covers, "{a} and {b}");
    }
    let permission = |text: &str| text.parse::<Permission>().unwrap();
    for (a, b, covers) in [
        ("a.>", "a.b q", true),
        ("a.> q", "a.b", false),
        ("a.> q.*", "a.b q.x", true),
        ("a.> q", "a.b r", false),
        ("a q", "b q", false),
    ] {
        assert_eq!(permission(a).covers(&permission(b)), covers, "{a} and {b}");
        assert_eq!(permission(a).to_string(), a);
    }
}

proptest::proptest! {
    #[test]
    fn a_token_never_changes_the_shape_of_a_subject(text in ".{0,40}") {
        if let Ok(token) = text.parse::<SubjectToken>() {
            let pattern = SubjectPattern::from_tokens(["a", token.as_str(), "c"]).unwrap();
            proptest::prop_assert_eq!(pattern.as_str().split('.').count(), 3);
            proptest::prop_assert!(!pattern.as_str().contains(['*', '>', ' ']));
        }
    }
}

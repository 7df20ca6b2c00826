use super::*;

#[test]
fn a_question_is_read_as_it_is_shown() {
    for (text, shown) in [
        ("publish a.b", "publish a.b"),
        ("  receive\ta ", "receive a"),
        ("subscribe a.*.>", "subscribe a.*.>"),
        ("subscribe a  v1.*", "subscribe a v1.*"),
    ] {
        let question: Question = text.parse().unwrap();
        assert_eq!(question.to_string(), shown);
        assert_eq!(shown.parse(), Ok(question));
    }
}

#[test]
fn what_is_no_question_is_said_to_be_none() {
    for (text, message) in [
        ("", "it is empty"),
        ("read a", "`read` is none of `publish`, `subscribe` and `receive`"),
        ("Publish a", "`Publish` is none of `publish`, `subscribe` and `receive`"),
        ("publish", "no subject follows `publish`"),
        ("publish a b", "`b` is one word too many"),
        ("receive a b", "`b` is one word too many"),
        ("subscribe a b c", "`c` is one word too many"),
        ("publish a..b", "`a..b` is not a subject: token 2 is empty"),
        ("publish a.*", "`a.*` has a wildcard, and a message is on one subject"),
        ("receive >", "`>` has a wildcard, and a message is on one subject"),
        ("subscribe >.a", "`>.a` is not a subject: token 1 is `>`, which stands only at the end"),
        ("subscribe a q.", "`q.` is not a queue group: token 2 is empty"),
    ] {
        assert_eq!(text.parse::<Question>().unwrap_err().to_string(), message, "{text}");
    }
}

use super::*;
use crate::config::{PersonalData, PersonalField, Treatment};

fn personal(lines: &str) -> Written {
    let mut written = written();
    written.text += &format!("\n[audit.personal_data]\n{lines}\n");
    written
}

#[test]
fn what_is_said_of_people_is_hidden_and_nothing_else() {
    assert_eq!(written().settings().audit.personal_data, PersonalData::default());
    let said = personal("omit = [\"client_name\"]\npseudonymize = [\"subject\", \"address\"]");
    let said = said.settings().audit.personal_data;
    let hidden = |treatment| -> Vec<&str> {
        let fields = PersonalField::ALL.iter().filter(|it| said.treatment(**it) == treatment);
        fields.map(|it| it.as_str()).collect()
    };
    assert_eq!(hidden(Treatment::Omitted), ["client_name"]);
    assert_eq!(hidden(Treatment::Pseudonymized), ["subject", "user_name", "address"]);
}

/// What is misspelt would be told.
#[test]
fn a_field_that_is_none_or_in_both_lists_is_an_error() {
    let line = |text: &str| text.split_once(": ").unwrap().1.to_owned();
    let told = |lines: &str| -> Vec<String> {
        personal(lines).problems().iter().map(|problem| line(problem)).collect()
    };
    assert_eq!(
        told("omit = [\"subjects\"]"),
        ["`subjects` is no field of personal data | did you mean `subject`?"]
    );
    let unknown = &told("pseudonymize = [\"shoe size\"]")[0];
    assert!(unknown.contains("these are there: subject, user_name, "), "{unknown}");
    assert_eq!(
        told("omit = [\"claims\"]\npseudonymize = [\"address\", \"claims\"]"),
        ["`claims` is left out and pseudonymized | name it in one of the two lists"]
    );
    assert_eq!(
        told("omitt = [\"claims\"]"),
        ["unknown key `omitt` in `[audit.personal_data]` | did you mean `omit`?"]
    );
}

#[test]
fn claims_are_paths() {
    let claims = |written: Written| -> Vec<String> {
        written.settings().audit.claims.iter().map(crate::claim_path::ClaimPath::to_text).collect()
    };
    let listed = written().add("audit", "claims = [\"a.b\", [\"https://x.example/c\"]]");
    assert_eq!(claims(listed), ["a.b", r#"["https://x.example/c"]"#]);
    assert_eq!(claims(written().environment("HALLPASS__AUDIT__CLAIMS", "a, b.c")), ["a", "b.c"]);
    assert_eq!(claims(written()), Vec::<String>::new());
    assert_eq!(written().add("audit", "claims = [\"a..b\"]").messages().len(), 1);
}

#[test]
fn what_the_page_shows_is_good_and_it_has_every_field() {
    let page = include_str!("../../../../docs/audit.md");
    let (_, shown) = page.split_once("```toml\n").unwrap();
    let mut written = written();
    written.text += &format!("\n{}", shown.split_once("```").unwrap().0);
    assert_eq!(written.settings().audit.personal_data.pseudonymize.len(), 2);
    for field in PersonalField::ALL {
        assert!(page.contains(&format!("\n| `{}` | ", field.as_str())), "{field:?}");
    }
}

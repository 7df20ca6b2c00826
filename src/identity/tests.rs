use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::claim_path::ClaimPath;

fn names(value: Value, form: RolesForm) -> Result<Vec<String>, Code> {
    roles_of(&value, form).map(|roles| roles.into_iter().collect())
}

#[test]
fn by_default_roles_are_a_list_or_words_and_nothing_else() {
    let auto = |value| names(value, RolesForm::Auto);
    assert_eq!(auto(json!(["b", "a", "b"])), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(auto(json!(["a b"])), Ok(vec!["a b".into()]), "an item of a list is one role");
    assert_eq!(auto(json!("read  write")), Ok(vec!["read".into(), "write".into()]));
    assert_eq!(auto(json!([])), Ok(vec![]));
    for unreadable in [json!(null), json!(1), json!({"a": 1}), json!(["a", 1]), json!(true)] {
        assert_eq!(auto(unreadable), Err(Code::RolesClaimUnreadable));
    }
}

/// Who may name an environment of a pipeline must not be able to name a second role with it.
#[test]
fn a_value_is_one_role_spaces_and_all() {
    let value = |value| names(value, RolesForm::Value);
    let sub = "repo:acme/shop:environment:x repo:acme/vault:ref:refs/heads/main";
    assert_eq!(value(json!(sub)), Ok(vec![sub.into()]));
    assert_eq!(value(json!(["a b", "c"])), Ok(vec!["a b".into(), "c".into()]));
    assert_eq!(value(json!({"a": 1})), Err(Code::RolesClaimUnreadable));
}

#[test]
fn keys_of_an_object_are_roles_only_where_that_is_said() {
    let keys = |value| names(value, RolesForm::Keys);
    assert_eq!(keys(json!({"b": {"1": "x"}, "a": true})), Ok(vec!["a".into(), "b".into()]));
    for denied in [json!({"a": false}), json!({"a": null}), json!({"a": {}}), json!({"a": "no"})] {
        assert_eq!(keys(denied), Err(Code::RolesClaimUnreadable));
    }
    assert_eq!(keys(json!({})), Ok(vec![]));
    for unreadable in [json!("a"), json!(["a"]), json!(null)] {
        assert_eq!(keys(unreadable), Err(Code::RolesClaimUnreadable));
    }
}

#[test]
fn roles_that_were_too_many_are_not_no_roles() {
    let claims = |value: Value| value.as_object().unwrap().clone();
    let roles = |path: &str| RolesClaim {
        path: ClaimPath::from_dotted(path).unwrap(),
        form: RolesForm::Auto,
    };
    let distributed = claims(json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {}}));
    assert_eq!(absent(&distributed, &roles("groups")), Code::RolesClaimOverage);
    assert_eq!(absent(&distributed, &roles("roles")), Code::RolesClaimAbsent);
    let implicit = claims(json!({"hasgroups": true}));
    assert_eq!(absent(&implicit, &roles("groups")), Code::RolesClaimOverage);
    assert_eq!(absent(&implicit, &roles("roles")), Code::RolesClaimAbsent);
    for blocked in [json!({"a": 7}), json!({"a": null}), json!({"a": "b"}), json!({"a": ["b"]})] {
        assert_eq!(absent(&claims(blocked), &roles("a.b")), Code::RolesClaimUnreadable);
    }
    assert_eq!(absent(&claims(json!({"a": {}})), &roles("a.b")), Code::RolesClaimAbsent);
    assert_eq!(
        absent(&claims(json!({"_claim_names": 5})), &roles("groups")),
        Code::RolesClaimAbsent
    );
}

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c./: ]{1,3}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    /// Where a path finds something, walking there by hand finds the same; where it finds
    /// nothing, so does the walk.
    #[test]
    fn a_path_is_a_walk(claims in any_json(), keys in prop::collection::vec("[a-c./: ]{1,3}", 1..4)) {
        let Value::Object(claims) = claims else { return Ok(()) };
        let path = ClaimPath::from_keys(keys.clone()).unwrap();
        let root = Value::Object(claims.clone());
        let walked = keys.iter().try_fold(&root, |at, key| at.as_object().and_then(|it| it.get(key)));
        prop_assert_eq!(path.find(&claims), walked);
    }

    /// A dotted path is the path of its pieces, and no key with a dot is ever reached by one.
    #[test]
    fn dots_part_keys(keys in prop::collection::vec("[a-c/:]{1,3}", 1..4), value in any_json()) {
        let dotted = ClaimPath::from_dotted(&keys.join(".")).unwrap();
        prop_assert_eq!(&dotted, &ClaimPath::from_keys(keys.clone()).unwrap());
        let flat: Map<_, _> = [(keys.join("."), value)].into_iter().collect();
        prop_assert_eq!(dotted.find(&flat).is_some(), keys.len() == 1);
    }

    /// Each form reads what it says or refuses: never more roles than the claim has texts.
    #[test]
    fn roles_are_texts_of_the_claim(value in any_json()) {
        let text = value.to_string();
        for form in [RolesForm::Auto, RolesForm::Value, RolesForm::Keys] {
            for role in roles_of(&value, form).unwrap_or_default() {
                let quoted = Value::from(role).to_string();
                prop_assert!(text.contains(quoted.trim_matches('"')), "{form:?} made {quoted} of {text}");
            }
        }
    }
}

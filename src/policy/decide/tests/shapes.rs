use super::*;

/// A placeholder wherever one may stand: in all four lists, a queue group, the inbox, a bucket's
/// name and its keys. Each permission has it.
static POLICY: LazyLock<PolicySet> = LazyLock::new(|| {
    policy(
        "[claims]\nt = { claim = \"tenant\", at_most = 2 }\n\
         [roles.r]\ninbox = \"_INBOX.{t}\"\n\
         publish = [\"x.{t}.y\", \"{t}.>\"]\n\
         subscribe = [\"s.{t}.*.z\", \"jobs.{t} w.{t}\"]\n\
         deny_publish = [\"x.{t}.y.secret\"]\n\
         deny_subscribe = [\"s.{t}.secret.z\", \"jobs.{t} w.{t}.x\"]\n\
         [[roles.r.grant]]\nkv = \"{t}\"\nkeys = \"k.{t}.>\"\ncan = [\"read\", \"write\", \"delete\"]\n",
    )
});

/// A permission: which list, and the tokens of its subject and of its queue group.
type Tokens = (usize, Vec<String>, Option<Vec<String>>);

/// Each permission; `None` where the login is refused.
fn filled(value: Value) -> Option<BTreeSet<Tokens>> {
    let decision = decide(&POLICY, &identity("corp", &["r"], &[("tenant", value)]), &facts());
    let Outcome::Granted(grant) = decision.outcome() else { return None };
    let tokens = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let mut found = BTreeSet::new();
    for (index, side) in [grant.publish(), grant.subscribe()].into_iter().enumerate() {
        let Side::Some { allow, deny } = side else { panic!("{index}") };
        for (list, permissions) in [(index, allow), (index + 2, deny)] {
            assert!(!permissions.is_empty(), "{list}");
            for Permission { subject, queue } in permissions.keys() {
                let queue = queue.as_ref().map(|queue| tokens(queue.as_str()));
                found.insert((list, tokens(subject.as_str()), queue));
            }
        }
    }
    Some(found)
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[a-z.*>$_ \t\n]{0,8}", "\\PC{0,12}", any::<String>()]
}

proptest! {
    /// Wherever a value stands, it is one token in the place of the placeholder and nothing else:
    /// no other number of tokens, no wildcard, and no permission that another value gives too.
    #[test]
    fn no_value_changes_the_shape_of_anything(one in any_value(), other in any_value()) {
        let usual = filled(json!("ACME")).unwrap();
        let with = |value: &str| {
            let token = |token: &String| match token.as_str() {
                "ACME" => value.to_owned(),
                "KV_ACME" => format!("KV_{value}"),
                fixed => fixed.to_owned(),
            };
            let tokens = |tokens: &Vec<String>| tokens.iter().map(token).collect::<Vec<_>>();
            let permission = |(list, subject, queue): &Tokens| {
                (*list, tokens(subject), queue.as_ref().map(tokens))
            };
            usual.iter().map(permission).collect::<BTreeSet<_>>()
        };
        if let Some(found) = filled(json!(one)) {
            prop_assert!(!one.contains(['*', '>', '.']) && !one.contains(char::is_whitespace));
            prop_assert_eq!(&found, &with(&one));
        }
        if let Some(both) = filled(json!([one, other])) {
            let (first, second) = (with(&one), with(&other));
            prop_assert!(one == other || first.is_disjoint(&second));
            prop_assert_eq!(&both, &first.union(&second).cloned().collect());
        }
    }
}

//! What never makes somebody able to do more, asked as people ask: by [`Entitlement::can`].

use super::*;
use crate::policy::Question;

/// How many rules name a queue group.
const NO_GROUPS: &str = "";
const SOME_GROUPS: &str = "( (v|w|v\\.[a*]|>))?";
const ALL_GROUPS: &str = "( (v|w|v\\.[a*]|>))";

/// How a rule may end.
const ANY_END: &str = "[ab*>]";
/// A last `*` brings what other rules leave open; see `depth`.
const NO_LAST_STAR: &str = "[ab>]";

/// Few words, so that what is drawn meets often.
fn rules(end: &str, groups: &str) -> impl Strategy<Value = Vec<String>> + use<> {
    let rule = proptest::string::string_regex(&format!("([ab*]\\.){{0,2}}{end}{groups}")).unwrap();
    proptest::collection::vec(rule, 0..3)
}

/// `publish`, `subscribe`, and their denies.
type Role = [Vec<String>; 4];

fn role(end: &str, groups: &str) -> impl Strategy<Value = Role> + use<> {
    let publish = || rules(ANY_END, NO_GROUPS);
    (publish(), rules(end, groups), publish(), rules(ANY_END, SOME_GROUPS)).prop_map(<_>::from)
}

/// Roles, each of which names queue groups always or never: what a role means that does both
/// depends, to the server, on all other rules.
fn roles(end: &str, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Role>> + use<> {
    let role = prop_oneof![role(end, NO_GROUPS), role(end, ALL_GROUPS)];
    proptest::collection::vec(role, count)
}

/// Roles of which all name queue groups or none does.
fn roles_alike(count: usize) -> impl Strategy<Value = Vec<Role>> {
    let all = |groups| proptest::collection::vec(role(ANY_END, groups), count);
    prop_oneof![all(NO_GROUPS), all(ALL_GROUPS)]
}

fn policy_of(roles: &[Role]) -> PolicySet {
    let role = |(index, lists): (usize, &Role)| {
        let lists: Vec<_> =
            LISTS.iter().zip(lists).map(|(key, list)| format!("{key} = {list:?}\n")).collect();
        format!("[roles.r{index}]\nidp_roles = [\"x\"]\n{}", lists.concat())
    };
    policy(&roles.iter().enumerate().map(role).collect::<String>())
}

/// What somebody with all the roles may do who asks for these.
fn asking_for(policy: &PolicySet, names: impl IntoIterator<Item = usize>) -> Decision {
    let names = names.into_iter().map(|index| format!("r{index}").parse().unwrap()).collect();
    let wish = Wish { account: None, roles: Some(names) };
    decide(policy, &identity("corp", &["x"], &[]), &Facts { wish, ..facts() })
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        "publish [ab](\\.[ab]){0,3}",
        "receive [ab](\\.[ab]){0,3}",
        "subscribe ([ab*]\\.){0,3}[ab*>]( (v|w|x|v\\.[ab]))?",
    ]
    .prop_map(|text| text.parse().unwrap())
}

fn can(decision: &Decision, question: &Question) -> bool {
    granted(decision).can(question).allowed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn another_deny_never_allows(
        roles in roles(ANY_END, 1..4),
        deny in rules(ANY_END, NO_GROUPS), list in 2_usize..4,
        questions in proptest::collection::vec(question(), 20),
    ) {
        let before = decided(&policy_of(&roles), &["x"]);
        let mut roles = roles;
        roles[0][list].extend(deny);
        let after = decided(&policy_of(&roles), &["x"]);
        for question in &questions {
            prop_assert!(can(&before, question) || !can(&after, question), "{question}");
        }
    }

    /// The roles that are done without still deny.
    #[test]
    fn doing_without_a_role_never_allows(
        roles in roles(ANY_END, 2..4),
        questions in proptest::collection::vec(question(), 20),
    ) {
        let policy = policy_of(&roles);
        let all = asking_for(&policy, 0..roles.len());
        let fewer = asking_for(&policy, 1..roles.len());
        for question in &questions {
            prop_assert!(can(&all, question) || !can(&fewer, question), "{question}");
        }
    }

    /// A role that denies nothing gives and never takes: holding it no longer takes, too.
    #[test]
    fn losing_a_role_that_denies_nothing_never_allows(
        roles in roles(NO_LAST_STAR, 2..4),
        questions in proptest::collection::vec(question(), 20),
    ) {
        let mut roles = roles;
        roles[0][2..].fill(Vec::new());
        let all = decided(&policy_of(&roles), &["x"]);
        let fewer = decided(&policy_of(&roles[1..]), &["x"]);
        for question in &questions {
            prop_assert!(can(&all, question) || !can(&fewer, question), "{question}");
        }
    }

    /// However roles are grouped and ordered, together they are the same.
    #[test]
    fn merging_is_commutative_and_associative(
        roles in roles_alike(3),
        order in Just([0, 1, 2]).prop_shuffle(),
        questions in proptest::collection::vec(question(), 20),
    ) {
        let together = |one: &Role, other: &Role| {
            [0, 1, 2, 3].map(|list| [one[list].as_slice(), other[list].as_slice()].concat())
        };
        let apart = decided(&policy_of(&roles), &["x"]);
        let [a, b, c] = order.map(|index| roles[index].clone());
        let left = decided(&policy_of(&[together(&a, &b), c.clone()]), &["x"]);
        let right = decided(&policy_of(&[a, together(&b, &c)]), &["x"]);
        for question in &questions {
            let answers = [&apart, &left, &right].map(|decision| can(decision, question));
            prop_assert!(answers == [answers[0]; 3], "{question}: {answers:?}");
        }
    }
}

/// The roles that are done without deny what hallpass adds for them, too.
#[test]
fn doing_without_a_role_brings_nothing_from_deeper() {
    let subscribe = |rules: &[&str]| {
        [vec![], rules.iter().map(|&rule| rule.to_owned()).collect(), vec![], vec![]]
    };
    let policy = policy_of(&[subscribe(&["a.*"]), subscribe(&["*", "b.>"])]);
    let question = "receive a.a.a".parse().unwrap();
    assert!(!can(&asking_for(&policy, 0..2), &question));
    assert!(!can(&asking_for(&policy, 1..2), &question));
}

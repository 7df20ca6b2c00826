//! Why something is possible or not.

use std::sync::Arc;

use super::messages;
use crate::{
    document::as_written,
    names::RoleName,
    policy::{PolicySet, Question, RuleRef, Verdict, depth, map::Rule},
    subject::SubjectPattern,
};

/// The rule that would allow something, with another value of a claim or another role.
///
/// Of a role that is held before one that is not; then the rule that says most.
fn nearest(policy: &PolicySet, held: &[RoleName], question: &Question) -> Option<String> {
    let (asked, publish) = match question {
        Question::Publish(subject) => (subject.clone().into(), true),
        Question::Receive(subject) => (subject.clone().into(), false),
        Question::Subscribe(permission) => (permission.clone(), false),
    };
    let rules = policy.by_name().values().flat_map(|role| {
        let lists = &role.whole.lists;
        let rules = if publish { &lists.publish } else { &lists.subscribe };
        rules.iter().map(move |rule| (role, rule))
    });
    let words = |rule: &Rule| {
        let subject = rule.template.reach().subject.to_string();
        subject.split('.').filter(|token| !["*", ">"].contains(token)).count()
    };
    let fits = rules.filter(|(role, rule)| {
        rule.template.reach().covers(&asked) && !role.written.idp_roles.is_empty()
    });
    let (role, rule) = fits.max_by_key(|(role, rule)| {
        let held = held.contains(&role.written.name);
        (held, words(rule), std::cmp::Reverse(&role.written.name))
    })?;
    let (name, template) = (&role.written.name, &rule.template);
    let text = template.as_str();
    Some(if held.contains(name) {
        let values: Vec<_> = template
            .variables()
            .iter()
            .map(|variable| format!("{{{}}}", variable.name()))
            .collect();
        let values = values.join(" and ");
        format!("with another {values}, `{text}` of role `{name}` would ({})", rule.at)
    } else {
        let by: Vec<_> =
            role.written.idp_roles.iter().map(|(role, _)| format!("`{role}`")).collect();
        format!("role `{name}` would ({}), which the IdP's {} gives", rule.at, by.join(" or "))
    })
}

/// Why something is possible or not, in words.
pub(in crate::policy) fn answer(
    policy: &PolicySet,
    held: &[RoleName],
    question: &Question,
    verdict: &Verdict<'_>,
) -> String {
    let rules = |rules: &[RuleRef]| {
        let rules: Vec<_> =
            rules.iter().map(|rule| format!("role `{}` ({})", rule.role, rule.at)).collect();
        rules.join(", ")
    };
    let mut text = match (verdict.allowed, verdict.because.as_slice()) {
        (true, because) => format!("allowed by {}", rules(because)),
        (false, []) => match (nearest(policy, held, question), &verdict.nearest) {
            (Some(near), _) => format!("nothing allows it; {near}"),
            (None, Some((permission, rule))) => {
                let rule = rules(std::slice::from_ref(rule));
                format!("nothing allows it; nearest is `{permission}` of {rule}")
            }
            (None, None) => "nothing allows anything like it".to_owned(),
        },
        (false, because) => format!("denied by {}", denying(policy, because, question.subject())),
    };
    if let Some(by) = &verdict.by {
        text.push_str(&format!(", by subscribing to `{by}`"));
    }
    for (permission, rule) in &verdict.except {
        text.push_str(&format!(
            ", but for messages on `{permission}`: {}",
            denying(policy, std::slice::from_ref(rule), &permission.subject)
        ));
    }
    if let Some(responses) = verdict.responses {
        text.push_str(&format!(
            "; as the answer to a request that names this subject it is possible: {} within {} ({})",
            messages(responses.max),
            as_written(responses.expires),
            responses.at
        ));
    }
    text
}

/// The rules that deny a subject, in words. Where none of them denies, hallpass did: it holds a
/// last `*` to one token, see [`super::super::depth`].
fn denying(policy: &PolicySet, rules: &[RuleRef], subject: &SubjectPattern) -> String {
    let word = |rule: &RuleRef| {
        let deeper = policy.by_name().get(&rule.role).and_then(|role| {
            let lists = &role.whole.lists;
            if lists.deny_publish.iter().chain(&lists.deny_subscribe).any(|it| it.at == rule.at) {
                return None;
            }
            let reaches_it = |it: &&Arc<Rule>| {
                let beyond = depth::beyond(&it.template.reach().subject);
                it.at == rule.at && beyond.is_some_and(|beyond| beyond.covers(subject))
            };
            lists.subscribe.iter().find(reaches_it)
        });
        match deeper {
            None => format!("role `{}` ({})", rule.role, rule.at),
            Some(allow) => format!(
                "hallpass, for which the last `*` of `{}` is one token: role `{}` ({})",
                allow.template.as_str(),
                rule.role,
                rule.at
            ),
        }
    };
    rules.iter().map(word).collect::<Vec<_>>().join(", ")
}

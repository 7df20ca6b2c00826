//! All roles as a list, as those who review access ask for it. Pure.

use std::sync::Arc;

use super::{
    compile::{PolicySet, Role},
    depth,
    diff::span,
    map::{Origin, Rule},
    notes,
};
use crate::{
    names::{AccountName, IssuerName, RoleName},
    subject::SubjectPattern,
};

/// Which roles are asked for; all of what is given must fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those that lead here.
    pub account: Option<AccountName>,
    /// This one.
    pub role: Option<RoleName>,
    /// Those by which somebody can reach one of these subjects.
    pub subject: Option<SubjectPattern>,
}

/// A role with all that it inherits, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reviewed {
    /// Its name.
    pub role: RoleName,
    /// What its file says it is for.
    pub description: Option<String>,
    /// Where it leads.
    pub account: AccountName,
    /// Whose word gives it.
    pub issuers: Vec<IssuerName>,
    /// What the IdP calls the roles that give it; none: nobody holds it.
    pub idp_roles: Vec<String>,
    /// What may be published.
    pub publish: Vec<Reviewable>,
    /// What may be subscribed to.
    pub subscribe: Vec<Reviewable>,
    /// What may not be published, whatever else allows it.
    pub deny_publish: Vec<Reviewable>,
    /// What may not be subscribed to, whatever else allows it.
    pub deny_subscribe: Vec<Reviewable>,
    /// Answers to requests: how many, for how long.
    pub responses: Option<Said>,
    /// The longest session.
    pub session: Option<Said>,
    /// What else has to be so, each of them.
    pub conditions: Vec<Said>,
    /// What the server cannot tell apart, and what is delivered by a detour: each once, with what
    /// it is about.
    pub notes: Vec<String>,
    /// `file:line`.
    pub at: Arc<str>,
}

/// What a role says beside its subjects, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    /// The words.
    pub text: String,
    /// `file:line`.
    pub at: Arc<str>,
}

/// A subject of a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reviewable {
    /// As it is written, a claim called by where it stands; with the queue group, if any.
    pub subject: String,
    /// The grant that it was expanded from, as in "stream `ORDERS`: read".
    pub grant: Option<String>,
    /// What is to know of it; see [`Reviewed::notes`].
    #[serde(skip)]
    pub notes: Vec<&'static str>,
    /// `file:line`.
    pub at: Arc<str>,
}

impl Reviewed {
    /// Each list: its direction, whether it denies, and what is in it.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, bool, &[Reviewable]); 4] {
        [
            ("publish", false, &self.publish),
            ("subscribe", false, &self.subscribe),
            ("publish", true, &self.deny_publish),
            ("subscribe", true, &self.deny_subscribe),
        ]
    }
}

/// The roles that fit, by name.
///
/// By subject, a placeholder stands for any value: somebody with the right claim can reach it.
/// Of the lists, only what is about the subject is kept; what a role denies to all its holders,
/// none of them reaches by it.
#[must_use]
pub fn review(policy: &PolicySet, filter: &Filter) -> Vec<Reviewed> {
    let is_asked_for = |role: &&Arc<Role>| {
        let written = &role.written;
        filter.account.as_ref().is_none_or(|account| *account == written.account)
            && filter.role.as_ref().is_none_or(|name| *name == written.name)
    };
    let roles = policy.by_name().values().filter(is_asked_for);
    roles.filter_map(|role| reviewed(role, filter.subject.as_ref())).collect()
}

fn reviewed(role: &Role, about: Option<&SubjectPattern>) -> Option<Reviewed> {
    let (written, whole) = (&role.written, &role.whole);
    let lists = &whole.lists;
    let allowed =
        |allow: &[Arc<Rule>], deny: &[Arc<Rule>], reaches: Reaches<'_>, publish| match about {
            Some(about) if is_denied(about, deny) => Vec::new(),
            _ => kept(allow, about, reaches, &|rule| notes::of_rule(rule, publish, deny)),
        };
    let deeper = |rule: &Rule, about: &SubjectPattern| {
        overlaps(rule, about) || is_below(rule, about, &lists.subscribe)
    };
    let publish = allowed(&lists.publish, &lists.deny_publish, &overlaps, true);
    let subscribe = allowed(&lists.subscribe, &lists.deny_subscribe, &deeper, false);
    let nobody = written.idp_roles.is_empty() || role.issuers.is_empty();
    if about.is_some() && (nobody || publish.is_empty() && subscribe.is_empty()) {
        return None;
    }
    let about_line = |line: &Reviewable| match &line.grant {
        Some(grant) => format!("{grant} ({})", line.at),
        None => format!("`{}` ({})", line.subject, line.at),
    };
    let lines = publish.iter().chain(&subscribe);
    let told = notes::told(lines.map(|line| (about_line(line), line.notes.as_slice())));
    Some(Reviewed {
        role: written.name.clone(),
        description: written.description.clone(),
        account: written.account.clone(),
        issuers: role.issuers.clone(),
        idp_roles: written.idp_roles.iter().map(|(idp_role, _)| idp_role.to_string()).collect(),
        notes: told,
        publish,
        subscribe,
        deny_publish: kept(&lists.deny_publish, about, &overlaps, &|_| Vec::new()),
        deny_subscribe: kept(&lists.deny_subscribe, about, &overlaps, &|_| Vec::new()),
        responses: whole
            .responses
            .as_ref()
            .map(|it| said(format!("{} within {}", it.max, span(it.expires)), &it.at)),
        session: whole.session.as_ref().map(|it| said(span(it.longest), &it.at)),
        conditions: whole.conditions.iter().map(|it| said(it.describe(), &it.at)).collect(),
        at: Arc::clone(&written.at),
    })
}

fn said(text: String, at: &Arc<str>) -> Said {
    Said { text, at: Arc::clone(at) }
}

type Reaches<'a> = &'a dyn Fn(&Rule, &SubjectPattern) -> bool;

fn kept(
    rules: &[Arc<Rule>],
    about: Option<&SubjectPattern>,
    reaches: Reaches<'_>,
    notes: &dyn Fn(&Rule) -> Vec<&'static str>,
) -> Vec<Reviewable> {
    let kept = rules.iter().filter(|rule| about.is_none_or(|about| reaches(rule, about)));
    let line = |rule: &Arc<Rule>| Reviewable {
        subject: rule.template.to_string(),
        grant: match &rule.origin {
            Origin::Grant(granted) => Some(granted.words.clone()),
            Origin::Subject | Origin::Inbox => None,
        },
        notes: notes(rule),
        at: Arc::clone(&rule.at),
    };
    kept.map(line).collect()
}

fn overlaps(rule: &Rule, about: &SubjectPattern) -> bool {
    rule.template.reach().subject.overlaps(about)
}

/// Whether a subscription by a rule that ends in `*` brings it, because hallpass cannot deny what
/// lies deeper; see [`depth`].
fn is_below(rule: &Rule, about: &SubjectPattern, subscribe: &[Arc<Rule>]) -> bool {
    let Some(beyond) = depth::beyond(&rule.template.reach().subject) else { return false };
    beyond.overlaps(about) && subscribe.iter().any(|other| overlaps(other, &beyond))
}

/// Whether all of it is denied to everybody.
fn is_denied(about: &SubjectPattern, deny: &[Arc<Rule>]) -> bool {
    deny.iter().any(|rule| {
        let denied = rule.template.as_literal();
        denied.queue.is_none() && denied.subject.covers(about)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::maps;

    const ORDERS: &str = "account = \"APP\"\n\
        [roles.clerk]\n\
        description = \"Sells\"\n\
        idp_roles = [\"orders:write\", \"/sales/*\"]\n\
        publish = [\"orders.{tenant}.created\"]\n\
        subscribe = [\"orders.{tenant}.>\", \"prices.*\", \"prices.eu.now workers\"]\n\
        deny_subscribe = [\"orders.*.internal.>\"]\n\
        session = \"90m\"\n\
        [roles.clerk.when]\n\
        sources = [\"192.0.2.0/24\"]\n\
        [roles.base]\n\
        idp_roles = []\n\
        subscribe = [\"orders.>\"]\n\
        [roles.prices]\n\
        inherits = [\"base\"]\n\
        subscribe = [\"prices.ask\"]\n\
        deny_subscribe = [\"orders.acme.>\"]\n\
        allow_responses = { max = 2, expires = \"1m\" }\n\
        [claims]\n\
        tenant = \"tenant_id\"\n";

    fn by_subject(subject: &str) -> Vec<(String, Vec<String>)> {
        let maps = maps(&[("orders.toml", ORDERS)]);
        let filter = Filter { subject: Some(subject.parse().unwrap()), ..Filter::default() };
        let kept = |role: Reviewed| {
            let lists = role.lists();
            let texts = lists.iter().flat_map(|(direction, denied, list)| {
                let no = if *denied { "no " } else { "" };
                list.iter().map(move |line| format!("{no}{direction} {}", line.subject))
            });
            (role.role.to_string(), texts.collect())
        };
        review(&maps.policy(), &filter).into_iter().map(kept).collect()
    }

    #[test]
    fn a_role_is_told_with_all_that_it_inherits() {
        let maps = maps(&[("orders.toml", ORDERS)]);
        let all = review(&maps.policy(), &Filter::default());
        let names: Vec<_> = all.iter().map(|role| role.role.as_str()).collect();
        assert_eq!(names, ["base", "clerk", "prices"]);
        let clerk = &all[1];
        assert_eq!(clerk.description.as_deref(), Some("Sells"));
        assert_eq!(clerk.idp_roles, ["orders:write", "/sales/*"]);
        assert_eq!(clerk.issuers[0].as_str(), "corp");
        assert_eq!(clerk.publish[0].subject, "orders.{claim tenant_id}.created");
        assert!(clerk.publish[0].at.ends_with("orders.toml:5"), "{}", clerk.publish[0].at);
        let said =
            |said: &Said| (said.text.clone(), said.at.rsplit(':').next().unwrap().to_owned());
        let words = |text: &str, line: &str| (text.to_owned(), line.to_owned());
        assert_eq!(clerk.session.as_ref().map(said), Some(words("1h 30m", "8")));
        assert_eq!(said(&clerk.conditions[0]), words("from 192.0.2.0/24", "10"));
        let prices = &all[2];
        assert_eq!(prices.responses.as_ref().map(said), Some(words("2 within 1m", "18")));
        let inherited: Vec<_> = prices.subscribe.iter().map(|line| &*line.subject).collect();
        assert_eq!(inherited, ["prices.ask", "orders.>"]);
    }

    #[test]
    fn who_reaches_a_subject() {
        let clerk = ("clerk".to_owned(), vec!["subscribe orders.{claim tenant_id}.>".to_owned()]);
        let both = by_subject("orders.acme.created");
        assert_eq!(both.len(), 1, "the other is denied it: {both:?}");
        assert_eq!(
            both[0].1,
            ["publish orders.{claim tenant_id}.created", "subscribe orders.{claim tenant_id}.>",]
        );
        let all = by_subject("orders.*.shipped");
        assert_eq!(all[0], clerk);
        assert_eq!(all[1].0, "prices", "it reaches those of others: {all:?}");
        assert_eq!(all[1].1, ["subscribe orders.>", "no subscribe orders.acme.>"]);
        assert_eq!(by_subject("orders.acme.internal.x"), [], "denied to both");
        assert_eq!(by_subject("nothing.here"), []);
    }

    /// `prices.*` lets in a subscription to `prices.>`, and the rule below it keeps hallpass from
    /// denying what lies deeper.
    #[test]
    fn a_last_wildcard_reaches_deeper_where_that_cannot_be_denied() {
        let found = by_subject("prices.eu.then");
        assert_eq!(found, [("clerk".to_owned(), vec!["subscribe prices.*".to_owned()])]);
    }

    #[test]
    fn accounts_and_roles_are_asked_for_by_name() {
        let maps = maps(&[
            ("orders.toml", ORDERS),
            ("b.toml", "account = \"B\"\n[roles.other]\npublish = [\"x\"]\n"),
        ])
        .targets(&["APP", "B"]);
        let names = |filter: Filter| -> Vec<String> {
            review(&maps.policy(), &filter).iter().map(|role| role.role.to_string()).collect()
        };
        let account = Some("B".parse().unwrap());
        assert_eq!(names(Filter { account: account.clone(), ..Filter::default() }), ["other"]);
        let role = Some("clerk".parse().unwrap());
        assert_eq!(names(Filter { role: role.clone(), ..Filter::default() }), ["clerk"]);
        assert_eq!(names(Filter { account, role, subject: None }), Vec::<String>::new());
    }

    #[test]
    fn a_grant_is_told_in_its_words_with_what_goes_with_it() {
        let maps = maps(&[(
            "a.toml",
            "account = \"APP\"\n[roles.r]\ninbox = \"_INBOX.{subject}\"\n\
             publish = [\"$JS.API.STREAM.UPDATE.X\"]\n\
             [[roles.r.grant]]\nstream = \"ORDERS\"\ncan = [\"manage\", \"watch\"]\n\
             [[roles.r.grant]]\nstream = \"ORDERS\"\nconsumer = \"w\"\ncan = [\"read\"]\n",
        )]);
        let role = &review(&maps.policy(), &Filter::default())[0];
        let grants = |list: &[Reviewable]| {
            let mut grants: Vec<_> = list.iter().map(|line| line.grant.clone()).collect();
            grants.dedup();
            grants
        };
        let (stream, consumer) =
            ("stream `ORDERS`: manage, watch", "stream `ORDERS`, consumer `w`: read");
        let expected = [None, Some(stream.to_owned()), Some(consumer.to_owned())];
        assert_eq!(grants(&role.publish), expected);
        assert_eq!(grants(&role.subscribe), [None], "the inbox is none");
        let at = |index: usize| &role.publish[index].at;
        let both = format!("`$JS.API.STREAM.UPDATE.X` ({}), {stream} ({}): ", at(0), at(1));
        assert!(role.notes[0].starts_with(&both), "{:#?}", role.notes);
    }
}

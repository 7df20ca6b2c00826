//! What has to be known of somebody and of their connection to decide about them. Pure.

use std::collections::BTreeSet;

use super::{compile::PolicySet, condition::Test, template::Variable};
use crate::{claim_path::ClaimPath, names::IssuerName};

/// What a decision about somebody depends on, beside their issuer and the issuer's roles.
#[derive(Debug, Default)]
pub struct Needs<'a> {
    /// The claims that are read.
    pub claims: BTreeSet<&'a ClaimPath>,
    /// Whether the subject is filled in.
    pub subject: bool,
    /// Whether the client's own address is asked for.
    pub source: bool,
}

impl PolicySet {
    /// What the roles that these IdP roles give read: no other role counts.
    #[must_use]
    pub fn needs(&self, issuer: &IssuerName, idp_roles: &BTreeSet<String>) -> Needs<'_> {
        let mut needs = Needs::default();
        for name in self.held(issuer, idp_roles).into_keys() {
            let Some(role) = self.by_name().get(&name) else { continue };
            let rules = role.whole.lists.named().into_iter().flat_map(|(_, rules)| rules);
            for variable in rules.flat_map(|rule| rule.template.variables()) {
                match variable {
                    Variable::Subject | Variable::Name => needs.subject = true,
                    Variable::Issuer => {}
                    Variable::Claim(claim) => {
                        needs.claims.insert(&claim.path);
                    }
                }
            }
            for condition in &role.whole.conditions {
                match &condition.test {
                    Test::Claim(claim, _) => {
                        needs.claims.insert(&claim.path);
                    }
                    Test::Sources(_) => needs.source = true,
                    // Always in the facts.
                    Test::ConnectionTypes(_) | Test::Hours(_) | Test::Certificate | Test::Edge => {}
                }
            }
        }
        needs
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::maps;

    #[test]
    fn only_the_roles_that_are_given_count() {
        let map = "account = \"APP\"\n[claims]\na = \"org.a\"\nb = \"b\"\n\
            [roles.plain]\nidp_roles = [\"p\"]\npublish = [\"x.{issuer}\"]\n\
            [roles.filled]\nidp_roles = [\"f\"]\npublish = [\"x.{a}.{name}\"]\n\
            [roles.judged]\nidp_roles = [\"j\"]\npublish = [\"x\"]\n\
            when = { claims = { b = \"1\" }, sources = [\"192.0.2.0/24\"] }\n";
        let policy = maps(&[("a.toml", map)]).policy();
        let needs = |roles: &[&str]| {
            let roles = roles.iter().map(|it| (*it).to_owned()).collect();
            let needs = policy.needs(&"corp".parse().unwrap(), &roles);
            let claims: Vec<_> = needs.claims.iter().map(ToString::to_string).collect();
            (claims.join(" "), needs.subject, needs.source)
        };
        assert_eq!(needs(&["p", "unknown"]), (String::new(), false, false));
        assert_eq!(needs(&["f"]), ("org.a".to_owned(), true, false));
        assert_eq!(needs(&["f", "j"]), ("b org.a".to_owned(), true, true));
    }
}

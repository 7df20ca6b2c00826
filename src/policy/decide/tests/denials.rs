use super::*;

#[test]
fn without_a_role_there_is_nothing() {
    let policy = policy("[roles.a]\npublish = [\">\"]\nsubscribe = [\">\"]\n");
    assert_eq!(denied(&decided(&policy, &[])), (RolesClaimEmpty, ""));
    for roles in [&["b"][..], &["A"], &["a "], &[""], &["*"], &[">"]] {
        let decision = decided(&policy, roles);
        let count = roles.len();
        let detail =
            format!("the token's number of roles is {count}, and no map's `idp_roles` names one");
        assert_eq!(denied(&decision), (NoRole, detail.as_str()), "{roles:?}");
        assert!(decision.reasons().roles.is_empty() && decision.reasons().rules.is_empty());
    }
    let empty = maps(&[]).load().0.unwrap();
    assert_eq!(denied(&decided(&empty, &["a"])).0, NoRole);
}

#[test]
fn accounts_are_never_merged() {
    let app =
        "account = \"APP\"\n[roles.app]\nidp_roles = [\"both\", \"app\"]\npublish = [\"a\"]\n";
    let web =
        "account = \"WEB\"\n[roles.web]\nidp_roles = [\"both\", \"web\"]\npublish = [\"b\"]\n";
    let set = maps(&[("app.toml", app), ("web.toml", web)]).targets(&["APP", "WEB"]).policy();
    for roles in [&["both"][..], &["app", "web"], &["web", "app", "both"]] {
        let decision = decided(&set, roles);
        let detail =
            "roles of the accounts APP, WEB: the user name `hallpass-want:account=…` picks one";
        assert_eq!(denied(&decision), (AccountAmbiguous, detail));
        assert_eq!(decision.reasons().rules.len(), 2, "both are named");
    }
    let alone = decided(&set, &["web"]);
    assert_eq!(granted(&alone).account().as_str(), "WEB");
    assert_eq!(shown(granted(&alone).publish()), "b | ");
}

#[test]
fn the_word_of_another_issuer_is_not_believed() {
    let text = "account = \"APP\"\n[roles.corp]\nissuers = [\"corp\"]\nidp_roles = [\"admin\"]\n\
                    publish = [\"c\"]\n[roles.k8s]\nissuers = [\"k8s\"]\nidp_roles = [\"admin\", \"pod\"]\n\
                    publish = [\"k\"]\n[roles.all]\nissuers = [\"corp\", \"k8s\"]\nidp_roles = [\"user\"]\n\
                    publish = [\"u\"]\n[roles.nobody]\nissuers = []\nidp_roles = [\"admin\", \"user\"]\n\
                    publish = [\"n\"]\n";
    let set = maps(&[("a.toml", text)]).issuers(&["corp", "k8s", "github"]).policy();
    let publish = |issuer, roles: &[&str]| {
        let decision = decide(&set, &identity(issuer, roles, &[]), &facts());
        match decision.outcome() {
            Outcome::Granted(grant) => Ok(shown(grant.publish())),
            Outcome::Denied(denial) => Err(denial.code),
        }
    };
    assert_eq!(publish("corp", &["admin"]), Ok("c | ".to_owned()));
    assert_eq!(publish("k8s", &["admin"]), Ok("k | ".to_owned()));
    assert_eq!(publish("corp", &["pod"]), Err(NoRole));
    assert_eq!(publish("github", &["admin", "user"]), Err(NoRole));
    assert_eq!(publish("k8s", &["user", "admin"]), Ok("k u | ".to_owned()));
}

/// One `sub` at two issuers is two people.
#[test]
fn the_issuer_is_part_of_the_name() {
    let text = "account = \"APP\"\n[roles.u]\nissuers = [\"corp\", \"k8s\"]\npublish = [\"{issuer}.{subject}\"]\n";
    let set = maps(&[("a.toml", text)]).issuers(&["corp", "k8s"]).policy();
    for issuer in ["corp", "k8s"] {
        let decision = decide(&set, &identity(issuer, &["u"], &[]), &facts());
        assert_eq!(granted(&decision).user_name(), format!("{issuer}:alice"));
        assert_eq!(shown(granted(&decision).publish()), format!("{issuer}.alice | "));
    }
}

//! The data of the presets, one file each.

/// Name and text of each preset, by name.
pub(super) const PRESETS: &[(&str, &str)] = &[
    ("auth0", include_str!("auth0.toml")),
    ("aws-iam", include_str!("aws-iam.toml")),
    ("cognito", include_str!("cognito.toml")),
    ("dex", include_str!("dex.toml")),
    ("entra-v1", include_str!("entra-v1.toml")),
    ("entra-v2", include_str!("entra-v2.toml")),
    ("github-actions", include_str!("github-actions.toml")),
    ("gitlab-ci", include_str!("gitlab-ci.toml")),
    ("google", include_str!("google.toml")),
    ("keycloak", include_str!("keycloak.toml")),
    ("kubernetes", include_str!("kubernetes.toml")),
    ("okta", include_str!("okta.toml")),
    ("ory", include_str!("ory.toml")),
    ("spiffe", include_str!("spiffe.toml")),
    ("zitadel", include_str!("zitadel.toml")),
];

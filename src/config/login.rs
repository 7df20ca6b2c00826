//! `[issuers.NAME.login]`: how a person signs in with the issuer.

use super::LoginSettings;
use crate::document::{Fields, Place, Problem, Problems};

/// How a person signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFlow {
    /// In the browser of this machine: authorization code with PKCE (RFC 7636).
    Code,
    /// In any browser, with a code to type: device authorization (RFC 8628).
    Device,
}

/// Which token of the issuer is shown to NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownToken {
    /// The access token.
    AccessToken,
    /// The ID token.
    IdToken,
}

impl LoginSettings {
    /// Who it is, and a refresh token so that nobody signs in anew every few minutes.
    pub const DEFAULT_SCOPES: &[&str] = &["openid", "offline_access"];
}

/// `login` of an issuer; absent: nobody signs in with it.
pub(super) fn login(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<LoginSettings> {
    let node = fields.node("login")?;
    let mut fields = Fields::of(node, "`login` of the issuer", problems);
    let example = "`client_id = \"hallpass-cli\"`: a public client of the IdP";
    fields.required("client_id", example, problems);
    let client_id = text(&mut fields, "client_id", problems);
    let prompt = text(&mut fields, "prompt", problems);
    let audience = text(&mut fields, "audience", problems);
    let resource = resource(&mut fields, problems);
    let scopes = scopes(&mut fields, problems);
    let flow = choice(
        &mut fields,
        "flow",
        &[("code", LoginFlow::Code), ("device", LoginFlow::Device)],
        problems,
    );
    let shown = choice(
        &mut fields,
        "use",
        &[("access_token", ShownToken::AccessToken), ("id_token", ShownToken::IdToken)],
        problems,
    );
    if let (Some(ShownToken::IdToken), false) = (shown, scopes.iter().any(|it| it == "openid")) {
        problems.add(Problem::error(
            fields.place(),
            "`use` is `id_token`, but `scopes` has no `openid`: there would be none",
            "add `openid` to `scopes`",
        ));
    }
    let redirect_port = fields.integer("redirect_port", 0..=i64::from(u16::MAX), problems);
    fields.finish(problems);
    Some(LoginSettings {
        client_id: client_id?,
        scopes,
        flow: flow.unwrap_or(LoginFlow::Code),
        shown: shown.unwrap_or(ShownToken::AccessToken),
        prompt,
        audience,
        resource,
        redirect_port: redirect_port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
    })
}

fn scopes(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<String> {
    if fields.node("scopes").is_none() {
        return LoginSettings::DEFAULT_SCOPES.iter().map(ToString::to_string).collect();
    }
    let given = fields.strings("scopes", problems);
    for (scope, place) in &given {
        // RFC 6749, section 3.3.
        let legal = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
        if scope.is_empty() || !scope.chars().all(legal) {
            problems.add(Problem::error(
                place,
                format!("`{scope}` is no scope"),
                "a scope is one word; write several as a list",
            ));
        }
    }
    given.into_iter().map(|(scope, _)| scope.to_owned()).collect()
}

/// RFC 8707: an absolute URI without a fragment.
fn resource(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let (text, place) = fields.string("resource", problems)?;
    if !url::Url::parse(text).is_ok_and(|url| url.fragment().is_none()) {
        problems.add(Problem::error(
            place,
            "`resource` is not an absolute URI without a fragment",
            "write it as in `https://nats.example.com` or `urn:nats`; or is it `audience` here?",
        ));
    }
    Some(text.to_owned())
}

/// A text that says something.
fn text(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<String> {
    let (text, place) = fields.string(key, problems)?;
    if text.trim().is_empty() || text.contains(char::is_control) {
        empty(key, place, problems);
    }
    Some(text.to_owned())
}

fn empty(key: &str, place: &Place, problems: &mut Problems) {
    let message = format!("`{key}` is empty or has control characters");
    let help = "write what the IdP calls it, or leave the line out where it is optional";
    problems.add(Problem::error(place, message, help));
}

/// One of a few words.
fn choice<T: Copy>(
    fields: &mut Fields<'_>,
    key: &'static str,
    known: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let (text, place) = fields.string(key, problems)?;
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<_> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        problems.add(Problem::error(
            place,
            format!("`{key}` is not {}", words.join(" or ")),
            "write one of these words in quotes",
        ));
    }
    found
}

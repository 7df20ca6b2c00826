//! `hallpass explain`

use std::{collections::BTreeSet, io::Read as _, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use clap::Args;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{ConfigArgs, Exit, output};
use crate::{
    code::{Code, Refusal},
    config::{IssuerSettings, Layers, Settings, among},
    connection::{Connection, ConnectionType},
    credential::Wish,
    document::did_you_mean,
    identity::Who,
    idp::token::UnverifiedToken,
    names::{IssuerName, RoleName},
    policy::{self, Explanation, Facts, Question},
    printable,
    service::{self, JudgedMaps},
};

mod text;

/// Say what somebody may do, and why
///
/// For a token (`--token`), the claims of one (`--claims`), or roles (`--role`, `--idp-role`):
/// the identity, the roles and where each came from, the permissions and the rule behind each, the
/// account and the end of the session. It is what `serve` would decide; nothing is issued. A
/// token's signature and times are not checked: `hallpass token verify` does that. Shows claims,
/// which are personal data.
///
/// Exit codes: 0 they would be let in, and can do all that `--can` asks; 2 not; 3 the maps are
/// invalid.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass explain --token - < token.jwt\n  hallpass explain --claims claims.json --can 'publish orders.acme.created'\n  hallpass explain --role orders-clerk --claim tenant_id=acme --from 192.0.2.7"
)]
#[command(group = clap::ArgGroup::new("who").required(true).multiple(true))]
pub(super) struct Explain {
    #[command(flatten)]
    config: ConfigArgs,
    /// The token, in a file or `-` for standard input
    #[arg(long, value_name = "FILE", group = "who", conflicts_with_all = ["claims", "role", "idp_role"])]
    token: Option<PathBuf>,
    /// The claims of a token, as a JSON object in a file or `-` for standard input
    #[arg(long, value_name = "FILE", group = "who", conflicts_with_all = ["role", "idp_role"])]
    claims: Option<PathBuf>,
    /// A role of the maps; may be given several times
    #[arg(long, value_name = "NAME", group = "who")]
    role: Vec<RoleName>,
    /// A role as the IdP calls it; may be given several times
    #[arg(long, value_name = "NAME", group = "who")]
    idp_role: Vec<String>,
    /// With roles: a claim, as text or JSON; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim, conflicts_with_all = ["token", "claims"])]
    claim: Vec<(String, Value)>,
    /// With roles: who it is
    #[arg(long, value_name = "SUB", default_value = "somebody")]
    subject: String,
    /// Whose word it is, where there are several issuers and no `iss`
    #[arg(long, value_name = "NAME")]
    issuer: Option<IssuerName>,
    /// What the client would ask for in its user name, such as `account=APP&role=NAME`
    #[arg(long, value_name = "WISH", value_parser = wish)]
    want: Option<Wish>,
    /// When, such as `2026-11-21T08:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The client's own address [default: not known]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<core::net::IpAddr>,
    /// What the client speaks
    #[arg(long, value_name = "TYPE", default_value = "STANDARD")]
    connection_type: ConnectionType,
    /// The client has a certificate that the server verified
    #[arg(long)]
    certificate: bool,
    /// An edge attested the connection
    #[arg(long)]
    edge: bool,
    /// Whether they can `publish SUBJECT`, `subscribe SUBJECT [QUEUE]`, `receive SUBJECT`; may be
    /// given several times
    #[arg(long, value_name = "QUESTION")]
    can: Vec<Question>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

fn claim(text: &str) -> Result<(String, Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

fn wish(text: &str) -> Result<Wish, &'static str> {
    let text = text.strip_prefix("hallpass-want:").unwrap_or(text);
    Wish::read(text).map_err(|_| "write `account=APP` and `role=NAME`, with `&` between them")
}

impl Explain {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let loaded = self.config.layers().and_then(|layers| {
            let (maps, _) = service::load_maps(&layers)?;
            Ok((layers, maps))
        });
        let (layers, maps) = match loaded {
            Ok(loaded) => loaded,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let now = self.at.unwrap_or_else(Timestamp::now);
        let who = match self.who(&layers, &maps)? {
            Ok(who) => who,
            Err(Refusal { code, detail }) => {
                let detail = detail.unwrap_or_else(|| code.meaning().to_owned());
                output::error(&format!("the login would be refused as `{code}`: {detail}"));
                return Ok(Exit::No);
            }
        };
        let expiry = who.claims.get("exp").and_then(Value::as_i64);
        let expires_at = expiry.and_then(|exp| Timestamp::from_second(exp).ok());
        let day = now.saturating_add(SignedDuration::from_hours(24))?;
        let day = Timestamp::from_second(day.as_second())?;
        let facts = Facts {
            now,
            // What a token gave that has expired is asked about as well.
            expires_at: expires_at.filter(|end| *end > now).unwrap_or(day),
            wish: self.want.clone().unwrap_or_default(),
            connection: self.connection(&layers),
        };
        let mut explanation = policy::explain(&maps.policy, &who, &facts, &self.can);
        if let (None, Some(grant)) = (expires_at, &mut explanation.granted)
            && grant.ends_at >= day
        {
            grant.ended_by.push_str(", taken to be valid for 24 h");
        }
        match self.format {
            Format::Text => {
                for line in text::lines(&explanation) {
                    output::try_line(&printable::text(&line))?;
                }
            }
            Format::Json => {
                output::try_line(&printable::json(&serde_json::to_string_pretty(&explanation)?))?
            }
        }
        if expires_at.is_some_and(|end| end <= now) {
            output::note(
                "note: the token has expired; what it would give for another day is shown",
            );
        }
        if self.token.is_some() {
            output::note(
                "note: whether the token holds (signature, times, audience) is not looked at here: \
                 `hallpass token verify` says it",
            );
        }
        let refused = explanation.refused.as_ref().map(|refusal| refusal.code);
        if refused == Some(Code::ClaimAbsent) && self.token.is_none() && self.claims.is_none() {
            output::note("note: `--claim NAME=VALUE` gives a claim, by its name in the token");
        }
        Ok(verdict(&explanation))
    }

    fn connection(&self, layers: &Layers) -> Connection {
        let edges: Vec<IpNet> = Settings::edges(layers);
        let from = self.from.map(|address| address.to_canonical());
        Connection {
            kind: Some(self.connection_type),
            source: from.filter(|address| !among(&edges, *address)),
            certificate: self.certificate,
            attested: self.edge,
        }
    }

    /// Who is asked about, or how far the token path would come.
    fn who(&self, layers: &Layers, maps: &JudgedMaps) -> anyhow::Result<Result<Who, Refusal>> {
        let claims = match (&self.token, &self.claims) {
            (Some(path), _) => {
                let text = read(path)?;
                let token = match UnverifiedToken::parse(text.trim()) {
                    Ok(token) => token,
                    Err(code) => return Ok(Err(code.into())),
                };
                token.unverified_claims().clone()
            }
            (None, Some(path)) => serde_json::from_str::<Map<String, Value>>(&read(path)?)
                .with_context(|| format!("`{}` holds no JSON object", path.display()))?,
            (None, None) => return self.holder(maps).map(Ok),
        };
        let Ok(issuers) = IssuerSettings::read_all(layers) else {
            bail!("the issuers cannot be read; `hallpass check` says why");
        };
        let named = claims.get("iss").and_then(Value::as_str);
        let is_it = |issuer: &&IssuerSettings| match (&self.issuer, named) {
            (Some(name), _) => issuer.name == *name,
            (None, Some(iss)) => issuer.issuer == iss || issuer.issuer_aliases.contains(iss),
            (None, None) => issuers.len() == 1,
        };
        let Some(issuer) = issuers.iter().find(is_it) else {
            bail!("no configured issuer has the `iss` of these claims; `--issuer NAME` names one");
        };
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Who::read(&issuer.name, &subject, &Arc::new(claims), &issuer.roles))
    }

    /// Somebody with the roles that were named.
    fn holder(&self, maps: &JudgedMaps) -> anyhow::Result<Who> {
        let mut idp_roles: BTreeSet<String> = self.idp_role.iter().cloned().collect();
        let mut issuers = maps.issuers.clone();
        for name in &self.role {
            let Some(given) = maps.policy.given_by(name) else {
                let near = maps.policy.names().map(RoleName::as_str);
                let near = did_you_mean(name.as_str(), near)
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                bail!("there is no role `{name}` in the maps{near}");
            };
            let Some(idp_role) = given.idp_roles.first() else {
                bail!("role `{name}` is there to be inherited from: nobody holds it");
            };
            idp_roles.insert(idp_role.clone());
            issuers.retain(|issuer| given.issuers.contains(issuer));
        }
        let issuer = match (&self.issuer, issuers.first(), issuers.len()) {
            (Some(issuer), ..) if maps.issuers.contains(issuer) => issuer,
            (Some(issuer), ..) => bail!("issuer `{issuer}` is not configured"),
            (None, Some(only), 1) => only,
            (None, None, _) => bail!("no issuer gives these roles together"),
            (None, ..) => bail!("several issuers give these roles; `--issuer NAME` names one"),
        };
        let mut claims: Map<String, Value> = self.claim.iter().cloned().collect();
        claims.entry("sub").or_insert_with(|| self.subject.as_str().into());
        Ok(Who {
            issuer: issuer.clone(),
            subject: self.subject.clone(),
            idp_roles,
            claims: Arc::new(claims),
        })
    }
}

fn read(path: &PathBuf) -> anyhow::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
    }
    Ok(text)
}

fn verdict(explanation: &Explanation) -> Exit {
    let all = explanation.answers.iter().all(|answer| answer.can);
    if explanation.refused.is_none() && all { Exit::Yes } else { Exit::No }
}

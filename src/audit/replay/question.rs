//! A recorded decision as a question that can be asked again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    hidden::Hidden,
    read::{Data, absent, wrong},
};
use crate::{
    claim_path::ClaimPath,
    connection::Connection,
    credential::Wish,
    identity::Who,
    names::{AccountName, DecisionId, RoleName},
    policy::{Entitled, Facts, Listed},
};

/// The version of what events say that is read here.
const SCHEMA: &str = "urn:hallpass:audit:1";

/// Why an event cannot be read. Holds no claim value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub(super) String);

/// What an event is to maps.
pub enum Taken {
    /// A decision by the maps.
    Question(Box<Question>),
    /// A decision that did not come to the maps, such as on a bad token: none of theirs.
    NotByMaps,
    /// The second event of a decision that was granted and then withheld: the first counts.
    Correction,
    /// Something else than a decision.
    Other,
}

/// A decision by the maps: who asked what, and what was said.
pub struct Question {
    /// Its id.
    pub decision: DecisionId,
    /// The connection's user name, or what stands for it.
    pub user: String,
    /// Who it was, as far as the event says.
    pub who: Who,
    /// What was true then.
    pub facts: Facts,
    /// What was decided.
    pub was: Was,
    /// The roles that counted.
    pub roles: Vec<RoleName>,
    /// The digest of the maps that decided.
    pub maps: String,
    /// The hallpass that decided.
    pub version: String,
    /// What the event does not say.
    pub(super) hidden: Hidden,
}

/// What was decided.
#[derive(Debug)]
pub enum Was {
    /// In.
    Granted(Granted),
    /// Out, by a code, which may be one that only another version knows.
    Refused(String),
}

/// What was granted.
#[derive(Debug)]
pub struct Granted {
    /// The account.
    pub account: AccountName,
    /// What was allowed; `None` where not all of it is told.
    pub entitled: Option<Entitled>,
}

impl Taken {
    /// Reads an event.
    ///
    /// # Errors
    /// Where it is a decision that does not say what decisions say.
    pub fn read(event: &Value) -> Result<Self, Unreadable> {
        if event.get("type").and_then(Value::as_str) != Some("hallpass.decision") {
            return Ok(Self::Other);
        }
        if event.get("dataschema").and_then(Value::as_str) != Some(SCHEMA) {
            return Err(Unreadable(format!("its `dataschema` is not `{SCHEMA}`")));
        }
        let data = Data(event.get("data").ok_or_else(|| absent(""))?);
        let outcome = data.text("/outcome")?.ok_or_else(|| absent("/outcome"))?;
        if data.flag("/correction")? {
            return Ok(Self::Correction);
        }
        match outcome {
            "granted" | "refused" if data.at("/decided_at").is_some() => {
                Ok(Self::Question(Box::new(question(data, outcome)?)))
            }
            "granted" => Err(absent("/decided_at")),
            "refused" | "undecided" => Ok(Self::NotByMaps),
            _ => Err(wrong("/outcome", "an outcome of decisions")),
        }
    }
}

fn question(data: Data<'_>, outcome: &str) -> Result<Question, Unreadable> {
    let issuer = data.needed("/identity/issuer", "the name of an issuer")?;
    let subject = data.text("/identity/subject")?;
    let idp_roles = data.texts("/identity/idp_roles")?;
    let claims = claims(data)?;
    let hidden = Hidden::read(data, claims.keys().cloned().collect())?;
    let user = match (data.text("/identity/user_name")?, subject) {
        (Some(user), _) => user.to_owned(),
        (None, Some(subject)) => format!("{issuer}:{subject}"),
        (None, None) => format!("{issuer}:(left out)"),
    };
    let who = Who {
        issuer,
        subject: subject.unwrap_or_default().to_owned(),
        idp_roles: idp_roles.into_iter().flatten().map(str::to_owned).collect(),
        claims: Arc::new(rebuilt(&claims, &hidden)?),
    };
    let facts = facts(data, hidden.hides_source())?;
    let was = match outcome {
        "granted" => Was::Granted(granted(data, &hidden)?),
        _ => Was::Refused(data.text("/code")?.ok_or_else(|| absent("/code"))?.to_owned()),
    };
    Ok(Question {
        decision: data.needed("/decision", "the id of a decision")?,
        user,
        who,
        facts,
        was,
        roles: data.list("/roles", "a list of roles")?.unwrap_or_default(),
        maps: data.text("/hallpass/maps")?.ok_or_else(|| absent("/hallpass/maps"))?.to_owned(),
        version: data.text("/hallpass/version")?.unwrap_or("unknown").to_owned(),
        hidden,
    })
}

fn facts(data: Data<'_>, hides_source: bool) -> Result<Facts, Unreadable> {
    let roles = data.list::<RoleName>("/wish/roles", "a list of roles")?;
    // A pseudonym is no address; nobody is asked to take it for one.
    let source = if hides_source { None } else { data.parsed("/connection/source", "an address")? };
    if data.at("/connection").is_none() {
        return Err(absent("/connection"));
    }
    Ok(Facts {
        now: time(data, "/decided_at")?,
        expires_at: time(data, "/credential/expires_at")?,
        wish: Wish {
            account: data.parsed("/wish/account", "the name of an account")?,
            roles: roles.map(|roles| roles.into_iter().collect::<BTreeSet<_>>()),
        },
        connection: Connection {
            kind: data.parsed("/connection/type", "a connection type")?,
            source,
            certificate: data.flag("/connection/certificate")?,
            attested: data.flag("/connection/attested")?,
        },
    })
}

fn time(data: Data<'_>, pointer: &'static str) -> Result<Timestamp, Unreadable> {
    data.needed(pointer, "a time")
}

/// No JSON that was read is deeper.
const DEEPEST: usize = 128;

/// The recorded claims by their paths.
fn claims<'a>(data: Data<'a>) -> Result<BTreeMap<ClaimPath, &'a Value>, Unreadable> {
    let read = |value: &'a Value| {
        let paths = value.as_object()?.iter();
        let read = |(path, value): (&String, &'a Value)| {
            let path = ClaimPath::from_text(path).ok()?;
            (path.keys().len() <= DEEPEST).then_some((path, value))
        };
        paths.map(read).collect()
    };
    Ok(data.of("/identity/claims", "claims by their paths", read)?.unwrap_or_default())
}

/// Claims that have these values at these paths, and nothing else.
fn rebuilt(
    claims: &BTreeMap<ClaimPath, &Value>,
    hidden: &Hidden,
) -> Result<Map<String, Value>, Unreadable> {
    let mut all = Map::new();
    // A path comes before those within it: what is put into what stands there already is there.
    for (path, value) in claims.iter().filter(|(path, _)| !hidden.is_blinded(path)) {
        put(&mut all, path.keys(), value)
            .ok_or_else(|| wrong("/identity/claims", "what one token can have"))?;
    }
    Ok(all)
}

fn put(claims: &mut Map<String, Value>, path: &[String], value: &Value) -> Option<()> {
    let (key, rest) = path.split_first()?;
    if rest.is_empty() {
        // What stands there came by another path, and must be the same.
        let there = claims.entry(key).or_insert_with(|| value.clone());
        return (there == value).then_some(());
    }
    let below = claims.entry(key).or_insert_with(|| Map::new().into());
    put(below.as_object_mut()?, rest, value)
}

fn granted(data: Data<'_>, hidden: &Hidden) -> Result<Granted, Unreadable> {
    let account = data.needed("/grant/account", "the name of an account")?;
    let ends_at = time(data, "/grant/ends_at")?;
    let responses = match data.at("/grant/responses") {
        None => None,
        Some(_) => {
            let max = data.number("/grant/responses/max")?;
            let max = max.and_then(|max| u32::try_from(max).ok());
            let expires = data.number("/grant/responses/expires_ms")?;
            let both = max.zip(expires).ok_or_else(|| absent("/grant/responses/max"))?;
            Some((both.0, Duration::from_millis(both.1)))
        }
    };
    let omitted = data.number("/grant/permissions_omitted")?.unwrap_or(0);
    let publish =
        side(data, hidden, ["/grant/publish", "/grant/publish/allow", "/grant/publish/deny"])?;
    let subscribe = side(
        data,
        hidden,
        ["/grant/subscribe", "/grant/subscribe/allow", "/grant/subscribe/deny"],
    )?;
    let entitled = publish
        .zip(subscribe)
        .filter(|_| omitted == 0)
        .map(|(publish, subscribe)| Entitled { publish, subscribe, responses, ends_at });
    Ok(Granted { account, entitled })
}

/// `None` where it is left out, or some of it is a pseudonym.
fn side(
    data: Data<'_>,
    hidden: &Hidden,
    [whole, allow, deny]: [&'static str; 3],
) -> Result<Option<Listed>, Unreadable> {
    match data.at(whole) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(Listed::default())),
        Some(_) => {}
    }
    let list = |pointer: &'static str| data.texts(pointer)?.ok_or_else(|| absent(pointer));
    let (allowed, denied) = (list(allow)?, list(deny)?);
    if allowed.iter().chain(&denied).any(|it| hidden.is_pseudonym(it)) {
        return Ok(None);
    }
    let read = |pointer| data.list(pointer, "a list of subjects");
    let (allow, deny) = (read(allow)?.unwrap_or_default(), read(deny)?.unwrap_or_default());
    Ok(Some(Listed { allow, deny }))
}

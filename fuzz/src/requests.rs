//! What must be true of requests that are answered, and of wishes that are granted.

use std::sync::LazyLock;

use hallpass::{
    callout::request::{EXPIRY_LEEWAY, Expectations, verify},
    credential::{self, ENVELOPE, UserName, Wish},
    names::UserNkey,
};
use nkeys::XKey;
use url::form_urlencoded::Serializer;

use super::parties::{NOW, base64url, callout_issuer, now, server, unsigned};

/// What a wish begins with.
const WISH: &str = "hallpass-want:";

/// What an answered request says. Of the members that nobody reads, serde_json looks at the form
/// only: a text in them need not be UTF-8, so the whole is not always a [`serde_json::Value`].
#[derive(serde::Deserialize)]
struct Asked {
    aud: String,
    exp: i64,
    iss: String,
    sub: String,
    nats: AskedOfUs,
}

#[derive(serde::Deserialize)]
struct AskedOfUs {
    server_id: Server,
    user_nkey: String,
}

#[derive(serde::Deserialize)]
struct Server {
    id: String,
}

/// Any bytes as a message, and as what a server signed: it is answered only if it is for us, of
/// the server that signed it, and not over.
pub fn request(data: &[u8]) -> bool {
    static PLAIN: LazyLock<Expectations> = LazyLock::new(|| Expectations {
        issuer: callout_issuer().to_owned(),
        xkey: None,
        servers: None,
    });
    static SEALED: LazyLock<Expectations> = LazyLock::new(|| {
        let xkey = Some(XKey::new_from_raw([6; 32]).into());
        Expectations { xkey, ..PLAIN.clone() }
    });
    static HEADER: LazyLock<String> = LazyLock::new(|| XKey::new_from_raw([7; 32]).public_key());

    // Nobody but who has the curve keys can seal, and nobody here signs a whole message.
    assert!(verify(data, Some(&HEADER), &SEALED, now()).is_err());
    assert!(verify(data, std::str::from_utf8(data).ok(), &SEALED, now()).is_err());
    assert!(verify(data, None, &PLAIN, now()).is_err());

    let text = unsigned(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#, data);
    let forged = format!("{text}.{}", base64url([1; 64]));
    assert!(verify(forged.as_bytes(), None, &PLAIN, now()).is_err());
    let signature = server().sign(text.as_bytes()).expect("a seed");
    let message = format!("{text}.{}", base64url(signature));
    assert!(verify(message.as_bytes(), Some(&HEADER), &SEALED, now()).is_err());
    let Ok(request) = verify(message.as_bytes(), None, &PLAIN, now()) else { return false };

    let claims: Asked = serde_json::from_slice(data).expect("a request");
    assert_eq!(claims.aud, "nats-authorization-request");
    assert_eq!(claims.iss, server().public_key());
    assert_eq!(claims.sub, callout_issuer());
    assert_eq!(request.server_id().as_str(), server().public_key());
    assert_eq!(claims.nats.server_id.id, server().public_key());
    let nkey = claims.nats.user_nkey.parse::<UserNkey>().expect("a user's key");
    assert!(*request.user_nkey() == nkey);
    assert!(request.reply_key().is_none());
    let until = claims.exp + EXPIRY_LEEWAY.as_secs().cast_signed();
    assert!(until >= NOW);
    assert_eq!(request.answerable_until().as_second(), until);
    let _ = (request.skew(now()), request.is_unguarded_leafnode());
    let found = |certificate| credential::find(request.connect(), certificate);
    if let Ok(credential) = found(false) {
        assert!(credential.unverified_token.is_some());
    }
    if let Ok(credential) = found(true) {
        assert_eq!(found(false).is_ok(), credential.unverified_token.is_some());
    }
    true
}

/// Any text as a user name: what is meant for hallpass asks for less, or is refused; whether it
/// asks for less.
pub fn wish(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let read = match UserName::of(text) {
        Ok(UserName::Wish(wish)) => Ok(wish),
        Ok(UserName::UnverifiedEnvelope(envelope)) => {
            assert!(envelope == text && text.starts_with(ENVELOPE));
            return false;
        }
        Err(code) => Err(code),
    };
    let meant = text.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("hallpass-"));
    let Ok(wish) = read else {
        assert!(meant, "a name that is none of our concern");
        return false;
    };
    assert_eq!(meant, wish != Wish::default(), "a slip that means everything");
    if !meant {
        return false;
    }
    assert!(text.starts_with(WISH));
    assert!(wish.roles.as_ref().is_none_or(|roles| !roles.is_empty()));
    // Written down, it is the same wish.
    let mut form = Serializer::for_suffix(WISH.to_owned(), WISH.len());
    if let Some(account) = &wish.account {
        form.append_pair("account", account.as_str());
    }
    for role in wish.roles.iter().flatten() {
        form.append_pair("role", role.as_str());
    }
    assert_eq!(UserName::of(&form.finish()), Ok(UserName::Wish(wish)));
    true
}

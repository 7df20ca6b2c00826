use std::sync::Arc;

use super::*;
use crate::{
    code::Code::*,
    idp::KeySet,
    testkit::{TokenBuilder, a_token, an_issuer, es256, key_set, other_es256, rsa},
};

fn issuers(settings: IssuerSettings, keys: KeySet) -> (Issuers, Arc<IssuerKeys>) {
    let keys = Arc::new(IssuerKeys::fixed(Arc::new(settings), keys));
    (Issuers::new([Arc::clone(&keys)], Vec::new()), keys)
}

/// A token that is good at the time of the test's run.
fn fresh() -> TokenBuilder {
    let now = Timestamp::now().as_second();
    a_token().with("iat", now).with("exp", now + 3600)
}

async fn code(issuers: &Issuers, text: &str) -> Option<Code> {
    issuers.authentic(text).await.err().map(|refusal| refusal.code)
}

fn remembered(issuers: &Issuers, text: &str) -> bool {
    issuers.verified.contains_key(&<[u8; 32]>::from(Sha256::digest(text)))
}

#[tokio::test]
async fn a_verified_token_is_not_verified_again() {
    let (issuers, _) = issuers(an_issuer(), key_set(&[es256()]));
    let text = fresh().text();
    assert!(!remembered(&issuers, &text));
    assert_eq!(code(&issuers, &text).await, None);
    assert!(remembered(&issuers, &text));
    // What is remembered under a text is taken without a look at the text.
    let signed = issuers.signed(&text).await.unwrap();
    issuers.verified.insert(Sha256::digest("no token").into(), signed);
    assert_eq!(code(&issuers, "no token").await, None);
}

#[tokio::test]
async fn only_tokens_whose_signature_holds_are_remembered() {
    let (issuers, _) = issuers(an_issuer(), key_set(&[es256()]));
    let forged = fresh().secretly_by(other_es256()).text();
    assert_eq!(code(&issuers, &forged).await, Some(SignatureInvalid));
    assert!(!remembered(&issuers, &forged));
    // Another text is another token, however alike.
    let text = fresh().text();
    assert_eq!(code(&issuers, &text).await, None);
    let (unsigned, signature) = text.rsplit_once('.').unwrap();
    let other = format!("{unsigned}.{}", &signature[1..]);
    assert!(code(&issuers, &other).await.is_some());
}

#[tokio::test]
async fn what_is_remembered_goes_with_its_key() {
    let (issuers, keys) = issuers(an_issuer(), key_set(&[es256()]));
    let text = fresh().text();
    assert_eq!(code(&issuers, &text).await, None);
    // The same key, published again.
    keys.replace(key_set(&[es256(), rsa()]));
    assert_eq!(code(&issuers, &text).await, None);
    // Another key of the same name.
    keys.replace(key_set(&[other_es256()]));
    assert_eq!(code(&issuers, &text).await, Some(SignatureInvalid));
    assert!(!remembered(&issuers, &text));
    keys.replace(key_set(&[rsa()]));
    assert_eq!(code(&issuers, &text).await, Some(KeyUnknown));
}

#[tokio::test]
async fn what_is_remembered_goes_at_its_end() {
    let (issuers, _) = issuers(an_issuer(), key_set(&[es256()]));
    let expired = fresh().with("exp", Timestamp::now().as_second() - 1).text();
    assert_eq!(code(&issuers, &expired).await, None, "authentic; judged elsewhere");
    assert!(!remembered(&issuers, &expired));
    let odd = fresh().without("exp").text();
    assert_eq!(code(&issuers, &odd).await, None);
    let authentic = issuers.authentic(&odd).await.unwrap();
    let judged = authentic.token.judge(authentic.issuer(), Timestamp::now(), None);
    assert_eq!(judged.unwrap_err().code, ExpiryAbsent);
}

/// The entry itself goes, and not only its use: nobody else would make room for it.
#[tokio::test]
async fn what_was_remembered_before_its_end_is_gone_after_it() {
    let (issuers, _) = issuers(an_issuer(), key_set(&[es256()]));
    let text = loop {
        let end = Timestamp::now().as_second() + 2;
        let text = fresh().with("exp", end).text();
        assert_eq!(code(&issuers, &text).await, None);
        let remembered = remembered(&issuers, &text);
        // On a machine that stood still meanwhile it says nothing.
        if Timestamp::now().as_second() < end {
            assert!(remembered);
            break text;
        }
    };
    let lasting = fresh().text();
    assert_eq!(code(&issuers, &lasting).await, None);
    let gone = async {
        loop {
            issuers.verified.run_pending_tasks();
            if !remembered(&issuers, &text) && issuers.verified.entry_count() == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it goes at its end");
    assert!(remembered(&issuers, &lasting), "only that one");
}

/// Room is measured in bytes of text: who has many roles takes more of it.
#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let sizes = |issuers: &Issuers| {
        issuers.verified.run_pending_tasks();
        (issuers.verified.entry_count(), issuers.verified.weighted_size())
    };
    let token = |index: usize| fresh().with("jti", format!("{index:04}")).text();
    let size = u64::try_from(token(0).len()).unwrap();
    let keys = Arc::new(IssuerKeys::fixed(Arc::new(an_issuer()), key_set(&[es256()])));
    let issuers = Issuers::remembering(size * 3, [keys], Vec::new());
    for index in 0..3 {
        assert_eq!(code(&issuers, &token(index)).await, None);
    }
    assert_eq!(sizes(&issuers), (3, size * 3));
    for index in 3..50 {
        let text = token(index);
        assert_eq!(code(&issuers, &text).await, None, "without room it is verified all the same");
        let (count, bytes) = sizes(&issuers);
        assert!(count <= 3 && bytes <= size * 3, "{count} tokens, {bytes} bytes");
    }
    let large = fresh().with("jti", "x".repeat(usize::try_from(size).unwrap() * 3)).text();
    assert_eq!(code(&issuers, &large).await, None);
    assert!(sizes(&issuers).1 <= size * 3 && !remembered(&issuers, &large));
}

/// Time, audience and binding are judged of a remembered token as of any other.
#[tokio::test]
async fn what_is_remembered_is_judged_each_time() {
    let (issuers, _) = issuers(an_issuer(), key_set(&[es256()]));
    let text = fresh().with("cnf", serde_json::json!({ "x5t#S256": "x" })).text();
    for _ in 0..2 {
        let authentic = issuers.authentic(&text).await.unwrap();
        let judge = |now| authentic.token.judge(authentic.issuer(), now, None).unwrap_err().code;
        assert_eq!(judge(Timestamp::now()), BindingCertificateMissing);
        let later = Timestamp::now() + std::time::Duration::from_secs(4000);
        assert_eq!(judge(later), TokenExpired);
    }
}

/// Other settings are other issuers: nothing verified under the old ones counts.
#[tokio::test]
async fn other_settings_remember_nothing() {
    let text = fresh().text();
    let (before, _) = issuers(an_issuer(), key_set(&[es256()]));
    assert_eq!(code(&before, &text).await, None);
    let mut settings = an_issuer();
    settings.algorithms = vec![jsonwebtoken::Algorithm::RS256];
    let (after, _) = issuers(settings, key_set(&[es256()]));
    assert_eq!(code(&after, &text).await, Some(AlgorithmNotAllowed));
}

#[tokio::test]
async fn the_exact_iss_picks_the_issuer_and_no_other_is_tried() {
    let mut partner = an_issuer();
    partner.name = "partner".parse().unwrap();
    partner.issuer = "https://partner.example".to_owned();
    let corp = Arc::new(IssuerKeys::fixed(Arc::new(an_issuer()), key_set(&[es256()])));
    // A key of the same `kid`, of another issuer.
    let partner = Arc::new(IssuerKeys::fixed(Arc::new(partner), key_set(&[other_es256()])));
    let issuers = Issuers::new([corp, partner], Vec::new());
    let ours = fresh().text();
    assert_eq!(issuers.authentic(&ours).await.unwrap().issuer().name.as_str(), "corp");
    let theirs = fresh().with("iss", "https://partner.example");
    let good = theirs.clone().secretly_by(other_es256()).text();
    assert_eq!(issuers.authentic(&good).await.unwrap().issuer().name.as_str(), "partner");
    // Corp's key signs for corp alone, and the partner's for the partner.
    assert_eq!(code(&issuers, &theirs.text()).await, Some(SignatureInvalid));
    let foreign = fresh().secretly_by(other_es256()).text();
    assert_eq!(code(&issuers, &foreign).await, Some(SignatureInvalid));
    let unknown = fresh().with("iss", "https://partner.example/").text();
    let refusal = issuers.authentic(&unknown).await.err().unwrap();
    assert_eq!(refusal.code, IssuerUnknown);
    assert!(refusal.detail.unwrap().contains("`[issuers.partner]` by a trailing slash"));
    assert_eq!(code(&issuers, "opaque").await, Some(TokenMalformed), "nobody is asked");
    assert_eq!(code(&issuers, &"a".repeat(20_000)).await, Some(TokenTooLarge));
}

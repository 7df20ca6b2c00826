use super::*;

#[test]
fn sizes() {
    assert_eq!(refused(""), TokenMalformed);
    for byte in ["x", ".", "e"] {
        assert_eq!(refused(byte), TokenMalformed, "{byte:?}");
    }
    assert_eq!(refused(&"a".repeat(1 << 20)), TokenTooLarge);
    assert_eq!(refused(&"a".repeat(16 * 1024 + 1)), TokenTooLarge);
    assert_eq!(refused(&"a".repeat(16 * 1024)), TokenMalformed);
    let padded = |length| a_token().with("pad", "x".repeat(length)).text();
    let overhead = padded(0).len();
    let largest = padded((16 * 1024 - overhead) / 4 * 3);
    assert!(largest.len() > 16 * 1024 - 8 && largest.len() <= 16 * 1024);
    assert!(verify(&largest).is_ok(), "the bound itself is inside");
}

#[test]
fn parts() {
    let text = a_token().text();
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!() };
    for wrong in [
        "...".to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        text.replace('.', ""),
        format!("{header}.{claims}"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{text}."),
        format!(".{text}"),
        format!("{text}.{signature}"),
        format!("x.{header}.{claims}.{signature}.{signature}"),
    ] {
        assert_eq!(refused(&wrong), TokenMalformed, "{wrong}");
    }
    assert_eq!(refused(&format!("{header}.{claims}.")), SignatureMissing);
    assert_eq!(refused(&format!("Bearer {text}")), TokenEncodingInvalid);
}

#[test]
fn an_encrypted_token_is_named() {
    let header = base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    for jwe in [format!("{header}.AAAA.AAAA.AAAA.AAAA"), format!("{header}....")] {
        assert_eq!(refused(&jwe), TokenEncrypted);
    }
}

#[test]
fn base64url_is_strict_in_every_part() {
    let text = a_token().text();
    let parts: Vec<&str> = text.split('.').collect();
    for index in 0..3 {
        let part = parts[index];
        let middle = part.len() / 2;
        for wrong in [
            format!("{part}="),
            format!("{part}=="),
            format!("{part}\n"),
            format!("\r\n{part}"),
            format!(" {part}"),
            format!("{}\n{}", &part[..middle], &part[middle..]),
            format!("{}!{}", &part[..middle], &part[middle..]),
            format!("{}+{}", &part[..middle], &part[middle + 1..]),
            format!("{}/{}", &part[..middle], &part[middle + 1..]),
            format!("{}\0{}", &part[..middle], &part[middle + 1..]),
            format!("{}é{}", &part[..middle], &part[middle + 2..]),
        ] {
            let mut parts = parts.clone();
            parts[index] = &wrong;
            assert_eq!(refused(&parts.join(".")), TokenEncodingInvalid, "part {index}: {wrong:?}");
        }
    }
}

/// Two texts with one meaning would be one token with two names.
#[test]
fn trailing_bits_are_zero() {
    let text = a_token().text();
    let (unsigned, signature) = text.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(bytes.len() % 3, 1, "64 bytes leave four spare bits");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *signature.as_bytes().last().unwrap();
    let value = alphabet.iter().position(|letter| *letter == last).unwrap();
    assert_eq!(value % 16, 0);
    for spare in 1..16 {
        let twin = char::from(alphabet[value + spare]);
        let forged = format!("{unsigned}.{}{twin}", &signature[..signature.len() - 1]);
        assert_eq!(refused(&forged), TokenEncodingInvalid, "{spare}");
    }
}

#[test]
fn headers() {
    let deep = format!(r#"{{"alg":"ES256","x":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(refused_header(""), TokenMalformed);
    for header in [
        "alg",
        "[]",
        "null",
        "\"ES256\"",
        "{}",
        "{",
        r#"{"alg":["ES256"],"kid":"es"}"#,
        r#"{"alg":null,"kid":"es"}"#,
        r#"{"alg":7,"kid":"es"}"#,
        r#"{"alg":"ES256","kid":1}"#,
        r#"{"alg":"ES256","kid":null}"#,
        r#"{"alg":"ES256","kid":"es","typ":1}"#,
        r#"{"alg":"ES256","kid":"es","typ":null}"#,
        r#"{"alg":"ES256","kid":"es"} "x""#,
        &deep,
    ] {
        assert_eq!(refused_header(header), TokenHeaderInvalid, "{:.60}", header);
    }
    for twice in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"es","kid":"es"}"#,
        r#"{"alg":"ES256","\u0061lg":"ES256"}"#,
    ] {
        assert_eq!(refused_header(twice), TokenHeaderDuplicate, "{twice}");
    }
    let not_utf8 = base64url(b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}");
    assert_eq!(refused(&format!("{not_utf8}.e30.AAAA")), TokenHeaderInvalid);
}

#[test]
fn claims() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let twice =
        |name: &str, value: &str| CLAIMS.replacen('{', &format!("{{\"{name}\":{value},"), 1);
    for claims in ["[]", "null", "{", "alice", &format!("{CLAIMS}{CLAIMS}"), &deep] {
        assert_eq!(refused_claims(claims), TokenClaimsInvalid, "{:.60}", claims);
    }
    for claims in [
        &twice("sub", "\"bob\""),
        &twice("exp", "1900000000"),
        &twice("aud", "\"nats\""),
        &twice("iss", "\"https://idp.example.com\""),
        &twice("roles", "[\"admin\"]"),
        &twice("r\\u006fles", "[\"admin\"]"),
    ] {
        assert_eq!(refused_claims(claims), TokenClaimsDuplicate, "{:.60}", claims);
    }
    let nested = CLAIMS.replace("[]", r#"[{"a":1,"a":2}]"#);
    assert_eq!(refused_claims(&nested), TokenClaimsDuplicate);
    let not_utf8 = base64url(b"{\"iss\":\"\xff\"}");
    let header = base64url(HEADER);
    assert_eq!(refused(&format!("{header}.{not_utf8}.AQAB")), TokenClaimsInvalid);
}

/// The JSON of a token that large is never looked at; without the bound on the size, the
/// bound on the depth would still hold.
#[test]
fn depth_never_reaches_the_stack() {
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(refused(&bearer(HEADER, &deep, es256())), TokenTooLarge);
    assert_eq!(refused(&bearer(&deep, CLAIMS, es256())), TokenTooLarge);
    assert_eq!(strict_json::object(deep.as_bytes()), Err(strict_json::JsonError::Invalid));
}

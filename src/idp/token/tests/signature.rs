use super::*;

#[test]
fn of_another_key() {
    assert_eq!(refused(&a_token().secretly_by(other_es256()).text()), SignatureInvalid);
}

#[test]
fn of_another_token() {
    let (clerk, reader) = (a_token().with_role("clerk"), a_token().with_role("reader"));
    let signature = reader.text().rsplit_once('.').unwrap().1.to_owned();
    assert_eq!(refused(&format!("{}.{signature}", clerk.unsigned())), SignatureInvalid);
    // The header is signed as well.
    let other = a_token().with_role("reader").without_header("typ");
    assert_eq!(refused(&format!("{}.{signature}", other.unsigned())), SignatureInvalid);
}

#[test]
fn shorter_longer_and_of_zeros() {
    for key in [es256(), rsa()] {
        let text = a_token().by(key).text();
        let (unsigned, signature) = text.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signed = |bytes: &[u8]| format!("{unsigned}.{}", base64url(bytes));
        for length in 1..bytes.len() {
            let piece = &bytes[..length];
            // A signature may begin with a zero.
            let zeros = piece.iter().all(|byte| *byte == 0);
            let code = if zeros { SignatureMissing } else { SignatureInvalid };
            assert_eq!(refused(&signed(piece)), code, "{length}");
        }
        assert_eq!(refused(&signed(&[])), SignatureMissing);
        assert_eq!(refused(&signed(&[&bytes[..], &[0]].concat())), SignatureInvalid);
        // For ECDSA, r = s = 0 is the signature that careless verifiers accept.
        assert_eq!(refused(&signed(&vec![0; bytes.len()])), SignatureMissing);
        assert_eq!(refused(&signed(&vec![0xff; bytes.len()])), SignatureInvalid);
    }
}

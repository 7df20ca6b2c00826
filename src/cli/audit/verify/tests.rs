use super::*;

#[test]
fn whom_to_believe_is_named_by_a_public_key_of_a_user() {
    assert!(signer(&KeyPair::new_user().public_key()).is_ok());
    let user = KeyPair::new_user();
    for wrong in [KeyPair::new_account().public_key(), user.seed().unwrap(), "U".to_owned()] {
        assert!(signer(&wrong).is_err());
    }
}

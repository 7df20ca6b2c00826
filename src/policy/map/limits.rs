//! Limits of a user JWT that nats-server ignores for users of a callout: hallpass promises none
//! of them, and says where they are kept.

use crate::document::{Fields, Problem, Problems};

/// What people know from user JWTs, and what to write instead.
const IGNORED: [(&str, &str); 8] = [
    ("subs", "`max_subscriptions` of the server, or `subscriptions` under the account's `limits`"),
    ("payload", "`max_payload` of the server, or `payload` under the account's `limits`"),
    ("data", "the account's `limits`: no limit on the bytes of one user is kept on this path"),
    ("max_subscriptions", "`max_subscriptions` of the server or of the account's `limits`"),
    ("max_payload", "`max_payload` of the server or of the account's `limits`"),
    ("src", "`sources` under `when`: hallpass itself compares the client's address"),
    ("times", "`hours` under `when`"),
    ("allowed_connection_types", "`connection_types` under `when`: hallpass itself compares them"),
];

/// Refuses each of them with its reason.
pub(super) fn refuse(fields: &mut Fields<'_>, problems: &mut Problems) {
    for (key, instead) in IGNORED {
        let Some(node) = fields.refused(key) else { continue };
        problems.add(Problem::error(
            &node.place,
            format!("`{key}` would not be kept: nats-server ignores it for users of a callout"),
            format!("write {instead}"),
        ));
    }
}

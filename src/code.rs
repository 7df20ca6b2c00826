//! The stable codes: what a refusal is called in the audit stream, in hallpass's
//! log and in the server's log. Codes are never renamed; a code that is no longer
//! used is not given a second meaning.
//!
//! Every stage of the token path fails with a [`Code`]: what a login was refused for is known by
//! that and by nothing else, so there is one enum for all of them, which knows each code's stage.

use std::fmt;

/// Which step of the token path gave the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading and verifying the server's request.
    Request,
    /// Finding the proof in CONNECT.
    Credential,
    /// Judging what an edge attests.
    Edge,
    /// Reading the client's certificate.
    Certificate,
    /// Getting the issuer's keys.
    Keys,
    /// Verifying the token.
    Token,
    /// Reading who it is and which roles are held.
    Identity,
    /// Deciding by the subject maps.
    Policy,
    /// Recording the decision.
    Audit,
    /// hallpass itself: too late, too busy.
    Responder,
}

/// Defines [`Code`] so that each code has its text, its stage and its doc in one place.
macro_rules! codes {
    ($($stage:ident { $($variant:ident = $text:literal : $doc:literal,)* })*) => {
        /// Why a login was refused or a request dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc] $variant,)*)* }

        impl Code {
            /// Every code there is, in the order of the token path.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// The code as it appears in audit events and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $text,)*)* }
            }

            /// The step that gives this code.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $($(Self::$variant => Stage::$stage,)*)* }
            }

            /// One sentence for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $($(Self::$variant => $doc,)*)* }
            }
        }
    };
}

codes! {
    Request {
        RequestTooLarge = "request_too_large": "The request is larger than any real one.",
        RequestNotSealed = "request_not_sealed": "An xkey is configured here, but the request came in the clear.",
        RequestUnexpectedlySealed = "request_unexpectedly_sealed": "The request is sealed, but no xkey is configured here.",
        RequestUnreadable = "request_unreadable": "The request cannot be opened or read: not sealed to this key (is `callout.xkey_seed` that of `auth_callout.xkey`?), not a JWT, or not JSON of the expected form.",
        RequestSignature = "request_signature": "The signature of the request does not match the server it names.",
        RequestNotFromServer = "request_not_from_server": "The request's issuer is not the server it speaks for.",
        RequestServerUnknown = "request_server_unknown": "The request names a server that is not in `callout.servers`.",
        RequestXkeyMismatch = "request_xkey_mismatch": "The curve key in the message header is not the one in the signed request.",
        RequestAudience = "request_audience": "The request's audience is not `nats-authorization-request`.",
        RequestOtherIssuer = "request_other_issuer": "The server expects answers signed by another key than `callout.issuer_seed`: its `auth_callout.issuer` is another one.",
        RequestExpired = "request_expired": "The request expired longer ago than the leeway allows.",
        RequestWithoutReply = "request_without_reply": "The message asks for no answer, as no server does.",
        RequestReplayed = "request_replayed": "A request for this user nkey was answered before.",
    }
    Credential {
        CredentialMissing = "credential_missing": "CONNECT carries neither a token nor a password, and no verified certificate came with it.",
        CredentialAmbiguous = "credential_ambiguous": "CONNECT carries a token and a different password.",
        WishMalformed = "wish_malformed": "The user name begins with `hallpass-` and is no wish that can be read, or an edge's envelope holds such a one.",
    }
    Edge {
        EdgeMalformed = "edge_malformed": "The user name is an edge's envelope that cannot be read.",
        EdgeKeyUnknown = "edge_key_unknown": "The edge's envelope names a key that is not in `[edge.keys]`.",
        EdgeForged = "edge_forged": "The MAC of the edge's envelope does not hold: another key made it, or it was changed.",
        EdgeExpired = "edge_expired": "The edge's envelope is older than `edge.max_age`.",
        EdgeNotYetValid = "edge_not_yet_valid": "The edge's envelope was written further in the future than `edge.leeway` allows.",
        EdgeTokenMismatch = "edge_token_mismatch": "The edge's envelope was made for another token than the one that came with it.",
        EdgeAddressUnknown = "edge_address_unknown": "The edge's envelope came from an address that is not in `edge.addresses`.",
        EdgeMissing = "edge_missing": "The token's issuer or a role asks for an edge that attests the connection, and none did.",
    }
    Certificate {
        CertificateUnreadable = "certificate_unreadable": "The client's certificate cannot be read.",
        CertificateIssuerUnknown = "certificate_issuer_unknown": "No issuer is configured for an authority in the certificate's verified chain.",
        CertificateIssuerAmbiguous = "certificate_issuer_ambiguous": "Several issuers are configured for authorities in the certificate's verified chains.",
        CertificateExpired = "certificate_expired": "The certificate is not valid now.",
        CertificateIdentityAbsent = "certificate_identity_absent": "The certificate lacks the name that its issuer's setting `identity` asks for.",
        CertificateIdentityAmbiguous = "certificate_identity_ambiguous": "The certificate has several names of the kind that its issuer's setting `identity` asks for.",
    }
    Token {
        TokenTooLarge = "token_too_large": "The token is larger than 16 KiB.",
        TokenMalformed = "token_malformed": "The token is not a signed JWT in compact form (RFC 7515): three parts with dots between them.",
        TokenEncrypted = "token_encrypted": "The token is encrypted (JWE, RFC 7516); only signed ones are read.",
        TokenNested = "token_nested": "The token holds another token (RFC 7519, section 5.2).",
        TokenEncodingInvalid = "token_encoding_invalid": "A part of the token is not strict base64url: padding, white space, other characters or loose bits.",
        TokenHeaderInvalid = "token_header_invalid": "The token's header is not a JSON object with members of the right types.",
        TokenHeaderDuplicate = "token_header_duplicate": "The token's header has a member twice.",
        AlgorithmNone = "algorithm_none": "The token says that it is not signed (`alg: none`).",
        AlgorithmSymmetric = "algorithm_symmetric": "The token's algorithm is symmetric: who could verify it could have made it.",
        AlgorithmUnknown = "algorithm_unknown": "The token's algorithm is no signature algorithm that is known here.",
        AlgorithmNotAllowed = "algorithm_not_allowed": "The token's algorithm is not in the issuer's allow-list.",
        TokenCritical = "token_critical": "The header demands an extension (`crit`) that is not understood.",
        HeaderKeyForbidden = "header_key_forbidden": "The header brings its own key or says where one is (`jwk`, `jku`, `x5u`, `x5c`), which is never followed.",
        KeyIdInvalid = "key_id_invalid": "The header's `kid` has characters that no key's name has, or is longer than any.",
        SignatureMissing = "signature_missing": "The signature is empty or made of zeros.",
        TokenClaimsInvalid = "token_claims_invalid": "The token's claims are not a JSON object with members of the right types.",
        TokenClaimsDuplicate = "token_claims_duplicate": "The token's claims have a member twice.",
        TokenTypeUnsupported = "token_type_unsupported": "The header's `typ` is not one that the issuer's tokens may have.",
        IssuerUnknown = "issuer_unknown": "The token's `iss` is no configured issuer.",
        SignatureInvalid = "signature_invalid": "The signature does not match the issuer's key.",
        TokenInactive = "token_inactive": "The issuer says that the token is not active (RFC 7662).",
        ExpiryAbsent = "expiry_absent": "The token has no `exp`.",
        TokenTimeInvalid = "token_time_invalid": "`exp`, `nbf` or `iat` is not a whole number of seconds since 1970 within bounds.",
        TokenExpired = "token_expired": "The token's `exp` has passed.",
        TokenNotYetValid = "token_not_yet_valid": "The token's `nbf` lies in the future.",
        TokenIssuedInFuture = "token_issued_in_future": "The token's `iat` lies in the future.",
        TokenLifetimeExceeded = "token_lifetime_exceeded": "The token lives longer than the issuer's tokens may.",
        IssuedAtAbsent = "issued_at_absent": "The token has no `iat`, and the issuer's tokens may only have a certain age.",
        TokenTooOld = "token_too_old": "The token was issued longer ago than the issuer's tokens may.",
        AudienceAbsent = "audience_absent": "The token has no `aud`.",
        AudienceInvalid = "audience_invalid": "The token's `aud` is neither a string nor a list of strings.",
        AudienceMismatch = "audience_mismatch": "None of the token's audiences is one of the issuer's configured audiences.",
        TokenIsIdToken = "token_is_id_token": "The token is an ID token, which tells an application who signed in; an access token is due.",
        TokenIsRefreshToken = "token_is_refresh_token": "The token is a refresh token, which is for its issuer alone.",
        RequiredClaimAbsent = "required_claim_absent": "A claim that the issuer's tokens must have is absent.",
        RequiredClaimMismatch = "required_claim_mismatch": "A claim that the issuer's tokens must have has another value.",
        SubjectAbsent = "subject_absent": "The token has no `sub` that is a string.",
        SubjectPrefixMismatch = "subject_prefix_mismatch": "The token's `sub` does not begin as the issuer's subjects do.",
        BindingAbsent = "binding_absent": "The token is bound to no certificate, and the issuer's tokens must be.",
        BindingUnsupported = "binding_unsupported": "The token is bound (`cnf`) in a way that cannot be checked here.",
        BindingCertificateMissing = "binding_certificate_missing": "The token is bound to a certificate (RFC 8705), and none was presented that the server verified.",
        BindingMismatch = "binding_mismatch": "The token is bound to another certificate than the one presented (RFC 8705).",
    }
    Keys {
        KeyUnknown = "key_unknown": "The issuer publishes no key that the token's `kid` names, or more than one that fits a token without.",
        KeyAlgorithmMismatch = "key_algorithm_mismatch": "The key that the token's `kid` names is not one for the token's algorithm.",
        KeyTooWeak = "key_too_weak": "The key that the token's `kid` names is an RSA key under 2048 bits or with a weak exponent.",
        KeysUnavailable = "keys_unavailable": "The issuer's keys could not be fetched yet.",
        KeysStale = "keys_stale": "The issuer's keys are older than `max_key_age` and could not be fetched anew.",
        IntrospectionUnavailable = "introspection_unavailable": "The issuer could not be asked about the token, or its answer could not be used.",
    }
    Identity {
        SubjectUnusable = "subject_unusable": "The token's `sub` is empty, too long or has control characters.",
        RolesClaimAbsent = "roles_claim_absent": "The claim that holds the roles is not in the token.",
        RolesClaimOverage = "roles_claim_overage": "The issuer left the roles out of the token, because they were too many (`_claim_names`, OpenID Connect Core 5.6.2).",
        RolesClaimUnreadable = "roles_claim_unreadable": "The claim that holds the roles is not of the form that `roles_form` says.",
    }
    Policy {
        RolesClaimEmpty = "roles_claim_empty": "The claim that holds the roles is there, and there is no role in it.",
        NoRole = "no_role": "No role of the subject maps is held.",
        ConditionUnmet = "condition_unmet": "A role would be held, but a condition of it is not met.",
        RoleNotHeld = "role_not_held": "The user name asks for a role that is not held.",
        AccountNotHeld = "account_not_held": "The user name asks for an account in which no role is held.",
        AccountAmbiguous = "account_ambiguous": "Roles of several accounts are held; one connection has one account.",
        ClaimAbsent = "claim_absent": "A claim that a subject needs is not in the token.",
        ClaimUnusable = "claim_unusable": "A claim that a subject needs is not exactly one legal subject token.",
        ClaimTooMany = "claim_too_many": "A claim that a subject needs has more values than the subject map allows.",
        PermissionsTooMany = "permissions_too_many": "The roles that are held make more permissions than one session may have.",
        ResponsesUnbounded = "responses_unbounded": "With `allow_responses`, somebody who may publish what they also receive could answer themselves, on any subject.",
        LeafnodeUnguarded = "leafnode_unguarded": "A leaf node asks through a nats-server that does not hold leaf nodes to their publish permissions.",
        SessionTooShort = "session_too_short": "The session would end in the second it begins.",
    }
    Audit {
        AuditUnavailable = "audit_unavailable": "The decision could not be recorded in time, so the grant was withheld.",
    }
    Responder {
        DeadlineExceeded = "deadline_exceeded": "The decision was not ready within the deadline.",
        Overloaded = "overloaded": "More logins were waiting than `callout.max_in_flight` allows.",
        InternalError = "internal_error": "hallpass failed in a way that it should not; its log says how.",
    }
}

impl Code {
    /// Whether the same login might succeed a moment later without anybody changing anything:
    /// the decision was not about the identity at all.
    #[must_use]
    pub const fn is_undecided(self) -> bool {
        matches!(
            self,
            Self::KeysUnavailable
                | Self::KeysStale
                | Self::IntrospectionUnavailable
                | Self::AuditUnavailable
                | Self::DeadlineExceeded
                | Self::Overloaded
                | Self::InternalError
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Code {}

/// A refusal: the code, and a sentence where the code alone does not say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// A sentence without claim values.
    pub detail: Option<String>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, detail: None }
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_snake_case_words() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for text in texts {
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{text}");
        }
    }
}

//! The auth callout: the server's request, our response and what the server tells beside them
//! (pure), and the subscription that joins them.

pub mod advisory;
pub mod connz;
mod replay;
pub mod request;
pub mod responder;
pub mod response;
mod skew;
mod xkey;

/// The subject on which nats-server asks.
pub const SUBJECT: &str = "$SYS.REQ.USER.AUTH";
/// The header that carries the server's curve key where requests are sealed.
pub const XKEY_HEADER: &str = "Nats-Server-Xkey";

pub use replay::ReplayGuard;
pub use skew::SkewWatch;

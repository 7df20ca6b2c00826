//! What becomes of logins when a part fails: the rows of `docs/when-parts-fail.md`.

mod break_glass;
mod clocks;
mod hallpass;
mod idp;
mod jetstream;
mod nats;
mod proxy;
mod staying;
mod table;

//! Subject maps: from the files people write to what an identity may do.

mod compile;
mod decide;
mod grants;
mod map;
mod responses;
mod store;
mod template;

pub use compile::{Boundaries, PolicySet, RuleRef};
pub use decide::{Decision, Facts, Grant, Outcome, Responses, Side, decide};
pub use store::load;

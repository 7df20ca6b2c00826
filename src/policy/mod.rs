//! Subject maps: from the files people write to what an identity may do.

mod can;
mod compile;
mod condition;
mod decide;
mod decision;
mod depth;
mod groups;
mod hours;
mod idp_role;
mod map;
mod responses;
mod store;
mod template;

pub use can::{Question, QuestionError, Verdict};
pub use compile::{Boundaries, PolicySet, RuleRef};
pub use decide::{Facts, decide, suppose};
pub use decision::{
    Decision, EndedBy, Entitlement, GivenRole, Grant, Outcome, Permissions, Reasons, Side,
    Supposition, UnmetRole,
};
pub use map::Responses;
pub use store::load;

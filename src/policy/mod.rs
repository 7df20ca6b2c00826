//! Subject maps: from the files people write to what an identity may do.

mod can;
mod compile;
mod condition;
mod decide;
mod decision;
mod depth;
mod diff;
mod hours;
mod idp_role;
mod map;
mod responses;
mod review;
mod store;
mod template;

pub use can::{Question, QuestionError, Verdict};
pub use compile::{Boundaries, PolicySet, RuleRef};
pub use decide::{Facts, decide, suppose};
pub use decision::{
    Decision, EndedBy, Entitlement, GivenRole, Grant, Outcome, Permissions, Reasons, Side,
    Supposition, UnmetRole,
};
pub use diff::{Aspect, Change, Effect, Fate, PolicyDiff, RoleDiff, Version};
pub use map::Responses;
pub use review::{Filter, Reviewable, Reviewed, review};
pub use store::{MapText, is_map, load, load_texts};

//! Subject maps: from the files people write to what an identity may do.

mod can;
mod cases;
mod compile;
mod condition;
mod decide;
mod decision;
mod depth;
mod diff;
mod explain;
mod grants;
mod groups;
mod hours;
mod idp_role;
mod in_force;
mod load;
mod map;
mod needs;
mod notes;
mod responses;
mod review;
mod store;
mod template;

pub use can::{Question, QuestionError, Verdict};
pub use cases::Case;
pub use compile::{Boundaries, GivenBy, PolicySet, RuleRef};
pub use decide::{Facts, decide, suppose};
pub use decision::{
    Decision, EndedBy, Entitlement, GivenRole, Grant, Outcome, Permissions, Reasons, Side,
    Supposition, UnmetRole,
};
pub use diff::{
    Aspect, Change, DiffSide, Difference, Effect, Entitled, Fate, Listed, PolicyDiff, RoleDiff,
};
pub use explain::{
    Answer, ExplainedGrant, ExplainedPermission, ExplainedRefusal, ExplainedRole, ExplainedSide,
    ExplainedSource, ExplainedValue, Explanation, explain,
};
pub use in_force::InForce;
pub use load::{Sources, Taken, Version, is_map, judge};
pub use map::Responses;
pub use needs::Needs;
pub use review::{Filter, Reviewable, Reviewed, Said, review};
pub use store::{find_bounded, load, load_version, read};

use map::LONGEST_SESSION;

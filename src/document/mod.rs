//! The files people write (`hallpass.toml`, subject maps), with the place of every value,
//! so that every problem can be shown where it stands and all of them at once.

mod claim;
mod fields;
mod node;
mod problem;
mod redact;
mod suggest;

pub use claim::claim_path;
pub use fields::{Fields, as_written, parse_at};
pub use node::{Kind, Node, parse};
pub use problem::{Place, Problem, Problems, Severity, Source};
pub use suggest::did_you_mean;

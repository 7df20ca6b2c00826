//! What size costs: maps with 10,000 roles and 100,000 rules, loaded; and a decision with as many
//! roles known beside one with ten, in turns.
//!
//! It prints; it fails nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on should stop, and printing is all it does"
)]

use std::{collections::BTreeSet, fmt::Write as _, hint::black_box, path::Path, time::Instant};

use hallpass::{
    connection::Connection,
    document::Problems,
    identity::Who,
    policy::{self, Boundaries, Facts, PolicySet},
};
use jiff::{SignedDuration, Timestamp};

const COMMAND: &str = "cargo bench --locked --bench maps";
const ROUNDS: usize = 15;
/// Decisions a round.
const EACH: usize = 5000;
const ROLES: usize = 10_000;
const FILES: usize = 100;

/// Maps with so many roles of ten rules each, the first three of them with known names.
fn write(directory: &Path, roles: usize) {
    let files = FILES.min(roles);
    for file in 0..files {
        let mut text = "account = \"APP\"\n[claims]\ntenant = \"tenant_id\"\n".to_owned();
        for role in (0..roles).filter(|role| role % files == file) {
            let base = format!("r{role}.{{tenant}}");
            write!(
                text,
                "[roles.role-{role}]\nidp_roles = [\"idp-{role}\", \"group-{role}/*\"]\n\
                 publish = [\"{base}.a\", \"{base}.b\", \"{base}.c\", \"r{role}.log\"]\n\
                 subscribe = [\"{base}.x\", \"{base}.y.*\", \"{base}.z.> workers\"]\n\
                 deny_publish = [\"{base}.a.no\"]\ndeny_subscribe = [\"{base}.x.no\", \"{base}.z.no\"]\n\
                 session = \"1h\"\n"
            )
            .unwrap();
        }
        std::fs::write(directory.join(format!("{file:03}.toml")), text).unwrap();
    }
}

fn load(directory: &Path) -> PolicySet {
    let boundaries = Boundaries {
        accounts: Some(["APP".parse().unwrap()].into()),
        issuers: Some(["corp".parse().unwrap()].into()),
        bounds: Some(Vec::new()),
        edge: false,
    };
    let mut problems = Problems::default();
    policy::load(directory, &boundaries, &mut problems).unwrap_or_else(|| panic!("{problems}"))
}

/// Microseconds for each decision about somebody who holds three roles.
fn decide(set: &PolicySet, who: &Who, facts: &Facts) -> f64 {
    let begin = Instant::now();
    for _ in 0..EACH {
        let supposed = policy::suppose(black_box(set), black_box(who), facts);
        assert!(black_box(supposed).outcome.is_ok());
    }
    begin.elapsed().as_secs_f64() * 1e6 / EACH as f64
}

fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn main() {
    let (few, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(few.path(), 10);
    write(many.path(), ROLES);
    let loads: Vec<f64> = (0..5)
        .map(|_| {
            let begin = Instant::now();
            black_box(load(many.path()));
            begin.elapsed().as_secs_f64()
        })
        .collect();
    let (least, median, most) = spread(loads);
    println!("{COMMAND}");
    println!("                                              least   median     most");
    println!(
        "load {ROLES} roles, {} rules, {FILES} files [s]  {least:>7.3}  {median:>7.3}  {most:>7.3}",
        ROLES * 10
    );
    let (few, many) = (load(few.path()), load(many.path()));
    let who = Who {
        issuer: "corp".parse().unwrap(),
        subject: "alice".to_owned(),
        idp_roles: ["idp-1", "idp-5", "group-7/x", "unknown"].map(str::to_owned).into(),
        claims: std::sync::Arc::new(
            serde_json::json!({ "tenant_id": "acme" }).as_object().unwrap().clone(),
        ),
    };
    let now = Timestamp::now();
    let facts = Facts {
        now,
        expires_at: now + SignedDuration::from_hours(2),
        wish: hallpass::credential::Wish::default(),
        connection: Connection::default(),
    };
    let held: BTreeSet<_> =
        policy::suppose(&many, &who, &facts).reasons.roles.into_iter().collect();
    assert_eq!(held.len(), 3);
    let (mut small, mut large, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = (decide(&few, &who, &facts), decide(&many, &who, &facts));
        // The first round warms up.
        if round > 0 {
            small.push(a);
            large.push(b);
            ratios.push(b / a);
        }
    }
    for (what, values) in [
        ("decide, 10 roles known [us]", small),
        ("decide, 10000 roles known [us]", large),
        ("ratio", ratios),
    ] {
        let (least, median, most) = spread(values);
        println!("{what:<43} {least:>7.2}  {median:>7.2}  {most:>7.2}");
    }
}

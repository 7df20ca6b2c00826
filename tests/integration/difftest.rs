//! What hallpass says somebody can do is what nats-server lets them do: random maps, identities
//! and questions, each asked of both. The login goes through the real hallpass, so that all from
//! the token to the permissions in the server is compared.
//!
//! Each run has a seed of its own and prints it; `HALLPASS_DIFFTEST_SEED` repeats a run,
//! `HALLPASS_DIFFTEST_COMPARISONS` says how long it is. `make difftest` is the long form.
#![expect(clippy::print_stderr, reason = "seeds and numbers are for whoever runs it")]

use std::{collections::hash_map::RandomState, hash::BuildHasher as _};

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use compare::Tally;
use server::Hall;

mod case;
mod compare;
mod hallpass;
mod server;
mod words;

/// Comparisons, unless the environment says how many.
const USUAL: usize = 1000;

/// Cases whose maps one hallpass has: starting one takes longer than asking.
const BATCH: usize = 25;

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is not a whole number")))
}

#[tokio::test]
async fn the_server_does_what_hallpass_says() {
    let seed = number("HALLPASS_DIFFTEST_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let wanted = number("HALLPASS_DIFFTEST_COMPARISONS").map_or(USUAL, |it| it.try_into().unwrap());
    eprintln!("difftest: HALLPASS_DIFFTEST_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = case::any_case();
    let mut hall = Hall::open().await;
    let mut tally = Tally::default();
    // What is rare may be missing from few comparisons; it is not missing from many.
    while tally.total() < wanted || (!tally.is_whole() && tally.total() < 10 * wanted) {
        let mut trees: Vec<_> =
            (0..BATCH).map(|_| strategy.new_tree(&mut runner).unwrap()).collect();
        let cases: Vec<_> = trees.iter().map(|tree| tree.current()).collect();
        let answers = hall.run(&cases).await;
        for (tree, found) in trees.iter_mut().zip(answers) {
            found.iter().for_each(|one| tally.add(one));
            if let Some(wrong) = found.into_iter().find(|one| !one.agrees()) {
                let (case, wrong, tries) = hall.shrink(tree, wrong).await;
                panic!(
                    "{wrong}\n\n{}\n\nafter {}, in {tries} steps to the smallest case; \
                     HALLPASS_DIFFTEST_SEED={seed} repeats it",
                    server::told(&case),
                    tally
                );
            }
        }
    }
    eprintln!("difftest: {tally}");
    assert!(tally.is_whole(), "not every kind was answered with yes and no: {tally}");
}

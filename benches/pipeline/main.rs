//! What an authorization costs: the whole pipeline in process, from the server's request to the
//! answer, beside the bare cost of the cryptography that it cannot do without.
//!
//! It prints; it fails nothing. What is not in it: NATS, JetStream and the IdP. The keys are
//! known, and whoever records says yes at once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark that cannot go on should stop, and printing is all it does"
)]

mod parties;

use std::{hint::black_box, sync::Arc, time::Instant};

use cpu_time::ProcessTime;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::runtime::Builder;

use parties::Parties;

const COMMAND: &str = "cargo bench --locked --bench pipeline";
/// After one round to warm up.
const ROUNDS: usize = 7;
const EACH: usize = 2000;
/// The bare operations are many and short.
const BARE: usize = 1000;

/// Rounds, from the least to the greatest.
struct Spread(Vec<f64>);

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "{least:>8.0} {:>8.0} {most:>8.0}", self.median())
    }
}

/// Authorizations per second and CPU microseconds for each, with this many threads. Either each
/// comes with a token of its own, or all with one, which is verified once and remembered.
fn measure(parties: &Parties, threads: usize, remembered: bool) -> (Spread, Spread) {
    let broker = Arc::new(parties.broker());
    let runtime =
        Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap();
    let token = parties.token();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // Each its own, since none is answered twice; all made before the clock starts.
        let request = |_| match remembered {
            true => parties.request(&token),
            false => parties.request(&parties.token()),
        };
        let share = || (0..EACH / threads).map(request).collect::<Vec<_>>();
        let shares: Vec<_> = (0..threads).map(|_| share()).collect();
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let work = shares.into_iter().map(|share| {
            let broker = Arc::clone(&broker);
            runtime.spawn(async move {
                let mut answers = Vec::with_capacity(share.len());
                for mut taken in share {
                    taken.read_at = tokio::time::Instant::now();
                    answers.push(broker.answer(&taken).await);
                }
                answers
            })
        });
        let work: Vec<_> = work.collect(); // all are under way
        let answers = work.into_iter().flat_map(|share| runtime.block_on(share).unwrap());
        let answers: Vec<_> = answers.collect();
        let (wall, cpu, count) = (wall.elapsed(), cpu.elapsed(), answers.len() as f64);
        answers.into_iter().for_each(|answer| drop(parties.granted(answer)));
        if round > 0 {
            rates.push(count / wall.as_secs_f64());
            costs.push(cpu.as_secs_f64() * 1e6 / count);
        }
    }
    (Spread::of(rates), Spread::of(costs))
}

/// CPU microseconds of one operation: the median of the rounds.
fn bare<T>(mut operation: impl FnMut() -> T) -> f64 {
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let cpu = ProcessTime::now();
        (0..BARE).for_each(|_| drop(black_box(operation())));
        if round > 0 {
            rounds.push(cpu.elapsed().as_secs_f64() * 1e6 / BARE as f64);
        }
    }
    Spread::of(rounds).median()
}

/// What no pipeline can do without, on the messages of the pipeline.
fn operations() -> [(&'static str, f64); 5] {
    let (plain, sealed) = (Parties::new(false), Parties::new(true));
    let token = plain.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let verify = jsonwebtoken::crypto::verify;
    let idp = DecodingKey::from_jwk(&plain.jwk).unwrap();
    let request = plain.request(&token).payload;
    let request_signature = plain.server.sign(&request).unwrap();
    let sealed_request = sealed.request(&sealed.token());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let answer = sealed.granted(runtime.block_on(sealed.broker().answer(&sealed_request)));
    let (theirs, ours) = sealed.xkeys.as_ref().unwrap();
    [
        (
            "1 Ed25519 verification",
            bare(|| plain.server.verify(&request, &request_signature).unwrap()),
        ),
        (
            "1 RS256 verification",
            bare(|| verify(signature, signed.as_bytes(), &idp, Algorithm::RS256).unwrap()),
        ),
        ("2 Ed25519 signatures", 2.0 * bare(|| plain.issuer.sign(&answer).unwrap())),
        ("1 xkey open", bare(|| ours.open(&sealed_request.payload, theirs).unwrap())),
        ("1 xkey seal", bare(|| ours.seal(&answer, theirs).unwrap())),
    ]
}

fn main() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{COMMAND}    ({cores} cores)\n");
    println!("bare cryptography, CPU µs (median of {ROUNDS} rounds of {BARE})");
    let operations = operations();
    operations.iter().for_each(|(name, cost)| println!("  {name:<24} {cost:>8.1}"));
    println!(
        "\nauthorizations (min, median, max of {ROUNDS} rounds of {EACH}; every answer a grant)"
    );
    println!(
        "  {:24} {:>26}   {:>26}   {:>7} {:>6}",
        "", "per second", "CPU µs each", "bare µs", "ratio"
    );
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        for (name, sealed, needed) in [("without xkey", false, 3), ("with xkey", true, 5)] {
            let parties = Parties::new(sealed);
            let (rate, cost) = measure(&parties, threads, false);
            let bare: f64 = operations[..needed].iter().map(|(_, cost)| cost).sum();
            let shown = format!("{name}, threads: {threads}");
            println!("  {shown:24} {rate}   {cost}   {bare:>7.0} {:>6.2}", cost.median() / bare);
            let (rate, again) = measure(&parties, threads, true);
            let ratio = again.median() / cost.median();
            println!("  {:24} {rate}   {again}   {ratio:>14.2} of it", "  a token seen before");
        }
    }
}

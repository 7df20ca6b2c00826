//! The answer for people.

use jiff::Timestamp;

use crate::audit::verify::{ChainReport, Report};

/// How many findings are told one by one.
const FINDINGS: usize = 20;
/// How many chains are.
const CHAINS: usize = 50;

pub(super) fn report(report: &Report, place: &str) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    let between = match report.between {
        Some((from, until)) => format!(", {} to {}", seconds(from), seconds(until)),
        None => String::new(),
    };
    let chains = report.chains.len();
    let walked = format!("{} of {}{between}", events(report.events), count(chains, "instance"));
    match report.first() {
        None if report.intact => line(format!("intact: {walked}")),
        first => {
            line(format!("not intact: {walked}"));
            let first = first.map(|it| it.sentence(place)).unwrap_or_default();
            line(format!("the first that is wrong is {first}"));
            let counts = report.counts;
            line(format!(
                "in all: {} missing, {} changed, {} reordered, {} added",
                counts.missing, counts.changed, counts.reordered, counts.added
            ));
            for finding in report.findings.iter().skip(1).take(FINDINGS) {
                line(format!("  {}", finding.sentence(place)));
            }
            let told = report.findings.len();
            if told > FINDINGS + 1 {
                let more = report.told.saturating_sub(FINDINGS as u64 + 1);
                let those = match report.told > told as u64 {
                    true => format!("the first {told}"),
                    false => "all".to_owned(),
                };
                line(format!("  … and {more} more; `--format json` tells {those}"));
            }
            for key in &report.strangers {
                line(format!(
                    "help: if `{key}` is a key of yours, believe it: `--signer`, or `audit.signers`"
                ));
            }
        }
    }
    // The newest are those that somebody still asks about.
    if let Some(more @ 1..) = chains.checked_sub(CHAINS) {
        line(format!("  … {} before these", count(more, "instance")));
    }
    for chain in report.chains.iter().skip(chains.saturating_sub(CHAINS)) {
        line(about(chain));
    }
    for instance in &report.gone {
        line(format!(
            "  instance {instance}: others name it, and nothing of it is left; it may have been \
             before what is kept"
        ));
    }
    if report.uncompared > 0 {
        line(format!(
            "not compared: {} of events by others; too much came between",
            count(usize::try_from(report.uncompared).unwrap_or(usize::MAX), "mention")
        ));
    }
    if report.unvouched() > 0 {
        line(format!(
            "not vouched for yet: {}; until the next checkpoint, they could be cut off or written \
             anew unseen",
            events(report.unvouched())
        ));
    }
    out
}

fn about(chain: &ChainReport) -> String {
    let mut text =
        format!("  instance {}: events {} to {}", chain.instance, chain.first, chain.last);
    if chain.begins_later {
        text.push_str(&format!("\n    begins at {}: what came before was removed", chain.first));
    }
    match (chain.vouched_until, chain.vouched_at) {
        (Some(until), at) => {
            let at = at.map(|at| format!(" ({})", seconds(at))).unwrap_or_default();
            text.push_str(&format!("\n    vouched for up to event {until}{at}"));

            if chain.unvouched > 0 {
                text.push_str(&format!(", {} after that", chain.unvouched));
            }
        }
        (None, _) => text.push_str("\n    vouched for by nobody"),
    }
    if !chain.signed_by.is_empty() {
        text.push_str(&format!("\n    signed by {}", chain.signed_by.join(" and ")));
    }
    if let Some(by) = chain.resumed_by.filter(|_| !chain.stopped) {
        text.push_str(&format!("\n    was killed; instance {by} took over what it left"));
    } else if !chain.stopped {
        let at = chain.last_at.map(|at| format!(", last heard of {}", seconds(at)));
        text.push_str(&format!("\n    has not said that it stopped{}", at.unwrap_or_default()));
    }
    text
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn events(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "event")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

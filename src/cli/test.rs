//! `hallpass test`

use clap::Args;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::{ConfigArgs, Exit, check::counted, output};
use crate::{
    document::{Problem, Problems},
    policy::Case,
    printable,
    service::{self, JudgedMaps},
};

/// Run the test cases of the subject maps
///
/// The cases are the `[[test]]` of the maps and of every `*.test.toml` beside them. They are
/// decided by the code that `serve` decides by. Only failures are shown in full.
///
/// Exit codes: 0 all hold, 2 some do not or there is none, 3 the maps are invalid.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass test\n  hallpass test clerk --format junit > maps.xml"
)]
pub(super) struct Test {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only the cases whose name has this text
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

/// A case and what does not hold of it.
struct Outcome<'a> {
    case: &'a Case,
    failures: Vec<Problem>,
}

impl Test {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let maps = match self.config.layers().and_then(|layers| service::load_maps(&layers)) {
            Ok((maps, _)) => maps,
            Err(problems) => {
                output::problems(&problems);
                return Ok(Exit::Invalid);
            }
        };
        let JudgedMaps { policy, cases, issuers } = &maps;
        let wanted = |case: &&Case| {
            self.filter.as_ref().is_none_or(|text| case.name().contains(text.as_str()))
        };
        let outcomes: Vec<_> = cases
            .iter()
            .filter(wanted)
            .map(|case| Outcome {
                case,
                failures: case.run(policy, issuers).err().unwrap_or_default(),
            })
            .collect();
        let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
        match self.format {
            Format::Text => self.text(&outcomes, failed)?,
            Format::Json => output::try_line(&json(&outcomes, failed))?,
            Format::Junit => output::try_line(junit(&outcomes)?.trim_end())?,
        }
        Ok(if failed == 0 && !outcomes.is_empty() { Exit::Yes } else { Exit::No })
    }

    fn text(&self, outcomes: &[Outcome<'_>], failed: usize) -> std::io::Result<()> {
        for Outcome { case, failures } in outcomes.iter().filter(|it| !it.failures.is_empty()) {
            output::try_line(&format!(
                "FAILED {} ({})\n",
                printable::text(case.name()),
                case.place()
            ))?;
            let mut problems = Problems::default();
            for failure in failures {
                problems.add(failure.clone());
            }
            for problem in problems.iter() {
                output::try_line(&format!("{}\n", problem.render(output::colour_of_output())))?;
            }
        }
        if outcomes.is_empty() {
            output::error(&match &self.filter {
                None => "there is no test case: write a `[[test]]` into a map, or into a file \
                         `NAME.test.toml` beside it"
                    .to_owned(),
                Some(text) => format!("no test case has `{text}` in its name"),
            });
        }
        let passed = outcomes.len() - failed;
        output::try_line(&format!(
            "{}: {passed} passed, {failed} failed",
            counted(outcomes.len(), "test")
        ))
    }
}

fn json(outcomes: &[Outcome<'_>], failed: usize) -> String {
    let failure = |problem: &Problem| {
        json!({
            "at": problem.place.to_string(),
            "message": problem.message,
            "why": problem.help,
        })
    };
    let case = |Outcome { case, failures }: &Outcome<'_>| {
        json!({
            "name": case.name(),
            "at": case.place().to_string(),
            "passed": failures.is_empty(),
            "failures": failures.iter().map(failure).collect::<Vec<_>>(),
        })
    };
    let report = json!({
        "passed": outcomes.len() - failed,
        "failed": failed,
        "tests": outcomes.iter().map(case).collect::<Vec<_>>(),
    });
    printable::json(&format!("{report:#}"))
}

/// What CI systems read, a suite for each file.
fn junit(outcomes: &[Outcome<'_>]) -> anyhow::Result<String> {
    let mut report = Report::new("hallpass");
    let mut suites: Vec<TestSuite> = Vec::new();
    for Outcome { case, failures } in outcomes {
        let at = case.place().to_string();
        let file = at.rsplit_once(':').map_or(at.as_str(), |(file, _)| file).to_owned();
        let status = if failures.is_empty() {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let lines =
                failures.iter().map(|it| format!("{}: {}: {}", it.place, it.message, it.help));
            let message = failures.first().map_or("", |it| it.message.as_str());
            status.set_message(printable::text(message));
            let lines: Vec<_> = lines.map(|line| printable::text(&line)).collect();
            status.set_description(lines.join("\n"));
            status
        };
        let mut test = TestCase::new(printable::text(case.name()), status);
        test.set_classname(&file);
        match suites.iter_mut().find(|suite| suite.name.as_str() == file) {
            Some(suite) => {
                suite.add_test_case(test);
            }
            None => {
                let mut suite = TestSuite::new(file);
                suite.add_test_case(test);
                suites.push(suite);
            }
        }
    }
    report.add_test_suites(suites);
    Ok(report.to_string()?)
}

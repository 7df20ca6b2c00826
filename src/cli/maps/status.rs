//! `hallpass maps status`

use clap::Args;

use super::super::{
    ConfigArgs, Exit,
    instances::{self, Format, span},
    output,
};
use crate::{
    printable,
    reload::LastReload,
    status::{InstanceStatus, maps_agree},
    table::table,
};

/// The characters of a digest that tell versions apart.
const DIGEST: usize = "sha256:".len() + 12;

/// Show the subject maps that are in force in each running instance
///
/// Asks all instances over NATS and shows for each which version of the maps is in force, since
/// when, and how the last reload ended. Needs `nats.urls` and `nats.service_seed` of the
/// configuration, and none of the other secrets that `serve` needs.
///
/// `current`: what stands in the directory is in force. `rejected`: it is invalid, and what was in
/// force before still is. Exit codes: 0 all are current and have the same version in force, 2 some
/// are not or have not, 1 nobody answered.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass maps status\n  hallpass maps status --format json | jq '.[].maps.digest'"
)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    config: ConfigArgs,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Status {
    pub(in crate::cli) async fn run(&self) -> anyhow::Result<Exit> {
        let name = "hallpass-maps-status";
        let instances = match instances::show(&self.config, name, self.format, text).await? {
            Ok(instances) => instances,
            Err(exit) => return Ok(exit),
        };
        let first = instances.first().map(|instance| &instance.maps.digest);
        if instances.iter().any(|instance| Some(&instance.maps.digest) != first) {
            output::note("the instances do not have the same version in force");
        }
        Ok(if maps_agree(&instances) { Exit::Yes } else { Exit::No })
    }
}

/// One instance: who it is, a table, and what is wrong with what was rejected below it.
fn text(status: &InstanceStatus) -> String {
    let maps = &status.maps;
    let head =
        ["state", "version", "roles", "files", "in force", "last reload", "applied", "rejected"];
    let row = [
        maps.state.to_string(),
        printable::text(&maps.digest).chars().take(DIGEST).collect(),
        maps.roles.to_string(),
        maps.files.to_string(),
        span(maps.in_force_s),
        maps.last_reload.as_ref().map_or_else(|| "-".to_owned(), last_reload),
        maps.applied.to_string(),
        maps.rejected.to_string(),
    ];
    let rows = [head.map(str::to_owned).to_vec(), row.to_vec()];
    let mut text = format!("{}\n{}", instances::head(status), table(&rows));
    for problem in &maps.problems {
        let line = printable::text(&format!("  {}: {}", problem.at, problem.message));
        text.push_str(&format!("{line}\n"));
    }
    match maps.problem_count.saturating_sub(maps.problems.len()) {
        0 => {}
        more => text.push_str(&format!("  and {more} more\n")),
    }
    text
}

/// `applied, 3m 5s ago`
fn last_reload(last: &LastReload) -> String {
    format!("{}, {} ago", last.outcome, span(last.age_s))
}

#[cfg(test)]
mod tests {
    use super::{super::super::instances::tests::an_instance, *};
    use crate::{
        audit::event::MapProblem,
        reload::{MapsState, ReloadOutcome},
    };

    fn rejected(problem: &str) -> InstanceStatus {
        let mut instance = an_instance("0198");
        instance.maps.state = MapsState::Rejected;
        instance.maps.last_reload = Some(LastReload { age_s: 8, outcome: ReloadOutcome::Rejected });
        (instance.maps.applied, instance.maps.rejected) = (4, 1);
        instance.maps.problem_count = 3;
        let (at, message) = ("maps/a.toml:7".to_owned(), problem.to_owned());
        instance.maps.problems = vec![MapProblem { at, message }];
        instance
    }

    #[test]
    fn a_table_for_an_instance() {
        let expected = [
            "instance 0197: hallpass 1.2.3 on h, process 7",
            "  state    version              roles  files  in force  last reload  applied  rejected",
            "  -------  -------------------  -----  -----  --------  -----------  -------  --------",
            "  current  sha256:0123456789ab  3      2      11m 40s   -            0        0",
            "",
        ];
        assert_eq!(text(&an_instance("0197")), expected.join("\n"));
        let expected = [
            "instance 0198: hallpass 1.2.3 on h, process 7",
            "  state     version              roles  files  in force  last reload       applied  rejected",
            "  --------  -------------------  -----  -----  --------  ----------------  -------  --------",
            "  rejected  sha256:0123456789ab  3      2      11m 40s   rejected, 8s ago  4        1",
            "  maps/a.toml:7: unknown key `x`",
            "  and 2 more",
            "",
        ];
        assert_eq!(text(&rejected("unknown key `x`")), expected.join("\n"));
    }

    #[test]
    fn all_agree_or_somebody_looks() {
        let (one, mut other) = (an_instance("1"), an_instance("2"));
        assert!(maps_agree(&[one.clone(), other.clone()]));
        assert!(!maps_agree(&[one.clone(), rejected("x")]));
        other.maps.digest = "sha256:other".to_owned();
        assert!(!maps_agree(&[one, other]));
    }

    #[test]
    fn an_answer_gives_a_terminal_no_commands() {
        let hostile = "x\u{1b}[2J\u{9b}\u{7f}\u{202e}";
        let mut instance = rejected(hostile);
        instance.maps.digest = hostile.to_owned();
        instance.instance = hostile.to_owned();
        let shown = text(&instance);
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{shown:?}");
    }
}

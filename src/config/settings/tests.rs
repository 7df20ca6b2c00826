use std::path::Path;

use super::*;
use crate::{document::Severity, setup};

/// A configuration that is good in every respect, in a directory with its keys.
struct Written {
    directory: tempfile::TempDir,
    text: String,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

const GOOD: &str = r#"
[nats]
urls = ["nats://localhost:4222"]
service_seed = { file = "keys/service.nk" }

[callout]
account = "AUTH"
issuer_seed = { file = "keys/issuer.nk" }
xkey_seed = { file = "keys/xkey.nk" }

[accounts]
targets = ["APP", "WEB"]
system = "SYSTEM"

[maps]
directory = "maps"

[audit]
account = "AUDIT"
stream = "HALLPASS_AUDIT"
writer_seed = { file = "keys/audit-writer.nk" }
reader_seed = { file = "keys/audit-reader.nk" }

[issuers.corp]
issuer = "https://idp.example.com"
audiences = ["nats"]
roles_claim = "realm_access.roles"
"#;

fn written() -> Written {
    let directory = tempfile::tempdir().unwrap();
    setup::keys(directory.path()).unwrap();
    let text = GOOD.trim_start().to_owned();
    Written { directory, text, environment: Vec::new(), flags: Vec::new() }
}

impl Written {
    /// With another text at one place.
    fn change(mut self, from: &str, to: &str) -> Self {
        assert_eq!(self.text.matches(from).count(), 1, "`{from}` in {}", self.text);
        self.text = self.text.replacen(from, to, 1);
        self
    }

    /// With one more line in a section.
    fn add(self, section: &str, line: &str) -> Self {
        let head = format!("[{section}]\n");
        self.change(&head, &format!("{head}{line}\n"))
    }

    /// Without the line that begins like this.
    fn cut(mut self, line: &str) -> Self {
        let kept: Vec<&str> = self.text.lines().filter(|kept| !kept.starts_with(line)).collect();
        assert_eq!(kept.len() + 1, self.text.lines().count(), "`{line}`");
        self.text = kept.join("\n");
        self
    }

    /// Without a section.
    fn without(mut self, section: &str) -> Self {
        let head = format!("[{section}]");
        let kept: Vec<&str> =
            self.text.split("\n\n").filter(|part| !part.starts_with(&head)).collect();
        assert_eq!(kept.len() + 1, self.text.split("\n\n").count(), "{section}");
        self.text = kept.join("\n\n");
        self
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn layers(&self) -> Layers {
        let path = self.directory.path().join("hallpass.toml");
        std::fs::write(&path, &self.text).unwrap();
        Layers::read(&path, self.environment.clone(), &self.flags).unwrap()
    }

    fn read(&self) -> (Option<Settings>, Problems) {
        let mut problems = Problems::default();
        let settings = Settings::read(&self.layers(), &mut problems);
        assert_eq!(settings.is_none(), problems.any_error(), "{problems}");
        (settings, problems)
    }

    #[track_caller]
    fn settings(&self) -> Settings {
        let (settings, problems) = self.read();
        assert!(problems.is_empty(), "{problems}");
        settings.unwrap()
    }

    fn lines(&self, problems: &Problems) -> Vec<String> {
        let line = |problem: &crate::document::Problem| {
            let warning = if problem.severity == Severity::Warning { "warning: " } else { "" };
            let help = format!(" | {}", problem.help);
            let text = format!("{warning}{}: {}{help}", problem.place, problem.message);
            text.replace(&format!("{}/", self.directory.path().display()), "")
                .replace("hallpass.toml:", "")
        };
        problems.iter().map(line).collect()
    }

    /// Each problem as `line: message | help`.
    fn problems(&self) -> Vec<String> {
        self.lines(&self.read().1)
    }

    /// The messages alone.
    fn messages(&self) -> Vec<String> {
        self.read().1.iter().map(|problem| problem.message.clone()).collect()
    }

    fn reader(&self) -> Result<ReaderSettings, Vec<String>> {
        ReaderSettings::read(&self.layers()).map_err(|problems| self.lines(&problems))
    }
}

mod good {
    use super::*;

    #[test]
    fn everything_has_its_value_or_its_default() {
        let written = written();
        let settings = written.settings();
        assert_eq!(settings.nats.urls, ["nats://localhost:4222"]);
        assert_eq!(settings.callout.account.as_str(), "AUTH");
        assert_eq!(settings.callout.queue, "hallpass");
        assert_eq!(settings.callout.deadline, Duration::from_millis(1500));
        assert_eq!(settings.callout.max_in_flight, 2048);
        assert!(settings.callout.xkey.is_some() && settings.callout.servers.is_none());
        assert!(settings.callout.issuer.public_key().starts_with('A'));
        let accounts: Vec<_> = settings.accounts.iter().map(AccountName::as_str).collect();
        assert_eq!(accounts, ["APP", "WEB"]);
        assert_eq!(settings.maps, written.directory.path().join("maps"));
        assert_eq!(settings.audit.stream, "HALLPASS_AUDIT");
        assert_eq!((settings.audit.max_age.as_secs(), settings.audit.replicas), (31_536_000, 1));
        let [issuer] = &settings.issuers[..] else { panic!() };
        assert_eq!(issuer.name.as_str(), "corp");
        assert_eq!(issuer.algorithms, IssuerSettings::DEFAULT_ALGORITHMS);
        assert_eq!((issuer.leeway.as_secs(), issuer.refresh.as_secs()), (30, 600));
        assert!(!issuer.allow_http_loopback);
        assert_eq!(issuer.roles_claim.to_string(), "realm_access.roles");
    }

    /// What `init` writes is what `serve` reads.
    #[test]
    fn what_init_writes_is_good() {
        let issuer = setup::IssuerText {
            name: "corp".to_owned(),
            issuer: "http://127.0.0.1:9000".to_owned(),
            audience: "nats".to_owned(),
            roles_claim: "roles".to_owned(),
            allow_http_loopback: true,
        };
        let mut written = written();
        written.text = setup::configuration_text("nats://127.0.0.1:4222", &[issuer]);
        assert!(written.settings().issuers[0].allow_http_loopback);
        written.text = setup::configuration_text("nats://127.0.0.1:4222", &[]);
        assert_eq!(written.messages(), ["no issuer is configured: nobody could log in"]);
        assert!(written.reader().is_ok());
    }

    #[test]
    fn without_sealing_and_with_everything_said() {
        assert!(written().cut("xkey_seed").settings().callout.xkey.is_none());
        let server = nkeys::KeyPair::new_server().public_key();
        let written = written();
        let key = rcgen::generate_simple_self_signed(["idp.example.com".to_owned()]).unwrap();
        std::fs::write(written.path("ca.pem"), key.cert.pem()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let elsewhere = elsewhere.path().join("ca.pem");
        std::fs::write(&elsewhere, format!("a comment\n{0}{0}", key.cert.pem())).unwrap();
        let elsewhere = elsewhere.display().to_string();
        let settings = written
            .add("callout", &format!("servers = [\"{server}\"]\nqueue = \"q\"\ndeadline = \"100ms\"\nmax_in_flight = 1"))
            .add("audit", "max_age = \"1h\"\nreplicas = 5")
            .add("nats", "ca_file = \"ca.pem\"")
            .add("issuers.corp", &format!("jwks_uri = \"https://keys.example.com\"\nalgorithms = [\"ES256\", \"EdDSA\"]\nleeway = \"0s\"\nrefresh = \"10s\"\nca_file = {elsewhere:?}"))
            .settings();
        assert_eq!(settings.callout.servers.unwrap().first().unwrap().as_str(), server);
        assert_eq!(settings.callout.deadline.as_millis(), 100);
        assert_eq!(settings.issuers[0].algorithms, [Algorithm::ES256, Algorithm::EdDSA]);
        assert_eq!(settings.issuers[0].leeway, Duration::ZERO);
        assert_eq!(settings.issuers[0].ca_file.as_deref(), Some(Path::new(&elsewhere)));
        assert!(settings.nats.ca_file.unwrap().ends_with("ca.pem"));
    }

    #[test]
    fn the_environment_and_flags_say_lists_numbers_and_truth_as_text() {
        let settings = written()
            .environment("HALLPASS__NATS__URLS", "nats://a:1, tls://b:2")
            .environment("HALLPASS__CALLOUT__MAX_IN_FLIGHT", "7")
            .environment("HALLPASS__ISSUERS__CORP__ALLOW_HTTP_LOOPBACK", "true")
            .flag("issuers.corp.issuer", "http://localhost:9000")
            .flag("accounts.targets", "APP,X")
            .settings();
        assert_eq!(settings.nats.urls, ["nats://a:1", "tls://b:2"]);
        assert_eq!(settings.callout.max_in_flight, 7);
        assert_eq!(settings.issuers[0].issuer, "http://localhost:9000");
        assert_eq!(settings.accounts.len(), 2);
        let bad = written()
            .environment("HALLPASS__CALLOUT__MAX_IN_FLIGHT", "0")
            .flag("callout.queu", "x");
        assert_eq!(
            bad.problems(),
            [
                "--set callout.queu: unknown key `queu` in `[callout]` | did you mean `queue`?",
                "environment variable HALLPASS__CALLOUT__MAX_IN_FLIGHT: `max_in_flight` is not a \
                 whole number from 1 to 100000 | write such a number, without quotes",
            ]
        );
    }
}

mod missing_and_unknown {
    use super::*;

    #[test]
    fn sections() {
        for section in ["nats", "callout", "audit", "accounts"] {
            let found = written().without(section).messages();
            assert_eq!(found, [format!("the configuration lacks `{section}`")]);
        }
        assert_eq!(
            written().without("issuers.corp").problems(),
            ["1: no issuer is configured: nobody could log in | add `[issuers.NAME]` with \
              `issuer`, `audiences` and `roles_claim`"]
        );
        let defaults = written().without("maps");
        assert!(defaults.settings().maps.ends_with("subject-maps"));
        let mut empty = written();
        empty.text = "[maps]\n".to_owned();
        assert_eq!(empty.messages().len(), 5, "all of it at once: {:?}", empty.messages());
        for nothing in ["", "\n", "\u{feff}", "# nothing\r\n"] {
            empty.text = nothing.to_owned();
            assert_eq!(empty.messages(), ["the configuration is empty"], "{nothing:?}");
        }
    }

    #[test]
    fn keys() {
        for (line, says) in [
            ("urls", "`[nats]` lacks `urls`"),
            ("service_seed", "`[nats]` lacks `service_seed`"),
            ("account = \"AUTH\"", "`[callout]` lacks `account`"),
            ("issuer_seed", "`[callout]` lacks `issuer_seed`"),
            ("targets", "`[accounts]` lacks `targets`"),
            ("account = \"AUDIT\"", "`[audit]` lacks `account`"),
            ("writer_seed", "`[audit]` lacks `writer_seed`"),
            ("system", "`[accounts]` lacks `system`"),
            ("issuer = ", "`[issuers.corp]` lacks `issuer`"),
            ("audiences", "`[issuers.corp]` lacks `audiences`"),
            ("roles_claim", "`[issuers.corp]` lacks `roles_claim`"),
        ] {
            assert_eq!(written().cut(line).messages(), [says]);
        }
    }

    #[test]
    fn unknown_keys() {
        for (section, key, says) in [
            ("nats", "url", "unknown key `url` in `[nats]`"),
            ("callout", "dead_line", "unknown key `dead_line` in `[callout]`"),
            ("accounts", "target", "unknown key `target` in `[accounts]`"),
            ("maps", "dir", "unknown key `dir` in `[maps]`"),
            ("audit", "streams", "unknown key `streams` in `[audit]`"),
            ("issuers.corp", "audience", "unknown key `audience` in `[issuers.corp]`"),
        ] {
            assert_eq!(written().add(section, &format!("{key} = 1")).messages(), [says]);
        }
        let mut written = written();
        written.text += "\n[issuer.corp]\n";
        let found = written.problems();
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .ends_with("unknown key `issuer` in the configuration | did you mean `issuers`?")
        );
    }

    #[test]
    fn unknown_keys_of_flags_and_variables() {
        for (key, says) in [
            ("foo", "unknown key `foo` in the configuration"),
            ("foo.bar", "unknown key `foo` in the configuration"),
            ("foo.bar.baz", "unknown key `foo` in the configuration"),
            ("nats.url", "unknown key `url` in `[nats]`"),
            ("nats.x.y", "unknown key `x` in `[nats]`"),
        ] {
            let flag = written().flag(key, "1").problems();
            assert!(flag[0].starts_with(&format!("--set {key}: {says}")), "{flag:?}");
            let variable = format!("HALLPASS__{}", key.to_uppercase().replace('.', "__"));
            let found = written().environment(&variable, "1").problems();
            let begins = format!("environment variable {variable}: {says}");
            assert!(found[0].starts_with(&begins), "{found:?}");
        }
    }

    #[test]
    fn names_that_can_be_no_setting() {
        for key in ["nats..urls", "", ".", "nats.", "nats.urls[0]", "nats urls", "é", "a.b\n"] {
            let written = written();
            let path = written.directory.path().join("hallpass.toml");
            std::fs::write(&path, &written.text).unwrap();
            let flag = [(key.to_owned(), "x".to_owned())];
            let problems = Layers::read(&path, [], &flag).unwrap_err().to_string();
            assert_eq!(problems, format!("--set {key}: `{key}` names no setting"));
        }
        let written = written();
        let path = written.directory.path().join("hallpass.toml");
        std::fs::write(&path, &written.text).unwrap();
        let names = ["HALLPASS__", "HALLPASS__NATS____URLS", "hallpass__nats__"];
        let environment = names.map(|name| (name.to_owned(), "x".to_owned()));
        assert_eq!(Layers::read(&path, environment, &[]).unwrap_err().len(), 3);
    }

    #[test]
    fn wrong_kinds() {
        for (from, to, says) in [
            (
                "urls = [\"nats://localhost:4222\"]",
                "urls = 1",
                "`urls` is a whole number, not a list of strings",
            ),
            ("account = \"AUTH\"", "account = []", "`account` is a list, not a string"),
            ("system = \"SYSTEM\"", "system = true", "`system` is true or false, not a string"),
            (
                "directory = \"maps\"",
                "directory = 1",
                "`directory` is a whole number, not a string",
            ),
            ("stream = \"HALLPASS_AUDIT\"", "stream = {}", "`stream` is a table, not a string"),
            (
                "roles_claim = \"realm_access.roles\"",
                "roles_claim = 1",
                "a claim path is a string or a list of strings",
            ),
            (
                "roles_claim = \"realm_access.roles\"",
                "roles_claim = \".a\"",
                "a claim path is one or more keys, none of them empty",
            ),
        ] {
            assert_eq!(written().change(from, to).messages().first().unwrap(), says);
        }
        let mut tables = written();
        tables.text =
            "nats = 1\ncallout = \"x\"\naccounts = []\naudit = true\nissuers = 5\nmaps = 1\n"
                .to_owned();
        let found = tables.messages();
        for section in ["`[nats]`", "`[callout]`", "`[accounts]`", "`[audit]`", "`[maps]`"] {
            let found =
                found.iter().filter(|says| says.starts_with(&format!("{section} is "))).count();
            assert_eq!(found, 1, "{section}");
        }
        assert!(found.contains(&"`issuers` is a whole number, not a table".to_owned()));
    }

    #[test]
    fn all_problems_at_once() {
        let found = written()
            .change("account = \"AUTH\"", "account = \"A B\"")
            .change("keys/service.nk", "keys/none.nk")
            .change("\"https://idp.example.com\"", "\"http://idp.example.com\"")
            .change("\"APP\", \"WEB\"", "\"APP\", \"$G\", \"AUDIT\"")
            .add("audit", "max_age = \"1s\"")
            .problems();
        let lines: Vec<_> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["3", "6", "11", "11", "18", "25"], "{found:#?}");
    }
}

mod secrets {
    use super::*;

    fn seed_of(written: &Written, name: &str) -> String {
        std::fs::read_to_string(written.path(name)).unwrap().trim().to_owned()
    }

    /// All text that people or logs could see of the problems.
    fn shown(written: &Written) -> String {
        let (_, problems) = written.read();
        let rendered: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
        format!("{problems}\n{problems:?}\n{}", rendered.join("\n"))
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        for (key, name) in [
            ("service_seed", "service"),
            ("issuer_seed", "issuer"),
            ("xkey_seed", "xkey"),
            ("writer_seed", "audit-writer"),
        ] {
            let written = written();
            let seed = seed_of(&written, &format!("keys/{name}.nk"));
            let inline = format!("\"{seed}\"");
            let written = written.change(&format!("{{ file = \"keys/{name}.nk\" }}"), &inline);
            let (_, problems) = written.read();
            assert_eq!(written.messages(), [format!("`{key}` stands in the configuration itself")]);
            assert!(!shown(&written).contains(&seed[..12]), "{}", shown(&written));
            drop(problems);
        }
    }

    #[test]
    fn a_secret_under_a_wrong_key_or_in_the_environment_is_not_repeated() {
        let written = written();
        let seed = seed_of(&written, "keys/issuer.nk");
        let written = written
            .add("callout", &format!("isuer_seed = \"{seed}\"\nservers = [\"{seed}\"]"))
            .environment("HALLPASS__NATS__SERVICE_SEED", &seed)
            .flag("audit.writer_seed", &seed);
        let found = written.messages();
        assert_eq!(found.len(), 4);
        for key in ["service_seed", "writer_seed"] {
            assert!(found.contains(&format!("`{key}` stands in the configuration itself")));
        }
        assert!(!shown(&written).contains(&seed[..12]), "{}", shown(&written));
    }

    /// Wherever a seed was put by mistake, and however the file is broken there.
    #[test]
    fn a_secret_in_the_wrong_slot_is_not_repeated() {
        let written = written();
        let seed = seed_of(&written, "keys/issuer.nk");
        let slot = "{ file = \"keys/service.nk\" }";
        for source in [
            format!("{{ file = \"{seed}\" }}"),
            format!("{{ env = \"{seed}\" }}"),
            format!("{{ command = [\"{seed}\"] }}"),
            format!("{{ command = [\"cat\", \"/none\", \"{seed}\"] }}"),
            format!("{{ value = \"{seed}\" }}"),
            format!("{{ {seed} = 1 }}"),
            format!("[\"{seed}\"]"),
            format!("\"\"\"\n{seed}\"\"\""),
            "\"hunter2, which is no seed\"".to_owned(),
        ] {
            let broken = super::written().change(slot, &source);
            let shown = shown(&broken);
            assert!(!broken.messages().is_empty());
            assert!(!shown.contains(&seed[..12]) && !shown.contains("hunter2"), "{shown}");
        }
        for text in [
            format!("issuer_seed = \"{seed}\nx = 1\n"),
            format!("issuer_seed = {seed}\n"),
            format!("issuer_seed = \"{seed}\" \"{seed}\"\n"),
            format!("a = \"{seed}\"\na = \"{seed}\"\n"),
            format!("[{seed}]\n[{seed}]\n"),
        ] {
            let path = written.directory.path().join("hallpass.toml");
            std::fs::write(&path, &text).unwrap();
            let problems = Layers::read(&path, [], &[]).unwrap_err();
            let rendered: Vec<_> = problems.iter().map(|problem| problem.render(false)).collect();
            let shown = format!("{problems}\n{problems:?}\n{}", rendered.join("\n"));
            assert!(!shown.contains(&seed[..12]), "{shown}");
        }
    }

    /// A flag or a variable that says where a secret is replaces what the file says of it.
    #[test]
    fn where_a_secret_is_can_be_overridden() {
        let written = written();
        let elsewhere = written.path("keys/elsewhere.nk");
        std::fs::rename(written.path("keys/service.nk"), &elsewhere).unwrap();
        use secrecy::ExposeSecret as _;
        let good = |written: Written| {
            assert!(written.settings().nats.service_seed.expose_secret().starts_with("SU"));
        };
        let command = format!("cat,{elsewhere}");
        let overridden = written.flag("nats.service_seed.command", &command);
        assert!(overridden.settings().nats.service_seed.expose_secret().starts_with("SU"));
        // A flag wins over a variable, as everywhere.
        good(overridden.environment("HALLPASS__NATS__SERVICE_SEED__ENV", "NOT_SET"));
        assert_eq!(
            super::written()
                .environment("HALLPASS__CALLOUT__ISSUER_SEED__ENV", "HALLPASS_TEST_NOT_SET")
                .problems(),
            ["environment variable HALLPASS__CALLOUT__ISSUER_SEED__ENV: the environment variable \
              `HALLPASS_TEST_NOT_SET` is not set | set it where hallpass is started"]
        );
        assert_eq!(
            super::written().flag("callout.issuer_seed.fil", "x").problems(),
            [
                "--set callout.issuer_seed.fil: unknown key `fil` in `issuer_seed` | did you mean \
                 `file`?",
                "--set callout.issuer_seed.fil: `issuer_seed` names not exactly one of `file`, \
                 `env` and `command` | name where it is: `{ file = \"…\" }`, `{ env = \"…\" }` or \
                 `{ command = [\"…\"] }`",
            ]
        );
    }

    #[test]
    fn a_secret_that_is_not_there() {
        let missing = written().change("keys/service.nk", "keys/none.nk");
        let found = missing.problems();
        assert_eq!(
            found,
            [
                "3: the secret file `keys/none.nk` cannot be read: No such file or directory (os error \
                 2) | name the file that holds it; `hallpass init` makes keys that are not there"
            ]
        );
        let of =
            |source: &str| written().change("{ file = \"keys/service.nk\" }", source).messages();
        assert_eq!(
            of("{ env = \"HALLPASS_TEST_NOT_SET\" }"),
            ["the environment variable `HALLPASS_TEST_NOT_SET` is not set"]
        );
        assert_eq!(of("{ command = [\"true\"] }"), ["the secret is empty"]);
        assert_eq!(
            of("{ command = [\"false\"] }"),
            ["the command `false` failed (exit status: 1)"]
        );
        assert_eq!(
            of("{ command = [\"hallpass-no-such-program\"] }"),
            [
                "the command `hallpass-no-such-program` cannot be run: No such file or directory (os error 2)"
            ]
        );
        assert_eq!(
            of("{ command = [\"printf\", \"\\\\377\"] }"),
            ["the command `printf` printed no text"]
        );
    }

    #[test]
    fn a_secret_is_in_exactly_one_place() {
        let exactly = "`service_seed` names not exactly one of `file`, `env` and `command`";
        let of =
            |source: &str| written().change("{ file = \"keys/service.nk\" }", source).messages();
        assert_eq!(of("{}"), [exactly]);
        assert_eq!(of("{ file = \"keys/service.nk\", env = \"X\" }"), [exactly]);
        assert_eq!(of("{ command = [] }"), [exactly]);
        assert_eq!(
            of("{ flie = \"keys/service.nk\" }"),
            [exactly, "unknown key `flie` in `service_seed`"]
        );
        assert_eq!(of("1")[0], "`service_seed` is a whole number, not a table");
    }

    #[test]
    fn a_command_gives_it_too() {
        let written = written();
        let path = written.path("keys/service.nk");
        let source = format!("{{ command = [\"cat\", {path:?}] }}");
        let settings = written.change("{ file = \"keys/service.nk\" }", &source).settings();
        use secrecy::ExposeSecret as _;
        assert!(settings.nats.service_seed.expose_secret().starts_with("SU"));
    }

    #[test]
    fn a_seed_of_another_kind() {
        for (from, to, says) in [
            ("keys/service.nk", "keys/issuer.nk", "`service_seed` holds no nkey seed of a user"),
            ("keys/issuer.nk", "keys/service.nk", "`issuer_seed` holds no nkey seed of an account"),
            ("keys/issuer.nk", "keys/xkey.nk", "`issuer_seed` holds no nkey seed of an account"),
            ("keys/xkey.nk", "keys/issuer.nk", "`xkey_seed` holds no curve seed"),
            ("keys/audit-writer.nk", "keys/xkey.nk", "`writer_seed` holds no nkey seed of a user"),
        ] {
            let written =
                written().change(&format!("{{ file = \"{from}\""), &format!("{{ file = \"{to}\""));
            assert_eq!(written.messages(), [says]);
            assert!(!shown(&written).contains(&seed_of(&written, to)[..12]));
        }
        let written = written();
        for torn in ["x", "SUA", "é", "-----BEGIN", &"S".repeat(58)] {
            std::fs::write(written.path("keys/service.nk"), torn).unwrap();
            assert_eq!(written.messages(), ["`service_seed` holds no nkey seed of a user"]);
        }
        let public = nkeys::KeyPair::new_user().public_key();
        std::fs::write(written.path("keys/service.nk"), public).unwrap();
        assert_eq!(written.messages(), ["`service_seed` holds no nkey seed of a user"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let written = written();
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(written.path("keys/xkey.nk"), mode).unwrap();
        assert_eq!(
            written.problems(),
            ["warning: 8: the secret file can be read by others on this machine | chmod 600 it"]
        );
    }

    #[test]
    fn debug_shows_no_seed() {
        let written = written();
        let (settings, layers) = (written.settings(), written.layers());
        let reader = written.reader().unwrap();
        let printed = format!("{settings:?}{settings:#?}{reader:?}{reader:#?}{layers:?}");
        let names = ["issuer", "service", "xkey", "audit-writer", "audit-reader", "break-glass"];
        for name in names {
            let seed = seed_of(&written, &format!("keys/{name}.nk"));
            assert!(seed.len() == 58 && !printed.contains(&seed), "{name}");
        }
        assert!(printed.contains("HALLPASS_AUDIT"));
    }

    #[test]
    fn a_reader_needs_none_of_what_serve_signs_with() {
        let written = written();
        for name in ["issuer", "service", "xkey", "audit-writer", "break-glass"] {
            std::fs::remove_file(written.path(&format!("keys/{name}.nk"))).unwrap();
        }
        let reader = written.reader().unwrap();
        assert_eq!(reader.urls, ["nats://localhost:4222"]);
        assert_eq!(reader.stream, "HALLPASS_AUDIT");
        let bare = super::written().without("callout").without("accounts").without("issuers.corp");
        let bare = bare.cut("service_seed").cut("writer_seed").cut("account = \"AUDIT\"");
        assert!(bare.reader().is_ok());
        assert_eq!(
            bare.cut("reader_seed").cut("urls").reader().unwrap_err(),
            [
                "1: `[nats]` lacks `urls` | add `urls = [\"nats://host:4222\"]`",
                "6: `[audit]` lacks `reader_seed` | add `reader_seed = { file = \"…\" }`, or `env` or \
                 `command` in place of `file`",
            ]
        );
    }

    #[test]
    fn serve_does_not_need_the_readers_seed() {
        let written = written();
        std::fs::remove_file(written.path("keys/audit-reader.nk")).unwrap();
        written.settings();
        let inline = written.change("{ file = \"keys/audit-reader.nk\" }", "\"x\"");
        assert_eq!(inline.messages(), ["`reader_seed` stands in the configuration itself"]);
    }
}

mod accounts {
    use super::*;

    #[test]
    fn accounts_that_nobody_is_let_into() {
        for (account, why) in [
            ("AUTH", "the callout account: its users can read or answer other people's logins"),
            ("AUDIT", "the audit account: its users are not the clients that are audited"),
            ("SYSTEM", "the system account"),
            ("SYS", "the system account"),
            ("$SYS", "the system account"),
            ("$G", "the global account: users without an account of their own end up there"),
        ] {
            assert_eq!(
                written().change("\"WEB\"", &format!("\"{account}\"")).problems(),
                [format!(
                    "11: `{account}` cannot be a target: it is {why} | nobody is let into it by a \
                     token; name the accounts of applications"
                )]
            );
        }
        assert_eq!(
            written().change("\"WEB\"", "\"W B\"").messages(),
            ["`W B`: an account name has no white space and no control characters"]
        );
    }

    /// hallpass is the only guard between them.
    #[test]
    fn callout_audit_and_system_account_are_three() {
        assert_eq!(
            written().change("account = \"AUDIT\"", "account = \"AUTH\"").problems(),
            [
                "18: `callout.account` and `audit.account` are both `AUTH` | give each an account of \
              its own, as in `nats-server.conf`"
            ]
        );
        assert_eq!(
            written().change("\"SYSTEM\"", "\"AUTH\"").messages(),
            ["`callout.account` and `accounts.system` are both `AUTH`"]
        );
        assert_eq!(
            written().flag("accounts.system", "AUDIT").problems(),
            [
                "--set accounts.system: `audit.account` and `accounts.system` are both `AUDIT` | give \
              each an account of its own, as in `nats-server.conf`"
            ]
        );
        let all = written().flag("accounts.system", "X").flag("audit.account", "X");
        assert_eq!(all.flag("callout.account", "X").messages().len(), 3);
        assert_eq!(
            written().change("[\"APP\", \"WEB\"]", "[]").messages(),
            ["`targets` is empty: nobody could be let in anywhere"]
        );
    }

    /// What maps are judged by is there whatever else is wrong.
    #[test]
    fn targets_and_issuers_are_read_as_far_as_they_can_be() {
        let broken = written()
            .change("keys/issuer.nk", "keys/none.nk")
            .change("\"WEB\"", "\"W B\"")
            .cut("roles_claim")
            .cut("system");
        let layers = broken.layers();
        assert!(Settings::read(&layers, &mut Problems::default()).is_none());
        assert_eq!(Settings::targets(&layers).unwrap(), ["APP".parse().unwrap()].into());
        assert_eq!(Settings::issuer_names(&layers).unwrap(), ["corp".parse().unwrap()].into());
        let none = written().without("accounts").without("issuers.corp").layers();
        assert_eq!((Settings::targets(&none), Settings::issuer_names(&none)), (None, None));
        let by_flag = written().flag("accounts.targets", "X,Y").layers();
        assert_eq!(Settings::targets(&by_flag).unwrap().len(), 2);
    }

    /// A mistake elsewhere in a section does not hide this one.
    #[test]
    fn they_are_found_beside_other_problems() {
        let found = written()
            .change("\"WEB\"", "\"AUTH\", \"AUDIT\"")
            .change("keys/issuer.nk", "keys/none.nk")
            .change("keys/audit-writer.nk", "keys/none.nk")
            .messages();
        let targets = found.iter().filter(|says| says.contains("cannot be a target")).count();
        assert_eq!(targets, 2, "{found:#?}");
    }
}

mod issuers {
    use super::*;

    fn with(url: &str, allow: bool) -> Vec<String> {
        let written = written().change("https://idp.example.com", url);
        let line = format!("allow_http_loopback = {allow}");
        written.add("issuers.corp", &line).messages()
    }

    #[test]
    fn plain_http_is_for_loopback_and_by_name_only() {
        for url in
            ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:1/x", "http://127.9.9.9"]
        {
            assert_eq!(with(url, true), [""; 0], "{url}");
            assert_eq!(with(url, false), ["`issuer` is plain http"], "{url}");
        }
        for url in [
            "http://idp.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://[::2]",
            "ftp://127.0.0.1",
            "file:///x",
        ] {
            for allow in [true, false] {
                assert_eq!(with(url, allow), ["`issuer` is not an https URL"], "{url}");
            }
        }
        for url in [
            "https://u:PASSWORD@idp.example.com",
            "http://PASSWORD@127.0.0.1",
            "https://:PASSWORD@h",
        ] {
            assert_eq!(with(url, true), ["`issuer` has credentials in it"], "{url}");
            let (_, problems) = written().change("https://idp.example.com", url).read();
            for problem in problems.iter() {
                assert!(!problem.render(false).contains("PASSWORD"), "{url}");
            }
        }
        for text in ["", "idp.example.com", "//idp.example.com", "https://"] {
            assert_eq!(with(text, true), ["`issuer` is not a URL"], "{text:?}");
        }
    }

    #[test]
    fn an_address_of_keys_is_held_to_the_same() {
        let jwks =
            |uri: &str| written().add("issuers.corp", &format!("jwks_uri = \"{uri}\"")).messages();
        assert_eq!(jwks("https://keys.example.com"), [""; 0]);
        assert_eq!(jwks("http://127.0.0.1/jwks"), ["`jwks_uri` is plain http"]);
        assert_eq!(jwks("http://keys.example.com"), ["`jwks_uri` is not an https URL"]);
        // With it, `issuer` is a text to compare and nothing to fetch.
        let text = written()
            .change("https://idp.example.com", "kubernetes/serviceaccount")
            .add("issuers.corp", "jwks_uri = \"https://keys.example.com\"");
        assert_eq!(text.settings().issuers[0].issuer, "kubernetes/serviceaccount");
    }

    #[test]
    fn algorithms() {
        let of =
            |list: &str| written().add("issuers.corp", &format!("algorithms = {list}")).problems();
        for symmetric in ["HS256", "HS384", "HS512"] {
            assert_eq!(
                of(&format!("[\"{symmetric}\"]")),
                [format!(
                    "24: `{symmetric}` is symmetric: who verifies with it can also sign | write names \
                     such as `RS256`, `PS256`, `ES256`, `EdDSA`"
                )]
            );
        }
        for unknown in ["none", "", "rs256", "ES512", "RSA-OAEP"] {
            let found = of(&format!("[\"RS256\", \"{unknown}\"]"));
            assert!(
                found[0].starts_with(&format!("24: `{unknown}` is no known signature algorithm"))
            );
        }
        // Nothing is not everything.
        assert_eq!(
            of("[]"),
            ["24: `algorithms` is empty: no token could be accepted | leave it out for every \
              asymmetric algorithm, or name some"]
        );
        assert_eq!(
            of("\"RS256\"")[0],
            "24: `algorithms` is a string, not a list of strings | write it as `algorithms = [\"…\"]`"
        );
    }

    #[test]
    fn audiences_are_texts_that_say_something() {
        let of = |list: &str| written().change("[\"nats\"]", list).messages();
        let empty = "`audiences` is empty: a token meant for anybody would be accepted";
        assert_eq!(of("[]"), [empty]);
        assert_eq!(of("[1]"), ["`audiences` is a whole number, not a string"]);
        assert_eq!(of("\"nats\""), ["`audiences` is a string, not a list of strings"]);
        assert_eq!(of("[\"\"]"), ["an audience is not empty"]);
        assert_eq!(of("[\"nats\", \" \"]"), ["an audience is not empty"]);
        assert_eq!(of("[\"na\\nts\"]"), ["an audience has no control characters"]);
        for (value, says) in [("", empty), (" ", empty), ("nats,,x", "an audience is not empty")] {
            let variable = written().environment("HALLPASS__ISSUERS__CORP__AUDIENCES", value);
            assert_eq!(variable.messages(), [says], "{value:?}");
            let flag = written().flag("issuers.corp.audiences", value);
            assert_eq!(flag.messages(), [says], "{value:?}");
        }
    }

    #[test]
    fn two_names_for_one_issuer() {
        let mut twice = written();
        twice.text += "\n[issuers.twin]\nissuer = \"https://idp.example.com\"\naudiences = [\"a\"]\nroles_claim = \"r\"\n";
        assert_eq!(twice.messages(), ["`twin` has the same `issuer` as `corp`"]);
        let named = written().change("[issuers.corp]", "[issuers.\"a:b\"]");
        assert_eq!(
            named.messages(),
            ["`a:b`: an issuer name is made of lower-case letters, digits and `-`"]
        );
    }
}

mod spans_and_numbers {
    use super::*;

    #[test]
    fn durations_have_bounds() {
        for (section, key, low, high, outside) in [
            ("callout", "deadline", "100ms", "2s", ["99ms", "2001ms"]),
            ("audit", "max_age", "1h", "7300d", ["59m", "7301d"]),
            ("issuers.corp", "leeway", "0s", "5m", ["301s", "1h"]),
            ("issuers.corp", "refresh", "10s", "24h", ["9s", "25h"]),
        ] {
            let of = |value: &str| written().add(section, &format!("{key} = {value}")).messages();
            for good in [low, high] {
                assert_eq!(of(&format!("\"{good}\"")), [""; 0], "{key} {good}");
            }
            for bad in outside {
                let found = of(&format!("\"{bad}\""));
                assert_eq!(found, [format!("`{key}` is not between {low} and {high}")]);
            }
            for odd in ["", "5", "-1s", "soon", "1 month"] {
                let says = format!("`{odd}` is not a span of time");
                assert_eq!(of(&format!("\"{odd}\"")), [says]);
            }
            assert_eq!(of("5"), [format!("`{key}` is a whole number, not a span of time")]);
        }
    }

    #[test]
    fn numbers_have_bounds() {
        for (section, key, range) in
            [("callout", "max_in_flight", "1 to 100000"), ("audit", "replicas", "1 to 5")]
        {
            for bad in ["0", "-1", "100001", "1.5", "true", "\"x\"", "9223372036854775807"] {
                let found = written().add(section, &format!("{key} = {bad}")).messages();
                assert_eq!(found, [format!("`{key}` is not a whole number from {range}")], "{bad}");
            }
        }
    }

    #[test]
    fn urls_of_servers() {
        const NOT: &str = "not the URL of a NATS server";
        let of = |url: &str| written().change("nats://localhost:4222", url);
        for good in ["nats://h", "tls://h:1", "nats://127.0.0.1:4222", "nats://[::1]:4222"] {
            assert_eq!(of(good).messages(), [""; 0], "{good}");
        }
        for bad in ["", "h:4222", "http://h", "nats:", "ws://h", "nats://"] {
            assert_eq!(of(bad).messages(), [NOT], "{bad:?}");
        }
        // Credentials do not belong here, and are not repeated.
        for bad in ["nats://u:PASSWORD@h", "nats://PASSWORD@h", "nats://:PASSWORD@h"] {
            let written = of(bad);
            let (_, problems) = written.read();
            let says = "the URL of a NATS server has credentials in it";
            assert_eq!(written.messages(), [says], "{bad}");
            assert!(written.problems()[0].starts_with("2: "), "where it stands is said");
            for problem in problems.iter() {
                assert!(!problem.render(false).contains("PASSWORD"), "{bad}");
            }
        }
        for bad in ["u:PASSWORD@h:4222", "nats:u:PASSWORD@h", "nats:/u:PASSWORD/@h"] {
            let written = of(bad);
            assert_eq!(written.messages(), [NOT], "{bad}");
            let (_, problems) = written.read();
            for problem in problems.iter() {
                assert!(!problem.render(false).contains("PASSWORD"), "{bad}");
            }
        }
        let none = "`urls` names no server";
        assert_eq!(written().change("[\"nats://localhost:4222\"]", "[]").messages(), [none]);
        assert_eq!(written().flag("nats.urls", "").messages(), [none]);
        assert_eq!(written().environment("HALLPASS__NATS__URLS", "").messages(), [none]);
    }

    #[test]
    fn names_of_streams_and_servers() {
        for bad in ["", "a.b", "a b", "a*", "a>", "å"] {
            let written = written().change("\"HALLPASS_AUDIT\"", &format!("\"{bad}\""));
            assert_eq!(written.messages(), ["`stream` is not the name of a stream"], "{bad:?}");
        }
        let user = nkeys::KeyPair::new_user().public_key();
        for bad in ["N", "", &user] {
            let found = written().add("callout", &format!("servers = [\"{bad}\"]")).messages();
            assert_eq!(
                found,
                [format!("`{bad}`: a server id is a public nkey that begins with `N`")]
            );
        }
        let nobody = "`servers` is empty: nobody would be answered";
        assert_eq!(written().add("callout", "servers = []").messages(), [nobody]);
        assert_eq!(written().flag("callout.servers", "").messages(), [nobody]);
        for bad in ["", "a b", "a\\tb", "a*", ">", "a\\u0000"] {
            let found = written().add("callout", &format!("queue = \"{bad}\"")).messages();
            assert_eq!(found, ["`queue` is not the name of a queue group"], "{bad:?}");
        }
        assert_eq!(written().add("callout", "queue = \"a.b-c\"").settings().callout.queue, "a.b-c");
    }
}

mod files {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Layers, Problems> {
        let written = written();
        let path = written.directory.path().join("hallpass.toml");
        std::fs::write(&path, bytes).unwrap();
        Layers::read(&path, [], &[])
    }

    #[test]
    fn a_mark_at_the_beginning_and_other_ends_of_lines_are_fine() {
        let mut marked = written();
        marked.text = format!("\u{feff}{}", marked.text);
        marked.settings();
        let mut ended = written();
        ended.text = ended.text.replace('\n', "\r\n");
        ended.settings();
        let marked = marked.change("stream =", "steam =");
        assert!(marked.problems()[0].starts_with("19: unknown key `steam`"));
        let (_, problems) = marked.read();
        let shown = problems.iter().next().unwrap().render(false);
        assert!(shown.contains("hallpass.toml:19:1\n"), "{shown}");
        assert!(shown.contains("\n   | ^^^^^\n"), "{shown}");
    }

    #[test]
    fn what_is_no_text_no_file_or_not_there() {
        let problems = read(b"[nats]\nurls = \"\xff\"\n").unwrap_err();
        assert!(problems.to_string().ends_with("hallpass.toml:2: the file is not UTF-8 text"));
        let directory = tempfile::tempdir().unwrap();
        let problems = Layers::read(directory.path(), [], &[]).unwrap_err().to_string();
        assert!(
            problems.contains("the configuration cannot be read: Is a directory"),
            "{problems}"
        );
        let none = directory.path().join("none");
        let problems = Layers::read(&none, [], &[]).unwrap_err();
        assert!(problems.to_string().contains("the configuration cannot be read: No such file"));
        assert!(read(b"\0").is_err());
        assert!(read("a = [".repeat(10_000).as_bytes()).is_err());
    }

    #[test]
    fn certificates() {
        let written = written();
        let key = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let (good, path) = (key.cert.pem(), written.path("ca.pem"));
        let torn = good.replace("-----END", "-----ENDE");
        let damaged =
            format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{good}");
        let secret = key.signing_key.serialize_pem();
        let nats = written.add("nats", "ca_file = \"ca.pem\"");
        let nats = nats.add("issuers.corp", "ca_file = \"ca.pem\"");
        for bad in ["", "not PEM", &torn, &damaged, &secret] {
            std::fs::write(&path, bad).unwrap();
            let found = nats.problems();
            assert_eq!(found.len(), 2, "{bad}: {found:?}");
            let says = "2: the certificates in `ca.pem` cannot be used: ";
            assert!(found[0].starts_with(says), "{bad}: {found:?}");
            assert!(nats.reader().is_err(), "{bad}");
        }
        std::fs::write(&path, format!("{good}{secret}")).unwrap();
        nats.settings();
        std::fs::remove_file(&path).unwrap();
        assert!(nats.problems()[1].contains("No such file or directory"));
        std::fs::create_dir(&path).unwrap();
        assert!(nats.problems()[1].contains("Is a directory"));
    }
}

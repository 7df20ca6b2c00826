use super::*;

fn http(lines: &str) -> Written {
    section("http", lines)
}

fn section(name: &str, lines: &str) -> Written {
    let mut written = written();
    written.text.push_str(&format!("\n[{name}]\n{lines}\n"));
    written
}

#[test]
fn nobody_answers_an_agent_check_unless_it_is_said_where() {
    assert_eq!(written().settings().agent, None);
    let settings = section("agent", "listen = \"127.0.0.1:9465\"").settings();
    assert_eq!(settings.agent.unwrap().listen.to_string(), "127.0.0.1:9465");
    assert_eq!(section("agent", "").messages(), ["`[agent]` lacks `listen`"]);
    let told = section("agent", "listen = \"localhost:9465\"").problems();
    let help = "write `127.0.0.1:9465` or `[::1]:9465`";
    assert_eq!(told, [format!("32: `localhost:9465` is not an IP address with a port | {help}")]);
}

#[test]
fn nothing_listens_unless_it_is_said_where() {
    assert_eq!(written().settings().http, None);
    for address in ["127.0.0.1:9464", "[::1]:0", "0.0.0.0:80"] {
        let settings = http(&format!("listen = \"{address}\"")).settings();
        assert_eq!(settings.http.unwrap().listen.to_string(), address);
    }
    let flag = written().flag("http.listen", "127.0.0.1:1").settings();
    assert_eq!(flag.http.unwrap().listen.port(), 1);
}

#[test]
fn what_is_no_address_is_told_at_its_place() {
    assert_eq!(http("").messages(), ["`[http]` lacks `listen`"]);
    for text in ["", "9464", ":9464", "127.0.0.1", "localhost:9464", "::1:9464", "127.0.0.1:65536"]
    {
        let told = http(&format!("listen = \"{text}\"")).problems();
        assert_eq!(
            told,
            [format!(
                "32: `{text}` is not an IP address with a port | write `127.0.0.1:9464` or \
                 `[::1]:9464`"
            )]
        );
    }
    let told = http("listen = \"127.0.0.1:1\"\nlisen = \"127.0.0.1:2\"").messages();
    assert_eq!(told, ["unknown key `lisen` in `[http]`"]);
}

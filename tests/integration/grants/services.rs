use super::*;

const ROLES: [(&str, &str); 3] = [
    ("server", "[[grant]]\nservice = \"echo\"\ncan = [\"serve\"]\nsubjects = [\"svc.echo\"]"),
    ("caller", "[[grant]]\nservice = \"echo\"\ncan = [\"call\"]\nsubjects = [\"svc.echo\"]"),
    ("finder", "[[grant]]\nservice = \"echo\"\ncan = [\"discover\"]"),
];

/// Serves until it is dropped.
async fn serving(hall: &Hall) -> Process {
    let service = hall.client(PY, "server", &[], &["serve echo svc.echo"]);
    service.says("that it serves", |line| line.contains("\"serving\"")).await;
    service
}

#[tokio::test]
async fn a_service_is_served_called_and_discovered() {
    let hall = Hall::with(&ROLES).await;
    let service = serving(&hall).await;
    for file in [PY, JS] {
        let called = [
            ("request svc.echo hi", "echo hi"),
            ("request svc.other hi", DENIED),
            ("request $SRV.PING.echo", DENIED),
            ("request $SRV.PING", DENIED),
        ];
        hall.expect(file, "caller", &called).await;
        let asked = ["PING", "INFO", "STATS"].map(|verb| format!("request $SRV.{verb}.echo"));
        let asked: Vec<_> = asked.iter().map(String::as_str).collect();
        for (answer, verb) in
            hall.does(file, "finder", &asked).await.iter().zip(["ping", "info", "stats"])
        {
            let answer: Value = serde_json::from_str(answer).unwrap();
            assert_eq!(answer["name"], "echo");
            assert_eq!(answer["type"], format!("io.nats.micro.v1.{verb}_response"));
        }
        let neighbours = [
            ("request $SRV.PING.other", DENIED),
            ("request $SRV.PING", DENIED),
            ("request svc.echo hi", DENIED),
        ];
        hall.expect(file, "finder", &neighbours).await;
    }
    let others = [
        ("subscribe svc.echo", DENIED),
        ("subscribe svc.echo others", DENIED),
        ("subscribe svc.other q", DENIED),
        ("subscribe $SRV.PING.other", DENIED),
        ("publish svc.echo x", DENIED),
        ("publish _INBOX.caller.x x", DENIED),
        ("publish $SRV.PING x", DENIED),
    ];
    hall.expect(PY, "server", &others).await;
    hall.expect(PY, "caller", &[("subscribe svc.echo q", DENIED)]).await;
    assert!(!service.complaints().contains("violation"), "{}", service.complaints());
}

/// The answer goes where the caller says.
#[tokio::test]
async fn call() {
    let hall = Hall::with(&ROLES).await;
    let _service = serving(&hall).await;
    let mut ear = hall.ear("elsewhere.>").await;
    hall.expect(PY, "caller", &[("publish svc.echo hi elsewhere.answer", "done")]).await;
    assert_eq!(next(&mut ear).await, "elsewhere.answer echo hi");
}

/// An instance is one of the queue group, and is heard as such.
#[tokio::test]
async fn serve() {
    let hall = Hall::with(&ROLES).await;
    let _service = serving(&hall).await;
    let joined = [("subscribe svc.echo q", "done"), ("subscribe $SRV.PING.echo.*", "done")];
    hall.expect(PY, "server", &joined).await;
}

//! The HAProxy of the tests starts, tells, is asked, reloads, stops and comes back.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{Haproxy, PLAIN, eventually, soon};

const SECTIONS: &str = r#"
frontend one
  bind "$ONE"
  log global
  log-format "came from %ci"
  default_backend b
frontend two
  bind "$TWO"
  default_backend b
backend b
  server s "$SERVER" weight 100 check inter 50ms
"#;

/// Answers every connection with what it hears, for ever.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn echoes(stream: &mut TcpStream) -> bool {
    let mut heard = [0; 5];
    let said = stream.write_all(b"hello").await.is_ok();
    said && soon("an echo", stream.read_exact(&mut heard)).await.is_ok() && &heard == b"hello"
}

#[tokio::test]
async fn haproxy_forwards_tells_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("haproxy.cfg");
    let text = format!("{PLAIN}{SECTIONS}");
    std::fs::write(&configuration, &text).unwrap();
    let environment = [("SERVER", echo().await)];
    let mut haproxy = Haproxy::start(&configuration, &["ONE", "TWO"], &environment).await;
    let one = haproxy.address("ONE");
    assert_ne!(one, haproxy.address("TWO"));
    for listener in ["ONE", "TWO"] {
        let mut stream = TcpStream::connect(haproxy.address(listener)).await.unwrap();
        assert!(echoes(&mut stream).await);
    }
    haproxy.says("a login", |line| line == "came from 127.0.0.1").await;
    assert_eq!(haproxy.log().len(), 1, "the other one logs nothing");

    haproxy.ask("set server b/s weight 50%").await;
    haproxy.thinks("b", "s", "at half its weight", |state| state.weight == 50).await;
    let state = haproxy.thinks("b", "s", "is checked", |state| state.status == "UP").await;
    assert_eq!((state.check.as_str(), state.agent.as_str()), ("L4OK", ""));

    // Who is connected stays so over a reload, and new ones get what is new.
    let mut stays = TcpStream::connect(&one).await.unwrap();
    assert!(echoes(&mut stays).await);
    std::fs::write(&configuration, text.replace("came from", "is here from")).unwrap();
    haproxy.reload().await;
    assert!(echoes(&mut stays).await);
    eventually("a connection of the new worker", || async {
        TcpStream::connect(&one).await.ok()?;
        let said = haproxy.log();
        said.iter().any(|line| line == "is here from 127.0.0.1").then_some(())
    })
    .await;
    drop(stays);

    haproxy.stop().await;
    TcpStream::connect(&one).await.expect_err("nobody listens");
    haproxy.start_again().await;
    assert_eq!(haproxy.address("ONE"), one);
    let mut stream = TcpStream::connect(&one).await.unwrap();
    assert!(echoes(&mut stream).await);
}

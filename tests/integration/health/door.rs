//! Whoever reaches the HTTP address and means no good keeps nobody else out.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::support::{World, soon};

/// How many may be connected at once.
const MOST: usize = 64;
/// How long each of them may be.
const HELD: Duration = Duration::from_secs(5);

/// Says this, and leaves it at that.
async fn begin(address: &str, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream
}

/// What comes until the end, however that comes.
async fn rest(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    let _ = soon("the end of a connection", stream.read_to_end(&mut heard)).await;
    String::from_utf8(heard).unwrap()
}

async fn listening() -> (World, String) {
    let mut world = World::builder().replicas(0).start().await;
    world.add_hallpass(&HTTP).await;
    let at = http(&world.hallpass[0]).await;
    (world, at)
}

#[tokio::test]
async fn questions_that_do_not_end_keep_nobody_out() {
    let (world, at) = listening().await;
    let mut half = Vec::new();
    for count in 0..4 * MOST {
        let said: &[u8] = if count % 2 == 0 { b"GET /livez HTTP/1.1\r\nHost: h" } else { b"" };
        half.push(begin(&at, said).await);
    }
    // They are all before this one, which is answered before any of them has had its time.
    let probe = timeout(HELD / 2, get(&at, "/livez")).await.expect("it waits for them");
    assert_eq!(probe.unwrap(), (StatusCode::OK, "live\n".to_owned()));
    let youngest = half.split_off(half.len() - MOST / 2);
    let still = |stream: &TcpStream| {
        let read = stream.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let kept = youngest.iter().filter(|stream| still(stream)).count();
    assert_eq!(kept, youngest.len(), "the oldest have to go, not these");
    eventually("no more of them than there is room for", || async {
        (half.iter().filter(|stream| still(stream)).count() <= MOST / 2).then_some(())
    })
    .await;
    // And in the end there is none of them.
    for stream in half.into_iter().chain(youngest) {
        assert_eq!(rest(stream).await, "");
    }
    assert_eq!(get(&at, "/readyz").await.unwrap().0, StatusCode::OK);
    drop(world);
}

#[tokio::test]
async fn nobody_stays_for_another_question() {
    let (_world, at) = listening().await;
    let question = b"GET /livez HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
    let told = rest(begin(&at, question).await).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.ends_with("\r\n\r\nlive\n"), "{told}");
    // The head of a question has an end, too.
    let long = format!("GET /livez HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(64 * 1024));
    let told = rest(begin(&at, long.as_bytes()).await).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 431 "), "{told}");
}

//! What HAProxy makes of each word: of nothing of ours but the text, so that another version of it
//! is found out here.

use std::sync::{Arc, Mutex};

use hallpass::edge::weight::Answer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Answers everybody with the newest of what it was told to say.
async fn parrot() -> (String, Arc<Mutex<Answer>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let says = Arc::new(Mutex::new(Answer::Ready(40)));
    let said = Arc::clone(&says);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = said.lock().unwrap().to_string();
            let mut heard = [0; 64];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, says)
}

#[tokio::test]
async fn each_answer_undoes_the_one_before() {
    let world = World::builder().replicas(0).start().await;
    let (at, says) = parrot().await;
    let address = host_and_port(world.nats.url());
    let backend = Backend { name: "nats-1", address: &address, agent: &at, asks: "nats-1" };
    let haproxy = haproxy(&world, &[backend]).await;
    let (ready, drain) = (Answer::Ready(70), Answer::Drain);
    let down = Answer::Down("hallpass has no connection to nats-server");
    let so = |answer: Answer, state: &ServerState| match answer {
        Answer::Ready(percent) => state.status == "UP" && state.weight == u32::from(percent),
        Answer::Drain => state.status.starts_with("DRAIN"),
        Answer::Down(_) => state.status.starts_with("DOWN"),
        // It is heard, and changes nothing.
        Answer::NoNews => state.agent == "L7RSP",
    };
    let hears = async |answer: Answer| {
        *says.lock().unwrap() = answer;
        haproxy.thinks("nats", "nats-1", &format!("{answer:?}"), |state| so(answer, state)).await
    };
    hears(Answer::Ready(40)).await;
    for answer in [drain, ready, down, ready, drain, down, drain, down, ready, drain, ready] {
        hears(answer).await;
        let after = hears(Answer::NoNews).await;
        assert!(so(answer, &after), "{answer:?} is still so: {after:?}");
    }
}

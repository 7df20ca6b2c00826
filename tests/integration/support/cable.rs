//! A connection that can be cut, and that can be long: a TCP proxy between hallpass and a server.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Forwards connections for as long as it lives, while it is not cut.
pub struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    delays: Arc<Delays>,
    forwarding: tokio::task::JoinHandle<()>,
}

/// How much later comes what the server says.
#[derive(Default)]
struct Delays {
    everybody: Mutex<Duration>,
    /// By the name that a NATS client gives itself.
    named: Mutex<HashMap<String, Duration>>,
}

impl Delays {
    fn of(&self, name: Option<&String>) -> Duration {
        let named = name.and_then(|name| self.named.lock().unwrap().get(name).copied());
        named.unwrap_or(*self.everybody.lock().unwrap())
    }
}

impl Cable {
    /// A cable to `host:port`.
    pub async fn to(target: String) -> Self {
        Self::late(target, Duration::ZERO).await
    }

    /// A cable to `host:port` by which everything that the server says comes later.
    pub async fn late(target: String, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        let delays = Arc::new(Delays::default());
        let all = Arc::clone(&delays);
        let forwarding = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), is_whole.clone());
                let delays = Arc::clone(&all);
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    let (says, hears) = near.into_split();
                    let (answers, asked) = far.into_split();
                    let name = OnceLock::new();
                    tokio::select! {
                        _ = async {
                            tokio::join!(
                                there(says, asked, &name),
                                back(answers, hears, || delays.of(name.get())),
                            )
                        } => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        let cable = Self { address, whole, delays, forwarding };
        cable.delay(delay);
        cable
    }

    /// The URL of its near end.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// `host:port` of its near end.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on everything that the server says comes so much later.
    pub fn delay(&self, delay: Duration) {
        *self.delays.everybody.lock().unwrap() = delay;
    }

    /// The same, for the NATS clients alone that call themselves this.
    pub fn delay_of(&self, name: &str, delay: Duration) {
        self.delays.named.lock().unwrap().insert(name.to_owned(), delay);
    }

    /// Ends every connection, and every new one at once.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

/// Hands on what comes, and looks for the name in CONNECT.
async fn there(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, name: &OnceLock<String>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let text = String::from_utf8_lossy(&piece[..length]);
        if let Some((_, rest)) = text.split_once("CONNECT ").filter(|_| name.get().is_none()) {
            let told = rest.split_once("\"name\":\"").and_then(|(_, rest)| rest.split_once('"'));
            let _ = told.map(|(told, _)| name.set(told.to_owned()));
        }
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Hands on what comes, each piece so much later: none waits for the one before.
async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: impl Fn() -> Duration) {
    let (sent, mut coming) = mpsc::channel::<(Instant, Vec<u8>)>(4096);
    let reading = async {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let due = Instant::now() + delay();
            if sent.send((due, piece[..length].to_vec())).await.is_err() {
                break;
            }
        }
        drop(sent);
    };
    let writing = async {
        while let Some((due, piece)) = coming.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.forwarding.abort();
    }
}

//! A connection that can be cut, and that can be long: a TCP proxy between hallpass and a server.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Forwards connections for as long as it lives, while it is not cut.
pub struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    forwarding: tokio::task::JoinHandle<()>,
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
        let forwarding = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), is_whole.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    let (mut says, hears) = near.into_split();
                    let (answers, mut asked) = far.into_split();
                    let there = async {
                        let _ = io::copy(&mut says, &mut asked).await;
                        let _ = asked.shutdown().await;
                    };
                    tokio::select! {
                        _ = async { tokio::join!(there, back(answers, hears, delay)) } => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { address, whole, forwarding }
    }

    /// The URL of its near end.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
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

/// Hands on what comes, each piece so much later.
async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(delay).await;
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.forwarding.abort();
    }
}

//! tokio-tungstenite as its examples use it: `echo-server.rs`, and for everybody a broadcast channel.

use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;

#[tokio::main]
async fn main() {
    let listener = peers::listen().await;
    let (everybody, _) = broadcast::channel(4096);
    while let Ok((stream, _)) = listener.accept().await {
        let everybody = everybody.clone();
        tokio::spawn(async move {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let mut published = everybody.subscribe();
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(message)) if message.is_text() => {
                            if peers::is_broadcast() {
                                let _ = everybody.send(message);
                            } else if socket.send(message).await.is_err() {
                                break;
                            }
                        }
                        Some(Ok(_)) => {}
                        _ => break,
                    },
                    Ok(message) = published.recv() => {
                        if socket.send(message).await.is_err() {
                            break;
                        }
                    }
                }
            }
        });
    }
}

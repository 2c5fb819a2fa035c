//! tokio-tungstenite by somebody who has measured it: small buffers, no delay, and one flush for all
//! that waits.

use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

#[tokio::main]
async fn main() {
    let listener = peers::listen().await;
    let (everybody, _) = broadcast::channel(4096);
    let is_broadcast = peers::is_broadcast();
    while let Ok((stream, _)) = listener.accept().await {
        let everybody = everybody.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let config = WebSocketConfig::default()
                .read_buffer_size(4 << 10)
                .write_buffer_size(4 << 10);
            let socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await;
            let mut socket = socket.unwrap();
            if !is_broadcast {
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        break;
                    }
                }
                return;
            }
            let mut published = everybody.subscribe();
            loop {
                tokio::select! {
                    message = socket.next() => match message {
                        Some(Ok(message)) if message.is_text() => {
                            let _ = everybody.send(message);
                        }
                        Some(Ok(_)) => {}
                        _ => break,
                    },
                    Ok(message) = published.recv() => {
                        let mut next = Ok(message);
                        let mut sent = Ok(());
                        while let (Ok(message), Ok(())) = (next, &sent) {
                            sent = socket.feed(message).await;
                            next = published.try_recv();
                            if let Err(TryRecvError::Lagged(_)) = next {
                                return;
                            }
                        }
                        if sent.is_err() || socket.flush().await.is_err() {
                            break;
                        }
                    }
                }
            }
        });
    }
}

//! axum's `ws`, as its documentation and its example `chat` use it.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;

type Everybody = broadcast::Sender<Message>;

#[tokio::main]
async fn main() {
    let (everybody, _) = broadcast::channel(4096);
    let app = Router::new().route("/", any(handler)).with_state(everybody);
    axum::serve(peers::listen().await, app).await.unwrap();
}

async fn handler(ws: WebSocketUpgrade, State(everybody): State<Everybody>) -> Response {
    if peers::is_broadcast() {
        ws.on_upgrade(|socket| serve(socket, everybody))
    } else {
        ws.on_upgrade(echo)
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn serve(socket: WebSocket, everybody: Everybody) {
    let (mut sender, mut receiver) = socket.split();
    let mut published = everybody.subscribe();
    let sending = tokio::spawn(async move {
        while let Ok(message) = published.recv().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
    });
    while let Some(Ok(message)) = receiver.next().await {
        if matches!(message, Message::Text(_)) {
            let _ = everybody.send(message);
        }
    }
    sending.abort();
}

//! socketioxide, as its documentation has it, in a router of axum.

use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

#[tokio::main]
async fn main() {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("message", async |socket: SocketRef, io: SocketIo, Data::<String>(text)| {
            if peers::is_broadcast() {
                io.emit("message", &text).await.ok();
            } else {
                socket.emit("message", &text).ok();
            }
        });
    });
    let app = axum::Router::new().layer(layer);
    axum::serve(peers::listen().await, app).await.unwrap();
}

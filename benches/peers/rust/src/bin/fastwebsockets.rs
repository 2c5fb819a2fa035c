//! fastwebsockets, as its example `echo_server.rs` uses it with hyper.

use fastwebsockets::{FragmentCollector, FragmentCollectorRead, Frame, OpCode, WebSocketError, upgrade};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast;

type Everybody = broadcast::Sender<Bytes>;

#[tokio::main]
async fn main() {
    let listener = peers::listen().await;
    let (everybody, _) = broadcast::channel(4096);
    while let Ok((stream, _)) = listener.accept().await {
        let everybody = everybody.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, everybody.clone()));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.with_upgrades().await;
        });
    }
}

async fn answer(
    mut request: Request<Incoming>,
    everybody: Everybody,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgrade) = upgrade::upgrade(&mut request)?;
    tokio::spawn(async move {
        let _ = if peers::is_broadcast() {
            serve(upgrade, everybody).await
        } else {
            echo(upgrade).await
        };
    });
    Ok(response)
}

async fn echo(upgrade: upgrade::UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgrade.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn serve(upgrade: upgrade::UpgradeFut, everybody: Everybody) -> Result<(), WebSocketError> {
    let (reader, mut writer) = upgrade.await?.split(tokio::io::split);
    let mut reader = FragmentCollectorRead::new(reader);
    let mut published = everybody.subscribe();
    tokio::spawn(async move {
        while let Ok(message) = published.recv().await {
            let frame = Frame::text(fastwebsockets::Payload::Borrowed(&message));
            if writer.write_frame(frame).await.is_err() {
                break;
            }
        }
    });
    loop {
        let mut answer = |_| async { Ok::<_, WebSocketError>(()) };
        let frame = reader.read_frame(&mut answer).await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text => {
                let _ = everybody.send(Bytes::copy_from_slice(&frame.payload));
            }
            _ => {}
        }
    }
}

//! jsonrpsee, as its documentation has it: a trait with its macro, and a server; for everybody a broadcast
//! channel, as in its example `ws_pubsub_broadcast.rs`.

use jsonrpsee::core::{RpcResult, SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::{PendingSubscriptionSink, Server, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetPeriodResponse {
    interaction_id: String,
    period: f64,
}

#[rpc(server)]
pub trait Heartbeat {
    #[method(name = "getPeriod", param_kind = map)]
    async fn get_period(&self, #[argument(rename = "interactionId")] interaction_id: String) -> RpcResult<GetPeriodResponse>;

    #[method(name = "post")]
    async fn post(&self, line: String) -> RpcResult<()>;

    #[subscription(name = "listen" => "line", unsubscribe = "unlisten", item = String)]
    async fn listen(&self) -> SubscriptionResult;
}

struct Pulse {
    everybody: broadcast::Sender<String>,
}

#[async_trait]
impl HeartbeatServer for Pulse {
    async fn get_period(&self, interaction_id: String) -> RpcResult<GetPeriodResponse> {
        Ok(GetPeriodResponse { interaction_id, period: 5.0 })
    }

    async fn post(&self, line: String) -> RpcResult<()> {
        let _ = self.everybody.send(line);
        Ok(())
    }

    async fn listen(&self, pending: PendingSubscriptionSink) -> SubscriptionResult {
        let mut lines = self.everybody.subscribe();
        let sink = pending.accept().await?;
        loop {
            tokio::select! {
                _ = sink.closed() => return Ok(()),
                Ok(line) = lines.recv() => {
                    let line = serde_json::value::to_raw_value(&line)?;
                    if sink.send(line).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let config = ServerConfig::builder().max_connections(20_000).ws_only().build();
    let server = Server::builder().set_config(config).build("127.0.0.1:0").await.unwrap();
    println!("{}", server.local_addr().unwrap().port());
    let (everybody, _) = broadcast::channel(4096);
    server.start(Pulse { everybody }.into_rpc()).stopped().await;
}

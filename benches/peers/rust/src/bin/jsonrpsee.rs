//! jsonrpsee, as its documentation has it: a trait with its macro, and a server.

use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::{Server, ServerConfig};
use serde::{Deserialize, Serialize};

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
}

struct Pulse;

#[async_trait]
impl HeartbeatServer for Pulse {
    async fn get_period(&self, interaction_id: String) -> RpcResult<GetPeriodResponse> {
        Ok(GetPeriodResponse { interaction_id, period: 5.0 })
    }
}

#[tokio::main]
async fn main() {
    let config = ServerConfig::builder().max_connections(20_000).ws_only().build();
    let server = Server::builder().set_config(config).build("127.0.0.1:0").await.unwrap();
    println!("{}", server.local_addr().unwrap().port());
    server.start(Pulse.into_rpc()).stopped().await;
}

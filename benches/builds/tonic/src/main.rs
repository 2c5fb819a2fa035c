//! Greets whoever asks.

use tonic::transport::Server;
use tonic::{Request, Response, Status};

use self::hello_world::greeter_server::{Greeter, GreeterServer};
use self::hello_world::{HelloReply, HelloRequest};

mod hello_world {
    tonic::include_proto!("helloworld");
}

struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello {}!", request.into_inner().name);
        Ok(Response::new(HelloReply { message }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = "127.0.0.1:50051".parse()?;
    Server::builder()
        .add_service(GreeterServer::new(Polite))
        .serve(address)
        .await?;
    Ok(())
}

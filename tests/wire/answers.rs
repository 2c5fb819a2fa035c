//! Requests that are answered by one of several messages, by an error, or by nothing but that.

use serde_json::json;
use specwire::{Fault, Message, Request, Server};

use self::generated::{
    AccountError, Amount, AskReply, Balance, Client, Close, Limit, Rejected, RejectedHeaders,
    Transfer, Transferred, Waiting,
};
use crate::client::{Peer, soon};
use crate::service::Running;

#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
mod generated {
    include!("../../codegen/tests/golden/Replies.rs");
}

struct Bank;

impl generated::Service for Bank {
    async fn ask_balance(
        &self,
        request: Request<Balance>,
    ) -> Result<AskReply, Fault<AccountError>> {
        match request.balance_of.as_str() {
            "Ada" => Ok(Amount { amount: 3 }.into()),
            "Bob" => Ok(Waiting("until Monday".to_owned()).into()),
            nobody => Err(AccountError {
                failure: format!("there is no {nobody}"),
            }
            .into()),
        }
    }

    async fn ask_limit(&self, request: Request<Limit>) -> Result<AskReply, Fault<AccountError>> {
        let rejected = Rejected {
            reason: format!("{} is unlimited", request.limit_of),
        };
        let headers = RejectedHeaders {
            branch: Some("north".to_owned()),
        };
        Ok(AskReply::Rejected(Message::new(rejected, headers)))
    }

    async fn transfer(&self, request: Request<Transfer>) -> Result<Transferred, Fault> {
        match request.to.as_str() {
            "nobody" => Err(Fault::new("nobody", "there is nobody")),
            "other" => Ok(Transferred {
                request_id: Some(8),
                done: None,
            }),
            _ => Ok(Transferred::default()),
        }
    }

    async fn close(&self, _: Request<Close>) -> Result<(), Fault> {
        Ok(())
    }
}

pub(crate) async fn bank() -> Running {
    Running::start(Server::new().serve(generated::provider(Bank))).await
}

#[tokio::test]
async fn a_client_gets_whichever_message_it_is_answered_with() {
    let server = bank().await;
    let client = Client::connect(&format!("ws://{}/ws", server.address))
        .await
        .unwrap();
    let balance = async |name: &str| {
        let balance_of = name.to_owned();
        client.ask_balance(Balance { balance_of }).await
    };
    assert_eq!(
        balance("Ada").await,
        Ok(AskReply::Amount(Amount { amount: 3 }))
    );
    assert_eq!(
        balance("Bob").await,
        Ok(AskReply::Waiting(Waiting("until Monday".to_owned())))
    );
    let fault = balance("Eve").await.unwrap_err();
    assert_eq!(fault.declared().unwrap().failure, "there is no Eve");
    let limit_of = "Ada".to_owned();
    let AskReply::Rejected(rejected) = client.ask_limit(Limit { limit_of }).await.unwrap() else {
        panic!("it is rejected");
    };
    assert_eq!(rejected.reason, "Ada is unlimited");
    assert_eq!(rejected.headers.branch.as_deref(), Some("north"));
    let closing = "Ada".to_owned();
    client.close(Close { closing }).await.unwrap();
}

#[tokio::test]
async fn a_client_in_tagged_frames_comes_back_after_a_fault() {
    let server = bank().await;
    let url = format!("ws://{}/ws", server.address);
    let client = Client::builder(&url).tagged().connect().await.unwrap();
    let transfer = async |to: &str| {
        let (to, request_id) = (to.to_owned(), 8);
        soon(client.transfer(Transfer { to, request_id })).await
    };
    assert_eq!(
        transfer("nobody").await.unwrap_err().code(),
        Fault::UNAVAILABLE
    );
    assert_eq!(transfer("other").await.unwrap().request_id, Some(8));
}

#[tokio::test]
async fn the_envelope_names_the_message_and_a_raw_frame_shows_its_shape() {
    let server = bank().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(
        &json!({"op": "msg", "id": 1, "channel": "accounts", "message": "limit",
                      "payload": {"limitOf": "Ada"}}),
    )
    .await;
    assert_eq!(
        peer.next().await,
        json!({"op": "msg", "id": 1, "channel": "answers", "message": "rejected",
               "headers": {"branch": "north"}, "payload": {"reason": "Ada is unlimited"}})
    );
    peer.send(
        &json!({"op": "msg", "id": 2, "channel": "accounts", "message": "close",
                      "payload": {"closing": "Ada"}}),
    )
    .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));

    let mut peer = Peer::raw(&server, "/ws/replies/accounts").await;
    peer.send(&json!({"balanceOf": "Ada"})).await;
    assert_eq!(peer.next().await, json!({"amount": 3}));
    peer.send(&json!({"balanceOf": "Eve"})).await;
    assert_eq!(peer.next().await, json!({"failure": "there is no Eve"}));
    peer.send(&json!({"balanceOf": "Bob"})).await;
    assert_eq!(peer.next().await, json!("until Monday"));
}

#[tokio::test]
async fn what_the_payload_correlates_by_is_repeated() {
    let server = bank().await;
    let mut peer = Peer::raw(&server, "/ws/replies/transfers").await;
    for (to, answer) in [
        ("Ada", json!({"requestId": 7})),
        // What the service says itself is not said over.
        ("other", json!({"requestId": 8})),
        (
            "nobody",
            json!({"requestId": 7, "error": {"code": "nobody", "message": "there is nobody"}}),
        ),
    ] {
        peer.send(&json!({"requestId": 7, "to": to})).await;
        assert_eq!(peer.next().await, answer);
    }
}

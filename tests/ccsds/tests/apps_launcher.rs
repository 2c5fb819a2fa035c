//! A published service, implemented and called through what is generated from its document.
#![cfg(ccsds_documents)]
#![deny(warnings)]

use specwire::{Fault, Request, Subscribers, Updates};
use specwire_ccsds::apps_launcher::{
    Client, KillAppError, KillAppSubmit, ListAppError, ListAppErrorName, ListAppRequest,
    ListAppResponse, MonitorExecutionPub, MonitorExecutionSub, RunAppError, RunAppErrorName,
    RunAppSubmit, Service, StopAppProgress, StopAppUpdate,
};

/// Knows the apps 1 and 2.
struct Apps;

impl Service for Apps {
    async fn monitor_execution(
        &self,
        subscribers: Subscribers<MonitorExecutionSub, MonitorExecutionPub>,
    ) -> Result<(), Fault> {
        subscribers.publish(MonitorExecutionPub {
            output_stream: Some("started".to_owned()),
            ..MonitorExecutionPub::default()
        });
        std::future::pending().await
    }

    async fn run_app(&self, request: Request<RunAppSubmit>) -> Result<(), Fault<RunAppError>> {
        let apps = request.app_inst_ids.as_deref().unwrap_or_default();
        if apps.iter().all(|app| matches!(app, 1 | 2)) {
            return Ok(());
        }
        Err(RunAppError {
            name: Some(RunAppErrorName::Unknown),
            ..RunAppError::default()
        }
        .into())
    }

    async fn kill_app(&self, _request: Request<KillAppSubmit>) -> Result<(), Fault<KillAppError>> {
        Err(Fault::new("too_late", "nothing is running"))
    }

    async fn stop_app(
        &self,
        request: Request<StopAppProgress>,
        updates: Updates<StopAppUpdate>,
    ) -> Result<(), Fault> {
        for app in request.app_inst_ids.iter().flatten() {
            updates
                .send(StopAppUpdate {
                    app_closing: Some(*app),
                    ..StopAppUpdate::default()
                })
                .await?;
        }
        Ok(())
    }

    async fn list_app(
        &self,
        request: Request<ListAppRequest>,
    ) -> Result<ListAppResponse, Fault<ListAppError>> {
        if request.category.is_some() {
            return Err(ListAppError {
                name: Some(ListAppErrorName::Unknown),
                ..ListAppError::default()
            }
            .into());
        }
        Ok(ListAppResponse {
            interaction_id: request.interaction_id.clone(),
            app_inst_ids: Some(vec![1, 2]),
            running: Some(vec![true, false]),
        })
    }
}

#[tokio::test]
async fn a_submit_is_acknowledged_or_refused() {
    let client = Client::in_memory(Apps);
    let run = |app| RunAppSubmit {
        app_inst_ids: Some(vec![app]),
        ..RunAppSubmit::default()
    };
    client.run_app(run(1)).await.expect("app 1 is known");

    let fault = client
        .run_app(run(3))
        .await
        .expect_err("app 3 is not known");
    let error = fault.declared().expect("the document's own error");
    assert_eq!(error.name, Some(RunAppErrorName::Unknown));

    let fault = client
        .kill_app(KillAppSubmit::default())
        .await
        .expect_err("it is too late");
    assert_eq!(fault.code(), "too_late");
    assert_eq!(fault.declared(), None);
}

#[tokio::test]
async fn a_request_is_answered_by_its_response_or_its_error() {
    let client = Client::in_memory(Apps);
    let request = ListAppRequest {
        interaction_id: Some("7".to_owned()),
        ..ListAppRequest::default()
    };
    let response = client
        .list_app(request.clone())
        .await
        .expect("no category is asked for");
    assert_eq!(response.interaction_id.as_deref(), Some("7"));
    assert_eq!(response.app_inst_ids.as_deref(), Some([1, 2].as_slice()));
    assert_eq!(response.running.as_deref(), Some([true, false].as_slice()));

    let request = ListAppRequest {
        category: Some("games".to_owned()),
        ..request
    };
    let fault = client
        .list_app(request)
        .await
        .expect_err("there are no categories");
    let error = fault.declared().expect("the document's own error");
    assert_eq!(error.name, Some(ListAppErrorName::Unknown));
}

#[tokio::test]
async fn a_progress_gives_its_updates_and_ends() {
    let client = Client::in_memory(Apps);
    let request = StopAppProgress {
        app_inst_ids: Some(vec![2, 1]),
        ..StopAppProgress::default()
    };
    let mut progress = client.stop_app(request).await.expect("it is accepted");
    let mut stopped = Vec::new();
    while let Some(update) = progress.update().await.expect("it does not fail") {
        stopped.extend(update.app_closing);
    }
    assert_eq!(stopped, [2, 1]);
    progress.response().await.expect("it ends well");
}

#[tokio::test]
async fn a_subscription_gets_what_is_published() {
    let client = Client::in_memory(Apps);
    let mut outputs = client
        .monitor_execution(MonitorExecutionSub::default())
        .await
        .expect("anybody may subscribe");
    let output = outputs
        .next()
        .await
        .expect("it does not fail")
        .expect("it has not ended");
    assert_eq!(output.output_stream.as_deref(), Some("started"));
}

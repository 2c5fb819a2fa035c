//! Services called within the process, with no socket and with paused time: how users test theirs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use specwire::{Ack, Fault, Message, Request, Subscribers, Updates, Uuid};
use specwire_server::heartbeat::{self, BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse};
use specwire_server::services::heartbeat::Pulse;
use specwire_server::services::topics::Exchange;
use specwire_server::topics;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// All six patterns: the golden file of a document of ours.
#[allow(unreachable_pub, reason = "a generated module is public where it is")]
mod telescope {
    // Not a `#[path]`: rustfmt would follow it, and golden files are as they are generated.
    include!("../codegen/tests/golden/Patterns.rs");
}

const PERIOD: Duration = Duration::from_secs(5);

fn subscription(id: &str) -> BeatSub {
    BeatSub {
        subscription_id: Some(id.to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn beats_come_at_the_period_and_carry_the_own_subscription_only() {
    let provider = heartbeat::provider(Pulse { period: PERIOD });
    let one = heartbeat::Client::new(specwire::Client::in_memory(provider.clone()));
    let two = heartbeat::Client::new(specwire::Client::in_memory(provider));
    let mut ones = one.beat(subscription("one")).await.unwrap();
    let mut twos = two.beat(subscription("two")).await.unwrap();
    let start = Instant::now();
    // The one that came first had its first beat at once.
    assert_eq!(ones.next().await.unwrap().unwrap().payload, beat("one"));
    assert_eq!(start.elapsed(), Duration::ZERO);
    for round in 1..5 {
        assert_eq!(ones.next().await.unwrap().unwrap().payload, beat("one"));
        assert_eq!(twos.next().await.unwrap().unwrap().payload, beat("two"));
        assert_eq!(start.elapsed(), PERIOD * round);
    }
}

fn beat(id: &str) -> BeatPub {
    BeatPub {
        subscription_id: Some(id.to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_period_is_a_mal_duration_and_the_interaction_id_comes_back() {
    for (period, text) in [(PERIOD, "5"), (Duration::from_millis(200), "0.2")] {
        let client = heartbeat::Client::in_memory(Pulse { period });
        let request = GetPeriodRequest {
            interaction_id: Some("7".to_owned()),
        };
        let response = client.get_period(request).await.unwrap();
        assert_eq!(response.period.unwrap().to_string(), text);
        assert_eq!(response.interaction_id.as_deref(), Some("7"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_correlation_header_of_the_request_is_that_of_every_reply() {
    let client = heartbeat::Client::in_memory(Pulse { period: PERIOD });
    let request_id = Some(Uuid::new_v4());
    let headers = heartbeat::BeatSubHeaders {
        request_id,
        ..Default::default()
    };
    let mut beats = client
        .beat(Message::new(subscription("one"), headers))
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(
            beats.next().await.unwrap().unwrap().headers.request_id,
            request_id
        );
    }
    let mut plain = client.beat(subscription("two")).await.unwrap();
    assert_eq!(
        plain.next().await.unwrap().unwrap().headers.request_id,
        None
    );
}

/// Counts how often its pub/sub handler was started and stopped, and does as it is told.
struct Counting {
    runs: watch::Sender<Runs>,
    outcome: fn(usize) -> Option<Result<(), Fault>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Runs {
    started: usize,
    stopped: usize,
}

impl Counting {
    fn new(outcome: fn(usize) -> Option<Result<(), Fault>>) -> (Self, watch::Receiver<Runs>) {
        let (runs, watched) = watch::channel(Runs::default());
        (Self { runs, outcome }, watched)
    }
}

struct Stopped(watch::Sender<Runs>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.send_modify(|runs| runs.stopped += 1);
    }
}

impl heartbeat::Service for Counting {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        self.runs.send_modify(|runs| runs.started += 1);
        let _stopped = Stopped(self.runs.clone());
        subscribers.publish(beat("to all"));
        let started = self.runs.borrow().started;
        match (self.outcome)(started) {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    async fn get_period(&self, _: Request<GetPeriodRequest>) -> Result<GetPeriodResponse, Fault> {
        panic!("a handler that panics");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_runs_from_the_first_subscriber_to_the_last() {
    let (service, mut runs) = Counting::new(|_| None);
    let client = heartbeat::Client::in_memory(service);
    let mut first = client.beat(subscription("first")).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap().payload, beat("to all"));
    let second = client.beat(subscription("second")).await.unwrap();
    assert_eq!(
        *runs.borrow(),
        Runs {
            started: 1,
            stopped: 0
        }
    );

    drop(first);
    // A call that comes back shows that what was sent before it has been acted upon.
    let third = client.beat(subscription("third")).await.unwrap();
    assert_eq!(
        *runs.borrow(),
        Runs {
            started: 1,
            stopped: 0
        }
    );

    drop((second, third));
    runs.wait_for(|runs| runs.stopped == 1).await.unwrap();
    let mut again = client.beat(subscription("again")).await.unwrap();
    assert_eq!(again.next().await.unwrap().unwrap().payload, beat("to all"));
    assert_eq!(
        *runs.borrow(),
        Runs {
            started: 2,
            stopped: 1
        }
    );

    drop((again, client));
    runs.wait_for(|runs| runs.stopped == 2).await.unwrap();
}

/// R06: a thousand clients come and go at once. One handler runs at a time, and as long as somebody
/// is subscribed; none is left in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_clients_that_come_and_go_start_and_stop_a_handler_once_each_time() {
    struct Exclusive {
        runs: watch::Sender<Runs>,
        running: Arc<AtomicUsize>,
    }
    struct Ended(Arc<AtomicUsize>, watch::Sender<Runs>);
    impl Drop for Ended {
        fn drop(&mut self) {
            assert_eq!(self.0.fetch_sub(1, Ordering::SeqCst), 1);
            self.1.send_modify(|runs| runs.stopped += 1);
        }
    }
    impl heartbeat::Service for Exclusive {
        async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
            assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "one runs");
            let _ended = Ended(Arc::clone(&self.running), self.runs.clone());
            self.runs.send_modify(|runs| runs.started += 1);
            loop {
                subscribers.publish_each(|sub| beat(sub.subscription_id.as_deref().unwrap()));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }

        async fn get_period(
            &self,
            _: Request<GetPeriodRequest>,
        ) -> Result<GetPeriodResponse, Fault> {
            Ok(GetPeriodResponse::default())
        }
    }
    let (runs, mut watched) = watch::channel(Runs::default());
    let running = Arc::new(AtomicUsize::new(0));
    let provider = heartbeat::provider(Exclusive {
        runs,
        running: Arc::clone(&running),
    });
    let clients = (0..1000).map(|number: u32| {
        let provider = provider.clone();
        tokio::spawn(async move {
            let client = heartbeat::Client::new(specwire::Client::in_memory(provider));
            for round in 0..3 {
                let id = format!("{number}-{round}");
                let mut beats = client.beat(subscription(&id)).await.unwrap();
                // Some are gone before anything has come.
                if !(number + round).is_multiple_of(3) {
                    let publication = beats.next().await.unwrap().unwrap();
                    assert_eq!(publication.payload, beat(&id));
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    watched
        .wait_for(|runs| runs.started == runs.stopped)
        .await
        .unwrap();
    assert_eq!(running.load(Ordering::SeqCst), 0);
    // It can be started as before.
    let client = heartbeat::Client::new(specwire::Client::in_memory(provider));
    let before = watched.borrow().started;
    let mut beats = client.beat(subscription("last")).await.unwrap();
    assert_eq!(beats.next().await.unwrap().unwrap().payload, beat("last"));
    assert_eq!(watched.borrow().started, before + 1);
}

/// The end of a handler is waited for: until what it holds is dropped, no other starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_starts_when_the_one_before_it_has_ended() {
    type Log = Arc<Mutex<Vec<&'static str>>>;
    struct Slow(Log, Arc<Mutex<std::sync::mpsc::Receiver<()>>>);
    struct Dropping(Log, Arc<Mutex<std::sync::mpsc::Receiver<()>>>);
    impl Drop for Dropping {
        fn drop(&mut self) {
            let _ = self.1.lock().unwrap().recv();
            self.0.lock().unwrap().push("ended");
        }
    }
    impl heartbeat::Service for Slow {
        async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
            self.0.lock().unwrap().push("started");
            let _dropping = Dropping(Arc::clone(&self.0), Arc::clone(&self.1));
            subscribers.publish(beat("started"));
            std::future::pending().await
        }

        async fn get_period(
            &self,
            _: Request<GetPeriodRequest>,
        ) -> Result<GetPeriodResponse, Fault> {
            Ok(GetPeriodResponse::default())
        }
    }
    let (release, released) = std::sync::mpsc::channel();
    let log = Log::default();
    let slow = Slow(Arc::clone(&log), Arc::new(Mutex::new(released)));
    let client = heartbeat::Client::in_memory(slow);
    let mut first = client.beat(subscription("first")).await.unwrap();
    assert!(first.next().await.unwrap().is_some());
    drop(first);
    let mut second = client.beat(subscription("second")).await.unwrap();
    // For so long it could have been started.
    let early = tokio::time::timeout(Duration::from_millis(200), second.next()).await;
    assert!(early.is_err(), "two handlers run at once: {early:?}");
    release.send(()).unwrap();
    assert!(second.next().await.unwrap().is_some());
    assert_eq!(*log.lock().unwrap(), ["started", "ended", "started"]);
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ends_ends_its_subscriptions_and_the_next_starts_it_again() {
    let (service, runs) = Counting::new(|_| Some(Ok(())));
    let client = heartbeat::Client::in_memory(service);
    for run in 1..3 {
        let mut ended = client.beat(subscription("1")).await.unwrap();
        assert!(ended.next().await.unwrap().is_some());
        assert_eq!(ended.next().await, Ok(None));
        assert_eq!(ended.next().await, Ok(None));
        assert_eq!(runs.borrow().started, run);
    }
}

/// When each run of a handler began, as the subscriber sees it.
async fn beginnings(service: Counting, count: usize) -> Vec<Duration> {
    let client = heartbeat::Client::in_memory(service);
    let mut beats = client.beat(subscription("patient")).await.unwrap();
    let start = Instant::now();
    let mut beginnings = Vec::new();
    for _ in 0..count {
        assert!(beats.next().await.unwrap().is_some());
        beginnings.push(start.elapsed());
    }
    beginnings
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_started_again_later_and_later_for_the_same_subscribers() {
    let (service, runs) = Counting::new(|run| {
        assert!(run % 2 == 1, "a handler that panics");
        Some(Err(Fault::new("no_clock", "the clock is gone")))
    });
    let beginnings = beginnings(service, 13).await;
    let pauses: Vec<_> = beginnings
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    let expected = [
        100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000,
    ];
    assert_eq!(pauses, expected.map(Duration::from_millis));
    let runs = *runs.borrow();
    assert!(
        runs.started <= runs.stopped + 1,
        "one runs at a time: {runs:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_has_run_for_a_while_is_started_again_soon() {
    struct Ailing(AtomicUsize);
    impl heartbeat::Service for Ailing {
        async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
            subscribers.publish(beat("begun"));
            if self.0.fetch_add(1, Ordering::SeqCst) == 3 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Err(Fault::new("no_clock", "the clock is gone"))
        }

        async fn get_period(
            &self,
            _: Request<GetPeriodRequest>,
        ) -> Result<GetPeriodResponse, Fault> {
            Ok(GetPeriodResponse::default())
        }
    }
    let client = heartbeat::Client::in_memory(Ailing(AtomicUsize::new(0)));
    let mut beats = client.beat(subscription("patient")).await.unwrap();
    let mut before = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        assert!(beats.next().await.unwrap().is_some());
        pauses.push(before.elapsed().as_millis());
        before = Instant::now();
    }
    assert_eq!(pauses, [0, 100, 200, 400, 60_100, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_has_failed_is_not_started_again_for_nobody() {
    let (service, mut runs) = Counting::new(|_| Some(Err(Fault::new("no_clock", "it is gone"))));
    let client = heartbeat::Client::in_memory(service);
    let beats = client.beat(subscription("impatient")).await.unwrap();
    runs.wait_for(|runs| runs.stopped == 3).await.unwrap();
    drop(beats);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(runs.borrow().started, 3);
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_own_request_and_no_other() {
    let (service, _runs) = Counting::new(|_| None);
    let client = heartbeat::Client::in_memory(service);
    let mut beats = client.beat(subscription("1")).await.unwrap();
    let fault = client
        .get_period(GetPeriodRequest::default())
        .await
        .unwrap_err();
    assert_eq!(fault.code(), Fault::INTERNAL);
    assert!(beats.next().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_read_ends_and_leaves_the_others_alone() {
    struct Flood;
    impl heartbeat::Service for Flood {
        async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
            loop {
                subscribers.publish_each(|sub| beat(sub.subscription_id.as_deref().unwrap()));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }

        async fn get_period(
            &self,
            _: Request<GetPeriodRequest>,
        ) -> Result<GetPeriodResponse, Fault> {
            Ok(GetPeriodResponse::default())
        }
    }
    let client = heartbeat::Client::in_memory(Flood);
    let mut idle = client.beat(subscription("idle")).await.unwrap();
    let mut eager = client.beat(subscription("eager")).await.unwrap();
    for _ in 0..1000 {
        assert_eq!(eager.next().await.unwrap().unwrap().payload, beat("eager"));
    }
    let mut taken = 0;
    let fault = loop {
        match idle.next().await {
            Ok(publication) => {
                assert_eq!(publication.unwrap().payload, beat("idle"));
                taken += 1;
            }
            Err(fault) => break fault,
        }
    };
    assert!(taken >= 256, "{taken}");
    assert_eq!(fault.code(), Fault::SLOW_CONSUMER);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_delivered_as_far_as_there_is_room_for_it() {
    struct Burst(usize);
    impl heartbeat::Service for Burst {
        async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
            for _ in 0..self.0 {
                subscribers.publish(beat("burst"));
            }
            Ok(())
        }

        async fn get_period(
            &self,
            _: Request<GetPeriodRequest>,
        ) -> Result<GetPeriodResponse, Fault> {
            Ok(GetPeriodResponse::default())
        }
    }
    for (size, end) in [(255, None), (1000, Some(Fault::SLOW_CONSUMER))] {
        let client = heartbeat::Client::in_memory(Burst(size));
        let mut beats = client.beat(subscription("burst")).await.unwrap();
        let mut taken = 0;
        let ended = loop {
            match beats.next().await {
                Ok(Some(_)) => taken += 1,
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        assert_eq!(ended.as_ref().map(Fault::code), end);
        assert!(taken >= 255, "{taken}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_a_limit_of_exchanges_and_those_that_ended_do_not_count() {
    let client = heartbeat::Client::in_memory(Pulse { period: PERIOD });
    for _ in 0..500 {
        client
            .get_period(GetPeriodRequest::default())
            .await
            .unwrap();
        drop(client.beat(subscription("gone")).await.unwrap());
    }
    let mut subscriptions = Vec::new();
    for _ in 0..128 {
        subscriptions.push(client.beat(subscription("x")).await.unwrap());
    }
    let fault = client.beat(subscription("x")).await.unwrap_err();
    assert_eq!(fault.code(), Fault::LIMIT_EXCEEDED);
    subscriptions.pop();
    client.beat(subscription("x")).await.unwrap();
}

/// A telescope that answers every pattern; `dropped` counts exposures that were given up.
#[derive(Clone, Default)]
struct Dome {
    parked: Arc<AtomicUsize>,
    given_up: Option<mpsc::Sender<()>>,
}

fn refusal() -> telescope::Refusal {
    telescope::Refusal {
        reason: telescope::RefusalReason::Horizon,
    }
}

fn picture(number: u32) -> telescope::Picture {
    telescope::Picture {
        number,
        url: format!("https://example.org/{number}"),
    }
}

struct GivenUp(mpsc::Sender<()>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

impl telescope::Service for Dome {
    async fn park(&self, _: Request<telescope::ParkSend>) -> Result<(), Fault> {
        self.parked.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn point_at(
        &self,
        request: Request<telescope::Place>,
    ) -> Result<(), Fault<telescope::PointAtError>> {
        if request.declination < 0.0 {
            return Err(telescope::PointAtError(refusal()).into());
        }
        Ok(())
    }

    async fn status(
        &self,
        _: Request<telescope::StatusRequest>,
    ) -> Result<Message<telescope::StatusResponse>, Fault> {
        let response = telescope::StatusResponse {
            parked: self.parked.load(Ordering::SeqCst) > 0,
            place: None,
        };
        let headers = telescope::StatusResponseHeaders {
            station: Some("north".to_owned()),
        };
        Ok(Message::new(response, headers))
    }

    async fn expose(
        &self,
        request: Request<telescope::ExposeInvoke>,
        ack: Ack<telescope::ExposeAck, telescope::ExposeError>,
    ) -> Result<telescope::ExposeResponse, Fault<telescope::ExposeError>> {
        let Some(duration) = request.duration.as_secs() else {
            return Err(telescope::ExposeError(refusal()).into());
        };
        let ends_at = Some(format!("in {duration:?}"));
        ack.send(telescope::ExposeAck { ends_at }).await?;
        tokio::time::sleep(duration).await;
        Ok(telescope::ExposeResponse(picture(1)))
    }

    async fn survey(
        &self,
        request: Request<telescope::SurveyProgress>,
        updates: Updates<telescope::SurveyUpdate, telescope::SurveyError>,
    ) -> Result<telescope::SurveyResponse, Fault<telescope::SurveyError>> {
        let _given_up = self.given_up.clone().map(GivenUp);
        let mut pictures = 0;
        for _ in &request.corners {
            tokio::time::sleep(PERIOD).await;
            pictures += 1;
            updates
                .send(telescope::SurveyUpdate(picture(pictures)))
                .await?;
        }
        if pictures == 0 {
            return Err(telescope::SurveyError(refusal()).into());
        }
        Ok(telescope::SurveyResponse { pictures })
    }

    async fn weather(
        &self,
        _: Subscribers<telescope::WeatherSub, telescope::WeatherPub>,
    ) -> Result<(), Fault> {
        Ok(())
    }
}

fn place(declination: f64) -> telescope::Place {
    telescope::Place {
        right_ascension: 1.5,
        declination,
    }
}

#[tokio::test]
async fn send_submit_and_request() {
    let dome = Dome::default();
    let client = telescope::Client::in_memory(dome.clone());
    client.park(telescope::ParkSend::default()).await.unwrap();
    client.point_at(place(45.0)).await.unwrap();
    let fault = client.point_at(place(-45.0)).await.unwrap_err();
    assert_eq!(fault.code(), Fault::DECLARED);
    assert_eq!(fault.declared().unwrap().0, refusal());

    let status = client.status(telescope::StatusRequest {}).await.unwrap();
    assert!(status.parked);
    assert_eq!(status.headers.station.as_deref(), Some("north"));
}

#[tokio::test(start_paused = true)]
async fn invoke_is_acknowledged_first_and_answered_later() {
    let client = telescope::Client::in_memory(Dome::default());
    let start = Instant::now();
    let request = telescope::ExposeInvoke {
        duration: 30_u32.into(),
    };
    let exposure = client.expose(request).await.unwrap();
    assert_eq!(exposure.ack().unwrap().ends_at.as_deref(), Some("in 30s"));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(exposure.response().await.unwrap().0, picture(1));
    assert_eq!(start.elapsed(), Duration::from_secs(30));

    let request = telescope::ExposeInvoke {
        duration: (-1).into(),
    };
    let fault = client.expose(request).await.unwrap_err();
    assert_eq!(fault.declared().unwrap().0, refusal());
}

#[tokio::test(start_paused = true)]
async fn progress_is_updates_and_then_a_response() {
    let client = telescope::Client::in_memory(Dome::default());
    let request = telescope::SurveyProgress {
        corners: vec![place(1.0), place(2.0)],
    };
    let mut survey = client.survey(request.clone()).await.unwrap();
    assert_eq!(survey.update().await.unwrap().unwrap().0, picture(1));
    assert_eq!(survey.update().await.unwrap().unwrap().0, picture(2));
    assert_eq!(survey.update().await, Ok(None));
    assert_eq!(survey.response().await.unwrap().pictures, 2);

    // The response comes past updates that nobody took.
    let survey = client.survey(request).await.unwrap();
    assert_eq!(survey.response().await.unwrap().pictures, 2);

    let mut refused = client
        .survey(telescope::SurveyProgress::default())
        .await
        .unwrap();
    assert_eq!(refused.update().await, Ok(None));
    assert_eq!(
        refused.response().await.unwrap_err().declared().unwrap().0,
        refusal()
    );
}

#[tokio::test(start_paused = true)]
async fn giving_a_call_up_drops_its_handler() {
    let (sender, mut given_up) = mpsc::channel(64);
    let client = telescope::Client::in_memory(Dome {
        given_up: Some(sender),
        ..Dome::default()
    });
    let start = Instant::now();
    let request = telescope::SurveyProgress {
        corners: vec![place(1.0); 100],
    };
    let survey = client.survey(request).await.unwrap();
    drop(survey);
    given_up.recv().await.unwrap();
    assert!(start.elapsed() < PERIOD);
    // The connection serves on.
    client.status(telescope::StatusRequest {}).await.unwrap();
}

/// A service that takes longer for the first of several messages than for the rest.
struct Slow(mpsc::Sender<String>);

impl topics::Service for Slow {
    async fn greet(&self, _: Subscribers<(), topics::Greeting>) -> Result<(), Fault> {
        std::future::pending().await
    }

    async fn subscribe(
        &self,
        _: Subscribers<topics::Subscribe, topics::Published, topics::TopicParameters>,
    ) -> Result<(), Fault> {
        std::future::pending().await
    }

    async fn unsubscribe(
        &self,
        message: Request<topics::Unsubscribe, topics::TopicParameters>,
    ) -> Result<(), Fault> {
        let _ = self.0.try_send(format!("no more {}", message.topic));
        Ok(())
    }

    async fn publish(
        &self,
        message: Request<topics::Publish, topics::TopicParameters>,
    ) -> Result<(), Fault> {
        if message.topic == "slow" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let _ = self.0.try_send(message.topic.clone());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn messages_without_an_answer_are_handled_in_their_order() {
    let (handled, mut order) = mpsc::channel(4);
    let provider = topics::provider(Slow(handled));
    let client = topics::Client::new(specwire::Client::in_memory(provider));
    let at = |topic: &str| topics::TopicParameters {
        topic: topic.to_owned(),
    };
    for topic in ["quick", "slow", "after"] {
        let publish = topics::Publish {
            topic: topic.to_owned(),
            ..topics::Publish::default()
        };
        client.publish(at(topic), publish).await.unwrap();
    }
    let end = topics::Unsubscribe {
        topic: "slow".to_owned(),
        ..topics::Unsubscribe::default()
    };
    client.unsubscribe(at("slow"), end).await.unwrap();
    for expected in ["quick", "slow", "after", "no more slow"] {
        assert_eq!(order.recv().await.as_deref(), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_is_told_to_the_handler_once() {
    let provider = topics::provider(Exchange);
    let mut ids = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..3 {
        let client = topics::Client::new(specwire::Client::in_memory(provider.clone()));
        let mut greetings = client.greet().await.unwrap();
        let mut next = async || greetings.next().await.unwrap().unwrap().payload.0;
        assert_eq!(next().await, "Welcome to the topic server");
        let id = next().await;
        assert!(id.starts_with("Hello Client ID"), "{id}");
        assert!(!ids.contains(&id), "{id}");
        ids.push(id);
        kept.push(greetings);
    }
    // Nobody is told what a later one is told.
    for mut greetings in kept {
        let more = tokio::time::timeout(PERIOD, greetings.next()).await;
        assert!(more.is_err());
    }
}

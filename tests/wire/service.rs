//! Servers to test against: the heartbeat, and a telescope that does what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use specwire::{
    Ack, Fault, Limits, Message, Metrics, Provider, Request, Server, Subscribers, Updates,
};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use self::patterns::{
    ExposeAck, ExposeError, ExposeInvoke, ExposeResponse, ParkSend, Picture, Place, PointAtError,
    Refusal, RefusalReason, StatusRequest, StatusResponse, StatusResponseHeaders, SurveyError,
    SurveyProgress, SurveyResponse, SurveyUpdate, WeatherPub, WeatherSub,
};
use crate::client::soon;

// Not by `#[path]`: rustfmt would follow it, and golden files are as they are generated.
#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
pub(crate) mod patterns {
    include!("../../codegen/tests/golden/Patterns.rs");
}

/// A server that runs beside the test, and stops when this is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<specwire::Result<()>>,
}

impl Running {
    pub(crate) async fn start(server: Server) -> Self {
        let listener = specwire::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        Self {
            address,
            metrics: server.metrics(),
            stop: Some(stop),
            task: tokio::spawn(server.run(listener, stopped)),
        }
    }

    /// One that the test runs itself, and what tells it to stop.
    pub(crate) fn elsewhere(address: SocketAddr) -> (Self, oneshot::Receiver<()>) {
        let (stop, stopped) = oneshot::channel();
        let running = Self {
            address,
            metrics: Metrics::default(),
            stop: Some(stop),
            task: tokio::spawn(std::future::ready(Ok(()))),
        };
        (running, stopped)
    }

    /// Tells the server to stop, and does not wait for it.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has stopped.
    pub(crate) async fn stopped(self) {
        soon(self.task).await.unwrap().unwrap();
    }
}

/// The heartbeat, as often as `period`.
pub(crate) async fn beating(period: Duration) -> Running {
    Running::start(Server::new().serve(heartbeat::provider(Pulse { period }))).await
}

/// The heartbeat within other limits, too seldom to be in the way.
pub(crate) async fn limited(limits: Limits) -> Running {
    let period = Duration::from_secs(3600);
    let provider = heartbeat::provider(Pulse { period });
    Running::start(Server::new().limits(limits).serve(provider)).await
}

/// The telescope, and what tells it what to do.
pub(crate) async fn telescope() -> (Running, Dome) {
    telescope_within(Limits::default()).await
}

pub(crate) async fn telescope_within(limits: Limits) -> (Running, Dome) {
    let (provider, dome) = provider();
    let running = Running::start(Server::new().limits(limits).serve(provider)).await;
    (running, dome)
}

pub(crate) fn provider() -> (Provider, Dome) {
    let (telescope, dome) = Telescope::new();
    (patterns::provider(telescope), dome)
}

/// The test's end of a telescope.
pub(crate) struct Dome {
    /// Messages to `park`.
    pub(crate) parked: mpsc::UnboundedReceiver<ParkSend>,
    /// Lets calls of `pointAt` to the zenith go on.
    pub(crate) gate: Arc<Semaphore>,
    /// Runs of the weather handler: begun, and ended.
    pub(crate) runs: watch::Receiver<(usize, usize)>,
    weather: mpsc::UnboundedSender<Weather>,
}

impl Dome {
    /// Publishes the wind, and returns how many it was sent to: nobody, if the handler was stopped
    /// instead.
    pub(crate) async fn wind(&self, wind: f64) -> usize {
        let (done, is_done) = oneshot::channel();
        self.weather(Weather::Wind(wind, done));
        soon(is_done).await.unwrap_or(0)
    }

    pub(crate) fn weather(&self, weather: Weather) {
        assert!(self.weather.send(weather).is_ok(), "the telescope is gone");
    }

    /// Waits until the weather handler has begun and ended so often.
    pub(crate) async fn runs(&mut self, begun: usize, ended: usize) {
        let reached = self.runs.wait_for(|runs| *runs == (begun, ended));
        drop(soon(reached).await.unwrap());
    }
}

/// What the weather handler is to do next.
pub(crate) enum Weather {
    Wind(f64, oneshot::Sender<usize>),
    /// Publishes so many, each when the subscribers are ready for it.
    Gusts(usize),
    /// Publishes one message of so many bytes to all.
    #[allow(dead_code, reason = "not all that use this file need it")]
    Front(usize),
    /// Publishes without end, as often as others let it.
    Storm,
    /// From now on each connection has its latest subscription only.
    #[allow(dead_code, reason = "not all that use this file need it")]
    Once,
    End,
    Fail,
    Panic,
}

pub(crate) struct Telescope {
    parked: mpsc::UnboundedSender<ParkSend>,
    gate: Arc<Semaphore>,
    runs: Arc<watch::Sender<(usize, usize)>>,
    weather: Mutex<mpsc::UnboundedReceiver<Weather>>,
}

impl Telescope {
    pub(crate) fn new() -> (Self, Dome) {
        let (parked, parks) = mpsc::unbounded_channel();
        let (orders, weather) = mpsc::unbounded_channel();
        let (runs, seen) = watch::channel((0, 0));
        let gate = Arc::new(Semaphore::new(0));
        let telescope = Self {
            parked,
            gate: Arc::clone(&gate),
            runs: Arc::new(runs),
            weather: Mutex::new(weather),
        };
        let dome = Dome {
            parked: parks,
            gate,
            runs: seen,
            weather: orders,
        };
        (telescope, dome)
    }
}

/// Right ascension at which `pointAt` panics.
pub(crate) const PANIC: f64 = 13.0;
/// Declination at which `pointAt` waits for the gate, and `survey` never ends.
pub(crate) const ZENITH: f64 = 90.0;

impl patterns::Service for Telescope {
    async fn park(&self, message: Request<ParkSend>) -> Result<(), Fault> {
        let message = message.into_message().payload;
        let is_quick = message.quickly == Some(true);
        let _ = self.parked.send(message);
        if is_quick {
            return Err(Fault::new("too_fast", "it would break"));
        }
        Ok(())
    }

    async fn point_at(&self, request: Request<Place>) -> Result<(), Fault<PointAtError>> {
        assert!(request.right_ascension != PANIC, "told to panic");
        if request.declination < 0.0 {
            let reason = RefusalReason::Horizon;
            return Err(PointAtError(Refusal { reason }).into());
        }
        if request.declination > ZENITH {
            return Err(Fault::new("no_such_place", "beyond the zenith"));
        }
        if request.declination == ZENITH {
            self.gate.acquire().await.unwrap().forget();
        }
        Ok(())
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Message<StatusResponse>, Fault> {
        let status = StatusResponse {
            parked: true,
            place: None,
        };
        let station = Some("La Silla".to_owned());
        Ok(Message::new(status, StatusResponseHeaders { station }))
    }

    /// The duration says what happens: 0, refused; 1, acknowledged in words; 2, acknowledged by the
    /// answer; 3, acknowledged and then failed.
    async fn expose(
        &self,
        request: Request<ExposeInvoke>,
        ack: Ack<ExposeAck, ExposeError>,
    ) -> Result<ExposeResponse, Fault<ExposeError>> {
        let duration = request.duration.as_u64();
        let reason = RefusalReason::Clouds;
        if duration == Some(0) {
            return Err(ExposeError(Refusal { reason }).into());
        }
        if duration != Some(2) {
            let ends_at = Some("soon".to_owned());
            ack.send(ExposeAck { ends_at }).await?;
        }
        if duration == Some(3) {
            return Err(ExposeError(Refusal { reason }).into());
        }
        Ok(ExposeResponse(picture(1)))
    }

    async fn survey(
        &self,
        request: Request<SurveyProgress>,
        updates: Updates<SurveyUpdate, SurveyError>,
    ) -> Result<SurveyResponse, Fault<SurveyError>> {
        if request.corners.is_empty() {
            let reason = RefusalReason::Daylight;
            return Err(SurveyError(Refusal { reason }).into());
        }
        let mut pictures = 0;
        for corner in &request.corners {
            loop {
                pictures += 1;
                let mut picture = picture(pictures);
                if corner.declination == ZENITH {
                    // More than a client can take as fast as it is sent.
                    picture.url = "x".repeat(16 << 10);
                }
                let update = SurveyUpdate(picture);
                updates.send(update).await?;
                if corner.declination != ZENITH {
                    break;
                }
            }
        }
        Ok(SurveyResponse { pictures })
    }

    async fn weather(&self, subscribers: Subscribers<WeatherSub, WeatherPub>) -> Result<(), Fault> {
        self.runs.send_modify(|(begun, _)| *begun += 1);
        let _ended = OnDrop(Arc::clone(&self.runs));
        let mut weather = self.weather.lock().await;
        let publish = |wind| {
            subscribers.publish_each(|subscription| WeatherPub {
                subscription_id: subscription.subscription_id.clone(),
                wind: Some(wind),
            })
        };
        while let Some(next) = weather.recv().await {
            match next {
                Weather::Wind(wind, done) => {
                    let _ = done.send(publish(wind));
                }
                Weather::Gusts(count) => {
                    for number in 0_u32..count.try_into().unwrap_or(u32::MAX) {
                        subscribers.ready().await;
                        publish(number.into());
                    }
                }
                Weather::Front(size) => {
                    subscribers.publish(WeatherPub {
                        subscription_id: Some("x".repeat(size)),
                        wind: None,
                    });
                }
                Weather::Storm => loop {
                    publish(118.0);
                    tokio::task::yield_now().await;
                },
                Weather::Once => subscribers.one_per_connection(),
                Weather::End => break,
                Weather::Fail => return Err(Fault::new("no_vane", "the wind took it")),
                Weather::Panic => panic!("told to panic"),
            }
        }
        Ok(())
    }
}

struct OnDrop(Arc<watch::Sender<(usize, usize)>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send_modify(|(_, ended)| *ended += 1);
    }
}

fn picture(number: u32) -> Picture {
    Picture {
        number,
        url: format!("https://example.org/{number}"),
    }
}

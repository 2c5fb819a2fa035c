//! `yaml/Ticker.yaml`: makes up prices, and tells each client those that it watches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use specwire::framing::Tagged;
use specwire::{Fault, Provider, Request, Subscribers};

use super::Settings;
use crate::ticker::{self, Change, Ping, Pong, Service, TickerChange, TickerRequest};

/// The service, whose own clients speak tagged frames.
#[must_use]
pub fn provider(_settings: &Settings) -> Provider {
    ticker::provider(Market::default()).framing(Tagged)
}

/// A market in which prices change at random.
#[derive(Debug)]
pub struct Market {
    period: Duration,
    /// In cents. What a client has asked for stays.
    prices: Mutex<BTreeMap<String, u32>>,
}

/// Symbols that there may be: clients add those that they ask for.
const LISTED: usize = 10_000;

impl Default for Market {
    /// Prices change every two seconds.
    fn default() -> Self {
        Self::new(Duration::from_secs(2))
    }
}

impl Market {
    /// A market whose prices change every `period`, which is not zero.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        let prices = ["AAPL", "MSFT", "SPY"].map(|symbol| (symbol.to_owned(), 10_000));
        Self {
            period,
            prices: Mutex::new(prices.into()),
        }
    }

    fn prices(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.prices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists symbols that nobody has asked for before, as long as there is room.
    fn list(&self, symbols: &[String]) {
        let mut prices = self.prices();
        for symbol in symbols {
            if prices.len() < LISTED && !prices.contains_key(symbol) {
                prices.insert(symbol.clone(), fastrand::u32(1_000..50_000));
            }
        }
    }

    /// Moves prices by two percent at most.
    fn move_prices(&self, symbols: &BTreeSet<String>) -> BTreeMap<String, Change> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let update_time = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let mut prices = self.prices();
        let mut changes = BTreeMap::new();
        for symbol in symbols {
            if let Some(cents) = prices.get_mut(symbol) {
                *cents = (*cents * fastrand::u32(98..=102) / 100).clamp(100, 10_000_000);
                let change = Change {
                    symbol: symbol.clone(),
                    update_time,
                    price: f64::from(*cents) / 100.0,
                };
                changes.insert(symbol.clone(), change);
            }
        }
        changes
    }
}

impl Service for Market {
    async fn watch(
        &self,
        subscribers: Subscribers<TickerRequest, TickerChange>,
    ) -> Result<(), Fault> {
        subscribers.one_per_connection();
        let mut ticks = tokio::time::interval(self.period);
        loop {
            ticks.tick().await;
            // Some of each client's, and so something for everyone.
            let mut moving = BTreeSet::new();
            subscribers.for_each(|watch| {
                self.list(&watch.tickers);
                moving.extend(fastrand::choice(&watch.tickers).cloned());
                let others = watch.tickers.iter().filter(|_| fastrand::bool());
                moving.extend(others.cloned());
            });
            let changes = self.move_prices(&moving);
            subscribers.publish_each(|watch| TickerChange {
                changes: watch
                    .tickers
                    .iter()
                    .filter_map(|symbol| changes.get(symbol).cloned())
                    .collect(),
            });
        }
    }

    async fn ping(&self, request: Request<Ping>) -> Result<Pong, Fault> {
        Ok(Pong(request.payload().0))
    }
}

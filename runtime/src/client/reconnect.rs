//! When to make another connection: exponential back-off with full jitter.

use std::time::Duration;

use uuid::Uuid;

/// The shortest delay, whatever was drawn: a loop without one is impossible.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest, whatever is asked for: more is not waiting any more.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// When a client makes another connection after one was lost or could not be made.
///
/// The delay before an attempt is drawn evenly from nothing to the smaller of `cap` and `base` · 2ⁿ,
/// n attempts having failed before (full jitter), so that many clients of one server do not come
/// back at once; it is 50 ms at least. A connection that lasted as long as `cap` has the count begin
/// again.
///
/// A server that refuses with `Retry-After` in seconds is left alone for that long first; together the
/// two are `cap` at most. A date there is passed over.
///
/// Close codes and refusals that say not to come back are obeyed: `docs/protocol.md`.
///
/// ```
/// use std::time::Duration;
/// use specwire::Reconnect;
///
/// let patient = Reconnect { cap: Duration::from_secs(300), ..Reconnect::default() };
/// assert_eq!(Reconnect::never().attempts, 0);
/// # drop(patient);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reconnect {
    /// The longest delay before the first attempt. Default 500 ms.
    pub base: Duration,
    /// The longest delay before any attempt, a day at most. Default 20 s.
    pub cap: Duration,
    /// Attempts in a row that may fail before the client closes. Default [`u32::MAX`].
    pub attempts: u32,
    /// What delays are drawn from, where they are to be the same each time: for tests. Default
    /// `None`.
    pub seed: Option<u64>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            attempts: u32::MAX,
            seed: None,
        }
    }
}

impl Reconnect {
    /// A connection that is lost closes the client.
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts: 0,
            ..Self::default()
        }
    }
}

/// The delays of one client.
#[derive(Debug)]
pub(super) struct Backoff {
    policy: Reconnect,
    random: SplitMix,
    /// Delays since the last connection that lasted.
    delays: u32,
}

impl Backoff {
    pub(super) fn new(policy: Reconnect) -> Self {
        let seed = policy.seed.unwrap_or_else(random);
        Self {
            policy,
            random: SplitMix(seed),
            delays: 0,
        }
    }

    /// A connection ended after so long.
    pub(super) fn connected_for(&mut self, lasted: Duration) {
        if lasted >= self.policy.cap {
            self.delays = 0;
        }
    }

    /// Another attempt may be made after `failed` in a row.
    pub(super) fn may_try(&self, failed: u32) -> bool {
        failed < self.policy.attempts
    }

    /// The delay before the next attempt, where the server asked for `asked` at least.
    pub(super) fn delay(&mut self, asked: Duration) -> Duration {
        let doubled = 2_u32.checked_pow(self.delays).unwrap_or(u32::MAX);
        let most = self.policy.cap.min(LONGEST);
        let window = self.policy.base.saturating_mul(doubled).min(most);
        self.delays = self.delays.saturating_add(1);
        let drawn = window.mul_f64(self.random.fraction());
        asked.saturating_add(drawn).min(most).max(SHORTEST)
    }
}

/// Unlike that of other clients, which is all that it is for.
fn random() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    // Some bits of each half are the same in every UUID of this version.
    high.rotate_left(32) ^ low
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // As many bits as a double holds exactly.
        (mixed >> 11) as f64 / ((1_u64 << 53) - 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base: u64, cap: u64) -> Backoff {
        Backoff::new(Reconnect {
            base: Duration::from_millis(base),
            cap: Duration::from_millis(cap),
            seed: Some(1),
            ..Reconnect::default()
        })
    }

    #[test]
    fn delays_fill_a_window_that_doubles_up_to_the_cap() {
        let mut windows = [Duration::ZERO; 8];
        for seed in 0..2000 {
            let mut backoff = backoff(1000, 20_000);
            backoff.random = SplitMix(seed);
            for window in &mut windows {
                *window = (*window).max(backoff.delay(Duration::ZERO));
            }
        }
        for (longest, window) in windows.iter().zip([1, 2, 4, 8, 16, 20, 20, 20]) {
            let window = Duration::from_secs(window);
            assert!(*longest <= window, "{longest:?} in {window:?}");
            assert!(
                *longest >= window.mul_f64(0.98),
                "{longest:?} in {window:?}"
            );
        }
    }

    #[test]
    fn delays_are_spread_evenly() {
        let mut quarters = [0; 4];
        for seed in 0..4000 {
            let mut backoff = backoff(1000, 1000);
            backoff.random = SplitMix(seed);
            let place = backoff.delay(Duration::ZERO).as_millis() / 250;
            quarters[usize::try_from(place.min(3)).unwrap()] += 1;
        }
        assert!(
            quarters.iter().all(|count| (850..1150).contains(count)),
            "{quarters:?}"
        );
    }

    #[test]
    fn no_policy_makes_a_loop_without_delay() {
        for (base, cap) in [(0, 0), (0, 20_000), (1000, 0), (u64::MAX, u64::MAX)] {
            let mut backoff = backoff(base, cap);
            for _ in 0..200 {
                assert!(backoff.delay(Duration::ZERO) >= SHORTEST);
            }
        }
    }

    #[test]
    fn only_a_connection_that_lasts_begins_the_count_again() {
        let mut backoff = backoff(1000, 64_000);
        for _ in 0..20 {
            backoff.connected_for(Duration::from_secs(1));
            backoff.delay(Duration::ZERO);
        }
        assert_eq!(backoff.delays, 20);
        backoff.connected_for(Duration::from_secs(64));
        assert!(backoff.delay(Duration::ZERO) <= Duration::from_secs(1));
    }

    #[test]
    fn what_a_server_asks_for_is_waited_up_to_the_cap() {
        for (asked, least) in [(0, 50), (3000, 3000), (20_000, 20_000), (u64::MAX, 20_000)] {
            let mut backoff = backoff(1000, 20_000);
            for window in [1000, 2000, 4000] {
                let delay = backoff.delay(Duration::from_millis(asked));
                let most = asked.saturating_add(window).min(20_000);
                let bounds = Duration::from_millis(least)..=Duration::from_millis(most);
                assert!(bounds.contains(&delay), "{delay:?} in {bounds:?}");
            }
        }
    }

    #[test]
    fn clients_draw_different_delays() {
        assert_ne!(random(), random());
    }
}

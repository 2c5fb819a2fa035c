//! Who is at the other end of a connection, and one exchange with it, as handlers see them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bus::TopicName;
use crate::interaction::Interaction;
use crate::parameters;
use crate::topics::Bus;

/// One connection's other end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connection: Uuid,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) head: Head,
    /// Round trip of the latest ping, in nanoseconds; 0 before the first.
    latency: AtomicU64,
    /// The connection is told to end, because the server stops.
    stop: CancellationToken,
    subscriptions: Mutex<Vec<Weak<dyn Subscription>>>,
}

/// A subscription that can be ended for its subscriber.
pub(crate) trait Subscription: Send + Sync {
    /// It is to this interaction, on this topic.
    fn is_on(&self, topic: &TopicName, interaction: &Interaction) -> bool;

    /// Ends it, and tells the subscriber.
    fn end(&self);
}

impl fmt::Debug for dyn Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

impl Peer {
    pub(crate) fn new(address: Option<SocketAddr>, head: Head, stop: CancellationToken) -> Self {
        Self {
            connection: Uuid::new_v4(),
            address,
            head,
            latency: AtomicU64::new(0),
            stop,
            subscriptions: Mutex::default(),
        }
    }

    /// One within this process.
    pub(crate) fn in_memory() -> Self {
        Self::new(None, Head::default(), CancellationToken::new())
    }

    fn subscriptions(&self) -> MutexGuard<'_, Vec<Weak<dyn Subscription>>> {
        let subscriptions = self.subscriptions.lock();
        subscriptions.unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection has one more subscription.
    pub(crate) fn subscribed(&self, subscription: Weak<dyn Subscription>) {
        let mut subscriptions = self.subscriptions();
        // Most connections have one.
        if subscriptions.capacity() == 0 {
            subscriptions.reserve_exact(1);
        }
        subscriptions.push(subscription);
    }

    /// It has one less, unless it is known to have ended.
    pub(crate) fn unsubscribed(&self, subscription: *const ()) -> bool {
        let mut subscriptions = self.subscriptions();
        let is_it = |held: &Weak<dyn Subscription>| held.as_ptr().cast::<()>() == subscription;
        let index = subscriptions.iter().position(is_it);
        index
            .map(|index| subscriptions.swap_remove(index))
            .is_some()
    }

    /// Ends the connection's subscriptions on a topic, and returns how many there were.
    pub(crate) fn end_subscriptions(&self, topic: &TopicName, interaction: &Interaction) -> usize {
        let held = self.subscriptions();
        let all: Vec<_> = held.iter().filter_map(Weak::upgrade).collect();
        drop(held);
        let meant = all.iter().filter(|one| one.is_on(topic, interaction));
        meant
            // Somebody else may be ending them as well.
            .filter(|one| self.unsubscribed(Arc::as_ptr(one).cast()))
            .map(|one| one.end())
            .count()
    }

    /// How long the peer took to answer the latest ping, if it has answered one.
    pub(crate) fn latency(&self) -> Option<Duration> {
        let nanoseconds = self.latency.load(Ordering::Relaxed);
        (nanoseconds != 0).then(|| Duration::from_nanos(nanoseconds))
    }

    /// The peer took so long to answer a ping.
    pub(crate) fn answered_after(&self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency.store(nanoseconds.max(1), Ordering::Relaxed);
    }
}

/// What a connection was opened with: the subprotocol, the URL's path and query, and the headers of
/// the handshake, in one piece of memory.
///
/// The first line is the subprotocol, the second path and query, and each further one a header. None
/// of them can contain the end of a line (RFC 9110, 5.5).
#[derive(Clone, Default)]
pub(crate) struct Head(Box<str>);

/// Without queries and headers, which may hold secrets.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Head").field(&self.path()).finish()
    }
}

impl Head {
    pub(crate) fn new<'a>(
        subprotocol: Option<&str>,
        path_and_query: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut text = format!("{}\n{path_and_query}", subprotocol.unwrap_or_default());
        for (name, value) in headers {
            text.push('\n');
            text.push_str(name);
            text.push(':');
            text.push_str(value);
        }
        Self(text.into_boxed_str())
    }

    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.0.lines().next().filter(|name| !name.is_empty())
    }

    pub(crate) fn path(&self) -> &str {
        let url = self.url();
        url.split_once('?').map_or(url, |(path, _)| path)
    }

    /// The first of that name in the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url().split_once('?')?;
        parameters::query_pairs(query).find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The first header of that name, in whatever case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().skip(2).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn url(&self) -> &str {
        self.0.lines().nth(1).unwrap_or_default()
    }
}

/// One exchange of a peer with a document's service, for as long as it goes on and for whoever asks
/// later.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) peer: Arc<Peer>,
    pub(crate) document: &'static str,
    pub(crate) bus: Bus,
    life: Mutex<Life>,
}

/// Most exchanges end without anybody having asked to be told.
#[derive(Debug)]
enum Life {
    GoesOn,
    Watched(CancellationToken),
    Ended,
}

impl Context {
    pub(crate) fn new(peer: Arc<Peer>, document: &'static str, bus: &Bus) -> Self {
        Self {
            peer,
            document,
            bus: bus.clone(),
            life: Mutex::new(Life::GoesOn),
        }
    }

    /// What is cancelled when the exchange ends, or its connection, or when the server stops.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        match &*life {
            Life::GoesOn => {
                let token = self.peer.stop.child_token();
                *life = Life::Watched(token.clone());
                token
            }
            Life::Watched(token) => token.clone(),
            Life::Ended => {
                let token = CancellationToken::new();
                token.cancel();
                token
            }
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        self.peer.stop.is_cancelled() || matches!(&*life, Life::Ended)
    }

    /// Tells those who have asked.
    pub(crate) fn end(&self) {
        let life = std::mem::replace(
            &mut *self.life.lock().unwrap_or_else(PoisonError::into_inner),
            Life::Ended,
        );
        if let Life::Watched(token) = life {
            token.cancel();
        }
    }
}

/// The exchange ends when this is dropped.
#[derive(Debug)]
pub(crate) struct GoingOn(Arc<Context>);

impl GoingOn {
    pub(crate) fn new(context: &Arc<Context>) -> Self {
        Self(Arc::clone(context))
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::Home;

    #[test]
    fn what_a_connection_was_opened_with_can_be_asked_for() {
        let headers = [("host", "a:80"), ("x-a", "1: 2"), ("x-a", "3")];
        let head = Head::new(Some("s"), "/ws/a%20b?x=%C3%A9+1&x=2&y", headers);
        assert_eq!(head.subprotocol(), Some("s"));
        assert_eq!(head.path(), "/ws/a%20b");
        assert_eq!(head.query("x").as_deref(), Some("é 1"));
        assert_eq!(head.query("y").as_deref(), Some(""));
        assert_eq!(head.query("z"), None);
        assert_eq!(head.header("X-A"), Some("1: 2"));
        assert_eq!(head.header("Host"), Some("a:80"));
        assert_eq!(head.header("s"), None);
    }

    #[test]
    fn a_call_within_the_process_was_opened_with_nothing() {
        for head in [Head::default(), Head::new(None, "", [])] {
            assert_eq!((head.subprotocol(), head.path()), (None, ""));
            assert_eq!((head.query("x"), head.header("x")), (None, None));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let head = Head::new(None, "/ws?token=secret", [("authorization", "secret")]);
        assert_eq!(format!("{head:?}"), r#"Head("/ws")"#);
    }

    #[test]
    fn a_connection_ends_its_subscriptions_on_one_topic_and_forgets_those_that_have_ended() {
        struct Counted(TopicName, &'static str, AtomicU64);
        impl Subscription for Counted {
            fn is_on(&self, topic: &TopicName, interaction: &Interaction) -> bool {
                self.0 == *topic && self.1 == interaction.name()
            }

            fn end(&self) {
                self.2.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (peer, interaction) = (Peer::in_memory(), Interaction::new("d", "i"));
        let topic = |name| TopicName::new(name).unwrap();
        let held: Vec<Arc<Counted>> = ["a", "b", "a"]
            .iter()
            .map(|name| {
                let held = Arc::new(Counted(topic(name), "i", AtomicU64::new(0)));
                let weak: Weak<Counted> = Arc::downgrade(&held);
                peer.subscribed(weak);
                held
            })
            .collect();
        let other = Interaction::new("d", "other");
        assert_eq!(peer.end_subscriptions(&topic("a"), &other), 0);
        assert_eq!(peer.end_subscriptions(&topic("a"), &interaction), 2);
        assert_eq!(peer.end_subscriptions(&topic("a"), &interaction), 0);
        let ended: Vec<_> = held
            .iter()
            .map(|held| held.2.load(Ordering::Relaxed))
            .collect();
        assert_eq!(ended, [1, 0, 1]);
        assert!(peer.unsubscribed(Arc::as_ptr(&held[1]).cast()));
        assert!(peer.subscriptions().is_empty());
    }

    #[test]
    fn whoever_asks_learns_of_the_end_before_and_after_it() {
        let (peer, home) = (Arc::new(Peer::in_memory()), Home::default());
        let context = Arc::new(Context::new(peer, "document", home.bus()));
        let going_on = GoingOn::new(&context);
        let before = context.cancellation();
        assert!(!before.is_cancelled() && !context.is_cancelled());
        drop(going_on);
        assert!(before.is_cancelled() && context.is_cancelled());
        assert!(context.cancellation().is_cancelled());
    }
}

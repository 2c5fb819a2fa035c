//! Where connections come from, and how many from one place.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::header::HeaderMap;

/// The proxies whose word on where a connection comes from is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<IpAddr>,
}

impl Proxies {
    pub(crate) fn trust(&mut self, proxy: IpAddr) {
        self.trusted.push(proxy.to_canonical());
    }

    /// The client behind `peer`: what the outermost proxy of those that are trusted says of its own
    /// peer, with port 0. Everybody else may write into `X-Forwarded-For` what they like.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        let headers: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let texts = headers.iter().rev().map(|header| header.to_str());
        let hops = texts.flat_map(|text| text.unwrap_or_default().rsplit(','));
        let mut client = peer;
        for hop in hops {
            let Some(address) = address(hop.trim()) else {
                break;
            };
            client = SocketAddr::new(address, 0);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.contains(&address.to_canonical())
    }
}

/// As proxies write it: alone, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare.parse().ok().or_else(with_port)
}

/// How many connections there are from each network.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    counts: Arc<Mutex<Counts>>,
}

type Counts = HashMap<IpAddr, usize>;

/// One connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    network: IpAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            counts: Arc::default(),
        }
    }

    /// Counts one more; `None` if there are as many as may be.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Counted> {
        let network = network(address);
        let mut counts = lock(&self.counts);
        let count = counts.get(&network).copied().unwrap_or_default();
        if count >= self.max {
            return None;
        }
        counts.insert(network, count.saturating_add(1));
        Some(Counted {
            network,
            counts: Arc::clone(&self.counts),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        match counts.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.network)),
        }
    }
}

/// Whoever has an address of IPv6 has the 64 bits after its network's as well.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        v4 => v4,
    }
}

// Nothing that can panic runs under the lock, so a poisoned one holds whole data.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let mut proxies = Proxies::default();
        for proxy in ["10.0.0.1", "10.0.0.2", "fd00::1"] {
            proxies.trust(proxy.parse().unwrap());
        }
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        assert_eq!(
            proxies.client(peer, &headers).ip().to_string(),
            expected,
            "{forwarded:?}"
        );
    }

    #[test]
    fn s08_only_proxies_that_are_listed_say_where_a_client_is() {
        check("192.0.2.1", &["198.51.100.9"], "192.0.2.1");
        check("10.0.0.1", &["198.51.100.9"], "198.51.100.9");
        check("::ffff:10.0.0.1", &["198.51.100.9"], "198.51.100.9");
        check("fd00::1", &["2001:db8::9"], "2001:db8::9");
    }

    #[test]
    fn s08_what_a_client_writes_itself_is_left_alone() {
        check("10.0.0.1", &["1.1.1.1, 198.51.100.9"], "198.51.100.9");
        check(
            "10.0.0.1",
            &["1.1.1.1", "198.51.100.9, 10.0.0.2"],
            "198.51.100.9",
        );
        check(
            "10.0.0.1",
            &["198.51.100.9,10.0.0.2 , 10.0.0.2"],
            "198.51.100.9",
        );
    }

    #[test]
    fn s08_nonsense_and_nothing_leave_the_last_that_is_known() {
        for nonsense in ["", " ", ",", "unknown", "\"_hidden\"", "1.2.3", "::1::"] {
            check("10.0.0.1", &[nonsense], "10.0.0.1");
        }
        check("10.0.0.1", &[], "10.0.0.1");
        check(
            "10.0.0.1",
            &["198.51.100.9, nonsense, 10.0.0.2"],
            "10.0.0.2",
        );
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for text in ["198.51.100.9", "198.51.100.9:80"] {
            check("10.0.0.1", &[text], "198.51.100.9");
        }
        for text in ["2001:db8::9", "[2001:db8::9]", "[2001:db8::9]:80"] {
            check("10.0.0.1", &[text], "2001:db8::9");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_place_and_nothing_is_kept_of_who_has_left() {
        let places = Places::new(2);
        let enter = |text: &str| places.enter(text.parse().unwrap());
        let held = [enter("2001:db8::1"), enter("2001:db8::ffff:1")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::2").is_some());
        let v4 = [enter("192.0.2.1"), enter("::ffff:192.0.2.1")];
        assert!(v4.iter().all(Option::is_some));
        assert!(enter("192.0.2.1").is_none());
        drop((held, v4));
        assert!(lock(&places.counts).is_empty());
    }
}

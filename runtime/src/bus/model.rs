//! Who subscribes, publishes and leaves at once. Each model has been seen to fail when what it is about
//! was broken.

use shuttle::future::block_on;
use shuttle::thread;

use super::*;
use crate::sync::Mutex;
use crate::sync::model::explore;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u32>>>);

impl Heard {
    fn sink(&self) -> Arc<dyn Sink> {
        let heard = self.clone();
        Arc::new(move |publication: &Publication, _| {
            let number = publication.json().1.get().parse().unwrap();
            heard.0.lock().unwrap().push(number);
        })
    }

    fn numbers(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

fn publish(bus: &MemoryBus, number: u32) {
    let publication = Publication::new("m", None, &number.to_string()).unwrap();
    bus.publish(&topic(), &publication, None).unwrap();
}

#[test]
fn all_who_are_subscribed_hear_the_same_order() {
    explore(|| {
        let bus = Arc::new(MemoryBus::new());
        let heard = [Heard::default(), Heard::default()];
        for heard in &heard {
            block_on(bus.subscribe(&topic(), heard.sink())).unwrap();
        }
        let publishers = [[11, 12], [21, 22]].map(|numbers| {
            let bus = Arc::clone(&bus);
            thread::spawn(move || numbers.map(|number| publish(&bus, number)))
        });
        for publisher in publishers {
            publisher.join().unwrap();
        }
        let [one, other] = heard.map(|heard| heard.numbers());
        assert_eq!(one, other);
        for first in [1, 2] {
            let of_one = one.iter().filter(|number| *number / 10 == first);
            assert_eq!(
                of_one.copied().collect::<Vec<_>>(),
                [first * 10 + 1, first * 10 + 2]
            );
        }
    });
}

#[test]
fn whoever_comes_and_goes_hears_what_is_published_meanwhile_and_leaves_nothing() {
    explore(|| {
        let bus = Arc::new(MemoryBus::new());
        let others = [1, 2].map(|number| {
            let bus = Arc::clone(&bus);
            thread::spawn(move || {
                let heard = Heard::default();
                let id = block_on(bus.subscribe(&topic(), heard.sink())).unwrap();
                publish(&bus, number);
                bus.unsubscribe(&topic(), id);
                // A delivery of the other's may still be going on, and no other.
                publish(&bus, 10 + number);
                let heard = heard.numbers();
                assert!(heard.contains(&number), "{heard:?}");
                assert!(!heard.contains(&(10 + number)), "{heard:?}");
            })
        });
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(bus.topics(), 0);
    });
}

#[test]
fn a_sink_may_publish_where_others_publish() {
    explore(|| {
        let bus = Arc::new(MemoryBus::new());
        let heard = Heard::default();
        block_on(bus.subscribe(&topic(), heard.sink())).unwrap();
        let both = ["a", "b"].map(|name| TopicName::new(name).unwrap());
        for name in &both {
            let then = Arc::downgrade(&bus);
            let passes_on = move |publication: &Publication, _| {
                let bus = then.upgrade().unwrap();
                bus.publish(&topic(), publication, None).unwrap();
            };
            block_on(bus.subscribe(name, Arc::new(passes_on))).unwrap();
        }
        let publishers = both.map(|name| {
            let bus = Arc::clone(&bus);
            thread::spawn(move || {
                let publication = Publication::new("m", None, "1").unwrap();
                bus.publish(&name, &publication, None).unwrap();
                publish(&bus, 2);
            })
        });
        for publisher in publishers {
            publisher.join().unwrap();
        }
        let mut heard = heard.numbers();
        heard.sort_unstable();
        assert_eq!(heard, [1, 1, 2, 2]);
    });
}

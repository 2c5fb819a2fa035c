//! The thermostat, called as its users test it: within the process, and over a socket.

use std::time::Duration;

use specwire::{Server, Subscription, bind};
use thermostat::Room;
use thermostat::api::{Client, GetTarget, Reading, SetTarget, Unit, provider};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[tokio::test]
async fn in_memory() {
    raises_the_target(Client::in_memory(Room::default())).await;
}

#[tokio::test]
async fn over_a_socket() {
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new().serve(provider(Room::default()));
    let server = tokio::spawn(server.run(listener, async { drop(stopped.await) }));

    for path in ["ws", "ws/thermostat"] {
        let client = Client::connect(&format!("ws://{address}/{path}"))
            .await
            .unwrap();
        raises_the_target(client).await;
    }

    drop(stop);
    let ended = timeout(Duration::from_secs(10), server).await;
    ended.expect("it stops").unwrap().unwrap();
}

async fn raises_the_target(client: Client) {
    let mut readings = client.reading().await.unwrap();
    for (celsius, heating) in [(18.0, false), (25.0, true)] {
        client.set_target(SetTarget { celsius }).await.unwrap();
        until(&mut readings, Reading { celsius, heating }).await;
    }

    let request = GetTarget {
        unit: Some(Unit::Fahrenheit),
    };
    let target = client.get_target(request).await.unwrap();
    assert_eq!(target.degrees, 77.0);
    assert_eq!(target.unit, Some(Unit::Fahrenheit));
}

/// Takes readings until the wanted one: a message that is not answered may take its time.
async fn until(readings: &mut Subscription<Reading>, wanted: Reading) {
    let wait = timeout(Duration::from_secs(10), async {
        loop {
            let reading = readings.next().await.expect("the service lives");
            if reading.expect("the service goes on").payload == wanted {
                return;
            }
        }
    });
    wait.await.unwrap_or_else(|_| panic!("no {wanted:?} comes"));
}

"""Sends each line of its input as a frame, and prints each frame that comes."""

import sys
from threading import Thread

from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect


def talk(url, *subprotocols):
    with connect(url, subprotocols=subprotocols or None) as socket:
        protocol = socket.subprotocol or ""
        extensions = socket.response.headers.get("Sec-WebSocket-Extensions", "")
        print(f'open protocol="{protocol}" extensions="{extensions}"', flush=True)
        Thread(target=send_input, args=[socket], daemon=True).start()
        try:
            for frame in socket:
                print(frame, flush=True)
        except ConnectionClosedError:
            pass
        print("closed", socket.close_code)


def send_input(socket):
    for line in sys.stdin:
        socket.send(line.removesuffix("\n"))
    socket.close()


try:
    talk(*sys.argv[1:])
except InvalidStatus as refusal:
    print("refused", refusal.response.status_code)

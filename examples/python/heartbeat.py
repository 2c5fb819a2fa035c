"""Watches the heartbeat: heartbeat.py [URL [BEATS]]. A client made from docs/protocol.md alone."""

import asyncio, base64, hashlib, json, os, random, sys, uuid
from http.client import HTTPConnection
from urllib.parse import urlsplit

NEVER_AGAIN = {1000, 1002, 1003, 1007, 1008, 1009, 1010, *range(3500, 4000), *range(4400, 4500)}


class Connection:
    async def open(self, url):
        """A WebSocket (RFC 6455, 4.1) on which the server speaks the envelope."""
        key, url = base64.b64encode(os.urandom(16)).decode(), urlsplit(url)
        http = HTTPConnection(url.netloc, timeout=5)
        http.request("GET", url.path or "/", headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": "specwire.v1.json"})
        answer = http.getresponse()
        if answer.status != 101:
            comes_back = answer.status >= 500 or answer.status in (408, 425, 429)
            raise (ConnectionError if comes_back else SystemExit)(f"refused with {answer.status}")
        accept = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        assert answer.headers["Sec-WebSocket-Accept"] == base64.b64encode(accept).decode()
        self.reader, self.writer = await asyncio.open_connection(sock=http.sock)

    def frame(self, opcode, payload):
        """One frame, masked as those of clients are. None here is longer than 64 KiB."""
        mask, size = os.urandom(4), len(payload)
        size = [0x80 | size] if size < 126 else [0x80 | 126, *size.to_bytes(2)]
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.writer.write(bytes([0x80 | opcode, *size]) + mask + masked)

    def send(self, **envelope):
        self.frame(0x1, json.dumps(envelope).encode())

    async def take(self, count):
        """So many bytes. A server that is silent for long is asked for a sign of life."""
        try:
            return await asyncio.wait_for(self.reader.readexactly(count), 25)
        except TimeoutError:
            self.frame(0x9, b"")
            return await asyncio.wait_for(self.reader.readexactly(count), 8)

    async def envelopes(self, message=b""):
        """What the server says. What RFC 6455 asks for meanwhile is done."""
        while True:
            first, size = await self.take(2)
            if size > 125:
                size = int.from_bytes(await self.take(2 if size == 126 else 8))
            opcode, payload = first & 0xF, await self.take(size)
            if opcode == 0x8:
                self.frame(0x8, payload[:2])
                code = int.from_bytes(payload[:2]) if payload else 1005
                ending = SystemExit if code in NEVER_AGAIN else ConnectionError
                raise ending(f"closed with {code}: {payload[2:].decode()}")
            if opcode == 0x9:
                self.frame(0xA, payload)
            if opcode < 0x8:
                message += payload
                if first & 0x80:
                    yield json.loads(message)
                    message = b""


async def beats(url, subscription):
    connection = Connection()
    await connection.open(url)
    connection.send(op="init", id=0)
    async for envelope in connection.envelopes():
        match envelope:
            case {"op": "ack", "id": 0}:
                connection.send(op="sub", id=1, channel="heartbeat/beat_sub", payload={"subscriptionId": subscription})
                connection.send(op="msg", id=2, channel="heartbeat/getPeriod_request", payload={})
            case {"op": "msg", "id": 2, "payload": {"period": period}}:
                print(f"period: {period} s", flush=True)
            case {"op": "msg", "id": 1, "payload": {"subscriptionId": beat}}:
                yield beat
            case {"op": "ping", "id": number}:
                connection.send(op="pong", id=number)
            case {"op": "err" | "unsub"}:
                sys.exit(f"the server ends it: {envelope}")


async def main(url="ws://127.0.0.1:8080/ws", wanted="1000000", seen=0, attempt=0):
    subscription = str(uuid.uuid4())
    while seen < int(wanted):
        try:
            async for beat in beats(url, subscription):
                seen, attempt = seen + 1, 0
                print(f"beat {seen}: {beat}", flush=True)
                if seen == int(wanted):
                    break
        except (OSError, EOFError) as loss:
            attempt, pause = attempt + 1, random.uniform(0, min(20, 0.5 * 2**attempt))
            print(f"{loss}; trying again in {pause:.1f} s", flush=True)
            await asyncio.sleep(pause)


asyncio.run(main(*sys.argv[1:]))

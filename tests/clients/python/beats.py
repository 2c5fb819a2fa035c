"""Subscribes to the heartbeat, and prints each beat."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect


async def beats(url, subscription_id, reply_to):
    async with connect(url) as socket:
        await socket.send(json.dumps({"subscriptionId": subscription_id, "replyTo": reply_to}))
        async for frame in socket:
            print(frame, flush=True)


asyncio.run(beats(*sys.argv[1:]))

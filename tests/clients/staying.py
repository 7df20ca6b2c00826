#!/usr/bin/env python3
"""A client that stays, with nats-py, for the tests of what becomes of one when a part fails.

    NATS_TOKEN=... PYTHONPATH=target/tools/python \\
        python3 tests/clients/staying.py --url nats://127.0.0.1:4222 --subscribe 'orders.>'

It connects once, with the options that nats-py has without a word, but for how long it pauses
between two attempts; --keep-trying adds those that keep it from giving up. Says what happens,
one JSON object a line, until it is stopped:

    {"event": "connected"}
    {"event": "message", "data": "..."}
    {"event": "disconnected"}
    {"event": "reconnected"}
    {"event": "error", "error": "..."}
    {"event": "closed"}                       it has given up

staying.mjs is the same with the npm client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

import nats
from nats.aio.msg import Msg


def say(event: str, **details: str) -> None:
    print(json.dumps({"event": event, **details}), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--subscribe", required=True)
    parser.add_argument("--keep-trying", action="store_true")
    options = parser.parse_args()

    async def on_error(error: Exception) -> None:
        say("error", error=str(error) or type(error).__name__)

    async def on_disconnected() -> None:
        say("disconnected")

    async def on_reconnected() -> None:
        say("reconnected")

    async def on_closed() -> None:
        say("closed")

    async def on_message(message: Msg) -> None:
        say("message", data=message.data.decode())

    nc = await nats.connect(
        servers=[options.url],
        token=os.environ["NATS_TOKEN"],
        connect_timeout=5,
        reconnect_time_wait=0.2,
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
        closed_cb=on_closed,
        **({"max_reconnect_attempts": -1} if options.keep_trying else {}),
    )
    await nc.subscribe(options.subscribe, cb=on_message)
    await nc.flush()
    say("connected")
    # Whoever started it holds the other end.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())

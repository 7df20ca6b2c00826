#!/usr/bin/env python3
"""A probe that speaks NATS with nats-py, for the integration tests.

    NATS_TOKEN=... PYTHONPATH=target/tools/python \\
        python3 tests/clients/nats-py-client.py --url nats://127.0.0.1:4222 \\
        --subscribe 'orders.acme.>' --publish orders.acme.created=hello --expect 1

Says what happened, one JSON object a line:

    {"event": "connected"}
    {"event": "refused", "error": "..."}          exit status 2
    {"event": "failed", "error": "..."}           exit status 1
    {"event": "ready"}                            subscribed, as far as allowed
    {"event": "permission_violation", "operation": "publish", "subject": "..."}
    {"event": "message", "subject": "...", "data": "..."}
    {"event": "reply", "subject": "...", "data": "..."}
    {"event": "disconnected", "error": "..."}     with --hold
    {"event": "done"}                             exit status 0

A request that gets no reply is a failure. It never connects a second time, and
never sleeps: the server answers in order, so a PONG proves that whatever came
before PING was judged, and its error read. nats-js-client.mjs is the same probe
with the npm client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

REFUSED = 2
FAILED = 1

VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


def say(event: str, **details: str) -> None:
    print(json.dumps({"event": event, **details}), flush=True)


def arguments() -> argparse.Namespace:
    def assignment(text: str) -> tuple[str, bytes]:
        subject, equals, payload = text.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(f"SUBJECT=PAYLOAD is expected, not {text!r}")
        return subject, payload.encode()

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument(
        "--as",
        dest="credential",
        choices=["token", "password", "none"],
        default="token",
        help="where $NATS_TOKEN goes",
    )
    parser.add_argument("--user", default="probe", help="the user name beside a password")
    parser.add_argument("--subscribe", metavar="SUBJECT", action="append", default=[])
    parser.add_argument(
        "--publish", metavar="SUBJECT=PAYLOAD", type=assignment, action="append", default=[]
    )
    parser.add_argument(
        "--request", metavar="SUBJECT=PAYLOAD", type=assignment, action="append", default=[]
    )
    parser.add_argument("--inbox-prefix", default="_INBOX")
    parser.add_argument("--expect", metavar="N", type=int, default=0, help="wait for N messages")
    parser.add_argument(
        "--hold", action="store_true", help="at the end wait for the server to disconnect"
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=10.0, help="for it all")
    return parser.parse_args()


async def barrier(nc: Client) -> None:
    """Returns when the server has judged everything that was sent so far.

    One flush() does not do: nats-py writes its PING at once, while what was
    subscribed and published still waits for another task to write it. By the
    time of the first PONG that task has run, so the second PING comes last.
    """
    await nc.flush()
    await nc.flush()


async def first(wanted: Awaitable[Any], otherwise: Awaitable[Any]) -> asyncio.Future[Any] | None:
    """The first of the two, if it comes first or fails; None if the second does."""
    tasks = [asyncio.ensure_future(wanted), asyncio.ensure_future(otherwise)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return tasks[0] if tasks[0] in done else None


async def probe(options: argparse.Namespace, nc: Client) -> None:
    closed = asyncio.Event()
    enough = asyncio.Event()
    not_permitted = asyncio.Event()
    received = 0

    # nats-py lowers the case of what the server says; these are the originals.
    subjects = {
        subject.lower(): subject
        for subject in [
            *options.subscribe,
            *(subject for subject, _ in options.publish + options.request),
        ]
    }

    async def on_error(error: Exception) -> None:
        violation = VIOLATION.search(str(error))
        if violation:
            operation, subject = violation.groups()
            say(
                "permission_violation",
                operation="publish" if operation == "publish" else "subscribe",
                subject=subjects.get(subject, subject),
            )
            not_permitted.set()

    async def on_closed() -> None:
        closed.set()

    async def on_message(message: Msg) -> None:
        nonlocal received
        say("message", subject=message.subject, data=message.data.decode(errors="replace"))
        received += 1
        if received >= options.expect:
            enough.set()

    token = os.environ.get("NATS_TOKEN", "")
    credential = {
        "token": {"token": token},
        "password": {"user": options.user, "password": token},
        "none": {},
    }[options.credential]
    await nc.connect(
        options.url,
        **credential,
        allow_reconnect=False,
        # What a server that cannot be reached is tried: 0 would be for ever.
        max_reconnect_attempts=1,
        reconnect_time_wait=0,
        # The server may take two seconds over its callout.
        connect_timeout=5,
        inbox_prefix=options.inbox_prefix,
        error_cb=on_error,
        closed_cb=on_closed,
    )
    if not nc.is_connected:
        # nats-py takes an end of the stream instead of PONG for a connection.
        raise ConnectionError("the server closed the connection during the login")
    say("connected")

    for subject in options.subscribe:
        await nc.subscribe(subject, cb=on_message)
    await barrier(nc)
    say("ready")

    for subject, payload in options.publish:
        await nc.publish(subject, payload)
    await barrier(nc)

    for subject, payload in options.request:
        # The only thing that is under way, so a violation now is about it.
        not_permitted.clear()
        answered = await first(
            nc.request(subject, payload, timeout=options.timeout), not_permitted.wait()
        )
        if not answered:
            raise PermissionError(f"the request to {subject} was not permitted")
        reply = answered.result()
        say("reply", subject=subject, data=reply.data.decode(errors="replace"))

    if options.expect:
        if not await first(enough.wait(), closed.wait()):
            raise ConnectionError(f"disconnected: {nc.last_error}")

    if options.hold:
        await closed.wait()
        say("disconnected", error=str(nc.last_error or ""))


async def main(options: argparse.Namespace) -> int:
    nc = Client()
    try:
        await asyncio.wait_for(probe(options, nc), options.timeout)
    except Exception as error:
        if "authorization violation" in str(error).lower() or isinstance(
            error, nats.errors.AuthorizationError
        ):
            say("refused", error=str(error))
            return REFUSED
        late = isinstance(error, asyncio.TimeoutError) and not str(error)
        say("failed", error="timeout" if late else str(error) or type(error).__name__)
        return FAILED
    finally:
        await nc.close()
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))

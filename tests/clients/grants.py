#!/usr/bin/env python3
"""Does what grants are about with nats-py, for the integration tests.

    NATS_TOKEN=... PYTHONPATH=target/tools/python \\
        python3 tests/clients/grants.py --url nats://127.0.0.1:4222 --inbox _INBOX.alice \\
        'kv.put prefs alice.theme dark' 'kv.get prefs bob.theme'

Each argument is an operation, of words with spaces between them. Says how each of
them ended, one JSON object a line:

    {"operation": "kv.put …", "outcome": "done", "value": "1"}
    {"operation": "kv.get …", "outcome": "denied", "value": "publish to …"}
    {"operation": "…", "outcome": "failed", "value": "…"}

`denied` is what the server's permissions stopped while the operation was under
way, and nothing else. grants.mjs is the same with the npm clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import nats.micro
from nats.aio.client import Client
from nats.js import api

VIOLATION = re.compile(r"permissions violation for (.*)")

# What is done when the server has judged it: not to be interrupted by the judgement.
UNANSWERED = ["publish", "subscribe"]

# What an operation waits for messages that do not come.
QUIET = 0.5


class Operations:
    def __init__(self, nc: Client, options: argparse.Namespace) -> None:
        self.nc = nc
        place = {"domain": options.domain} if options.domain else {}
        if options.api_prefix:
            place = {"prefix": options.api_prefix}
        self.js = nc.jetstream(timeout=5, **place)

    # Of the server alone: what no client library does for its user.

    async def request(self, subject: str, data: str = "") -> str:
        return (await self.nc.request(subject, data.encode(), timeout=5)).data.decode()

    async def publish(self, subject: str, data: str, reply: str = "", *headers: str) -> None:
        # Words have no spaces: `_` stands for one.
        pairs = dict(header.replace("_", " ").split("=", 1) for header in headers) or None
        # `-` is no reply subject.
        await self.nc.publish(subject, data.encode(), reply=reply.strip("-"), headers=pairs)
        await self.settle()

    async def subscribe(self, subject: str, queue: str = "") -> None:
        await self.nc.subscribe(subject, queue=queue)
        await self.settle()

    async def settle(self) -> None:
        """Returns when the server has judged what was sent: see nats-py-client.py."""
        await self.nc.flush()
        await self.nc.flush()

    # Streams.

    async def store(self, subject: str, data: str) -> str:
        return str((await self.js.publish(subject, data.encode())).seq)

    async def fetch(self, stream: str, consumer: str, count: str = "1") -> str:
        bound = await self.js.pull_subscribe_bind(consumer=consumer, stream=stream)
        return await self.received(bound, int(count))

    async def received(self, bound: Any, count: int) -> str:
        messages = await bound.fetch(count, timeout=5)
        for message in messages:
            await message.ack_sync()
        return " ".join(message.data.decode() for message in messages)

    async def durable(self, stream: str, name: str, filter_subject: str) -> str:
        """Creates a durable by the name and the filter, or finds it; and reads."""
        bound = await self.js.pull_subscribe(filter_subject, durable=name, stream=stream)
        return await self.received(bound, 10)

    async def ephemeral(self, stream: str, filter_subject: str) -> str:
        """A push consumer that the server names."""
        return await self.pushed(await self.js.subscribe(filter_subject, stream=stream))

    async def ordered(self, stream: str, filter_subject: str) -> str:
        subscription = await self.js.subscribe(
            filter_subject, stream=stream, ordered_consumer=True
        )
        return await self.pushed(subscription)

    async def watch(self, stream: str, filter_subject: str) -> str:
        """As `ordered`, with a name: the filter is in the subject then."""
        config = api.ConsumerConfig(name=self.nc._nuid.next().decode())
        subscription = await self.js.subscribe(
            filter_subject, stream=stream, ordered_consumer=True, config=config
        )
        return await self.pushed(subscription)

    async def counted(self, stream: str, filter_subject: str) -> str:
        """How much there is: more than a server sends without flow control."""
        return str(len((await self.watch(stream, filter_subject)).split(" ")))

    async def found(self, subject: str) -> str:
        """Without the stream's name, which the client looks up."""
        return await self.pushed(await self.js.subscribe(subject, ordered_consumer=True))

    async def push(self, stream: str, consumer: str, group: str = "") -> str:
        info = await self.js.consumer_info(stream, consumer)
        subscription = await self.js.subscribe_bind(
            stream=stream, config=info.config, consumer=consumer
        )
        return await self.pushed(subscription)

    async def pushed(self, subscription: Any) -> str:
        received = []
        while True:
            try:
                message = await subscription.next_msg(timeout=5 if not received else QUIET)
            except nats.errors.TimeoutError:
                break
            received.append(message.data.decode())
            if subscription._sub._jsi._ccreq.ack_policy == api.AckPolicy.EXPLICIT:
                await message.ack_sync()
        await subscription.unsubscribe()
        return " ".join(received)

    async def last(self, stream: str, subject: str) -> str:
        return (await self.js.get_msg(stream, subject=subject, direct=True)).data.decode()

    async def direct(self, stream: str, seq: str) -> str:
        return (await self.js.get_msg(stream, seq=int(seq), direct=True)).data.decode()

    async def message(self, stream: str, seq: str) -> str:
        return (await self.js.get_msg(stream, seq=int(seq))).data.decode()

    async def stream_create(self, stream: str, subject: str) -> None:
        await self.js.add_stream(name=stream, subjects=[subject])

    async def stream_update(self, stream: str, subject: str) -> None:
        config = (await self.js.stream_info(stream)).config
        await self.js.update_stream(config, subjects=[subject])

    async def stream_info(self, stream: str) -> str:
        return str((await self.js.stream_info(stream)).state.messages)

    async def stream_purge(self, stream: str) -> None:
        await self.js.purge_stream(stream)

    async def stream_delete(self, stream: str) -> None:
        await self.js.delete_stream(stream)

    async def message_delete(self, stream: str, seq: str) -> None:
        await self.js.delete_msg(stream, int(seq))

    async def streams(self) -> str:
        return " ".join(info.config.name for info in await self.js.streams_info())

    async def consumers(self, stream: str) -> str:
        infos = await self.js.consumers_info(stream)
        return " ".join(sorted(info.name for info in infos))

    async def consumer_info(self, stream: str, consumer: str) -> str:
        return str((await self.js.consumer_info(stream, consumer)).num_pending)

    async def consumer_delete(self, stream: str, consumer: str) -> None:
        await self.js.delete_consumer(stream, consumer)

    async def consumer_pause(self, stream: str, consumer: str) -> None:
        await self.js.pause_consumer(stream, consumer, "2100-01-01T00:00:00Z")
        await self.js.resume_consumer(stream, consumer)

    async def consumer_reset(self, stream: str, consumer: str) -> None:
        await self.js.reset_consumer(stream, consumer)

    # Buckets.

    async def kv_get(self, bucket: str, key: str, revision: str = "") -> str:
        kv = await self.js.key_value(bucket)
        return (await kv.get(key, revision=int(revision) if revision else None)).value.decode()

    async def kv_put(self, bucket: str, key: str, value: str) -> None:
        await (await self.js.key_value(bucket)).put(key, value.encode())

    async def kv_create(self, bucket: str, key: str, value: str) -> None:
        await (await self.js.key_value(bucket)).create(key, value.encode())

    async def kv_delete(self, bucket: str, key: str) -> None:
        await (await self.js.key_value(bucket)).delete(key)

    async def kv_purge(self, bucket: str, key: str) -> None:
        await (await self.js.key_value(bucket)).purge(key)

    async def kv_watch(self, bucket: str, keys: str) -> str:
        watcher = await (await self.js.key_value(bucket)).watch(keys)
        return await self.entries(watcher)

    async def entries(self, watcher: Any) -> str:
        entries = []
        async for entry in watcher:
            if entry is None:
                break
            entries.append(f"{entry.key}={entry.value.decode()}")
        await watcher.stop()
        return " ".join(sorted(entries))

    async def kv_keys(self, bucket: str) -> str:
        return " ".join(sorted(await (await self.js.key_value(bucket)).keys()))

    async def kv_history(self, bucket: str, key: str) -> str:
        entries = await (await self.js.key_value(bucket)).history(key)
        return " ".join(entry.value.decode() for entry in entries)

    async def kv_purge_deletes(self, bucket: str) -> None:
        await (await self.js.key_value(bucket)).purge_deletes(olderthan=0)

    # Object stores.

    async def obj_put(self, store: str, name: str, data: str) -> None:
        await (await self.js.object_store(store)).put(name, data.encode())

    async def obj_get(self, store: str, name: str) -> str:
        return (await (await self.js.object_store(store)).get(name)).data.decode()

    async def obj_list(self, store: str) -> str:
        objects = await (await self.js.object_store(store)).list(ignore_deletes=True)
        return " ".join(sorted(info.name for info in objects))

    async def obj_delete(self, store: str, name: str) -> None:
        await (await self.js.object_store(store)).delete(name)

    # Services.

    async def serve(self, name: str, subject: str) -> str:
        """Serves until standard input closes; what it answers is the request's data."""

        async def answer(request: nats.micro.Request) -> None:
            await request.respond(b"echo " + request.data)

        service = await nats.micro.add_service(self.nc, name=name, version="1.0.0")
        await service.add_endpoint(name="echo", subject=subject, handler=answer)
        await self.settle()
        say("serving", "done", service.id)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        return ""


def say(operation: str, outcome: str, value: str) -> None:
    line = {"operation": operation, "outcome": outcome, "value": value}
    print(json.dumps(line), flush=True)


async def perform(
    operation: Callable[..., Awaitable[Any]], words: list[str], denied: asyncio.Queue[str]
) -> tuple[str, str]:
    while not denied.empty():
        denied.get_nowait()
    if operation.__name__ in UNANSWERED:
        await operation(*words)
        return ("denied", denied.get_nowait()) if not denied.empty() else ("done", "")
    doing = asyncio.ensure_future(operation(*words))
    stopped = asyncio.ensure_future(denied.get())
    await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        return "denied", stopped.result()
    stopped.cancel()
    try:
        return "done", str(doing.result() or "")
    except Exception as error:
        return "failed", str(error) or type(error).__name__


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--inbox", default="_INBOX")
    parser.add_argument("--domain", default="")
    parser.add_argument("--api-prefix", default="")
    parser.add_argument("operations", nargs="+", metavar="OPERATION")
    options = parser.parse_args()
    denied: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        violation = VIOLATION.search(str(error))
        if violation:
            denied.put_nowait(violation.group(1))

    nc = Client()
    await nc.connect(
        options.url,
        token=os.environ.get("NATS_TOKEN", ""),
        allow_reconnect=False,
        max_reconnect_attempts=1,
        connect_timeout=5,
        inbox_prefix=options.inbox,
        error_cb=on_error,
    )
    operations = Operations(nc, options)
    for operation in options.operations:
        name, *words = operation.split(" ")
        method = getattr(operations, name.replace(".", "_"))
        say(operation, *await perform(method, words, denied))
    await nc.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

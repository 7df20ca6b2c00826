#!/usr/bin/env python3
"""A NATS client that logs in with an IdP's token and stays connected.

It gets an access token (OAuth client_credentials, found by OpenID discovery),
connects with it, listens on a subject and publishes a tick on it. hallpass lets
a connection live no longer than its token, so the server ends it when the token
expires; the client then comes back with a fresh one.

    pip install nats-py        # the only requirement; tested with 2.16
    export OIDC_CLIENT_SECRET=...
    python3 client.py --url nats://127.0.0.1:4222 --issuer https://idp.example/realms/main \\
        --client-id clerk --subject orders.acme.created

What is worth copying:

- Reconnecting is done here, not by nats-py. A server error on a connection that
  is up, and 'User Authentication Expired' is one, makes nats-py close for good,
  whatever `allow_reconnect` says. Its `token` may be a function that is called
  for each attempt, but it is called on the event loop, where nothing may wait
  for an IdP. With one loop around one connection there is one way back in, for
  an expired token, a restarted server and a lost network alike.
- It never gives up. A client learns 'Authorization Violation' and no more, be
  it that it may not come in or that nobody could tell at the moment. (nats.go
  and the JavaScript client give up for good after two such errors in a row
  unless told otherwise: IgnoreAuthErrorAbort, ignoreAuthErrorAbort.)
- A token that was refused, or whose time was up, is not shown again: a new one
  may be the cure. One that is good still is: a restarted server must not send
  its whole fleet to the IdP.
- Waiting grows with each failure and is random, so that a fleet that lost its
  server together does not come back in step.

Core NATS does not keep what is published while a subscriber is away. What must
not be lost belongs into a JetStream stream.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import ipaddress
import json
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

IDP_TIMEOUT = 10.0
LONGEST_ANSWER = 1024 * 1024
# A callout may take the server two seconds, nats-py's own limit for everything.
CONNECT_TIMEOUT = 5
# A connection that ended sooner counts as a failure, lest a client that is
# let in and thrown out at once should hammer the server.
STABLE_AFTER = 1.0
LONGEST_WAIT = 30.0
DRAIN_TIMEOUT = 5


def say(line: str) -> None:
    print(line, flush=True)


class IdpError(Exception):
    """The IdP could not be reached, or gave no token."""


class Refused(Exception):
    """The server did not let this token in."""


@dataclass(frozen=True)
class Token:
    value: str = field(repr=False)  # nothing that prints a Token shows it
    number: int
    expires_at: float
    fresh_until: float

    def __str__(self) -> str:
        until = time.strftime("%H:%M:%S", time.localtime(self.expires_at))
        return f"token {self.number}, valid until {until}"


class TokenSource:
    """Gets tokens, and keeps the newest while it is worth presenting."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        **parameters: str | None,
    ):
        self._issuer = issuer
        self._client = (client_id, client_secret)
        self._form = {
            "grant_type": "client_credentials",
            **{name: value for name, value in parameters.items() if value},
        }
        self._provider: dict[str, Any] | None = None
        self._token: Token | None = None
        self._fetched = 0

    async def get(self) -> Token:
        if self._token is None or time.time() >= self._token.fresh_until:
            try:
                # urllib waits, and the event loop must not.
                self._token = await asyncio.to_thread(self._fetch)
            except IdpError:
                self._provider = None  # who knows what moved
                raise
            say(f"fetched {self._token}")
        return self._token

    def discard(self) -> None:
        self._token = None

    def _fetch(self) -> Token:
        provider = self._provider = self._provider or self._discover()
        form = dict(self._form)
        headers = {"Accept": "application/json"}
        # The default where an IdP does not say is Basic (RFC 8414).
        methods = provider.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            # Each half is form-encoded before they are joined (RFC 6749, 2.3.1).
            pair = ":".join(urllib.parse.quote_plus(part) for part in self._client)
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"], form["client_secret"] = self._client
        asked_at = time.time()  # before the request: rather too early than too late
        answer = _get_json(
            urllib.request.Request(
                _safe(provider["token_endpoint"]),
                data=urllib.parse.urlencode(form).encode(),
                headers=headers,
            )
        )
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise IdpError("the token endpoint's answer has no access_token")
        # An IdP need not say how long a token lasts. Without that, each is used
        # for one connection only.
        lifetime = answer.get("expires_in")
        lifetime = lifetime if isinstance(lifetime, (int, float)) else 0
        self._fetched += 1
        return Token(
            value=value,
            number=self._fetched,
            expires_at=asked_at + lifetime,
            # With little left of it, a token is not worth a connection.
            fresh_until=asked_at + lifetime - min(30.0, lifetime / 5),
        )

    def _discover(self) -> dict[str, Any]:
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        provider = _get_json(urllib.request.Request(_safe(url)))
        # Whoever else's document this is, the secret is not for them.
        if provider.get("issuer") != self._issuer:
            raise IdpError(f"{url} speaks for another issuer: {provider.get('issuer')}")
        if not isinstance(provider.get("token_endpoint"), str):
            raise IdpError(f"{url} names no token_endpoint")
        return provider


def _safe(url: str) -> str:
    """The URL, if a secret may be sent there: by https, or not off this machine."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if parts.scheme == "https" or (parts.scheme == "http" and loopback):
        return url
    raise IdpError(f"{url} is neither https nor on this machine")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would carry the client's secret along to wherever it is sent."""

    def redirect_request(self, *_: Any) -> None:
        return None


_http = urllib.request.build_opener(_NoRedirect)


def _get_json(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with _http.open(request, timeout=IDP_TIMEOUT) as response:
            answer = json.loads(response.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        # OAuth's errors are JSON with a code, such as invalid_client.
        try:
            reason = json.loads(error.read(LONGEST_ANSWER)).get("error", "")
        except (ValueError, AttributeError, OSError):
            reason = ""
        raise IdpError(f"{request.full_url} answers {error.code} {reason}".rstrip()) from error
    except (OSError, ValueError) as error:
        raise IdpError(f"{request.full_url}: {getattr(error, 'reason', error)}") from error
    if not isinstance(answer, dict):
        raise IdpError(f"{request.full_url}: the answer is not a JSON object")
    return answer


async def first(*events: asyncio.Event, timeout: float | None = None) -> None:
    """Returns as soon as one of the events is set, or the time is over."""
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


class Ticker:
    """What this client is for: listens on a subject, and publishes ticks on it."""

    def __init__(self, options: argparse.Namespace, stop: asyncio.Event):
        self._options = options
        self._stop = stop
        self._published = 0
        self._received = 0

    async def session(self, token: Token) -> bool:
        """One connection, from the login until it ends or `stop` is set.

        True if it ended because its time was up.
        """
        ended = asyncio.Event()
        nc = Client()

        async def on_closed() -> None:
            ended.set()

        async def on_error(error: Exception) -> None:
            # What ends the connection is told once, below. What is left is
            # above all a subject that is not permitted.
            if nc.is_connected and not isinstance(error, nats.errors.UnexpectedEOF):
                say(f"error: {error}")

        try:
            await nc.connect(
                self._options.url,
                token=token.value,
                name="hallpass example (Python)",
                allow_reconnect=False,
                # How often a server is tried that cannot be reached; 0 would be
                # for ever, and hold up the way back to a fresh token.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=CONNECT_TIMEOUT,
                drain_timeout=DRAIN_TIMEOUT,
                error_cb=on_error,
                closed_cb=on_closed,
            )
            if not nc.is_connected:
                # nats-py takes an end of the stream instead of PONG for a login.
                raise ConnectionError("the server closed the connection during the login")
            say(f"connected ({token})")
            await nc.subscribe(self._options.subject, cb=self._on_message)
            while not (ended.is_set() or self._stop.is_set()):
                if not self._options.listen_only:
                    self._published += 1
                    await nc.publish(self._options.subject, f"tick {self._published}".encode())
                await first(ended, self._stop, timeout=self._options.interval)
            if nc.is_connected:
                await nc.drain()  # what was published goes out first
        except nats.errors.ConnectionClosedError:
            pass  # it ended between two looks at `ended`
        except nats.errors.Error as error:
            if "authorization violation" in str(error).lower():
                raise Refused from None
            raise
        finally:
            await nc.close()
        if not self._stop.is_set():
            say(f"disconnected: {nc.last_error or 'by the server'}")
        return "authentication expired" in str(nc.last_error)

    async def _on_message(self, message: Msg) -> None:
        say(f"received {message.subject}: {message.data.decode(errors='replace')}")
        self._received += 1
        if self._options.ticks and self._received >= self._options.ticks:
            self._stop.set()


async def stay_connected(tokens: TokenSource, ticker: Ticker, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        stable = False
        try:
            token = await tokens.get()
            started = time.monotonic()
            if await ticker.session(token):
                tokens.discard()
            stable = time.monotonic() - started >= STABLE_AFTER
        except IdpError as error:
            say(f"no token: {error}")
        except Refused:
            say(f"refused (token {token.number})")
            tokens.discard()
        except (OSError, asyncio.TimeoutError, nats.errors.Error) as error:
            say(f"no connection: {str(error) or type(error).__name__}")
        if stable:
            failures = 0
            continue
        failures += 1
        wait = min(LONGEST_WAIT, 0.25 * 2 ** min(failures, 10))
        await first(stop, timeout=random.uniform(wait / 2, wait))


def arguments() -> argparse.Namespace:
    env = os.environ.get
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="The client's secret comes from $OIDC_CLIENT_SECRET or --client-secret-file: "
        "a command line can be read by everybody on the machine.",
    )
    parser.add_argument("--url", default=env("NATS_URL", "nats://127.0.0.1:4222"))
    parser.add_argument("--issuer", default=env("OIDC_ISSUER"), help="or $OIDC_ISSUER")
    parser.add_argument("--client-id", default=env("OIDC_CLIENT_ID"), help="or $OIDC_CLIENT_ID")
    parser.add_argument("--client-secret-file", metavar="FILE")
    parser.add_argument("--scope", help="the scope to ask for, if the IdP wants one")
    # Two names for one thing: Auth0's and Keycloak's, and that of RFC 8707. One
    # that an IdP does not know may be an error to it, so neither is a default.
    parser.add_argument("--audience", help="whom the token is for, if the IdP wants to be told")
    parser.add_argument("--resource", help="the same, for an IdP that calls it so")
    parser.add_argument("--subject", required=True, help="to listen and to publish on")
    parser.add_argument("--listen-only", action="store_true", help="publish nothing")
    parser.add_argument("--interval", metavar="SECONDS", type=float, default=1.0)
    parser.add_argument("--ticks", metavar="N", type=int, help="end after N messages")
    options = parser.parse_args()
    for name in ("issuer", "client_id"):
        if not getattr(options, name):
            parser.error(f"--{name.replace('_', '-')} is missing")
    if options.client_secret_file:
        try:
            with open(options.client_secret_file, encoding="utf-8") as file:
                options.client_secret = file.read().strip()
        except (OSError, ValueError) as error:
            parser.error(f"the client's secret cannot be read: {error}")
    else:
        options.client_secret = env("OIDC_CLIENT_SECRET")
    if not options.client_secret:
        parser.error("the client's secret is missing: set OIDC_CLIENT_SECRET")
    return options


async def main(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tokens = TokenSource(
        options.issuer,
        options.client_id,
        options.client_secret,
        scope=options.scope,
        audience=options.audience,
        resource=options.resource,
    )
    await stay_connected(tokens, Ticker(options, stop), stop)
    say("stopped")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))

#!/usr/bin/env python3
"""Somebody with a forged token, and those whose sessions he would end.

Serves an application that echoes over WebSocket, and prints its address. Then reads the address of
the edge before it, keeps connections to the application through it, and sends requests with a token
that nobody signed. Prints how many were refused, and how many of the connections did not last.

    forger.py --ca ca.pem --sessions 40 --forgeries 400 < address-of-the-edge
"""

import argparse
import base64
import hashlib
import json
import socket
import ssl
import threading
import time

KEY = base64.b64encode(b"sixteen bytes it").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
).decode()
UPGRADE = (
    "GET / HTTP/1.1\r\nHost: app\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
)
SWITCHED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
)


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# The signature has the length of one by a key of 2048 bits.
TOKEN = ".".join([part(b'{"alg":"RS256"}'), part(b"{}"), part(bytes([1] * 256))])


def head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            return None
        data += piece
    return data


def echo(connection):
    with connection:
        if head(connection) is None:
            return
        connection.sendall(SWITCHED.encode())
        while piece := connection.recv(4096):
            connection.sendall(piece)


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca", required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--forgeries", type=int, required=True)
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    host, port = listener.getsockname()
    print(json.dumps({"event": "serving", "address": f"{host}:{port}"}), flush=True)
    host, port = input().rsplit(":", 1)
    context = ssl.create_default_context(cafile=options.ca)

    def connect():
        return context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)

    sessions = []
    for _ in range(options.sessions):
        session = connect()
        session.sendall(UPGRADE.encode())
        assert b" 101 " in head(session)
        sessions.append(session)
    lost, done = set(), threading.Event()

    def talk(number, session):
        try:
            while not done.is_set():
                session.sendall(b"hello")
                if not session.recv(100):
                    raise ConnectionError
                time.sleep(0.001)
        except OSError:
            lost.add(number)

    talking = [
        threading.Thread(target=talk, args=it, daemon=True) for it in enumerate(sessions)
    ]
    for thread in talking:
        thread.start()
    refused = 0
    for _ in range(options.forgeries):
        with connect() as forger:
            request = f"GET /nats HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
            forger.sendall(request.encode())
            refused += b" 401 " in (head(forger) or b"")
    done.set()
    for thread in talking:
        thread.join(5)
    print(json.dumps({"event": "done", "refused": refused, "lost": len(lost)}), flush=True)


main()

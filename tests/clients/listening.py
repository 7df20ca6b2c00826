#!/usr/bin/env python3
"""Starts a program on ports that are free, without a race: binds them, says which they are, and
becomes the program, which inherits them.

    python3 tests/clients/listening.py HALLPASS_EDGE_LISTEN=0 -- haproxy -f haproxy.cfg

Each NAME=PORT is an IPv4 socket on 127.0.0.1 (port 0: one that is free), and the environment
variable NAME of the program is `fd@N`, which is how HAProxy's `bind` names a socket that it
inherits. Prints one line of JSON, such as {"HALLPASS_EDGE_LISTEN": 40123}.

The program is killed when stdin closes: a test that dies takes it along.
"""

import json
import os
import select
import signal
import socket
import sys

split = sys.argv.index("--")
names, command = sys.argv[1:split], sys.argv[split + 1:]

# The guard comes before the sockets, which it would hold open. It is nobody's child, for a program
# that waits for all of its children would wait for it. While the program runs, it holds one end of
# a pipe: where that is closed, the number may be somebody else's.
program = os.getpid()
watched, held = os.pipe()
child = os.fork()
if child == 0:
    if os.fork() == 0:
        os.close(held)
        os.closerange(1, 3)
        ready, _, _ = select.select([0, watched], [], [])
        if watched not in ready:
            os.kill(program, signal.SIGKILL)
    os._exit(0)
os.waitpid(child, 0)
os.close(watched)
os.set_inheritable(held, True)
null = os.open(os.devnull, os.O_RDONLY)
os.dup2(null, 0)
os.close(null)

ports = {}
for assignment in names:
    name, port = assignment.split("=")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(128)
    ports[name] = listener.getsockname()[1]
    os.environ[name] = f"fd@{listener.detach()}"
    os.set_inheritable(int(os.environ[name][3:]), True)

print(json.dumps(ports), flush=True)
os.execvp(command[0], command)

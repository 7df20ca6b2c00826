"""Runs a program with standard error on a terminal, and hands it a file slowly.

on_a_terminal.py SECONDS FILE PROGRAM [ARGUMENT…]: the first line of FILE, and after so many seconds
the rest. Prints what the terminal was shown as a JSON string.
"""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time


def main() -> int:
    seconds, path, *command = sys.argv[1:]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = {**os.environ, "TERM": "xterm"}
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = bytearray()

    def look() -> None:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # nobody has the terminal any more
                return
            if not piece:
                return
            shown.extend(piece)

    looking = threading.Thread(target=look)
    looking.start()
    with open(path, "rb") as file:
        first, rest = file.readline(), file.read()
    child.stdin.write(first)
    child.stdin.flush()
    time.sleep(float(seconds))
    child.stdin.write(rest)
    child.stdin.close()
    status = child.wait()
    looking.join()
    print(json.dumps(shown.decode()))
    return status


if __name__ == "__main__":
    sys.exit(main())

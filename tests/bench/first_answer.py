"""Start weaved and print the seconds until its plugin socket answers. Runs inside a host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

ACTIVATE = b"POST /Plugin.Activate HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\n\r\n"


def answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            sock.sendall(ACTIVATE)
            return sock.recv(65536).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


def main() -> None:
    path = sys.argv[1]
    log = os.open("/var/log/bench-weaved.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    start = time.perf_counter()
    command = [sys.executable, "-m", "weavecli.daemon.main"]
    subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    while not answers(path):
        time.sleep(0.002)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()

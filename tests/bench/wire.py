"""A client of the plugin socket as dockerd is one: keep-alive, no Content-Type. Runs inside a host:

python wire.py SOCKET cycles|pairs CLIENTS TOTAL   prints JSON {"rate": per second, "drain": s}
python wire.py SOCKET endpoints COUNT              prints JSON {"first": [s…], "last": [s…]}
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

NETWORK = "be" * 32
POOL = "10.61.0.0/16"
HEAD = (
    b"POST /%s HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: %d\r\n"
    b"Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n"
)
SANDBOX = "/var/run/docker/netns/0123456789ab"


class Docker:
    """One connection of dockerd's."""

    def __init__(self, path: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(path)

    def __call__(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        self._sock.sendall(HEAD % (method.encode(), len(data)) + data)
        # Replies are far below the socket's buffer: they come in one piece.
        head, _, rest = self._sock.recv(65536).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{method}: {rest.decode()}")
        found: dict[str, Any] = json.loads(rest)
        return found


def open_network(docker: Docker) -> str:
    pool = docker("IpamDriver.RequestPool", {"AddressSpace": "weavelocal", "Pool": POOL})["PoolID"]
    options = {"RequestAddressType": "com.docker.network.gateway"}
    gateway = docker("IpamDriver.RequestAddress", {"PoolID": pool, "Options": options})["Address"]
    data = {"AddressSpace": "weavelocal", "Pool": POOL, "Gateway": gateway}
    docker("NetworkDriver.CreateNetwork", {"NetworkID": NETWORK, "IPv4Data": [data]})
    return str(pool)


def close_network(docker: Docker, pool: str) -> None:
    docker("IpamDriver.ReleasePool", {"PoolID": pool})
    docker("NetworkDriver.DeleteNetwork", {"NetworkID": NETWORK})


def up(docker: Docker, pool: str) -> tuple[dict[str, str], str]:
    address = docker("IpamDriver.RequestAddress", {"PoolID": pool, "Address": ""})["Address"]
    ids = {"NetworkID": NETWORK, "EndpointID": os.urandom(32).hex()}
    interface = {"Address": address, "AddressIPv6": "", "MacAddress": ""}
    docker("NetworkDriver.CreateEndpoint", {**ids, "Interface": interface, "Options": {}})
    docker("NetworkDriver.Join", {**ids, "SandboxKey": SANDBOX, "Options": {}})
    return ids, address.partition("/")[0]


def down(docker: Docker, pool: str, ids: dict[str, str], address: str) -> None:
    docker("NetworkDriver.Leave", ids)
    docker("NetworkDriver.DeleteEndpoint", ids)
    docker("IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})


def work(path: str, pool: str, what: str, count: int) -> None:
    docker = Docker(path)
    for _ in range(count):
        if what == "cycles":
            down(docker, pool, *up(docker, pool))
        else:
            reply = docker("IpamDriver.RequestAddress", {"PoolID": pool, "Address": ""})
            address = reply["Address"].partition("/")[0]
            docker("IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})


def veths() -> int:
    return sum(name.startswith("vethwl") for name in os.listdir("/sys/class/net"))


def rate(path: str, what: str, clients: int, total: int) -> dict[str, float]:
    docker = Docker(path)
    pool = open_network(docker)
    work(path, pool, what, 50)
    while veths():
        time.sleep(0.01)
    jobs = [
        multiprocessing.Process(target=work, args=(path, pool, what, total // clients))
        for _ in range(clients)
    ]
    start = time.perf_counter()
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    end = time.perf_counter()
    while veths():
        time.sleep(0.005)
    drain = time.perf_counter() - end
    close_network(docker, pool)
    if any(job.exitcode for job in jobs):
        raise SystemExit("a client failed")
    return {"rate": total / (end - start), "drain": drain}


def endpoints(path: str, count: int) -> dict[str, list[float]]:
    """Seconds for one endpoint, the first 50 and the last 50 of `count`."""
    docker = Docker(path)
    pool = open_network(docker)
    warm = up(docker, pool)
    times, made = [], []
    for _ in range(count):
        start = time.perf_counter()
        made.append(up(docker, pool))
        times.append(time.perf_counter() - start)
    memory = resident()
    for ids, address in [*made, warm]:
        down(docker, pool, ids, address)
    while veths():
        time.sleep(0.01)
    close_network(docker, pool)
    return {"first": times[:50], "last": times[-50:], "resident": [memory]}


def resident() -> float:
    """MiB of the daemon."""
    pid = Path("/run/weave/weaved.pid").read_text().strip()
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    where, verb, *rest = sys.argv[1:]
    if verb == "endpoints":
        print(json.dumps(endpoints(where, int(rest[0]))))
    else:
        print(json.dumps(rate(where, verb, int(rest[0]), int(rest[1]))))

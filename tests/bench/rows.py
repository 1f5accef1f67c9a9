"""The rows: each measures on one host with weave launched and returns what it found."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.report import Row, interleaved, least, most, ratio
from tests.lab import Host

HERE = Path(__file__).parent
SOCKET = "/run/docker/plugins/weave.sock"
WEAVE_CYCLES = {1: 41.8, 8: 128.0}
WEAVE_PAIRS = 729.0
"""Weave Net 2.8.1 on a like machine: cycles per second (8 clients: 107–149) and pairs (708–750)."""


def timed(host: Host, command: str) -> float:
    """Seconds of a shell command, taken inside the host."""
    script = (
        f"s=$(date +%s%N); {{ {command}; }} >/dev/null 2>&1 || exit 1; echo $(($(date +%s%N)-s))"
    )
    return int(host.sh(script, timeout=300).out) / 1e9


def wire(host: Host, *args: object) -> Any:
    return host.run(sys.executable, HERE / "wire.py", SOCKET, *args, timeout=300).json()


def networks(host: Host) -> None:
    host.docker("network", "create", "wb")
    host.docker("network", "create", "-d", "weave", "--ipam-driver", "weave", "ww")


def run_one(host: Host) -> list[Row]:
    """docker run --rm, one after the other."""

    def run(network: str) -> float:
        return timed(host, f"docker run --rm --network {network} bb ip addr")

    got = interleaved(20, {n: (lambda n=n: run(n)) for n in ("none", "wb", "ww")})  # type: ignore[misc]
    return [
        ratio("docker run --rm ÷ user bridge", got["ww"], got["wb"], 0.90),
        ratio("  (none ÷ user bridge)", got["none"], got["wb"], 1.0),
    ]


def run_many(host: Host) -> list[Row]:
    """50 docker run -d at once, then one rm -f of all."""

    def both(network: str) -> tuple[float, float]:
        names = " ".join(f"{network}{i}" for i in range(50))
        run = f"docker run -d --name $n --network {network} bb sleep 1000 &"
        up = timed(host, f"for n in {names}; do {run} done; wait")
        down = timed(host, f"docker rm -f {names}")
        return up, down

    got: dict[str, list[tuple[float, float]]] = {"wb": [], "ww": []}
    for number in range(4):
        for network in ("wb", "ww") if number % 2 else ("ww", "wb"):
            pair = both(network)
            if number:
                got[network].append(pair)
    columns = {n: list(zip(*samples, strict=True)) for n, samples in got.items()}
    return [
        ratio("50 docker run -d at once ÷ user bridge", columns["ww"][0], columns["wb"][0], 0.90),
        ratio("rm -f of these 50 ÷ user bridge", columns["ww"][1], columns["wb"][1], 0.70),
    ]


def plugin_rates(host: Host) -> list[Row]:
    """Cycles and address pairs over the socket."""
    rows = []
    for clients, factor in ((1, 10), (8, 4)):
        runs = [wire(host, "cycles", clients, 2000) for _ in range(3)]
        rate = statistics.median(r["rate"] for r in runs)
        aim = factor * WEAVE_CYCLES[clients]
        rows.append(
            least(
                f"plugin cycles/s, {clients} client(s), 2,000",
                rate,
                "/s",
                aim,
                f"{rate / WEAVE_CYCLES[clients]:.1f} × Weave's",
            )
        )
        drain = max(r["drain"] for r in runs)
        rows.append(most("  deferred deletes drained in", drain, "s", 1.0))
    best = 0.0
    for clients in (1, 8):
        runs = [wire(host, "pairs", clients, 4000) for _ in range(3)]
        best = max(best, statistics.median(r["rate"] for r in runs))
    rows.append(
        least(
            "RequestAddress+ReleaseAddress/s, durable",
            best,
            "/s",
            3 * WEAVE_PAIRS,
            f"{best / WEAVE_PAIRS:.1f} × Weave's",
        )
    )
    return rows


def scale(host: Host) -> list[Row]:
    """One endpoint at 1 and at 1,000 existing; memory."""
    idle = memory(host)
    got = wire(host, "endpoints", 1000)
    return [
        ratio("one endpoint at 1,000 existing ÷ at 1", got["last"], got["first"], 1.30),
        most("daemon RSS idle", idle, "MiB", 57),
        most("daemon RSS with 1,000 endpoints", got["resident"][0], "MiB", 75),
    ]


def memory(host: Host) -> float:
    pid = host.sh("cat /run/weave/weaved.pid").out
    return int(host.sh(f"awk '/VmRSS/ {{print $2}}' /proc/{pid}/status").out) / 1024


def tcp(host: Host) -> list[Row]:
    """One TCP stream between two containers."""
    for network in ("wb", "ww"):
        for end in ("a", "b"):
            name = f"{network}{end}"
            host.docker("run", "-d", "--name", name, "--network", network, "bb", "sleep", "9999")
        host.container(f"{network}a", "iperf3", "-s", "-D")

    def stream(network: str) -> float:
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = host.docker("inspect", "-f", template, f"{network}a").out
        out = host.container(f"{network}b", "iperf3", "-c", address, "-t", "3", "-J", timeout=60)
        found: float = json.loads(out.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9
        return found

    got = interleaved(5, {n: (lambda n=n: stream(n)) for n in ("wb", "ww")})  # type: ignore[misc]
    names = [f"{n}{e}" for n in ("wb", "ww") for e in ("a", "b")]
    host.docker("rm", "-f", *names)
    what = "container-to-container TCP ÷ Docker's bridge (Gbit/s)"
    return [ratio(what, got["ww"], got["wb"], 1.0, most=False)]


def dockerd_start(host: Host) -> list[Row]:
    """dockerd start with 20 containers that come back, on ours and on bridges."""
    got: dict[str, list[float]] = {"wb": [], "ww": []}
    for _ in range(3):
        for network in got:
            names = [f"{network}s{i}" for i in range(20)]
            for name in names:
                host.docker(
                    "run",
                    "-d",
                    "--restart",
                    "always",
                    "--name",
                    name,
                    "--network",
                    network,
                    "bb",
                    "sleep",
                    "9999",
                )
            host.dockerd_stop()
            start = time.perf_counter()
            host.dockerd_start()
            host.until(
                "the containers to be back", lambda: len(host.docker("ps", "-q").lines) >= 20, 120
            )
            got[network].append(time.perf_counter() - start)
            host.docker("rm", "-f", *names, timeout=120)
    return [ratio("dockerd start, 20 containers ÷ bridges", got["ww"], got["wb"], 1.1)]


def command_line(host: Host) -> list[Row]:
    """`weave --help` and `weave status` against importing click."""
    bin_dir = Path(sys.executable).parent
    subjects = {
        "click": f"{sys.executable} -c 'import click'",
        "help": f"{bin_dir}/weave --help",
        "status": f"{bin_dir}/weave status",
    }
    got = interleaved(20, {k: (lambda c=c: timed(host, c)) for k, c in subjects.items()})  # type: ignore[misc]
    return [
        ratio("weave --help ÷ python -c 'import click'", got["help"], got["click"], 1.4),
        ratio("weave status ÷ python -c 'import click'", got["status"], got["click"], 4.0),
    ]


def start(host: Host) -> list[Row]:
    """From exec of weaved to its first answer on a plugin socket."""
    script = HERE / "first_answer.py"
    times = []
    for _ in range(5):
        host.weave("stop")
        times.append(float(host.run(sys.executable, script, SOCKET, timeout=60).out))
    host.until("weave to be ready", lambda: host.weave("status", check=False).ok, 30)
    return [most("daemon start to first answer", statistics.median(times), "s", 0.3)]


ROWS = {
    "run": run_one,
    "many": run_many,
    "plugin": plugin_rates,
    "scale": scale,
    "tcp": tcp,
    "cli": command_line,
    "start": start,
    "dockerd": dockerd_start,
}

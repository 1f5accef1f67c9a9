"""The main job, shown in a host of its own: each command as typed, its real output, and a check
that the output is what was promised. Exit 0 only if all were. Leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from types import FrameType

from tests.lab.host import Host
from tests.lab.lab import Lab, sweep
from tests.lab.process import LabError

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
REACHED, LOST = " 0% packet loss", "100% packet loss"
PING = "ping -c 2 -W 2"


@dataclass(frozen=True)
class Step:
    """A command, and the pattern its output must match (`refused`: and it must fail)."""

    command: str
    expect: str = ""
    refused: bool = False


def part(title: str, *steps: Step) -> tuple[str, tuple[Step, ...]]:
    return title, steps


SCENARIO = (
    part(
        "Start weave on a plain Docker host",
        Step("weave launch", r"^[0-9a-f:]{17}$"),
        Step("weave status", r"Service: plugin"),
    ),
    part(
        "A Docker network of it: containers find each other by name",
        Step("docker network create -d weave --ipam-driver weave --subnet 10.5.0.0/16 web"),
        Step("docker run -d --name db --network web --ip 10.5.0.10 bb sleep 1000"),
        Step("docker run -d --name app --network web bb sleep 1000"),
        Step(f"docker exec app {PING} db", r"PING db \(10\.5\.0\.10\)(.|\n)*" + REACHED),
    ),
    part(
        "Another network is another world",
        Step("docker network create -d weave --ipam-driver weave --subnet 10.6.0.0/16 other"),
        Step("docker run -d --name stranger --network other bb sleep 1000"),
        Step(f"docker exec stranger {PING} 10.5.0.10", LOST, refused=True),
    ),
    part(
        "Published ports work as ever",
        Step("docker run -d --name site --network web -p 8080:80 bb httpd -f -h /www"),
        Step("curl -sS --retry 5 --retry-connrefused http://h1:8080/", "^it works$"),
    ),
    part(
        "A leg for containers that already run, on Docker's default bridge",
        Step("docker run -d --name old1 bb sleep 1000"),
        Step("docker run -d --name old2 bb sleep 1000"),
        Step("weave attach 10.2.1.1/24 old1", r"^10\.2\.1\.1$"),
        Step("weave attach 10.2.1.2/24 old2", r"^10\.2\.1\.2$"),
        Step(f"docker exec old1 {PING} 10.2.1.2", REACHED),
    ),
    part(
        "And one for the host",
        Step("weave expose 10.2.1.254/24", r"^10\.2\.1\.254$"),
        Step(f"{PING} 10.2.1.1", REACHED),
        Step("weave ps", r"weave:expose .* 10\.2\.1\.254/24(.|\n)*10\.2\.1\.1/24"),
    ),
    part(
        "The daemon dies while containers talk: they do not notice",
        Step("docker exec -d app sh -c 'ping -i 0.1 db >/tmp/pings'"),
        Step("kill -9 $(pgrep -x weaved); sleep 1; pgrep -x weaved || echo weaved is gone", "gone"),
        Step("weave launch"),
        Step("docker exec app sh -c 'killall -INT ping; sleep 0.2; tail -n 2 /tmp/pings'", REACHED),
        Step("docker restart db && docker exec app " + PING + " db", REACHED),
    ),
    part(
        "Stopped, it leaves the containers connected",
        Step("weave stop"),
        Step(f"docker exec app {PING} db", REACHED),
        Step("weave launch"),
    ),
    part(
        "Gone without a trace",
        Step("docker rm -f db app stranger site old1 old2", "old2"),
        Step("docker network rm web other", "web\nother"),
        Step("weave reset"),
        Step("sleep 0.5; pgrep -x weaved || echo weaved is gone", "gone"),
        Step("ip -br link | grep -E '^(weave|wv-|vethw)' || echo no link of weave is left", "no l"),
        Step("nft list ruleset | grep weave || echo no rule of weave is left", "no r"),
    ),
)


def show(host: Host, step: Step) -> bool:
    """Run it as a user would; True when it did what was promised."""
    print(f"{BOLD}{host.name}# {step.command}{PLAIN}", flush=True)
    began = time.monotonic()
    result = host.run("bash", "-c", f"{step.command} 2>&1", check=False, timeout=90)
    took = time.monotonic() - began
    print(result.stdout, end="" if result.stdout[-1:] in ("", "\n") else "\n")
    print(f"{DIM}({took:.2f} s){PLAIN}", flush=True)
    kept = re.search(step.expect, result.stdout, re.MULTILINE) and result.ok != step.refused
    if not kept:
        expected = "a refusal" if step.refused else "success"
        print(f"demo: exit {result.rc}; promised: {expected}, {step.expect!r}", file=sys.stderr)
    return bool(kept)


def play(host: Host) -> bool:
    for number, (title, steps) in enumerate(SCENARIO, 1):
        print(f"\n{BOLD}{number}. {title}{PLAIN}")
        if not all(show(host, step) for step in steps):
            log = host.dir / "log/weave/weaved.log"
            if log.exists():
                print(f"--- {log.name}\n{log.read_text()[-3000:]}", file=sys.stderr)
            return False
    return True


def ended(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    if os.geteuid() != 0:
        print("demo: must be run as root: its host is made of namespaces", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ended)
    sweep()
    lab = Lab(f"demo-{os.getpid()}")
    lab.own()
    kept = False
    try:
        (host,) = lab.up(1)
        kept = play(host)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not keep the host
        lab.down()
    left = lab.leftovers()
    for line in left:
        print(f"demo: left behind: {line}", file=sys.stderr)
    print(f"\n{BOLD}{'All as promised.' if kept else 'Not as promised.'}{PLAIN}")
    return 0 if kept and not left else 1


if __name__ == "__main__":
    sys.exit(main())

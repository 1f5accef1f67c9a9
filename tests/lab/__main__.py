"""lab - virtual Docker hosts on one machine.

usage: python -m tests.lab [--name NAME] COMMAND

  up N [--mtu M] [--no-dockerd] [-- DOCKERD-FLAGS]  make (or add) hosts h1..hN
  exec HOST [-d] [--] CMD...         run CMD in a host, or in 'lan'; -d: detached
  dockerd HOST start|stop|kill|restart [FLAGS]
  boot HOST [--after] [--] CMD...    let each boot start CMD before (after) dockerd; no CMD: none
  kill HOST | start HOST             power a host off abruptly (no FIN, no RST) | boot it again
  freeze HOST | thaw HOST            hang a host | let it go on
  partition A[,B..] [C[,D..]]        drop the traffic between the sets (one set: from all others)
  loss A B PERCENT                   drop that share of the frames between A and B
  heal                               undo every partition and loss
  status                             hosts, pids, memory, containers, faults
  down                               end everything, leave nothing

LAB_NAME chooses one of several independent labs, LAB_DIR where they keep their disks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.process import LabError

Arguments = list[str]


def split(args: Arguments) -> tuple[Arguments, Arguments]:
    """What stands before and after `--`."""
    if "--" not in args:
        return args, []
    at = args.index("--")
    return args[:at], args[at + 1 :]


def up(lab: Lab, args: Arguments) -> None:
    own, flags = split(args)
    mtu = int(own[own.index("--mtu") + 1]) if "--mtu" in own else 1500
    lab.up(int(own[0]), mtu, False if "--no-dockerd" in own else flags)


def execute(lab: Lab, args: Arguments) -> None:
    place, rest = lab.place(args[0]), args[1:]
    detached = rest[:1] == ["-d"]
    cmd = rest[1:] if detached else rest
    cmd = cmd[1:] if cmd[:1] == ["--"] else cmd
    if detached:
        print(place.detach(*cmd, log=place.dir / "exec.log"))
    else:
        place.exec(*cmd)


def dockerd(lab: Lab, args: Arguments) -> None:
    host, verb, flags = lab.host(args[0]), args[1], args[2:]
    verbs: dict[str, Callable[[], None]] = {
        "start": lambda: host.dockerd_start(*flags),
        "stop": host.dockerd_stop,
        "kill": host.dockerd_kill,
        "restart": lambda: host.dockerd_restart(*flags),
    }
    verbs[verb]()


def boot(lab: Lab, args: Arguments) -> None:
    host, rest = lab.host(args[0]), args[1:]
    after = rest[:1] == ["--after"]
    cmd = [a for i, a in enumerate(rest[after:]) if i or a != "--"]
    setattr(host, "boot_after" if after else "boot", [cmd] if cmd else [])


def partition(lab: Lab, args: Arguments) -> None:
    sets = [[lab.host(name) for name in names.split(",")] for names in args]
    lab.partition(*sets)


def status(lab: Lab, args: Arguments) -> None:
    if not lab.lan.up:
        print("down")
        return
    for host in lab.hosts:
        print(describe(lab, host))
    print("\n".join(lab.faults()))


def describe(lab: Lab, host: Host) -> str:
    if not host.up:
        return f"{host.name} {host.ip} off"
    state = "frozen" if host.frozen else "up"
    count = "-"
    if state == "up" and host.dockerd_answers:
        count = str(len(host.docker("ps", "-q").lines))
    memory = lab.cgroups.memory(host.sub) >> 20
    processes = len(lab.cgroups.all(host.sub))
    return (
        f"{host.name} {host.ip} {state} pid={host.pid} processes={processes} "
        f"memory={memory}MiB containers={count}"
    )


COMMANDS: dict[str, Callable[[Lab, Arguments], object]] = {
    "up": up,
    "exec": execute,
    "dockerd": dockerd,
    "boot": boot,
    "kill": lambda lab, args: lab.host(args[0]).kill(),
    "start": lambda lab, args: lab.host(args[0]).start(),
    "freeze": lambda lab, args: lab.host(args[0]).freeze(),
    "thaw": lambda lab, args: lab.host(args[0]).thaw(),
    "partition": partition,
    "loss": lambda lab, args: lab.loss(lab.host(args[0]), lab.host(args[1]), int(args[2])),
    "heal": lambda lab, args: lab.heal(),
    "status": status,
    "down": lambda lab, args: lab.down(),
}


def main(argv: Arguments) -> int:
    name = os.environ.get("LAB_NAME", "0")
    if argv[:1] == ["--name"]:
        name, argv = argv[1], argv[2:]
    if not argv or argv[0] not in COMMANDS:
        print(__doc__)
        return 0 if argv[:1] in (["-h"], ["--help"]) else 2
    try:
        COMMANDS[argv[0]](Lab(name), argv[1:])
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except (IndexError, KeyError, ValueError):
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""LAB: plain Docker hosts made of namespaces on one machine, for tests, trials and the demo.

May import: the standard library only. Never: weavecli (a lab judges it from outside).
Words: lab, LAN, host, power off (`kill`), boot (`start`).

    with Lab("mine") as lab:
        h1, h2 = lab.up(2)
        h1.docker("run", "-d", "--name", "c1", "bb", "sleep", "1000")
        lab.partition([h1])
"""

from tests.lab.host import Host
from tests.lab.lab import Lab, sweep
from tests.lab.process import CommandFailed, LabError, Process, Result, until

__all__ = [
    "CommandFailed",
    "Host",
    "Lab",
    "LabError",
    "Process",
    "Result",
    "sweep",
    "until",
]

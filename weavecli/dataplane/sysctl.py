"""Kernel settings under /proc/sys/net, in the network namespace of the calling thread.

/proc/sys/net shows each thread its own namespace; for a sandbox use `netns.inside`.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path("/proc/sys/net")


def read(name: str) -> str:
    """The value of `ipv6/conf/eth0/accept_ra`, or "" when the kernel has no such setting."""
    try:
        return (ROOT / name).read_text().strip()
    except FileNotFoundError:
        return ""


def write(name: str, value: int) -> bool:
    """Set it unless it is so already; False when the kernel has no such setting.

    Several settings have effects when written, even with the value they have.
    """
    found = read(name)
    if found == "":
        return False
    if found != str(value):
        (ROOT / name).write_text(f"{value}\n")
    return True


def has_ipv6() -> bool:
    """Whether this kernel speaks IPv6 at all (it may be switched off at boot)."""
    return (ROOT / "ipv6").is_dir()


def keep_secondaries(ifname: str) -> None:
    """Let a link keep its other IPv4 addresses of a subnet when the first of them is removed."""
    write(f"ipv4/conf/{ifname}/promote_secondaries", 1)


def forward(version: int) -> None:
    """Let this host forward packets of a family.

    Writing ipv4/ip_forward resets other settings, so only when it is off. A host that forwards
    IPv6 ignores router advertisements where accept_ra is 1, and so would lose a default route it
    learned that way; 2 means: accept them although forwarding.
    """
    if version == 4:
        write("ipv4/ip_forward", 1)
        return
    if read("ipv6/conf/all/forwarding") != "0":
        return
    for name in os.listdir(ROOT / "ipv6/conf"):
        setting = f"ipv6/conf/{name}/accept_ra"
        if name not in ("all", "default") and read(setting) == "1":
            write(setting, 2)
    write("ipv6/conf/all/forwarding", 1)

"""Endpoints (Docker's attachments) and legs (attachments made by `weave attach`)."""

from __future__ import annotations

from dataclasses import dataclass

from weavecli.model.address import IP, IPIface


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One attachment of one sandbox to one Docker network of ours.

    `joined` is True from Join to Leave; `sandbox` is Join's SandboxKey; `container` is learned
    from Docker later and is for people only.
    """

    id: str
    network: str
    mac: str
    v4: IPIface | None = None
    v6: IPIface | None = None
    joined: bool = False
    sandbox: str = ""
    container: str = ""

    @property
    def addresses(self) -> tuple[IPIface, ...]:
        return tuple(a for a in (self.v4, self.v6) if a is not None)


@dataclass(frozen=True, slots=True)
class Leg:
    """The interface `ethwe` that `weave attach` gave a sandbox.

    `owner` is a container's full ID, or `netns:<inode>` for pid:N and netns:PATH. `netns` is a
    path that leads to the sandbox, `inode` tells whether it still is the same one. `label` is
    what the user typed.
    """

    owner: str
    label: str
    netns: str
    inode: int
    mac: str
    addresses: tuple[IPIface, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that is taken.

    `owner`: `endpoint:<EndpointID>`, `docker` (requested by Docker's IPAM call, endpoint not yet
    seen), `aux`, a leg's owner, or one of naming.OWNER_*. `pool` is the PoolID for Docker's ones,
    else "". `iface` carries the subnet's prefix length.
    """

    ip: IP
    iface: IPIface
    owner: str
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool that Docker's IPAM call reserved: `subnet`, allocating within `range`.

    `refs` counts RequestPool minus ReleasePool; `network` is the NetworkID that bound it, or "".
    """

    id: str
    subnet: str
    range: str
    refs: int = 1
    network: str = ""
    gateway: str = ""

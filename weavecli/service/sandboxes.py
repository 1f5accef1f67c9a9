"""What `CONTAINER`, `pid:N` and `netns:PATH` mean: the sandbox to give a leg to."""

from __future__ import annotations

from dataclasses import dataclass, field

from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Engine
from weavecli.errors import Invalid, NotFound
from weavecli.model.endpoint import Leg
from weavecli.model.naming import attach_end
from weavecli.service.state import State


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`netns` is a path into it, "" for a container that does not run; `networks` are the IDs of
    the Docker networks a container is on."""

    owner: str
    label: str
    netns: str
    inode: int
    networks: frozenset[str] = field(default_factory=frozenset)


class Sandboxes:
    """Resolves what the user typed."""

    def __init__(self, state: State, dataplane: Dataplane, engine: Engine) -> None:
        self._state = state
        self._dataplane = dataplane
        self._engine = engine

    def resolve(self, ref: str, running: bool = True) -> Sandbox:
        """The sandbox of `ref`. With `running`, a stopped container is refused.

        Raises Invalid (malformed, stopped, host network), NotFound, Unavailable (no Docker).
        """
        if ref.startswith("pid:"):
            return self._namespace(ref, self._pid_path(ref))
        if ref.startswith("netns:"):
            return self._namespace(ref, self._netns_path(ref))
        container = self._engine.container(ref)
        if container.network_mode == "host":
            raise Invalid(
                f"container {ref}: Container is running in the host network namespace, and "
                f"therefore cannot be connected to weave; run it with another --network"
            )
        networks = frozenset(n.get("NetworkID", "") for n in container.networks.values())
        if not container.running:
            if running:
                raise Invalid(f"container {ref} not running; start it first: docker start {ref}")
            return Sandbox(container.id, container.name, "", 0, networks)
        netns = f"/proc/{container.pid}/ns/net"
        try:
            inode = self._dataplane.netns_inode(netns)
        except NotFound:
            raise NotFound(f"Container {ref} died; start it again: docker start {ref}") from None
        shared = self.leg_in(inode)
        owner = shared.owner if shared is not None else container.id
        self._refuse_host(ref, inode)
        return Sandbox(owner, container.name, netns, inode, networks)

    @staticmethod
    def _pid_path(ref: str) -> str:
        number = ref[4:]
        if not number.isdecimal() or int(number) == 0:
            raise Invalid(f"{ref!r}: expected pid:N with N a process ID, e.g. pid:4711")
        return f"/proc/{int(number)}/ns/net"

    @staticmethod
    def _netns_path(ref: str) -> str:
        path = ref[6:]
        if not path or "\0" in path:
            raise Invalid(f"{ref!r}: expected netns:PATH, e.g. netns:/run/netns/blue")
        return path if "/" in path else f"/run/netns/{path}"

    def _namespace(self, ref: str, path: str) -> Sandbox:
        inode = self._dataplane.netns_inode(path)
        self._refuse_host(ref, inode)
        leg = self.leg_in(inode)
        return Sandbox(leg.owner if leg else f"netns:{inode}", ref, path, inode)

    def _refuse_host(self, ref: str, inode: int) -> None:
        if inode == self._dataplane.host_inode():
            raise Invalid(
                f"{ref} is in the host's own network namespace; use 'weave expose' to give the "
                f"host an address"
            )

    def leg_in(self, inode: int) -> Leg | None:
        """The live leg in a namespace, whoever asked for it. Inode numbers are used again by the
        kernel, so the link must exist too."""
        for leg in list(self._state.legs.values()):
            if leg.inode == inode and self._dataplane.pair_exists(attach_end(leg.owner)):
                return leg
        return None

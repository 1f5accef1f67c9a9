"""`weave expose` and `weave hide`: addresses of this host on bridge `weave`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from weavecli.model import naming
from weavecli.model.address import IPIface
from weavecli.model.endpoint import Claim
from weavecli.service.attach import Choosing
from weavecli.service.firewall import Firewalling
from weavecli.service.networks import Networks
from weavecli.service.state import State


class Exposing:
    """The host's own addresses; they survive restarts of the daemon and of the host."""

    def __init__(
        self, state: State, networks: Networks, firewall: Firewalling, choosing: Choosing
    ) -> None:
        self._state = state
        self._networks = networks
        self._firewall = firewall
        self._choosing = choosing
        self._lock = threading.Lock()

    def expose(self, texts: Sequence[str], masquerade: bool) -> tuple[list[str], list[str]]:
        """Give the host addresses; returns them in the order asked for, and warnings.

        The same again is no change, except that it sets `masquerade`.
        """
        wants = self._choosing.parse(texts)
        with self._lock:
            claims: list[Claim] = []
            fresh: list[Claim] = []
            try:
                for want in wants:
                    claim, new = self._choosing.claim(naming.OWNER_EXPOSE, want)
                    claims.append(claim)
                    fresh += [claim] if new else []
                added = {c.iface: masquerade for c in claims}
                self._become({**self._state.exposed, **added})
            except BaseException:
                self._state.drop(*fresh)
                raise
        return [str(c.ip) for c in claims], self._choosing.warnings(wants)

    def hide(self, texts: Sequence[str]) -> list[str]:
        """Take addresses from the host; returns what was removed."""
        wants = self._choosing.parse(texts)
        with self._lock:
            gone: list[Claim] = []
            for want in wants:
                held = self._choosing.held(naming.OWNER_EXPOSE, want)
                gone += [c for c in held if c not in gone]
            if gone:
                removed = {c.iface for c in gone}
                left = {a: m for a, m in self._state.exposed.items() if a not in removed}
                self._become(left)
                self._state.drop(*gone)
        return [str(c.ip) for c in gone]

    def _become(self, exposed: dict[IPIface, bool]) -> None:
        """Record, bridge, firewall; back to what was when one of them fails."""
        before = dict(self._state.exposed)
        try:
            self._state.set_exposed(exposed)
            self._networks.ensure_bridge(naming.DEFAULT_BRIDGE)
            self._firewall.apply()
        except BaseException:
            self._state.set_exposed(before)
            self._networks.ensure_bridge(naming.DEFAULT_BRIDGE)
            raise

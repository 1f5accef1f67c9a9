"""One method per control operation, typed by the messages of `api`."""

from __future__ import annotations

from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

from weavecli.api import messages, paths
from weavecli.client.transport import CHANGE_TIMEOUT, Transport, other_version
from weavecli.errors import Internal


class Client:
    """What the daemon can be asked. Every method raises a WeaveError on failure."""

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport or Transport()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    # -- reading

    def version(self) -> messages.VersionReply:
        """The running daemon's version and process. Raises NotSupported for a strange one."""
        reply = cast(messages.VersionReply, self._get(paths.VERSION))
        if reply.get("api") != paths.API_VERSION:
            raise other_version(reply.get("api", 0), reply.get("version", "?"), reply.get("pid", 0))
        return reply

    def ready(self) -> messages.ReadyReply:
        """Whether the start is over, and else what it waits for."""
        return cast(messages.ReadyReply, self._get(paths.READY))

    def status(self, subject: str = "") -> messages.StatusReply:
        """The text of `weave status [SUBJECT]`."""
        path = f"{paths.STATUS}/{quote(subject, safe='')}" if subject else paths.STATUS
        return cast(messages.StatusReply, self._get(path))

    def report(self) -> dict[str, Any]:
        """The object of `weave report`."""
        return self._get(paths.REPORT)

    def ps(self, containers: list[str]) -> messages.PsReply:
        """Interfaces on weave: all, or those of the named containers."""
        return cast(messages.PsReply, self._get(paths.PS, [("container", c) for c in containers]))

    def inspect(self, ref: str, kind: str = "") -> list[dict[str, Any]]:
        """The objects that `ref` names; `kind` is container, network or either ("")."""
        return self._list(paths.INSPECT, [("ref", ref), ("type", kind)])

    def plugin(self) -> messages.PluginReply:
        """The state of the Docker plugin."""
        return cast(messages.PluginReply, self._get(paths.PLUGIN))

    def networks(self) -> messages.NetworksReply:
        """Docker networks of ours."""
        return cast(messages.NetworksReply, self._get(paths.NETWORKS))

    def network(self, ref: str) -> list[dict[str, Any]]:
        """The object of one network of ours, as Docker's inspect, in a list."""
        return self._list(_network(ref))

    # -- changing

    def set_plugin(self, enabled: bool) -> messages.PluginReply:
        """Switch the Docker plugin on or off."""
        request: messages.PluginRequest = {"enabled": enabled}
        return cast(messages.PluginReply, self._post(paths.PLUGIN, request))

    def create_network(self, request: messages.NetworkCreate) -> messages.NetworkCreated:
        """Have Docker make a network of ours."""
        return cast(messages.NetworkCreated, self._post(paths.NETWORKS, request))

    def remove_network(self, ref: str) -> None:
        """Have Docker remove a network of ours."""
        self._object("DELETE", _network(ref), timeout=CHANGE_TIMEOUT)

    def attach(self, request: messages.AttachRequest) -> messages.AddressesReply:
        """Give a container an interface and addresses."""
        return cast(messages.AddressesReply, self._post(paths.ATTACH, request))

    def detach(self, request: messages.DetachRequest) -> messages.AddressesReply:
        """Take addresses, and with the last one the interface, from a container."""
        return cast(messages.AddressesReply, self._post(paths.DETACH, request))

    def expose(self, request: messages.ExposeRequest) -> messages.AddressesReply:
        """Give the host addresses on weave."""
        return cast(messages.AddressesReply, self._post(paths.EXPOSE, request))

    def hide(self, request: messages.HideRequest) -> messages.AddressesReply:
        """Take addresses on weave from the host."""
        return cast(messages.AddressesReply, self._post(paths.HIDE, request))

    def prime(self) -> None:
        """Return when addresses can be allocated."""
        self._post(paths.PRIME, {})

    def stop(self) -> messages.StopReply:
        """End the daemon; containers keep their network."""
        return cast(messages.StopReply, self._post(paths.STOP, {}))

    def reset(self, request: messages.ResetRequest) -> messages.ResetReply:
        """Remove every trace, then end the daemon."""
        return cast(messages.ResetReply, self._post(paths.RESET, request))

    # -- shapes

    def _get(self, path: str, params: list[tuple[str, str]] | None = None) -> dict[str, Any]:
        return self._object("GET", path, params=params)

    def _post(self, path: str, body: object) -> dict[str, Any]:
        return self._object("POST", path, body=body, timeout=CHANGE_TIMEOUT)

    def _object(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        reply = self._transport.request(method, path, **more)
        if not isinstance(reply, dict):
            raise Internal(f"weave answered {method} {path} with something that is no object")
        return reply

    def _list(self, path: str, params: list[tuple[str, str]] | None = None) -> list[dict[str, Any]]:
        reply = self._transport.request("GET", path, params=params)
        if not isinstance(reply, list):
            raise Internal(f"weave answered GET {path} with something that is no list")
        return reply


def _network(ref: str) -> str:
    return f"{paths.NETWORKS}/{quote(ref, safe='')}"

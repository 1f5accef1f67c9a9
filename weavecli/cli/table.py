"""The verbs: where each lives and what it does, known without importing any of them."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """A command: the module and attribute to load it from, and its line in the overview."""

    module: str
    attribute: str
    summary: str


VERBS = {
    "launch": Verb("launch", "launch", "Start weave on this host"),
    "stop": Verb("lifecycle", "stop", "Stop the daemon; containers keep their network"),
    "reset": Verb("lifecycle", "reset", "Remove every trace of weave from this host"),
    "setup": Verb("setup", "setup", "Have systemd start weave before Docker at boot"),
    "prime": Verb("lifecycle", "prime", "Wait until addresses can be allocated"),
    "status": Verb("status", "status", "Show how weave is doing"),
    "report": Verb("status", "report", "Show the state as JSON, or through a template"),
    "ps": Verb("status", "ps", "List the interfaces that are on weave"),
    "version": Verb("status", "version", "Show the versions of the command and the daemon"),
    "logs": Verb("logs", "logs", "Show what the daemon wrote"),
    "attach": Verb("attach", "attach", "Give a running container an interface on weave"),
    "detach": Verb("attach", "detach", "Take addresses on weave from a container"),
    "expose": Verb("expose", "expose", "Give this host addresses on weave"),
    "hide": Verb("expose", "hide", "Take this host's addresses on weave away"),
    "inspect": Verb("inspect", "inspect", "Show what Docker and weave know of a container"),
    "network": Verb("network", "network", "Make, list and remove Docker networks of weave"),
    "plugin": Verb("plugin", "plugin", "Switch the Docker plugin on and off"),
    "help": Verb("help", "help_command", "Show how a command is used"),
}

REMOVED = (
    "run",
    "start",
    "restart",
    "launch-router",
    "launch-plugin",
    "launch-proxy",
    "stop-router",
    "stop-plugin",
    "stop-proxy",
)
"""Weave Net dropped these in its version 2.0."""

LATER = (
    "connect",
    "forget",
    "rmpeer",
    "dns-args",
    "dns-add",
    "dns-remove",
    "dns-lookup",
    "env",
    "config",
)
"""Verbs of Weave Net that need several hosts, names or the proxy."""

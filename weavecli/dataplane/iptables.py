"""Our chain WEAVE and the jump to it from DOCKER-USER, in iptables and ip6tables.

Docker's FORWARD policy is DROP and knows nothing of our bridges. DOCKER-USER is the one chain
Docker leaves to others and asks first. Where it does not exist (no Docker yet, Docker with
`iptables=false` or with its nftables backend) nothing drops our packets, and nothing is done.
"""

from __future__ import annotations

from weavecli.dataplane import tool
from weavecli.errors import Forbidden, Unavailable
from weavecli.model.naming import BRIDGE_PREFIX, DEFAULT_BRIDGE

CHAIN = "WEAVE"
USER_CHAIN = "DOCKER-USER"
TOOLS = ("iptables", "ip6tables")
_WAIT = ("-w", "10")
_JUMP = f"-A {USER_CHAIN} -j {CHAIN}"
_RETURN = f"-A {USER_CHAIN} -j RETURN"
RULES = tuple(
    f"-A {CHAIN} {direction} {name} -j ACCEPT"
    for name in (DEFAULT_BRIDGE, f"{BRIDGE_PREFIX}+")
    for direction in ("-i", "-o")
)


def apply() -> None:
    """Put chain and jump where they belong, in both families; nothing when they stand."""
    for name in TOOLS:
        lines = _listed(name)
        if compare(lines):
            _restore(name, restore_text(lines))


def problems() -> list[str]:
    """What is missing, a sentence each."""
    return [f"{name}: {problem}" for name in TOOLS for problem in compare(_listed(name))]


def delete() -> list[str]:
    """Remove jump and chain; returns what was removed."""
    removed = []
    for name in TOOLS:
        lines = _listed(name)
        jumps = lines.count(_JUMP)
        if f"-N {CHAIN}" in lines:
            text = ["*filter", *[_JUMP.replace("-A", "-D", 1)] * jumps]
            text += [f"-F {CHAIN}", f"-X {CHAIN}", "COMMIT", ""]
            _restore(name, "\n".join(text))
            removed.append(f"{name} chain {CHAIN}")
    return removed


def compare(lines: list[str]) -> list[str]:
    """Wanted against `iptables -S`. Pure."""
    if f"-N {USER_CHAIN}" not in lines:
        return []
    if f"-N {CHAIN}" not in lines:
        return [f"chain {CHAIN} is missing"]
    found = []
    if tuple(line for line in lines if line.startswith(f"-A {CHAIN} ")) != RULES:
        found.append(f"chain {CHAIN} has other rules than ours")
    user = _user_rules(lines)
    if _JUMP not in user:
        found.append(f"the jump to {CHAIN} is missing in {USER_CHAIN}")
    elif user != _wanted(user):
        found.append(f"the jump to {CHAIN} is not behind the other rules of {USER_CHAIN}")
    return found


def restore_text(lines: list[str]) -> str:
    """Input for `iptables-restore --noflush`, one transaction. Pure.

    Naming a chain empties it, so DOCKER-USER, which holds rules of others, is not named.
    """
    user = _user_rules(lines)
    text = ["*filter", f":{CHAIN} - [0:0]", *RULES]
    text += [_JUMP.replace("-A", "-D", 1)] * user.count(_JUMP)
    position = _wanted(user).index(_JUMP) + 1
    text += [f"-I {USER_CHAIN} {position} -j {CHAIN}", "COMMIT", ""]
    return "\n".join(text)


def _user_rules(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(f"-A {USER_CHAIN} ")]


def _wanted(user: list[str]) -> list[str]:
    """Behind the user's own rules, but before the RETURN that Docker puts last."""
    others = [rule for rule in user if rule != _JUMP]
    at = len(others) - 1 if others and others[-1] == _RETURN else len(others)
    return [*others[:at], _JUMP, *others[at:]]


def _listed(name: str) -> list[str]:
    """`iptables -S`, or nothing when this host lacks the tool or the family."""
    try:
        result = tool.run([name, *_WAIT, "-S"])
    except Unavailable:
        return []
    if result.returncode == 0:
        return result.stdout.splitlines()
    failure = tool.failure(result, f"{name} chain {USER_CHAIN}")
    if "initialize" in result.stderr and not isinstance(failure, Forbidden):
        return []
    raise failure


def _restore(name: str, text: str) -> None:
    result = tool.run([f"{name}-restore", *_WAIT, "--noflush"], text)
    if result.returncode:
        raise tool.failure(result, f"{name} chain {CHAIN}")

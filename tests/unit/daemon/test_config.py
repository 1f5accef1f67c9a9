"""The flags of weaved: what they mean, what was kept, and every wrong one by name."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from weavecli.daemon import config
from weavecli.errors import Invalid
from weavecli.model.settings import Settings


def test_without_flags_all_is_default() -> None:
    options = config.parse([])
    assert (options.given, options.mode, options.notify_fd) == ({}, "run", -1)
    assert config.settings({}) == Settings(nickname=socket.gethostname())


def test_only_what_was_given_is_kept() -> None:
    options = config.parse(["--mtu", "1400", "--status-addr", "", "--nickname=h1"])
    assert options.given == {"mtu": "1400", "status_addr": "", "nickname": "h1"}
    made = config.settings(options.given)
    assert (made.mtu, made.status_addr, made.nickname) == (1400, "", "h1")


def test_every_flag() -> None:
    options = config.parse(
        [
            "--name",
            "2:4b:7d::aa",
            "--ipalloc-range",
            "10.40.0.0/16",
            "--ipalloc-default-subnet",
            "10.40.1.0/24",
            "--plugin",
            "off",
            "--log-level",
            "debug",
            "--grace",
            "1.5",
            "--linger",
            "0",
            "--state-dir",
            "/s",
            "--run-dir",
            "/r",
            "--plugin-socket",
            "/p",
            "--plugin-mesh-socket",
            "/m",
            "--notify-fd",
            "7",
        ]
    )
    made = config.settings(options.given)
    assert made.name == "02:4b:7d:00:00:aa"
    assert made.range == ipaddress.ip_network("10.40.0.0/16")
    assert made.default_subnet == ipaddress.ip_network("10.40.1.0/24")
    assert made.range_given
    assert (made.plugin, made.log_level, made.grace, made.linger) == (False, "debug", 1.5, 0.0)
    assert (options.state_dir, options.run_dir, options.notify_fd) == ("/s", "/r", 7)
    assert (options.plugin_socket, options.mesh_socket) == ("/p", "/m")


def test_the_default_subnet_follows_the_range_and_may_be_around_it() -> None:
    assert config.settings({"ipalloc_range": "10.40.0.0/16"}).default_subnet == (
        ipaddress.ip_network("10.40.0.0/16")
    )
    around = {"ipalloc_range": "10.40.1.0/24", "ipalloc_default_subnet": "10.40.0.0/16"}
    assert config.settings(around).default_subnet == ipaddress.ip_network("10.40.0.0/16")


@pytest.mark.parametrize(
    ("argv", "mode"),
    [
        (["--save-settings"], "save-settings"),
        (["--reset-only"], "reset"),
        (["--version"], "version"),
    ],
)
def test_modes(argv: list[str], mode: str) -> None:
    assert config.parse(argv).mode == mode


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("02:4b:7d:00:10:aa", "02:4b:7d:00:10:aa"),
        ("2:4B:7D:0:10:AA", "02:4b:7d:00:10:aa"),
        ("::1", "00:00:00:00:00:01"),
        ("a::", "0a:00:00:00:00:00"),
        ("a::1:2", "0a:00:00:00:01:02"),
    ],
)
def test_a_peer_name(text: str, name: str) -> None:
    assert config.settings({"name": text}).name == name


WRONG = [
    (["--name", "host1"], "invalid peer name format: 'host1'"),
    (["--name", "1:2:3"], "invalid peer name"),
    (["--name", "1:2:3:4:5:6:7"], "invalid peer name"),
    (["--name", "1::2::3"], "invalid peer name"),
    (["--name", "1:::2"], "invalid peer name"),
    (["--name", "::1:"], "invalid peer name"),
    (["--name", "100:2:3:4:5:6"], "invalid peer name"),
    (["--ipalloc-range", ""], "--ipalloc-range is empty"),
    (["--ipalloc-range", "x"], "--ipalloc-range 'x' is not a subnet"),
    (["--ipalloc-range", "10.32.0.1/12"], "did you mean 10.32.0.0/12"),
    (["--ipalloc-range", "10.32.0.0"], "no prefix length"),
    (["--ipalloc-range", "8.0.0.0/6"], "larger than a /8"),
    (["--ipalloc-range", "10.32.0.0/31"], "smaller than"),
    (["--ipalloc-range", "fd00::/64"], "expected an IPv4 range"),
    (
        ["--ipalloc-range", "10.32.0.0/12", "--ipalloc-default-subnet", "192.168.0.0/24"],
        "does not overlap --ipalloc-range",
    ),
    (["--ipalloc-default-subnet", "fd00::/64"], "expected an IPv4 range"),
    (["--mtu", "575"], "--mtu 575: expected a number of bytes from 576"),
    (["--mtu", "65536"], "--mtu 65536"),
    (["--mtu", "-5"], "--mtu"),
    (["--mtu", "big"], "--mtu big"),
    (["--mtu", "²"], "--mtu ²"),
    (["--plugin", "maybe"], "--plugin=maybe: expected true or false"),
    (["--plugin", ""], "--plugin=: expected"),
    (["--status-addr", "6782"], "--status-addr '6782': expected host:port"),
    (["--status-addr", "127.0.0.1:"], "expected host:port"),
    (["--status-addr", "127.0.0.1:0"], "expected host:port"),
    (["--status-addr", "127.0.0.1:65536"], "expected host:port"),
    (["--status-addr", "127.0.0.1:²"], "expected host:port"),
    (["--status-addr", "localhost:6782"], "'localhost' is not an IP address"),
    (["--log-level", "loud"], "--log-level 'loud': expected one of debug, info"),
    (["--grace", "x"], "--grace x: expected a number of seconds"),
    (["--grace", "nan"], "--grace nan"),
    (["--grace", "inf"], "--grace inf"),
    (["--linger", "-1"], "--linger"),
    (["--linger", "86401"], "--linger 86401"),
    (["--notify-fd", "x"], "--notify-fd"),
    (["--unknown"], "--unknown"),
    (["--ipalloc", "10.40.0.0/16"], "--ipalloc"),
    (["host1"], "host1"),
    (["--save-settings", "--reset-only"], "not allowed with"),
]


@pytest.mark.parametrize(("argv", "says"), WRONG, ids=[" ".join(argv) for argv, _ in WRONG])
def test_a_wrong_flag_is_refused_by_name(argv: list[str], says: str) -> None:
    with pytest.raises(Invalid) as caught:
        config.parse(argv)
    assert says in str(caught.value)


def test_what_was_saved_may_be_of_other_types() -> None:
    made = config.settings({"mtu": 1400, "plugin": True, "grace": 30, "linger": 0.5, "mode": "x"})
    assert (made.mtu, made.plugin, made.grace, made.linger) == (1400, True, 30.0, 0.5)


def test_an_ipv6_status_address() -> None:
    assert config.settings({"status_addr": "[::1]:6782"}).status_addr == "[::1]:6782"


def test_a_default_subnet_alone_is_judged_beside_the_range_that_is_kept() -> None:
    given = config.parse(["--ipalloc-default-subnet", "10.64.2.0/24"]).given
    assert str(config.settings({"ipalloc_range": "10.64.0.0/16", **given}).default_subnet) == (
        "10.64.2.0/24"
    )

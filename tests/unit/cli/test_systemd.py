"""Units: their text, their order against Docker, and the calls to systemctl."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path
from typing import Any

import pytest

from weavecli.api import paths
from weavecli.cli import systemd
from weavecli.cli.systemd import Systemd
from weavecli.errors import Unavailable


class Systemctl:
    """Answers every call with one exit code."""

    def __init__(self, code: int = 0, told: str = "") -> None:
        self.code, self.told = code, told
        self.asked: list[list[str]] = []

    def __call__(self, command: Any) -> Any:
        self.asked.append(list(command))
        return subprocess.CompletedProcess(command, self.code, "", self.told)


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A unit's sections, with every key as a list."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = {}
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found[section].setdefault(key, []).append(value)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Systemd(str(tmp_path)).install(["/opt/weave/bin/weaved"])
    return tmp_path / systemd.UNIT_DIR


def test_weaved_is_there_before_docker_and_until_after_it(root: Path) -> None:
    service = unit(root / "weave.service")
    assert service["Unit"]["Before"] == ["docker.service"]
    for key in ("Requires", "After", "Wants", "BindsTo", "PartOf"):
        assert not any("docker" in value for value in service["Unit"].get(key, []))
    drop_in = unit(root / "docker.service.d/10-weave.conf")
    assert drop_in == {
        "Unit": {
            "Wants": ["weave.socket weave.service"],
            "After": ["weave.socket weave.service"],
        }
    }


def test_the_service(root: Path) -> None:
    service = unit(root / "weave.service")["Service"]
    assert service == {
        "Type": ["notify"],
        "NotifyAccess": ["main"],
        "ExecStart": ["/opt/weave/bin/weaved"],
        "Restart": ["on-failure"],
        "RestartSec": ["1"],
        "RuntimeDirectory": ["weave"],
        "RuntimeDirectoryPreserve": ["yes"],
    }


def test_the_socket_owns_both_plugin_sockets_for_root_alone(root: Path) -> None:
    socket = unit(root / "weave.socket")["Socket"]
    assert socket["ListenStream"] == [paths.PLUGIN_SOCKET, paths.MESH_SOCKET]
    assert socket["SocketMode"] == ["0600"]


def test_the_files_are_units(root: Path) -> None:
    for name in ("weave.service", "docker.service.d/10-weave.conf"):
        parser = configparser.RawConfigParser()
        parser.read(root / name)
        assert parser.sections()
        assert (root / name).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/usr/bin/weaved", "/usr/bin/weaved"),
        ("/a b/weaved", '"/a b/weaved"'),
        ("/100%/weaved", "/100%%/weaved"),
        ("/$x/weaved", "/$$x/weaved"),
        ('/"q"/weaved', '"/\\"q\\"/weaved"'),
    ],
)
def test_odd_places_are_quoted(word: str, written: str, tmp_path: Path) -> None:
    Systemd(str(tmp_path)).install([word, "-x"])
    service = unit(tmp_path / systemd.UNIT_DIR / "weave.service")
    assert service["Service"]["ExecStart"] == [f"{written} -x"]


def test_what_this_machine_is(tmp_path: Path) -> None:
    machine = Systemd(str(tmp_path), Systemctl())
    assert not machine.booted()
    assert not machine.installed()
    assert not machine.active()
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert machine.booted()
    assert not machine.manages()
    machine.install(["weaved"])
    assert machine.manages()
    assert machine.active()
    assert not Systemd(str(tmp_path), Systemctl(3)).active()


def test_units_of_a_package_count(tmp_path: Path) -> None:
    packaged = tmp_path / "usr/lib/systemd/system/weave.service"
    packaged.parent.mkdir(parents=True)
    packaged.write_text("")
    assert Systemd(str(tmp_path)).installed()


def test_the_calls(tmp_path: Path) -> None:
    systemctl = Systemctl()
    machine = Systemd(str(tmp_path), systemctl)
    for call in (machine.start, machine.stop, machine.enable, machine.disable, machine.reload):
        call()
    assert [" ".join(words) for words in systemctl.asked] == [
        "systemctl start weave.socket weave.service",
        "systemctl stop weave.service weave.socket",
        "systemctl daemon-reload",
        "systemctl enable weave.service weave.socket",
        "systemctl disable weave.service weave.socket",
        "systemctl daemon-reload",
    ]


def test_a_call_that_fails(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Systemd(str(tmp_path), Systemctl(1, "Access\ndenied\n")).start()
    assert str(caught.value) == (
        "'systemctl start weave.socket weave.service' failed: Access denied; see "
        "'journalctl -u weave.service'"
    )
    with pytest.raises(Unavailable, match="failed: exit 4;"):
        Systemd(str(tmp_path), Systemctl(4)).stop()


def test_systemctl_missing() -> None:
    with pytest.raises(Unavailable, match="no-such-systemctl is not there"):
        systemd._run(["no-such-systemctl"])
    assert systemd._run(["true"]).returncode == 0


def test_removing_leaves_others_drop_ins(root: Path) -> None:
    other = root / "docker.service.d/20-other.conf"
    other.write_text("")
    removed = Systemd(str(root.parent.parent.parent)).remove()
    assert len(removed) == 3
    assert other.exists()

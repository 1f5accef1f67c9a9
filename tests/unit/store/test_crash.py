"""kill -9 in the middle of writing: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from weavecli.store.sqlite import SqliteStore

ROUNDS = 20
WRITER = """
import sys, threading
from pathlib import Path
from weavecli.store.base import Put
from weavecli.store.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
lock = threading.Lock()

def work(name):
    number = 0
    while True:
        key = f"{sys.argv[2]}-{name}-{number}"
        store.commit(Put("left", key, {"n": number}), Put("right", key, {"n": number}))
        with lock:
            sys.stdout.write(key + "\\n")
            sys.stdout.flush()
        number += 1

for name in range(4):
    threading.Thread(target=work, args=(name,)).start()
"""


def run_and_kill(path: Path, number: int, least: int) -> list[str]:
    """Start a writer, kill it after `least` acknowledgements or so; what it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(number)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(least)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    assert all(said), "the writer ended by itself"
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= set(run_and_kill(path, number, chance.randrange(1, 60)))
        store = SqliteStore(path)
        try:
            left, right = store.all("left"), store.all("right")
            check = store._conn.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            store.close()
        assert check == "ok"
        assert left == right
        assert acknowledged <= set(left)
    assert len(acknowledged) >= ROUNDS

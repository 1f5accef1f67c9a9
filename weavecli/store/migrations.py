"""Schema steps. The version of a database is SQLite's `user_version`: how many steps it has had.

A step is SQL that leads from version N to N+1. Steps are only ever added at the end.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from weavecli.errors import Conflict

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE record (
        kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID
    """,
)


def migrate(conn: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> int:
    """Bring the database to the newest version; returns how many steps were made.

    Before the first step on a database that holds something, a copy is kept beside it as
    `<name>.v<old version>`. Raises Conflict for a database of a newer daemon.
    """
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise Conflict(
            f"the state in {path} was written by a newer weaved (schema {version}, this one "
            f"knows {len(steps)}); install that version again, or put back a copy of the state"
        )
    if 0 < version < len(steps):
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy2(path, path.with_name(f"{path.name}.v{version}"))
    for number in range(version, len(steps)):
        conn.execute("BEGIN IMMEDIATE")
        try:
            conn.execute(steps[number])
            conn.execute(f"PRAGMA user_version = {number + 1}")
            conn.execute("COMMIT")
        except BaseException:
            conn.execute("ROLLBACK")
            raise
    return len(steps) - version

"""python -m tests.bench [ROW…]: run the rows in one lab host and print the table."""

from __future__ import annotations

import os
import sys

from tests.bench.report import Row, table
from tests.bench.rows import ROWS, networks
from tests.lab import Lab


def main(names: list[str]) -> int:
    """Exit code 0 when every row was measured, met or not: a figure is no test."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    with Lab(f"bench{os.getpid()}") as lab:
        (host,) = lab.up(1)
        host.weave("launch")
        networks(host)
        for name in names or list(ROWS):
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += ROWS[name](host)
            print(table(rows[-6:]), file=sys.stderr, flush=True)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

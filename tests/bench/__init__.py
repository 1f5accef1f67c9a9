"""BENCH: our figures beside Docker's own drivers, interleaved in one run, as ratios.

May import: tests.lab, the standard library. Never: weavecli (it measures from outside).
Words: row, subject, aim. `make bench` runs all rows; `python -m tests.bench ROW…` some.
"""

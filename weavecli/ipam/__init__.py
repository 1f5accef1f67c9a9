"""ARITHMETIC: which address or subnet is free. Pure.

May import: model, errors. Never: any I/O.
Words: pool, range, allocate, overlap.
"""

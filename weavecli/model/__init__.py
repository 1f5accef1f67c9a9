"""WORDS: frozen values that every room shares.

May import: errors. Never: anything outside the standard library, any I/O.
Words: network, subnet, endpoint, sandbox, pool, claim, owner.
"""

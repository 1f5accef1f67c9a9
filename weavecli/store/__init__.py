"""MEMORY: what this host knows, on disk before it is answered.

May import: model, errors. Never: another room, the kernel, Docker.
Words: record, kind, commit, schema version.
"""

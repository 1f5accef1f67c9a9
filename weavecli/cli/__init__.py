"""WHAT THE USER TYPES: verbs, flags, output, exit codes. The only click.

May import: client, api, model, errors. Never: service, a room of the kernel, store or engine.
Words: command, argument, flag, table.
"""

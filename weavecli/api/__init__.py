"""CONTRACT: what client and daemon share: paths, messages, the version of both.

May import: model, errors. Never: any I/O.
Words: control API, route, message.
"""

"""DOCKER: the Docker API. The only Docker SDK.

May import: model, errors. Never: the kernel, a store. Never called inside a plugin call:
dockerd may hold the very lock its answer needs.
Words: engine, container, event.
"""

"""The stream of Docker's events.

The SDK's own stream ends without a word, has no time limit, and cannot be asked "anything new?";
its socket must not have a time limit either, since a reader that timed out once cannot go on.
So a thread of its own reads, and the caller takes from a queue.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from weavecli.engine import docker_shapes as shapes
from weavecli.engine.base import Event

log = logging.getLogger(__name__)

BEAT = 1.0
# After so many silent seconds ask the engine whether it lives: a peer that went away without
# a word (a frozen dockerd, a TCP connection through a dead gateway) never ends the stream.
SILENCE = 10


class EventStream(Iterator["Event | None"]):
    """Iterate it: events, and None for each second without one. Ends when the connection does."""

    def __init__(
        self,
        client: Any,
        response: Any,
        alive: Callable[[], bool],
        done: Callable[[], None],
    ) -> None:
        self._client = client
        self._response = response
        self._alive = alive
        self._done = done
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._silent = 0
        self._closed = threading.Event()
        self._socket: socket.socket = response.raw.connection.sock
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, name="docker-events", daemon=True)
        self._thread.start()

    def __next__(self) -> Event | None:
        if self._closed.is_set():
            raise StopIteration
        try:
            event = self._queue.get(timeout=BEAT)
        except queue.Empty:
            self._beat()
            return None
        self._silent = 0
        if event is None:
            self.close()
            raise StopIteration
        return event

    def _beat(self) -> None:
        self._silent += 1
        if self._silent % SILENCE == 0 and not self._alive():
            self.close()
            raise StopIteration

    def close(self) -> None:
        """End it; a thread that waits in it sees the end at once."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)
        self._done()

    def _read(self) -> None:
        """Each event is one line of JSON; chunks are cut anywhere."""
        rest = b""
        try:
            for chunk in self._response.iter_content(chunk_size=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, map(bytes.strip, lines)):
                    if event := shapes.event(json.loads(line)):
                        self._queue.put(event)
        except Exception as e:
            # The SDK tells the end of a connection in many ways; here it is just the end.
            log.debug("the stream of Docker's events ended: %s", e)
        finally:
            self._response.close()
            self._client.close()
            self._queue.put(None)

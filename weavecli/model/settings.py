"""The settings of a host, as given at launch and kept for the next start."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from weavecli.model.address import IPNet

DEFAULT_RANGE: IPNet = ipaddress.ip_network("10.32.0.0/12")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `weave launch` was told.

    `range` is what attach and the default network take addresses from, `default_subnet` the part
    of it (or a larger one around it) that is used when no subnet is named. `range_given` tells
    that the user named the range, so that an overlap with a host route is only a warning.
    `mtu` 0: underlay minus 50. `grace` is how long, in seconds, a record must have been unknown
    to Docker before it is collected; `linger` how long a stopped container keeps its addresses.
    """

    name: str = ""
    nickname: str = ""
    range: IPNet = DEFAULT_RANGE
    default_subnet: IPNet = DEFAULT_RANGE
    range_given: bool = False
    mtu: int = 0
    plugin: bool = True
    status_addr: str = "127.0.0.1:6782"
    log_level: str = "info"
    grace: float = 60.0
    linger: float = 30.0

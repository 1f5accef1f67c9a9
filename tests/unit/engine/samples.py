"""What Docker answers, cut to what matters: 20.10 (API 1.41) recorded, 29 (API 1.52) after its
published API."""

from __future__ import annotations

from typing import Any

CID = "c1" * 32
NID = "4b" * 32
EID = "e5" * 32

_END_20: dict[str, Any] = {
    "IPAMConfig": {},
    "Links": None,
    "Aliases": [CID[:12]],
    "NetworkID": NID,
    "EndpointID": EID,
    "Gateway": "10.5.0.1",
    "IPAddress": "10.5.0.2",
    "IPPrefixLen": 16,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "fd05::2",
    "GlobalIPv6PrefixLen": 64,
    "MacAddress": "02:42:0a:05:00:02",
    "DriverOpts": None,
}
_END_29: dict[str, Any] = {
    **_END_20,
    "IPAMConfig": None,
    "Aliases": None,
    "DNSNames": ["c1", CID[:12]],
    "GwPriority": 0,
}
_STATE: dict[str, Any] = {
    "Status": "running",
    "Running": True,
    "Paused": False,
    "Restarting": False,
    "OOMKilled": False,
    "Dead": False,
    "Pid": 4321,
    "ExitCode": 0,
    "Error": "",
}
_HOST: dict[str, Any] = {
    "NetworkMode": "web",
    "PortBindings": {},
    "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
}

CONTAINER_20: dict[str, Any] = {
    "Id": CID,
    "Name": "/c1",
    "State": _STATE,
    "HostConfig": _HOST,
    "Config": {"Hostname": CID[:12], "Domainname": "", "Image": "bb"},
    "NetworkSettings": {
        "Bridge": "",
        "SandboxID": "0123456789ab" + "0" * 52,
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": {},
        "SandboxKey": "/var/run/docker/netns/0123456789ab",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": "",
        "Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "MacAddress": "",
        "Networks": {"web": _END_20},
    },
}

CONTAINER_29: dict[str, Any] = {
    **CONTAINER_20,
    "NetworkSettings": {
        "SandboxID": "0123456789ab" + "0" * 52,
        "SandboxKey": "/var/run/docker/netns/0123456789ab",
        "Ports": {},
        "Networks": {"web": _END_29},
    },
}

LISTED: dict[str, Any] = {
    "Id": CID,
    "Names": ["/other/alias", "/c1"],
    "Image": "bb",
    "State": "running",
    "Status": "Up 2 hours",
    "HostConfig": {"NetworkMode": "web"},
    "NetworkSettings": {"Networks": {"web": _END_20}},
}

NETWORK_20: dict[str, Any] = {
    "Name": "web",
    "Id": NID,
    "Created": "2024-01-02T03:04:05.678901234Z",
    "Scope": "local",
    "Driver": "weave",
    "EnableIPv6": True,
    "IPAM": {
        "Driver": "weave",
        "Options": {},
        "Config": [
            {"Subnet": "10.5.0.0/16", "Gateway": "10.5.0.1/16"},
            {"Subnet": "fd05::/64", "Gateway": "fd05::1/64"},
        ],
    },
    "Internal": False,
    "Attachable": False,
    "Ingress": False,
    "ConfigFrom": {"Network": ""},
    "ConfigOnly": False,
    "Containers": {
        CID: {
            "Name": "c1",
            "EndpointID": EID,
            "MacAddress": "02:42:0a:05:00:02",
            "IPv4Address": "10.5.0.2/16",
            "IPv6Address": "fd05::2/64",
        }
    },
    "Options": {"works.weave.multicast": "true"},
    "Labels": {},
}

NETWORK_29: dict[str, Any] = {
    **NETWORK_20,
    "EnableIPv4": True,
    "IPAM": {
        "Driver": "weave",
        "Options": None,
        "Config": [
            {"Subnet": "10.5.0.0/16", "IPRange": "", "Gateway": "10.5.0.1"},
            {"Subnet": "fd05::/64", "IPRange": "", "Gateway": "fd05::1"},
        ],
    },
    "Status": {"IPAM": {"Subnets": {"10.5.0.0/16": {"IPsInUse": 4}}}},
}

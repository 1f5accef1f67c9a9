"""docker-compose 1.29: up, scale, down on a network of ours."""

from __future__ import annotations

import json

from tests.lab import Host

FILE = """
version: "2.4"
services:
  web:
    image: bb
    command: sleep 9999
    networks: {front: {aliases: [www]}}
  db:
    image: bb
    command: sleep 9999
    networks: {front: {ipv4_address: 10.5.0.50}}
    ports: ["8081:80"]
networks:
  front:
    driver: weave
    driver_opts: {com.docker.network.driver.mtu: "1400"}
    ipam: {driver: weave, config: [{subnet: 10.5.0.0/24}]}
"""


def test_up_scale_down(weave_host: Host) -> None:
    weave_host.sh("mkdir -p /var/log/shop; cat > /var/log/shop/docker-compose.yml", input=FILE)
    compose = "cd /var/log/shop && docker-compose"
    weave_host.sh(f"{compose} up -d", timeout=120)
    inside = weave_host.docker("exec", "shop_web_1", "ping", "-c1", "db")
    assert "10.5.0.50" in inside.stdout
    weave_host.sh(f"{compose} up -d --scale web=3", timeout=120)
    found = json.loads(weave_host.docker("network", "inspect", "shop_front").stdout)[0]
    addresses = [c["IPv4Address"] for c in found["Containers"].values()]
    assert len(addresses) == 4 and len(set(addresses)) == 4
    assert "8081" in weave_host.docker("port", "shop_db_1").stdout
    weave_host.docker("exec", "shop_db_1", "ping", "-c1", "www")
    weave_host.sh(f"{compose} down", timeout=120)
    assert "shop_front" not in weave_host.docker("network", "ls").stdout
    assert not weave_host.links("wv-")

"""THE KERNEL: bridges, veths, addresses, namespaces, nftables. The only pyroute2.

May import: model, errors. Never: a store, Docker, HTTP.
Words: link, bridge, veth, netns, route, table, chain; ensure, delete, observe.
"""

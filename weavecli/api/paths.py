"""Where client and daemon meet: sockets, files and routes.

The control API is JSON over HTTP/1.1 on a Unix socket. A failure is a status >= 400 with
`{"error": sentence, "kind": one of weavecli.errors.KINDS}`. The number in the path is the
version of the contract: a daemon answers another number with 404 and kind `not-supported`.
"""

from __future__ import annotations

API_VERSION = 1
PREFIX = f"/v{API_VERSION}"

RUN_DIR = "/run/weave"
STATE_DIR = "/var/lib/weave"
LOG_FILE = "/var/log/weave/weaved.log"
CONTROL_SOCKET = RUN_DIR + "/weave.sock"
PLUGIN_SOCKET = "/run/docker/plugins/weave.sock"
MESH_SOCKET = "/run/docker/plugins/weavemesh.sock"
STATUS_ADDR = "127.0.0.1:6782"

# Reading. Text replies are what the CLI prints as it stands.
VERSION = PREFIX + "/version"  # GET: VersionReply
READY = PREFIX + "/ready"  # GET: ReadyReply
STATUS = PREFIX + "/status"  # GET: StatusReply; also STATUS/{targets,connections,peers,ipam}
REPORT = PREFIX + "/report"  # GET: JSON object (spec: Router, IPAM, Plugin, …)
PS = PREFIX + "/ps"  # GET ?container=…&container=…: PsReply
INSPECT = (
    PREFIX + "/inspect"
)  # GET ?ref=…&type=container|network|: list of objects, as docker inspect
PLUGIN = PREFIX + "/plugin"  # GET: PluginReply; POST PluginRequest: PluginReply
NETWORKS = PREFIX + "/networks"  # GET: NetworksReply; POST NetworkCreate: NetworkCreated
#                                  GET/DELETE NETWORKS/{ref}: list with one inspect object / {}

# Changing (POST).
ATTACH = PREFIX + "/attach"  # AttachRequest: AddressesReply
DETACH = PREFIX + "/detach"  # DetachRequest: AddressesReply
EXPOSE = PREFIX + "/expose"  # ExposeRequest: AddressesReply
HIDE = PREFIX + "/hide"  # HideRequest: AddressesReply
PRIME = PREFIX + "/prime"  # {}: {}
STOP = PREFIX + "/stop"  # {}: StopReply, then the daemon ends
RESET = PREFIX + "/reset"  # ResetRequest: ResetReply, then the daemon ends

"""THE WIRE, NEAR END: one method per control operation. The only requests_unixsocket.

May import: api, model, errors. Never: service or a room.
Words: client, transport, reply.
"""

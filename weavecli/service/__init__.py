"""THE RULES: order, locks, undo. No HTTP, no netlink, no SQL.

May import: dataplane.base, store.base, store.records, engine.base, ipam, api, model, errors.
Never: a room's machinery. Words: claim, allocate, release, ensure, doom, reconcile.
"""

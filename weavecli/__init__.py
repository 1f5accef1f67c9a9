"""weave: one network for plain Docker hosts.

The floor plan, from top to bottom; imports go down only, siblings do not see each other:

    cli | daemon        what the user types | the far end of the wire (weaved)
    client | service    the near end of the wire | the rules: order, locks, undo
    dataplane | ipam | store | engine      kernel | arithmetic | memory | Docker
    api                 what client and daemon share
    model               words: frozen values
    errors              kinds of failure
"""

__version__ = "0.1.0"

"""THE WIRE, FAR END: decode, call one service, encode. `main.py` alone chooses the real parts.

May import: service, api, model, errors; main.py also the rooms. Concurrency has one colour:
threads and blocking calls. Words: plugin call, control call, deadline.
"""

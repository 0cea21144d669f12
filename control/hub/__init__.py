"""The live door: one WebSocket a browser, events in the order of their numbers, each exactly once, also across a break.

hub.py         Hub: takes connections, knows who is here
connection.py  one connection: replay, then what happens, bounded; what the client says
presence.py    the last socket closed: the attendant is away after a grace
"""

from .hub import Hub

__all__ = ["Hub"]

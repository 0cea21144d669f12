"""Who is asking, and how they proved it.

    actor.py      Actor and Role: what every action takes first
    passwords.py  argon2id, off the event loop
    limiter.py    how often somebody may be wrong
    users.py      people: the first one, new ones, their passwords
    sessions.py   sign in, recognise, sign out
    audit.py      what is written down about it

Importing this package loads ``Actor`` and ``Role`` only.
"""

from .actor import Actor, Role

__all__ = ["Actor", "Role"]

"""Queues: who waits, who may be asked, who takes over (S13–S25, S60–S67, D13).

routing.py     whom to ask and how long it may take: pure functions
targets.py     what TRANSFER TO HUMAN names: a queue, an attendant, a department
attendants.py  presence and the attendants' row
actions.py     enter, accept, take, assign, transfer, resolve, reopen
dispatcher.py  offers: made, expired, passed on
seed.py        what a new organisation starts with
"""

from .actions import Entered, Place, Queues
from .attendants import PRESENCE
from .dispatcher import Dispatcher
from .routing import Candidate, choose, estimated_wait_s
from .seed import ensure_organisation

__all__ = [
    "PRESENCE",
    "Candidate",
    "Dispatcher",
    "Entered",
    "Place",
    "Queues",
    "choose",
    "ensure_organisation",
    "estimated_wait_s",
]

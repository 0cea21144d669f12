"""The telephone's door: calls between call hosts and the domains.

In control:

    hosts.py     links to SIP gateways and media processes
    centre.py    every live call; which event belongs to whom
    call.py      one live call: answer, bot, queue, person, end
    line.py      its media session, wherever that is now
    dialog.py    the driver of a flow
    ledger.py    what a call writes and reads; journal.py: its writes, in order
    desk.py      what attendants do to calls (``control.ports.CallDesk``)
    texts.py, prompts.py   the product's own sentences, rendered ahead

In a media process (a root of its own, which loads none of the above):

    media_process.py   sessions of this process
    session.py         one caller and whoever is at the far end
    wire.py            what both sides say to each other

``flows/`` holds the flows that ship.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .centre import CallCentre, CentreSettings
    from .desk import TelephonyDesk
    from .dialog import FlowBook
    from .ledger import Ledger
    from .prompts import prepare as prepare_prompts

__all__ = ["CallCentre", "CentreSettings", "FlowBook", "Ledger", "TelephonyDesk", "prepare_prompts"]

_HOMES = {
    "CallCentre": ("centre", "CallCentre"),
    "CentreSettings": ("centre", "CentreSettings"),
    "FlowBook": ("dialog", "FlowBook"),
    "Ledger": ("ledger", "Ledger"),
    "TelephonyDesk": ("desk", "TelephonyDesk"),
    "prepare_prompts": ("prompts", "prepare"),
}


def __getattr__(name: str) -> Any:
    """Loaded when first asked for, so that a media process does not load the control plane."""
    if name in _HOMES:
        from importlib import import_module

        module, attribute = _HOMES[name]
        return getattr(import_module(f".{module}", __name__), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

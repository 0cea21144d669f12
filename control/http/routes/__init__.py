"""Every route of the API, in one table: the router, the checks before each handler and OpenAPI all come from it."""

from __future__ import annotations

from ..route import Route
from . import attendance, auth, calls, conversations, system, tickets

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *attendance.ROUTES,
    *calls.ROUTES,
    *conversations.ROUTES,
    *tickets.ROUTES,
    *system.ROUTES,
)

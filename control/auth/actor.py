"""Who something is done for: every domain function takes an actor first and scopes by its organisation (D15)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ..errors import Forbidden


class Role(StrEnum):
    """What a person may do. Each role may do what those before it may."""

    ATTENDANT = "attendant"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Actor:
    organisation_id: UUID
    user_id: UUID
    attendant_code: str  # the human code, att-001 (D7)
    name: str
    role: str = Role.ATTENDANT

    def may(self, role: Role) -> bool:
        return Role(self.role).rank >= role.rank

    def require(self, role: Role) -> None:
        """
        Raises:
            Forbidden: the actor's role is below *role*.
        """
        if not self.may(role):
            raise Forbidden(f"only a {role} may do this")

"""The base of every settings section: frozen, unknown keys refused, secrets that never print.

A section is a plain value: it reads no file and no environment variable (``config.load`` alone does that), so a
test builds one by hand and a process receives the ones it needs as arguments.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr


class Section(BaseModel):
    """One subsystem's settings. An unknown key is an error that names the key in full (``media.jitter.taget_ms``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Secret(SecretStr):
    """A value that prints as asterisks; ``reveal()`` at the one place that needs it."""

    def reveal(self) -> str:
        return self.get_secret_value()

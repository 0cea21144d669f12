"""Where the Kokoro voices are. They are data of the npm package kokoro-js, copied beside this file by the package's
build (and by ``python -m agents.tts.fetch_voices`` in a development tree), so nothing needs Node at run time."""

from __future__ import annotations

from pathlib import Path

SHIPPED = ("pf_dora", "pm_alex", "pm_santa", "ef_dora", "em_alex", "em_santa", "af_heart", "am_michael")


def voices_dir() -> Path:
    return Path(__file__).parent / "voices"


def missing(folder: Path | None = None) -> list[str]:
    """Voices that the product ships and this tree does not have."""
    where = folder or voices_dir()
    return [name for name in SHIPPED if not (where / f"{name}.bin").exists()]

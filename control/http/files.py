"""Files below a folder, and nothing beside it. Ranges (RFC 9110 §14) are aiohttp's ``FileResponse``'s work."""

from __future__ import annotations

from pathlib import Path


def below(root: Path, path: str) -> Path | None:
    """The file *path* below *root*; None when there is none, or when it leads elsewhere (``..``, a link)."""
    if "\0" in path:
        return None
    root = root.resolve()
    file = (root / path.lstrip("/")).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None

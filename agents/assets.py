"""Model files that come inside Python packages: found without importing them, joined once where they come in parts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import ModelMissing


def package_dir(name: str) -> Path:
    """Where the top-level package *name* is installed; it is not imported.

    Raises:
        ModelMissing: it isn't installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing(f"the package {name.replace('_', '-')} is not installed; run: pip install attendance")
    return Path(next(iter(spec.submodule_search_locations)))


def joined(parts: Iterable[Path], into: Path) -> Path:
    """Write *parts* one after the other to *into*, unless it is there with the right size. Atomic: two may race.

    Raises:
        ModelMissing: a part is missing.
        OSError: the disk is full or read-only.
    """
    sources = list(parts)
    try:
        size = sum(part.stat().st_size for part in sources)
    except FileNotFoundError as error:
        raise ModelMissing(f"a part of a model is missing: {error.filename}") from error
    if into.exists() and into.stat().st_size == size:
        return into
    into.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=into.parent, prefix=into.name)
    try:
        with os.fdopen(handle, "wb") as whole:
            for part in sources:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, whole, 1 << 20)
        os.replace(name, into)
    except BaseException:
        os.unlink(name)
        raise
    return into

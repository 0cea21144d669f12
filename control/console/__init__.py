"""The web console, built: what the HTTP door serves at ``/`` and ``/assets``.

``web/`` holds the TypeScript source, ``dist/`` what the package's build hook makes of it.
"""

from __future__ import annotations

from pathlib import Path

DIST = Path(__file__).parent / "dist"
"""Folder with ``index.html`` and ``assets/``; missing in a checkout where the console was never built."""

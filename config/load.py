"""The only reader of the environment and of configuration files.

    defaults  <  config.yaml  <  config.csv  <  environment (ATTENDANCE__MEDIA__ROOMS__PORT=7880)

The YAML file is the one given by ``--config``, else the one ATTENDANCE_CONFIG names, else ``config.yaml`` in the state
directory when it is there. ``config.csv`` is the file ATTENDANCE_CONFIG_CSV names, else the one beside the YAML file
or in the state directory. ``DATABASE_URL`` is the database when nothing else says so.

Whatever is wrong (a key nobody knows, a value out of range, the same key twice) is collected and told at once, each
with the setting's full name and the place it was written.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from . import config_csv
from .agents import AgentsSettings
from .channels import ChannelsSettings
from .control import ControlSettings
from .logs import LogSettings
from .media import MediaSettings
from .section import Section
from .sip import SipSettings

ENV_PREFIX = "ATTENDANCE__"


class Settings(Section):
    """The whole product's settings. Each process is handed its own section only."""

    media: MediaSettings = MediaSettings()
    sip: SipSettings = SipSettings()
    agents: AgentsSettings = AgentsSettings()
    control: ControlSettings = ControlSettings()
    channels: ChannelsSettings = ChannelsSettings()
    logs: LogSettings = LogSettings()


class ConfigError(Exception):
    """The configuration can't be used. ``problems`` has one sentence for each thing to put right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, where state lives, and which files were read (for the first lines a person sees)."""

    settings: Settings
    state_dir: Path
    files: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Draft:
    """Values by dotted name while they are gathered, and where each was written."""

    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, name: str, value: Any, origin: str) -> None:
        node = self.values
        *sections, last = name.split(".")
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = value
        self.origin[name] = origin

    def where(self, name: str) -> str:
        while name:
            if name in self.origin:
                return self.origin[name]
            name = name.rpartition(".")[0]
        return "configuration"


def state_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where the product keeps what outlives it: ATTENDANCE_STATE, else by user (root: /var/lib/attendance)."""
    env = os.environ if environ is None else environ
    if env.get("ATTENDANCE_STATE"):
        return Path(env["ATTENDANCE_STATE"]).expanduser().resolve()
    if os.geteuid() == 0:
        return Path("/var/lib/attendance")
    if env.get("XDG_STATE_HOME"):
        return Path(env["XDG_STATE_HOME"]).expanduser().resolve() / "attendance"
    return Path(env.get("HOME") or Path.home()) / ".local" / "state" / "attendance"


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read everything and check it.

    Raises:
        ConfigError: a file is missing or malformed, a key is unknown, a value is refused. All problems at once.
    """
    env = os.environ if environ is None else environ
    state = state_directory(env)
    draft = _Draft()
    named = path or (Path(env["ATTENDANCE_CONFIG"]).expanduser() if env.get("ATTENDANCE_CONFIG") else None)
    yaml_file = named or state / "config.yaml"
    files: list[Path] = []
    if named or yaml_file.is_file():
        _read_yaml(draft, _text(draft, yaml_file), str(yaml_file))
        files.append(yaml_file)
    csv_file = _csv_file(env, yaml_file, state)
    if csv_file:
        _read_csv(draft, _text(draft, csv_file), str(csv_file))
        files.append(csv_file)
    _read_environment(draft, env)
    return Loaded(_checked(draft), state, tuple(files))


def parse(text: str, origin: str = "config.yaml") -> Settings:
    """Settings from the text of a YAML file. Raises ConfigError."""
    draft = _Draft()
    _read_yaml(draft, text, origin)
    return _checked(draft)


def parse_csv(text: str, origin: str = "config.csv") -> Settings:
    """Settings from the text of a ``config.csv`` (D3). Raises ConfigError."""
    draft = _Draft()
    _read_csv(draft, text, origin)
    return _checked(draft)


def known_keys() -> dict[str, FieldInfo]:
    """Every setting by its dotted name, in the order of the sections."""
    return dict(_fields(Settings, ""))


def _fields(section: type[Section], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in section.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info


# -- readers ----------------------------------------------------------------------------------------------------------


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key written twice is an error instead of a silent loss of the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int)) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", key_node.start_mark
                )
            if isinstance(key, (str, int)):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _text(draft: _Draft, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        draft.problems.append(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}")
        return ""


def _read_yaml(draft: _Draft, text: str, origin: str) -> None:
    try:
        tree = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        draft.problems.append(f"{origin}: not YAML: {' '.join(str(error).split())}")
        return
    if tree is None:
        return
    if not isinstance(tree, dict):
        draft.problems.append(f"{origin}: sections are expected (media: …), found {type(tree).__name__}")
        return
    for name, value in _leaves(tree, "", Settings):
        if _section_at(tuple(name.split("."))) is not None:
            draft.problems.append(f"{origin}: {name} is a section, its settings are expected below it")
        else:
            draft.put(name, value, origin)


def _leaves(tree: Mapping[Any, Any], prefix: str, section: type[Section] | None) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf. A section left empty in the file (``media:``) says nothing."""
    for key, value in tree.items():
        info = section.model_fields.get(str(key)) if section else None
        kind: Any = info.annotation if info else None
        inner: type[Section] | None = kind if isinstance(kind, type) and issubclass(kind, Section) else None
        if inner and value is None:
            continue
        if inner and isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.", inner)
        else:
            yield f"{prefix}{key}", value


def _csv_file(env: Mapping[str, str], yaml_file: Path, state: Path) -> Path | None:
    if env.get("ATTENDANCE_CONFIG_CSV"):
        return Path(env["ATTENDANCE_CONFIG_CSV"]).expanduser()
    for candidate in (yaml_file.parent / "config.csv", state / "config.csv"):
        if candidate.is_file():
            return candidate
    return None


def _read_csv(draft: _Draft, text: str, origin: str) -> None:
    rows, problems = config_csv.parse(text)
    draft.problems += [f"{origin} {problem}" for problem in problems]
    fields = known_keys()
    variables: dict[str, str] = {}
    for row in rows:
        where = f"{origin} line {row.line} ({row.key})"
        if row.key.startswith(config_csv.VARIABLE_PREFIX):
            variables[row.key.removeprefix(config_csv.VARIABLE_PREFIX)] = row.value
            continue
        name = config_csv.KEYS.get(row.key)
        if name is None:
            hint = _hint(row.key, config_csv.KEYS)
            draft.problems.append(f"{origin} line {row.line}: no setting is called {row.key}{hint}")
            continue
        value = _from_text(row.value, fields[name])
        if value is not None:
            draft.put(name, value, where)
    if variables:
        draft.put("agents.bot.variables", variables, origin)


def _read_environment(draft: _Draft, env: Mapping[str, str]) -> None:
    fields = known_keys()
    if env.get("DATABASE_URL") and "control.database.url" not in draft.origin:
        draft.put("control.database.url", env["DATABASE_URL"], "the environment's DATABASE_URL")
    for variable in sorted(env):
        if not variable.startswith(ENV_PREFIX):
            continue
        name = variable.removeprefix(ENV_PREFIX).lower().replace("__", ".")
        if name not in fields:
            draft.problems.append(f"the environment's {variable}: no setting is called {name}" + _hint(name, fields))
            continue
        value = _from_text(env[variable], fields[name])
        if value is not None:
            draft.put(name, value, f"the environment's {variable}")


def _from_text(text: str, info: FieldInfo) -> Any:
    """What a text means to the setting *info*. None: nothing was said (an empty value of what is no text)."""
    kind = info.annotation
    if kind is str or (isinstance(kind, type) and kind.__name__ == "Secret"):
        return text
    if not text.strip():
        return None
    if getattr(kind, "__origin__", None) in (tuple, dict, list):
        if text.lstrip()[0] in "[{":
            return yaml.safe_load(text)
        return [part.strip() for part in text.split(",") if part.strip()]
    return text.strip()


# -- checking ---------------------------------------------------------------------------------------------------------


def _checked(draft: _Draft) -> Settings:
    settings = None
    try:
        settings = Settings.model_validate(draft.values)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            loc = problem["loc"]
            name = ".".join(str(part) for part in loc)
            if problem["type"] == "extra_forbidden":
                said = f"no setting is called {name}" + _hint(name, _neighbours(loc))
            else:
                said = f"{name}: {problem['msg']}"
            draft.problems.append(f"{draft.where(name)}: {said}")
    if draft.problems or settings is None:
        raise ConfigError(draft.problems)
    return settings


def _section_at(loc: tuple[int | str, ...]) -> type[Section] | None:
    """The section that stands at *loc*, also inside a list of sections (``sip.trunks.0``). None: no section."""
    found: type[Section] | None = Settings
    inner: Any = None
    for part in loc:
        if isinstance(part, int):
            found = next(
                (kind for kind in get_args(inner) if isinstance(kind, type) and issubclass(kind, Section)), None
            )
        else:
            info = found.model_fields.get(part) if found else None
            inner = info.annotation if info else None
            found = inner if isinstance(inner, type) and issubclass(inner, Section) else None
    return found


def _neighbours(loc: tuple[int | str, ...]) -> list[str]:
    """Full names that are right where *loc* is wrong, then every other setting."""
    prefix = "".join(f"{part}." for part in loc[:-1])
    section = _section_at(loc[:-1])
    return [*(f"{prefix}{name}" for name in (section.model_fields if section else ())), *known_keys()]


def _hint(name: str, known: Collection[str]) -> str:
    """The known name that is most likely meant: near by its last part in the same section, else near as a whole."""
    section, _, last = name.rpartition(".")
    beside = {key.rpartition(".")[2]: key for key in known if key.rpartition(".")[0] == section}
    near = difflib.get_close_matches(last, beside, n=1)
    best = beside[near[0]] if near else next(iter(difflib.get_close_matches(name, known, n=1)), None)
    return f"; did you mean {best}?" if best else ""

"""The ``attendance`` command. Everything heavy is imported by the command that needs it, so ``--help`` is instant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from config.load import Loaded

    from .db import Database

PARTS = ("control", "calls", "rooms", "speech")
ROLES = ("attendant", "supervisor", "admin")
DATABASE_S = 10.0  # how long a command waits for the database


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 it failed, 2 the command line or the configuration is wrong."""
    arguments = build_parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        code = _explained(error)
        if code is None:
            raise
        return code


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attendance", description="Answers the people who reach a company: first a bot, then a person."
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (YAML); else ATTENDANCE_CONFIG")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="start the product, or a part of it")
    serve.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="part", help=f"{', '.join(PARTS)}; none: all")
    serve.set_defaults(command=_serve)

    demo = commands.add_parser("demo", help="play a whole call, from the phone to the ticket, and judge it")
    demo.add_argument("--json", action="store_true", help="print one JSON object")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="keep recordings and logs there")
    demo.add_argument("--shots", type=Path, metavar="DIR", help="write screenshots of the console there")
    demo.set_defaults(command=_demo)

    user = commands.add_parser("user", help="people who sign in").add_subparsers(required=True, metavar="WHAT")
    add = user.add_parser("add", help="add a user; prints a one-time password")
    add.add_argument("email")
    add.add_argument("--name", default="")
    add.add_argument("--role", choices=ROLES, default="attendant")
    add.set_defaults(command=_user_add)
    password = user.add_parser("password", help="give a user a new password and end their sessions")
    password.add_argument("email")
    password.set_defaults(command=_user_password)
    for with_password in (add, password):
        with_password.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input instead of making one"
        )

    load = commands.add_parser("import", help="read a file").add_subparsers(required=True, metavar="WHAT")
    attendants = load.add_parser("attendants", help="attendant.csv: adds and updates attendants by their id")
    attendants.set_defaults(command=_import_attendants)
    config = load.add_parser("config", help="config.csv: checks it and makes it the one in use")
    config.set_defaults(command=_import_config)
    for with_file in (attendants, config):
        with_file.add_argument("file", type=Path)
    for with_organisation in (add, attendants):
        with_organisation.add_argument("--organisation", default="", help="its name; else control.organisation")

    check = commands.add_parser("check-config", help="check the configuration and say where it comes from")
    check.add_argument("file", nargs="?", type=Path, help="a YAML or CSV file to check instead")
    check.set_defaults(command=_check_config)
    return parser


# -- the product ------------------------------------------------------------------------------------------------------


def _serve(arguments: argparse.Namespace) -> int:
    import asyncio

    from config.logs import setup_logging

    from .blueprint import Blueprint
    from .supervisor import run

    loaded = _loaded(arguments)
    blueprint = Blueprint.draw(loaded.settings, loaded.state_dir)
    blueprint.log_dir.mkdir(parents=True, exist_ok=True)
    with open(blueprint.log_dir / "supervisor.log", "a", buffering=1, encoding="utf-8") as log_file:
        setup_logging("supervisor", loaded.settings.logs, log_file)
        return asyncio.run(run(blueprint, frozenset(arguments.parts or ["all"])))


def _demo(arguments: argparse.Namespace) -> int:
    from .demo import main as play

    return play(as_json=arguments.json, keep=arguments.keep, shots=arguments.shots)


# -- configuration ----------------------------------------------------------------------------------------------------


def _check_config(arguments: argparse.Namespace) -> int:
    from config.load import parse, parse_csv

    if arguments.file is not None:
        text = arguments.file.read_text(encoding="utf-8")
        (parse_csv if arguments.file.suffix == ".csv" else parse)(text, str(arguments.file))
        print(f"{arguments.file}: good")
        return 0
    loaded = _loaded(arguments)
    print(f"State directory  {loaded.state_dir}")
    for file in loaded.files:
        print(f"Read             {file}")
    if not loaded.files:
        print("Read             no file: every setting has its default, or comes from the environment")
    print("The configuration is good.")
    return 0


def _import_config(arguments: argparse.Namespace) -> int:
    from config.config_csv import parse as rows_of
    from config.load import parse_csv

    from .secrets import write_private

    text = arguments.file.read_text(encoding="utf-8")
    parse_csv(text, str(arguments.file))
    target = _state_dir() / "config.csv"
    write_private(target, text)
    print(f"{len(rows_of(text)[0])} settings are in {target}; they count from the next start.")
    return 0


# -- people -----------------------------------------------------------------------------------------------------------


def _user_add(arguments: argparse.Namespace) -> int:
    from .auth import Role
    from .auth.users import add_user

    given = _given_password(arguments)

    async def work(db: Database, loaded: Loaded) -> int:
        _, made = await add_user(
            db,
            passwords := _passwords(),
            await _organisation(db, arguments.organisation, loaded),
            email=arguments.email,
            name=arguments.name,
            role=Role(arguments.role),
            password=given,
        )
        passwords.close()
        print(f"{arguments.email} may sign in" + (f" with the one-time password {made}" if made else "."))
        return 0

    return _with_database(arguments, work)


def _user_password(arguments: argparse.Namespace) -> int:
    from .auth.users import reset_password

    given = _given_password(arguments)

    async def work(db: Database, loaded: Loaded) -> int:
        passwords = _passwords()
        made = await reset_password(db, passwords, arguments.email, given)
        passwords.close()
        print(f"{arguments.email} has " + (f"the one-time password {made}" if made else "the new password."))
        return 0

    return _with_database(arguments, work)


def _import_attendants(arguments: argparse.Namespace) -> int:
    from .auth.users import import_attendants, parse_attendants

    rows = parse_attendants(arguments.file.read_text(encoding="utf-8"))

    async def work(db: Database, loaded: Loaded) -> int:
        done = await import_attendants(db, await _organisation(db, arguments.organisation, loaded), rows)
        print(f"{done.added} added, {done.changed} changed, {done.unchanged} as they were.")
        if done.added:
            print("New attendants sign in after: attendance user password EMAIL")
        return 0

    return _with_database(arguments, work)


def _passwords() -> Any:
    from .auth.passwords import Passwords

    return Passwords()


def _given_password(arguments: argparse.Namespace) -> str | None:
    return sys.stdin.readline().rstrip("\n") if arguments.password_stdin else None


async def _organisation(db: Database, name: str, loaded: Loaded) -> Any:
    from .queues import ensure_organisation

    control = loaded.settings.control
    return await ensure_organisation(db, name or control.organisation, control.queues)


# -- shared -----------------------------------------------------------------------------------------------------------


def _loaded(arguments: argparse.Namespace) -> Loaded:
    from config.load import load

    return load(arguments.config)


def _state_dir() -> Path:
    from config.load import state_directory

    return state_directory()


def _with_database(arguments: argparse.Namespace, work: Callable[[Database, Loaded], Awaitable[int]]) -> int:
    """Run *work* on the product's database: the one that runs, else the embedded one, started for this command."""
    import asyncio

    from .db import Database, EmbeddedPostgres, migrate

    loaded = _loaded(arguments)
    dsn = loaded.settings.control.database.url.reveal()
    embedded = None
    if not dsn:
        embedded = EmbeddedPostgres(loaded.state_dir, port=loaded.settings.control.database.port)
        dsn = embedded.start()

    async def run() -> int:
        db = await Database.open(dsn, 2, wait_s=DATABASE_S)
        try:
            await migrate(db)
            return await work(db, loaded)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    finally:
        if embedded is not None and not embedded.adopted:
            embedded.stop()


def _explained(error: Exception) -> int | None:
    """Say what is wrong in a line a person can act on; the exit code. None: a fault of ours, with its traceback."""
    from config.load import ConfigError

    if isinstance(error, ConfigError):
        for problem in error.problems:
            print(f"attendance: {problem}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):
        print(f"attendance: {error}", file=sys.stderr)
        return 1
    from .errors import ControlError

    if isinstance(error, ControlError):
        print(f"attendance: {error.message}", file=sys.stderr)
        return 1
    return None


if __name__ == "__main__":
    sys.exit(main())

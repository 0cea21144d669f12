"""The command line: what it understands, what it says, and that it starts at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from control.cli import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTENDANCE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\ntry:\n    from control.cli import main; main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'aiohttp', 'asyncpg', 'pydantic', 'yaml', 'numpy', 'asyncio'} & sys.modules.keys()))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "check-config" in said
    assert said.splitlines()[-1] == "[]"


def test_a_good_configuration(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config"]) == 0
    assert str(state) in capsys.readouterr().out


def test_a_misspelt_key_is_said_and_the_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "config.yaml"
    wrong.write_text("media: {rooms: {prot: 1}}")
    assert main(["check-config", str(wrong)]) == 2
    assert main(["--config", str(wrong), "serve"]) == 2
    said = capsys.readouterr().err
    assert said.count("did you mean media.rooms.port?") == 2
    assert "Traceback" not in said


def test_a_config_csv_is_checked_before_it_is_taken(tmp_path: Path, state: Path) -> None:
    file = tmp_path / "config.csv"
    file.write_text("attendance-queue-sise,9\n")
    assert main(["import", "config", str(file)]) == 2
    assert not (state / "config.csv").exists()
    file.write_text("attendance-queue-size,9\nlivekit-api-secret,secret\n")
    assert main(["import", "config", str(file)]) == 0
    assert (state / "config.csv").read_text() == file.read_text()
    assert (state / "config.csv").stat().st_mode & 0o077 == 0  # it may hold secrets


def test_a_file_that_is_not_there_is_said_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "config", "/nowhere/config.csv"]) == 1
    assert "/nowhere/config.csv" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["dance"], ["serve", "everything"], ["user"], ["user", "add"]])
def test_what_is_no_command_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2

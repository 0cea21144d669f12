"""Reading settings: YAML, environment, order, and refusals by full name (S68, D2, D3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import ConfigError, Settings, known_keys, load, parse, state_directory


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return str(refused.value)


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse("") == Settings()
    assert parse("media:\nsip:\n") == Settings()


def test_a_misspelt_key_is_refused_by_its_full_name_with_the_nearest_valid_key() -> None:
    said = problems("media: {rooms: {prot: 1}}")
    assert "media.rooms.prot" in said
    assert "did you mean media.rooms.port?" in said


def test_a_misspelt_section_is_refused_too() -> None:
    assert "no setting is called medai; did you mean media?" in problems("medai: {rooms: {port: 1}}")


def test_a_misspelt_key_inside_a_list_names_its_place() -> None:
    said = problems("sip: {trunks: [{name: a, hots: b}]}")
    assert "sip.trunks.0.hots" in said
    assert "did you mean sip.trunks.0.host?" in said


def test_all_problems_are_told_at_once_with_the_file() -> None:
    said = problems("media: {rooms: {port: 70000}}\ncontrol: {http: {port: nine}}\nsip: 5\n")
    assert "config.yaml: media.rooms.port:" in said
    assert "config.yaml: control.http.port:" in said
    assert "sip is a section" in said


def test_a_key_written_twice_is_an_error_not_a_silent_loss() -> None:
    assert "'rooms' is written twice" in problems("media:\n  rooms: {port: 1}\n  rooms: {port: 2}\n")


@pytest.mark.parametrize("text", ["media: [", "- a\n- b\n", "just words", "a: b: c", "\x00"])
def test_what_is_no_configuration_is_refused_with_the_file(text: str) -> None:
    assert problems(text).startswith("config.yaml")


def test_later_sources_win_and_each_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("control: {queues: {size: 10, ring_s: 5}}\nmedia: {rooms: {port: 1111}}\n")
    (tmp_path / "config.csv").write_text("attendance-queue-size,20\nlivekit-room-prefix,loja-\n")
    env = {"ATTENDANCE_STATE": str(tmp_path), "ATTENDANCE__MEDIA__ROOMS__PORT": "2222"}
    loaded = load(environ=env)
    assert loaded.settings.control.queues.size == 20
    assert loaded.settings.control.queues.ring_s == 5
    assert loaded.settings.media.rooms.port == 2222
    assert loaded.settings.media.rooms.room_prefix == "loja-"
    assert loaded.files == (tmp_path / "config.yaml", tmp_path / "config.csv")
    assert loaded.state_dir == tmp_path


def test_the_environment_is_held_to_the_same_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ATTENDANCE__MEDIA__ROOMS__PROT.*media\.rooms\.prot.*media\.rooms\.port"):
        load(environ={"ATTENDANCE_STATE": str(tmp_path), "ATTENDANCE__MEDIA__ROOMS__PROT": "1"})
    with pytest.raises(ConfigError, match=r"ATTENDANCE__CONTROL__HTTP__PORT: control\.http\.port"):
        load(environ={"ATTENDANCE_STATE": str(tmp_path), "ATTENDANCE__CONTROL__HTTP__PORT": "nine"})


def test_lists_and_switches_from_the_environment(tmp_path: Path) -> None:
    env = {
        "ATTENDANCE_STATE": str(tmp_path),
        "ATTENDANCE__CONTROL__ATTENDANCE__TRANSFER_KEYWORDS": "pessoa, falar com",
        "ATTENDANCE__SIP__RTP_PORTS": "[30000, 30010]",
        "ATTENDANCE__SIP__TRUNKS": '[{"name": "t", "numbers": ["+5511400000000"]}]',
        "ATTENDANCE__MEDIA__RECORDING__ENABLED": "false",
    }
    settings = load(environ=env).settings
    assert settings.control.attendance.transfer_keywords == ("pessoa", "falar com")
    assert settings.sip.rtp_ports == (30000, 30010)
    assert settings.sip.trunks[0].numbers == ("+5511400000000",)
    assert settings.media.recording.enabled is False


def test_database_url_is_the_database_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    env = {"ATTENDANCE_STATE": str(tmp_path), "DATABASE_URL": "postgresql://a/b"}
    assert load(environ=env).settings.control.database.url.reveal() == "postgresql://a/b"
    env["ATTENDANCE__CONTROL__DATABASE__URL"] = "postgresql://c/d"
    assert load(environ=env).settings.control.database.url.reveal() == "postgresql://c/d"


def test_a_file_that_was_named_and_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent.yaml: can't be read"):
        load(tmp_path / "absent.yaml", {"ATTENDANCE_STATE": str(tmp_path)})


def test_the_state_directory_follows_the_environment(tmp_path: Path) -> None:
    assert state_directory({"ATTENDANCE_STATE": str(tmp_path)}) == tmp_path


def test_no_secret_is_printed_by_an_error_or_a_dump() -> None:
    settings = parse("media: {rooms: {api_secret: hush-hush}}")
    assert "hush-hush" not in repr(settings) + settings.model_dump_json()
    assert "hush-hush" not in problems("media: {rooms: {api_secret: {a: hush-hush}}}")


def test_defaults_that_the_contract_decides() -> None:
    """D1, D2, S68."""
    attendance = Settings().control.attendance
    assert attendance.transfer_keywords == ("human", "atendente", "pessoa", "atendimento", "falar com")
    assert attendance.bypass_mode is False
    assert Settings().control.notifications.email_notify is False
    assert Settings().control.queues.size == 50
    assert Settings().control.queues.max_wait_seconds == 600


def test_every_setting_has_a_unique_dotted_name() -> None:
    assert len(known_keys()) > 100

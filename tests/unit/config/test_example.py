"""``example.yaml`` documents each setting with its default."""

from __future__ import annotations

from config import example
from config.load import Settings, known_keys, parse


def test_the_example_is_what_the_sections_say() -> None:
    """Out of date? ``python -m config.example > config/example.yaml``."""
    assert example.FILE.read_text(encoding="utf-8") == example.render()


def test_the_example_holds_every_setting_at_its_default() -> None:
    text = example.FILE.read_text(encoding="utf-8")
    assert parse(text) == Settings()
    last_names = {name.rpartition(".")[2] for name in known_keys()}
    assert all(f"{name}:" in text for name in last_names)

"""Small parts of the HTTP door: files below a folder, the content policy, metrics as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.http.deps import content_security_policy
from control.http.files import below
from control.metrics import Metrics


@pytest.mark.parametrize(
    "path", ["../x", "/../x", "a/../../x", "", ".", "folder", "absent", "link", "a\0b", "//etc/passwd"]
)
def test_nothing_beside_the_folder_is_found(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "x").write_text("outside")
    (root / "link").symlink_to(tmp_path / "x")
    assert below(root, path) is None


def test_what_is_below_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.wav").write_text("x")
    for path in ("a/b.wav", "/a/b.wav", "a/./b.wav"):
        assert below(tmp_path, path) == tmp_path / "a" / "b.wav"


@pytest.mark.parametrize(
    ("rooms_url", "allowed"),
    [
        ("wss://rooms.example", "connect-src 'self' wss://rooms.example https://rooms.example;"),
        ("ws://127.0.0.1:7880", "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880;"),
        ("", "connect-src 'self';"),
    ],
)
def test_the_browser_may_reach_the_media_server_and_nothing_else(rooms_url: str, allowed: str) -> None:
    assert allowed in content_security_policy(rooms_url)


def test_a_reader_that_fails_leaves_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.watch("counter", "attendance_dropped", "Dropped.", lambda: 7)
    metrics.watch("gauge", "attendance_queue", "Waiting.", lambda: [({"queue": "a"}, 1), ({"queue": "b"}, 2)])
    metrics.watch("gauge", "attendance_broken", "Broken.", lambda: 1 / 0)
    text = metrics.text().decode()
    assert "attendance_dropped_total 7.0" in text
    assert 'attendance_queue{queue="b"} 2.0' in text
    assert "attendance_broken" not in text
    assert "metric_failed" in caplog.text

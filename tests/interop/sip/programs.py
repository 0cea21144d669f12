"""sipp and baresip as far ends. A missing program fails the test with the command that installs it."""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import shutil
import socket
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parent / "scenarios"
INSTALL = {"sipp": "apt-get install -y sip-tester", "baresip": "apt-get install -y baresip-core"}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed; install it with: {INSTALL[name]}")
    return found


async def sipp(
    scenario: str, port: int, folder: Path, *extra: str, calls: int = 1, timeout_s: int = 20
) -> tuple[int, str]:
    """Run a scenario of ours as a caller. Returns sipp's exit status (0: all calls went as written) and its errors."""
    errors = folder / "sipp-errors"
    process = await asyncio.create_subprocess_exec(
        program("sipp"), f"127.0.0.1:{port}", "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-m", str(calls),
        "-timeout", str(timeout_s), "-timeout_error", "-nostdin", "-trace_err", "-error_file", str(errors),
        "-mi", "127.0.0.1", "-mp", str(free_port_pair()), *extra,
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        status = await asyncio.wait_for(process.wait(), timeout_s + 10)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return status, errors.read_text() if errors.exists() else ""


def free_port_pair() -> int:
    """An even UDP port, free with its neighbour a moment ago."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1] & ~1
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        ):
            one.bind(("127.0.0.1", port))
            two.bind(("127.0.0.1", port + 1))
            return port


def write_dtmf_pcap(path: Path, digits: str, payload_type: int = 101) -> None:
    """RFC 4733 events as sipp's play_pcap_audio takes them: 100 ms a digit, its end three times (2.5.1.4)."""
    packets: list[tuple[float, bytes]] = []
    at, sequence = 0.0, 1
    for number, digit in enumerate(digits):
        event, stamp = "0123456789*#".index(digit), 8000 + number * 2400
        for step in range(8):
            end = step >= 5
            body = struct.pack(">BBH", event, 0x8A if end else 0x0A, min(step + 1, 5) * 160)
            marker = 0x80 if step == 0 else 0
            header = struct.pack(">BBHII", 0x80, marker | payload_type, sequence, stamp, 0x5EED)
            packets.append((at + 0.02 * min(step, 5), header + body))
            sequence += 1
        at += 0.3
    _write_pcap(path, packets)


def _write_pcap(path: Path, packets: list[tuple[float, bytes]]) -> None:
    ether = bytes(12) + b"\x08\x00"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, payload in packets:
            udp = struct.pack(">HHHH", 4000, 4002, 8 + len(payload), 0)
            total = 20 + len(udp) + len(payload)
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            frame = ether + ip + udp + payload
            seconds = int(at)
            file.write(struct.pack("<IIII", 1_000_000 + seconds, int((at - seconds) * 1e6), len(frame), len(frame)))
            file.write(frame)


class Baresip:
    """One baresip, told what to do over ctrl_tcp."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def command(self, name: str, parameters: str = "") -> None:
        body = f'{{"command":"{name}","params":"{parameters}","token":"t"}}'.encode()
        self._writer.write(str(len(body)).encode() + b":" + body + b",")  # a netstring
        await self._writer.drain()


@asynccontextmanager
async def baresip(folder: Path, *, hz: float) -> AsyncIterator[Baresip]:
    """It says a sine of *hz* for 20 s (from a file: its own ausine wants 48 kHz)."""
    with wave.open(str(folder / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        period = (int(8000 * math.sin(2 * math.pi * hz * n / 8000)) for n in range(20 * 8000))
        file.writeframes(array.array("h", period).tobytes())
    modules = "/usr/lib/baresip/modules"
    sip_port, control_port = free_port_pair(), free_port_pair()
    wanted = ["g711", "aufile", "aubridge", "account", "menu", "ctrl_tcp"]
    lines = [
        f"sip_listen 127.0.0.1:{sip_port}",
        f"audio_source aufile,{folder / 'said.wav'}",
        "audio_player aubridge,nowhere",
        f"audio_alert aufile,{folder / 'alert.wav'}",
        "ausrc_srate 8000",
        "auplay_srate 8000",
        "net_interface 127.0.0.1",
        f"rtp_ports {free_port_pair()}-{65000}",
        f"ctrl_tcp_listen 127.0.0.1:{control_port}",
        f"module_path {modules}",
        *(f"module {name}.so" for name in wanted[:3]),
        *(f"module_app {name}.so" for name in wanted[3:]),
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    (folder / "accounts").write_text("<sip:caller@127.0.0.1>;regint=0;audio_codecs=pcma\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        program("baresip"), "-f", str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", control_port)
                    break
                except ConnectionRefusedError:
                    assert process.returncode is None, "baresip ended at its start"
                    await asyncio.sleep(0.05)
        yield Baresip(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()

"""The product's face: the demo ends well, shows what it should, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"


def processes_of(group: int) -> list[int]:
    """List the processes of this project's embedded AWS that a command started: by their session's leader."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"python" in line and f"TOURNIQUET_TEST={group}".encode() in environment:
            found.append(int(entry.name))
    return found


def start(mark: int) -> subprocess.Popen[str]:
    """Start the demo as ``make demo`` does, marked so that whatever it starts can be found."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "demo"],
        cwd=ROOT,
        env={**os.environ, "TOURNIQUET_TEST": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.usefixtures("alone")  # an embedded AWS of its own beside a busy one is more than two cores carry
def test_the_demo_shows_the_main_job_and_leaves_nothing_running() -> None:
    """Given a person who runs the demo, the attacker's calls work, then are refused, and the mail is shown."""
    mark = os.getpid()
    said, _ = start(mark).communicate(timeout=420)
    chapters = dict(re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", said, re.MULTILINE | re.DOTALL))
    assert set(chapters) == {str(number) for number in range(1, 15)}, said
    calls = {number: re.findall(r"^  (works|refused) ", text, re.MULTILINE) for number, text in chapters.items()}
    assert (calls["2"], calls["4"]) == (["works"] * 9, ["refused"] * 9)
    assert "| CONTAINED: AWS found an access key of yours in public." in chapters["5"]
    assert calls["7"] == ["works", "works", "works", "refused", "refused", "works"], "only the attacker's is closed"
    assert "security group tourniquet-isolation" in chapters["7"]
    assert (BUILD / "demo-report" / "report.html").is_file()
    assert "the attacker detaches AWSDenyAll" in chapters["8"]
    assert calls["8"] == ["refused"], "the thief who fights back is locked out"
    assert re.search(r"made again( each time)?, holds|made again each\s", chapters["8"])
    assert calls["9"] == ["works", "refused"], "the second key works again, the leaked one does not"
    assert "| RELEASED" in chapters["9"]
    assert (calls["10"], calls["12"]) == (["works", "works"], ["refused", "works"]), "the neighbour goes on"
    assert chapters["12"].count("group web, 2 rules                   -> group tourniquet-isolation, 0 rules") == 2
    assert "2, 2 of them locked" in chapters["12"]
    assert "Each is what the manifest says it is" in chapters["13"]
    assert "NAT" in chapters["14"], "what survives is told"
    assert not re.search(r"[AL]KIA[A-Z0-9]{12,}", said), "a whole key id is on the screen"
    assert processes_of(mark) == []


@pytest.mark.usefixtures("alone")
def test_ctrl_c_leaves_nothing_running() -> None:
    """Given a person who stops the demo half way, every process it started ends."""
    mark = os.getpid() + 1_000_000
    demo = start(mark)
    deadline = time.monotonic() + 60
    while len(processes_of(mark)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert processes_of(mark) == []

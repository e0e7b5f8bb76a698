"""The sample events of the project, and a larger corpus where there is one beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

type Event = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "tests" / "events"
CORPUS = "TOURNIQUET_CORPUS"


def names() -> list[str]:
    """List the project's own sample events."""
    return sorted(file.stem for file in EVENTS.glob("*.json"))


def sample(name: str) -> Event:
    """Read one of the project's own sample events."""
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def corpus() -> dict[str, Any]:
    """Read the larger corpus: file → event. Skips the test where there is none."""
    folder = Path(os.environ.get(CORPUS) or ROOT.parent / "shared" / "data")
    found = {
        f"{kind}/{file.name}": json.loads(file.read_text())
        for kind in ("guardduty", "health", "trustedadvisor")
        for file in sorted((folder / kind).glob("*.json"))
        if file.name != "INDEX.json"
    }
    if not found:
        pytest.skip(f"no larger corpus of events: {CORPUS} is not set and nothing is beside the project")
    return found

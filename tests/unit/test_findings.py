"""The table of finding types: complete, as AWS has it, and read rightly."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from docs.__main__ import FOLDER, documents
from docs.finding_types import FAMILIES, OTHERS, SEVERITIES, TYPES, FindingType
from lambdas.model import Signal
from lambdas.playbooks import PLAYBOOKS, playbook_for
from tests.unit.samples import CORPUS, ROOT

PAGE = FOLDER / "findings.md"


def as_aws_lists_them() -> list[dict[str, Any]]:
    """Read the active types from the larger corpus; skips the test where there is none."""
    folder = os.environ.get(CORPUS)
    file = (ROOT.parent / "shared" / "data" if not folder else ROOT / folder) / "guardduty_finding_types.json"
    if not file.is_file():
        pytest.skip("no list of finding types beside the project")
    listed: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["active"]
    return listed


def row(name: str) -> list[str]:
    """Give the cells of one row of the page."""
    line = next(line for line in documents()[PAGE].splitlines() if line.startswith(f"| `{name}` |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_every_active_type_is_listed_once() -> None:
    """Given the list, when it is counted, it has the 229 types of AWS, each once, each with words of its own."""
    assert len(TYPES) == len({found.name for found in TYPES}) == 229
    assert all(found.about for found in TYPES)
    assert all(family.page.startswith("https://docs.aws.amazon.com/guardduty/") for family in FAMILIES)


@pytest.mark.parametrize("found", TYPES, ids=lambda found: found.name)
def test_every_active_type_has_a_deliberate_answer(found: FindingType) -> None:
    """Given an active type, when a finding of it arrives with any severity and role, some playbook means it."""
    low, high = found.span
    for severity in (0.0, low, high - 0.1, 10.0):
        for role in ("", "ACTOR", "TARGET"):
            signal = Signal(source="aws.guardduty", type=found.name, id="1", severity=severity, resource_role=role)
            assert playbook_for(signal).name != "unknown"


def test_the_list_is_the_one_of_aws() -> None:
    """Given AWS' list, when ours is held to it, the names are the same and so are the default severities."""
    theirs = {one["type"]: one for one in as_aws_lists_them()}
    assert {found.name for found in TYPES} == set(theirs)
    for found in TYPES:
        one = theirs[found.name]
        word = one["default_severity"] if one["default_severity"] in SEVERITIES else "Varies"
        assert found.severity.rstrip("*") == word, found.name
        assert found.severity not in SEVERITIES or not one["variable_severity"], found.name


@pytest.mark.parametrize(
    ("severity", "span"), [("Low", (1.0, 4.0)), ("High", (7.0, 9.0)), ("Low*", (1.0, 9.0)), ("Varies", (1.0, 9.0))]
)
def test_a_severity_that_varies_spans_low_to_high(severity: str, span: tuple[float, float]) -> None:
    """Given a default severity, when its span is asked for, one that varies is everything from Low to High."""
    assert FindingType(name="A:B/C", severity=severity, about="").span == span


def test_the_page_has_a_row_for_every_type_and_every_other_signal() -> None:
    """Given the page, when it is read, each finding type and each other signal has one row."""
    page = documents()[PAGE]
    for found in TYPES:
        assert page.count(f"| `{found.name}` |") == 1
    for signal in OTHERS:
        assert f"| `{signal.type}` |" in page


@pytest.mark.parametrize(
    ("name", "answered_by", "by_default"),
    [
        ("Recon:IAMUser/TorIPCaller", "[stolen_credentials](playbooks.md#stolen_credentials)", "**contains**"),
        ("Policy:IAMUser/RootCredentialUsage", "[root_use](playbooks.md#root_use)", "announced"),
        ("Discovery:IAMUser/AnomalousBehavior", "[unusual_use](playbooks.md#unusual_use)", "shows the plan"),
        ("Impact:IAMUser/AnomalousBehavior", "[unusual_use](playbooks.md#unusual_use)", "asks first"),
        (
            "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
            "[exfiltrated_credentials](playbooks.md#exfiltrated_credentials)",
            "asks first below 7<br>**contains** from 7",
        ),
        (
            "Behavior:EC2/NetworkPortUnusual",
            (
                "[unusual_traffic](playbooks.md#unusual_traffic) below 7<br>"
                "[compromised_instance](playbooks.md#compromised_instance) from 7"
            ),
            "announced below 7<br>**contains** from 7",
        ),
        (
            "UnauthorizedAccess:EC2/SSHBruteForce",
            (
                "[compromised_instance](playbooks.md#compromised_instance) if the instance acts<br>"
                "[attacked_instance](playbooks.md#attacked_instance) if it is the target"
            ),
            (
                "shows the plan below 4 if the instance acts<br>asks first from 4 if the instance acts<br>"
                "**contains** from 7 if the instance acts<br>announced if it is the target"
            ),
        ),
    ],
)
def test_a_row_says_what_happens_and_when(name: str, answered_by: str, by_default: str) -> None:
    """Given a type, when its row is read, it names the playbook and, where that depends, on what."""
    assert row(name)[3:] == [answered_by, by_default]


def test_a_playbook_says_its_modes_by_severity() -> None:
    """Given a playbook that goes by severity, when its page is read, each mode stands with where it begins."""
    page = documents()[FOLDER / "playbooks.md"]
    assert "| `contain` from 7, `approve` below | `approve` | asks |" in page
    assert page.count("| passes |") == sum(playbook.vouched for playbook in PLAYBOOKS)

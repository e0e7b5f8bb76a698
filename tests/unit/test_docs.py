"""The documents: what is generated is up to date, and what is written by hand names what there is."""

from __future__ import annotations

import json
import re
import shlex
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from docs.__main__ import FOLDER, FUNCTIONS, INVESTIGATE, RESPOND, RESTORE, ROOT, documents, main
from docs.finding_types import TYPES
from lambdas import actions
from lambdas.investigation import request
from lambdas.model import Mode, Outcome, Result
from lambdas.signals import PATTERNS, incident_from, manual
from stacks import settings

if TYPE_CHECKING:
    from pathlib import Path

BY_HAND = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/holding.md")
WRITTEN = [ROOT / name for name in BY_HAND]
ALL = [*WRITTEN, *documents()]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_KEY_ID = re.compile(r"A(?:KIA|SIA)[A-Z0-9]{12,}")


def anchors(path: Path) -> set[str]:
    """List the anchors that a page's headings make."""
    headings = _HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_says_what_the_code_says(path: Path) -> None:
    """Given the code, each generated document in the repository is the one that it makes."""
    assert path.read_text("utf-8") == documents()[path], "run `make docs`"


def test_a_stale_document_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a document that is stale, the check names it and fails; written again, the check passes."""
    page = tmp_path / "page.md"
    page.write_text("old")
    monkeypatch.setattr("docs.__main__.ROOT", tmp_path)
    monkeypatch.setattr("docs.__main__.documents", lambda: {page: "new"})
    assert main(["--check"]) == 1
    assert "page.md" in capsys.readouterr().err
    assert page.read_text() == "old"
    assert main([]) == 0
    assert page.read_text() == "new"
    assert main(["--check"]) == 0


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    """Given a document, each relative link is a file that there is, and each anchor a heading of it."""
    links = [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


README = (ROOT / "README.md").read_text("utf-8")


def rows(text: str) -> dict[str, str]:
    """Give the rows of a page's tables: the first cell, bare → the row."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return {line.split("|")[1].strip().strip("`"): line for line in lines}


def fenced(text: str) -> list[str]:
    """Give the blocks of code of a page."""
    return re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Give the lines for a shell that are whole in a page's blocks of code, as words."""
    found = [line.strip() for block in fenced(text) for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line) for line in found if line.startswith("aws ")]


def value(command: list[str], option: str) -> str:
    """Give the value of an option."""
    return command[command.index(option) + 1]


def test_the_readme_names_every_setting_and_every_outcome() -> None:
    """Given the settings and the outcomes, the README has a row for each."""
    assert set(settings.ALL) <= set(rows(README))
    assert set(Outcome) <= set(rows(README))


def test_the_readme_says_the_defaults_of_the_settings() -> None:
    """Given cdk.json, the README's column of defaults has the same values, as somebody would write them there."""
    given = json.loads((ROOT / "cdk.json").read_text())["context"][settings.CONTEXT_KEY]
    assert set(given) == set(settings.ALL)
    for name, default in given.items():
        if name != "alert_email":
            written = default if isinstance(default, str) else json.dumps(default)
            assert rows(README)[name].split("|")[2].strip() == f"`{written}`"


def test_the_readme_lists_first_what_may_come_on_the_command_line() -> None:
    """Given the simple settings, they are the first rows of the table, as many as the README says."""
    listed = [name for name in rows(README) if name in settings.ALL]
    assert set(listed[: len(settings.SIMPLE)]) == set(settings.SIMPLE)
    assert "the first ten also as `-c name=value`" in README
    assert len(settings.SIMPLE) == 10


def test_the_readmes_example_of_modes_is_one() -> None:
    """Given the example of playbook_modes, the settings take it."""
    (example,) = re.findall(r'^"playbook_modes": (\{.*\})$', README, re.MULTILINE)
    context = {settings.CONTEXT_KEY: {"alert_email": "a@example.com", "playbook_modes": json.loads(example)}}
    assert set(settings.read(context).playbook_modes) == set(json.loads(example))


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_a_page_names_every_key_of_a_request_and_every_mode(page: str) -> None:
    """Given what a request may hold, README and ARCHITECTURE name each key, each mode, and the answer."""
    text = (ROOT / page).read_text("utf-8")
    for key in (*manual._NAMING, "region", "answer", "incident_id"):  # noqa: SLF001 - what it reads is the contract
        assert f'"{key}": "' in text, key
    for word in (*Mode, "reason", "approve", "reject"):
        assert f"`{word}`" in text or f'"{word}"' in text, word


def test_every_request_and_answer_in_the_readme_can_be_read() -> None:
    """Given the commands of the README that start the workflow, each input is a request or an answer of the form."""
    started = [one for one in commands(README) if one[1:3] == ["stepfunctions", "start-execution"]]
    inputs = [(value(one, "--state-machine-arn"), value(one, "--input")) for one in started]
    assert len(inputs) >= 5
    for machine, text in inputs:
        given = json.loads(text.replace("<the key id>", "AKIA" + "X" * 16))
        if "investigate" in machine.lower():
            assert not request.read(given, datetime.now(UTC)).refused
        elif "restore" in machine.lower():
            assert re.fullmatch(r"inc-\d{8}-[0-9a-f]{10}", given["incident_id"])
            assert set(given) <= {"incident_id", "reactivate_keys", "reason"}
        elif "answer" in given:
            assert re.fullmatch(r"inc-\d{8}-[0-9a-f]{10}", given["incident_id"])
            assert given["answer"] in {"approve", "reject"}
        else:
            assert incident_from(given).targets, text


def test_the_readmes_filter_policies_are_json_about_attributes_that_alerts_have() -> None:
    """Given the filter policies of the README, each is JSON and names attributes and outcomes that there are."""
    policies = [
        json.loads(value(one, "--attributes"))["FilterPolicy"] for one in commands(README) if "--attributes" in one
    ]
    policies += [value(one, "--attribute-value") for one in commands(README) if "--attribute-value" in one]
    assert len(policies) == 2
    for policy in map(json.loads, policies):
        parts = policy.get("$or", [policy])
        assert {name for part in parts for name in part} <= {"outcome", "severity", "source", "account"}
        assert set(re.findall(r'"([A-Z]{4,})"', json.dumps(policy))) <= set(Outcome)


def test_the_readme_counts_the_finding_types_and_the_functions() -> None:
    """Given the finding types and the functions, the README gives their numbers."""
    assert f"each of the {len(TYPES)} GuardDuty finding types" in re.sub(r"\s+", " ", README)
    workflows = "".join(path.read_text() for path in (RESPOND, RESTORE, INVESTIGATE))
    assert len(set(re.findall(r"\$\{(\w+)FunctionArn\}", workflows))) == 32
    assert "three Step Functions workflows, thirty-two\nLambda functions" in README


def test_the_alert_in_the_readme_names_every_result_that_it_can_have() -> None:
    """Given the results, the README names those that an alert shows."""
    shown = set(Result) - {Result.PENDING, Result.REJECTED, Result.EXPIRED}
    assert all(f"`{result}`" in README for result in shown)


def test_architecture_names_every_module_setting_function_and_outcome() -> None:
    """Given what ships, ARCHITECTURE has a word for each module, and the contracts name what there is."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = {name for first in rows(text) for name in re.findall(r"[a-z_/*]+", first)}
    for path in (ROOT / "lambdas").rglob("*.py"):
        name = str(path.relative_to(ROOT / "lambdas").with_suffix(""))
        if path.stem not in {"__init__", "shape"}:
            assert name in named or f"{path.parent.name}/*" in named, name
    for path in (ROOT / "demo" / "emulator").glob("[a-z]*.py"):
        assert path.stem in named, path.stem
    contracts = text.partition("## Contracts")[2]
    assert all(f"`{name}`" in contracts for name in settings.ALL)
    assert all(str(outcome) in contracts for outcome in Outcome)
    for name in (
        "Triage",
        "Notify",
        "Approval",
        "Hold",
        "Restore",
        "Investigate",
        "LookBack",
        "TakeStock",
        "Report",
        *("".join(map(str.capitalize, one.split("_"))) for one in actions.names()),
        *(
            "Undo" + "".join(map(str.capitalize, one.split("_")))
            for one in actions.names()
            if actions.load(one).undo_grants
        ),
    ):
        assert f"`tourniquet-{name}`" in contracts


def test_the_permissions_tell_every_deny() -> None:
    """Given the explicit denies of the stack, each is in the table of permissions."""
    text = (FOLDER / "permissions.md").read_text("utf-8")
    denies = re.findall(r'(?:sid=|_denied\()"(Never\w+)"', FUNCTIONS.read_text())
    assert len(denies) == 4
    policies = re.findall(r'\("(Never\w+)", "', FUNCTIONS.read_text())
    assert len(policies) == 2
    assert all(f"`tourniquet-{name}`" in text for name in policies)
    assert all(f"`{sid}`" in text for sid in denies)


@pytest.mark.parametrize("path", [RESPOND, INVESTIGATE, RESTORE], ids=lambda path: path.name.partition(".")[0])
def test_a_workflows_page_draws_every_state_and_every_way(path: Path) -> None:
    """Given a workflow, its page has each state, and each choice with its default."""
    text = (FOLDER / f"{path.name.partition('.')[0]}.md").read_text("utf-8")
    definition = json.loads(path.read_text())
    ids = dict(re.findall(r"^ *(?:subgraph )?(s\d+)[\[({]+\"([^\"]+)\"", text, re.MULTILINE))
    assert set(definition["States"]) <= set(ids.values())
    drawn = {
        (ids[start], ids[end], label)
        for start, label, end in re.findall(r'^ *(s\d+) -- "([^"]*)" --> (s\d+)$', text, re.MULTILINE)
    }
    for name, state in definition["States"].items():
        if state["Type"] == "Choice":
            assert (name, state["Default"], "otherwise") in drawn
            targets = {end for start, end, label in drawn if start == name and label != "otherwise"}
            assert targets == {choice["Next"] for choice in state["Choices"]}


def test_the_respond_page_draws_the_wait_for_a_token() -> None:
    """Given the workflow that waits for an answer, its page says what waits, and draws it so."""
    text = (FOLDER / "respond.md").read_text("utf-8")
    assert "`lambda:invoke.waitForTaskToken`" in text
    assert '{{"Wait for the answer"}}' in text


def test_the_picture_is_well_formed_and_names_every_source() -> None:
    """Given the picture, it is XML, says in words what it shows, and has a box for each source and each stage."""
    drawn = ET.parse(FOLDER / "flow.svg").getroot()  # noqa: S314 - our own file
    text = " ".join("".join(element.itertext()) for element in drawn.iter())
    sources = {"AWS Health": "Health", "Trusted Advisor": "TrustedAdvisor", "GuardDuty": "GuardDuty"}
    assert {*sources.values(), "Quarantine", "HealthAbuse"} == set(PATTERNS)
    for words in (
        *sources,
        "AWS' quarantine",
        "a person",
        "Triage",
        "Disable keys",
        "Deny principals",
        "Revoke sessions",
        "Isolate instances",
    ):
        assert words in text
    for words in ("Ask people", "Notify", "SNS alert topic", "Evidence bucket", "investigate"):
        assert words in text


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_document_shows_a_whole_key_id(path: Path) -> None:
    """Given a document, it holds nothing that has the form of an access key id."""
    assert not _KEY_ID.search(path.read_text("utf-8"))


def test_nothing_else_is_in_the_folder() -> None:
    """Given the folder, every page in it is generated, or listed as written by hand."""
    assert set(FOLDER.glob("*.md")) == set(documents()) | {path for path in WRITTEN if path.parent == FOLDER}


def test_figures_of_fights_are_called_a_simulation() -> None:
    """Given the page that tells who wins, it says that its figures are of a simulation."""
    assert "simulation" in (FOLDER / "holding.md").read_text("utf-8")

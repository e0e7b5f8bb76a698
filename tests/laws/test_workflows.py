"""The rules that every workflow file is held to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions, errors
from stacks.workflow import placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "state_machines").glob("*.asl.json"))
AWS_ERRORS = {
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
}
OURS = {name for name, value in vars(errors).items() if isinstance(value, type)}
RETRIED = {"Throttled", "Unavailable"}


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every state of a machine, those of branches and maps included."""
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from states(branch)
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


ALL = [(file.stem, name, state) for file in FILES for name, state in states(json.loads(file.read_text()))]
IDS = [f"{file}: {name}" for file, name, _ in ALL]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_is_valid(file: Path, tmp_path: Path) -> None:
    """Given a workflow, the validator finds every target, no dead state, and every expression in order."""
    text = file.read_text()
    for name in placeholders(text):
        text = text.replace(f"${{{name}}}", f"arn:aws:lambda:us-east-1:123456789012:function:{name}")
    bound = tmp_path / file.name
    bound.write_text(text)
    command = [str(ROOT / ".build" / "bin" / "asl-validator"), "--json-path", str(bound)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_bounds_itself_and_says_what_it_is(file: Path) -> None:
    """Given a workflow, it has a comment, speaks JSONata, and has a time-out (the CDK's own is ignored)."""
    machine = json.loads(file.read_text())
    assert machine["Comment"]
    assert machine["QueryLanguage"] == "JSONata"
    assert 60 <= machine["TimeoutSeconds"] <= 900


@pytest.mark.parametrize(("file", "name", "state"), ALL, ids=IDS)
def test_a_state_says_what_it_is_for(file: str, name: str, state: dict[str, Any]) -> None:
    """Given a state, it has a comment and a name that a person would say."""
    assert file
    assert state.get("Comment")
    assert " " in name or name.istitle()


TASKS = [(name, state) for _, name, state in ALL if state["Type"] == "Task"]


@pytest.mark.parametrize(("name", "task"), TASKS, ids=[name for name, _ in TASKS])
def test_a_task_is_bounded_retried_and_caught(name: str, task: dict[str, Any]) -> None:
    """Given a task, it has a time-out, retries what passes, and catches everything else."""
    assert name
    assert 0 < task["TimeoutSeconds"] <= 30
    retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
    if "lambda:invoke" in task["Resource"]:
        assert retried >= RETRIED | {"Lambda.TooManyRequestsException", "Sandbox.Timedout", "States.Timeout"}
        assert not retried & (OURS - RETRIED)
    for retry in task["Retry"]:
        assert retry["JitterStrategy"] == "FULL"
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(("file", "name", "state"), ALL, ids=IDS)
def test_every_name_of_an_error_exists(file: str, name: str, state: dict[str, Any]) -> None:
    """Given what a state retries and catches, each name is a class of ours or an error of AWS."""
    assert file
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        unknown = set(rule["ErrorEquals"]) - OURS - AWS_ERRORS
        assert not unknown, f"{name} names {unknown}"


def rooms() -> dict[str, dict[str, Any]]:
    """Give the Map rooms of respond, by the action whose list each works on."""
    found = {}
    for _, name, state in ALL:
        if state["Type"] == "Map":
            listed = state["Items"].split("$triage.run.")[1].split("]")[0]
            found[listed] = {"name": name, **state}
    return found


def test_every_action_has_a_room() -> None:
    """Given the actions, each has one named Map state over its own list in the plan."""
    assert set(rooms()) == set(actions.names())


def test_rooms_are_alike_but_for_name_list_and_function() -> None:
    """Given the rooms, they differ in nothing that decides how an action is run."""

    def plain(listed: str, room: dict[str, Any]) -> str:
        inner = room["ItemProcessor"]["States"]
        one, missed = inner
        function = inner[one]["Arguments"]["FunctionName"]
        text = json.dumps({key: value for key, value in room.items() if key not in {"name", "Comment"}})
        for own, common in ((one, "ONE"), (missed, "MISSED"), (function, "FUNCTION"), (listed, "LIST")):
            text = text.replace(own, common)
        return text

    assert len({plain(listed, room) for listed, room in rooms().items()}) == 1

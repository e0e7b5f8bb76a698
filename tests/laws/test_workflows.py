"""The rules that every workflow file is held to."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions, errors
from lambdas.holding import OF_CREDENTIALS, OF_INSTANCES
from stacks.settings import read
from stacks.workflow import placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "state_machines").glob("*.asl.json"))
#: A person may be given a day to answer (the setting ``approval_timeout_minutes``).
MOST_MINUTES = 1440
#: Looking back reads millions of events at two calls a second, and nothing waits for it.
LONGEST_INVESTIGATION = 6 * 3600
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


def waits_for_people(state: dict[str, Any]) -> bool:
    """Tell whether a state waits until somebody gives its token back."""
    return str(state.get("Resource", "")).endswith(".waitForTaskToken")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_bounds_itself_and_says_what_it_is(file: Path) -> None:
    """Given a workflow, it has a comment, speaks JSONata, and has a time-out (the CDK's own is ignored).

    One that waits for people has as long as a person may be given, and a quarter of an hour for all the rest.
    """
    machine = json.loads(file.read_text())
    assert machine["Comment"]
    assert machine["QueryLanguage"] == "JSONata"
    waits = any(waits_for_people(state) or "look" in name for name, state in states(machine))
    longest = 60 * MOST_MINUTES if waits else 0
    work = LONGEST_INVESTIGATION if file.stem == "investigate.asl" else 900
    assert longest + 60 <= machine["TimeoutSeconds"] <= longest + work


def test_a_person_may_be_given_a_day_at_most() -> None:
    """Given the setting, the most minutes that it takes are those that the workflow's time-out leaves room for."""
    given = {"alert_email": "oncall@example.com", "approval_timeout_minutes": MOST_MINUTES}
    assert read({"tourniquet": given}).approval_timeout_minutes == MOST_MINUTES


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
    waits = waits_for_people(task)
    if waits:
        assert re.fullmatch(r"\{% \$states\.input\.[a-z.]+seconds %\}", task["TimeoutSeconds"])
    elif name in WATCHES | LONG:
        assert task["TimeoutSeconds"] == LONGEST_WATCH + 10
    else:
        assert 0 < task["TimeoutSeconds"] <= 30
    retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
    if "lambda:invoke" in task["Resource"]:
        passing = {"Lambda.TooManyRequestsException", "Sandbox.Timedout", *([] if waits else ["States.Timeout"])}
        assert retried >= RETRIED | passing
        assert not retried & (OURS - RETRIED)
    for retry in task["Retry"]:
        assert retry["JitterStrategy"] == "FULL"
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


#: The tasks that watch cuts, and how long their function may take, in seconds.
WATCHES = {"Hold credentials", "Hold instances"}
LONGEST_WATCH = 300
#: The tasks that nothing waits for, whose function may take as long: they read much.
LONG = {"Look back", "Follow the credentials", "Take stock", "Look whether it holds", "Write the report"}


def test_who_waits_for_people_waits_once() -> None:
    """Given the tasks that wait for people, when the time is up, they do not wait again, and it is caught by itself."""
    waiting = [task for _, task in TASKS if waits_for_people(task)]
    assert waiting
    for task in waiting:
        retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert not retried & {"States.Timeout", "States.ALL", "States.HeartbeatTimeout"}
        assert task["Catch"][0]["ErrorEquals"] == ["States.Timeout"]


@pytest.mark.parametrize(("file", "name", "state"), ALL, ids=IDS)
def test_every_name_of_an_error_exists(file: str, name: str, state: dict[str, Any]) -> None:
    """Given what a state retries and catches, each name is a class of ours or an error of AWS."""
    assert file
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        unknown = set(rule["ErrorEquals"]) - OURS - AWS_ERRORS
        assert not unknown, f"{name} names {unknown}"


#: Where a workflow has its lists, one per action.
LISTS = {"respond.asl": "triage.run", "restore.asl": "opened.undo"}


def rooms(file: str = "respond.asl") -> dict[str, dict[str, Any]]:
    """Give a workflow's Map rooms, by the action whose list each works on. A Map over anything else is no room."""
    found: dict[str, dict[str, Any]] = {}
    lists = LISTS[file]
    for name, state in [(name, state) for stem, name, state in ALL if stem == file]:
        listed = re.fullmatch(rf"\{{% \[\${re.escape(lists)}\.(\w+)\] %\}}", state.get("Items", ""))
        assert listed or f"${lists}" not in json.dumps(state.get("Items", "")), f"{name}: a room nobody recognises"
        if listed:
            assert listed[1] not in found, f"two rooms work on {listed[1]}"
            found[listed[1]] = {"name": name, **state}
    return found


def test_a_map_over_a_list_of_one_still_sees_a_list() -> None:
    """Given a Map, its items stand in brackets: in JSONata a list of one would become what is in it."""
    for _, name, state in ALL:
        if state["Type"] == "Map":
            assert re.fullmatch(r"\{% \[\$[a-z.$_]+\] %\}", state["Items"]), name
            assert 0 < state["MaxConcurrency"] <= 5


def test_every_action_has_a_room() -> None:
    """Given the actions, each has one named Map state over its own list in the plan."""
    assert set(rooms()) == set(actions.names())


def test_every_action_that_can_be_undone_has_a_room_to_undo_it() -> None:
    """Given the actions with an undo, each has one named Map state over its own list, and calls its own function."""
    undone = {name for name in actions.names() if actions.load(name).undo_grants}
    assert set(rooms("restore.asl")) == undone
    for name, room in rooms("restore.asl").items():
        (task,) = [one for one in room["ItemProcessor"]["States"].values() if one["Type"] == "Task"]
        camel = "".join(part.capitalize() for part in name.split("_"))
        assert task["Arguments"]["FunctionName"] == f"${{Undo{camel}FunctionArn}}"


def test_a_restore_calls_nothing_that_contains_and_respond_nothing_that_undoes() -> None:
    """Given the two workflows, they have no function in common."""
    named = {
        file.stem: {one for one in placeholders(file.read_text()) if one.endswith("FunctionArn")} for file in FILES
    }
    assert not named["respond.asl"] & named["restore.asl"]
    assert all(one.startswith(("Undo", "Restore")) for one in named["restore.asl"])
    assert not any(one.startswith(("Undo", "Restore")) for one in named["respond.asl"])


def test_rooms_to_undo_are_alike_but_for_name_list_and_function() -> None:
    """Given the rooms of restore, they differ in nothing that decides how an undo is run."""

    def plain(listed: str, room: dict[str, Any]) -> str:
        one, missed = room["ItemProcessor"]["States"]
        function = room["ItemProcessor"]["States"][one]["Arguments"]["FunctionName"]
        differing = {"name", "Comment", "Next", "End", "Output", "Catch"}
        text = json.dumps({key: value for key, value in room.items() if key not in differing})
        for own, common in ((f'"{one}"', '"ONE"'), (f'"{missed}"', '"MISSED"'), (function, "FN"), (listed, "LIST")):
            text = text.replace(own, common)
        return text

    assert len({plain(listed, room) for listed, room in rooms("restore.asl").items()}) == 1


def test_a_restore_goes_the_stages_of_a_containment_backwards() -> None:
    """Given an instance, it is started first and put into service last; a step that fails holds up no other."""
    found = {name: state for stem, name, state in ALL if stem == "restore.asl"}
    for first, then in (("Start instances", "Give instances back"), ("Give instances back", "Put into service")):
        (caught,) = found[first]["Catch"]
        assert (caught["ErrorEquals"], caught["Next"], found[first]["Next"]) == (["States.ALL"], then, then)
    inside = {
        name: {one for branch in found[name]["Branches"] for one in branch["States"]}
        for name in ("Give instances back", "Put into service")
    }
    assert inside["Give instances back"] == {"Give profiles", "Open metadata", "Give groups back"}
    assert inside["Put into service"] == {"Register with balancers", "Rejoin groups", "Lift protection"}
    beside = {branch["StartAt"] for branch in found["Give back"]["Branches"]}
    assert beside == {"Give sessions back", "Lift denies", "Reactivate keys", "Is there an instance"}
    asked = set(re.findall(r"\$opened\.undo\.(\w+)", found["Is there an instance"]["Choices"][0]["Condition"]))
    undone = {name for name in actions.names() if actions.load(name).undo_grants}
    assert asked == {name for name in undone if actions.load(name).on_instances}


def test_rooms_are_alike_but_for_name_list_and_function() -> None:
    """Given the rooms, they differ in nothing that decides how an action is run."""

    def plain(listed: str, room: dict[str, Any]) -> str:
        room = copy.deepcopy(room)
        inner = room["ItemProcessor"]["States"]
        if listed == "isolate_instance":
            the_last_try_of_an_isolation(inner)
        one, missed = inner
        if listed in BEFORE_THE_CUT:
            what_the_cut_waits_for_is_short(inner[one])
        function = inner[one]["Arguments"]["FunctionName"]
        differing = {"name", "Comment", "Next", "End", "Output", "Catch"}
        text = json.dumps({key: value for key, value in room.items() if key not in differing})
        for own, common in ((one, "ONE"), (missed, "MISSED"), (function, "FUNCTION"), (listed, "LIST")):
            text = text.replace(own, common)
        return text

    assert len({plain(listed, room) for listed, room in rooms().items()}) == 1


BEFORE_THE_CUT = {"leave_groups", "leave_balancers", "protect_instance"}


def what_the_cut_waits_for_is_short(task: dict[str, Any]) -> None:
    """Take away, after a look at it, how much less time a task has that the isolation of an instance waits for."""
    assert task["TimeoutSeconds"] == 10
    busy, passing = task["Retry"]
    assert (busy["MaxAttempts"], passing["MaxAttempts"]) == (3, 1)
    task["TimeoutSeconds"], busy["MaxAttempts"], passing["MaxAttempts"] = 20, 8, 2


def the_last_try_of_an_isolation(inner: dict[str, Any]) -> None:
    """Take away what only the room of the isolation has, after a look at it: one more task, entered on any error.

    An instance that was left between the two changes of group stands open, so it is tried again whatever happened;
    but not where that would change nothing.
    """
    name = next(iter(inner))
    again = inner.pop("Isolate once more")
    final, caught = inner[name]["Catch"]
    assert set(final["ErrorEquals"]) == {"Protected", "StillTracked", "TargetGone"}
    assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], "Isolate once more")
    assert again["Arguments"]["FunctionName"] == inner[name]["Arguments"]["FunctionName"]
    assert again["Retry"] == inner[name]["Retry"]
    (last,) = again["Catch"]
    assert last["Output"] == caught["Output"] == final["Output"]
    inner[name]["Catch"] = [{**last, "Comment": "This one failed; the others go on."}]


def test_what_one_step_of_an_isolation_comes_to_holds_up_no_other() -> None:
    """Given the steps on an instance, the record and what comes before the cut lead to it also when they fail."""
    found = {name: state for stem, name, state in ALL if stem == "respond.asl"}
    for first, then in (
        ("Record instances", "Cut instances off"),
        ("Take out of service", "Isolate instances"),
        ("Cut instances off", "Stop instances"),
    ):
        (caught,) = found[first]["Catch"]
        assert (caught["ErrorEquals"], caught["Next"], found[first]["Next"]) == (["States.ALL"], then, then)
    beside = {name for branch in found["Cut instances off"]["Branches"] for name in branch["States"]}
    assert {"Snapshot volumes", "Collect evidence", "Take profiles", "Lock metadata"} <= beside
    aside = {name for branch in found["Take out of service"]["Branches"] for name in branch["States"]}
    assert aside == {"Leave groups", "Leave balancers", "Protect instances"}
    assert "Stop instances" not in beside, "a stop comes when everything is kept"
    identity = {branch["StartAt"] for branch in found["Contain"]["Branches"]}
    assert identity == {"Disable keys", "Deny principals", "Revoke sessions", "Is there an instance"}


def test_every_action_on_instances_is_looked_for_before_their_branch_is_left_out() -> None:
    """Given the choice that leaves the branch of instances out, it asks for the list of each action in it."""
    (choice,) = [state for stem, name, state in ALL if (stem, name) == ("respond.asl", "Is there an instance")]
    (way,) = choice["Choices"]
    asked = set(re.findall(r"\$triage\.run\.(\w+)", way["Condition"]))
    assert asked == {name for name in actions.names() if actions.load(name).on_instances}


type State = dict[str, Any]

#: A state, where an edge leads to, and what is assigned on it.
type Edge = tuple[str, str, frozenset[str]]

#: How a path may end: people were told, or the failed execution tells them, or the run that waits for an answer does.
TOLD = {
    *("Notify", "Close the case", "Announce plainly", "Nobody was told", "Taken", "Answered"),
    *("Investigated", "Tell that it could not begin"),
}
GRAPHS = {file.stem: json.loads(file.read_text()) for file in FILES}
TOP = [(file, name, state) for file, machine in GRAPHS.items() for name, state in machine["States"].items()]
TOP_IDS = [f"{file}: {name}" for file, name, _ in TOP]


def edges(name: str, state: State) -> Iterator[Edge]:
    """Give every way out of a state: to the next one, by each choice, by each error that is caught."""
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    if "Default" in state:
        ways.append({"Next": state["Default"], "Assign": state.get("Assign", {})})
    for way in ways:
        if "Next" in way:
            yield name, way["Next"], frozenset(way.get("Assign", {}))


def graph(machine: State) -> list[Edge]:
    """Give every way from one state of the workflow to another."""
    return [edge for name, state in machine["States"].items() for edge in edges(name, state)]


def variables(value: object) -> set[str]:
    """Give the workflow's variables that are read in a state, in those inside it, or in an expression."""
    text = json.dumps(value)
    own = set(re.findall(r"\$(\w+)\s*:=", text)) | {"states"}
    own |= {name for listed in re.findall(r"function\(([^)]*)\)", text) for name in re.findall(r"\$(\w+)", listed)}
    return {name for name in re.findall(r"\$([a-z]\w*)(?!\w|\()", text) if name not in own}


def reads(state: State) -> set[str]:
    """Give the variables that a state reads, also on its ways out; what its branches assign themselves is theirs."""
    inner = {
        name
        for branch in state.get("Branches", [])
        for _, one in states(branch)
        for way in (one, *one.get("Catch", []))
        for name in way.get("Assign", {})
    }
    return variables({key: value for key, value in state.items() if key != "Comment"}) - inner


def test_the_readers_of_variables_are_seen() -> None:
    """Given an expression, its variables are found, and functions, own variables and AWS' own are not among them."""
    text = "{% ( $arn := $states.input.x; $count($triage.cases[$exists(id)]) & $arn & $changes ) %}"
    assert variables(text) == {"triage", "changes"}
    assert variables("{% $sift($triage, function($value, $name) { $name != 'run' }) %}") == {"triage"}


def test_the_workflow_has_the_variables_that_are_known() -> None:
    """Given the respond workflow, what its states read are these variables and no others."""
    read_ = set[str]().union(*(reads(state) for file, _, state in TOP if file == "respond.asl"))
    assert read_ == {"triage", "changes", "asked", "failure", "notice", "event", "held", "told"}
    read_ = set[str]().union(*(reads(state) for file, _, state in TOP if file == "investigate.asl"))
    assert read_ == {"opened", "looked", "refusal", "told"}
    read_ = set[str]().union(*(reads(state) for file, _, state in TOP if file == "restore.asl"))
    assert read_ == {"opened", "results", "failure"}


@pytest.mark.parametrize("file", GRAPHS)
def test_a_variable_is_assigned_before_it_is_read_on_every_path(file: str) -> None:
    """Given a workflow, whichever way leads to a state, what the state reads has been assigned on it.

    A variable that is not there fails the execution with an error that nothing catches.
    """
    machine = GRAPHS[file]
    ways = graph(machine)
    everything = frozenset[str]().union(*(assigned for _, _, assigned in ways))
    known = dict.fromkeys(machine["States"], everything) | {machine["StartAt"]: frozenset[str]()}
    for _ in range(len(machine["States"]) + 1):
        for name in known:
            arriving = [known[before] | assigned for before, after, assigned in ways if after == name]
            start = [frozenset[str]()] if name == machine["StartAt"] else []
            known[name] = frozenset.intersection(*arriving, *start) if arriving or start else everything
    for name, state in machine["States"].items():
        assert reads(state) <= known[name], f"{name} reads {reads(state) - known[name]}, which may not be there"


@pytest.mark.parametrize("file", GRAPHS)
def test_every_path_ends_in_an_announcement(file: str) -> None:
    """Given a workflow, every state is reached, no path goes round for ever, and each ends where people are told."""
    machine = GRAPHS[file]
    ways = graph(machine)
    follows = {name: {after for before, after, _ in ways if before == name} for name in machine["States"]}
    ends = {
        name for name, state in machine["States"].items() if state.get("End") or state["Type"] in {"Succeed", "Fail"}
    }
    assert ends <= TOLD, f"nobody is told at {ends - TOLD}"
    assert all(follows[name] or name in ends for name in machine["States"])

    def walk(name: str, path: tuple[str, ...]) -> set[str]:
        assert name not in path, f"a circle: {path}"
        return {name}.union(*(walk(after, (*path, name)) for after in follows[name]))

    assert walk(machine["StartAt"], ()) == set(machine["States"])


@pytest.mark.parametrize(("file", "name", "state"), TOP, ids=TOP_IDS)
def test_nothing_ends_a_workflow_but_its_ends(file: str, name: str, state: State) -> None:
    """Given a state that can fail, every error leads on: to the next step, or to where people are told."""
    assert file
    if state["Type"] in {"Task", "Map", "Parallel"}:
        last = state["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"]
        assert last["Next"] != name


@pytest.mark.parametrize(("file", "name", "state"), ALL, ids=IDS)
def test_a_choice_has_an_answer_to_everything(file: str, name: str, state: State) -> None:
    """Given a choice, it has a default, and says of each way out what it is for."""
    assert file
    if state["Type"] == "Choice":
        assert state["Default"], name
        assert all(rule["Comment"] and rule["Condition"] for rule in state["Choices"])


def test_a_failure_that_cannot_be_told_fails_the_execution() -> None:
    """Given the respond workflow, what ends it without an announcement is a Fail, on which a rule publishes."""
    machine = GRAPHS["respond.asl"]
    fails = {name for name, state in machine["States"].items() if state["Type"] == "Fail"}
    assert fails == {"Nobody was told"}
    assert [before for before, after, _ in graph(machine) if after in fails] == ["Announce plainly"]
    quiet = {name for name, state in machine["States"].items() if state["Type"] == "Succeed"}
    assert quiet == {"Taken"}, "an answer that was taken is told by the run that waits for it"
    assert [before for before, after, _ in graph(machine) if after in quiet] == ["Was it taken"]


def test_a_restore_that_cannot_be_told_fails_the_execution() -> None:
    """Given the restore workflow, what ends it without an announcement is a Fail; everything leads to its end."""
    machine = GRAPHS["restore.asl"]
    fails = {name for name, state in machine["States"].items() if state["Type"] == "Fail"}
    assert fails == {"Nobody was told"}
    assert [before for before, after, _ in graph(machine) if after in fails] == ["Announce plainly"]
    leading = {before for before, after, _ in graph(machine) if after == "Close the case"}
    assert leading == {"Open the journal", "May it be undone", "Give back"}


def test_a_triaged_signal_always_reaches_the_cuts_before_people_are_asked() -> None:
    """Given the respond workflow, the cuts come before the questions, and only a failed triage skips them."""
    machine = GRAPHS["respond.asl"]
    assert machine["States"]["Triage"]["Next"] == "Contain and hold"
    cuts = machine["States"]["Contain and hold"]["Branches"][0]
    assert cuts["StartAt"] == "Contain"
    assert {after for before, after, _ in graph(cuts) if before == "Contain"} == {"Ask people"}
    assert {before for before, after, _ in graph(cuts) if after == "Ask people"} == {"Contain"}
    assert {after for before, after, _ in graph(cuts) if before == "Ask people"} == {"Tell at once"}


def test_no_cut_and_no_first_alert_waits_for_the_watching() -> None:
    """Given the parallel state, the cuts and the first alert are in one branch, and each watch in one of its own."""
    cuts, *watches = GRAPHS["respond.asl"]["States"]["Contain and hold"]["Branches"]
    assert not [name for name, _ in states(cuts) if name in WATCHES]
    assert [[name for name in watch["States"] if name in WATCHES] for watch in watches] == [
        ["Hold credentials"],
        ["Hold instances"],
    ]


def test_watches_are_alike_but_for_what_they_watch() -> None:
    """Given the two watches, they differ in their lists, in who looks for what was born, and in how long cuts take."""
    found = {name: copy.deepcopy(state) for _, name, state in ALL if name in WATCHES}
    watched: dict[str, set[str]] = {}
    for name, state in found.items():
        given = state["Arguments"]["Payload"]
        watched[name] = set(re.findall(r"\$triage\.run\.(\w+)", given["items"]))
        differing = {"items", "begin_within", "born"}
        state["Arguments"] = {key: value for key, value in given.items() if key not in differing}
    one, other = ({key: state[key] for key in state if key not in {"Comment", "Catch"}} for state in found.values())
    assert one == other
    assert watched == {"Hold credentials": set(OF_CREDENTIALS), "Hold instances": set(OF_INSTANCES)}


def test_nobody_is_left_untold_by_the_way_that_skips_notify() -> None:
    """Given the end that tells nobody, it is reached only where the first alert was sent and nothing was watched."""
    machine = GRAPHS["respond.asl"]
    assert [before for before, after, _ in graph(machine) if after == "Answered"] == ["Is there more to tell"]
    (way,) = machine["States"]["Is there more to tell"]["Choices"]
    assert way["Condition"] == "{% $states.input.finished %}"
    finished = machine["States"]["Contain and hold"]["Output"]["finished"]
    assert "$boolean($states.result[0].told)" in finished

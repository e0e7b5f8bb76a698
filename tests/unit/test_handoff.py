"""Stories of what triage hands on: the plan as each case runs it, and a question until it is answered."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions
from lambdas.guardrails import Guardrails
from lambdas.handoff import Decision, Meeting, question, resumed, triaged, waiting_name
from lambdas.model import Incident, Mode, PlanItem
from lambdas.planning import Plan, assign
from tests.unit.cases import (
    ACCOUNT,
    ASK,
    AT,
    CASE,
    EXECUTION,
    KEY,
    ROLE_ARN,
    USER_ARN,
    here,
    incident,
    key,
    of_role,
    planned,
    session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.model import Json

FOUND = incident(key(), session(), notes=("odd",), context=(("Seen at", "here"),))
PLAN = planned(FOUND, {key(): here(), session(): of_role()})
ITEMS = assign(PLAN.items, {}, CASE)
QUESTION = {**ASK, "seconds": 3600}


def met(items: Iterable[PlanItem] = ITEMS, **fields: Any) -> Meeting:
    """Give how an execution meets the case."""
    return Meeting(**{"incident_id": CASE, "opened": True, "items": tuple(items), **fields})


def handed(*meetings: Meeting, plan: Plan = PLAN, **fields: Any) -> Json:
    """Give what triage hands on, as the workflow carries it."""
    answer = triaged(
        FOUND,
        "exposed_key",
        plan,
        meetings,
        actions=actions.names(),
        **{"observe_all": False, **fields},
    )
    carried: Json = json.loads(json.dumps(answer, allow_nan=False))
    return carried


def items_of(answer: Json) -> list[PlanItem]:
    """Read the items of the first case."""
    return [PlanItem.from_json(item) for item in answer["cases"][0]["items"]]


def run_of(answer: Json) -> dict[str, list[PlanItem]]:
    """Read the lists that the workflow works on."""
    return {name: [PlanItem.from_json(item) for item in listed] for name, listed in answer["run"].items()}


def test_each_action_has_a_list_of_what_it_is_to_do_at_once() -> None:
    """Given a key and a session of a role that may be shared, when handed on, what needs a yes is in no list."""
    answer = handed(met())
    assert [item.mode for item in ITEMS] == [Mode.CONTAIN, Mode.CONTAIN, Mode.CONTAIN, Mode.APPROVE]
    assert run_of(answer) == {name: [] for name in actions.names()} | {
        "disable_key": [ITEMS[0]],
        "deny_principal": [ITEMS[1]],
        "revoke_sessions": [ITEMS[2]],
    }
    assert answer["actions"] == list(actions.names())


def test_an_action_with_nothing_to_do_has_an_empty_list() -> None:
    """Given a case without items, when handed on, each action has its list all the same, so that its room can look."""
    assert handed(met(()))["run"] == {name: [] for name in actions.names()}


@pytest.mark.parametrize(
    ("refused", "mode"), [("protected", Mode.CONTAIN), ("", Mode.OBSERVE), ("", Mode.APPROVE), ("x", Mode.APPROVE)]
)
def test_what_is_refused_planned_or_asked_about_is_in_no_list(refused: str, mode: Mode) -> None:
    """Given items that are not to be made at once, when handed on, no room gets them, and the case still has them."""
    items = [replace(item, refused=refused, mode=mode) for item in ITEMS]
    answer = handed(met(items))
    assert not any(run_of(answer).values())
    assert items_of(answer) == items


def test_what_is_handed_on_is_everything_that_later_steps_read() -> None:
    """Given triage's answer, its fields are those that Notify and the rooms read, and the incident survives."""
    answer = handed(met(told=("a",), made=("b",)), breaker=10, observe_all=True)
    assert set(answer) == {
        *(
            "incident",
            "playbook",
            "mode",
            "why_mode",
            "observe_all",
            "not_done",
            "cases",
            "actions",
            "run",
            "asks",
        ),
        "breaker",
        "hold",
        "investigate",
    }
    assert Incident.from_json(answer["incident"]) == FOUND
    assert (answer["mode"], answer["why_mode"], answer["playbook"]) == ("contain", PLAN.why_mode, "exposed_key")
    assert answer["not_done"] == list(PLAN.not_done)
    assert (answer["observe_all"], answer["breaker"]) == (True, 10)
    (case,) = answer["cases"]
    assert {name: value for name, value in case.items() if name != "items"} == {
        "incident_id": CASE,
        "opened": True,
        "told": ["a"],
        "made": ["b"],
        "recorded": True,
        "signalled": True,
        "planned": True,
        "ask": None,
        "decision": None,
    }
    assert items_of(answer) == list(ITEMS)


def test_items_of_several_cases_share_the_lists_and_keep_their_case() -> None:
    """Given a signal that meets two cases, when handed on, both cases' items are run, each under its own case."""
    other = assign(PLAN.items, {}, "inc-other")
    answer = handed(met(ITEMS[:2]), met(other[2:], incident_id="inc-other", opened=False))
    run = run_of(answer)
    assert [item.incident_id for item in run["disable_key"] + run["revoke_sessions"]] == [CASE, "inc-other"]
    assert [case["incident_id"] for case in answer["cases"]] == [CASE, "inc-other"]


def test_each_question_is_an_execution_to_start_and_its_name_stays_the_same() -> None:
    """Given a case with a question, when handed on, the run that waits gets what it needs and nothing secret."""
    answer = handed(met(ask=QUESTION), met(incident_id="inc-other", items=()))
    name = f"ask-{CASE}-{ASK['id']}"
    waiting = {"incident_id": CASE, "id": ASK["id"], "seconds": 3600}
    assert answer["asks"] == [{"name": name, "id": ASK["id"], "input": {"ask": waiting}}]
    assert waiting_name(CASE, ASK["id"]) == name
    assert len(waiting_name("inc-20261120-0123456789", "f" * 16)) <= 80, "longer than Step Functions takes"
    assert handed(met(ask=QUESTION))["asks"] == answer["asks"]


def test_a_question_keeps_only_what_is_asked_about() -> None:
    """Given triage's answer, when a question keeps it, it holds the items to ask about, and runs and asks nothing."""
    meeting = met(made=("x",), ask=QUESTION)
    kept = question(handed(meeting, breaker=10), meeting)
    assert items_of(kept) == [ITEMS[3]]
    assert (kept["run"], kept["asks"], kept["breaker"]) == ({}, [], 0)
    assert kept["cases"][0]["ask"] is None
    refused = replace(ITEMS[3], refused="protected")
    assert items_of(question(handed(meeting), met([refused]))) == []
    json.dumps(kept, allow_nan=False)


SILENT = [*ITEMS[:3], replace(ITEMS[3], why="the playbook says so", needs_yes=False)]


def resume(answer: str, items: Iterable[PlanItem] = ITEMS, settings: Json | None = None, **fields: Any) -> Json:
    """Give what the workflow goes on with after an answer, under the settings of that moment."""
    meeting = met(items, ask=QUESTION)
    payload = json.loads(json.dumps(question(handed(meeting), meeting)))
    decision = Decision(answer=answer, at=AT, asked_at=AT, reason="not ours", by=EXECUTION)
    guardrails = Guardrails(account=ACCOUNT, **(settings or {}))
    known: dict[str, Any] = {"told": ("t",), "made": ("m",), **fields}
    carried: Json = json.loads(json.dumps(resumed(payload, decision, guardrails=guardrails, **known)))
    return carried


@pytest.mark.parametrize(
    ("answer", "why"), [("approve", "a person approved it"), ("contain", "nobody answered in time, and the setting")]
)
def test_a_yes_runs_exactly_what_was_asked_about(answer: str, why: str) -> None:
    """Given a question, when the answer is yes, its item is run under the same id, and nothing else is."""
    answered = resume(answer, SILENT)
    (item,) = items_of(answered)
    assert (item.id, item.target, item.args) == (ITEMS[3].id, ITEMS[3].target, ITEMS[3].args)
    assert item.mode is Mode.CONTAIN
    assert item.why.startswith(why)
    assert run_of(answered) == {name: [] for name in actions.names()} | {"revoke_sessions": [item]}


def test_silence_is_no_yes_to_what_may_hit_others() -> None:
    """Given the setting that makes the changes when nobody answers, what needs a yes is left, and a yes makes it."""
    assert ITEMS[3].needs_yes
    unanswered = resume("contain")
    assert not any(run_of(unanswered).values())
    assert items_of(unanswered) == [ITEMS[3]]
    assert [item.id for item in run_of(resume("approve"))["revoke_sessions"]] == [ITEMS[3].id]


@pytest.mark.parametrize(
    "settings",
    [
        {"observe_all": True},
        {"protected": frozenset({ROLE_ARN})},
        {"own": frozenset({"role/pipelines/deploy"})},
    ],
)
def test_a_yes_is_held_to_the_settings_of_that_moment(settings: Json) -> None:
    """Given a question, when the owner forbids the change before the yes, the yes makes nothing."""
    answered = resume("approve", settings=settings)
    assert not any(run_of(answered).values())
    assert answered["observe_all"] is settings.get("observe_all", False)


@pytest.mark.parametrize("answer", ["reject", "expire"])
def test_a_no_runs_nothing(answer: str) -> None:
    """Given a question, when the answer is no or nobody answers, the items are kept as they were and none is run."""
    answered = resume(answer)
    assert not any(run_of(answered).values())
    assert items_of(answered) == [ITEMS[3]]


@pytest.mark.parametrize("answer", ["approve", "reject", "expire", "contain"])
def test_what_goes_on_after_an_answer_is_what_triage_would_hand_on(answer: str) -> None:
    """Given an answer, when the workflow goes on, each field is there, and the case knows what was told and decided."""
    answered = resume(answer, told=("z", "a"), made=("y", "b"))
    assert set(answered) == set(handed(met()))
    assert set(answered["run"]) == set(actions.names())
    assert (answered["asks"], answered["breaker"]) == ([], 0)
    (case,) = answered["cases"]
    assert set(case) == set(handed(met())["cases"][0])
    assert (case["opened"], case["told"], case["made"], case["ask"]) == (False, ["a", "z"], ["b", "y"], None)
    assert case["decision"] == {"answer": answer, "at": AT, "asked_at": AT, "reason": "not ours", "by": EXECUTION}
    assert Incident.from_json(answered["incident"]) == FOUND


def test_a_protected_user_is_not_released_by_an_answer() -> None:
    """Given a protected user among what a suspicion names, when the answer is yes, its items are not run."""
    found = incident(key(), session(), type_="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED")
    plan = planned(found, {key(): here(), session(): of_role()}, protected=frozenset({USER_ARN}))
    meeting = met(assign(plan.items, {}, CASE), ask=QUESTION)
    kept = question(handed(meeting, plan=plan), meeting)
    decision = Decision(answer="approve", at=AT, asked_at=AT)
    answered = resumed(kept, decision, told=(), made=(), guardrails=Guardrails(account=ACCOUNT))
    assert {item.action for item in items_of(answered)} == {"revoke_sessions"}
    assert KEY not in json.dumps(answered["run"])


def test_a_meeting_is_kept_whole() -> None:
    """Given a meeting, each field of it is in the case that is handed on: none is forgotten when one is added."""
    fields = set(asdict(met()))
    assert set(handed(met())["cases"][0]) == fields | {"decision"}

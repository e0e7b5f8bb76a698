"""Stories of the words of the product as JSON, and of names that have to stay the same."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from lambdas.model import Change, Incident, Kind, Mode, Outcome, PlanItem, Result, Target, incident_id, placed
from tests.unit.cases import AT, CASE, KEY, change, federated, incident, key, role, session, user

ITEM = PlanItem(
    incident_id=CASE, action="disable_key", target=key(), args={"user": "ci-user"}, mode=Mode.CONTAIN, refused=""
)


@pytest.mark.parametrize(
    "found",
    [
        incident(),
        incident(key(), user(), notes=("one", "two"), context=(("Seen at", "here"),), wanted=Mode.OBSERVE),
        incident(
            session(), role(), federated(), resource_role="TARGET", doubt="anybody may say so", wanted=Mode.APPROVE
        ),
        incident(Target(kind=Kind.ROOT, id="123456789012", name="root"), inert="the finding is archived"),
    ],
)
def test_an_incident_survives_the_way_through_the_workflow(found: Incident) -> None:
    """Given an incident, when it goes out as JSON and comes back, it is the same."""
    assert Incident.from_json(json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        replace(ITEM, mode=Mode.OBSERVE, refused="protected", args={}),
        replace(ITEM, action="revoke_sessions", target=session(), mode=Mode.APPROVE, why="others may use it"),
    ],
)
def test_a_plan_item_survives_the_way_through_the_workflow(item: PlanItem) -> None:
    """Given a plan item, when it goes out as JSON and comes back, it is the same and has the same id."""
    data = json.loads(json.dumps(item.to_json()))
    assert data["id"] == item.id
    assert data["v"] == 1
    assert PlanItem.from_json(data) == item
    assert PlanItem.from_json(data).id == item.id


@pytest.mark.parametrize("result", list(Result))
def test_a_change_survives_the_way_through_the_workflow(result: Result) -> None:
    """Given a change, when it goes out as JSON and comes back, it is the same."""
    made = change(ITEM, result, journaled=False, error="QuotaFull", reason="why")
    data = json.loads(json.dumps(made.to_json()))
    assert data["v"] == 1
    assert Change.from_json(data) == made


def test_an_item_is_known_by_its_case_its_action_and_its_target() -> None:
    """Given items, when their ids are compared, only case, action and target make a difference."""
    assert len(ITEM.id) == 16
    for same in (
        *(replace(ITEM, mode=mode) for mode in Mode),
        replace(ITEM, args={}),
        replace(ITEM, refused="x"),
        replace(ITEM, why="a person approved it"),
    ):
        assert same.id == ITEM.id
    for other in (
        replace(ITEM, incident_id="inc-other"),
        replace(ITEM, action="deny_principal"),
        replace(ITEM, target=key("AKIA2TESTEXPOSED0009")),
        replace(ITEM, target=key(name="another")),
        replace(ITEM, target=replace(ITEM.target, kind=Kind.USER)),
    ):
        assert other.id != ITEM.id


@pytest.mark.parametrize("damage", [{"target": None}, {"mode": "off"}, {"target": {"kind": "planet"}}, {"target": {}}])
def test_what_is_no_plan_item_is_refused(damage: dict[str, Any]) -> None:
    """Given a damaged plan item, when it is read, it is refused rather than guessed."""
    with pytest.raises((KeyError, ValueError, TypeError)):
        PlanItem.from_json(ITEM.to_json() | damage)


def test_an_unknown_field_is_refused_as_promised() -> None:
    """Given a plan item with a field of a later version, when it is read, the error is the one that is promised."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        PlanItem.from_json(ITEM.to_json() | {"later": 1})


def test_a_case_is_named_after_the_execution_and_its_day() -> None:
    """Given an execution, when its case is named, the name is the same on every retry and has the day in it."""
    arn = "arn:aws:states:us-east-1:123456789012:execution:tourniquet-respond:a"
    name = incident_id(arn, AT)
    assert name.startswith("inc-20261120-")
    assert len(name) == len("inc-20261120-") + 10
    assert incident_id(arn, AT) == name
    assert incident_id(arn + "b", AT) != name


@pytest.mark.parametrize("started", ["", "soon"])
def test_a_case_without_a_day_is_named_all_the_same(started: str) -> None:
    """Given no start, when the case is named, it still has a name of that form."""
    assert incident_id("arn", started).startswith("inc-00000000-")


def test_the_words_of_the_contract_stay_what_they_are() -> None:
    """Given the words that people's filters match, when they are read, they are those of the contract."""
    told = {"done", "already", "planned", "failed", "skipped", "refused"}
    assert {result.value for result in Result} == told | {"pending", "rejected", "expired"}
    assert {mode.value for mode in Mode} == {"observe", "approve", "contain"}
    assert {outcome.value for outcome in Outcome} == {
        *("CONTAINED", "PARTIAL", "FAILED", "OBSERVED", "PENDING", "REJECTED", "EXPIRED", "REFUSED", "ANNOUNCED"),
        *("REPEATED", "RELEASED"),
    }
    assert Target.from_json(asdict(key())) == key()
    assert asdict(key())["id"] == KEY


def test_an_incident_happened_where_its_signal_says_or_else_where_it_is_answered() -> None:
    """Given an incident with and without a place, when it is placed, what is missing is the execution's."""
    arn = "arn:aws:states:us-east-1:123456789012:execution:tourniquet-respond:a"
    there = incident(user(account="210987654321"), account="210987654321", region="eu-west-1")
    assert placed(there, arn) == there
    nowhere = placed(incident(user(account=""), account="", region=""), arn)
    assert (nowhere.signal.account, nowhere.signal.region) == ("123456789012", "us-east-1")
    assert [target.account for target in nowhere.targets] == ["123456789012"]
    assert placed(incident(user(account=""), account="", region=""), "").signal.account == ""

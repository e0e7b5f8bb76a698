"""Stories of what notify reads of the actions' answers: lists in lists, as the branches of the workflow are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.handlers import notify
from lambdas.model import Mode, PlanItem, Result
from tests.unit.cases import CASE, KEY, change, instance

if TYPE_CHECKING:
    from lambdas.model import Change, Json

ACTIONS = ("isolate_instance", "leave_groups", "protect_instance", "lock_metadata", "snapshot_volumes")
ITEMS = [PlanItem(incident_id=CASE, action=one, target=instance(), mode=Mode.CONTAIN) for one in ACTIONS]
CUT, GROUPS, KEPT, LOCKED, COPIED = ITEMS


def done(item: PlanItem) -> Json:
    """Give what the act function answers."""
    return change(item).to_json()


def failed(item: PlanItem, error: str = "NotPermitted", cause: object = "") -> Json:
    """Give what the workflow keeps of an action that failed."""
    return {"item": item.to_json(), "error": error, "cause": cause}


def read(answers: Any) -> dict[str, Change]:  # noqa: ANN401 - as the workflow gives it
    """Read the answers as the handler does."""
    return notify._changes(answers)  # noqa: SLF001 - the handler needs a table and a topic for it


def test_answers_of_branches_in_branches_are_all_read() -> None:
    """Given rooms beside each other in rooms beside each other, when the answers come, each is read, made or failed."""
    answers = [[[done(CUT), [failed(GROUPS), [done(KEPT)]]], [[[[failed(LOCKED)]]]]], done(COPIED), [], [[]]]
    found = read(answers)
    assert {one.action: one.result for one in found.values()} == {
        "isolate_instance": Result.DONE,
        "leave_groups": Result.FAILED,
        "protect_instance": Result.DONE,
        "lock_metadata": Result.FAILED,
        "snapshot_volumes": Result.DONE,
    }
    assert set(found) == {item.id for item in ITEMS}
    assert found[CUT.id] == change(CUT)


@pytest.mark.parametrize("nothing", [[], [[]], [[[], [[]]], []]])
def test_no_answers_are_no_changes(nothing: list[Any]) -> None:
    """Given rooms that had nothing to do, when the answers come, there are no changes."""
    assert read(nothing) == {}


_nested = st.recursive(st.sampled_from(ITEMS), lambda inner: st.lists(inner, max_size=4), max_leaves=8)


@given(tree=st.lists(_nested, max_size=4))
def test_however_deep_an_answer_lies_it_is_read(tree: list[Any]) -> None:
    """Given answers in any lists of lists, when they are read, they are those that are in them, and no others."""

    def leaves(one: Any) -> list[PlanItem]:  # noqa: ANN401 - a tree
        return [leaf for inner in one for leaf in leaves(inner)] if isinstance(one, list) else [one]

    def answered(one: Any) -> Any:  # noqa: ANN401 - the same
        return [answered(inner) for inner in one] if isinstance(one, list) else done(one)

    assert read(answered(tree)) == {item.id: change(item) for item in leaves(tree)}


def test_a_failure_is_read_with_its_name_and_its_reason() -> None:
    """Given an action that failed, deep in the answers, its error and AWS' words are known, and no key id."""
    cause = json.dumps({"errorMessage": f"ec2: UnauthorizedOperation by {KEY}", "errorType": "NotPermitted"})
    (one,) = read([[[failed(CUT, cause=cause)]]]).values()
    assert (one.error, one.result, one.target) == ("NotPermitted", Result.FAILED, instance())
    assert one.reason == f"ec2: UnauthorizedOperation by …{KEY[-4:]}"
    (cut_off,) = read([[failed(CUT, cause=cause[:60])]]).values()
    assert cut_off.reason.startswith("ec2: UnauthorizedOperation")

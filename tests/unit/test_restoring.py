"""What there is to undo: before, left and found compared, and on what two cases meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions, restoring
from lambdas.model import Change, Kind, Result, Target
from tests.unit import cases

if TYPE_CHECKING:
    from lambdas.model import Json

PLANNED = [
    *cases.planned(cases.incident(cases.key()), {cases.key(): cases.here()}).items,
    *cases.planned(
        cases.incident(
            cases.instance(), source="aws.guardduty", type_="CryptoCurrency:EC2/BitcoinTool.B", severity=8.0
        ),
        {cases.instance(): cases.of_instance(group="web")},
        extras={"compromised_instance": ("stop_instance",)},
    ).items,
]


@pytest.mark.parametrize(
    ("left", "now", "undo", "differs"),
    [
        ({"a": "left"}, {"a": "left"}, ("a",), 0),
        ({"a": "left"}, {"a": "before"}, (), 0),
        ({"a": "left"}, {"a": "other"}, (), 1),
        ({"a": "left"}, {}, (), 1),
        ({}, {}, ("a",), 0),
        (None, {"a": "whatever"}, ("a",), 0),
        (None, {"a": "before"}, (), 0),
        ({"a": "left", "new": []}, {"a": "before", "new": []}, (), 1),
        ({"a": "left", "new": []}, {"a": "left", "new": ["given"]}, ("a",), 0),
    ],
)
def test_what_is_found_decides(left: Json | None, now: Json, undo: tuple[str, ...], differs: int) -> None:
    """Given what was before, was left and is found, only what is as it was left is to be undone."""
    found = restoring.compare({"a": "before"}, left, now)
    assert found.undo == undo
    assert len(found.differs) == differs


def test_a_difference_says_what_was_left_and_what_is_found() -> None:
    """Given a boundary that somebody set since, the sentence has both values, on one line and without key ids."""
    key = "AKIA" + "X" * 16
    (said,) = restoring.compare({"boundary": ""}, {"boundary": ""}, {"boundary": f"evil\n{key}"}).differs
    assert "permissions boundary" in said
    assert "left none" in said
    assert "evil" in said
    assert "\n" not in said
    assert key not in said


@pytest.mark.parametrize("item", PLANNED, ids=lambda item: item.action)
def test_every_change_is_to_be_undone_as_it_was_left_and_not_as_it_was_before(item: Any) -> None:  # noqa: ANN401 - an item
    """Given each action's states, what it left has all to undo, what was before nothing; evidence has nothing ever."""
    action, made = actions.load(item.action), cases.change(item)
    before, after = action.fields(made.before), action.fields(made.after)
    if not action.undo_grants:
        assert before == after == {}
        return
    assert restoring.compare(before, after, before) == restoring.Found()
    found = restoring.compare(before, after, after)
    assert found.undo
    assert not found.differs
    assert not restoring.not_back(before, before, found.undo)
    assert restoring.not_back(before, after, found.undo)


@pytest.mark.parametrize(
    ("action", "one", "other"),
    [
        ("disable_key", {"user": "a"}, {"user": "renamed"}),
        ("deny_principal", {"user": "a", "via_key": ""}, {"user": "renamed", "via_key": "AKIA"}),
        ("revoke_sessions", {"issued_until": ""}, {"issued_until": "2026-11-20T03:09:15Z"}),
        ("leave_groups", {"group": "web", "lifecycle": "Detaching"}, {"group": "", "lifecycle": ""}),
        ("lock_metadata", {"state": "pending"}, {"state": "applied"}),
        ("stop_instance", {"state": "stopping"}, {"state": "stopped"}),
        ("stop_instance", {"state": "pending"}, {"state": "running"}),
        ("take_profile", {"association": "a"}, {"association": "b"}),
    ],
)
def test_what_passes_by_itself_is_no_difference(action: str, one: Json, other: Json) -> None:
    """Given two readings that differ in what passes, or in a name, they are the same."""
    base: dict[str, Json] = {
        "disable_key": {"status": "Inactive"},
        "deny_principal": {"attached": True, "boundary": ""},
        "revoke_sessions": {"document": ""},
        "lock_metadata": {"endpoint": "disabled", "tokens": "required", "hop_limit": 2},
        "take_profile": {"profile": "p"},
    }
    same = base.get(action, {})
    fields = actions.load(action).fields
    assert fields({**same, **one}) == fields({**same, **other})


def change(action: str, target: Target, case: str, result: Result = Result.DONE, **before: str) -> Change:
    """Give a change of a case."""
    return Change(item_id="x", incident_id=case, action=action, target=target, before=before, result=result)


def test_two_cases_meet_on_a_principal_by_its_unique_id() -> None:
    """Given denies of one user, known by a key, by a name and under another name, its id tells that it is one."""
    mine = change("deny_principal", cases.key(), "a", user="ann", user_id="AIDA1")
    same = change("deny_principal", cases.user("bob"), "b", user="bob", user_id="AIDA1")
    another = change("deny_principal", cases.user("ann"), "c", user="ann", user_id="AIDA2")
    key = change("disable_key", cases.key(), "d", user="ann")
    assert restoring.others(mine, [mine, same, another, key], (Result.DONE,)) == ("b",)
    assert restoring.others(mine, [same], (Result.ALREADY,)) == ()
    named = change("deny_principal", cases.user("eve"), "e"), change("deny_principal", cases.user("eve"), "f")
    assert restoring.others(named[0], named, (Result.DONE,)) == ("f",)


def test_sessions_are_denied_by_each_case_for_itself() -> None:
    """Given two denies of one session, each is of its own name, so neither needs the other."""
    one, two = (change("revoke_sessions", cases.session(), case, role_id="AROA") for case in "ab")
    assert restoring.others(one, [two], (Result.DONE,)) == ()


def test_a_principal_is_looked_for_by_the_id_that_was_read() -> None:
    """Given a deny that a key led to, the item to look again by has the user's id, and the args of the plan."""
    made = change("deny_principal", Target(kind=Kind.ACCESS_KEY, id="AKIA1"), "a", user="ann", user_id="AIDA1")
    item = restoring.item_of(made, {"via_key": "AKIA1"})
    assert item.args == {"via_key": "AKIA1", "user_id": "AIDA1"}
    assert item.target == made.target

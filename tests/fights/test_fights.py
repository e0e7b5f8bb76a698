"""Whether the hold wins, in a simulation on a virtual clock with the product's own hold and actions."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.fights.fight import GUARDED, HARDER, HOLD, KEEPS_THE_DENY, NO_HOLD, fight, fights

if TYPE_CHECKING:
    from bench.fights.account import Guard
    from bench.fights.fight import Arm, End

FIGHTS = range(200)
#: What the policy simulator says of the guard; a test of the guard holds the file to it.
VERDICTS = Path(__file__).resolve().parents[1] / "stacks" / "race_calls.json"


@functools.cache
def with_the_hold() -> list[End]:
    """Fight with the hold."""
    return fights(HOLD, FIGHTS)


def share(ends: list[End]) -> float:
    """Give which share of the fights ended with the attacker locked out."""
    return sum(end.locked_out for end in ends) / len(ends)


def lost(ends: list[End]) -> str:
    """Say which fights were lost, by their seeds."""
    return f"lost with the seeds {[end.seed for end in ends if not end.locked_out]}"


def guard_of_the_simulator() -> Guard:
    """Give the guard's table, as the policy simulator judged it, where it was."""
    found: dict[tuple[str, str], bool] = {}
    for one in json.loads(VERDICTS.read_text())["calls"]:
        service, _, call = one["action"].partition(":")
        about = "attached" if "iam:PolicyARN" in one["context"] else "boundary" if "Boundary" in call else ""
        if service == "iam" and one["resource"] in {"{user}", "{role}"} and about:
            found[(call, about)] = one["guard"] == "allowed"
    return found


def test_without_a_hold_nearly_no_fight_is_won() -> None:
    """Given an administrator's key in an attacker's hands, cuts that are made once are undone before they count."""
    ends = fights(NO_HOLD, FIGHTS)
    assert share(ends) <= 0.10, lost(ends)
    assert not [end for end in ends if end.touched]


def test_with_the_hold_the_attacker_is_locked_out() -> None:
    """Given the same attacker, the cuts that are held and looked at again later are what counts at the end."""
    ends = with_the_hold()
    assert share(ends) >= 0.95, lost(ends)
    assert not [end for end in ends if end.touched]
    assert sum(end.undone for end in ends) > len(ends)  # there was a fight


def test_with_hold_and_guard_the_attacker_is_locked_out() -> None:
    """Given a guard that lets nobody take the deny away, nearly every fight is decided by the first hold."""
    arm = replace(GUARDED, guard=guard_of_the_simulator()) if VERDICTS.exists() else GUARDED
    ends = fights(arm, FIGHTS)
    assert share(ends) >= 0.99, lost(ends)
    assert sum(end.locked_out_at_once for end in ends) >= 0.97 * len(ends)
    assert not [end for end in ends if end.touched]


@pytest.mark.skipif(not VERDICTS.exists(), reason="the guard's verdicts are not there")
def test_the_guard_in_the_fights_is_the_one_that_the_simulator_judged() -> None:
    """Given the simulator's verdicts on the race's calls, those that this world knows are the same."""
    judged = guard_of_the_simulator()
    assert {call: judged[call] for call in KEEPS_THE_DENY} == KEEPS_THE_DENY
    assert {call for call, allowed in judged.items() if not allowed} == set(KEEPS_THE_DENY)


def test_an_attacker_who_goes_on_with_what_was_made_touches_nobody_else_either() -> None:
    """Given an attacker who uses new users and roles until the second look, still nothing of the innocent's changes."""
    ends = fights(HARDER, range(12))
    assert not [end for end in ends if end.touched]
    assert not all(end.locked_out_at_once for end in ends)  # what was made is tied to the attacker only minutes later


@pytest.mark.parametrize("arm", [NO_HOLD, HOLD, GUARDED], ids=lambda arm: arm.name)
def test_a_fight_is_always_the_same(arm: Arm) -> None:
    """Given a seed, an arm and the code, a fight ends the same way each time."""
    assert fight(7, arm) == fight(7, arm)


def test_a_hold_that_says_that_the_cuts_hold_is_right() -> None:
    """Given fights of which the hold says that everything holds, none of the victim's credentials worked then."""
    said = [end for end in with_the_hold() if end.held]
    assert len(said) >= 100
    assert [end.seed for end in said if not end.locked_out_at_once] == []

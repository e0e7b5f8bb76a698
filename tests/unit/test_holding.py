"""How a hold watches, answers, gives up and tells; time is a number here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from lambdas import errors, holding
from lambdas.holding import PAUSE, QUIET, Held, Standing, Watch, hold
from tests.unit import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lambdas.model import Json, PlanItem

DISABLE, DENY = cases.planned(cases.incident(cases.key()), {cases.key(): cases.here()}).items
SECONDS = 20.0
LOOK, AGAIN = 0.05, 0.3


@dataclass
class World:
    """What a hold sees: which items read as cut, what happens when, and what is said to it."""

    cut: dict[str, bool] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    ended: bool = True
    released: bool = False
    silent: bool = False
    holds: int = 1
    born: list[Json] = field(default_factory=list)
    now: float = 100.0
    looks: list[tuple[float, str]] = field(default_factory=list)
    agains: list[tuple[float, str]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    searched: list[float] = field(default_factory=list)
    look_fails: Callable[[World, PlanItem], Exception | None] = lambda _, __: None
    again_fails: Callable[[World, PlanItem], Exception | None] = lambda _, __: None
    born_fails: Exception | None = None
    events: list[tuple[float, Callable[[World], None]]] = field(default_factory=list)
    began: float = 100.0
    beside_takes: float = 0.0
    within: float = 1000.0

    def at(self, seconds: float, do: Callable[[World], None]) -> None:
        """Have something happen so many seconds after the beginning."""
        self.events.append((self.began + seconds, do))
        self.events.sort(key=lambda event: event[0])

    def sleep(self, seconds: float) -> None:
        """Let time go by, and happen what is due."""
        until = self.now + seconds
        while self.events and self.events[0][0] <= until:
            self.now, do = self.events.pop(0)
            do(self)
        self.now = until

    def look(self, item: PlanItem) -> bool:
        """Read whether an item is cut."""
        self.sleep(LOOK)
        self.looks.append((self.now - self.began, item.id))
        if error := self.look_fails(self, item):
            raise error
        return self.cut.get(item.id, False)

    def again(self, item: PlanItem) -> None:
        """Make a cut again."""
        self.sleep(AGAIN)
        self.agains.append((self.now - self.began, item.id))
        if error := self.again_fails(self, item):
            raise error
        self.cut[item.id] = True

    def standing(self) -> Standing | None:
        """Say how the case stands."""
        self.asked.append(self.now - self.began)
        self.sleep(self.beside_takes)
        if self.silent:
            return None
        released = {DENY.incident_id} if self.released else set()
        return Standing(made=set(self.made), ended=self.ended, released=released, holds=self.holds)

    def search(self) -> Iterable[Json]:
        """Give what was born."""
        self.searched.append(self.now - self.began)
        self.sleep(self.beside_takes)
        if self.born_fails:
            raise self.born_fails
        return list(self.born)

    def together(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make the calls: all begin now, and the slowest says when they have ended, unless that is too long."""
        began, ends = self.now, [self.now]
        for call in calls:
            self.now = began
            call()
            ends.append(self.now)
        self.now = min(max(ends), began + self.within)

    def hold(self, *items: PlanItem, seconds: float = SECONDS, begin_within: float = 30.0) -> Held:
        """Hold these items."""
        watch = Watch(
            look=self.look,
            again=self.again,
            born=self.search,
            standing=self.standing,
            now=lambda: self.now,
            sleep=self.sleep,
            together=self.together,
        )
        return hold(watch, items, seconds=seconds, begin_within=begin_within)

    @property
    def took(self) -> float:
        """How long it has been since the beginning."""
        return self.now - self.began


def standing_cut(*items: PlanItem) -> World:
    """Give a world in which these items are made and cut."""
    return World(cut=dict.fromkeys((item.id for item in items), True), made={item.id for item in items})


def undo(item: PlanItem) -> Callable[[World], None]:
    """Give what undoes an item."""
    return lambda world: world.cut.update({item.id: False})


def is_gone(until: float) -> Callable[[World, PlanItem], Exception | None]:
    """Give a reading that finds no target until a time."""
    return lambda world, _: errors.TargetGone("gone") if world.took < until else None


def test_what_nobody_undoes_is_watched_for_as_long_as_told_and_holds() -> None:
    """Given two cuts that stay, they are read four times a second for the time that was told, and said to hold."""
    world = standing_cut(DISABLE, DENY)
    held = world.hold(DISABLE, DENY)
    assert held.items == {item.id: {"held": True, "undone": 0, "error": ""} for item in (DISABLE, DENY)}
    assert world.agains == []
    assert SECONDS <= world.took <= SECONDS + 1
    assert held.seconds == pytest.approx(SECONDS, abs=0.5)
    assert len(world.looks) / 2 == pytest.approx(SECONDS / PAUSE, rel=0.05)


def test_what_is_undone_is_made_again_within_a_moment() -> None:
    """Given a cut that is undone three times, each is answered within half a second or so, and told."""
    world = standing_cut(DISABLE, DENY)
    for seconds in (2, 5, 8):
        world.at(seconds, undo(DENY))
    held = world.hold(DISABLE, DENY)
    assert [item for _, item in world.agains] == [DENY.id] * 3
    assert [at for at, _ in world.agains] == pytest.approx([2, 5, 8], abs=PAUSE + 2 * LOOK + AGAIN + 0.1)
    assert held.items[DENY.id] == {"held": True, "undone": 3, "error": ""}
    assert held.items[DISABLE.id]["undone"] == 0


def test_a_cut_that_was_never_made_is_not_made_by_a_hold() -> None:
    """Given an item that neither the journal nor a reading knows as made, it is left alone, and nothing is said."""
    world = standing_cut(DISABLE)
    held = world.hold(DISABLE, DENY)
    assert world.agains == []
    assert held.items[DENY.id] == {"held": None, "undone": 0, "error": ""}
    assert held.items[DISABLE.id]["held"] is True


def test_a_cut_that_was_read_once_counts_as_made() -> None:
    """Given a cut that the journal does not have, it counts from when it was read, and is made again."""
    world = World(cut={DENY.id: True})
    world.at(3, undo(DENY))
    held = world.hold(DENY)
    assert len(world.agains) == 1
    assert held.items[DENY.id] == {"held": True, "undone": 1, "error": ""}


def test_a_cut_that_the_journal_says_was_made_is_made_again_though_nobody_ever_read_it() -> None:
    """Given a cut that was undone before the first reading, the journal is enough."""
    world = World(made={DENY.id})
    held = world.hold(DENY)
    assert len(world.agains) == 1
    assert held.items[DENY.id] == {"held": True, "undone": 1, "error": ""}


def test_cuts_that_are_still_being_made_are_waited_for() -> None:
    """Given a run that is not at its end, a cut made ten seconds later is watched for as long as the others."""
    world = World(ended=False)

    def make(world: World) -> None:
        world.made, world.ended, world.cut = {DENY.id}, True, {DENY.id: True}

    world.at(10, make)
    held = world.hold(DENY)
    assert world.took == pytest.approx(10 + SECONDS, abs=1)
    assert held.items[DENY.id]["held"] is True


@pytest.mark.parametrize(("ended", "seconds"), [(True, 0.0), (False, 30.0)])
def test_what_nobody_makes_is_waited_for_until_the_run_ends_or_the_time_is_up(*, ended: bool, seconds: float) -> None:
    """Given an item that is not made, the wait ends with the run, or after the time that was told."""
    world = World(ended=ended)
    held = world.hold(DENY, begin_within=30.0)
    assert world.took == pytest.approx(seconds, abs=1)
    assert held.items[DENY.id]["held"] is None


def test_a_target_that_is_gone_is_watched_no_longer() -> None:
    """Given a user that is not found any more, reading ends soon, nothing is said of it, and the rest is watched."""
    world = standing_cut(DISABLE, DENY)
    world.look_fails = lambda _, item: errors.TargetGone("gone") if item is DENY else None
    held = world.hold(DISABLE, DENY)
    assert held.items[DENY.id]["held"] is None
    assert held.items[DISABLE.id]["held"] is True
    assert sum(item == DENY.id for _, item in world.looks) == 8
    world = standing_cut(DENY)
    world.look_fails = is_gone(1000)
    world.hold(DENY)
    assert world.took < 3


def test_a_target_that_hides_for_a_moment_is_not_given_up() -> None:
    """Given a user that is renamed under a reading, it is found the next time, and its deny made again."""
    world = standing_cut(DENY)
    world.look_fails = is_gone(1.0)
    world.at(3, undo(DENY))
    hides = iter([errors.TargetGone("renamed"), None])
    world.again_fails = lambda _, __: next(hides)
    held = world.hold(DENY)
    assert len(world.agains) == 2
    assert held.items[DENY.id] == {"held": True, "undone": 1, "error": ""}


def test_a_request_for_fewer_calls_slows_the_watch_down_and_it_comes_back() -> None:
    """Given throttled readings for three seconds, the pause doubles each time, and shrinks again afterwards."""
    world = standing_cut(DENY)
    world.look_fails = lambda world, _: errors.Throttled("slow down") if 3 < world.took < 6 else None
    held = world.hold(DENY)
    during = [at for at, _ in world.looks if 2.9 < at < 12]
    gaps = [later - earlier for earlier, later in pairwise(during)]
    slowest = gaps.index(max(gaps))
    assert gaps[: slowest + 1] == pytest.approx([PAUSE * 2 ** (doubled + 1) for doubled in range(slowest + 1)], abs=0.1)
    assert slowest >= 2
    after = [at for at, _ in world.looks if at > 15]
    assert after[1] - after[0] == pytest.approx(PAUSE, abs=0.05)
    assert held.items[DENY.id]["held"] is True


def test_an_action_that_fails_each_time_is_called_five_times() -> None:
    """Given a cut that cannot be made again, five tries are made, and the alert gets the reason."""
    world = standing_cut(DISABLE, DENY)
    world.at(2, undo(DENY))
    world.again_fails = lambda _, __: errors.NotPermitted("an SCP says no")
    held = world.hold(DISABLE, DENY)
    assert len(world.agains) == 5
    assert held.items[DENY.id] == {"held": False, "undone": 1, "error": "NotPermitted: an SCP says no"}
    assert held.items[DISABLE.id]["held"] is True


@pytest.mark.parametrize("error", [errors.Throttled("slow down"), errors.Unavailable("no answer")])
def test_what_fails_for_a_moment_is_tried_until_it_works(error: Exception) -> None:
    """Given an action that does not answer for some seconds, it is tried for as long as that lasts."""
    world = standing_cut(DENY)
    world.at(2, undo(DENY))
    world.again_fails = lambda world, _: error if world.took < 9 else None
    held = world.hold(DENY)
    assert len(world.agains) >= 3
    assert held.items[DENY.id] == {"held": True, "undone": 1, "error": ""}


def test_who_undoes_it_before_it_is_read_back_is_answered_again_and_again() -> None:
    """Given an attacker who is quicker than the reading back, that is no failure: each time it is made again."""
    world = standing_cut(DENY)
    world.at(2, undo(DENY))
    world.again_fails = lambda world, _: errors.StateChanged("undone already") if world.took < 12 else None
    held = world.hold(DENY)
    assert len(world.agains) > 10
    assert held.items[DENY.id]["held"] is True
    assert held.items[DENY.id]["undone"] > 10


def test_readings_that_fail_are_told_and_do_not_end_the_watch() -> None:
    """Given readings that IAM refuses, nothing is known of the cut, and the reason is said."""
    world = standing_cut(DENY)
    world.look_fails = lambda _, __: errors.NotPermitted("no GetUser")
    held = world.hold(DENY)
    assert held.items[DENY.id] == {"held": None, "undone": 0, "error": "NotPermitted: no GetUser"}
    assert world.took == pytest.approx(SECONDS, abs=1)


def test_a_table_that_says_nothing_holds_nothing_up() -> None:
    """Given a table that does not answer, what is not cut after five seconds is made again all the same."""
    world = World(silent=True)
    held = world.hold(DENY)
    assert [item for _, item in world.agains] == [DENY.id]
    assert world.agains[0][0] == pytest.approx(QUIET, abs=1.5)
    assert held.items[DENY.id]["held"] is True


def test_a_case_that_a_person_gives_back_is_left_at_once() -> None:
    """Given a person who gives the case back, the watch ends within a second, and nothing is made again from then."""
    world = standing_cut(DISABLE, DENY)

    def give_back(world: World) -> None:
        world.released = True
        world.cut = {}

    world.at(4.9, give_back)
    held = world.hold(DISABLE, DENY)
    assert held.released == (DENY.incident_id,)
    assert world.took <= 4.9 + 1.5
    assert {said["held"] for said in held.items.values()} == {None}


def test_a_case_that_is_given_back_in_the_last_moment_is_not_made_again() -> None:
    """Given a function that knows before the hold does that the case was given back, it is called no more."""
    world = standing_cut(DENY)
    world.at(2, undo(DENY))
    world.again_fails = lambda _, __: errors.Released("given back")
    held = world.hold(DENY)
    assert len(world.agains) == 1
    assert held.released == (DENY.incident_id,)
    assert held.items[DENY.id]["held"] is None


def test_somebody_who_goes_on_undoing_is_answered_for_as_long_again() -> None:
    """Given an attacker who does not stop, the watch goes on twice as long, and says then that it does not hold."""
    world = standing_cut(DENY)
    for tenth in range(10, 600, 7):
        world.at(tenth / 10, undo(DENY))
    held = world.hold(DENY)
    assert world.took == pytest.approx(2 * SECONDS, abs=1.5)
    assert held.items[DENY.id]["held"] is False
    assert held.items[DENY.id]["undone"] > 20


def test_a_last_attempt_is_watched_until_it_was_quiet_for_five_seconds() -> None:
    """Given a cut that is undone just before the end, the watch goes on until the answer counts."""
    world = standing_cut(DENY)
    world.at(SECONDS - 1, undo(DENY))
    held = world.hold(DENY)
    assert SECONDS - 1 + QUIET <= world.took <= SECONDS + QUIET + 1
    assert held.items[DENY.id] == {"held": True, "undone": 1, "error": ""}


def test_what_was_born_is_told_once_and_no_more_of_it_than_people_read() -> None:
    """Given fifty things that are found each time, each is told once, forty at most, and the rest counted."""
    world = standing_cut(DENY)
    world.born = [{"kind": "user", "id": f"AIDA{number}", "name": "backup"} for number in range(50)]
    held = world.hold(DENY)
    assert (len(held.born), held.more_born, held.born_error) == (40, 10, "")
    assert len({one["id"] for one in held.born}) == 40
    gaps = [later - earlier for earlier, later in pairwise(world.searched)]
    assert min(gaps) >= 2.0


def test_a_search_that_fails_is_told_until_it_works() -> None:
    """Given a search that is refused, the reason is said, and the cuts are watched as ever."""
    world = standing_cut(DENY)
    world.born_fails = errors.NotPermitted("no ListUsers")
    held = world.hold(DENY)
    assert held.born_error == "NotPermitted: no ListUsers"
    assert held.items[DENY.id]["held"] is True

    world = standing_cut(DENY)
    world.born_fails = errors.Throttled("slow down")
    world.at(5, lambda world: setattr(world, "born_fails", None))
    assert world.hold(DENY).born_error == ""


def test_a_slow_search_and_a_slow_table_hold_up_no_reading() -> None:
    """Given a search and a table that take six seconds each time, the cuts are read as often as ever."""
    world = standing_cut(DENY)
    world.beside_takes, world.within = 6.0, 0.1
    world.hold(DENY)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(world.looks)]
    assert max(gaps) < 2 * PAUSE


@pytest.mark.parametrize(("holds", "pause"), [(1, PAUSE), (10, 1.5), (1000, 4.0)])
def test_many_holds_share_the_requests_of_an_account(holds: int, pause: float) -> None:
    """Given other holds at work, this one reads less often, and at least every four seconds."""
    world = standing_cut(DISABLE, DENY)
    world.holds = holds
    world.hold(DISABLE, DENY)
    late = [at for at, item in world.looks if item == DENY.id]
    assert late[-1] - late[-2] == pytest.approx(pause, abs=0.1)


def test_what_the_workflow_carries_is_plain() -> None:
    """Given a hold, what it hands on is JSON with the time in tenths."""
    said = Held(items={DENY.id: {"held": True}}, born=({"kind": "user", "id": "AIDA1"},), seconds=20.123).to_json()
    assert said == {
        "items": {DENY.id: {"held": True}},
        "born": [{"kind": "user", "id": "AIDA1"}],
        "more_born": 0,
        "born_error": "",
        "seconds": 20.1,
        "released": [],
    }


def test_a_hold_of_nothing_is_over_at_once() -> None:
    """Given no items, nothing is read."""
    world = World()
    assert world.hold().items == {}
    assert world.took == 0
    assert holding.OF_CREDENTIALS


def test_a_reading_that_breaks_is_no_loss() -> None:
    """Given a reading that fails in a way that nobody foresaw, the cut is not said to be lost, nor to hold."""
    world = World(cut={DENY.id: True}, made={DENY.id}, look_fails=lambda *_: KeyError("TOURNIQUET_EVIDENCE"))
    held = world.hold(DENY)
    assert held.items[DENY.id]["held"] is None
    assert "KeyError" in held.items[DENY.id]["error"]


def test_what_is_given_back_of_one_case_leaves_another_one_watched() -> None:
    """Given a run of two cases, of which a person gives one back, the cuts of the other one are made again still."""
    other = replace(DENY, incident_id="inc-20261120-00000000bb")
    world = World(cut={DISABLE.id: True, other.id: True}, made={DISABLE.id, other.id})

    def give_back(world: World) -> None:
        world.released = True
        world.cut = {}

    world.at(4.9, give_back)
    held = world.hold(DISABLE, other)
    assert {item for at, item in world.agains if at > 7} <= {other.id}
    assert other.id in {item for _, item in world.agains}
    assert held.released == (DISABLE.incident_id,)
    assert held.items[DISABLE.id]["held"] is None
    assert held.items[other.id]["held"] is True


def test_who_is_not_found_any_more_is_told_of() -> None:
    """Given a user that is renamed to hide while it is watched, it is not known to hold, and the reason says so."""
    world = standing_cut(DENY)
    world.look_fails = lambda now, _: errors.TargetGone("There is no such user.") if now.now > now.began + 5 else None
    held = world.hold(DENY)
    assert held.items[DENY.id] == {"held": None, "undone": 0, "error": "TargetGone: There is no such user."}


@pytest.mark.parametrize(("holds", "seconds"), [(1, 20), (4, 20), (8, 10), (40, 8)])
def test_many_watches_at_once_are_shorter_and_never_too_short(holds: int, seconds: float) -> None:
    """Given a crowd of watches, who would use up a new account's functions, each is shorter, not too short."""
    world = standing_cut(DISABLE, DENY)
    world.holds = holds
    held = world.hold(DISABLE, DENY)
    assert held.seconds == pytest.approx(seconds, abs=5)
    assert all(one["held"] for one in held.items.values())

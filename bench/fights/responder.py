"""The responder in a fight: the real actions, journal rules and hold, and what the workflow around them costs in time.

May touch: nothing outside the process.
Never does: decide what is undone, made again or given up; the product's code does.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench.fights.account import BEGAN
from bench.fights.iam import Iam
from lambdas import actions, errors, holding, newborns
from lambdas.actions import revoke_sessions
from lambdas.handlers import act
from lambdas.handlers import hold as handler
from lambdas.holding import Standing, Watch
from lambdas.journal import Kept, Table
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from bench.fights.account import Account
    from bench.fights.clock import Clock
    from bench.fights.people import Attacker
    from lambdas.actions.shape import Action
    from lambdas.model import Json

CASE = "inc-20261120-0000000000"
HOLD_SECONDS = 20.0
#: Seconds, at least and at most: a function that starts, one that is there already, a write to the table, a step of the
#: workflow, what triage asks IAM, and after the first cuts the start of the hold.
COLD, WARM = (0.3, 0.5), (0.02, 0.06)
_TABLE, _STEP, _TRIAGE, _HOLD_AFTER = (0.005, 0.02), (0.02, 0.06), (0.1, 0.3), (0.8, 1.2)
_BEGIN_WITHIN = 30.0
#: What was born so long before the hold began counts too.
_BEFORE = timedelta(minutes=1)


class Journal(Table):
    """The incident table, as far as a change needs it, in memory."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock, self._chance = clock, chance
        self._kept: dict[str, Kept] = {}
        self.ended_as: dict[str, Change] = {}
        self.ended = False

    def _wait(self) -> None:
        self._clock.sleep(self._chance.uniform(*_TABLE))

    def record_before(self, change: Change, execution: str, args: Json | None = None) -> Kept:  # noqa: ARG002 - as the table's
        """Keep what was there before a change, once."""
        self._wait()
        return self._kept.setdefault(change.item_id, Kept(before=change.before, by=execution))

    def record_again(self, change: Change, execution: str) -> None:
        """Keep what was there before a change was made anew."""
        self._wait()
        old = self._kept[change.item_id]
        self._kept[change.item_id] = Kept(before=old.before, by=old.by, again=change.before, again_by=execution)

    def record_after(self, change: Change, *, unless_made_since: str = "") -> None:  # noqa: ARG002 - as the table's
        """Keep how a change ended."""
        self._wait()
        self.ended_as[change.item_id] = change

    def watch_on(self, change: Change) -> bool:
        """Count that a change was undone; nobody gives a case back here."""
        del change
        self._wait()
        self._wait()
        return True


@cache
def _action(name: str) -> Action:
    return actions.load(name)


@dataclass(slots=True, kw_only=True)
class Responder:
    """The responder's functions on one account. ``holds`` is whether it holds what it cuts."""

    account: Account
    holds: bool
    hold: Callable[..., holding.Held] = holding.hold
    journal: Journal = field(init=False)
    held: list[holding.Held] = field(default_factory=list)
    _warm: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.journal = Journal(self.account.clock, self.account.chance)

    def _takes(self, between: tuple[float, float]) -> None:
        self.account.clock.sleep(self.account.chance.uniform(*between))

    def respond(self, items: Sequence[PlanItem], *, warm: bool = False) -> None:
        """Answer a signal as the workflow does: triage, the cuts side by side, and a second later the hold."""
        self._takes(COLD)
        if not warm:
            self._takes(_TRIAGE)
        self._takes(_STEP)
        left, clock = len(items), self.account.clock
        failed: list[Change] = []
        self.journal.ended = False

        def cut(item: PlanItem) -> None:
            nonlocal left
            self._takes(_STEP)
            try:
                self.invoke(item, "run")
            except errors.TourniquetError as error:  # the step's Catch: the other cuts are made
                failed.append(_failed(item, type(error).__name__))
            left -= 1
            if not left:
                self._tell(failed)

        clock.together([*(_of(cut, item) for item in items), *([lambda: self._hold(items)] if self.holds else [])])

    def _tell(self, failed: Sequence[Change]) -> None:
        """Send the first alert, which writes down what failed and that the run has ended."""
        self._takes(_STEP)
        self._takes(COLD)
        for change in failed:
            self.journal.record_after(change)
        self.journal.ended = True

    def invoke(self, item: PlanItem, execution: str, *, undone: bool = False, seen: Json | None = None) -> None:
        """Run an action's function: one that is there and idle, or a new one."""
        idle = self._warm.get(item.action, 0)
        self._warm[item.action] = max(0, idle - 1)
        self._takes(WARM if idle else COLD)
        try:
            act.perform(
                _action(item.action), Iam(self.account), item, self.journal, execution, undone=undone, seen=seen
            )
        finally:
            self._warm[item.action] = self._warm.get(item.action, 0) + 1

    def _hold(self, items: Sequence[PlanItem]) -> None:
        """Run the hold's function, which ends when all that it began has ended."""
        clock = self.account.clock
        self._takes(_HOLD_AFTER)
        self._takes(COLD)
        iam = Iam(self.account)
        client: Any = iam
        after = self.account.moment(clock.now) - _BEFORE
        names = {
            item.target.name for item in items if item.action == "deny_principal" and item.target.kind is Kind.USER
        }

        seen: dict[str, Json] = {}

        def look(item: PlanItem) -> bool:
            action = _action(item.action)
            seen[item.id] = action.look(iam, item)
            return action.verify(seen[item.id])

        def standing() -> Standing:
            self._takes(_TABLE)
            self._takes(_TABLE)
            made = {item_id for item_id, change in self.journal.ended_as.items() if handler.was_made(change)}
            return Standing(made=made, ended=self.journal.ended)

        watch = Watch(
            look=look,
            again=lambda item: self.invoke(item, "run", undone=True, seen=seen.get(item.id)),
            born=lambda: newborns.born(client, after, names),
            standing=standing,
            now=lambda: clock.now,
            sleep=clock.sleep,
            together=lambda calls: clock.together(calls, within=handler.A_ROUND_SECONDS),
        )
        self.held.append(self.hold(watch, items, seconds=HOLD_SECONDS, begin_within=_BEGIN_WITHIN))


def _failed(item: PlanItem, error: str) -> Change:
    return Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        result=Result.FAILED,
        error=error,
    )


def _of(cut: Callable[[PlanItem], None], item: PlanItem) -> Callable[[], None]:
    return lambda: cut(item)


def first_items(attacker: Attacker) -> list[PlanItem]:
    """Give what planning answers with to a leaked key of a user and, where there is one, to a session of a role."""
    leaked, user = attacker.own[0], attacker.victim
    items = [
        _item("disable_key", Target(kind=Kind.ACCESS_KEY, id=leaked.id, name=user.name), user=user.name),
        _item("deny_principal", Target(kind=Kind.USER, id=user.id, name=user.name), user=user.name, via_key=leaked.id),
    ]
    if attacker.habits.assumes:
        items.append(_session(attacker.role.id, attacker.role.name, "admin"))
    return items


def _session(role_id: str, role: str, session: str) -> PlanItem:
    target = Target(kind=Kind.ROLE_SESSION, id=f"{role_id}:{session}", name=role)
    return _item("revoke_sessions", target, role=role, role_id=role_id)


def _item(action: str, target: Target, **args: str) -> PlanItem:
    return PlanItem(incident_id=CASE, action=action, target=target, args=args, mode=Mode.CONTAIN)


def offspring(account: Account, credentials: set[str]) -> list[PlanItem]:
    """Give what contains all that the records, as far as they can be read by now, tie to credentials."""
    items: dict[str, PlanItem] = {}
    known, grew = set(credentials), True
    while grew:
        grew = False
        for record in account.records:
            if record.key_id not in known or record.visible_at > account.clock.now or record.made in items:
                continue
            items[record.made] = _item_of(account, record.kind, record.made)
            grew = True
            known.add(record.made)
            if record.kind == "role":
                known |= {one.id for one in account.credentials if one.principal.name == record.made}
    return list(items.values())


def _item_of(account: Account, kind: str, made: str) -> PlanItem:
    """Give the item that contains one thing that the attacker made."""
    match kind:
        case "user":
            user = account.users[made]
            return _item("deny_principal", Target(kind=Kind.USER, id=user.id, name=made), user=made)
        case "role":
            role = account.roles[made]
            return _item("deny_principal", Target(kind=Kind.ROLE, id=role.id, name=made), role=made, role_id=role.id)
        case "session":
            one = next(one for one in account.credentials if one.id == made)
            if one.session:
                return _session(one.principal.id, one.principal.name, one.session)
    owner = account.keys[made].owner.name
    return _item("disable_key", Target(kind=Kind.ACCESS_KEY, id=made, name=owner), user=owner)


@contextmanager
def on_the_clock(clock: Clock) -> Iterator[None]:
    """Let the real code wait and read the hour on the virtual clock."""

    class Then(datetime):
        """A date, whose now is the fight's."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ANN401  (as the standard library has it)
            """Give the fight's hour."""
            return (BEGAN + timedelta(seconds=clock.now)).astimezone(tz)

    with ExitStack() as patched:
        patched.enter_context(patch.object(act, "time", SimpleNamespace(sleep=clock.sleep)))
        patched.enter_context(patch.object(revoke_sessions, "datetime", Then))
        yield

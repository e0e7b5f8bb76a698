"""One fight from the alarm to after the second look, and many of them.

May touch: nothing outside the process.
Never does: judge by what IAM shows; only by what it enforces.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.fights.account import ATTACKER, DEPLOYER, Account, Credential
from bench.fights.clock import Clock
from bench.fights.people import Attacker, Habits, settle
from bench.fights.responder import Responder, first_items, offspring, on_the_clock
from lambdas import holding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.fights.account import Guard
    from lambdas.model import PlanItem

#: What a guard that keeps the responder's deny in its place says, by default.
KEEPS_THE_DENY: Guard = {
    ("DetachUserPolicy", "attached"): False,
    ("DetachRolePolicy", "attached"): False,
    ("DeleteUserPermissionsBoundary", "boundary"): False,
    ("DeleteRolePermissionsBoundary", "boundary"): False,
}
#: The second look comes so many seconds after the alarm: CloudTrail's records are there by then.
SECOND_LOOK = 600.0
#: So long after the last cut everything is enforced.
_SETTLED = 15.0


def second_look(account: Account, attacker: Attacker) -> list[PlanItem]:
    """Give what a second look contains: what was cut at first, and what the records tie to those credentials."""
    first = first_items(attacker)
    return [*first, *offspring(account, {one.id for one in attacker.own})]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to fight. ``habits`` are added to those that each fight draws."""

    name: str
    holds: bool = True
    guard: Guard = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)
    looks_again: Callable[[Account, Attacker], list[PlanItem]] = second_look
    hold: Callable[..., holding.Held] = holding.hold


NO_HOLD = Arm(name="no hold", holds=False)
HOLD = Arm(name="hold")
GUARDED = Arm(name="hold and guard", guard=KEEPS_THE_DENY)
HARDER = Arm(name="hold; goes on with what was made", habits=Habits(goes_on=True))
HARDER_GUARDED = replace(HARDER, name="hold and guard; goes on with what was made", guard=KEEPS_THE_DENY)
RENAMER = Arm(name="hold; renames the user, drops the leaked key", habits=Habits(renames=True))
QUICK = Arm(name="hold; undoes within 50 ms", habits=Habits(quick=True))
QUICK_GUARDED = replace(QUICK, name="hold and guard; undoes within 50 ms", guard=KEEPS_THE_DENY)
ARMS = (NO_HOLD, HOLD, GUARDED, HARDER, HARDER_GUARDED, RENAMER, QUICK, QUICK_GUARDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a fight ended.

    ``working`` says which credentials of the attacker still work, ``touched`` what of the innocent's was changed,
    ``locked_out_at_once`` whether none of the victim's worked any more after the first hold.
    ``undone`` is how often the hold saw a cut undone, ``last_success`` when the attacker's last call went through,
    ``held`` what the first hold said of all its cuts together, ``born`` how much it told of as born.
    """

    seed: int
    working: tuple[str, ...]
    touched: tuple[str, ...]
    locked_out_at_once: bool = False
    undone: int = 0
    last_success: float = 0.0
    held: bool | None = None
    born: int = 0
    seconds: float = 0.0

    @property
    def locked_out(self) -> bool:
        """Whether nothing of the attacker's works any more."""
        return not self.working


def fight(seed: int, arm: Arm) -> End:
    """Fight once. The same seed, arm and code give the same end."""
    chance = random.Random(seed)  # noqa: S311  (a simulation that is to be repeated)
    clock = Clock()
    account = Account(clock, chance, arm.guard)
    drawn = replace(arm.habits, fills=chance.random() < 1 / 3, assumes=chance.random() < 1 / 3)
    attacker, deployer = settle(account, drawn)
    responder = Responder(account=account, holds=arm.holds, hold=arm.hold)
    attacker.begin()
    deployer.begin()
    with on_the_clock(clock):
        responder.respond(first_items(attacker))
        clock.until(clock.now + _SETTLED)
        first = not any(account.works(one) for one in attacker.own)
        clock.until(max(SECOND_LOOK, clock.now))
        responder.respond(arm.looks_again(account, attacker), warm=True)
        clock.until(clock.now + _SETTLED)
    return replace(_judge(seed, account, attacker, responder), locked_out_at_once=first)


def _judge(seed: int, account: Account, attacker: Attacker, responder: Responder) -> End:
    able = [one for one in (*attacker.own, *attacker.made) if account.works(one)]
    for role in account.roles.values():
        if role.open_to == ATTACKER:
            later = Credential(id=role.name, by=ATTACKER, principal=role, session="x", issued_at=account.clock.now)
            able += [later] if account.works(later) else []
    touched = [write for write in account.writes if DEPLOYER in {write.made_by, write.name}]
    first = responder.held[0] if responder.held else None
    says = [item["held"] for item in first.items.values()] if first else []
    return End(
        seed=seed,
        working=tuple(f"{one.principal.name} {one.id}" for one in able),
        touched=tuple(f"{write.call} {write.name}" for write in touched),
        undone=sum(item["undone"] for item in first.items.values()) if first else 0,
        last_success=attacker.last_success,
        held=None if None in says or not says else all(says),
        born=len(first.born) + first.more_born if first else 0,
        seconds=first.seconds if first else 0.0,
    )


def fights(arm: Arm, seeds: Iterable[int]) -> list[End]:
    """Fight many times."""
    return [fight(seed, arm) for seed in seeds]

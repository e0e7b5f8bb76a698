"""What there is to undo of a change: the state before it, the one that it left, and the one that is found, compared.

What is found as it was left is to be given back. What is found as it was before is back already. Anything else was
written by somebody else since, and stays: it is said, with what was left and what is found. Where nobody knows what was
left (the run was killed before it could write it down), what is not as before is tried, by an undo that gives back only
what the action itself made, and read back.

May touch: nothing.
Never: counts what somebody else wrote as the responder's own; shows text that was not made safe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.model import Change, Json, Kind, Mode, PlanItem, Result
from lambdas.text import line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lambdas.model import Target

_LONGEST = 160
_NAMES = {
    "status": "the status of the key",
    "attached": "whether AWSDenyAll is attached",
    "boundary": "the permissions boundary",
    "document": "the inline policy that denies sessions",
    "profile": "the instance profile",
    "endpoint": "the metadata service",
    "tokens": "whether the metadata service asks for tokens",
    "hop_limit": "the hop limit of the metadata service",
    "termination": "termination protection",
    "shutdown": "what a shutdown from within does",
    "group": "the Auto Scaling group",
    "state": "the state of the instance",
}
#: What nothing means, where a person would ask.
_NOTHING = {"interface": "the isolation group only", "group": "no group", "target": "not registered"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of a change: the names of what is to undo, and a sentence for each thing that differs."""

    undo: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def to_give_back(change: Change, again: Json | None, rebase: Callable[[Json, Json], Json]) -> Change:
    """Give a change with what an undo has to give back as its ``before``."""
    return replace(change, before=rebase(change.before, again)) if again else change


def item_of(change: Change, args: Json) -> PlanItem:
    """Give the item of a change, by which its target is looked at again.

    Its principal is known by its unique id since: the key that led to it may be deleted by now, as it should be.
    """
    known = {name: change.before[name] for name in ("user_id", "role_id") if change.before.get(name)}
    return PlanItem(
        incident_id=change.incident_id,
        action=change.action,
        target=change.target,
        args={**args, **known},
        mode=Mode.CONTAIN,
    )


def compare(before: Json, left: Json | None, now: Json) -> Found:
    """Compare what was before a change, what it left (``None``: not known) and what is there, each by name."""
    undo, differs = [], []
    for name in before:
        was, found = before[name], now.get(name)
        if found == was:
            continue
        if left is None or found == left.get(name):
            undo.append(name)
        else:
            differs.append(
                f"{_label(name)}: Tourniquet left {_said(name, left.get(name))}, and now it is {_said(name, found)}"
            )
    differs += [
        f"{_label(name)}: what was there before is not known"
        for name, value in (left or {}).items()
        if name not in before and now.get(name) == value
    ]
    return Found(undo=tuple(undo), differs=tuple(differs))


def not_back(before: Json, now: Json, names: Iterable[str]) -> tuple[str, ...]:
    """Say of each of some names what is there, where that is not what was there before."""
    return tuple(
        f"{_label(name)}: now it is {_said(name, now.get(name))}, and before the case {_said(name, before[name])}"
        for name in names
        if now.get(name) != before[name]
    )


def _label(name: str) -> str:
    return _NAMES.get(name) or line(name, _LONGEST)


def _said(name: str, value: object) -> str:
    """Put a value into a sentence."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not value:
        return _NOTHING.get(name.partition(" ")[0], "none")
    match value:
        case list() if all(isinstance(one, str) for one in value):
            return line(", ".join(value), _LONGEST)
        case dict() | list():
            return line(json.dumps(value, sort_keys=True), _LONGEST)
    return line(value, _LONGEST)


def identities(change: Change) -> frozenset[str]:
    """Name what a change was made on, so that two cases that met on it can be told: by AWS' unique id, else by name.

    The denies of sessions are each case's own, by their name: they meet on nothing.
    """
    if change.action == "revoke_sessions":
        return frozenset()
    before, target = change.before, change.target
    unique = before.get("user_id") or before.get("role_id")
    if not unique and (target.kind is not Kind.ACCESS_KEY or change.action == "disable_key"):
        unique = target.id
    return frozenset({f"{change.action}|{unique or f'name/{_name(before, target)}'}"})


def _name(before: Json, target: Target) -> str:
    return str(before.get("user") or before.get("role") or target.name)


def others(change: Change, standing: Iterable[Change], results: Collection[Result]) -> tuple[str, ...]:
    """Name the other cases that have a change on the same that ended so."""
    mine = identities(change)
    return tuple(
        sorted(
            {
                other.incident_id
                for other in standing
                if other.incident_id != change.incident_id and other.result in results and identities(other) & mine
            }
        )
    )

"""How the cuts of a run held while they were watched, and what to say of it.

May touch: nothing.
Never: shows a whole key id, or untrusted text that was not made safe; says that something held that nobody read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas import wording
from lambdas.text import line, minute, tail

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lambdas.model import Json, PlanItem

_MOST_NAMED = 12
_WHAT = {
    "user": "user {name}",
    "role": "role {name}",
    "access_key": "access key {id} of user {name}",
    "password": "a console password of user {name}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How cuts held: of a whole run, or of one case of it (``of``).

    ``items`` is item id → ``{"held": true | false | null, "undone": <times>, "error"}``; ``born`` what was born
    meanwhile, each ``{"kind", "id", "name", "at", "of_case"}``; ``released`` are the ids of cases that a person gave
    back meanwhile, ``errors`` why nobody watched.
    """

    items: Mapping[str, Json] = field(default_factory=dict)
    born: tuple[Json, ...] = ()
    more_born: int = 0
    born_error: str = ""
    seconds: float = 0.0
    released: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def of(self, items: Collection[PlanItem]) -> Watched | None:
        """Give what concerns one case; ``None`` where nothing of it was watched."""
        mine = {item.id: self.items[item.id] for item in items if item.id in self.items}
        released = tuple({item.incident_id for item in items} & set(self.released))
        return replace(self, items=mine, released=released) if mine or self.errors else None

    @property
    def held(self) -> bool | None:
        """Whether everything that was watched held; ``None`` where nothing is known of anything."""
        known = [said["held"] for said in self.items.values() if said["held"] is not None]
        return all(known) if known else None

    @property
    def lost(self) -> bool:
        """Whether a cut is not in place at the end, or was undone within the last seconds."""
        return self.held is False

    @property
    def undone(self) -> int:
        """How often somebody undid a cut."""
        return sum(int(said["undone"]) for said in self.items.values())

    @property
    def eventful(self) -> bool:
        """Whether there is more to tell than that nothing happened: what was born says nothing by itself."""
        return self.lost or bool(self.undone or self.errors)

    def held_of(self, item: PlanItem) -> bool | None:
        """Say whether one item held."""
        held: bool | None = self.items.get(item.id, {}).get("held")
        return held


def headline(watch: Watched) -> str:
    """Say in a sentence how the cuts held."""
    seconds = f"{watch.seconds:.0f} s"
    if watch.released:
        return "A person gave the case back while it was watched."
    if watch.lost:
        return f"LOST: somebody goes on undoing it ({_times(watch.undone)} so far). Act by hand now."
    if watch.held is None:
        return "Nobody could watch whether it holds."
    if watch.undone:
        again = "it was made again" if watch.undone == 1 else "it was made again each time"
        return f"Somebody undid it {_times(watch.undone)}; {again}, and holds."
    if any(said["held"] is None and said.get("error") for said in watch.items.values()):
        return f"What could be watched to the end holds: nobody undid it in the {seconds} after."
    return f"It holds: nobody undid it in the {seconds} after."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def sentences(watch: Watched, items: Iterable[PlanItem]) -> list[str]:
    """Say of each cut how it held, and what was born meanwhile."""
    said = [one for item in items if (one := _sentence(item, watch.items.get(item.id)))]
    said += [
        f"Nobody watched a part of it, because of {one}: look yourself whether it is still so." for one in watch.errors
    ]
    if watch.born_error:
        said.append(
            f"What was born meanwhile could not be read to the end ({line(watch.born_error, 200)}): look for new users "
            "and roles in the IAM console, sorted by creation."
        )
    return said


def _sentence(item: PlanItem, said: Json | None) -> str:
    """Say how one cut held; a quiet one in few words."""
    if said is None:
        return ""
    words = wording.phrase(item)
    what = f"{words.to_do[0].upper()}{words.to_do[1:]} {words.object}"
    undone, why = int(said["undone"]), f" ({line(said['error'], 200)})" if said.get("error") else ""
    if said["held"] is False:
        return f"{what}: LOST. It was undone {_times(undone)}, and is not in place, or was not long enough{why}."
    if said["held"] is None and why.startswith(" (TargetGone"):
        return f"{what}: not found any more while it was watched{why}: it was deleted, or renamed to hide. Look for it."
    if said["held"] is None:
        return f"{what}: not watched{why}." if why else ""
    again = "made again" if undone == 1 else "made again each time"
    return f"{what}: undone {_times(undone)}, {again}, holds." if undone else f"{what}: holds."


def newborn(watch: Watched) -> list[str]:
    """Say what was born since the signal, of which nobody knows yet who made it."""
    named = [_newborn(one) for one in watch.born[:_MOST_NAMED] if one.get("kind") in _WHAT]
    more = len(watch.born) - _MOST_NAMED + watch.more_born
    return [*named, *([f"and {more} more"] if more > 0 else [])]


def _newborn(one: Json) -> str:
    what = _WHAT[one["kind"]].format(id=tail(str(one["id"])), name=line(one["name"], 64))
    said = f"{what}, made {minute(str(one['at']))}"
    return f"{said} (its user is denied in this case; after a restore it would work)" if one["of_case"] else said

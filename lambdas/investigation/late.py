"""What a second look adds to the first: what arrived late in CloudTrail, without what was told already.

May touch: nothing.
Never: tells twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.text import line

if TYPE_CHECKING:
    from lambdas.model import Json

_MOST_NAMED = 8


def news(before: Json, after: Json, undone: int) -> list[str]:
    """Say in sentences what is new; none where nothing is. ``undone`` is how often a cut had been undone since."""
    said = []
    if undone:
        times = "once" if undone == 1 else f"{undone} times"
        said.append(f"A cut of this case had been undone since ({times}); it was made again.")
    for what, key, name in (
        ("credentials", "credentials", "id"),
        ("things that were made or changed", "resources", "id"),
        ("things that are alive and were handed over to be contained", "found", "id"),
    ):
        new = _new(before, after, key)
        if new:
            named = ", ".join(_named(one, name) for one in new[:_MOST_NAMED])
            more = f" and {len(new) - _MOST_NAMED} more" if len(new) > _MOST_NAMED else ""
            said.append(f"{len(new)} {what} that the first look did not have: {named}{more}.")
    events = int(after["counts"].get("events", 0)) - int(before["counts"].get("events", 0))
    if events > 0:
        said.append(f"{events} more events than the first look had: they arrived late.")
    return said


def _new(before: Json, after: Json, key: str) -> list[Json]:
    known = {_identity(one) for one in before.get(key, [])}
    return [one for one in after.get(key, []) if _identity(one) not in known]


def _identity(one: Json) -> tuple[str, ...]:
    return tuple(str(one.get(name, "")) for name in ("kind", "key_id", "id", "region", "event"))


def _named(one: Json, name: str) -> str:
    return f"{line(str(one.get('kind', '')).replace('_', ' '), 40)} {line(one.get('name') or one.get(name) or '', 64)}"

"""Two pictures of a case, drawn as inline SVG: what happened when, and which credential came from which.

Both are bounded whatever they are given: calls are drawn as bars of what happened within a stretch of time, children
and branches beyond a number are folded into one box that says how many they are.

May touch: nothing.
Never: draws untrusted text without escaping it, or what was not made safe by ``shown``.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from lambdas.investigation import moments
from lambdas.investigation.page import NOTHING, Html, join, tag, text
from lambdas.investigation.words import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lambdas.investigation.shown import Json

_WIDTH, _GUTTER, _EDGE = 960, 168, 14
_LANE, _TOP, _BUCKETS, _MOST_LANES = 44, 62, 88, 6
_TICKS, _CLOSEST_TICK, _CLOSEST_MARK = 7, 112, 21
_HIGHEST = 3

_BOX, _BOX_HEIGHT, _STEP, _ROW = 200, 74, 240, 86
_MOST_CHILDREN, _MOST_BOXES, _DEEPEST = 6, 60, 7
_LETTERS = 27


# ---- what happened when -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Where on the picture a time is. Quiet time is shortened: a stretch counts as the logarithm of its length."""

    times: Sequence[int]
    places: Sequence[float]
    words: Mapping[int, str]

    def place(self, at: int) -> float:
        """Give the place of a time that is one of the axis' own, from 0 to 1."""
        return self.places[_before(self.times, at)]


def _before(times: Sequence[int], at: int) -> int:
    """Find the last of some ordered times that is not after one."""
    low, high = 0, len(times) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if times[middle] <= at:
            low = middle
        else:
            high = middle - 1
    return low


def _axis(words: Mapping[int, str]) -> _Axis:
    """Make the axis of some times, each with how it is written."""
    ordered = sorted(words)
    lengths = [math.log2(1 + later - earlier) for earlier, later in pairwise(ordered)]
    whole, sofar, places = sum(lengths) or 1.0, 0.0, [0.0]
    for length in lengths:
        sofar += length
        places.append(min(sofar / whole, 1.0))
    return _Axis(times=ordered, places=places if lengths else [0.5], words=words)


@dataclass(slots=True, kw_only=True)
class _Bar:
    """What one lane has within one stretch of time."""

    calls: int = 0
    refused: int = 0
    weight: int = 0


def timeline(findings: Json, notable: Sequence[Json]) -> Html:
    """Draw the calls of each credential over time, what was notable by its number, and when the responder acted.

    ``notable`` are entries of the findings' timeline, numbered from 1 in the picture. Gives nothing where no entry has
    a time.
    """
    entries = _timed(findings["timeline"])
    done = _timed(act for act in findings["done"] if act["result"] == "done")
    if not entries:
        return NOTHING
    acts = [at for at, _ in done]
    axis = _axis({at: moments.said(one["at"]) for at, one in (*entries, *done)})
    lanes = _lanes(entries, findings)
    of: dict[str, list[tuple[int, Json]]] = {name: [] for name in lanes.values()}
    for timed in entries:
        of[lanes[timed[1]["by"]]].append(timed)
    height = _TOP + _LANE * len(of) + 66
    drawn = [
        _acts_drawn(axis, acts, height - 66),
        join(_lane(number, name, axis, of[name]) for number, name in enumerate(of)),
        _marks(axis, notable),
        _ticks(axis, height - 46),
        _legend(height - 12),
    ]
    title = "What happened when"
    return _svg("timeline", title, _timeline_said(axis, entries, lanes, acts), (_WIDTH, height), join(drawn))


def _timed(rows: Iterable[Json]) -> list[tuple[int, Json]]:
    return [(at, row) for row in rows if (at := moments.seconds(row["at"])) is not None]


def _lanes(entries: Sequence[tuple[int, Json]], findings: Json) -> dict[str, str]:
    """Give each credential its lane by name: one of its own for those with most weight, one for all others."""
    weight: dict[str, int] = {}
    for _, entry in entries:
        weight[entry["by"]] = weight.get(entry["by"], 0) + max(entry["count"], 1) * (1 + entry["weight"])
    order = sorted(weight, key=lambda one: (-weight[one], one))
    own = order if len(order) <= _MOST_LANES else order[: _MOST_LANES - 1]
    kinds = {one["id"]: _KINDS.get(one["kind"], "credential") for one in findings["credentials"]}
    rest = f"{len(order) - len(own)} other credentials"
    return {one: f"{kinds.get(one, 'credential')} {one}" if one else "no credential" for one in own} | dict.fromkeys(
        order[len(own) :], rest
    )


def _bars(axis: _Axis, entries: Sequence[tuple[int, Json]]) -> Mapping[int, _Bar]:
    bars: dict[int, _Bar] = {}
    for at, entry in entries:
        bar = bars.setdefault(min(int(axis.place(at) * _BUCKETS), _BUCKETS - 1), _Bar())
        calls = max(entry["count"], 1)
        bar.calls += calls
        bar.refused += 0 if entry["ok"] else calls
        bar.weight = max(bar.weight, min(entry["weight"], _HIGHEST))
    return bars


def _lane(number: int, name: str, axis: _Axis, entries: Sequence[tuple[int, Json]]) -> Html:
    base = _TOP + _LANE * (number + 1) - 6
    bars = _bars(axis, entries)
    calls = sum(bar.calls for bar in bars.values())
    most = max(bar.calls for bar in bars.values())
    drawn = [
        tag("line", x1=_GUTTER, x2=_WIDTH - _EDGE, y1=base, y2=base, class_="axis"),
        text("text", _cut(name, 24), x=2, y=base - 17, class_="strong"),
        text("text", f"{calls:,} call{'s' if calls != 1 else ''}", x=2, y=base - 2, class_="soft"),
    ]
    width = (_WIDTH - _EDGE - _GUTTER) / _BUCKETS
    for place, bar in sorted(bars.items()):
        tall = round(7 + (_LANE - 18) * math.log(1 + bar.calls) / math.log(1 + max(most, 1)), 1)
        left = round(_GUTTER + place * width + 0.8, 1)
        look = "no" if bar.refused >= bar.calls else f"b{bar.weight}"
        drawn.append(tag("rect", x=left, y=base - tall, width=round(width - 1.6, 1), height=tall, class_=look))
        if bar.weight >= _HIGHEST:
            drawn.append(tag("circle", cx=round(left + width / 2 - 0.8, 1), cy=base - tall - 4, r=2, class_="b3"))
    return join(drawn)


def _x(axis: _Axis, at: int) -> float:
    """Give where a time is drawn: in the middle of its bar."""
    width = (_WIDTH - _EDGE - _GUTTER) / _BUCKETS
    return round(_GUTTER + (min(int(axis.place(at) * _BUCKETS), _BUCKETS - 1) + 0.5) * width, 1)


def _acts_drawn(axis: _Axis, acts: Sequence[int], bottom: float) -> Html:
    """Draw when the responder acted: a line for the first time, a band until the last."""
    if not acts:
        return NOTHING
    first, last = _x(axis, min(acts)), _x(axis, max(acts))
    left, top = first > _WIDTH * 0.75, _TOP - 34
    at = first - 6 if left else first + 6
    said = "contained" if len(acts) == 1 else f"contained ({len(acts)} actions)"
    return join(
        [
            tag("rect", x=first, y=top, width=round(max(last - first, 1), 1), height=bottom - top, class_="band"),
            tag("line", x1=first, x2=first, y1=top, y2=bottom, class_="cut"),
            text("text", said, x=at, y=top + 8, class_="strong", text_anchor="end" if left else "start"),
        ]
    )


def _marks(axis: _Axis, notable: Sequence[Json]) -> Html:
    """Draw the numbers of what was notable; those that would lie on one another become one, such as ``2-4``."""
    placed: list[tuple[float, int, int]] = []
    for number, entry in enumerate(notable, 1):
        at = moments.seconds(entry["at"])
        if at is None:
            continue
        x = _x(axis, at)
        if placed and x - placed[-1][0] < _CLOSEST_MARK + 7 * (placed[-1][1] != placed[-1][2]):
            placed[-1] = (placed[-1][0], placed[-1][1], number)
        else:
            placed.append((x, number, number))
    drawn = []
    for x, first, last in placed:
        words = str(first) if first == last else f"{first}\u2013{last}"
        wide = 17 if len(words) == 1 else 9 + 6 * len(words)
        drawn.append(tag("rect", x=round(x - wide / 2, 1), y=_TOP - 16, width=wide, height=16, rx=8, class_="mark"))
        drawn.append(text("text", words, x=x, y=_TOP - 4.4, text_anchor="middle", class_="on"))
    return join(drawn)


def _ticks(axis: _Axis, y: float) -> Html:
    """Write the times of the places that are nearest to even ones, as many as there is room for."""
    wanted = [number / (_TICKS - 1) for number in range(_TICKS)]
    nearest = [min(range(len(axis.places)), key=lambda one: abs(axis.places[one] - place)) for place in wanted]
    drawn, last, told = [], -math.inf, ""
    for one in dict.fromkeys(nearest):
        at = axis.times[one]
        x = _x(axis, at)
        if x - last < _CLOSEST_TICK:
            continue
        said = axis.words[at]
        anchor = "start" if x < _GUTTER + 60 else "end" if x > _WIDTH - 80 else "middle"
        drawn += [
            tag("line", x1=x, x2=x, y1=y - 20, y2=y - 15, class_="axis"),
            text("text", said[11:], x=x, y=y - 2, text_anchor=anchor),
            text("text", said[:10] if said[:10] != told else "", x=x, y=y + 12, text_anchor=anchor, class_="soft"),
        ]
        last, told = x, said[:10]
    return join(drawn)


def _legend(y: float) -> Html:
    entries = (
        ("b1", "calls"),
        ("b2", "worth a look"),
        ("b3", "serious (with a dot)"),
        ("no", "all refused"),
    )
    drawn, x = [], float(_GUTTER)
    for look, words in entries:
        drawn.append(tag("rect", x=x, y=y - 9, width=9, height=9, class_=look))
        drawn.append(text("text", words, x=x + 14, y=y - 1, class_="soft"))
        x += 30 + 6.2 * len(words)
    drawn.append(
        text(
            "text",
            "UTC; not to scale, quiet time is shortened",
            x=_WIDTH - _EDGE,
            y=y - 1,
            text_anchor="end",
            class_="soft",
        )
    )
    return join(drawn)


def _timeline_said(
    axis: _Axis, entries: Sequence[tuple[int, Json]], lanes: Mapping[str, str], acts: Sequence[int]
) -> str:
    """Say in words what the picture shows."""
    calls = sum(max(entry["count"], 1) for _, entry in entries)
    first, last = axis.words[min(at for at, _ in entries)], axis.words[max(at for at, _ in entries)]
    said = f"{calls:,} calls of {len(lanes)} credentials, from {first} to {last} UTC."
    serious = sum(1 for _, entry in entries if entry["weight"] >= _HIGHEST)
    said += f" Serious among them: {serious:,}." if serious else " None of them is serious by itself."
    if acts:
        said += f" The responder acted first at {axis.words[min(acts)]} UTC."
    return said + " The list below the picture and the table after it say the same in words."


# ---- which credential came from which ---------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Node:
    """A box of the tree; ``credential`` is None where it stands for several that are folded."""

    credential: Json | None
    words: tuple[str, str] = ("", "")
    children: list[_Node] = field(default_factory=list)
    column: int = 0
    y: float = 0.0


_KINDS = {
    "access_key": "key",
    "session": "session",
    "federation": "federation",
    "role_session": "role session",
}
#: How a state is shown: whether it still works is what matters.
_STATES = {"active": "b3"} | dict.fromkeys(ENDED, "done")


def lineage(findings: Json) -> Html:
    """Draw which credential was made with which, from left to right; gives nothing where there is none."""
    credentials = findings["credentials"]
    if not credentials:
        return NOTHING
    roots = _tree(credentials)
    lines = _placed(roots)
    boxes = list(_flat(roots))
    width = max(box.column for box in boxes) * _STEP + _BOX + 4
    height = round(lines * _ROW + 2)
    edges = [_edge(box, child) for box in boxes for child in box.children]
    drawn = join([*edges, *(_box(box) for box in boxes)])
    return _svg("lineage", "Which credential came from which", _lineage_said(credentials), (width, height), drawn)


def _tree(credentials: Sequence[Json]) -> list[_Node]:
    """Build the tree; of a parent with many children the busiest are kept, and one box stands for the others."""
    known = {one["id"] for one in credentials}
    below: dict[str, list[Json]] = {}
    top = []
    for one in credentials:
        parent = one["parent"]
        if parent and parent in known and parent != one["id"]:
            below.setdefault(parent, []).append(one)
        else:
            top.append(one)
    drawn: set[str] = set()
    room = [_MOST_BOXES]
    roots = _kept(top or list(credentials[:1]), 0, room, drawn)
    level = roots
    while level:
        for node in level:
            if node.credential is not None:
                node.children = _kept(below.get(node.credential["id"], []), node.column + 1, room, drawn)
        level = [child for node in level for child in node.children]
    return roots


def _kept(credentials: Sequence[Json], column: int, room: list[int], drawn: set[str]) -> list[_Node]:
    """Make the boxes of one parent's children, as many as there is room for, and a box for the rest."""
    new = [one for one in credentials if one["id"] not in drawn]
    drawn |= {one["id"] for one in new}
    busiest = sorted(new, key=lambda one: -one["events"])
    most = 0 if column >= _DEEPEST else min(_MOST_CHILDREN, max(room[0], 0))
    most = most if len(busiest) <= most else max(most - 1, 0)
    keep = [id(one) for one in busiest[:most]]
    nodes = [_Node(credential=one, column=column) for one in new if id(one) in keep]
    room[0] -= len(nodes)
    if folded := busiest[most:]:
        calls = sum(one["events"] for one in folded)
        words = (f"{len(folded):,} more", f"{calls:,} calls; see the table")
        nodes.append(_Node(credential=None, words=words, column=column))
    return nodes


def _placed(roots: Sequence[_Node]) -> int:
    """Give each box its height: a leaf a line of its own, a parent the middle of its children; returns the lines."""
    lines = 0
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if not node.children:
            node.y = lines * _ROW + _ROW / 2
            lines += 1
        elif ready:
            node.y = (node.children[0].y + node.children[-1].y) / 2
        else:
            waiting.append((node, True))
            waiting += [(child, False) for child in reversed(node.children)]
    return lines


def _flat(roots: Sequence[_Node]) -> list[_Node]:
    found, level = [], list(roots)
    while level:
        found += level
        level = [child for node in level for child in node.children]
    return found


def _edge(parent: _Node, child: _Node) -> Html:
    start, end = parent.column * _STEP + _BOX, child.column * _STEP
    middle = (start + end) / 2
    return tag(
        "path",
        d=f"M{start} {parent.y:g}C{middle:g} {parent.y:g} {middle:g} {child.y:g} {end} {child.y:g}",
        class_="edge",
    )


def _box(node: _Node) -> Html:
    """Draw a box: its own ``svg``, so that nothing of it lies outside."""
    frame = tag("rect", x=0.5, y=0.5, width=_BOX - 1, height=_BOX_HEIGHT - 1, rx=5, class_="box")
    if node.credential is None:
        first, second = node.words
        content = [
            frame,
            text("text", first, x=14, y=33, class_="strong"),
            text("text", second, x=14, y=50, class_="soft"),
        ]
    else:
        content = [frame, *_lines(node.credential)]
    return tag(
        "svg", join(content), x=node.column * _STEP, y=f"{node.y - _BOX_HEIGHT / 2:g}", width=_BOX, height=_BOX_HEIGHT
    )


def _lines(one: Json) -> list[Html]:
    how = f"by {one['issued_by']} {moments.clock(one['issued_at'])}".strip() if one["issued_by"] else "the first"
    refused = f", {one['denied']:,} refused" if one["denied"] else ""
    state = one["state"] or "unknown"
    return [
        tag("rect", x=1, y=1, width=5, height=_BOX_HEIGHT - 2, rx=2, class_=_STATES.get(state, "b2")),
        text("text", f"{one['id']} {_KINDS.get(one['kind'], 'credential')}", x=14, y=18, class_="strong"),
        text("text", _cut(state, 10), x=_BOX - 8, y=18, text_anchor="end", class_="soft"),
        text("text", _cut(one["name"] or one["principal"] or "nobody known", _LETTERS), x=14, y=34),
        text("text", _cut(f"{one['events']:,} calls{refused}", _LETTERS + 4), x=14, y=50, class_="soft"),
        text("text", _cut(how, _LETTERS + 4), x=14, y=65, class_="soft"),
    ]


def _lineage_said(credentials: Sequence[Json]) -> str:
    """Say in words what the tree shows."""
    made = sum(1 for one in credentials if one["parent"])
    active = sum(1 for one in credentials if one["state"] == "active")
    depth = max(one["depth"] for one in credentials)
    return (
        f"{len(credentials):,} credentials; {made:,} were made with another of them, at most {depth:,} steps away from "
        f"the first. {active:,} still {'works' if active == 1 else 'work'}. The table below says the same in words."
    )


# ---- both -------------------------------------------------------------------------------------


def _svg(name: str, title: str, said: str, size: tuple[float, float], drawn: Html) -> Html:
    """Make a picture with its name and what it shows in words; ``size`` is its width and height."""
    named = join([text("title", title, id=f"{name}-title"), text("desc", said, id=f"{name}-desc")])
    return tag(
        "svg",
        Html(named + drawn),
        viewBox=f"0 0 {size[0]:g} {size[1]:g}",
        width=f"{size[0]:g}",
        height=f"{size[1]:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_=f"picture {name}",
    )


def _cut(words: str, most: int) -> str:
    """Cut text to a number of letters; a wide one counts twice."""
    wide = 0
    for place, letter in enumerate(words):
        wide += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if wide > most:
            return words[: max(place - 1, 0)] + "…"
    return words

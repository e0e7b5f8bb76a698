"""Looking back: what CloudTrail's event history has in one region of the attributes that are looked up.

It asks page by page until the end, at most twice a second, whatever is asked: CloudTrail allows two calls of
LookupEvents per second, account and region, and the tries that it refuses count too. It works for as long as it is
told, and says then whether it is done; the next call goes on from the last part that was written. CloudTrail gives 50
events a page, the newest first, of the last 90 days, and management events only. A token that it does not take any more
is replaced by asking again for what is not newer than the last page.

May touch: cloudtrail:LookupEvents.
Never: asks more than twice a second in its region; gives up a page because CloudTrail is busy; writes an event twice
into the parts of one look-up; holds more than one part.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.aws import Grant
from lambdas.investigation import records
from lambdas.investigation.parts import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambdas.investigation.parts import Lookup, Shelf
    from lambdas.model import Json

GRANTS = (Grant(action="cloudtrail:LookupEvents", resource="*"),)

#: Seconds between two calls: a little more than half of one, so that no second has three.
PAUSE = 0.505
#: The events of one page, CloudTrail's most.
PAGE = 50
#: A part is written when it has so many pages or bytes.
PAGES_A_PART, BYTES_A_PART = 20, 4_000_000
#: So many events of one look-up in one region are enough.
MOST_EVENTS = 50_000

_STALE = "InvalidNextTokenException"
_LONGEST_WAIT = 8.0
_TRIES = 6


@dataclass(slots=True, kw_only=True)
class Pace:
    """Keeps the calls of one region apart; the first waits too, for somebody killed may have just called.

    ``clock`` gives seconds that only go forward, ``sleep`` waits.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    next: float = field(default=-1.0)

    def __post_init__(self) -> None:
        self.next = self.clock() + PAUSE

    def wait(self) -> None:
        """Wait until a call may be made."""
        while (left := self.next - self.clock()) > 0:
            self.sleep(left)
        self.next = self.clock() + PAUSE

    def back_off(self, tries: int) -> None:
        """After a refusal let the next call wait, longer each time."""
        self.next = self.clock() + min(_LONGEST_WAIT, PAUSE * 2 ** min(tries, 8))


@dataclass(slots=True, kw_only=True)
class _Look:
    """One call of ``look_back``: what it asks, where it writes, until when, and what it counts."""

    cloudtrail: Any
    shelf: Shelf
    region: str
    since: datetime
    pace: Pace
    ends: float
    most: int
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self.pace.clock() >= self.ends


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part that is being filled; ``mark`` is where the look-up is after its lines."""

    mark: Mark
    seen: set[str]
    lines: list[str] = field(default_factory=list)
    bytes: int = 0
    pages: int = 0
    restarts: int = 0

    @property
    def full(self) -> bool:
        """Whether it is time to write it."""
        return self.mark.done or self.pages >= PAGES_A_PART or self.bytes >= BYTES_A_PART

    def restart(self) -> None:
        """Begin again without a token, from the newest event of the last page."""
        self.restarts += 1
        if self.restarts > _TRIES:
            raise errors.Unexpected("LookupEvents: CloudTrail takes none of the tokens that it gives.")
        self.mark = replace(self.mark, token="", until=self.mark.newest or self.mark.until)

    def take(self, answer: Json, most: int) -> None:
        """Put a page's events in that were not seen yet, and move the mark behind it."""
        events, times = self.mark.events, []
        for event in answer.get("Events", []):
            record = records.scrubbed(event)
            times.append(str(record.get("eventTime", "")))
            if record["eventID"] in self.seen:
                continue
            self.seen.add(record["eventID"])
            line = json.dumps(record, separators=(",", ":"))
            self.lines.append(line)
            self.bytes += len(line)
            self.restarts, events = 0, events + 1
        token, enough = str(answer.get("NextToken") or ""), events >= most
        self.pages += 1
        self.mark = replace(
            self.mark,
            events=events,
            token=token,
            newest=records.moment(max(times, default="")) or self.mark.newest,
            done=enough or not token,
            truncated=enough and bool(token),
        )


def look_back(  # noqa: PLR0913  (what a look is made of)
    cloudtrail: Any,  # noqa: ANN401  (boto3's clients are made at run time)
    shelf: Shelf,
    region: str,
    lookups: Sequence[Lookup],
    *,
    since: str,
    until: str,
    seconds: float,
    pace: Pace | None = None,
    most: int = MOST_EVENTS,
) -> Json:
    """Look all of these up in a region, as far as the time goes, and write what is found into the shelf.

    ``since`` and ``until`` are ISO 8601, the same in every call of one look. ``cloudtrail`` is to make no second try of
    its own, which would not keep the pace. Gives counts only: ``done``, ``lookups`` and how many are ``left``,
    ``events`` and ``parts`` that this call wrote, ``calls``, ``throttled``, and how many look-ups are ``truncated``.
    To be called again until it is ``done``.

    Raises NotPermitted, Unexpected, or Unavailable after several tries; what was found is written by then.
    """
    pace = pace or Pace()
    look = _Look(
        cloudtrail=cloudtrail,
        shelf=shelf,
        region=region,
        since=_time(since),
        pace=pace,
        ends=pace.clock() + seconds,
        most=most,
    )
    last = shelf.last(region)
    left = len(lookups)
    for lookup in lookups:
        part = last.get(lookup.folder, 0)
        mark = _finish(look, lookup, shelf.mark(region, lookup, part) if part else Mark(until=until))
        look.counts["truncated"] += mark.truncated
        left -= mark.done
    return {"region": region, "done": left == 0, "lookups": len(lookups), "left": left} | {
        name: look.counts[name] for name in ("calls", "events", "parts", "throttled", "truncated")
    }


def _finish(look: _Look, lookup: Lookup, mark: Mark) -> Mark:
    """Go on with a look-up, part by part, until it is done or the time is over; give where it is then."""
    seen: set[str] | None = None
    while not mark.done and not look.late:
        seen = look.shelf.event_ids(look.region, lookup, mark.part) if seen is None else seen
        part = _Part(mark=replace(mark, part=mark.part + 1), seen=seen)
        wrote = True
        try:
            _fill(look, lookup, part)
        finally:
            if part.pages:
                wrote = _write(look, lookup, part)
        if part.pages:
            mark = part.mark
        if not wrote:  # somebody else is at work: go on from there
            mark, seen = look.shelf.mark(look.region, lookup, mark.part), None
    return mark


def _write(look: _Look, lookup: Lookup, part: _Part) -> bool:
    wrote = look.shelf.write(look.region, lookup, part.mark, part.lines)
    look.counts["parts"] += wrote
    look.counts["events"] += len(part.lines) if wrote else 0
    return wrote


def _fill(look: _Look, lookup: Lookup, part: _Part) -> None:
    while not part.full and (answer := _page(look, lookup, part)) is not None:
        part.take(answer, look.most)


def _page(look: _Look, lookup: Lookup, part: _Part) -> Json | None:
    """Ask for the next page until CloudTrail gives it; None when the time is over."""
    tries = failures = 0
    while not look.late:
        look.pace.wait()
        look.counts["calls"] += 1
        try:
            with aws.excused(_STALE) as stale:
                answer: Json = look.cloudtrail.lookup_events(**_question(look, lookup, part.mark))
        except errors.Throttled:
            look.counts["throttled"] += 1
        except errors.Unavailable:
            failures += 1
            if failures >= _TRIES:
                raise
        else:
            if not stale:
                return answer
            part.restart()
            continue
        tries += 1
        look.pace.back_off(tries)
    return None


def _question(look: _Look, lookup: Lookup, mark: Mark) -> Json:
    token = {"NextToken": mark.token} if mark.token else {}
    return {
        "LookupAttributes": [{"AttributeKey": lookup.by, "AttributeValue": lookup.value}],
        "StartTime": look.since,
        "EndTime": _time(mark.until),
        "MaxResults": PAGE,
        **token,
    }


def _time(iso: str) -> datetime:
    return datetime.fromisoformat(iso)

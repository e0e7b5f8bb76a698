"""Times of findings, as text for people and as numbers for pictures.

May touch: nothing.
Never: reads the clock.
"""

from __future__ import annotations

import calendar
import re

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?:Z|[+-]00:?00)?")
_MONTHS, _DAYS, _HOURS, _MINUTES, _SECONDS = 12, 31, 24, 60, 60
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def seconds(at: str) -> int | None:
    """Read an ISO 8601 time in UTC as seconds since 1970; None where it is none."""
    found = _ISO.fullmatch(at.strip())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    if not (year and 1 <= month <= _MONTHS and 1 <= day <= _DAYS):
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def said(at: str) -> str:
    """Write a time for a person: ``2026-11-20 03:31:07``, in UTC; what is no time stays as it is."""
    return at[:19].replace("T", " ") if seconds(at) is not None else at


def clock(at: str) -> str:
    """Write a time's hour, minute and second only."""
    return said(at)[11:19]


def day(at: str) -> str:
    """Write a time's day only."""
    return said(at)[:10]


def between(first: str, last: str) -> str:
    """Write how long it is from one time to another, in its largest unit; ``""`` where one is no time."""
    start, end = seconds(first), seconds(last)
    if start is None or end is None or end < start:
        return ""
    for size, name in _UNITS:
        if end - start >= size:
            count = (end - start) // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"

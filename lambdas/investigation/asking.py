"""Asking an account many things at once: each for itself, within a time, and with a sentence for what was not answered.

A question that fails, is refused or is too slow never stops another: what it would have said is missed, and
``sentences`` says so, once for all regions and kinds that were missed for the same reason.

May touch: nothing by itself.
Never: raises for an answer that is odd or missing; waits longer than its time.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambdas.model import Json

#: So many questions are asked at once; ``aws.STANDARD`` keeps as many connections.
AT_ONCE = 24
#: So many pages of one answer are read.
PAGES = 20

#: What AWS says of a region or a service that an account has not switched on.
OFF = (
    "OptInRequired",
    "SubscriptionRequiredException",
    "NotSignedUp",
    "AuthFailure",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
)
_MORE = ("NextToken", "nextToken", "NextMarker", "Marker", "nextPageToken", "NextPageMarker", "ContinuationToken")
_TOO_SLOW = "there was no time left"
_IS_OFF = "the service or the region is not switched on for this account"
_NAMED = 5


class Deadline:
    """The time that there is; ``clock`` counts seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Say how many seconds are left, never less than none."""
        return max(0.0, self._end - self._clock())

    def over(self) -> bool:
        """Say whether the time is up."""
        return self.left() <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question[T]:
    """One thing to ask: ``what`` it is about, ``where``, and the IAM actions it ``asks`` for."""

    what: str
    where: str = ""
    asks: str = ""
    ask: Callable[[], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What was not answered, and why."""

    what: str
    where: str
    why: str


@dataclass(slots=True, kw_only=True)
class Answers[T]:
    """What was answered, in the order of the questions, and what was missed."""

    given: list[T] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)


def ask[T](questions: Sequence[Question[T]], deadline: Deadline, at_once: int = AT_ONCE) -> Answers[T]:
    """Ask everything at once, and give what was answered in time."""
    answers: Answers[T] = Answers()
    pool = ThreadPoolExecutor(at_once)
    asked = [(question, pool.submit(_answer, question, deadline)) for question in questions]
    wait([future for _, future in asked], timeout=deadline.left())
    pool.shutdown(wait=False, cancel_futures=True)
    for question, future in asked:
        if future.cancelled() or not future.done():
            answers.missed.append(_missed(question, _TOO_SLOW))
        elif (error := future.exception()) is not None:
            answers.missed.append(_missed(question, _reason(error), error))
        elif isinstance(said := future.result(), Missed):
            answers.missed.append(said)
        else:
            answers.given.append(said)
    return answers


def _answer[T](question: Question[T], deadline: Deadline) -> T | Missed:
    if deadline.over():
        return _missed(question, _TOO_SLOW)
    said: list[T] = []
    with aws.excused(*OFF):
        said.append(question.ask())
    return said[0] if said else _missed(question, _IS_OFF)


def _missed(question: Question[Any], why: str, error: BaseException | None = None) -> Missed:
    asks = f" ({question.asks})" if question.asks and isinstance(error, errors.NotPermitted) else ""
    return Missed(what=question.what + asks, where=question.where, why=why)


def _reason(error: BaseException) -> str:
    if isinstance(error, errors.NotPermitted):
        return "the role may not ask"
    if isinstance(error, errors.Throttled):
        return "AWS asked for fewer calls"
    if isinstance(error, errors.Unavailable):
        return "there was no answer; the service may not be in this region"
    if isinstance(error, errors.TourniquetError):
        return text.line(error, 160).rstrip(".")
    return f"the answer was not understood ({type(error).__name__})"


def sentences(missed: Sequence[Missed]) -> list[str]:
    """Say what was not answered: what was missed in the same regions for the same reason is one sentence."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in missed:
        where.setdefault((one.what, one.why), []).append(one.where)
    what: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, why), places in where.items():
        what.setdefault((why, tuple(dict.fromkeys(places))), []).append(name)
    return [
        f"Not read{_places(places)}: {', '.join(dict.fromkeys(names))}; {why}." for (why, places), names in what.items()
    ]


def _places(places: Sequence[str]) -> str:
    named = [text.line(place, 40) for place in places if place]
    if not named:
        return ""
    rest = f" and {len(named) - _NAMED} more regions" if len(named) > _NAMED else ""
    return f" in {', '.join(named[:_NAMED])}{rest}"


def some(names: Sequence[str], most: int = 10) -> str:
    """Name some of many, raw: ``a, b and 3 more``."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(name[:256] for name in names[:most]) + rest


def pages(client: Any, call: str, deadline: Deadline, cut: list[str], **args: object) -> Iterator[Json]:  # noqa: ANN401  (boto3's clients are made at run time)
    """Give the pages of an answer, at most ``PAGES`` and none after the time; ``cut`` gets the call when more."""
    if client.can_paginate(call):
        answer: Any = client.get_paginator(call).paginate(**args)
    else:
        answer = (getattr(client, call)(**args) for _ in range(1))
    for number, page in enumerate(answer, 1):
        yield page
        if number >= PAGES or deadline.over() or not client.can_paginate(call):
            if any(page.get(token) for token in _MORE):
                cut.append(call)
            return


def rows(page: object, path: Sequence[str]) -> Iterator[Any]:
    """Give what is at a path of an answer, through every list on the way; what is odd is passed over."""
    if isinstance(page, list):
        for one in page:
            yield from rows(one, path)
    elif not path:
        if page is not None:
            yield page
    elif isinstance(page, dict):
        yield from rows(page.get(path[0]), path[1:])


def moment(value: object) -> datetime | None:
    """Read a time as AWS gives it: a datetime, or text in one of the forms of ISO 8601; None for what is neither."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    """Write a time as the findings do."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""What reads one kind of resource: the call, where its answer keeps what identifies a resource, and when it was made.

A ``Reader`` is an entry of a table, in ``stock`` of what every region has and in ``stock_global`` of what has none. A
kind whose listing takes more than one call has a ``read`` of its own; both give rows, and the rest is the same for all.

May touch: nothing by itself; the tables say what is called.
Never: changes anything; lists more than ``MOST`` of a kind in a region (the rest is counted).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors, text
from lambdas.aws import Grant
from lambdas.investigation import asking, kinds
from lambdas.investigation.asking import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from lambdas.actions.shape import Clients
    from lambdas.investigation.asking import Deadline
    from lambdas.model import Json

#: So many of a kind are listed in a region: of what is new, and of what is listed though it is old.
MOST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where stock is taken, and since when; ``account`` is the account's own number."""

    clients: Clients
    deadline: Deadline
    since: datetime
    account: str
    partition: str = "aws"
    region: str = ""


@dataclass(slots=True, kw_only=True)
class Asked:
    """One reader at work in one place. ``cut`` names the calls of whose answer not everything was read."""

    where: Where
    client: Any
    cut: list[str] = field(default_factory=list)

    def pages(self, call: str, **args: object) -> Iterator[Json]:
        """Give the pages of an answer, within the limits."""
        return asking.pages(self.client, call, self.where.deadline, self.cut, **args)

    def rows(self, call: str, *path: str, **args: object) -> Iterator[Any]:
        """Give what is at a path of each page of an answer."""
        for page in self.pages(call, **args):
            yield from asking.rows(page, path)

    def goes_on(self, call: str, done: int, most: int) -> bool:
        """Say whether one more call of this name may be made, after so many; note when not."""
        on = done < most and not self.where.deadline.over()
        if not on:
            self.cut.append(call)
        return on


def _nothing(_: Json, __: Where) -> Sequence[str]:
    return ()


def _always(_: Json, __: Where) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a kind of resource is read.

    ``id``, ``name`` and ``owner`` are where a row has them. ``dates`` says where it has times and what happened then;
    with none, AWS does not say when such a thing was made, and all of them are listed. ``remarks`` adds sentences to a
    row, ``keep`` passes over rows that are nobody's news, and ``always`` lists a row however old it is. What has no
    ``name`` of its own has the one in its tags or, when people choose its id (``named``), its id.
    """

    kind: str
    service: str
    call: str
    asks: tuple[str, ...]
    path: tuple[str, ...]
    id: str
    name: str = ""
    owner: str = ""
    args: tuple[tuple[str, Any], ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    remarks: Callable[[Json, Where], Sequence[str]] = _nothing
    keep: Callable[[Json, Where], bool] = _always
    always: Callable[[Json, Where], bool] | None = None
    named: bool = True
    read: Callable[[Asked], Iterator[Json]] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one reader found in one place: ``things`` as the findings' stock, ``more`` that are not among them."""

    reader: Reader
    where: str
    things: tuple[Json, ...]
    more: int = 0
    cut: bool = False


def question(reader: Reader, where: Where, region: str) -> Question[Found]:
    """Give the question that a reader asks in a region, or of the whole account where ``region`` is empty."""
    return Question(
        what=kinds.KINDS[reader.kind].many,
        where=region,
        asks=", ".join(reader.asks),
        ask=lambda: _read(reader, where),
    )


def grants(readers: Iterable[Reader]) -> tuple[Grant, ...]:
    """Give the permissions that readers need: all only read, and none can be narrowed to what is not known yet."""
    asks = sorted({action for reader in readers for action in reader.asks})
    return tuple(Grant(action=action, resource="*") for action in asks)


#: Whether it is listed however old, when it was made, and what it is.
type _Ranked = tuple[bool, str, Json]


def _read(reader: Reader, where: Where) -> Found:
    asked = Asked(where=where, client=where.clients(reader.service, region=where.region))
    given = reader.read(asked) if reader.read else asked.rows(reader.call, *reader.path, **dict(reader.args))
    new: list[_Ranked] = []
    old: list[_Ranked] = []
    try:
        with aws.translated(*asking.OFF):
            for row in given:
                _sort(reader, row, where, new, old)
    except errors.TourniquetError:
        if not (new or old):
            raise
        asked.cut.append(reader.call)
    things = (*_first(new), *_first(old))
    more = len(new) + len(old) - len(things)
    return Found(reader=reader, where=where.region, things=things, more=more, cut=bool(asked.cut))


def _sort(reader: Reader, row: object, where: Where, new: list[_Ranked], old: list[_Ranked]) -> None:
    """Put a row to the new or the old ones that are listed, or to neither."""
    if not isinstance(row, dict) or not _text(row, reader.id) or not reader.keep(row, where):
        return
    at, happened = _latest(reader, row)
    always = bool(reader.always and reader.always(row, where))
    if at is None or at >= where.since:
        new.append(_ranked(reader, row, where, at, happened, always=always))
    elif always:
        old.append(_ranked(reader, row, where, at, happened, always=always))


def _first(ranked: list[_Ranked]) -> tuple[Json, ...]:
    """Give the first ones: what is listed however old before the rest, the newest before the older."""
    ranked.sort(key=lambda one: one[:2], reverse=True)
    return tuple(thing for _, _, thing in ranked[:MOST])


def _ranked(  # noqa: PLR0913  (what is known of a row)
    reader: Reader, row: Json, where: Where, at: datetime | None, happened: str, *, always: bool
) -> _Ranked:
    """Describe a row, with what it is sorted by."""
    known = _text(row, reader.id)
    resource = kinds.Resource(
        kind=reader.kind,
        id=known,
        name=_text(row, reader.name) if reader.name else _tagged(row) or (known if reader.named else ""),
        owner=_text(row, reader.owner) if reader.owner else "",
        region=where.region,
        partition=where.partition,
    )
    said = asking.iso(at) if at else ""
    when = f"{happened} {text.minute(said)}." if at else "AWS does not say when it was made."
    return always, said, kinds.described(resource, said, " ".join([when, *reader.remarks(row, where)]))


def _latest(reader: Reader, row: Json) -> tuple[datetime | None, str]:
    latest: tuple[datetime | None, str] = (None, "")
    for name, happened in reader.dates:
        at = asking.moment(row.get(name))
        if at is not None and (latest[0] is None or at > latest[0]):
            latest = at, happened
    return latest


def _tagged(row: Json) -> str:
    tags = asking.rows(row, ["Tags"])
    return next((_text(tag, "Value") for tag in tags if isinstance(tag, dict) and tag.get("Key") == "Name"), "")


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def told(found: Iterable[Found]) -> list[str]:
    """Say what the lists leave out, and of which kinds AWS does not say when they were made."""
    more: dict[str, list[tuple[str, int]]] = {}
    unread: dict[str, list[str]] = {}
    undated: list[str] = []
    notes: list[str] = []
    for one in found:
        many = kinds.KINDS[one.reader.kind].many
        if one.more:
            more.setdefault(many, []).append((one.where, one.more))
        if one.cut:
            unread.setdefault(many, []).append(one.where)
        if one.things and not one.reader.dates:
            undated.append(many)
        if one.things and one.reader.note:
            notes.append(one.reader.note)
    said = [
        f"{sum(number for _, number in places)} more {many}{_in([place for place, _ in places])} are not listed."
        for many, places in more.items()
    ]
    said += [f"Not all {many} were read{_in(places)}." for many, places in unread.items()]
    if undated:
        said.append(f"AWS does not say when these were made, so old ones are listed too: {_list(undated)}.")
    return said + list(dict.fromkeys(notes))


def _in(places: Sequence[str]) -> str:
    named = list(dict.fromkeys(place for place in places if place))
    return f" in {asking.some(named, 5)}" if named else ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))

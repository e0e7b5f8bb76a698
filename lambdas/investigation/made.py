"""What was made, changed or removed: the inventory of an investigation, from the records of its callers.

Each write that succeeded names something. What ``makings`` has a row for gets lines that look at it and take it back;
anything else is named as well as the record allows, with the record itself as the place to look. What was removed again
says so.

May touch: nothing.
Never: counts a call that failed; puts a whole key id, or what a shell could read as more than a name, into a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas import commands
from lambdas.investigation.makings import CHANGED, MADE, MAKINGS, REMOVED, Making
from lambdas.investigation.suspicious import plain
from lambdas.signals.reading import mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambdas.investigation.records import Record

#: So many things are listed; of more it is said how many.
MOST = 2_000

_VERBS = {
    MADE: (
        "Create Run Import Register Request Allocate Copy Publish Restore Purchase Launch Upload Invite Accept Restore"
        " Provision Clone Issue"
    ),
    CHANGED: (
        "Put Update Modify Attach Detach Add Remove Enable Disable Set Authorize Revoke Associate Disassociate Replace"
        " Reset Start Stop Reboot Change Move Assign Unassign Activate Deactivate Grant Share Transfer Apply Resume"
        " Suspend Resize Rotate Upgrade Leave Archive"
    ),
    REMOVED: "Delete Terminate Deregister Release Cancel Purge Close Schedule Revert Abort",
}
_CHANGE_OF = {verb: change for change, verbs in _VERBS.items() for verb in verbs.split()}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
_NAMES = re.compile(r"(?i)(?:name|id|ids|arn|identifier|address|set)$")
_NOT_NAMES = re.compile(r"(?i)(?:token|requestid|accountid|clientrequest)")
_REGION = re.compile(r"[a-z0-9-]{4,32}")
_HOSTS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_PLACES = re.compile(r"\{([\w.\[\]]+)\}")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEEP_ATTACHED = ("policy/AWSDenyAll", "policy/AWSCompromisedKeyQuarantine")


@dataclass(slots=True, kw_only=True)
class Resource:
    """A thing that a record names. ``by`` is the caller, ``event_id`` the record."""

    kind: str
    id: str
    arn: str
    region: str
    change: str
    event: str
    at: str
    by: str
    event_id: str
    state: str = ""
    console: str = ""
    look: str = ""
    undo: str = ""
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Inventory:
    """The things of a case, each once per event name, in the order of their records."""

    partition: str = "aws"
    found: dict[tuple[str, str, str, str, str], Resource] = field(default_factory=dict)
    left_out: int = 0

    def add(self, record: Record) -> None:
        """Take in what a record names."""
        for one in resources(record, self.partition):
            key = (one.kind, one.id, one.region, one.event, one.note)
            before = self.found.get(key)
            if before is None and len(self.found) >= MOST:
                self.left_out += 1
            elif before is None or one.at > before.at:
                self.found[key] = one

    def settled(self) -> list[Resource]:
        """Give everything in order, what was removed again marked so."""
        removed = {(one.kind, one.id): one.at for one in self._by_time() if one.change == REMOVED and one.id}
        for one in self.found.values():
            gone = removed.get((one.kind, one.id), "")
            if one.change != REMOVED and gone and gone >= one.at:
                one.state, one.undo = f"removed again at {gone}", ""
        return self._by_time()

    def _by_time(self) -> list[Resource]:
        return sorted(self.found.values(), key=lambda one: (one.at, one.event, one.id))


def change_of(record: Record) -> str:
    """Say what kind of change a record is: made, changed, removed, or ``""`` for none."""
    if record.read_only or not record.ok:
        return ""
    row = _row(record)
    if row is not None:
        return row.change
    return _CHANGE_OF.get(next(iter(_WORDS.findall(record.name)), ""), "")


def resources(record: Record, partition: str = "aws") -> Iterator[Resource]:
    """Find what a record made, changed or removed."""
    change = change_of(record)
    if not change:
        return
    row = _row(record)
    ids = list(values(record, row.ids)) if row is not None else []
    if row is None or not ids:
        yield _unlisted(record, change, partition)
        return
    for found in dict.fromkeys(ids):
        yield _listed(record, row, found, partition)


def values(record: Record, path: str) -> Iterator[str]:
    """Follow a path of ``makings`` through a record; give the texts at its end."""
    start, *steps = path.split(".")
    level: list[object] = [record.request if start == "request" else record.response]
    for step in steps:
        name, through = step.removesuffix("[]"), step.endswith("[]")
        inner = [mapping(one).get(name) for one in level]
        level = [each for one in inner for each in (one if isinstance(one, list) and through else [one])]
    yield from filter(None, (text(one) for one in level))


def _row(record: Record) -> Making | None:
    return MAKINGS.get((record.service.partition(".")[0], plain(record.name)))


def _listed(record: Record, row: Making, found: str, partition: str) -> Resource:
    known = _Known(record, found, partition)
    region = "" if row.nowhere else record.region
    undo = known.line(row.undo, region) if row.undo else ""
    if row.kind == "access_key" and row.change != REMOVED:
        user = next(values(record, "response.accessKey.userName"), "") or next(values(record, "request.userName"), "")
        undo = commands.set_key_status(user, found, "Inactive") if user.isprintable() and user else ""
    if any(kept in found for kept in _KEEP_ATTACHED):
        undo = ""  # a prohibition, whoever attached it
    return Resource(
        kind=row.kind,
        id=found,
        arn=next(values(record, row.arn), "") if row.arn else (found if found.startswith("arn:") else ""),
        region=record.region,
        change=row.change,
        event=record.name,
        at=record.at,
        by=record.actor,
        event_id=record.event_id,
        console=known.address(row.console) if row.console else known.event_address(),
        look=known.line(row.look, region) if row.look else known.event_line(),
        undo=undo,
        note=known.sentence(row.note),
    )


def _unlisted(record: Record, change: str, partition: str) -> Resource:
    """Name what an event without a row is about, as well as its record does."""
    _verb, *noun = _WORDS.findall(plain(record.name)) or [record.name]
    named = _named(record, "".join(noun))
    known = _Known(record, named, partition)
    return Resource(
        kind="_".join(noun).lower() or record.service.partition(".")[0],
        id=named,
        arn=named
        if named.startswith("arn:")
        else next((one for one in record.resources if one.startswith("arn:")), ""),
        region=record.region,
        change=change,
        event=record.name,
        at=record.at,
        by=record.actor,
        event_id=record.event_id,
        console=known.event_address(),
        look=known.event_line(),
    )


def _named(record: Record, noun: str) -> str:
    """Choose the name of the thing: what is called like the event's noun, else any name or id, else a resource."""
    flat = list(_flat(record.response, 3)) + list(_flat(record.request, 3))
    candidates = [(key, value) for key, value in flat if _NAMES.search(key) and not _NOT_NAMES.search(key)]
    wanted = noun.lower()
    for key, value in candidates:
        if key.lower() in {f"{wanted}{end}" for end in ("id", "name", "arn", "identifier", "ids")}:
            return value
    for key, value in candidates:
        if wanted and wanted in key.lower():
            return value
    return record.resources[0] if record.resources else next((value for _, value in candidates), "")


def _flat(value: object, depth: int) -> Iterator[tuple[str, str]]:
    for key, inner in mapping(value).items():
        if said := text(inner, 1024):
            yield key, said
        elif isinstance(inner, list) and inner and text(inner[0], 1024):
            yield key, text(inner[0], 1024)
        elif depth:
            inside = inner if not isinstance(inner, list) else next(iter(inner), None)
            yield from _flat(inside, depth - 1)


class _Known:
    """What a line or an address about one thing can be filled with."""

    def __init__(self, record: Record, found: str, partition: str) -> None:
        region = record.region if _REGION.fullmatch(record.region) else ""
        self.record = record
        self.partition = partition
        self.fixed = {"id": found, "region": region, "partition": partition, "account": record.account}

    def line(self, words: str, region: str) -> str:
        """Fill a line for a shell; ``""`` where something is missing."""
        return commands.call(words, region, self._values(words)) if not region or self.fixed["region"] else ""

    def address(self, path: str) -> str:
        """Fill an address of the console; where something is missing, that of the record."""
        known = self._values(path)
        if not all(known.get(name) for name in _PLACES.findall(path)):
            return self.event_address()
        return self._host() + _PLACES.sub(lambda place: _quoted(known[place[1]]), path)

    def sentence(self, note: str) -> str:
        """Fill a note; ``""`` where something is missing."""
        known = self._values(note)
        complete = all(known.get(name) for name in _PLACES.findall(note))
        return _PLACES.sub(lambda place: known[place[1]], note) if complete else ""

    def event_line(self) -> str:
        """Give the line that shows the record."""
        words = "cloudtrail lookup-events --lookup-attributes=AttributeKey=EventId,AttributeValue={event}"
        region = self.fixed["region"]
        return commands.call(words, region, {"event": self.record.event_id}) if region else ""

    def event_address(self) -> str:
        """Give the address of the record."""
        if not self.fixed["region"]:
            return ""
        return f"{self._host()}cloudtrailv2/home?region={self.fixed['region']}#/events/{_quoted(self.record.event_id)}"

    def _host(self) -> str:
        host = _HOSTS.get(self.partition, "console.aws.amazon.com")
        return f"https://{self.fixed['region'] or 'us-east-1'}.{host}/"

    def _values(self, words: str) -> Mapping[str, str]:
        paths: Iterable[str] = (name for name in _PLACES.findall(words) if "." in name)
        return self.fixed | {path: next(values(self.record, path), "") for path in paths}


def _quoted(value: str) -> str:
    """Write a value for an address: percent signs for whatever is not a plain letter, digit or mark."""
    return "".join(
        ch if ch in _PLAIN else "".join(f"%{byte:02X}" for byte in ch.encode(errors="replace")) for ch in value
    )

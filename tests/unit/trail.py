"""CloudTrail's event history and the evidence bucket, small: what the look-back asks, at a clock of its own."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lambdas.investigation.lookback import Pace
from lambdas.investigation.parts import Shelf
from tests.unit.samples import CORPUS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from lambdas.model import Json

LOGS = ("invictus-aws-dataset", "stratus-red-team")


def data(name: str) -> Any:  # noqa: ANN401 - any JSON
    """Read a file of the larger corpus; skips the test where there is none."""
    folder = os.environ.get(CORPUS)
    file = (ROOT.parent / "shared" / "data" if not folder else ROOT / folder) / name
    if not file.is_file():
        pytest.skip(f"no {name} beside the project")
    return json.loads(file.read_text("utf-8")) if file.suffix == ".json" else gzip.decompress(file.read_bytes())


def log(name: str) -> list[Json]:
    """Read one of the two real logs, as CloudTrail's own records."""
    if name == "stratus-red-team":
        return [record for records in data("cloudtrail/stratus-red-team.json").values() for record in records]
    return [json.loads(line) for line in data("cloudtrail/invictus-aws-dataset.ndjson.gz").splitlines()]


@dataclass(slots=True)
class Clock:
    """Seconds that pass only by waiting, and by calls."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds

    def pace(self) -> Pace:
        """Give a pace by this clock."""
        return Pace(clock=self, sleep=self.sleep)


def _code(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "LookupEvents")


def as_event(record: Json) -> Json:
    """Give a record as LookupEvents does."""
    identity = record.get("userIdentity") or {}
    event: Json = {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(record.get("readOnly")).lower(),
        "EventTime": datetime.fromisoformat(record["eventTime"]),
        "EventSource": record["eventSource"],
        "Username": username(record),
        "Resources": [{"ResourceType": None, "ResourceName": name} for name in named(record)],
        "CloudTrailEvent": json.dumps(record),
    }
    return event | ({"AccessKeyId": identity["accessKeyId"]} if identity.get("accessKeyId") else {})


def username(record: Json) -> str:
    """Give CloudTrail's ``Username``: the user's name, or the name of the session."""
    identity = record.get("userIdentity") or {}
    return identity.get("userName") or str(identity.get("principalId") or "").partition(":")[2]


def named(record: Json) -> list[str]:
    """Name the resources of a record, as far as the tests look for them."""
    listed = [one.get("ARN") for one in record.get("resources") or []]
    return [name for name in listed if name]


@dataclass
class Trail:
    """The event history of one region: LookupEvents as AWS has it.

    ``refuse`` is asked before each call, by its number, for the code of an error. A token is good for ``token_lasts``
    seconds.
    """

    clock: Clock
    refuse: Callable[[int], str] = lambda _: ""
    token_lasts: float = 10_000.0
    call_takes: float = 0.0
    records: list[Json] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    tokens: dict[str, tuple[float, str, int]] = field(default_factory=dict)
    index: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    found: dict[str, list[Json]] = field(default_factory=dict)

    def hold(self, records: Iterable[Json]) -> Trail:
        """Take records in, and index them by what they can be looked up by."""
        self.found.clear()
        found: defaultdict[tuple[str, str], list[Json]] = defaultdict(list)
        for record in records:
            self.records.append(record)
            key_id = str((record.get("userIdentity") or {}).get("accessKeyId") or "")
            ways = {("AccessKeyId", key_id), ("Username", username(record))}
            for way in ways | {("ResourceName", name) for name in named(record)}:
                found[way].append(record)
        for by, some in found.items():
            self.index[by] = sorted([*self.index.get(by, []), *some], key=lambda one: one["eventTime"], reverse=True)
        return self

    def lookup_events(self, **question: Any) -> Json:
        """Answer like CloudTrail: one attribute, the newest first, at most 50, and a token for more."""
        self.asked.append(self.clock.now)
        self.clock.sleep(self.call_takes)
        if code := self.refuse(len(self.asked)):
            raise _code(code)
        [attribute] = question["LookupAttributes"]
        assert 1 <= question["MaxResults"] <= 50
        same = json.dumps({name: str(value) for name, value in question.items() if name != "NextToken"}, sort_keys=True)
        start = 0
        if token := question.get("NextToken"):
            given, asked, start = self.tokens.get(token, (0.0, "", 0))
            if asked != same or self.clock.now - given > self.token_lasts:
                raise _code("InvalidNextTokenException")
        if same not in self.found:
            self.found[same] = self.matching(attribute, question["StartTime"], question["EndTime"])
        found = self.found[same]
        end = start + question["MaxResults"]
        answer: Json = {"Events": [as_event(one) for one in found[start:end]]}
        if end < len(found):
            token = f"token-{len(self.tokens)}"
            self.tokens[token] = (self.clock.now, same, end)
            answer["NextToken"] = token
        return answer

    def matching(self, attribute: Json, start: datetime, end: datetime) -> list[Json]:
        """Find the records that have an attribute, in a span of time."""
        since, until = (f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (start, end))
        found = self.index.get((attribute["AttributeKey"], attribute["AttributeValue"]), [])
        return [one for one in found if since <= one["eventTime"] <= until]

    def most_in_a_second(self) -> int:
        """Count the calls of the busiest second."""
        return max((sum(at <= other < at + 1.0 for other in self.asked) for at in self.asked), default=0)


@dataclass
class Bucket:
    """As much of S3 as the evidence needs. ``fail`` is asked before a write, by its number, whether to be killed."""

    objects: dict[str, bytes] = field(default_factory=dict)
    killed_after: Callable[[int], bool] = lambda _: False
    writes: int = 0

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str, **_: object) -> Json:  # noqa: N803 - S3's names
        """Write an object that is not there."""
        assert IfNoneMatch == "*"
        if self.has(Key):
            raise _code("PreconditionFailed")
        self.store(Key, Body)
        self.writes += 1
        if self.killed_after(self.writes):
            raise KeyboardInterrupt
        return {}

    def get_object(self, *, Key: str, **_: object) -> Json:  # noqa: N803 - S3's name
        """Read an object."""
        if not self.has(Key):
            raise _code("NoSuchKey")
        return {"Body": _Body(self.load(Key))}

    def keys(self) -> Collection[str]:
        """Name the objects."""
        return self.objects

    def has(self, key: str) -> bool:
        """Tell whether there is an object."""
        return key in self.objects

    def store(self, key: str, body: bytes) -> None:
        """Keep an object."""
        self.objects[key] = body

    def load(self, key: str) -> bytes:
        """Give an object."""
        return self.objects[key]

    def get_paginator(self, _: str) -> Bucket:
        """Page through a list of objects."""
        return self

    def paginate(self, *, Prefix: str, **_: object) -> Iterator[Json]:  # noqa: N803 - S3's name
        """List objects, by two a page."""
        found = sorted(key for key in self.keys() if key.startswith(Prefix))
        for start in range(0, len(found) or 1, 2):
            some = [{"Key": key} for key in found[start : start + 2]]
            yield {"Contents": some} if some else {}

    def shelf(self, folder: str = "incidents/inc-1/investigation/1") -> Shelf:
        """Give the folder of an investigation."""
        return Shelf(s3=self, bucket="evidence", folder=folder)  # type: ignore[arg-type]  # as much of it as is needed


@dataclass
class FolderBucket(Bucket):
    """The same in files, so that it takes no memory and another process can read it."""

    folder: Path = Path()

    def keys(self) -> Collection[str]:
        """Name the files."""
        return {str(file.relative_to(self.folder)) for file in self.folder.rglob("*.json*")}

    def has(self, key: str) -> bool:
        """Tell whether there is a file."""
        return (self.folder / key).exists()

    def store(self, key: str, body: bytes) -> None:
        """Write a file."""
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)

    def load(self, key: str) -> bytes:
        """Read a file."""
        return (self.folder / key).read_bytes()

    def event_ids(self) -> list[str]:
        """List the ids of the events in all parts."""
        found = (re.findall(r'"eventID":"([^"]+)"', file.read_text()) for file in self.folder.rglob("*.jsonl"))
        return [one for some in found for one in some]


class _Body(io.BytesIO):
    def iter_lines(self, chunk_size: int = 0) -> Iterator[bytes]:
        del chunk_size
        return (line.rstrip(b"\n") for line in self)

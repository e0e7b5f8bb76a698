"""The records that an investigation found, in the evidence bucket: written in parts, gone on with, and read again.

A look-up of one attribute in one region is the folder ``<folder>/<region>/<attribute>-<hash>/``; its parts are
``00001.jsonl``, ``00002.jsonl`` and so on. The first line of a part is its ``Mark``: what was looked up, and where the
look-up goes on after this part. The other lines are records, without secrets. So whoever is killed loses only what was
not written yet, and the next one goes on from the last part: nothing is asked twice but that, nothing is missing. A
part is written once: of two that work at the same time, the second finds the first one's part.

May touch: s3:GetObject, s3:ListBucket, s3:PutObject, in the folder that it is given.
Never: overwrites a part; holds more than one line of a part when it reads.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lambdas import aws
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from lambdas.model import Json

_ALL = "incidents/*/investigation/*"
GRANTS = (
    Grant(action="s3:GetObject", resource="{evidence}/incidents/*"),
    Grant(action="s3:ListBucket", resource="{evidence}", condition=(("StringLike", "s3:prefix", "incidents/*"),)),
    Grant(action="s3:PutObject", resource=f"{{evidence}}/{_ALL}"),
)

_THERE_ALREADY = ("PreconditionFailed", "ConditionalRequestConflict")
_NONE = ("NoSuchKey", "404")
_MARK = "tourniquet"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Lookup:
    """What CloudTrail is asked for: one attribute (``AccessKeyId``, ``Username``, ``ResourceName``) and its value."""

    by: str
    value: str

    @property
    def folder(self) -> str:
        """The folder's name, which gives no key id away."""
        return f"{self.by}-{hashlib.sha256(f'{self.by}={self.value}'.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a look-up is after a part: the ``part``'s number and how many ``events`` all parts until then have.

    ``done`` says that there is nothing after it, ``truncated`` that there is, but that it was enough. Else ``token`` is
    CloudTrail's for the next page of the events until ``until``; ``newest`` is the time of the newest event of the last
    page, from where to begin again if the token is not taken any more.
    """

    part: int = 0
    events: int = 0
    done: bool = False
    truncated: bool = False
    token: str = ""
    until: str = ""
    newest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder of the evidence bucket, without a slash at its end."""

    s3: S3Client
    bucket: str
    folder: str

    def last(self, region: str) -> dict[str, int]:
        """Give the number of the last part of each look-up in a region, by the look-up's folder."""
        found: dict[str, int] = {}
        for key in self.keys(f"{self.folder}/{region}/"):
            folder, part = key.split("/")[-2:]
            found[folder] = max(found.get(folder, 0), int(part.partition(".")[0]))
        return found

    def mark(self, region: str, lookup: Lookup, part: int) -> Mark:
        """Read where a look-up is after a part."""
        first = next(iter(self._lines(self._key(region, lookup, part))), b"{}")
        return Mark(**json.loads(first)[_MARK]["mark"])

    def write(self, region: str, lookup: Lookup, mark: Mark, lines: Iterable[str]) -> bool:
        """Write a part; tell whether it was this one that wrote it."""
        head = {_MARK: {"region": region, **asdict(lookup), "mark": asdict(mark)}}
        body = "\n".join([json.dumps(head, sort_keys=True), *lines, ""])
        with aws.excused(*_THERE_ALREADY) as said_no:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=self._key(region, lookup, mark.part),
                Body=body.encode(),
                ContentType="application/x-ndjson",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        return not said_no

    def event_ids(self, region: str, lookup: Lookup, part: int) -> set[str]:
        """Read the ids of the events in the parts of a look-up until this one."""
        keys = [self._key(region, lookup, number) for number in range(1, part + 1)]
        return {str(record["eventID"]) for key in keys for record in self._records(key)}

    def records(self) -> Iterator[Json]:
        """Read every record of every part, one at a time; what two look-ups found comes twice."""
        for key in self.keys(f"{self.folder}/"):
            if key.endswith(".jsonl"):
                yield from self._records(key)

    def keep(self, name: str, document: object) -> bool:
        """Write a document of the investigation beside the parts, once; tell whether it was this one that wrote it."""
        with aws.excused(*_THERE_ALREADY) as said_no:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=f"{self.folder}/{name}",
                Body=json.dumps(document, sort_keys=True).encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        return not said_no

    def kept(self, name: str) -> Json | None:
        """Read a document that ``keep`` wrote, or give None."""
        body = b"null"
        with aws.excused(*_NONE):
            body = self.s3.get_object(Bucket=self.bucket, Key=f"{self.folder}/{name}")["Body"].read()
        found: Json | None = json.loads(body)
        return found

    def keys(self, prefix: str) -> Iterator[str]:
        """List the objects whose keys begin so, in their order."""
        with aws.translated():
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (one["Key"] for one in page.get("Contents", []))

    def _key(self, region: str, lookup: Lookup, part: int) -> str:
        return f"{self.folder}/{region}/{lookup.folder}/{part:05}.jsonl"

    def _records(self, key: str) -> Iterator[Json]:
        for line in self._lines(key):
            record = json.loads(line)
            if _MARK not in record:
                yield record

    def _lines(self, key: str) -> Iterator[bytes]:
        with aws.translated():
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"]
            yield from (line for line in body.iter_lines(chunk_size=65_536) if line)

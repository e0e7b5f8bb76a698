"""An instance's evidence: where it lies in the bucket, how it is written, and how anybody checks it.

It is the folder ``incidents/<case>/<instance>/`` of the evidence bucket. ``before.json`` is the instance as it was
before the first change, ``manifest.json`` comes last and names every object with its SHA-256. What is there is never
written again: the first record counts, and a run that is repeated goes on where the last one was killed. While a part
is missing because it failed, ``manifest-<number of objects>.json`` says what there is. When a case comes back after a
person released it, that is another round: its folder is ``<instance>-<time of the release>``, its snapshots have that
time as a tag. To check a folder by hand, in an empty directory:

    aws s3 sync s3://<bucket>/incidents/<case>/<instance>/ .
    jq -r '.objects[] | .sha256 + "  " + (.key | split("/") | last)' manifest.json | sha256sum --check

Whoever overwrites or deletes an object makes a new version or a marker: the object fails the check, and what was kept
is still there, as the version that the manifest names.

May touch: nothing by itself; s3:ListBucket, s3:PutObject and whatever a part calls, for the actions that use it.
Never: overwrites an object; waits longer for a part than it was told to.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef
    from mypy_boto3_s3 import S3Client

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

BEFORE = "before.json"
MANIFEST = "manifest.json"

#: The tags of a snapshot that is evidence.
CASE_TAG = "tourniquet:incident"
INSTANCE_TAG = "tourniquet:instance"
#: Only those of a case that came back have this one.
ROUND_TAG = "tourniquet:round"

_ALL = "incidents/*"
OBJECTS = f"{{evidence}}/{_ALL}"
MAY_LIST = Grant(action="s3:ListBucket", resource="{evidence}", condition=(("StringLike", "s3:prefix", _ALL),))

_TYPES = {"json": "application/json", "txt": "text/plain; charset=utf-8", "jpg": "image/jpeg"}
_THERE_ALREADY = ("PreconditionFailed", "ConditionalRequestConflict")


def round_of(item: PlanItem) -> str:
    """Name the round that a case is in: ``""``, or the time of the release after which it came back."""
    released = item.args.get("after_release")
    return f"{datetime.fromisoformat(released).astimezone(UTC):%Y%m%dT%H%M%SZ}" if released else ""


def folder(item: PlanItem) -> str:
    """Name the folder of an instance's evidence in a round of a case."""
    return f"incidents/{item.incident_id}/{'-'.join(filter(None, (item.target.id, round_of(item))))}/"


def fields(_state: Json) -> Json:
    """Give nothing: evidence is never put back."""
    return {}


def rebase(before: Json, _again: Json) -> Json:
    """Give back what was there at first: evidence is never put back."""
    return before


def undo(_place: Place, _change: Change) -> None:
    """Leave everything: evidence stays."""


def undo_command(_change: Change) -> tuple[str, ...]:
    """Give nothing: there is nothing to undo."""
    return ()


def is_there(s3: S3Client, bucket: str, key: str) -> bool:
    """Tell whether there is an object."""
    with aws.translated():
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(one["Key"] == key for one in answer.get("Contents", []))


def keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    """List the objects of a folder."""
    with aws.translated():
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for one in answer.get("Contents", [])]


def keep(s3: S3Client, bucket: str, key: str, body: bytes) -> Json | None:
    """Write an object and give its entry in the manifest; None where one of that key is there, which stays.

    The checksum is not only for the transport: S3 takes no object under a retention without one.
    """
    with aws.excused(*_THERE_ALREADY) as said_no:
        answer = s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=_TYPES.get(key.rpartition(".")[2], "application/octet-stream"),
            ChecksumAlgorithm="SHA256",
            IfNoneMatch="*",
        )
    return None if said_no else _entry(key, body, answer.get("VersionId", ""))


def reread(s3: S3Client, bucket: str, key: str) -> Json:
    """Give the entry in the manifest of an object that is there."""
    with aws.translated():
        answer = s3.get_object(Bucket=bucket, Key=key)
        return _entry(key, answer["Body"].read(), answer.get("VersionId", ""))


def _entry(key: str, body: bytes, version: str) -> Json:
    return {"key": key, "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body), "version_id": version}


def check(manifest: Json, read: Callable[[str, str], bytes | None]) -> list[str]:
    """Compare the objects with their manifest; give a sentence for each that is not what was kept.

    ``read`` gives the content of a key's version, or None where there is none.
    """
    wrong = []
    for one in manifest["objects"]:
        body = read(one["key"], one["version_id"])
        if body is None:
            wrong.append(f"{one['key']} is missing.")
        elif _entry(one["key"], body, one["version_id"]) != one:
            wrong.append(f"{one['key']} is not what was kept: its SHA-256 is not that of the manifest.")
    return wrong


def gather(
    parts: Mapping[str, Callable[[], object]], seconds: float
) -> tuple[dict[str, Any], dict[str, BaseException]]:
    """Do all of this at once; give what came in time, and for each other part the error.

    A part that is late goes on by itself until its client gives up. Also a bug in one part is that part's error only.
    """
    pool = ThreadPoolExecutor(max(1, len(parts)))
    futures = {name: pool.submit(part) for name, part in parts.items()}
    wait(futures.values(), timeout=seconds)
    pool.shutdown(wait=False)
    late = errors.Unavailable(f"There was no answer within {seconds:.1f} seconds.")
    failed = {
        name: error
        for name, future in futures.items()
        if (error := future.exception() if future.done() else late) is not None
    }
    return {name: future.result() for name, future in futures.items() if name not in failed}, failed


def without(failed: Mapping[str, BaseException]) -> str:
    """List the parts that failed, each with its error."""
    return ", ".join(f"{name} ({said(error)})" for name, error in sorted(failed.items()))


def said(error: BaseException) -> str:
    """Put an error into a document or a message: of one that is not ours the name only, it may hold anything."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, errors.TourniquetError) else name


def as_json(document: object) -> bytes:
    """Write a document: sorted keys, times as ISO 8601."""
    return json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def pages(client: Any, call: str, name: str, **arguments: object) -> list[Any]:  # noqa: ANN401  (boto3's clients are made at run time)
    """Read every page of a call; give what its answers list under a name."""
    with aws.translated():
        return [one for page in client.get_paginator(call).paginate(**arguments) for one in page[name]]


def filters(values: Mapping[str, Iterable[str]]) -> list[dict[str, object]]:
    """Write EC2's filters, name → values."""
    return [{"Name": name, "Values": sorted(value)} for name, value in values.items()]


def security_groups(ec2: EC2Client, found: InstanceTypeDef) -> list[Any]:
    """Describe the security groups of an instance's interfaces, with their rules."""
    groups = {group["GroupId"] for one in found.get("NetworkInterfaces", []) for group in one.get("Groups", [])}
    if not groups:
        return []
    return pages(ec2, "describe_security_groups", "SecurityGroups", Filters=filters({"group-id": groups}))


def snapshots(ec2: EC2Client, state: Json) -> list[Any]:
    """Describe the snapshots of an instance's volumes that were made in a round of a case."""
    tagged = filters({f"tag:{CASE_TAG}": [state["incident"]], f"tag:{INSTANCE_TAG}": [state["instance"]]})
    found = pages(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=tagged)
    return [one for one in found if _round(one) == state["round"]]


def _round(snapshot: Json) -> str:
    return next((str(tag["Value"]) for tag in snapshot["Tags"] if tag["Key"] == ROUND_TAG), "")

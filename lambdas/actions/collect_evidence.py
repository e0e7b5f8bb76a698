"""Collect what an instance says and what surrounds it into its evidence, and write the manifest.

Console output, a picture of its screen, user data, the description as it is now, security groups, network ACLs and
route tables of its subnets, volumes, the keys that encrypt them, and the snapshots of this case. Nothing waits for
this: it runs beside the cut, so what is told of the network may be from before or after it; ``before.json`` is from
before. Each part is an object of its own and is kept whatever becomes of the others. The manifest names what there is
not (a stopped instance has no screen). While a part failed, there is only an interim manifest that names it, the action
fails with NotKept, and the next run collects it. User data may hold secrets: it is stored, and neither shown, logged
nor journaled.

What there is already is not collected again, so a run that was killed is gone on with. An instance that is gone
meanwhile still gets a manifest of what was kept.

May touch: s3:GetObject, s3:ListBucket and s3:PutObject in the evidence bucket; ec2:DescribeInstanceAttribute,
ec2:DescribeInstances, ec2:DescribeNetworkAcls, ec2:DescribeRouteTables, ec2:DescribeSecurityGroups,
ec2:DescribeSnapshots, ec2:DescribeVolumes, ec2:GetConsoleOutput, ec2:GetConsoleScreenshot, kms:DescribeKey.
Never: changes anything but the evidence; puts a part's content anywhere but into its object.
"""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.actions import evidence
from lambdas.actions.instances import INSTANCES, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef
    from mypy_boto3_s3 import S3Client

    from lambdas.actions.shape import Place
    from lambdas.model import Json, PlanItem

    #: A part gives its content, or says why there is none.
    type Part = Callable[[], bytes | str]

_SECONDS_TO_DESCRIBE = 3
_SECONDS_TO_COLLECT = 6
_SECONDS_TO_REREAD = 2
_PAUSE_SECONDS = 0.4
_INTERIM = "manifest-"
#: EC2's words for an instance type, or a state, without a console or a screen.
_HAS_NONE = ("IncorrectInstanceState", "InvalidInstanceState", "UnsupportedOperation", "Unsupported")
_NOT_SHARED = (
    "This key is managed by AWS: what it encrypts cannot be shared with another account. To investigate elsewhere, "
    "copy the snapshots under a key of your own."
)


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "incident", "round", "bucket", "folder", "kept"}``.

    ``kept`` says whether the final manifest is there.
    """
    folder = evidence.folder(item)
    return {
        "instance": item.target.id,
        "region": item.target.region,
        "incident": item.incident_id,
        "round": evidence.round_of(item),
        "bucket": place.bucket,
        "folder": folder,
        "kept": evidence.is_there(place.clients("s3"), place.bucket, folder + evidence.MANIFEST),
    }


def verify(state: Json) -> bool:
    """Tell whether the final manifest is there."""
    return bool(state["kept"])


def apply(place: Place, state: Json) -> None:
    """Collect every part at once, then write the manifest. Raises NotKept, or TargetGone, after that."""
    s3: S3Client = place.clients("s3")
    bucket, folder = state["bucket"], state["folder"]
    there = evidence.keys(s3, bucket, folder)
    described, failed = evidence.gather(
        {"instance": _twice(partial(instance, place.client("ec2"), state["instance"]))}, _SECONDS_TO_DESCRIBE
    )
    gone = failed.get("instance")
    if isinstance(gone, errors.TargetGone):
        if there:
            _manifest(s3, state, there, {}, {"instance": evidence.said(gone)}, {})
        raise gone

    def found() -> InstanceTypeDef:
        if gone:
            raise gone
        here: InstanceTypeDef = described["instance"]
        return here

    parts = {name: part for name, part in _parts(place, state, found).items() if folder + name not in there}
    came, failed = evidence.gather(
        {name: _twice(partial(_kept, s3, bucket, folder + name, part)) for name, part in parts.items()},
        _SECONDS_TO_COLLECT,
    )
    entries = {one["key"]: one for one in came.values() if isinstance(one, dict)}
    absent = {name: one for name, one in came.items() if isinstance(one, str)}
    failed = _manifest(s3, state, there, entries, absent, failed)
    if failed:
        raise errors.NotKept(
            f"Parts of the evidence are not kept: {evidence.without(failed)}. The rest is in s3://{bucket}/{folder}"
        )


def _twice[Result](part: Callable[[], Result]) -> Callable[[], Result]:
    """Give a part that is tried once more where it fails in passing."""

    def tried() -> Result:
        try:
            return part()
        except (errors.Throttled, errors.Unavailable):
            time.sleep(_PAUSE_SECONDS)
            return part()

    return tried


def _kept(s3: S3Client, bucket: str, key: str, part: Part) -> Json | str:
    """Keep a part and give its entry in the manifest, or say why there is none."""
    body = part()
    if isinstance(body, str):
        return body
    return evidence.keep(s3, bucket, key, body) or evidence.reread(s3, bucket, key)


def _manifest(  # noqa: PLR0913, PLR0917  (what a manifest is made of)
    s3: S3Client,
    state: Json,
    there: list[str],
    entries: Json,
    absent: dict[str, str],
    failed: dict[str, BaseException],
) -> dict[str, BaseException]:
    """Write the manifest over what this run kept and what was there before; give all that failed.

    An interim manifest is named by how many objects there are, and names no other one: a run that got no further
    writes none.
    """
    bucket, folder = state["bucket"], state["folder"]
    others = {key.removeprefix(folder): _twice(partial(evidence.reread, s3, bucket, key)) for key in there}
    reread, unread = evidence.gather(others, _SECONDS_TO_REREAD)
    failed = failed | unread
    if failed:
        reread = {name: one for name, one in reread.items() if not name.startswith(_INTERIM)}
    objects = [*entries.values(), *reread.values()]
    manifest = {
        "incident_id": state["incident"],
        "instance": state["instance"],
        "region": state["region"],
        "made_at": datetime.now(UTC),
        "objects": sorted(objects, key=lambda one: str(one["key"])),
        "not_available": absent,
        "failed": {name: evidence.said(error) for name, error in failed.items()},
    }
    name = f"{_INTERIM}{len(objects)}.json" if failed else evidence.MANIFEST
    evidence.keep(s3, bucket, folder + name, evidence.as_json(manifest))
    return failed


def _parts(place: Place, state: Json, found: Callable[[], InstanceTypeDef]) -> dict[str, Part]:
    """Name the objects, and how each is made; ``found`` gives the instance's description or its error."""
    ec2: EC2Client = place.client("ec2")
    name = state["instance"]
    return {
        "console-output.txt": partial(_console_output, ec2, name),
        "instance.json": lambda: evidence.as_json(found()),
        "keys.json": partial(_keys, place, name),
        "network-acls.json": lambda: evidence.as_json(_network_acls(ec2, found())),
        "route-tables.json": lambda: evidence.as_json(_route_tables(ec2, found())),
        "screenshot.jpg": partial(_screenshot, ec2, name),
        "security-groups.json": lambda: evidence.as_json(evidence.security_groups(ec2, found())),
        "snapshots.json": partial(_snapshots, ec2, state),
        "user-data": partial(_user_data, ec2, name),
        "volumes.json": lambda: evidence.as_json(_volumes(ec2, name)),
    }


def _console_output(ec2: EC2Client, instance_id: str) -> bytes | str:
    """Read what the instance wrote last; instance types without Nitro only give what they wrote at their start."""
    output = ""
    with aws.excused(*_HAS_NONE) as not_the_latest:
        output = ec2.get_console_output(InstanceId=instance_id, Latest=True).get("Output", "")
    if not_the_latest:
        with aws.excused(*_HAS_NONE) as none:
            output = ec2.get_console_output(InstanceId=instance_id).get("Output", "")
        if none:
            return _gives_none(none)
    return output.encode() if output else "The instance has written nothing to its console yet."  # botocore decodes it


def _screenshot(ec2: EC2Client, instance_id: str) -> bytes | str:
    picture = ""
    with aws.excused(*_HAS_NONE) as none:
        picture = ec2.get_console_screenshot(InstanceId=instance_id)["ImageData"]
    return _gives_none(none) if none else base64.b64decode(picture)


def _gives_none(said: list[str]) -> str:
    return f"EC2 gives none of this instance: {said[0]}."


def _user_data(ec2: EC2Client, instance_id: str) -> bytes | str:
    with aws.translated():
        answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    encoded = answer.get("UserData", {}).get("Value", "")
    return base64.b64decode(encoded) if encoded else "The instance has none."


def _network_acls(ec2: EC2Client, found: InstanceTypeDef) -> list[Any]:
    of_subnets = evidence.filters({"association.subnet-id": _subnets(found)})
    return evidence.pages(ec2, "describe_network_acls", "NetworkAcls", Filters=of_subnets)


def _route_tables(ec2: EC2Client, found: InstanceTypeDef) -> list[Any]:
    """Describe the route tables of the subnets; a subnet without one of its own has the main one of its VPC."""
    subnets, vpcs = _subnets(found), {one["VpcId"] for one in found.get("NetworkInterfaces", [])}
    tables = evidence.pages(ec2, "describe_route_tables", "RouteTables", Filters=evidence.filters({"vpc-id": vpcs}))
    return [
        table
        for table in tables
        if any(one.get("Main") or one.get("SubnetId") in subnets for one in table.get("Associations", []))
    ]


def _subnets(found: InstanceTypeDef) -> set[str]:
    return {one["SubnetId"] for one in found.get("NetworkInterfaces", [])}


def _volumes(ec2: EC2Client, instance_id: str) -> list[Any]:
    attached = evidence.filters({"attachment.instance-id": [instance_id]})
    return evidence.pages(ec2, "describe_volumes", "Volumes", Filters=attached)


def _keys(place: Place, instance_id: str) -> bytes | str:
    """Describe the keys that encrypt the volumes; say of which the snapshots cannot be shared."""
    used = {one["KmsKeyId"] for one in _volumes(place.client("ec2"), instance_id) if one.get("KmsKeyId")}
    if not used:
        return "No volume of the instance is encrypted."
    come, failed = evidence.gather({key: partial(_key, place, key) for key in used}, _SECONDS_TO_COLLECT / 2)
    for error in failed.values():
        raise error
    return evidence.as_json(come)


def _key(place: Place, key: str) -> Json:
    with aws.translated():
        found = place.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return {"key": found} | ({"note": _NOT_SHARED} if found.get("KeyManager") == "AWS" else {})


def _snapshots(ec2: EC2Client, state: Json) -> bytes | str:
    found = evidence.snapshots(ec2, state)
    return evidence.as_json(found) if found else "There was none of this case yet: they are made at the same time."


ACTION = Action(
    name="collect_evidence",
    on_instances=True,
    grants=(
        Grant(action="ec2:DescribeInstanceAttribute", resource=INSTANCES),
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:DescribeNetworkAcls", resource="*"),
        Grant(action="ec2:DescribeRouteTables", resource="*"),
        Grant(action="ec2:DescribeSecurityGroups", resource="*"),
        Grant(action="ec2:DescribeSnapshots", resource="*"),
        Grant(action="ec2:DescribeVolumes", resource="*"),
        Grant(action="ec2:GetConsoleOutput", resource=INSTANCES),
        Grant(action="ec2:GetConsoleScreenshot", resource=INSTANCES),
        Grant(action="kms:DescribeKey", resource="arn:{partition}:kms:*:*:key/*"),
        Grant(action="s3:GetObject", resource=evidence.OBJECTS),
        evidence.MAY_LIST,
        Grant(action="s3:PutObject", resource=evidence.OBJECTS),
    ),
    undo_grants=(),
    look=look,
    verify=verify,
    apply=apply,
    fields=evidence.fields,
    rebase=evidence.rebase,
    undo=evidence.undo,
    undo_command=evidence.undo_command,
)

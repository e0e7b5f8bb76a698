"""Snapshot every volume of an instance as one set, at one moment, and lock each snapshot.

A case makes one set per instance: its snapshots carry the case and the instance as tags, and a volume that has one is
left out when a set is made again. EC2 lists a snapshot some time after it began, and may have begun a set although
its answer was lost: so it is looked for right before one is made, and after that until it shows. A case that comes
back after a release makes another set, which carries that round as a tag. The lock is in governance mode for as long
as evidence is kept: nobody can delete a locked snapshot, and only who may unlock it can shorten that. Compliance mode
would be final, and a mistake of ours must not cost its owner years. A snapshot is of the moment in which it was begun
and can be locked at once; encrypted volumes give encrypted snapshots under the same key. What is on instance-store
volumes is not in any snapshot.

May touch: ec2:CreateSnapshots and ec2:CreateTags, of snapshots that carry our tags from their first moment;
ec2:LockSnapshot on such; ec2:DescribeInstances, ec2:DescribeSnapshots, ec2:DescribeLockedSnapshots.
Never: deletes, unlocks or shares a snapshot; touches one that is not tagged as evidence.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from lambdas import aws, errors
from lambdas.actions import evidence
from lambdas.actions.instances import INSTANCES, SNAPSHOTS, VOLUMES, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceSpecificationTypeDef, TagTypeDef

    from lambdas.actions.shape import Place
    from lambdas.model import Json, PlanItem

_AT_ONCE = 8
_TRIES = 3
_PAUSE_SECONDS = 0.4
_SECONDS_TO_SHOW = 5.0
#: Of the function's time: a lost answer is waited for ten seconds before the snapshots are looked for.
_SECONDS_IN_ALL = 13.0
_EXPIRED = "expired"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "incident", "round", "days", "root", "volumes", "locked", "encrypted"}``.

    ``volumes`` is each EBS volume's id → its snapshot of this round of the case, or ``""``; ``root`` is the one of the
    root device. ``locked`` is each snapshot → whether it is locked, ``encrypted`` whether it is encrypted. Raises
    TargetGone.
    """
    ec2: EC2Client = place.client("ec2")
    found = instance(ec2, item.target.id)
    mappings = [one for one in found.get("BlockDeviceMappings", []) if one.get("Ebs", {}).get("VolumeId")]
    state: Json = {
        "instance": item.target.id,
        "region": item.target.region,
        "incident": item.incident_id,
        "round": evidence.round_of(item),
        "days": place.days,
        "volumes": {one["Ebs"]["VolumeId"]: "" for one in mappings},
    }
    seen = _seen(ec2, state) if mappings else {}
    encrypted = {one["SnapshotId"]: bool(one.get("Encrypted")) for one in seen.values()}
    root = [one["Ebs"]["VolumeId"] for one in mappings if one.get("DeviceName") == found.get("RootDeviceName")]
    locked = _locked(ec2, sorted(encrypted))
    return state | {
        "root": root[0] if root else "",
        "volumes": state["volumes"] | {volume: one["SnapshotId"] for volume, one in seen.items()},
        "locked": {name: name in locked for name in encrypted},
        "encrypted": encrypted,
    }


def _seen(ec2: EC2Client, state: Json) -> dict[str, Json]:
    """Give each volume of the instance that has a snapshot of this round of the case, with the first one."""
    found = sorted(
        evidence.snapshots(ec2, state), key=lambda one: (str(one.get("StartTime", "")), one["SnapshotId"]), reverse=True
    )
    return {one["VolumeId"]: one for one in found if one["State"] != "error" and one["VolumeId"] in state["volumes"]}


def _locked(ec2: EC2Client, snapshots: list[str]) -> set[str]:
    """Give those of the snapshots that are locked now. Those that are not are not in the answer."""
    if not snapshots:
        return set()
    with aws.translated():
        answer = ec2.describe_locked_snapshots(SnapshotIds=snapshots)
    return {one["SnapshotId"] for one in answer["Snapshots"] if one["LockState"] != _EXPIRED}


def verify(state: Json) -> bool:
    """Tell whether every volume has a snapshot of this case, and each is locked."""
    return all(state["locked"].get(snapshot, False) for snapshot in state["volumes"].values())


def apply(place: Place, state: Json) -> None:
    """Make the set of the volumes that have no snapshot yet, then lock what is not locked.

    Each lock is tried; after that the first error is raised.
    """
    ec2: EC2Client = place.client("ec2")
    made = _make(place, state) if "" in state["volumes"].values() else set()
    waiting = made | {name for name, locked in state["locked"].items() if not locked}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        locks = [pool.submit(_lock, ec2, name, state["days"]) for name in waiting]
    for lock in locks:
        lock.result()


def _make(place: Place, state: Json) -> set[str]:
    """Begin the snapshots that are not there, wait until they show, and give the ids of those that are new.

    Raises Unavailable when EC2 did not answer and nothing shows.
    """
    ends = time.monotonic() + _SECONDS_IN_ALL
    ec2: EC2Client = place.client("ec2")
    missing = {volume for volume, snapshot in state["volumes"].items() if not snapshot}
    seen = _seen(ec2, state)
    made: list[str] = []
    if missing - set(seen):
        lost: errors.Unavailable | None = None
        try:
            made = _begin(place.client("ec2", once=True), state, set(state["volumes"]) - (missing - set(seen)))
        except errors.Unavailable as error:
            lost = error
        seen = _shown(ec2, state, missing, min(ends, time.monotonic() + _SECONDS_TO_SHOW))
        if lost and missing - set(seen):
            raise lost
    return {*made, *(one["SnapshotId"] for one in seen.values())} - set(state["locked"])


def _shown(ec2: EC2Client, state: Json, missing: set[str], ends: float) -> dict[str, Json]:
    """Look until each missing volume has a snapshot, or until it is too late; give what is seen."""
    while True:
        seen: dict[str, Json] = {}
        with suppress(errors.TourniquetError):  # what was made is to be locked all the same
            seen = _seen(ec2, state)
        if missing <= set(seen) or time.monotonic() >= ends:
            return seen
        time.sleep(_PAUSE_SECONDS)


def _begin(ec2: EC2Client, state: Json, have: set[str]) -> list[str]:
    """Begin the snapshots of the volumes that have none, all of the same moment, or none; give their ids.

    The call has no token by which EC2 would know it again, so the client must not repeat it by itself.
    """
    case, name = state["incident"], state["instance"]
    volumes: InstanceSpecificationTypeDef = {"InstanceId": name}
    if state["root"] in have:
        volumes["ExcludeBootVolume"] = True
    if have - {state["root"]}:
        volumes["ExcludeDataVolumeIds"] = sorted(have - {state["root"]})
    tags: list[TagTypeDef] = [
        {"Key": evidence.CASE_TAG, "Value": case},
        {"Key": evidence.INSTANCE_TAG, "Value": name},
        {"Key": "Name", "Value": f"Tourniquet: {name} in {case}"},
    ]
    if state["round"]:
        tags.append({"Key": evidence.ROUND_TAG, "Value": state["round"]})
    with aws.translated():
        answer = ec2.create_snapshots(
            InstanceSpecification=volumes,
            Description=f"Tourniquet: evidence of {name} in {case}",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
        )
    return [one["SnapshotId"] for one in answer["Snapshots"]]


def _lock(ec2: EC2Client, snapshot: str, days: int) -> None:
    """Lock a snapshot. Raises Unavailable when EC2 does not know it (yet): the instance is not what is gone."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            with aws.translated():
                ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=days)
        except errors.Unavailable as error:
            unknown = str(error)
        else:
            return
    raise errors.Unavailable(unknown)


_CREATED = ("StringLike", f"aws:RequestTag/{evidence.INSTANCE_TAG}", "i-*")
_TAGGED = ("StringLike", f"aws:ResourceTag/{evidence.INSTANCE_TAG}", "i-*")
_SO_LONG = ("NumericEquals", "ec2:SnapshotLockDuration", "{days}")

ACTION = Action(
    name="snapshot_volumes",
    on_instances=True,
    grants=(
        Grant(action="ec2:CreateSnapshots", resource=INSTANCES),
        Grant(action="ec2:CreateSnapshots", resource=SNAPSHOTS, condition=(_CREATED,)),
        Grant(action="ec2:CreateSnapshots", resource=VOLUMES),
        Grant(
            action="ec2:CreateTags",
            resource=SNAPSHOTS,
            condition=(("StringEquals", "ec2:CreateAction", "CreateSnapshots"),),
            implied_by="ec2:CreateSnapshots",
        ),
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:DescribeLockedSnapshots", resource="*"),
        Grant(action="ec2:DescribeSnapshots", resource="*"),
        Grant(action="ec2:LockSnapshot", resource=SNAPSHOTS, condition=(_TAGGED, _SO_LONG)),
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

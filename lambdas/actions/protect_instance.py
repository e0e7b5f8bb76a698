"""Keep an instance and its volumes from being lost: termination protection, shutdown as a stop, volumes that stay.

Somebody who wants to lose the traces terminates the instance, or shuts it down from within. Termination protection
refuses the first, a shutdown that only stops it answers the second, and volumes that are not deleted with the instance
outlast both. Neither AWS itself nor Auto Scaling asks for the protection, and a Spot instance can have neither of the
first two: then there are the volumes.

Of ``ModifyInstanceAttribute`` only user data is refused by the grant, which whoever starts the instance would run; its
condition lets pass a call that does not name an attribute. Groups need a grant on security groups, which is not there.

May touch: ec2:ModifyInstanceAttribute, ec2:DescribeInstances, ec2:DescribeInstanceAttribute.
Never: takes a protection away (``undo`` does, in another role); reads or writes user data.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lambdas import aws, commands
from lambdas.actions.instances import INSTANCES, VOLUMES, each, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

_AT_ONCE = 4
_SPOT = "spot"
_STOP = "stop"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "spot", "termination", "shutdown", "volumes"}``. Raises TargetGone.

    ``termination`` says whether the instance is protected from it, ``shutdown`` is what a shutdown from within does,
    and ``volumes`` each volume's id → ``{"device", "delete"}``, deleted with the instance or not.
    """
    return _state(place.client("ec2"), item.target.id, item.target.region)


def _state(ec2: EC2Client, instance_id: str, region: str) -> Json:
    found = instance(ec2, instance_id)
    with aws.translated():
        termination = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="disableApiTermination")
        shutdown = ec2.describe_instance_attribute(
            InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
        )
    return {
        "instance": instance_id,
        "region": region,
        "spot": found.get("InstanceLifecycle") == _SPOT,
        "termination": bool(termination["DisableApiTermination"].get("Value", False)),
        "shutdown": str(shutdown["InstanceInitiatedShutdownBehavior"].get("Value", "")),
        "volumes": {
            mapping["Ebs"]["VolumeId"]: {
                "device": mapping["DeviceName"],
                "delete": mapping["Ebs"].get("DeleteOnTermination", False),
            }
            for mapping in found.get("BlockDeviceMappings", [])
            if "Ebs" in mapping
        },
    }


def verify(state: Json) -> bool:
    """Tell whether the instance is kept, as far as one of its kind can be, and all its volumes are."""
    instance_kept = state["spot"] or (state["termination"] and state["shutdown"] == _STOP)
    return bool(instance_kept) and not any(volume["delete"] for volume in state["volumes"].values())


def apply(place: Place, state: Json) -> None:
    """Set what is not set yet; each is tried whatever becomes of another."""
    ec2: EC2Client = place.client("ec2")
    set_: list[Callable[[], object]] = []
    if not state["spot"] and not state["termination"]:
        set_.append(partial(_protect, ec2, state["instance"], on=True))
    if not state["spot"] and state["shutdown"] != _STOP:
        set_.append(partial(_on_shutdown, ec2, state["instance"], _STOP))
    set_ += [
        partial(_delete_with_it, ec2, state["instance"], volume["device"], delete=False)
        for volume in state["volumes"].values()
        if volume["delete"]
    ]
    each(set_, _AT_ONCE)


def _protect(ec2: EC2Client, instance_id: str, *, on: bool) -> None:
    with aws.translated():
        ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": on})


def _on_shutdown(ec2: EC2Client, instance_id: str, behaviour: str) -> None:
    with aws.translated():
        ec2.modify_instance_attribute(
            InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior", Value=behaviour
        )


def _delete_with_it(ec2: EC2Client, instance_id: str, device: str, *, delete: bool) -> None:
    with aws.translated():
        ec2.modify_instance_attribute(
            InstanceId=instance_id,
            BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"DeleteOnTermination": delete}}],
        )


def fields(state: Json) -> Json:
    """Give each protection of the instance, as far as one of its kind has any, and what becomes of each volume."""
    own = {} if state["spot"] else {name: state[name] for name in ("termination", "shutdown")}
    return own | {f"volume {name}": dict(volume) for name, volume in state["volumes"].items()}


def rebase(before: Json, again: Json) -> Json:
    """Give back what was there at first; a volume that came later, what it had then."""
    return {**before, "volumes": {**again["volumes"], **before["volumes"]}}


def undo(place: Place, change: Change) -> None:
    """Give back what was there, each on its own, where it is still as the action left it. Raises TargetGone.

    A volume that is attached no more, or as another device, stays as it is. Can be repeated.
    """
    ec2: EC2Client = place.client("ec2")
    before, now = change.before, _state(ec2, change.target.id, change.target.region)
    back: list[Callable[[], object]] = []
    if not before["spot"] and now["termination"] and not before["termination"]:
        back.append(partial(_protect, ec2, change.target.id, on=False))
    if not before["spot"] and now["shutdown"] == _STOP != before["shutdown"]:
        back.append(partial(_on_shutdown, ec2, change.target.id, before["shutdown"]))
    back += [
        partial(_delete_with_it, ec2, change.target.id, volume["device"], delete=True)
        for name, volume in before["volumes"].items()
        if volume["delete"] and now["volumes"].get(name) == {**volume, "delete": False}
    ]
    each(back, _AT_ONCE)


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that give back what was there."""
    before, place = change.before, (change.target.region, change.target.id)
    lines = []
    if not before["spot"] and not before["termination"]:
        lines.append(commands.unprotect(*place))
    if not before["spot"] and before["shutdown"] != _STOP:
        lines.append(commands.set_shutdown(*place, before["shutdown"]))
    devices = sorted(volume["device"] for volume in before["volumes"].values() if volume["delete"])
    return (*lines, *(commands.delete_with_instance(*place, device) for device in devices))


_READS = (
    Grant(action="ec2:DescribeInstanceAttribute", resource=INSTANCES),
    Grant(action="ec2:DescribeInstances", resource="*"),
)
_NO_USER_DATA = (("StringNotEqualsIgnoreCase", "ec2:Attribute", "userData"),)
_CHANGES = (
    Grant(action="ec2:ModifyInstanceAttribute", resource=INSTANCES, condition=_NO_USER_DATA),
    Grant(action="ec2:ModifyInstanceAttribute", resource=VOLUMES, condition=_NO_USER_DATA),
)

ACTION = Action(
    name="protect_instance",
    on_instances=True,
    grants=(*_READS, *_CHANGES),
    undo_grants=(*_READS, *_CHANGES),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

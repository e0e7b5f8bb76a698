"""Take an instance out of its Auto Scaling group, which starts another one in its place.

An isolated instance looks unhealthy to its group, which would terminate it, and with it the evidence; termination
protection does not stop Auto Scaling. Detached and not put on standby: a group that is deleted or refreshed terminates
what is on standby. The group's desired capacity stays, so the service does not shrink.

What Auto Scaling is terminating already, or keeps in a warm pool, cannot be detached: that is said, and nothing is
tried.

May touch: autoscaling:DetachInstances, autoscaling:DescribeAutoScalingInstances, ec2:DescribeInstances.
Never: changes a group's size; attaches an instance (``undo`` does, in another role, and the group grows by one then).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.instances import instance, running
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

_GROUPS = "arn:{partition}:autoscaling:*:{account}:autoScalingGroup:*:autoScalingGroupName/*"
_LEAVING = {"Detaching", "Detached"}
#: As a part of a state: an instance of a warm pool is "Warmed:Terminating:Wait".
_TERMINATING = "Terminat"
_WARMED = "Warmed:"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "group", "lifecycle"}``; both ``""`` where it is in no group. Raises TargetGone."""
    instance(place.client("ec2"), item.target.id)
    group, lifecycle = _membership(place.client("autoscaling"), item.target.id)
    return {"instance": item.target.id, "region": item.target.region, "group": group, "lifecycle": lifecycle}


def _membership(autoscaling: AutoScalingClient, instance_id: str) -> tuple[str, str]:
    """Give the group's name and the state of the instance in it."""
    with aws.translated():
        found = autoscaling.describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"]
    return next(((one["AutoScalingGroupName"], one["LifecycleState"]) for one in found), ("", ""))


def verify(state: Json) -> bool:
    """Tell whether the instance is in no group, or is on its way out of it."""
    return not state["group"] or state["lifecycle"] in _LEAVING


def apply(place: Place, state: Json) -> None:
    """Detach the instance. Raises StateChanged where Auto Scaling does not let it: only copies are safe then."""
    if _TERMINATING in state["lifecycle"]:
        raise errors.StateChanged(
            f"Auto Scaling is terminating the instance already ({state['lifecycle']}), so it cannot be detached."
        )
    if state["lifecycle"].startswith(_WARMED):
        raise errors.StateChanged(
            f"The instance is in the warm pool of its Auto Scaling group ({state['lifecycle']}), so it cannot be "
            "detached; the group may terminate it."
        )
    autoscaling: AutoScalingClient = place.client("autoscaling")
    try:
        with aws.translated():
            autoscaling.detach_instances(
                InstanceIds=[state["instance"]],
                AutoScalingGroupName=state["group"],
                ShouldDecrementDesiredCapacity=False,
            )
    except errors.Unexpected:  # the code is the same for whatever is wrong, one being that it has left already
        if not verify(dict(zip(("group", "lifecycle"), _membership(autoscaling, state["instance"]), strict=True))):
            raise


def fields(state: Json) -> Json:
    """Give the group that the instance is in and stays in, or ``""``."""
    return {"group": "" if verify(state) else state["group"]}


def rebase(before: Json, again: Json) -> Json:
    """Give back the group that it was in at first, or else the one that it joined later."""
    return before if before["group"] else again


def undo(place: Place, change: Change) -> None:
    """Attach the instance to its group, unless it is in one by now. Raises TargetGone. Can be repeated.

    Raises Unavailable while it starts or is being detached: Auto Scaling attaches it only afterwards.
    """
    running(place.client("ec2"), change.target.id)
    autoscaling: AutoScalingClient = place.client("autoscaling")
    group, lifecycle = _membership(autoscaling, change.target.id)
    if verify(change.before):
        return
    if group and lifecycle in _LEAVING:
        raise errors.Unavailable("The instance is being detached still; it can be attached when that has ended.")
    if not group:
        with aws.translated():
            autoscaling.attach_instances(InstanceIds=[change.target.id], AutoScalingGroupName=change.before["group"])


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that attaches the instance to its group."""
    if verify(change.before):
        return ()
    return (commands.attach_to_group(change.target.region, change.before["group"], change.target.id),)


ACTION = Action(
    name="leave_groups",
    on_instances=True,
    grants=(
        Grant(action="autoscaling:DescribeAutoScalingInstances", resource="*"),
        Grant(action="autoscaling:DetachInstances", resource=_GROUPS),
        Grant(action="ec2:DescribeInstances", resource="*"),
    ),
    undo_grants=(
        Grant(action="autoscaling:AttachInstances", resource=_GROUPS),
        Grant(action="autoscaling:DescribeAutoScalingInstances", resource="*"),
        Grant(action="ec2:DescribeInstances", resource="*"),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

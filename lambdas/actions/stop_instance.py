"""Stop an instance: the cut that nothing survives, at the price of its memory.

Optional, where a setting asks for it. A stop ends every flow that goes on through the isolation (see
``wording.SURVIVES``) and whatever runs, but what was in memory is lost, and with it often the only trace of the
intruder; what is on an instance store is lost as well. It comes last, when the volumes are kept. An ordinary stop, so
that the file systems are written out: not forced, and not a hibernation, which wakes up where it was.

May touch: ec2:StopInstances, ec2:DescribeInstances.
Never: terminates; starts an instance (``undo`` does, in another role).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.instances import INSTANCES, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

_RUNNING = "running"
_STOPPING = "stopping"
_STOPPED = "stopped"
_TRIES = 8
_PAUSE_SECONDS = 1


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "state"}``. Raises TargetGone."""
    found = instance(place.client("ec2"), item.target.id)
    return {"instance": item.target.id, "region": item.target.region, "state": found["State"]["Name"]}


def verify(state: Json) -> bool:
    """Tell whether the instance is stopped, or is about to be."""
    return state["state"] in {_STOPPING, _STOPPED}


def apply(place: Place, state: Json) -> None:
    """Stop the instance."""
    ec2: EC2Client = place.client("ec2")
    with aws.translated():
        ec2.stop_instances(InstanceIds=[state["instance"]])


def fields(state: Json) -> Json:
    """Give whether the instance runs; being about to is as good."""
    return {"state": _STOPPED if verify(state) else _RUNNING}


def rebase(before: Json, again: Json) -> Json:
    """Give back what ran, at first or later."""
    return again if verify(before) else before


def undo(place: Place, change: Change) -> None:
    """Start the instance if it ran before and is stopped now, and wait some seconds until it runs. Can be repeated.

    Raises TargetGone, and Unavailable while it is stopping: EC2 starts it only afterwards.
    """
    ec2: EC2Client = place.client("ec2")
    now = instance(ec2, change.target.id)["State"]["Name"]
    if verify(change.before) or now not in {_STOPPING, _STOPPED}:
        return
    if now == _STOPPING:
        raise errors.Unavailable("The instance is stopping still; it can be started when it has stopped.")
    with aws.translated():
        ec2.start_instances(InstanceIds=[change.target.id])
    for _ in range(_TRIES):  # what comes next, such as a load balancer, takes only an instance that runs
        if instance(ec2, change.target.id)["State"]["Name"] == _RUNNING:
            return
        time.sleep(_PAUSE_SECONDS)


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that starts the instance."""
    return () if verify(change.before) else (commands.start_instance(change.target.region, change.target.id),)


ACTION = Action(
    name="stop_instance",
    on_instances=True,
    grants=(
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:StopInstances", resource=INSTANCES),
    ),
    undo_grants=(
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:StartInstances", resource=INSTANCES),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

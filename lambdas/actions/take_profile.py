"""Take an instance's profile away, so that it gets no new credentials of the role.

Those that it has go on until they expire: a session is ended by ``revoke_sessions``. A profile that somebody puts
back, the same or another, is as if it had not been taken.

May touch: ec2:DisassociateIamInstanceProfile, ec2:DescribeIamInstanceProfileAssociations, ec2:DescribeInstances.
Never: gives an instance a profile (``undo`` does, in another role); changes a profile or a role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws, commands
from lambdas.actions.instances import INSTANCES, instance
from lambdas.actions.roles import ROLES
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

_ON = ["associating", "associated"]
_NOT_THERE = "InvalidAssociationID.NotFound"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "profile", "association"}``, the profile's ARN or ``""``. Raises TargetGone."""
    return _state(place.client("ec2"), item.target.id, item.target.region)


def _state(ec2: EC2Client, instance_id: str, region: str) -> Json:
    instance(ec2, instance_id)
    with aws.translated():
        found = ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}]
        )["IamInstanceProfileAssociations"]
    state: Json = {"instance": instance_id, "region": region, "profile": "", "association": ""}
    for one in found:
        if one["State"] in _ON:
            state |= {"profile": one["IamInstanceProfile"]["Arn"], "association": one["AssociationId"]}
    return state


def verify(state: Json) -> bool:
    """Tell whether the instance has no profile, or is losing it."""
    return not state["association"]


def apply(place: Place, state: Json) -> None:
    """Take the profile away; one that is gone meanwhile is as good."""
    ec2: EC2Client = place.client("ec2")
    with aws.excused(_NOT_THERE):
        ec2.disassociate_iam_instance_profile(AssociationId=state["association"])


def fields(state: Json) -> Json:
    """Give the profile's ARN, or ``""``."""
    return {"profile": state["profile"]}


def rebase(before: Json, again: Json) -> Json:
    """Give back the profile that was there at first, or else the one that came later."""
    return before if before["profile"] else again


def undo(place: Place, change: Change) -> None:
    """Give the instance its profile, unless it has one by now. Raises TargetGone. Can be repeated."""
    ec2: EC2Client = place.client("ec2")
    if change.before["profile"] and verify(_state(ec2, change.target.id, change.target.region)):
        with aws.translated():
            ec2.associate_iam_instance_profile(
                IamInstanceProfile={"Arn": change.before["profile"]}, InstanceId=change.target.id
            )


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that gives the instance its profile."""
    if not change.before["profile"]:
        return ()
    return (commands.give_profile(change.target.region, change.target.id, change.before["profile"]),)


#: In China the service has a name of its own.
_TO_EC2 = [("StringEquals", "iam:PassedToService", name) for name in ("ec2.amazonaws.com", "ec2.amazonaws.com.cn")]
_READS = (
    Grant(action="ec2:DescribeIamInstanceProfileAssociations", resource="*"),
    Grant(action="ec2:DescribeInstances", resource="*"),
)

ACTION = Action(
    name="take_profile",
    on_instances=True,
    grants=(*_READS, Grant(action="ec2:DisassociateIamInstanceProfile", resource=INSTANCES)),
    undo_grants=(
        *_READS,
        Grant(action="ec2:AssociateIamInstanceProfile", resource=INSTANCES),
        *(
            Grant(
                action="iam:PassRole",
                resource=ROLES,
                condition=(to_ec2,),
                implied_by="ec2:AssociateIamInstanceProfile",
            )
            for to_ec2 in _TO_EC2
        ),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

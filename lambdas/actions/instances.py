"""Finding an EC2 instance, as it is now: an event is only a hint.

May touch: ec2:DescribeInstances.
Never: changes anything.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lambdas import aws, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

_ARN = "arn:{partition}:ec2:*:{account}:"
INSTANCES = f"{_ARN}instance/*"
INTERFACES = f"{_ARN}network-interface/*"
SECURITY_GROUPS = f"{_ARN}security-group/*"
VOLUMES = f"{_ARN}volume/*"
#: A VPC may be shared by another account, whose number its ARN has then.
VPCS = "arn:{partition}:ec2:*:*:vpc/*"
#: A snapshot's ARN holds no account.
SNAPSHOTS = "arn:{partition}:ec2:*::snapshot/*"

#: The tag that marks what is the responder's own; no role may put it on anything that exists already.
TAG = "tourniquet"

#: In these states nothing of an instance can be changed or kept any more.
_GONE = {"shutting-down", "terminated"}


def instance(ec2: EC2Client, instance_id: str) -> InstanceTypeDef:
    """Describe an instance. Raises TargetGone when there is none in this region, or when it is being terminated."""
    with aws.translated():
        answer = ec2.describe_instances(InstanceIds=[instance_id])
    for reservation in answer["Reservations"]:
        for found in reservation["Instances"]:
            if found["InstanceId"] == instance_id:
                if found["State"]["Name"] in _GONE:
                    raise errors.TargetGone(f"The instance {instance_id} is {found['State']['Name']}.")
                return found
    raise errors.TargetGone(f"There is no instance {instance_id} in this region.")


def running(ec2: EC2Client, instance_id: str) -> InstanceTypeDef:
    """Describe an instance. Raises TargetGone, and Unavailable while it starts: nothing takes it in before it runs."""
    found = instance(ec2, instance_id)
    if found["State"]["Name"] == "pending":
        raise errors.Unavailable(f"The instance {instance_id} is starting still.")
    return found


def each(calls: Iterable[Callable[[], object]], at_once: int) -> None:
    """Make every call, so many at a time; raise the first error when all have ended."""
    with ThreadPoolExecutor(at_once) as pool:
        made = [pool.submit(call) for call in calls]
    for one in made:
        one.result()

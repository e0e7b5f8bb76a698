"""Record an instance as it is before the first change: ``before.json`` in its evidence.

The cut waits for this step, so it is bounded to about four seconds, and every failure is NotKept, which nothing
retries. A part that cannot be read is named in the document, the rest is kept, and then the action fails with NotKept.
What is written once is never written again, also with parts missing: after the cut, the instance is another.

May touch: s3:PutObject of that one object; s3:ListBucket; autoscaling:DescribeAutoScalingInstances,
ec2:DescribeIamInstanceProfileAssociations, ec2:DescribeInstanceAttribute, ec2:DescribeInstances,
ec2:DescribeNetworkInterfaces, ec2:DescribeSecurityGroups, ec2:DescribeVolumes,
elasticloadbalancing:DescribeLoadBalancers, elasticloadbalancing:DescribeTargetGroups,
elasticloadbalancing:DescribeTargetHealth.
Never: reads user data; changes anything in the account; raises what the workflow would retry.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from lambdas import aws, errors
from lambdas.actions import evidence
from lambdas.actions.instances import INSTANCES, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

    from lambdas.actions.shape import Place
    from lambdas.model import Json, PlanItem

_SECONDS_TO_DESCRIBE = 2.0
_SECONDS_TO_READ = 4.0

#: What the actions that change it look at, and journal, themselves: that it is missing here is noted, and no failure.
_JOURNALED = {"auto_scaling", "load_balancers", "target_groups"}
_AT_ONCE = 8


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "incident", "bucket", "key", "kept"}``. Raises NotKept.

    ``kept`` says whether the record is there.
    """
    key = evidence.folder(item) + evidence.BEFORE
    with _not_retried():
        kept = evidence.is_there(place.clients("s3", hasty=True), place.bucket, key)
    return {
        "instance": item.target.id,
        "region": item.target.region,
        "incident": item.incident_id,
        "bucket": place.bucket,
        "key": key,
        "kept": kept,
    }


def verify(state: Json) -> bool:
    """Tell whether the record is there."""
    return bool(state["kept"])


def apply(place: Place, state: Json) -> None:
    """Describe the instance and all that hangs on it, and keep that. Raises TargetGone, or NotKept also of a part."""
    ends = time.monotonic() + _SECONDS_TO_READ
    come, failed = evidence.gather(
        {"instance": partial(instance, place.client("ec2"), state["instance"])}, _SECONDS_TO_DESCRIBE
    )
    for error in failed.values():
        if isinstance(error, errors.TargetGone):
            raise error
        raise errors.NotKept(f"The instance could not be described: {evidence.said(error)}")
    parts, missing = evidence.gather(_parts(place, come["instance"]), ends - time.monotonic())
    document = {
        "incident_id": state["incident"],
        "instance": state["instance"],
        "region": state["region"],
        "read_at": datetime.now(UTC),
        "parts": come | parts,
        "missing": {name: evidence.said(error) for name, error in missing.items()},
    }
    with _not_retried():
        s3 = place.clients("s3", hasty=True)
        written = evidence.keep(s3, state["bucket"], state["key"], evidence.as_json(document))
    lost = {name: error for name, error in missing.items() if name not in _JOURNALED}
    if written and lost:
        raise errors.NotKept(
            f"The record of the instance before the cut is kept without: {evidence.without(lost)}. "
            f"The rest is in s3://{state['bucket']}/{state['key']}"
        )


@contextmanager
def _not_retried() -> Iterator[None]:
    """Turn every named error into NotKept."""
    try:
        yield
    except errors.TourniquetError as error:
        raise errors.NotKept(f"The record of the instance before the cut is not kept: {evidence.said(error)}") from None


def _parts(place: Place, found: InstanceTypeDef) -> dict[str, Callable[[], object]]:
    """Name what is read beside the instance's description, each part by itself."""
    ec2: EC2Client = place.client("ec2")
    name = found["InstanceId"]
    read = partial(evidence.pages, ec2)
    of_instance = evidence.filters({"instance-id": [name]})
    attached = evidence.filters({"attachment.instance-id": [name]})
    return {
        "auto_scaling": partial(_auto_scaling, place, name),
        "interfaces": partial(read, "describe_network_interfaces", "NetworkInterfaces", Filters=attached),
        "load_balancers": partial(_load_balancers, place, name),
        "profile": partial(
            read, "describe_iam_instance_profile_associations", "IamInstanceProfileAssociations", Filters=of_instance
        ),
        "security_groups": partial(evidence.security_groups, ec2, found),
        "shutdown_behaviour": partial(_attribute, ec2, name, "instanceInitiatedShutdownBehavior"),
        "target_groups": partial(_target_groups, place, found),
        "termination_protection": partial(_attribute, ec2, name, "disableApiTermination"),
        "volumes": partial(read, "describe_volumes", "Volumes", Filters=attached),
    }


def _auto_scaling(place: Place, instance_id: str) -> object:
    with aws.translated():
        return place.client("autoscaling").describe_auto_scaling_instances(InstanceIds=[instance_id])[
            "AutoScalingInstances"
        ]


def _attribute(
    ec2: EC2Client, instance_id: str, name: Literal["disableApiTermination", "instanceInitiatedShutdownBehavior"]
) -> object:
    with aws.translated():
        answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
    return answer["DisableApiTermination" if name == "disableApiTermination" else "InstanceInitiatedShutdownBehavior"]


def _load_balancers(place: Place, instance_id: str) -> list[Any]:
    """Describe the classic load balancers that the instance is registered with."""
    found = evidence.pages(place.client("elb"), "describe_load_balancers", "LoadBalancerDescriptions")
    return [one for one in found if any(each["InstanceId"] == instance_id for each in one["Instances"])]


def _target_groups(place: Place, found: InstanceTypeDef) -> list[Json]:
    """Describe the target groups that the instance, or an address of it, is registered with; nobody lists them."""
    elbv2: ElasticLoadBalancingv2Client = place.client("elbv2")
    interfaces = found.get("NetworkInterfaces", [])
    vpcs = {one["VpcId"] for one in interfaces}
    addresses = {each["PrivateIpAddress"] for one in interfaces for each in one.get("PrivateIpAddresses", [])}
    addresses |= {each["Ipv6Address"] for one in interfaces for each in one.get("Ipv6Addresses", [])}
    groups = [
        group
        for group in evidence.pages(elbv2, "describe_target_groups", "TargetGroups")
        if group["TargetType"] == "ip" or (group["TargetType"] == "instance" and group["VpcId"] in vpcs)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        targets = pool.map(partial(_targets, elbv2, {found["InstanceId"], *addresses}), groups)
        return [
            {"group": group, "targets": registered}
            for group, registered in zip(groups, targets, strict=True)
            if registered
        ]


def _targets(elbv2: ElasticLoadBalancingv2Client, ours: set[str], group: Json) -> list[Any]:
    """Describe the targets of a group that are the instance's; a group that vanished meanwhile has none."""
    try:
        with aws.translated():
            answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    except errors.TargetGone:
        return []
    return [one for one in answer["TargetHealthDescriptions"] if one["Target"]["Id"] in ours]


ACTION = Action(
    name="record_instance",
    on_instances=True,
    grants=(
        Grant(action="autoscaling:DescribeAutoScalingInstances", resource="*"),
        Grant(action="ec2:DescribeIamInstanceProfileAssociations", resource="*"),
        Grant(action="ec2:DescribeInstanceAttribute", resource=INSTANCES),
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:DescribeNetworkInterfaces", resource="*"),
        Grant(action="ec2:DescribeSecurityGroups", resource="*"),
        Grant(action="ec2:DescribeVolumes", resource="*"),
        Grant(action="elasticloadbalancing:DescribeLoadBalancers", resource="*"),
        Grant(action="elasticloadbalancing:DescribeTargetGroups", resource="*"),
        Grant(action="elasticloadbalancing:DescribeTargetHealth", resource="*"),
        evidence.MAY_LIST,
        Grant(action="s3:PutObject", resource=f"{evidence.OBJECTS}/{evidence.BEFORE}"),
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

"""Take an instance out of the load balancers: its target groups, and the classic load balancers.

A load balancer keeps connections to a target that a change of security groups does not end, and sends it new ones
until its checks fail. A target that is being drained counts as left: the load balancer ends what remains.

A target group knows an instance by its id, or by an address. An address counts in the VPC of the interface that has
it; in another VPC's target group only where the group says that the target is outside of its VPC: the same private
addresses are used over and over.

May touch: elasticloadbalancing:DeregisterTargets, elasticloadbalancing:DeregisterInstancesFromLoadBalancer,
elasticloadbalancing:DescribeTargetGroups, elasticloadbalancing:DescribeTargetHealth,
elasticloadbalancing:DescribeLoadBalancers, ec2:DescribeInstances.
Never: changes a load balancer or a target group; registers anything (``undo`` does, in another role).
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from ipaddress import ip_address, ip_network
from itertools import batched
from typing import TYPE_CHECKING, Any

from lambdas import aws, commands, errors
from lambdas.actions.instances import each, instance, running
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from ipaddress import IPv4Network, IPv6Network

    from mypy_boto3_ec2.type_defs import InstanceNetworkInterfaceTypeDef, InstanceTypeDef
    from mypy_boto3_elb import ElasticLoadBalancingClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef, TargetGroupTypeDef

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

    type _Networks = list[IPv4Network | IPv6Network]

_ARN = "arn:{partition}:elasticloadbalancing:*:{account}:"
_TARGET_GROUPS = f"{_ARN}targetgroup/*"
_BALANCERS = f"{_ARN}loadbalancer/*"

_AT_ONCE = 24
#: Within this, everything is read, or nothing counts as read: the function has to change something, and look again.
_SECONDS = 5.0
#: More make a line that nobody can paste.
_IN_A_LINE = 40
_OUTSIDE = "all"
_LEAVING = "draining"
_LEFT = {"Target.NotRegistered", "Target.DeregistrationInProgress"}
_GROUP_GONE = "TargetGroupNotFound"
_NO_SUCH_TARGET = "InvalidTarget"
#: Botocore's names of the errors differ from the codes.
_BALANCER_GONE = ("LoadBalancerNotFound", "AccessPointNotFound")
_NO_SUCH_INSTANCE = "InvalidInstance"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "targets", "balancers"}``. Raises TargetGone, and Unavailable when it takes long.

    ``targets`` is each target group's ARN → the targets in it that are this instance, as the group describes them but
    with all ``Ports`` of one in a list: there may be thousands. ``balancers`` are the names of the classic load
    balancers that have it. What is being drained is in neither.
    """
    found = instance(place.client("ec2"), item.target.id)
    return {"instance": item.target.id, "region": item.target.region, **_registered(place, found)}


def _registered(place: Place, found: InstanceTypeDef) -> Json:
    """Read every target group and classic load balancer that has the instance. Raises Unavailable if that takes long.

    What does not answer in time is not waited for: its thread ends by itself.
    """
    until = time.monotonic() + _SECONDS
    elbv2: ElasticLoadBalancingv2Client = place.client("elbv2")
    networks: defaultdict[str, _Networks] = defaultdict(list)
    for interface in found.get("NetworkInterfaces", []):
        networks[interface["VpcId"]] += _networks(interface)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        balancers = pool.submit(_balancers, place.client("elb"), found["InstanceId"])
        listed = pool.submit(_groups, elbv2, networks)
        _in_time([listed, balancers], until, "the list of target groups or of classic load balancers")
        reads = {
            group["TargetGroupArn"]: pool.submit(_in_group, elbv2, group, found["InstanceId"], networks)
            for group in listed.result()
        }
        _in_time(reads.values(), until, "{} of {} target groups")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    targets = {group: there for group, read in reads.items() if (there := _grouped(read.result()))}
    return {"targets": targets, "balancers": balancers.result()}


def _in_time(reads: Iterable[Future[Any]], until: float, what: str) -> None:
    """Wait for answers. Raises Unavailable when one is missing in the end: nothing of what was asked is left out."""
    ended = wait(reads, timeout=max(0.0, until - time.monotonic()))
    if late := len(ended.not_done):
        named = what.format(late, late + len(ended.done))
        raise errors.Unavailable(f"Not read within {_SECONDS:g} seconds: {named}.")


def _balancers(elb: ElasticLoadBalancingClient, instance_id: str) -> list[str]:
    with aws.translated():
        return sorted(
            balancer["LoadBalancerName"]
            for page in elb.get_paginator("describe_load_balancers").paginate()
            for balancer in page["LoadBalancerDescriptions"]
            if any(one["InstanceId"] == instance_id for one in balancer["Instances"])
        )


def _groups(elbv2: ElasticLoadBalancingv2Client, networks: dict[str, _Networks]) -> list[TargetGroupTypeDef]:
    """List the target groups that may have an instance of these VPCs."""
    with aws.translated():
        pages = elbv2.get_paginator("describe_target_groups").paginate()
        groups = [group for page in pages for group in page["TargetGroups"]]
    return [
        group
        for group in groups
        if group.get("TargetType") == "ip" or (group.get("TargetType") == "instance" and group.get("VpcId") in networks)
    ]


def _networks(interface: InstanceNetworkInterfaceTypeDef) -> Iterator[IPv4Network | IPv6Network]:
    """Give every address and prefix of an interface that is inside its VPC."""
    for one in interface.get("PrivateIpAddresses", []):
        yield ip_network(one["PrivateIpAddress"])
    for six in interface.get("Ipv6Addresses", []):
        yield ip_network(six["Ipv6Address"])
    for prefix in interface.get("Ipv4Prefixes", []):
        yield ip_network(prefix["Ipv4Prefix"])
    for longer in interface.get("Ipv6Prefixes", []):
        yield ip_network(longer["Ipv6Prefix"])


def _in_group(
    elbv2: ElasticLoadBalancingv2Client, group: TargetGroupTypeDef, instance_id: str, networks: dict[str, _Networks]
) -> list[TargetDescriptionTypeDef]:
    """Give the targets of a group that are this instance and are not leaving; a group that is gone has none."""
    there: list[TargetDescriptionTypeDef] = []
    with aws.excused(_GROUP_GONE):
        for one in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]:
            health = one.get("TargetHealth", {})
            left = health.get("State") == _LEAVING or health.get("Reason") in _LEFT
            if not left and _is_it(one["Target"], group, instance_id, networks):
                there.append(one["Target"])
    return there


def _is_it(
    target: TargetDescriptionTypeDef, group: TargetGroupTypeDef, instance_id: str, networks: dict[str, _Networks]
) -> bool:
    if group["TargetType"] == "instance":
        return target["Id"] == instance_id
    outside = target.get("AvailabilityZone") == _OUTSIDE
    return any(
        ip_address(target["Id"]) in network
        for vpc, those in networks.items()
        if (vpc != group.get("VpcId")) == outside
        for network in those
    )


def verify(state: Json) -> bool:
    """Tell whether nothing sends to the instance any more."""
    return not state["targets"] and not state["balancers"]


def apply(place: Place, state: Json) -> None:
    """Leave every target group and load balancer; each is tried whatever becomes of another."""
    elbv2: ElasticLoadBalancingv2Client = place.client("elbv2")
    elb: ElasticLoadBalancingClient = place.client("elb")
    each(
        [
            *(partial(_leave_group, elbv2, group, targets) for group, targets in state["targets"].items()),
            *(partial(_leave_balancer, elb, balancer, state["instance"]) for balancer in state["balancers"]),
        ],
        _AT_ONCE,
    )


def _leave_group(elbv2: ElasticLoadBalancingv2Client, group: str, targets: list[Json]) -> None:
    with aws.excused(_GROUP_GONE, _NO_SUCH_TARGET):
        elbv2.deregister_targets(TargetGroupArn=group, Targets=_described(targets))


def _leave_balancer(elb: ElasticLoadBalancingClient, balancer: str, instance_id: str) -> None:
    with aws.excused(*_BALANCER_GONE, _NO_SUCH_INSTANCE):
        elb.deregister_instances_from_load_balancer(LoadBalancerName=balancer, Instances=[{"InstanceId": instance_id}])


def _grouped(targets: Iterable[TargetDescriptionTypeDef]) -> list[Json]:
    """Give targets as the state holds them: the ports of those that differ in nothing else are one list."""
    ports: defaultdict[tuple[tuple[str, Any], ...], set[int]] = defaultdict(set)
    for one in targets:
        rest = tuple((key, value) for key, value in sorted(one.items()) if key != "Port" and value)
        ports[rest] |= {one["Port"]} if "Port" in one else set()
    return [{**dict(rest), "Ports": sorted(those)} for rest, those in sorted(ports.items())]


def _described(targets: Iterable[Json]) -> list[TargetDescriptionTypeDef]:
    """Give targets of the state as boto3 takes them: a journal changes whole numbers."""
    described: list[Any] = []
    for one in targets:
        rest = {key: value for key, value in one.items() if key != "Ports"}
        described += [{**rest, "Port": int(port)} for port in one["Ports"]] or [rest]
    return described


def fields(state: Json) -> Json:
    """Give each target group's targets that are the instance, and each classic load balancer that has it."""
    targets = {f"target group {name}": _grouped(_described(there)) for name, there in state["targets"].items()}
    return targets | {f"load balancer {name}": True for name in state["balancers"]}


def rebase(before: Json, again: Json) -> Json:
    """Give back what was there at first, and what it was registered with later."""
    targets = dict(before["targets"])
    for group, later in again["targets"].items():
        targets[group] = _grouped(_described([*targets.get(group, []), *later]))
    return {**before, "targets": targets, "balancers": sorted({*before["balancers"], *again["balancers"]})}


def undo(place: Place, change: Change) -> None:
    """Register the instance where it was; each is tried whatever becomes of another.

    A target group that has the instance by now, on whatever port, stays as it is.

    Raises TargetGone when the instance, one of the target groups or a load balancer is gone, and Unavailable while the
    instance starts. Can be repeated.
    """
    now = _registered(place, running(place.client("ec2"), change.target.id))
    elbv2: ElasticLoadBalancingv2Client = place.client("elbv2")
    elb: ElasticLoadBalancingClient = place.client("elb")
    each(
        [
            *(
                partial(_join_group, elbv2, group, _described(targets))
                for group, targets in change.before["targets"].items()
                if group not in now["targets"]
            ),
            *(
                partial(_join_balancer, elb, balancer, change.target.id)
                for balancer in change.before["balancers"]
                if balancer not in now["balancers"]
            ),
        ],
        _AT_ONCE,
    )


def _join_group(elbv2: ElasticLoadBalancingv2Client, group: str, targets: list[TargetDescriptionTypeDef]) -> None:
    with aws.translated():
        elbv2.register_targets(TargetGroupArn=group, Targets=targets)


def _join_balancer(elb: ElasticLoadBalancingClient, balancer: str, instance_id: str) -> None:
    with aws.translated():
        elb.register_instances_with_load_balancer(LoadBalancerName=balancer, Instances=[{"InstanceId": instance_id}])


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that register the instance where it was."""
    region = change.target.region
    return (
        *(
            commands.register_targets(region, group, some)
            for group, targets in sorted(change.before["targets"].items())
            for some in batched(_described(targets), _IN_A_LINE, strict=False)
        ),
        *(commands.register_instance(region, balancer, change.target.id) for balancer in change.before["balancers"]),
    )


_READS = (
    Grant(action="ec2:DescribeInstances", resource="*"),
    Grant(action="elasticloadbalancing:DescribeLoadBalancers", resource="*"),
    Grant(action="elasticloadbalancing:DescribeTargetGroups", resource="*"),
    Grant(action="elasticloadbalancing:DescribeTargetHealth", resource="*"),
)

ACTION = Action(
    name="leave_balancers",
    on_instances=True,
    grants=(
        *_READS,
        Grant(action="elasticloadbalancing:DeregisterInstancesFromLoadBalancer", resource=_BALANCERS),
        Grant(action="elasticloadbalancing:DeregisterTargets", resource=_TARGET_GROUPS),
    ),
    undo_grants=(
        *_READS,
        Grant(action="elasticloadbalancing:RegisterInstancesWithLoadBalancer", resource=_BALANCERS),
        Grant(action="elasticloadbalancing:RegisterTargets", resource=_TARGET_GROUPS),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

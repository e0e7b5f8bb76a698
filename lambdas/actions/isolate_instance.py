"""Cut an instance off the network: the isolation group, which has no rules, is the only group of each interface.

A connection that a security group tracks survives a change of groups, so each interface changes twice: first to a
group that allows everything both ways, where connections are not tracked, and at once to the isolation group, where
that ends them. In between the interface is open to the world. Both changes are made here, interface by interface, and
whatever fails in between, the second one is still tried, and the open group loses its rules. A run that is killed in
between leaves an interface in the open group, which the next ``look`` sees and the next ``apply`` closes first.

The isolation group exists once per VPC, under a name that is unique there, and carries our tag. The open group exists
per instance and only meanwhile: two instances that share one could take each other's rules away too early. This role
can put an interface into groups with our tag only, so it can isolate and cannot release. A group of our name that
somebody else made (without our tag) is not used: another name is.

What goes on: see ``wording.SURVIVES``.

May touch: ec2:ModifyNetworkInterfaceAttribute, only into groups with our tag; ec2:CreateSecurityGroup with our tag;
ec2:AuthorizeSecurityGroupIngress, ec2:AuthorizeSecurityGroupEgress and ec2:DeleteSecurityGroup on the open group;
ec2:RevokeSecurityGroupIngress and ec2:RevokeSecurityGroupEgress on groups with our tag; ec2:CreateTags on a group that
is being made; ec2:DescribeInstances, ec2:DescribeSecurityGroups.
Never: changes or deletes a group of the owner's; puts an interface back (``undo`` does, in another role); opens an
interface that is isolated already.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.instances import INSTANCES, INTERFACES, SECURITY_GROUPS, TAG, VPCS, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        IpPermissionOutputTypeDef,
        IpPermissionTypeDef,
        SecurityGroupTypeDef,
        TagTypeDef,
    )

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

ISOLATION = "isolation"
OPEN = "open"

#: The first name that is ours, or free, is taken: somebody else may have made a group of the first name.
_NAMES = tuple(f"tourniquet-{ISOLATION}{suffix}" for suffix in ("", "-2", "-3", "-4", "-5"))
_AT_ONCE = 8
_TRIES = 4
_PAUSE_SECONDS = 0.4
_EVERYTHING: list[IpPermissionTypeDef] = [
    {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
]
_THERE_ALREADY = "InvalidPermission.Duplicate"
_NOT_THERE = "InvalidPermission.NotFound"
_TAKEN = "InvalidGroup.Duplicate"
_GONE = "InvalidGroup.NotFound"
_IN_USE = "DependencyViolation"


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "interfaces", "groups", "open"}``. Raises TargetGone.

    ``interfaces`` is each attached interface's id → ``{"vpc", "groups"}``; ``groups`` each VPC's id → ``{"id",
    "empty"}`` of its isolation group, ``id`` ``""`` where there is none yet; ``open`` is each VPC's id → the same of
    the open group of this instance, where one was left.
    """
    ec2: EC2Client = place.client("ec2")
    found = instance(ec2, item.target.id)
    interfaces: Json = {
        one["NetworkInterfaceId"]: {"vpc": one["VpcId"], "groups": [group["GroupId"] for group in one["Groups"]]}
        for one in found.get("NetworkInterfaces", [])
    }
    vpcs = sorted({one["vpc"] for one in interfaces.values()})
    groups: Json = {vpc: {"id": "", "empty": False} for vpc in vpcs}
    left: Json = {}
    for group in _groups(ec2, vpcs, [*_NAMES, _open_name(item.target.id)]):
        empty = not group.get("IpPermissions") and not group.get("IpPermissionsEgress")
        if _kind(group) == OPEN and group["GroupName"] == _open_name(item.target.id):
            left[group["VpcId"]] = {"id": group["GroupId"], "empty": empty}
        elif _kind(group) == ISOLATION and not groups[group["VpcId"]]["id"]:
            groups[group["VpcId"]] = {"id": group["GroupId"], "empty": empty}
    return {
        "instance": item.target.id,
        "region": item.target.region,
        "interfaces": interfaces,
        "groups": groups,
        "open": left,
    }


def _groups(ec2: EC2Client, vpcs: list[str], names: list[str]) -> list[SecurityGroupTypeDef]:
    """List groups of these names, in the order of the names."""
    if not vpcs:
        return []
    with aws.translated():
        pages = ec2.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "vpc-id", "Values": vpcs}, {"Name": "group-name", "Values": names}]
        )
        found = [group for page in pages for group in page["SecurityGroups"]]
    return sorted(found, key=lambda group: names.index(group["GroupName"]))


def _kind(group: SecurityGroupTypeDef) -> str:
    """Say what a group of ours is for; ``""`` where it is not ours."""
    return next((tag["Value"] for tag in group.get("Tags", []) if tag["Key"] == TAG), "")


def _open_name(instance_id: str) -> str:
    return f"tourniquet-{OPEN}-{instance_id}"


def verify(state: Json) -> bool:
    """Tell whether every interface has the isolation group only, and neither that group nor an open one has a rule."""
    isolated = all(_is_isolated(one, state) for one in state["interfaces"].values())
    return isolated and all(group["empty"] for group in state["open"].values())


def _is_isolated(interface: Json, state: Json) -> bool:
    group = state["groups"][interface["vpc"]]
    return bool(group["id"]) and interface["groups"] == [group["id"]] and bool(group["empty"])


def apply(place: Place, state: Json) -> None:
    """Isolate every interface that is not isolated yet. Raises StillTracked when open connections may go on.

    That is raised after the cut: a missing open group must not hold it up. What fails in one VPC does not keep the
    interfaces in another from being isolated.
    """
    ec2: EC2Client = place.client("ec2")
    failed: list[errors.TourniquetError] = []
    still: list[str] = []
    for vpc in state["groups"]:
        try:
            still += _isolate(ec2, vpc, state)
        except errors.TourniquetError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    if still:
        raise errors.StillTracked(
            f"Every interface is isolated, but connections that were open may go on, because of: {still[0]}"
        )


def _isolate(ec2: EC2Client, vpc: str, state: Json) -> list[str]:
    """Isolate the interfaces in one VPC, those that stand open first; give why open connections may go on.

    Whatever fails, the open group loses its rules.
    """
    through: str = state["open"].get(vpc, {}).get("id", "")
    try:
        last = _isolation_group(ec2, vpc)
        groups = {name: one["groups"] for name, one in state["interfaces"].items() if one["vpc"] == vpc}
        standing = [name for name, had in groups.items() if through and had == [through]]
        rest = [name for name, had in groups.items() if name not in standing and had != [last]]
        try:
            _cut_all(ec2, standing, [last])
        except errors.TourniquetError:
            _cut_all(ec2, rest, [last])  # and not through the open group while an interface stands in it
            raise
        still: list[str] = []
        way = [last]
        if rest:
            try:
                through = through or _open_group(ec2, vpc, state["instance"])
                _allow_everything(ec2, through)
                way = [through, last]
            except errors.TourniquetError as error:
                still.append(str(error))
        return still + _cut_all(ec2, rest, way)
    finally:
        if through:
            _close(ec2, through)


def _cut_all(ec2: EC2Client, interfaces: Iterable[str], way: list[str]) -> list[str]:
    """Take each interface through the groups, several at a time; give what failed on the way to the last one."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        cuts = [pool.submit(_cut, ec2, name, way) for name in interfaces]
    return [failed for cut in cuts for failed in cut.result()]


def _cut(ec2: EC2Client, interface: str, way: list[str]) -> list[str]:
    """Take an interface through the groups; the last one is tried whatever became of those before."""
    failed: list[str] = []
    *through, last = way
    for group in through:
        try:
            _put(ec2, interface, group)
        except errors.TourniquetError as error:
            failed.append(str(error))
    _put(ec2, interface, last)
    return failed


def _put(ec2: EC2Client, interface: str, group: str) -> None:
    """Make a group the only one of an interface. Raises Unavailable when EC2 does not know one of the two (yet)."""
    try:
        with aws.translated():
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[group])
    except errors.TargetGone as error:
        raise errors.Unavailable(str(error)) from None


def _isolation_group(ec2: EC2Client, vpc: str) -> str:
    """Find the isolation group of a VPC, or make it, and take every rule away that it has."""
    for _ in range(_TRIES):
        known = {group["GroupName"]: group for group in _groups(ec2, [vpc], list(_NAMES))}
        for name in _NAMES:
            group = known.get(name)
            if group is None:
                made = _make(ec2, vpc, name, ISOLATION, _ISOLATION_IS)
                if made:
                    _revoke(ec2, made, egress=_EVERYTHING)
                    return made
                break  # another run made it this moment: look again
            if _kind(group) == ISOLATION:
                rules = group.get("IpPermissions", []), group.get("IpPermissionsEgress", [])
                _revoke(ec2, group["GroupId"], ingress=rules[0], egress=rules[1])
                return group["GroupId"]
        time.sleep(_PAUSE_SECONDS)
    raise errors.Unavailable(f"No isolation group could be found or made in {vpc}.")


_ISOLATION_IS = "Tourniquet: instances that are cut off. Leave it without rules."
_OPEN_IS = "Tourniquet: for the moment in which an instance is cut off."


def _make(ec2: EC2Client, vpc: str, name: str, kind: str, description: str) -> str:
    """Make a group that carries our tag from its first moment; ``""`` when there is one of this name."""
    tags: list[TagTypeDef] = [{"Key": TAG, "Value": kind}, {"Key": "Name", "Value": name}]
    made: Json = {}
    with aws.excused(_TAKEN):
        made.update(
            ec2.create_security_group(
                GroupName=name,
                Description=description,
                VpcId=vpc,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )
        )
    return str(made.get("GroupId", ""))


def _revoke(
    ec2: EC2Client,
    group: str,
    *,
    ingress: Iterable[IpPermissionTypeDef | IpPermissionOutputTypeDef] = (),
    egress: Iterable[IpPermissionTypeDef | IpPermissionOutputTypeDef] = (),
) -> None:
    """Take rules away, one by one: neither one that is not there nor one that stays must keep another."""
    failed: list[errors.TourniquetError] = []
    for revoke, rules in ((ec2.revoke_security_group_ingress, ingress), (ec2.revoke_security_group_egress, egress)):
        for rule in rules:
            try:
                _try(partial(revoke, GroupId=group, IpPermissions=[rule]), _NOT_THERE)
            except errors.TourniquetError as error:
                failed.append(error)
    if failed:
        raise failed[0]


def _try(call: Callable[[], object], passing: str) -> None:
    """Make a call; an error with the code ``passing`` is as good. A group made a moment ago may not show yet."""
    for attempt in range(_TRIES):
        try:
            with aws.excused(passing):
                call()
        except errors.TargetGone:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _open_group(ec2: EC2Client, vpc: str, instance_id: str) -> str:
    """Make the open group of an instance."""
    group = _make(ec2, vpc, _open_name(instance_id), OPEN, _OPEN_IS)
    if not group:
        raise errors.Unexpected(f"There is a security group {_open_name(instance_id)} that was not made here.")
    return group


def _allow_everything(ec2: EC2Client, group: str) -> None:
    for rule in _EVERYTHING:
        for allow in (ec2.authorize_security_group_ingress, ec2.authorize_security_group_egress):
            _try(partial(allow, GroupId=group, IpPermissions=[rule]), _THERE_ALREADY)


def _close(ec2: EC2Client, group: str) -> None:
    """Take the open group's rules away, so that nothing stands open in it, and delete it. A failure is only logged.

    Also what somebody else allowed in it goes. One that stays is seen, and used again, by the next look.
    """
    for step in (
        partial(_revoke, ec2, group, ingress=_EVERYTHING, egress=_EVERYTHING),
        partial(_revoke_the_rest, ec2, group),
        partial(_delete, ec2, group),
    ):
        try:
            step()
        except errors.TourniquetError as error:
            logger.warning("an open group could not be closed: %s", error)


def _revoke_the_rest(ec2: EC2Client, group: str) -> None:
    with aws.translated():
        found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroups"]
    for one in found:
        _revoke(ec2, group, ingress=one.get("IpPermissions", []), egress=one.get("IpPermissionsEgress", []))


def _delete(ec2: EC2Client, group: str) -> None:
    """Delete the open group, as soon as nothing uses it any more."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        with aws.excused(_IN_USE, _GONE) as said:
            ec2.delete_security_group(GroupId=group)
        if _IN_USE not in said:
            return
    logger.warning("an open group is left, because something uses it")


def rebase(before: Json, again: Json) -> Json:
    """Give back what was there at first; an interface that came later, what it had then."""
    return {**before, "interfaces": {**again["interfaces"], **before["interfaces"]}}


def undo(place: Place, change: Change) -> None:
    """Give each interface that is isolated still the groups that it had; one that somebody changed since stays.

    Raises TargetGone when the instance, or one of those groups, is gone. Can be repeated.
    """
    ec2: EC2Client = place.client("ec2")
    found = instance(ec2, change.target.id).get("NetworkInterfaces", [])
    named = _groups(ec2, sorted({one["VpcId"] for one in found}), [*_NAMES, _open_name(change.target.id)])
    ours = {group["GroupId"] for group in named if _kind(group)}
    for one in found:
        had = _had(change.before, one["NetworkInterfaceId"])
        if had and {group["GroupId"] for group in one["Groups"]} <= ours:
            with aws.translated():
                ec2.modify_network_interface_attribute(NetworkInterfaceId=one["NetworkInterfaceId"], Groups=had)


def _had(before: Json, name: str) -> list[str]:
    """Give the groups that an interface had; none where nobody knows, because it was in one of ours already."""
    interface = before["interfaces"].get(name, {"vpc": "", "groups": []})
    ours = {kind.get(interface["vpc"], {}).get("id") for kind in (before["groups"], before["open"])}
    return [] if ours & set(interface["groups"]) else list(interface["groups"])


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that give each interface its groups back."""
    had = {name: _had(change.before, name) for name in sorted(change.before["interfaces"])}
    return tuple(commands.set_groups(change.target.region, name, groups) for name, groups in had.items() if groups)


_OURS = ("StringEquals", f"aws:ResourceTag/{TAG}")
_MADE = ("StringEquals", f"aws:RequestTag/{TAG}")

ACTION = Action(
    name="isolate_instance",
    on_instances=True,
    grants=(
        Grant(action="ec2:AuthorizeSecurityGroupEgress", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
        Grant(action="ec2:AuthorizeSecurityGroupIngress", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
        Grant(action="ec2:CreateSecurityGroup", resource=SECURITY_GROUPS, condition=((*_MADE, ISOLATION),)),
        Grant(action="ec2:CreateSecurityGroup", resource=SECURITY_GROUPS, condition=((*_MADE, OPEN),)),
        Grant(action="ec2:CreateSecurityGroup", resource=VPCS),
        Grant(
            action="ec2:CreateTags",
            resource=SECURITY_GROUPS,
            condition=(("StringEquals", "ec2:CreateAction", "CreateSecurityGroup"),),
            implied_by="ec2:CreateSecurityGroup",
        ),
        Grant(action="ec2:DeleteSecurityGroup", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:DescribeSecurityGroups", resource="*"),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=INSTANCES),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=INTERFACES),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=SECURITY_GROUPS, condition=((*_OURS, ISOLATION),)),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
        Grant(action="ec2:RevokeSecurityGroupEgress", resource=SECURITY_GROUPS, condition=((*_OURS, ISOLATION),)),
        Grant(action="ec2:RevokeSecurityGroupEgress", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
        Grant(action="ec2:RevokeSecurityGroupIngress", resource=SECURITY_GROUPS, condition=((*_OURS, ISOLATION),)),
        Grant(action="ec2:RevokeSecurityGroupIngress", resource=SECURITY_GROUPS, condition=((*_OURS, OPEN),)),
    ),
    undo_grants=(
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(action="ec2:DescribeSecurityGroups", resource="*"),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=INSTANCES),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=INTERFACES),
        Grant(action="ec2:ModifyNetworkInterfaceAttribute", resource=SECURITY_GROUPS),
    ),
    look=look,
    verify=verify,
    apply=apply,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)

"""Cut an instance off the network: the isolation group, which has no rules, is the only group of each interface.

A connection that a security group tracks survives a change of groups, so each interface changes twice: first to a
group that allows everything both ways, where connections are not tracked, and at once to the isolation group, where
that ends them. In between the interface is open to the world. Both changes are made here, interface by interface, and
whatever fails in between, the second one is still tried, the open group loses its rules, and then the second one is
tried again for some seconds. A run that is killed in between leaves an interface in the open group, which the next
``look`` sees and the next ``apply`` closes first. It makes sure before that the group allows everything: who stands in
it may have been put there by somebody else, with connections that are tracked. Where the first change is left out,
because it is refused or EC2 asks for fewer requests, that is raised or, beside a worse error, remarked.

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
from dataclasses import dataclass, field
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

    type _Rule = IpPermissionTypeDef | IpPermissionOutputTypeDef

ISOLATION = "isolation"
OPEN = "open"

#: The first name that is ours, or free, is taken: somebody else may have made a group of the first name.
_NAMES = tuple(f"tourniquet-{ISOLATION}{suffix}" for suffix in ("", "-2", "-3", "-4", "-5"))
_AT_ONCE = 8
_TRIES = 4
_LOOKS = 3
_PAUSE_SECONDS = 0.4
#: How long the last step is tried again at most, and the pauses before each try.
_SECONDS = 6
_PAUSES = (0.25, 0.5, 1, 2, 2)
#: So many interfaces are named, of all that are meant.
_NAMED = 3
_UNTOUCHED = "untouched"
_LEFT_OPEN = "left open"
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
    the open group of this instance, where one was left. Raises Unavailable when EC2 shows no interface of it.
    """
    ec2: EC2Client = place.client("ec2")
    found = instance(ec2, item.target.id)
    interfaces: Json = {
        one["NetworkInterfaceId"]: {"vpc": one["VpcId"], "groups": [group["GroupId"] for group in one["Groups"]]}
        for one in found.get("NetworkInterfaces", [])
    }
    if not interfaces:
        raise errors.Unavailable(f"EC2 does not show the network interfaces of {item.target.id} (yet).")
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


@dataclass(slots=True)
class _Interface:
    """An interface on its way: where it stands, why its connections may go on, and why it is not isolated."""

    name: str
    stands: str = _UNTOUCHED
    tracked: str = ""
    failed: errors.TourniquetError | None = None


@dataclass(slots=True, kw_only=True)
class _Run:
    """What the cuts of one run share: until when to try again, what became of them, and why nothing is opened more."""

    ec2: EC2Client
    until: float
    interfaces: list[_Interface] = field(default_factory=list)
    failed: list[errors.TourniquetError] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


def apply(place: Place, state: Json) -> None:
    """Isolate every interface that is not isolated yet. Raises StillTracked when open connections may go on.

    That is raised after the cut: a missing open group must not hold it up. What fails in one VPC does not keep the
    interfaces in another from being isolated. An error that is worse says where each interface stands, and its remark
    where open connections may go on.
    """
    run = _Run(ec2=place.client("ec2"), until=time.monotonic() + _SECONDS)
    for vpc in state["groups"]:
        try:
            _isolate(run, vpc, state)
        except errors.TourniquetError as error:
            run.failed.append(error)
    failed = [*run.failed, *(one.failed for one in run.interfaces if one.failed)]
    still = [one for one in run.interfaces if one.stands == ISOLATION and one.tracked]
    may = f"connections that were open may go on through {_named(still)}, because of: " if still else ""
    may += still[0].tracked if still else ""
    if failed:
        worst = type(failed[0])(f"{_where(run, _open_name(state['instance']))}. {failed[0]}")
        worst.remark = may[:1].upper() + may[1:]
        raise worst
    if still:
        raise errors.StillTracked(f"Every interface is isolated, but {may}")


def _where(run: _Run, name: str) -> str:
    """Say where the interfaces stand, those that stand worst first."""
    places = {
        _LEFT_OPEN: f"in the open group {name}, which may have rules still",
        OPEN: f"in the open group {name} (without rules now)",
        _UNTOUCHED: "untouched",
        ISOLATION: "in the isolation group",
    }
    found = {place: [one for one in run.interfaces if one.stands == place] for place in places}
    return "; ".join(f"{places[place]}: {_named(there)}" for place, there in found.items() if there)


def _named(interfaces: list[_Interface]) -> str:
    """Name interfaces, the first few of many."""
    more = len(interfaces) - _NAMED
    return ", ".join(one.name for one in interfaces[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _isolate(run: _Run, vpc: str, state: Json) -> None:
    """Isolate the interfaces in one VPC, those that stand open first; note in each what became of it.

    Whatever fails, the open group loses its rules, and after that what EC2 had no time for is tried again. Raises what
    keeps all of them from being isolated.
    """
    through: str = state["open"].get(vpc, {}).get("id", "")
    had = {name: one["groups"] for name, one in state["interfaces"].items() if one["vpc"] == vpc}
    standing = [_Interface(name, OPEN) for name, groups in had.items() if through and groups == [through]]
    rest = [_Interface(name) for name, groups in had.items() if not through or groups != [through]]
    run.interfaces += [*standing, *rest]
    try:
        last, stays = _isolation_group(run.ec2, vpc)
        done = [last] if state["groups"][vpc]["empty"] else []  # a rule there may have let connections be tracked again
        for one in rest:
            one.stands = ISOLATION if had[one.name] == done else _UNTOUCHED
        rest = [one for one in rest if one.stands == _UNTOUCHED]
        why = ""
        if standing or rest:
            try:
                through = through or _open_group(run.ec2, vpc, state["instance"])
                _allow_everything(run.ec2, through)  # also where one stands in it: who knows who put it there
            except errors.TourniquetError as error:
                why = str(error)
        for one in standing:
            one.tracked = why
        _cut_all(run, standing, [last])
        why = why or next((str(one.failed) for one in standing if one.failed), "")
        for one in rest:
            one.tracked = why
        _cut_all(run, rest, [last] if why else [through, last])  # nothing is opened while one is stuck in there
    finally:
        if through and not _shut(run.ec2, through):
            for one in (*standing, *rest):
                one.stands = _LEFT_OPEN if one.stands == OPEN else one.stands
    _finish(run, [*standing, *rest], last)
    if through:
        _delete(run.ec2, through)
    if stays:
        raise type(stays)(f"The isolation group has rules still: {stays}")


def _cut_all(run: _Run, interfaces: Iterable[_Interface], way: list[str]) -> None:
    """Take each interface through the groups, several at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for cut in [pool.submit(_cut, run, one, way) for one in interfaces]:
            cut.result()


def _cut(run: _Run, interface: _Interface, way: list[str]) -> None:
    """Take an interface through the groups; the last one is tried whatever became of the one before.

    Once EC2 asks for fewer requests, it is not opened any more: the last step needs the requests.
    """
    *through, last = way
    for group in through:
        if run.slow:
            interface.tracked = run.slow[0]
            break
        try:
            interface.stands = OPEN
            _put(run.ec2, interface.name, group)
        except errors.TourniquetError as error:
            interface.tracked = str(error)
            if not isinstance(error, errors.Unavailable):  # without an answer it may stand open
                interface.stands = _UNTOUCHED
            if isinstance(error, errors.Throttled):
                run.slow.append(str(error))
    try:
        _put(run.ec2, interface.name, last)
    except errors.TourniquetError as error:
        interface.failed = error
    else:
        interface.stands, interface.failed = ISOLATION, None


def _put(ec2: EC2Client, interface: str, group: str) -> None:
    """Make a group the only one of an interface. Raises Unavailable when EC2 does not know one of the two (yet)."""
    with aws.translated():
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[group])


def _finish(run: _Run, interfaces: list[_Interface], last: str) -> None:
    """Try the last step again where EC2 asked for fewer requests or did not answer, for some seconds in all."""
    for pause in _PAUSES:
        left = [one for one in interfaces if isinstance(one.failed, errors.Throttled | errors.Unavailable)]
        if not left or time.monotonic() + pause > run.until:
            return
        time.sleep(pause)
        _cut_all(run, left, [last])


def _isolation_group(ec2: EC2Client, vpc: str) -> tuple[str, errors.TourniquetError | None]:
    """Find the isolation group of a VPC, or make it, and take every rule away that it has.

    Gives also why a rule stays, which must not keep the interfaces from being moved. A name that is taken by a group
    that EC2 does not show is another run's, made this moment, or, in a VPC of another account, one of that account's.
    """
    hidden = dict.fromkeys(_NAMES, 0)
    while True:
        known = {group["GroupName"]: group for group in _groups(ec2, [vpc], list(_NAMES))}
        group = next((group for group in known.values() if _kind(group) == ISOLATION), None)
        if group:
            rules = group.get("IpPermissions", []), group.get("IpPermissionsEgress", [])
            return group["GroupId"], _emptied(ec2, group["GroupId"], *rules)
        name = next((name for name in _NAMES if name not in known and hidden[name] < _LOOKS), "")
        if not name:
            raise errors.Unavailable(f"No isolation group could be found or made in {vpc}.")
        made = _make(ec2, vpc, name, ISOLATION, _ISOLATION_IS)
        if made:
            return made, _emptied(ec2, made, (), _EVERYTHING)
        hidden[name] += 1
        time.sleep(_PAUSE_SECONDS)


def _emptied(
    ec2: EC2Client, group: str, ingress: Iterable[_Rule], egress: Iterable[_Rule]
) -> errors.TourniquetError | None:
    """Take rules away; where that fails, read what is left and try once more. Gives why a rule stays."""
    try:
        try:
            _revoke(ec2, group, ingress=ingress, egress=egress)
        except errors.TourniquetError:
            _revoke_the_rest(ec2, group)
    except errors.TourniquetError as error:
        return error
    return None


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
    ingress: Iterable[_Rule] = (),
    egress: Iterable[_Rule] = (),
) -> None:
    """Take rules away, all of a direction at once.

    Where that fails, one by one: neither one that is not there nor one that stays must keep another. Where it was no
    fault of a rule, that would only take time.
    """
    failed: list[errors.TourniquetError] = []
    for revoke, rules in ((ec2.revoke_security_group_ingress, ingress), (ec2.revoke_security_group_egress, egress)):
        failed += _revoke_all(partial(revoke, GroupId=group), list(rules))
    if failed:
        raise failed[0]


def _revoke_all(revoke: Callable[..., object], rules: list[_Rule]) -> list[errors.TourniquetError]:
    """Take the rules of one direction away; give what failed."""
    failed: list[errors.TourniquetError] = []
    for some in [rules, *([rule] for rule in rules)] if rules else []:
        try:
            was_there = not _try(partial(revoke, IpPermissions=some), _NOT_THERE)
        except (errors.Throttled, errors.Unavailable, errors.NotPermitted) as error:
            return [*failed, error]
        except errors.TourniquetError as error:
            failed += [error] if some is not rules else []
            was_there = False
        if some is rules and was_there:
            break
    return failed


def _try(call: Callable[[], object], passing: str) -> bool:
    """Make a call; an error with the code ``passing`` is as good. Tell whether it was that.

    A group made a moment ago may not show yet. Raises Unavailable when it does not.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        with aws.excused(passing, _GONE) as said:
            call()
        if _GONE not in said:
            return passing in said
    raise errors.Unavailable("EC2 does not know (yet) a security group that was read or made a moment ago.")


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


def _shut(ec2: EC2Client, group: str) -> bool:
    """Take the open group's rules away, so that nothing stands open in it; tell whether that worked.

    Also what somebody else allowed in it goes. A failure is only logged: the next look sees the group, and uses it.
    """
    for step in (
        partial(_revoke, ec2, group, ingress=_EVERYTHING, egress=_EVERYTHING),
        partial(_revoke_the_rest, ec2, group),
    ):
        shut = True
        try:
            step()
        except errors.TourniquetError as error:
            shut = False
            logger.warning("an open group could not be closed: %s", error)
    return shut


def _revoke_the_rest(ec2: EC2Client, group: str) -> None:
    with aws.translated():
        found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroups"]
    for one in found:
        _revoke(ec2, group, ingress=one.get("IpPermissions", []), egress=one.get("IpPermissionsEgress", []))


def _delete(ec2: EC2Client, group: str) -> None:
    """Delete the open group, as soon as nothing uses it any more. A failure is only logged: it has no rules."""
    try:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            with aws.excused(_IN_USE, _GONE) as said:
                ec2.delete_security_group(GroupId=group)
            if _IN_USE not in said:
                return
        logger.warning("an open group is left, because something uses it")
    except errors.TourniquetError as error:
        logger.warning("an open group is left: %s", error)


def fields(state: Json) -> Json:
    """Give each interface's groups; none where it has only groups of ours."""
    ours = _ours(state)
    return {
        f"interface {name}": sorted(one["groups"]) if set(one["groups"]) - ours else []
        for name, one in state["interfaces"].items()
    }


def rebase(before: Json, again: Json) -> Json:
    """Give back what was there at first; an interface that came later, or was in our groups then, what it had later.

    One that was in our groups only each time has none to be given back.
    """
    ours = _ours(before, again)
    interfaces: Json = {}
    for state in (again, before):  # the first time says more
        for name, one in state["interfaces"].items():
            groups = _without(one["groups"], ours) or interfaces.get(name, {}).get("groups", [])
            interfaces[name] = {**one, "groups": groups}
    return {**before, "interfaces": interfaces, "groups": {**again["groups"], **before["groups"]}}


def _ours(*states: Json) -> set[str]:
    """Give the groups that are ours, of all that the states name."""
    kinds = [state[kind] for state in states if state for kind in ("groups", "open")]
    return {group["id"] for kind in kinds for group in kind.values()} - {""}


def _without(groups: Iterable[str], ours: Iterable[str]) -> list[str]:
    return [group for group in groups if group not in set(ours)]


def undo(place: Place, change: Change) -> None:
    """Give each interface that is isolated still the groups that it had; one that somebody changed since stays.

    Raises TargetGone when the instance is gone, and Unavailable when one of those groups is. Can be repeated.
    """
    ec2: EC2Client = place.client("ec2")
    found = instance(ec2, change.target.id).get("NetworkInterfaces", [])
    named = _groups(ec2, sorted({one["VpcId"] for one in found}), [*_NAMES, _open_name(change.target.id)])
    ours = {group["GroupId"] for group in named if _kind(group)}
    for one in found:
        had = _without(_had(change).get(one["NetworkInterfaceId"], []), ours)
        if had and {group["GroupId"] for group in one["Groups"]} <= ours:
            with aws.translated():
                ec2.modify_network_interface_attribute(NetworkInterfaceId=one["NetworkInterfaceId"], Groups=had)


def _had(change: Change) -> dict[str, list[str]]:
    """Give the groups that each interface had and that are not ours; none where nobody knows them."""
    ours = _ours(change.before, change.after)
    return {name: _without(one["groups"], ours) for name, one in sorted(change.before["interfaces"].items())}


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that give each interface its groups back."""
    region = change.target.region
    return tuple(commands.set_groups(region, name, groups) for name, groups in _had(change).items() if groups)


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
        Grant(
            action="ec2:ModifyNetworkInterfaceAttribute",
            resource=SECURITY_GROUPS,
            condition=(("Null", f"aws:ResourceTag/{TAG}", "true"),),
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

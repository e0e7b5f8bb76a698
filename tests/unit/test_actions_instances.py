"""Stories of the actions on an instance, and of taking them back, in an account of this process.

What is there is read by clients of the test's own. The actions' clients can be told what to do with a call: to fail,
to stop for good as if the function had been killed, or only to note it.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.autoscaling.models import autoscaling_backends
from moto.core.utils import camelcase_to_underscores
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import InstanceBackend, MetadataOptions
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from lambdas import actions, aws, commands, errors
from lambdas.actions import (
    isolate_instance,
    leave_balancers,
    leave_groups,
    lock_metadata,
    protect_instance,
    stop_instance,
    take_profile,
)
from lambdas.actions.shape import Place
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from tests.unit.cases import ACCOUNT, CASE
from tests.unit.test_actions import pasted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lambdas.model import Json

REGION = "eu-west-1"
ZONE = f"{REGION}a"
MOVE = "ModifyNetworkInterfaceAttribute"
EVERYWHERE = {"0.0.0.0/0", "::/0"}
_numbers = count(1)


class Killed(BaseException):
    """The function is gone: no call of its goes through any more, also not one that was to clean up."""


class Calls:
    """What the actions called, and what is to become of a call.

    ``before`` and ``after`` are asked with the call's name and its number; what they raise is what the caller gets.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all, and let every call through."""
        self.made: list[str] = []
        self.arguments: list[tuple[str, Json]] = []
        self.before: Callable[[str, int], None] = lambda _name, _number: None
        self.after: Callable[[str, int], None] = lambda _name, _number: None

    def note(self, model: Any, params: Json, **_: object) -> None:  # noqa: ANN401 - botocore's own
        """Note a call that is about to be made."""
        with self._lock:
            self.made.append(f"{model.service_model.endpoint_prefix}:{model.name}")
            self.arguments.append((model.name, params["body"]))
            number = len(self.made)
        self.before(model.name, number)

    def ended(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        """Note a call that was made."""
        self.after(model.name, len(self.made))

    def kill_after(self, number: int) -> None:
        """Let so many calls through, and after the last of them none."""
        done = count(1)

        def gone(_name: str, _number: int) -> None:
            if _number > number:
                raise Killed

        def last(_name: str, _number: int) -> None:
            if next(done) >= number:
                raise Killed

        self.before, self.after = gone, last

    def fail(self, number: int, code: str) -> None:
        """Refuse one call."""

        def refuse(name: str, this: int) -> None:
            if this == number:
                raise ClientError({"Error": {"Code": code, "Message": "injected"}}, name)

        self.before = refuse

    def refuse(self, *names: str, code: str = "UnauthorizedOperation") -> None:
        """Refuse every call of these names."""

        def refuse(name: str, _number: int) -> None:
            if name in names:
                raise ClientError({"Error": {"Code": code, "Message": "injected"}}, name)

        self.before = refuse


class Region:
    """A region of the account: the actions' clients, and those that the test reads with."""

    def __init__(self) -> None:
        self.calls = Calls()
        session = boto3.Session(region_name="us-east-1")
        session.events.register("before-call", self.calls.note)
        session.events.register("after-call", self.calls.ended)
        made: dict[tuple[str, str], Any] = {}

        def client(service: str, *, hasty: bool = False, once: bool = False, region: str = "") -> Any:  # noqa: ANN401, ARG001 - boto3's client
            assert not hasty
            if (service, region) not in made:
                made[service, region] = session.client(service, region_name=region or None, config=aws.STANDARD)  # type: ignore[call-overload]  # any service
            return made[service, region]

        self.place = Place(clients=client, region=REGION)
        for service in ("ec2", "autoscaling", "elb", "elbv2"):
            self.place.client(service)
        own = boto3.Session(region_name=REGION)
        self.ec2: Any = own.client("ec2")
        self.autoscaling: Any = own.client("autoscaling")
        self.elb: Any = own.client("elb")
        self.elbv2: Any = own.client("elbv2")
        self.iam: Any = own.client("iam")
        self.image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def vpc(self) -> str:
        """Make a VPC with a subnet, IPv4 and IPv6."""
        vpc: str = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        self.subnet_of(vpc)
        return vpc

    def subnet_of(self, vpc: str) -> str:
        """Give the subnet of a VPC."""
        found = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        if not found:
            found = [self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=ZONE)["Subnet"]]
        subnet: str = found[0]["SubnetId"]
        return subnet

    def group(self, vpc: str, name: str = "", tags: dict[str, str] | None = None) -> str:
        """Make a security group with a rule to come in by, as owners do."""
        name = name or f"app-{next(_numbers)}"
        marked = [{"Key": key, "Value": value} for key, value in (tags or {"team": "shop"}).items()]
        made: str = self.ec2.create_security_group(
            GroupName=name,
            Description="the owner's",
            VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": marked}],
        )["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
        return made

    def instance(self, *vpcs: str, volumes: int = 1, **more: Any) -> Machine:
        """Start an instance with an interface in each VPC of the list, each with two groups of its own."""
        vpcs = vpcs or (self.vpc(),)
        specs = [
            {
                "DeviceIndex": 0,
                "SubnetId": self.subnet_of(vpcs[0]),
                "Groups": [self.group(vpcs[0]), self.group(vpcs[0])],
            }
        ]
        disks = [
            {"DeviceName": f"/dev/sd{chr(97 + number)}", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True}}
            for number in range(volumes)
        ]
        made = self.ec2.run_instances(
            ImageId=self.image,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=specs,
            BlockDeviceMappings=[disk | {"DeviceName": name} for disk, name in zip(disks, DEVICES, strict=False)],
            **more,
        )["Instances"][0]["InstanceId"]
        for number, vpc in enumerate(vpcs[1:], start=1):
            interface = self.ec2.create_network_interface(
                SubnetId=self.subnet_of(vpc), Groups=[self.group(vpc), self.group(vpc)]
            )["NetworkInterface"]["NetworkInterfaceId"]
            self.ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=made, DeviceIndex=number)
        return Machine(self, made)

    def groups(self, vpc: str) -> dict[str, tuple[str, set[str]]]:
        """Read the groups that are ours in a VPC: name → its id and the addresses that its rules name."""
        found = self.ec2.describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag-key", "Values": ["tourniquet"]}]
        )["SecurityGroups"]
        return {group["GroupName"]: (group["GroupId"], addresses(group)) for group in found}

    def rules(self, group: str) -> set[str]:
        """Read the addresses that a group's rules name."""
        return addresses(self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0])


DEVICES = ("/dev/sda1", "/dev/sdf", "/dev/sdg")


def addresses(group: Json) -> set[str]:
    """Give the addresses that a group's rules name, in both directions."""
    rules = [*group["IpPermissions"], *group["IpPermissionsEgress"]]
    return {
        *(one["CidrIp"] for rule in rules for one in rule.get("IpRanges", [])),
        *(one["CidrIpv6"] for rule in rules for one in rule.get("Ipv6Ranges", [])),
    }


class Machine:
    """One instance, whose state a test reads."""

    def __init__(self, region: Region, instance: str) -> None:
        self.region = region
        self.id = instance

    def item(self, action: str) -> PlanItem:
        """Plan an action on it."""
        target = Target(kind=Kind.INSTANCE, id=self.id, account=ACCOUNT, region=REGION)
        return PlanItem(incident_id=CASE, action=action, target=target, mode=Mode.CONTAIN)

    def described(self) -> Any:  # noqa: ANN401 - boto3's answer
        """Describe it."""
        return self.region.ec2.describe_instances(InstanceIds=[self.id])["Reservations"][0]["Instances"][0]

    def interfaces(self) -> dict[str, list[str]]:
        """Read each interface's groups."""
        found = self.region.ec2.describe_network_interfaces(
            Filters=[{"Name": "attachment.instance-id", "Values": [self.id]}]
        )["NetworkInterfaces"]
        return {one["NetworkInterfaceId"]: sorted(group["GroupId"] for group in one["Groups"]) for one in found}

    def vpcs(self) -> list[str]:
        """Read the VPCs that it is in."""
        return sorted({one["VpcId"] for one in self.described()["NetworkInterfaces"]})

    def protection(self, found: Any = None) -> Json:  # noqa: ANN401 - boto3's answer
        """Read what keeps it from being lost; ``found`` is its description, where it was read already."""
        ec2 = self.region.ec2
        kept = ec2.describe_instance_attribute(InstanceId=self.id, Attribute="disableApiTermination")
        shutdown = ec2.describe_instance_attribute(InstanceId=self.id, Attribute="instanceInitiatedShutdownBehavior")
        disks = (found or self.described())["BlockDeviceMappings"]
        return {
            "termination": kept["DisableApiTermination"]["Value"],
            "shutdown": shutdown["InstanceInitiatedShutdownBehavior"]["Value"],
            "deleted": sorted(one["DeviceName"] for one in disks if one["Ebs"]["DeleteOnTermination"]),
        }

    def metadata(self, described: Any = None) -> tuple[str, str, int]:  # noqa: ANN401 - the same
        """Read the options of its metadata service."""
        found = (described or self.described())["MetadataOptions"]
        return found["HttpEndpoint"], found["HttpTokens"], found["HttpPutResponseHopLimit"]

    def profiles(self) -> list[str]:
        """Read the profiles that it has."""
        found = self.region.ec2.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [self.id]}]
        )["IamInstanceProfileAssociations"]
        return [one["IamInstanceProfile"]["Arn"] for one in found if one["State"] == "associated"]

    def auto_scaling_group(self) -> str:
        """Read the Auto Scaling group that it is in."""
        found = self.region.autoscaling.describe_auto_scaling_instances(InstanceIds=[self.id])["AutoScalingInstances"]
        return "".join(one["AutoScalingGroupName"] for one in found)

    def registrations(self, described: Any = None) -> list[str]:  # noqa: ANN401 - the same
        """Read what sends to it: the target groups and the classic load balancers."""
        found = (described or self.described())["NetworkInterfaces"]
        ids = {self.id} | {one["PrivateIpAddress"] for face in found for one in face["PrivateIpAddresses"]}
        vpcs = {face["VpcId"] for face in found}  # each test's VPC has the same addresses
        elbv2 = self.region.elbv2
        groups = [
            group["TargetGroupName"]
            for group in elbv2.describe_target_groups()["TargetGroups"]
            if group["VpcId"] in vpcs
            for one in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
            if one["Target"]["Id"] in ids
        ]
        balancers = [
            balancer["LoadBalancerName"]
            for balancer in self.region.elb.describe_load_balancers()["LoadBalancerDescriptions"]
            for one in balancer["Instances"]
            if one["InstanceId"] == self.id
        ]
        return sorted(groups + balancers)

    def state(self) -> Json:
        """Read everything that the actions could change."""
        found = self.described()
        return {
            "interfaces": self.interfaces(),
            "protection": self.protection(found),
            "metadata": self.metadata(found),
            "profiles": self.profiles(),
            "auto_scaling_group": self.auto_scaling_group(),
            "registrations": self.registrations(found),
            "running": found["State"]["Name"],
        }

    def is_isolated(self) -> bool:
        """Read whether each interface has one group, ours, that has no rule."""
        ours = {vpc: self.region.groups(vpc) for vpc in self.vpcs()}
        empty = {group for groups in ours.values() for group, rules in groups.values() if not rules}
        return all(len(groups) == 1 and set(groups) <= empty for groups in self.interfaces().values())


@pytest.fixture(scope="module")
def region(aws_account: None) -> Iterator[Region]:  # noqa: ARG001 - the account must be there first
    """Give a region; metadata options that a call does not name stay, as on AWS."""
    with pytest.MonkeyPatch.context() as patch:
        keep_metadata_options(patch)
        make_one_group_at_a_time(patch)
        yield Region()


BACKENDS: tuple[Any, ...] = (autoscaling_backends, ec2_backends, elb_backends, elbv2_backends)


def forget() -> None:
    """Empty the region: moto looks through all that is in it at each call."""
    for backends in BACKENDS:
        backends[ACCOUNT][REGION].reset()


def make_one_group_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """Let moto look for a name and take it in one step, as AWS does."""
    create, alone = SecurityGroupBackend.create_security_group, threading.Lock()

    def create_security_group(self: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped
        with alone:
            return create(self, *args, **named)

    patch.setattr(SecurityGroupBackend, "create_security_group", create_security_group)


def keep_metadata_options(patch: pytest.MonkeyPatch) -> None:
    """Let moto's ModifyInstanceMetadataOptions change what it is told only, and refuse others with a disabled one."""
    modify = InstanceBackend.modify_instance_metadata_options
    names = {
        "http_tokens": "http_tokens",
        "hop_limit": "http_put_response_hop_limit",
        "http_endpoint": "http_endpoint",
        "http_protocol": "http_protocol_ipv6",
        "metadata_tags": "instance_metadata_tags",
    }

    def modify_instance_metadata_options(self: Any, instance_id: str, **told: Any) -> MetadataOptions:  # noqa: ANN401 - moto is untyped
        now = self.get_instance(instance_id).metadata_options
        kept = {
            key: getattr(now, attribute) if told.get(key) is None else told[key] for key, attribute in names.items()
        }
        answer: MetadataOptions = modify(self, instance_id, **kept)
        return answer

    patch.setattr(InstanceBackend, "modify_instance_metadata_options", modify_instance_metadata_options)


@pytest.fixture(autouse=True)
def _calls(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test with calls that go through, waiting that takes no time, and nothing that other tests made."""
    region.calls.reset()
    forget()
    monkeypatch.setattr("time.sleep", lambda _: None)


def contain(region: Region, item: PlanItem) -> Change:
    """Carry out one item, as the act handler does: look, apply unless it is so already, look again."""
    action = actions.load(item.action)
    before = action.look(region.place, item)
    already = action.verify(before)
    if not already:
        action.apply(region.place, before)
    after = action.look(region.place, item)
    assert action.verify(after)
    return Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        before=before,
        after=after,
        result=Result.ALREADY if already else Result.DONE,
        changed=not already,
    )


def undo(region: Region, change: Change) -> None:
    """Take a change back."""
    actions.load(change.action).undo(region.place, change)


# What an instance is given, so that each action finds something to do.


def give_profile(machine: Machine) -> str:
    """Give it an instance profile with a role."""
    name = f"app-{next(_numbers)}"
    iam = machine.region.iam
    arn: str = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    machine.region.ec2.associate_iam_instance_profile(IamInstanceProfile={"Arn": arn}, InstanceId=machine.id)
    return arn


def scale(region: Region) -> Machine:
    """Make an Auto Scaling group of one instance, and give that."""
    name = f"group-{next(_numbers)}"
    region.autoscaling.create_launch_configuration(
        LaunchConfigurationName=name, ImageId=region.image, InstanceType="t3.micro"
    )
    region.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=1,
        MaxSize=3,
        DesiredCapacity=1,
        VPCZoneIdentifier=region.subnet_of(region.vpc()),
    )
    (member,) = members(region, name)
    return Machine(region, member)


def members(region: Region, group: str) -> list[str]:
    """Read the instances of an Auto Scaling group."""
    found = region.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return [one["InstanceId"] for one in found[0]["Instances"]]


def target_group(region: Region, vpc: str, kind: str = "instance") -> str:
    """Make a target group."""
    made: str = region.elbv2.create_target_group(
        Name=f"targets-{next(_numbers)}", Protocol="HTTP", Port=80, VpcId=vpc, TargetType=kind
    )["TargetGroups"][0]["TargetGroupArn"]
    return made


def balance(machine: Machine) -> None:
    """Register it with two target groups, by its id and by an address, and with two classic load balancers."""
    region = machine.region
    (vpc, *_) = machine.vpcs()
    by_id, by_address = target_group(region, vpc), target_group(region, vpc, "ip")
    address = machine.described()["NetworkInterfaces"][0]["PrivateIpAddress"]
    region.elbv2.register_targets(TargetGroupArn=by_id, Targets=[{"Id": machine.id, "Port": 8080}])
    region.elbv2.register_targets(TargetGroupArn=by_address, Targets=[{"Id": address}, {"Id": "10.0.1.250"}])
    for _ in range(2):
        name = f"classic-{next(_numbers)}"
        region.elb.create_load_balancer(
            LoadBalancerName=name,
            Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
            AvailabilityZones=[ZONE],
        )
        region.elb.register_instances_with_load_balancer(LoadBalancerName=name, Instances=[{"InstanceId": machine.id}])


def is_contained(machine: Machine, action: str) -> bool:
    """Read whether an action's containment holds, as somebody would who knows nothing of the action."""
    holds: dict[str, Callable[[], bool]] = {
        "isolate_instance": machine.is_isolated,
        "leave_balancers": lambda: not machine.registrations(),
        "leave_groups": lambda: not machine.auto_scaling_group(),
        "lock_metadata": lambda: machine.metadata()[0] == "disabled",
        "protect_instance": lambda: machine.protection() == KEPT,
        "stop_instance": lambda: machine.described()["State"]["Name"] in {"stopping", "stopped"},
        "take_profile": lambda: not machine.profiles(),
    }
    return holds[action]()


KEPT = {"termination": True, "shutdown": "stop", "deleted": []}


def prepared(region: Region, action: str) -> Machine:
    """Make an instance on which the action has all to do that it can."""
    if action == "leave_groups":
        return scale(region)
    if action == "isolate_instance":
        here, there = region.vpc(), region.vpc()
        return region.instance(here, here, here, there)
    machine = region.instance(
        volumes=2,
        InstanceInitiatedShutdownBehavior="terminate",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    )
    if action == "take_profile":
        give_profile(machine)
    if action == "leave_balancers":
        balance(machine)
    return machine


ACTIONS = (
    "isolate_instance",
    "leave_balancers",
    "leave_groups",
    "lock_metadata",
    "protect_instance",
    "stop_instance",
    "take_profile",
)


# Of every action.


@pytest.mark.parametrize("action", ACTIONS)
def test_it_is_done_and_taken_back(region: Region, action: str) -> None:
    """Given an instance, when an action is made and taken back twice, it holds in between and leaves no trace."""
    machine = prepared(region, action)
    state = machine.state()
    assert not is_contained(machine, action)
    made = contain(region, machine.item(action))
    assert (made.result, is_contained(machine, action)) == (Result.DONE, True)
    undo(region, made)
    assert machine.state() == state
    undo(region, made)
    assert machine.state() == state


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_done_is_not_done_again(region: Region, action: str) -> None:
    """Given an instance where it is done, when it is to be done, nothing is changed; nor is it when applied twice."""
    machine = prepared(region, action)
    first = contain(region, machine.item(action))
    state = machine.state()
    again = contain(region, machine.item(action))
    assert (again.result, machine.state()) == (Result.ALREADY, state)
    actions.load(action).apply(region.place, first.before)
    assert is_contained(machine, action)


@pytest.mark.parametrize("action", ACTIONS)
def test_two_at_once_are_as_one(region: Region, action: str) -> None:
    """Given two runs that saw the same, when both apply it, it holds."""
    machine = prepared(region, action)
    seen = actions.load(action).look(region.place, machine.item(action))
    for _ in range(2):
        actions.load(action).apply(region.place, seen)
    assert is_contained(machine, action)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_instance_that_is_gone_is_said_to_be(region: Region, action: str) -> None:
    """Given an instance that is terminated or was never there, it is gone, for the action and for its undo."""
    machine = prepared(region, action)
    made = contain(region, machine.item(action))
    region.ec2.modify_instance_attribute(InstanceId=machine.id, DisableApiTermination={"Value": False})
    region.ec2.terminate_instances(InstanceIds=[machine.id])
    never = Machine(region, "i-0123456789abcdef0")
    for gone in (machine, never):
        with pytest.raises(errors.TargetGone):
            actions.load(action).look(region.place, gone.item(action))
        with pytest.raises(errors.TargetGone):
            undo(region, replace(made, target=gone.item(action).target))


@pytest.mark.parametrize("action", ACTIONS)
def test_what_was_so_before_is_not_taken_back(region: Region, action: str) -> None:
    """Given an instance where it was so already, when that is undone, nothing is changed, and nothing is offered."""
    machine = prepared(region, action)
    contain(region, machine.item(action))
    already = contain(region, machine.item(action))
    state = machine.state()
    undo(region, already)
    assert machine.state() == state
    assert actions.load(action).undo_command(already) == ()


@pytest.mark.parametrize("action", ACTIONS)
def test_every_call_is_granted_and_every_grant_is_called(region: Region, action: str) -> None:
    """Given an action and its undo, what they call is what they are granted."""
    power = actions.load(action)
    machine = prepared(region, action)
    region.calls.reset()
    made = contain(region, machine.item(action))
    assert granted(power.grants) == set(region.calls.made)
    region.calls.reset()
    undo(region, made)
    assert granted(power.undo_grants) == set(region.calls.made)


def granted(grants: tuple[aws.Grant, ...]) -> set[str]:
    """Name what is granted and not only implied."""
    return {grant.action for grant in grants if not grant.implied_by}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_was_there_first_is_what_is_given_back(region: Region, action: str) -> None:
    """Given a change that was undone by somebody and made anew, when it is taken back, it is as it was at first."""
    machine = prepared(region, action)
    state = machine.state()
    first = contain(region, machine.item(action))
    undo(region, first)
    again = contain(region, machine.item(action))
    undo(region, replace(again, before=actions.load(action).rebase(first.before, again.before)))
    assert machine.state() == state


@pytest.mark.parametrize("action", ACTIONS)
def test_the_printed_lines_undo_it(region: Region, action: str, tmp_path: Path) -> None:
    """Given a change, when the lines that are printed are pasted, the instance is as it was."""
    machine = prepared(region, action)
    state = machine.state()
    made = contain(region, machine.item(action))
    lines = actions.load(action).undo_command(made)
    assert lines
    for line in lines:
        (words,) = pasted(line, tmp_path)
        carry_out(region, words)
    assert machine.state() == state


def carry_out(region: Region, words: list[str]) -> None:
    """Make the call of boto3 that a command of the CLI stands for."""
    service, name, *rest = words
    assert f"--region={REGION}" in rest
    client = getattr(region, service)
    model = client.meta.service_model.operation_model(
        next(
            op
            for op in client.meta.service_model.operation_names
            if camelcase_to_underscores(op) == name.replace("-", "_")
        )
    )
    options: dict[str, list[str]] = {}
    for word in rest:
        if word.startswith("--"):
            option, *value = word.removeprefix("--").split("=", 1)
            values = options.setdefault(option, value)
        else:
            values.append(word)
    arguments: Json = {}
    for option, values in options.items():
        if option == "region":
            continue
        if option == "no-disable-api-termination":
            arguments["DisableApiTermination"] = {"Value": False}
            continue
        member = next(key for key in model.input_shape.members if dashed(key) == option)
        arguments[member] = understood(model.input_shape.members[member], values)
    if arguments.get("InstanceInitiatedShutdownBehavior"):  # moto knows only the other form of it
        value = arguments.pop("InstanceInitiatedShutdownBehavior")
        arguments |= {"Attribute": "instanceInitiatedShutdownBehavior", "Value": value}
    getattr(client, name.replace("-", "_"))(**arguments)


def dashed(member: str) -> str:
    """Give the option of the CLI for a member of a request."""
    return str(camelcase_to_underscores(member)).replace("_", "-")


def understood(shape: Any, values: list[str]) -> Any:  # noqa: ANN401 - botocore's shape, a request's value
    """Read an option's values as the CLI does."""
    if values[0].startswith(("[", "{")):
        return json.loads(values[0])
    if shape.type_name == "list" and shape.member.type_name == "structure":
        (key,) = shape.member.members
        return [{key: value} for value in values]
    if shape.type_name == "list":
        return values
    return int(values[0]) if shape.type_name == "integer" else values[0]


# Isolation.


@pytest.mark.parametrize("interfaces", [1, 4])
@pytest.mark.parametrize("has_group", [False, True])
def test_every_interface_is_cut_off(region: Region, interfaces: int, has_group: bool) -> None:  # noqa: FBT001 - a parameter
    """Given a VPC with and without an isolation group, when an instance is isolated, nothing else is changed."""
    vpc = region.vpc()
    bystander = region.instance(vpc)
    if has_group:
        contain(region, region.instance(vpc).item("isolate_instance"))
    machine = region.instance(*[vpc] * interfaces)
    aside, owners = bystander.state(), {group: region.rules(group) for group in flat(machine.interfaces())}
    contain(region, machine.item("isolate_instance"))
    assert len(machine.interfaces()) == interfaces
    assert machine.is_isolated()
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]
    assert bystander.state() == aside
    assert {group: region.rules(group) for group in owners} == owners


def flat(interfaces: dict[str, list[str]]) -> set[str]:
    """Give the groups of all interfaces."""
    return {group for groups in interfaces.values() for group in groups}


def test_interfaces_in_two_vpcs_are_cut_off_in_each(region: Region) -> None:
    """Given an instance with interfaces in two VPCs, when it is isolated, each VPC has an isolation group."""
    here, there = region.vpc(), region.vpc()
    machine = region.instance(here, there, there)
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    assert [list(region.groups(vpc)) for vpc in (here, there)] == [["tourniquet-isolation"]] * 2


def test_each_interface_goes_through_the_open_group(region: Region) -> None:
    """Given an instance, when it is isolated, each interface is opened, both ways and for IPv6 too, and then closed."""
    machine = region.instance(*[region.vpc()] * 2)
    open_to: list[set[str]] = []
    opened = region.groups

    def watch(name: str, _number: int) -> None:
        if name == MOVE:
            (vpc,) = machine.vpcs()
            held = {group for groups in machine.interfaces().values() for group in groups}
            open_to.extend(rules for group, rules in opened(vpc).values() if group in held and rules)

    region.calls.after = watch
    contain(region, machine.item("isolate_instance"))
    assert open_to
    assert all(rules == EVERYWHERE for rules in open_to)
    moves = [body["NetworkInterfaceId"] for name, body in region.calls.arguments if name == MOVE]
    assert sorted(moves) == sorted([*machine.interfaces()] * 2)
    assert machine.is_isolated()


@pytest.mark.parametrize("foreign", [1, 2])
def test_a_group_of_our_name_that_is_not_ours_is_not_used(region: Region, foreign: int) -> None:
    """Given groups of our names without our tag, when an instance is isolated, they stay, and another name is taken."""
    vpc = region.vpc()
    names = ["tourniquet-isolation", "tourniquet-isolation-2", "tourniquet-isolation-3"]
    theirs = [region.group(vpc, name) for name in names[:foreign]]
    rules = [all_rules(region, group) for group in theirs]
    machine = region.instance(vpc)
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    assert list(region.groups(vpc)) == [names[foreign]]
    assert [all_rules(region, group) for group in theirs] == rules


def test_without_a_free_name_nothing_stands_open(region: Region) -> None:
    """Given a VPC where all our names are taken, when an instance is to be isolated, that is said, and it stays."""
    vpc = region.vpc()
    for suffix in ("", "-2", "-3", "-4", "-5"):
        region.group(vpc, f"tourniquet-isolation{suffix}")
    machine = region.instance(vpc)
    state = machine.state()
    with pytest.raises(errors.Unavailable, match="No isolation group"):
        contain(region, machine.item("isolate_instance"))
    assert machine.state() == state
    assert region.groups(vpc) == {}


def test_an_isolation_group_loses_the_rules_that_somebody_gave_it(region: Region) -> None:
    """Given an isolation group with rules, IPv4, IPv6 and of a group, when it is used, or is in use, they go."""
    vpc = region.vpc()
    machine = region.instance(vpc)
    contain(region, machine.item("isolate_instance"))
    ((group, _),) = region.groups(vpc).values()
    for next_one in (machine, region.instance(vpc)):
        open_up(region, group)
        assert not machine.is_isolated()
        contain(region, next_one.item("isolate_instance"))
        assert machine.is_isolated()
        assert next_one.is_isolated()


def open_up(region: Region, group: str) -> None:
    """Give a group rules of every kind, in both directions."""
    rules: list[Any] = [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 90, "UserIdGroupPairs": [{"GroupId": group}]},
    ]
    found = region.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    region.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    region.ec2.authorize_security_group_egress(  # a new group has the first of them
        GroupId=group, IpPermissions=rules[1:] if found["IpPermissionsEgress"] else rules
    )


@pytest.mark.parametrize("stands", [1, 2])
def test_what_a_killed_run_left_open_is_closed_and_not_opened_again(region: Region, stands: int) -> None:
    """Given interfaces that stand open, when it is done again, they are closed before another one is opened."""
    machine = region.instance(*[region.vpc()] * 3)
    (vpc,) = machine.vpcs()
    left = region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"})
    open_up(region, left)
    standing = sorted(machine.interfaces())[:stands]
    for name in standing:
        region.ec2.modify_network_interface_attribute(NetworkInterfaceId=name, Groups=[left])
    contain(region, machine.item("isolate_instance"))
    moves = [body for name, body in region.calls.arguments if name == MOVE]
    assert {move["NetworkInterfaceId"] for move in moves[:stands]} == set(standing)
    assert all(len([m for m in moves if m["NetworkInterfaceId"] == name]) == 1 for name in standing)
    assert machine.is_isolated()
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]


def test_an_open_group_that_was_left_with_rules_is_closed(region: Region) -> None:
    """Given an isolated instance whose open group was left, when it is looked at again, the group goes."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    contain(region, machine.item("isolate_instance"))
    open_up(region, region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"}))
    contain(region, machine.item("isolate_instance"))
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]


@pytest.mark.parametrize(
    "refused", ["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "CreateSecurityGroup"]
)
def test_without_an_open_group_it_is_isolated_and_that_is_said(region: Region, refused: str) -> None:
    """Given that no open group can be made, when an instance is isolated, it is, and open connections are told of."""
    vpc = region.vpc()
    contain(region, region.instance(vpc).item("isolate_instance"))
    machine = region.instance(vpc, vpc)
    state = machine.state()
    region.calls.refuse(refused)
    with pytest.raises(errors.StillTracked, match=r"Every interface is isolated, but .* injected"):
        contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]
    region.calls.reset()
    # What failed has no state after it in the journal, and can be taken back all the same.
    seen = isolate_instance.look(region.place, machine.item("isolate_instance"))
    before = seen | {
        "interfaces": {name: {"vpc": vpc, "groups": groups} for name, groups in state["interfaces"].items()}
    }
    item = machine.item("isolate_instance")
    undo(
        region,
        Change(
            item_id=item.id,
            incident_id=CASE,
            action=item.action,
            target=item.target,
            before=before,
            result=Result.FAILED,
        ),
    )
    assert machine.state() == state


def test_a_foreign_group_under_the_open_groups_name_is_not_used(region: Region) -> None:
    """Given somebody's group under the open group's name, when the instance is isolated, it is, without that."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    theirs = region.group(vpc, f"tourniquet-open-{machine.id}")
    rules = all_rules(region, theirs)
    with pytest.raises(errors.StillTracked, match="was not made here"):
        contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    assert all_rules(region, theirs) == rules


def test_a_vpc_that_fails_does_not_keep_the_other_from_being_cut(region: Region) -> None:
    """Given two VPCs of which one has no free name, when an instance is isolated, the other's interfaces are."""
    here, there = region.vpc(), region.vpc()
    for suffix in ("", "-2", "-3", "-4", "-5"):
        region.group(min(here, there), f"tourniquet-isolation{suffix}")
    machine = region.instance(here, there)
    with pytest.raises(errors.Unavailable, match="No isolation group"):
        contain(region, machine.item("isolate_instance"))
    ((_, groups),) = [(vpc, region.groups(vpc)) for vpc in (here, there) if vpc == max(here, there)]
    ((isolation, _),) = groups.values()
    assert [isolation] in machine.interfaces().values()


def test_an_interface_that_cannot_be_changed_does_not_keep_another_open(region: Region) -> None:
    """Given one interface that stands open and cannot be moved, the other ones are cut, and the open group is empty."""
    machine = region.instance(*[region.vpc()] * 3)
    (vpc,) = machine.vpcs()
    left = region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"})
    open_up(region, left)
    stuck, *others = sorted(machine.interfaces())
    region.ec2.modify_network_interface_attribute(NetworkInterfaceId=stuck, Groups=[left])

    def refuse(name: str, number: int) -> None:
        _, body = region.calls.arguments[number - 1]
        if name == MOVE and body["NetworkInterfaceId"] == stuck:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "injected"}}, name)

    region.calls.before = refuse
    with pytest.raises(errors.NotPermitted):
        contain(region, machine.item("isolate_instance"))
    groups = region.groups(vpc)
    assert {name: machine.interfaces()[name] for name in others} == {
        name: [groups["tourniquet-isolation"][0]] for name in others
    }
    assert machine.interfaces()[stuck] == [left]
    assert all_rules(region, left) == []


def all_rules(region: Region, group: str) -> list[Json]:
    """Read a group's rules."""
    found = region.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return [*found["IpPermissions"], *found["IpPermissionsEgress"]]


def test_an_interface_that_was_changed_since_is_left_alone(region: Region) -> None:
    """Given an isolated instance of which the owner released one interface otherwise, the undo leaves that one."""
    machine = region.instance(*[region.vpc()] * 2)
    (vpc,) = machine.vpcs()
    had = machine.interfaces()
    made = contain(region, machine.item("isolate_instance"))
    changed, other = sorted(had)
    forensics = region.group(vpc)
    region.ec2.modify_network_interface_attribute(NetworkInterfaceId=changed, Groups=[forensics])
    undo(region, made)
    assert machine.interfaces() == {changed: [forensics], other: had[other]}


def test_an_interface_that_came_later_is_given_back_what_it_had(region: Region) -> None:
    """Given an interface that is attached after the isolation, it is isolated too, and each gets its own back."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    first = contain(region, machine.item("isolate_instance"))
    (old,) = machine.interfaces()
    had = {old: first.before["interfaces"][old]["groups"]}
    later = region.group(vpc)
    new = region.ec2.create_network_interface(SubnetId=region.subnet_of(vpc), Groups=[later])["NetworkInterface"]
    name = new["NetworkInterfaceId"]
    region.ec2.attach_network_interface(NetworkInterfaceId=name, InstanceId=machine.id, DeviceIndex=1)
    again = contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    undo(region, replace(again, before=isolate_instance.rebase(first.before, again.before)))
    assert machine.interfaces() == {old: sorted(had[old]), name: [later]}


def test_many_at_once_in_one_vpc_make_one_isolation_group(region: Region) -> None:
    """Given instances of one VPC, when all are isolated at the same time, they share one group without rules."""
    vpc = region.vpc()
    machines = [region.instance(vpc) for _ in range(4)]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: contain(region, machine.item("isolate_instance")), machines))
    assert all(machine.is_isolated() for machine in machines)
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]


# What goes wrong on the way to the isolation group.


def refuse_moves(region: Region, code: str, which: Callable[[str, str, int], bool]) -> None:
    """Refuse the changes of which this is true: told the interface, ``open`` or ``isolation``, and how often before."""
    seen: dict[tuple[str, str], int] = {}

    def refuse(name: str, number: int) -> None:
        _, body = region.calls.arguments[number - 1]
        if name == MOVE:
            there = region.ec2.describe_security_groups(GroupIds=[body["SecurityGroupId.1"]])["SecurityGroups"][0]
            move = body["NetworkInterfaceId"], kind_of(there)
            seen[move] = seen.get(move, -1) + 1
            if which(*move, seen[move]):
                raise ClientError({"Error": {"Code": code, "Message": "injected"}}, name)

    region.calls.before = refuse


def kind_of(group: Json) -> str:
    """Read what a group of ours is for."""
    return "".join(tag["Value"] for tag in group["Tags"] if tag["Key"] == "tourniquet")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("RevokeSecurityGroupEgress", "InvalidGroup.NotFound"),
        (MOVE, "InvalidGroup.NotFound"),
        (MOVE, "InvalidNetworkInterfaceID.NotFound"),
    ],
)
def test_a_part_that_is_not_known_does_not_mean_that_the_instance_is_gone(region: Region, call: str, code: str) -> None:
    """Given that EC2 does not know a group or an interface, when an instance is isolated, it is worth another try."""
    machine = region.instance()
    region.calls.refuse(call, code=code)
    with pytest.raises(errors.Unavailable):
        contain(region, machine.item("isolate_instance"))


def test_an_instance_without_interfaces_is_not_isolated(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an instance of which EC2 shows no interface, when it is looked at, nobody takes it for isolated."""
    machine = region.instance()
    monkeypatch.setattr(isolate_instance, "instance", lambda *_: machine.described() | {"NetworkInterfaces": []})
    with pytest.raises(errors.Unavailable, match="does not show"):
        isolate_instance.look(region.place, machine.item("isolate_instance"))


def test_that_connections_may_go_on_is_not_forgotten_beside_a_worse_error(region: Region) -> None:
    """Given one interface that is cut without being opened, and one that fails, when that is told, so is the first."""
    machine = region.instance(*[region.vpc()] * 2)
    tracked, stuck = sorted(machine.interfaces())
    (vpc,) = machine.vpcs()
    refuse_moves(
        region,
        "UnauthorizedOperation",
        lambda name, kind, _: (name, kind) in {(tracked, "open"), (stuck, "isolation")},
    )
    with pytest.raises(errors.NotPermitted) as caught:
        contain(region, machine.item("isolate_instance"))
    assert caught.value.remark.startswith(f"Connections that were open may go on through {tracked}, because of: ")
    assert stuck not in caught.value.remark
    assert machine.interfaces()[tracked] == [region.groups(vpc)["tourniquet-isolation"][0]]
    refuse_moves(region, "UnauthorizedOperation", lambda *_: False)
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()


def test_that_connections_may_go_on_is_a_remark_of_its_own(region: Region) -> None:
    """Given an interface that is cut without being opened, when that is told, it is a remark that can be kept."""
    machine = region.instance()
    refuse_moves(region, "UnauthorizedOperation", lambda _name, kind, _: kind == "open")
    with pytest.raises(errors.StillTracked) as caught:
        contain(region, machine.item("isolate_instance"))
    assert caught.value.remark == str(caught.value)
    assert str(errors.StillTracked(caught.value.remark)) == str(caught.value)


@pytest.mark.parametrize("stands", [1, 2])
def test_who_stands_in_an_open_group_that_is_not_open_is_cut_off_too(region: Region, stands: int) -> None:
    """Given somebody's open group with a narrow rule and interfaces in it, when these are cut, it allows all before."""
    machine = region.instance(*[region.vpc()] * 2)
    (vpc,) = machine.vpcs()
    theirs = region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"})  # allows one port
    for name in sorted(machine.interfaces())[:stands]:
        region.ec2.modify_network_interface_attribute(NetworkInterfaceId=name, Groups=[theirs])
    allowed: list[set[tuple[str, str]]] = []

    def watch(name: str, _number: int) -> None:
        if name == MOVE:
            group = region.ec2.describe_security_groups(GroupIds=[theirs])["SecurityGroups"][0]
            allowed.append(all_open(group))

    region.calls.before = watch
    contain(region, machine.item("isolate_instance"))
    assert len(allowed) == 4 - stands
    assert all(ways == {(way, to) for way in ("in", "out") for to in EVERYWHERE} for ways in allowed)
    assert machine.is_isolated()


def all_open(group: Json) -> set[tuple[str, str]]:
    """Read the directions and addresses for which a group allows every protocol."""
    return {
        (way, one.get("CidrIp") or one["CidrIpv6"])
        for way, rules in (("in", group["IpPermissions"]), ("out", group["IpPermissionsEgress"]))
        for rule in rules
        if rule["IpProtocol"] == "-1"
        for one in (*rule.get("IpRanges", []), *rule.get("Ipv6Ranges", []))
    }


def test_who_stands_in_a_group_that_cannot_be_opened_may_stay_connected(region: Region) -> None:
    """Given an interface in an open group that cannot be made to allow all, when it is cut, it is, and that is said."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    theirs = region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"})
    (name,) = machine.interfaces()
    region.ec2.modify_network_interface_attribute(NetworkInterfaceId=name, Groups=[theirs])
    region.calls.refuse("AuthorizeSecurityGroupIngress")
    with pytest.raises(errors.StillTracked, match="injected"):
        contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()


def test_who_stands_in_an_isolation_group_with_rules_is_cut_off_anew(region: Region) -> None:
    """Given an isolated instance whose group was given rules, when it is cut again, what connected meanwhile ends."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    contain(region, machine.item("isolate_instance"))
    open_up(region, region.groups(vpc)["tourniquet-isolation"][0])
    region.calls.arguments.clear()
    contain(region, machine.item("isolate_instance"))
    assert [name for name, _ in region.calls.arguments].count(MOVE) == 2
    assert machine.is_isolated()


def test_an_error_says_where_each_interface_stands(region: Region) -> None:
    """Given interfaces of which one cannot be closed, when that is told, so is where each one stands."""
    machine = region.instance(*[region.vpc()] * 3)
    one, two, three = sorted(machine.interfaces())
    refuse_moves(
        region,
        "UnauthorizedOperation",
        lambda name, kind, _: (name, kind) in {(one, "isolation"), (two, "open"), (two, "isolation")},
    )
    with pytest.raises(errors.NotPermitted) as caught:
        contain(region, machine.item("isolate_instance"))
    assert str(caught.value).startswith(
        f"in the open group tourniquet-open-{machine.id} (without rules now): {one}; untouched: {two}; "
        f"in the isolation group: {three}. ModifyNetworkInterfaceAttribute: UnauthorizedOperation"
    )


def test_nothing_is_opened_while_another_one_is_stuck(region: Region) -> None:
    """Given an interface that stands open and cannot be moved, when the others are cut, they are not opened first."""
    machine = region.instance(*[region.vpc()] * 3)
    (vpc,) = machine.vpcs()
    left = region.group(vpc, f"tourniquet-open-{machine.id}", {"tourniquet": "open"})
    stuck, *others = sorted(machine.interfaces())
    region.ec2.modify_network_interface_attribute(NetworkInterfaceId=stuck, Groups=[left])
    refuse_moves(region, "UnauthorizedOperation", lambda name, *_: name == stuck)
    with pytest.raises(errors.NotPermitted) as caught:
        contain(region, machine.item("isolate_instance"))
    assert all(name in caught.value.remark for name in others)
    to = {body["SecurityGroupId.1"] for name, body in region.calls.arguments if name == MOVE}
    assert to == {region.groups(vpc)["tourniquet-isolation"][0]}


def test_without_an_answer_an_interface_may_stand_open(region: Region) -> None:
    """Given an interface whose changes are not answered, when that is told, nobody says that it is untouched."""
    machine = region.instance()
    refuse_moves(region, "InternalError", lambda *_: True)
    with pytest.raises(errors.Unavailable, match=r"^in the open group"):
        contain(region, machine.item("isolate_instance"))


def test_an_error_says_when_an_interface_stands_open_to_all(region: Region) -> None:
    """Given an open group that keeps its rules and an interface in it, when that is told, it is not told for closed."""
    machine = region.instance()
    region.calls.refuse("RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", code="UnauthorizedOperation")
    refuse = region.calls.before

    def both(name: str, number: int) -> None:
        refuse(name, number)
        if name == MOVE and [call for call, _ in region.calls.arguments].count(MOVE) == 2:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "injected"}}, name)

    region.calls.before = both
    with pytest.raises(errors.NotPermitted) as caught:
        contain(region, machine.item("isolate_instance"))
    (name,) = machine.interfaces()
    said = f"in the open group tourniquet-open-{machine.id}, which may have rules still: {name}. "
    assert str(caught.value).startswith(said)


def test_an_error_about_many_interfaces_is_short(region: Region) -> None:
    """Given many interfaces that cannot be changed, when that is told, the first ones are named, and how many more."""
    machine = region.instance(*[region.vpc()] * 12)
    region.calls.refuse(MOVE)
    with pytest.raises(errors.NotPermitted, match=r"untouched: .* and 9 more") as caught:
        contain(region, machine.item("isolate_instance"))
    assert len(str(caught.value)) < 400


def test_rules_are_taken_away_at_once(region: Region) -> None:
    """Given an isolation group with many rules, when an instance is isolated, they go with one call a direction."""
    vpc = region.vpc()
    contain(region, region.instance(vpc).item("isolate_instance"))
    rules: list[Any] = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "203.0.113.9/32"}]}
        for port in range(1000, 1030)
    ]
    group = region.groups(vpc)["tourniquet-isolation"][0]
    region.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    region.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    machine = region.instance(vpc)
    region.calls.reset()
    contain(region, machine.item("isolate_instance"))
    before = region.calls.made[: region.calls.made.index(f"ec2:{MOVE}")]
    assert len([call for call in before if "Revoke" in call]) == 2
    assert machine.is_isolated()


@pytest.mark.parametrize(("code", "left"), [("UnauthorizedOperation", 3), ("InvalidParameterValue", 1)])
def test_a_rule_that_stays_does_not_keep_the_interfaces_from_being_moved(region: Region, code: str, left: int) -> None:
    """Given an isolation group with a rule that stays, when an instance is isolated, it is moved, and that is said."""
    vpc = region.vpc()
    contain(region, region.instance(vpc).item("isolate_instance"))
    group = region.groups(vpc)["tourniquet-isolation"][0]
    open_up(region, group)
    machine = region.instance(vpc)

    def refuse(name: str, number: int) -> None:
        _, body = region.calls.arguments[number - 1]
        if name == "RevokeSecurityGroupIngress" and body["GroupId"] == group and "22" in map(str, body.values()):
            raise ClientError({"Error": {"Code": code, "Message": "injected"}}, name)

    region.calls.before = refuse
    with pytest.raises(
        (errors.NotPermitted, errors.Unexpected),
        match=r"in the isolation group: .* The isolation group has rules still: .* injected",
    ):
        contain(region, machine.item("isolate_instance"))
    assert [*machine.interfaces().values()] == [[group]]
    assert len(all_rules(region, group)) == left
    region.calls.reset()
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()


def test_a_rule_is_taken_away_with_a_second_try(region: Region) -> None:
    """Given a call for a group's rules that fails once, when an instance is isolated, nobody needs to hear of it."""
    machine = region.instance()
    refused = count()

    def refuse(name: str, _number: int) -> None:
        if name == "RevokeSecurityGroupEgress" and not next(refused):
            raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "injected"}}, name)

    region.calls.before = refuse
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()


# Many interfaces, and EC2 asks for fewer requests.


def test_once_ec2_asks_for_fewer_requests_only_the_last_step_is_made(region: Region) -> None:
    """Given many interfaces and an open step that is throttled, when they are cut, the others are not opened."""
    machine = region.instance(*[region.vpc()] * 12)
    refuse_moves(region, "RequestLimitExceeded", lambda _name, kind, _: kind == "open")
    with pytest.raises(errors.StillTracked, match="RequestLimitExceeded"):
        contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    moves = [body for name, body in region.calls.arguments if name == MOVE]
    assert len(moves) <= 12 + 8  # so many are at it at once


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "InvalidGroup.NotFound"])
def test_the_last_step_is_tried_again_and_nothing_stands_open_meanwhile(
    region: Region, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a last step that fails for a moment, when it is tried again, the open group has no rules by then."""
    machine = region.instance(*[region.vpc()] * 3)
    (vpc,) = machine.vpcs()
    waited: list[list[Any]] = []

    def wait(seconds: float) -> None:
        if seconds in isolate_instance._PAUSES:  # noqa: SLF001 - and not where a group is waited for
            waited.append([rules for _, rules in region.groups(vpc).values() if rules])

    refuse_moves(region, code, lambda _name, kind, before: kind == "isolation" and before < 2)
    monkeypatch.setattr("time.sleep", wait)
    contain(region, machine.item("isolate_instance"))
    assert machine.is_isolated()
    assert waited == [[], []]


def test_the_last_step_is_not_tried_for_ever(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a last step that is throttled for good, when it is tried again, that ends in time, and is said."""
    machine = region.instance(*[region.vpc()] * 2)
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    refuse_moves(region, "RequestLimitExceeded", lambda _name, kind, _: kind == "isolation")
    with pytest.raises(errors.Throttled, match="open group"):
        contain(region, machine.item("isolate_instance"))
    assert 3 < sum(seconds for seconds in waited if seconds in isolate_instance._PAUSES) < 6  # noqa: SLF001 - as above


def test_the_last_step_is_not_tried_when_the_time_is_up(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given calls that took all the time, when the last step failed, it is left to the next run."""
    machine = region.instance()
    waited: list[float] = []
    times = count(0, 5)
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    refuse_moves(region, "InternalError", lambda _name, kind, _: kind == "isolation")
    with pytest.raises(errors.Unavailable):
        contain(region, machine.item("isolate_instance"))
    assert not set(waited) & {0.5, 1, 2}


# VPCs that another account shares.


def test_a_vpc_may_be_of_another_account() -> None:
    """Given a shared VPC, whose ARN has its owner's account, when a group is made in it, that is granted."""
    on_vpcs = [grant.resource for grant in isolate_instance.ACTION.grants if "vpc/" in grant.resource]
    assert on_vpcs == ["arn:{partition}:ec2:*:*:vpc/*"]


@pytest.mark.parametrize("hidden", [1, 2])
def test_a_name_that_is_taken_by_what_nobody_sees_is_left(region: Region, hidden: int) -> None:
    """Given names that are taken by groups that are not shown, when an instance is isolated, the next one is taken."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    names = ["tourniquet-isolation", "tourniquet-isolation-2", "tourniquet-isolation-3"]

    def refuse(name: str, number: int) -> None:
        _, body = region.calls.arguments[number - 1]
        if name == "CreateSecurityGroup" and body["GroupName"] in names[:hidden]:
            raise ClientError({"Error": {"Code": "InvalidGroup.Duplicate", "Message": "injected"}}, name)

    region.calls.before = refuse
    contain(region, machine.item("isolate_instance"))
    assert list(region.groups(vpc)) == [names[hidden]]
    region.calls.arguments.clear()
    region.calls.made.clear()
    contain(region, region.instance(vpc).item("isolate_instance"))
    made = [body["GroupName"] for name, body in region.calls.arguments if name == "CreateSecurityGroup"]
    assert not set(made) & set(names)  # the one that is ours is found at once


def test_a_group_that_is_only_not_shown_yet_is_waited_for(region: Region) -> None:
    """Given a group that another run made this moment, when it is not shown yet, no second one is made."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    tries = count()

    def refuse(name: str, _number: int) -> None:
        if name == "CreateSecurityGroup" and next(tries) < 2:
            raise ClientError({"Error": {"Code": "InvalidGroup.Duplicate", "Message": "injected"}}, name)

    region.calls.before = refuse
    contain(region, machine.item("isolate_instance"))
    assert list(region.groups(vpc)) == ["tourniquet-isolation"]


# What is given back.


def test_a_group_of_ours_that_nobody_noted_is_not_given_back(region: Region) -> None:
    """Given an interface that was in a group of ours under a later name, when it is undone, it stays isolated."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    made = contain(region, machine.item("isolate_instance"))
    (name,) = machine.interfaces()
    ours = region.group(vpc, "tourniquet-isolation-2", {"tourniquet": "isolation"})
    had = made.before["interfaces"] | {name: {"vpc": vpc, "groups": [ours]}}
    undo(region, replace(made, before=made.before | {"interfaces": had}))
    assert machine.is_isolated()


def test_what_is_put_together_of_two_vpcs_can_be_read(region: Region) -> None:
    """Given an interface in a second VPC that came later, when both readings are put together, both are known."""
    here, there = region.vpc(), region.vpc()
    first = isolate_instance.look(region.place, region.instance(here).item("isolate_instance"))
    later = isolate_instance.look(region.place, region.instance(here, there).item("isolate_instance"))
    both = isolate_instance.rebase(first, later)
    assert set(both["groups"]) == {here, there}
    assert not isolate_instance.verify(both)


def faces(group: str = "", through: str = "", **interfaces: list[str]) -> Json:
    """Give a reading of an instance: our groups in its VPC, and the groups of its interfaces."""
    return {
        "instance": "i-1",
        "region": REGION,
        "interfaces": {name: {"vpc": "vpc-1", "groups": groups} for name, groups in interfaces.items()},
        "groups": {"vpc-1": {"id": group, "empty": bool(group)}},
        "open": {"vpc-1": {"id": through, "empty": False}} if through else {},
    }


@pytest.mark.parametrize(
    ("before", "again", "back"),
    [
        (faces(a=["own"]), faces("iso", a=["other"]), {"a": ["own"]}),
        (faces("iso", a=["iso"]), faces("iso", a=["own"]), {"a": ["own"]}),
        (faces(a=["own"]), faces("iso", a=["iso"], b=["own"]), {"a": ["own"], "b": ["own"]}),
        (faces(a=["own"]), faces("iso", "open", a=["iso"], b=["open"]), {"a": ["own"]}),
        (faces("iso", "open", a=["open"]), faces("iso", a=["own", "iso"]), {"a": ["own"]}),
        (faces("old", a=["old"]), faces("iso", a=["old", "own"]), {"a": ["own"]}),
        (faces("old", a=["own"]), faces("iso", a=["iso"]), {"a": ["own"]}),
        (faces("iso", a=["iso"]), faces("iso", "open", a=["open"]), {}),
    ],
)
def test_an_interface_is_never_given_one_of_our_groups(before: Json, again: Json, back: dict[str, list[str]]) -> None:
    """Given what was there at first and later, when it is put together, each has its own groups, and none of ours."""
    item = PlanItem(
        incident_id=CASE,
        action="isolate_instance",
        target=Target(kind=Kind.INSTANCE, id="i-1", account=ACCOUNT, region=REGION),
        mode=Mode.CONTAIN,
    )
    change = Change(
        item_id=item.id,
        incident_id=CASE,
        action=item.action,
        target=item.target,
        before=isolate_instance.rebase(before, again),
        result=Result.DONE,
    )
    assert isolate_instance.undo_command(change) == tuple(
        commands.set_groups(REGION, name, groups) for name, groups in back.items()
    )
    ours_only = replace(change, before=faces("iso", "open", a=["iso"], b=["open"]))  # and nothing is known of after
    assert isolate_instance.undo_command(ours_only) == ()


def test_what_comes_in_between_kills_is_given_back(region: Region) -> None:
    """Given an interface that came later, and a kill while it stood open, when all is undone, it has its own groups."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    item = machine.item("isolate_instance")
    (old,) = had = machine.interfaces()
    before = contain(region, item).before
    own = region.group(vpc)
    new = region.ec2.create_network_interface(SubnetId=region.subnet_of(vpc), Groups=[own])["NetworkInterface"]
    name = new["NetworkInterfaceId"]
    region.ec2.attach_network_interface(NetworkInterfaceId=name, InstanceId=machine.id, DeviceIndex=1)
    before = isolate_instance.rebase(before, isolate_instance.look(region.place, item))
    seen = isolate_instance.look(region.place, item)

    def killed(call: str, _number: int) -> None:
        if call == MOVE:
            region.calls.kill_after(0)
            raise Killed

    region.calls.after = killed
    with pytest.raises(Killed):
        isolate_instance.apply(region.place, seen)
    region.calls.reset()
    assert machine.interfaces()[name] != [own]
    made = contain(region, item)
    before = isolate_instance.rebase(before, made.before)
    undo(region, replace(made, before=before))
    assert machine.interfaces() == {old: had[old], name: [own]}
    assert len(isolate_instance.undo_command(replace(made, before=before))) == 2


# Auto Scaling.


def test_the_group_starts_another_instance(region: Region) -> None:
    """Given an instance of an Auto Scaling group, when it leaves, it runs on, and another one is in its place."""
    machine = scale(region)
    group = machine.auto_scaling_group()
    contain(region, machine.item("leave_groups"))
    (other,) = members(region, group)
    assert other != machine.id
    assert machine.described()["State"]["Name"] == "running"


def test_an_instance_of_no_group_has_nothing_to_leave(region: Region) -> None:
    """Given an instance of no Auto Scaling group, when it is to leave, that is so already."""
    made = contain(region, region.instance().item("leave_groups"))
    assert (made.result, made.before["group"]) == (Result.ALREADY, "")


@pytest.mark.parametrize("lifecycle", ["Terminating", "Terminating:Wait", "Terminating:Proceed"])
def test_what_auto_scaling_is_terminating_is_said_to_be(region: Region, lifecycle: str) -> None:
    """Given an instance that its group terminates, when it is to leave, that is said, and nothing is called."""
    machine = scale(region)
    in_group(machine).lifecycle_state = lifecycle
    with pytest.raises(errors.StateChanged, match="is terminating the instance already"):
        contain(region, machine.item("leave_groups"))
    assert "autoscaling:DetachInstances" not in region.calls.made


def test_an_instance_on_its_way_out_has_left(region: Region) -> None:
    """Given an instance that is detaching, when it is to leave, that is so already."""
    machine = scale(region)
    in_group(machine).lifecycle_state = "Detaching"
    assert contain(region, machine.item("leave_groups")).result is Result.ALREADY


def in_group(machine: Machine) -> Any:  # noqa: ANN401 - moto is untyped
    """Give moto's own record of an instance in its group."""
    from moto.autoscaling.models import autoscaling_backends

    groups = autoscaling_backends[ACCOUNT][REGION].autoscaling_groups
    return next(one for one in groups[machine.auto_scaling_group()].instance_states if one.instance.id == machine.id)


@pytest.mark.parametrize("there", [False, True])
def test_a_refusal_counts_only_while_it_is_in_the_group(region: Region, there: bool) -> None:  # noqa: FBT001 - a parameter
    """Given that detaching is refused as it is when it has left, when it is in the group still, that is an error."""
    machine = scale(region)
    seen = leave_groups.look(region.place, machine.item("leave_groups"))
    if not there:
        contain(region, machine.item("leave_groups"))
    region.calls.refuse("DetachInstances", code="ValidationError")
    if there:
        with pytest.raises(errors.Unexpected, match="injected"):
            leave_groups.apply(region.place, seen)
    else:
        leave_groups.apply(region.place, seen)


def test_an_instance_in_another_group_by_now_stays_there(region: Region) -> None:
    """Given an instance that left and was put into another group since, when that is undone, it stays there."""
    machine = scale(region)
    group = machine.auto_scaling_group()
    made = contain(region, machine.item("leave_groups"))
    other = scale(region).auto_scaling_group()
    region.autoscaling.attach_instances(AutoScalingGroupName=other, InstanceIds=[machine.id])
    undo(region, made)
    assert machine.id in members(region, other)
    assert machine.id not in members(region, group)


# Load balancers.


def test_others_targets_stay(region: Region) -> None:
    """Given groups with other targets, and one of another VPC with the same address, those stay."""
    machine = region.instance()
    (vpc,) = machine.vpcs()
    neighbour, elsewhere = region.instance(vpc), region.vpc()
    address = machine.described()["PrivateIpAddress"]
    shared, abroad = target_group(region, vpc), target_group(region, elsewhere, "ip")
    region.elbv2.register_targets(TargetGroupArn=shared, Targets=[{"Id": machine.id}, {"Id": neighbour.id}])
    region.elbv2.register_targets(TargetGroupArn=abroad, Targets=[{"Id": address}])
    made = contain(region, machine.item("leave_balancers"))
    assert made.before["targets"] == {shared: [{"Id": machine.id, "Ports": [80]}]}
    assert targets(region, shared) == {neighbour.id}
    assert targets(region, abroad) == {address}


def targets(region: Region, group: str) -> set[str]:
    """Read the targets of a group."""
    found = region.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {one["Target"]["Id"] for one in found}


def test_a_target_outside_of_its_groups_vpc_is_found(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a group of another VPC that says that the target is outside of it, the instance is in that too."""
    machine = region.instance()
    abroad = target_group(region, region.vpc(), "ip")
    address = machine.described()["PrivateIpAddress"]
    region.elbv2.register_targets(TargetGroupArn=abroad, Targets=[{"Id": address}])
    elbv2 = region.place.client("elbv2")
    ask = elbv2.describe_target_health

    def outside(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = ask(**arguments)
        for one in answer["TargetHealthDescriptions"]:
            one["Target"]["AvailabilityZone"] = "all"
        return answer

    monkeypatch.setattr(elbv2, "describe_target_health", outside)
    state = leave_balancers.look(region.place, machine.item("leave_balancers"))
    assert state["targets"][abroad] == [{"Id": address, "AvailabilityZone": "all", "Ports": [80]}]


@pytest.mark.parametrize(
    ("field", "value", "target"),
    [
        ("Ipv6Addresses", [{"Ipv6Address": "2001:db8::5"}], "2001:DB8:0::5"),
        ("Ipv4Prefixes", [{"Ipv4Prefix": "10.0.1.96/28"}], "10.0.1.97"),
        ("Ipv6Prefixes", [{"Ipv6Prefix": "2001:db8:1::/80"}], "2001:db8:1::77"),
        ("PrivateIpAddresses", [{"PrivateIpAddress": "10.0.1.4"}, {"PrivateIpAddress": "10.0.1.9"}], "10.0.1.9"),
    ],
)
def test_a_target_is_found_by_any_address(
    region: Region, monkeypatch: pytest.MonkeyPatch, field: str, value: list[Json], target: str
) -> None:
    """Given a target that is an IPv6 or a secondary address of the instance, or one of a prefix, it leaves that."""
    machine = region.instance()
    group = target_group(region, machine.vpcs()[0], "ip")
    region.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": target}, {"Id": "10.0.1.250"}])
    ec2 = region.place.client("ec2")
    describe = ec2.describe_instances

    def described(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = describe(**arguments)
        for one in answer["Reservations"][0]["Instances"][0]["NetworkInterfaces"]:
            one[field] = value
        return answer

    monkeypatch.setattr(ec2, "describe_instances", described)
    contain(region, machine.item("leave_balancers"))
    assert targets(region, group) == {"10.0.1.250"}


def test_what_is_being_drained_has_left(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a target that is draining or not registered any more, when it is to leave, that is so already."""
    machine = region.instance()
    groups = [target_group(region, machine.vpcs()[0]) for _ in range(3)]
    for group in groups:
        region.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine.id}])
    states = {
        groups[0]: {"State": "draining", "Reason": "Target.DeregistrationInProgress"},
        groups[1]: {"State": "unused", "Reason": "Target.NotRegistered"},
        groups[2]: {"State": "unused", "Reason": "Target.NotInUse"},
    }
    elbv2 = region.place.client("elbv2")
    ask = elbv2.describe_target_health

    def drained(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = ask(**arguments)
        for one in answer["TargetHealthDescriptions"]:
            one["TargetHealth"] = states.get(arguments["TargetGroupArn"], one["TargetHealth"])
        return answer

    monkeypatch.setattr(elbv2, "describe_target_health", drained)
    state = leave_balancers.look(region.place, machine.item("leave_balancers"))
    assert list(state["targets"]) == [groups[2]]


@pytest.mark.parametrize("name", ["DeregisterTargets", "DeregisterInstancesFromLoadBalancer"])
def test_each_is_left_whatever_becomes_of_the_others(region: Region, name: str) -> None:
    """Given that one kind of leaving is refused, when it is to leave, the other is made, and that is said."""
    machine = region.instance()
    balance(machine)
    region.calls.refuse(name, code="AccessDenied")
    with pytest.raises(errors.NotPermitted, match="injected"):
        contain(region, machine.item("leave_balancers"))
    left = machine.registrations()
    kept = "targets-" if name == "DeregisterTargets" else "classic-"
    assert len(left) == 2
    assert all(one.startswith(kept) for one in left)


@pytest.mark.parametrize("when", ["look", "apply"])
def test_a_group_or_balancer_that_vanishes_is_as_good_as_left(region: Region, when: str) -> None:
    """Given a target group and a load balancer that are deleted meanwhile, when it is to leave, the others are left."""
    machine = region.instance()
    balance(machine)
    item = machine.item("leave_balancers")
    seen = leave_balancers.look(region.place, item)
    gone = min(seen["targets"])

    def delete(name: str, _number: int) -> None:
        if name == "DescribeTargetGroups":
            region.elbv2.delete_target_group(TargetGroupArn=gone)
            region.calls.after = lambda _name, _number: None

    if when == "look":
        region.calls.after = delete
        seen = leave_balancers.look(region.place, item)
        assert gone not in seen["targets"]
    else:
        region.elbv2.delete_target_group(TargetGroupArn=gone)
        region.elb.delete_load_balancer(LoadBalancerName=seen["balancers"][0])
    leave_balancers.apply(region.place, seen)
    assert machine.registrations() == []


def test_what_is_gone_does_not_keep_the_rest_from_being_given_back(region: Region) -> None:
    """Given a target group that is deleted since, when the leaving is undone, the rest is, and it is said."""
    machine = region.instance()
    balance(machine)
    made = contain(region, machine.item("leave_balancers"))
    region.elbv2.delete_target_group(TargetGroupArn=min(made.before["targets"]))
    with pytest.raises(errors.TargetGone, match="TargetGroupNotFound"):
        undo(region, made)
    assert len(machine.registrations()) == 3


def test_what_it_joined_later_is_given_back_too() -> None:
    """Given registrations at first and others later, what is given back is both."""
    one, two = {"Id": "i-1", "Ports": [80]}, {"Id": "i-1", "Ports": [81]}
    first = {"instance": "i-1", "targets": {"a": [one]}, "balancers": ["x"]}
    later = {"instance": "i-1", "targets": {"a": [two], "b": [two]}, "balancers": ["w", "x"]}
    both = {
        "instance": "i-1",
        "targets": {"a": [{"Id": "i-1", "Ports": [80, 81]}], "b": [two]},
        "balancers": ["w", "x"],
    }
    assert leave_balancers.rebase(first, later) == both
    assert first["targets"] == {"a": [one]}


# Protection.


def test_what_was_protected_stays_so(region: Region) -> None:
    """Given an instance that is protected in part, when the protection is undone, that part stays."""
    machine = region.instance(volumes=3, DisableApiTermination=True, InstanceInitiatedShutdownBehavior="stop")
    region.ec2.modify_instance_attribute(
        InstanceId=machine.id,
        BlockDeviceMappings=[{"DeviceName": DEVICES[1], "Ebs": {"DeleteOnTermination": False}}],
    )
    state = machine.protection()
    assert state == {"termination": True, "shutdown": "stop", "deleted": [DEVICES[0], DEVICES[2]]}
    made = contain(region, machine.item("protect_instance"))
    assert machine.protection() == state | {"deleted": []}
    undo(region, made)
    assert machine.protection() == state


def test_of_a_spot_instance_the_volumes_are_kept(region: Region) -> None:
    """Given a Spot instance, when it is to be kept, its volumes are, and nothing is tried that Spot does not have."""
    machine = region.instance(volumes=2, InstanceInitiatedShutdownBehavior="terminate")
    from moto.ec2.models import ec2_backends

    ec2_backends[ACCOUNT][REGION].get_instance(machine.id).lifecycle = "spot"
    state = machine.protection()
    made = contain(region, machine.item("protect_instance"))
    assert made.before["spot"] is True
    assert machine.protection() == state | {"deleted": []}
    undo(region, made)
    assert machine.protection() == state


@pytest.mark.parametrize("number", range(4))
def test_each_protection_is_set_whatever_becomes_of_the_others(region: Region, number: int) -> None:
    """Given that one of the four settings is refused, when an instance is to be kept, the others are set."""
    machine = prepared(region, "protect_instance")
    state = machine.protection()
    asked = count()

    def refuse(name: str, _number: int) -> None:
        if name == "ModifyInstanceAttribute" and next(asked) == number:
            raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "injected"}}, name)

    region.calls.before = refuse
    with pytest.raises(errors.Throttled, match="injected"):
        contain(region, machine.item("protect_instance"))
    now = machine.protection()
    open_still = [name for name in ("termination", "shutdown") if now[name] != KEPT[name]] + now["deleted"]
    assert len(open_still) == 1
    assert state != now


def test_what_the_owner_changed_since_stays(region: Region) -> None:
    """Given a kept instance of which the owner changed a setting, when that is undone, the owner's stays."""
    machine = region.instance(volumes=2)
    before = machine.protection()
    made = contain(region, machine.item("protect_instance"))
    stays = replace(made, before=made.before | {"shutdown": "stop", "termination": True})
    undo(region, stays)
    assert machine.protection() == {"termination": True, "shutdown": "stop", "deleted": before["deleted"]}


def test_a_volume_that_came_later_is_given_back_what_it_had() -> None:
    """Given a volume at first and another one later, each is given back what it had when it was first seen."""
    root, disk = {"device": "/dev/sda1", "delete": True}, {"device": "/dev/sdf", "delete": True}
    first = {"shutdown": "terminate", "volumes": {"vol-1": root}}
    later = {"shutdown": "stop", "volumes": {"vol-1": {**root, "delete": False}, "vol-2": disk}}
    assert protect_instance.rebase(first, later) == {"shutdown": "terminate", "volumes": {"vol-1": root, "vol-2": disk}}


def test_no_grant_is_for_user_data() -> None:
    """Given the grants to change an instance's attributes, each refuses user data, and none is for security groups."""
    changes = [
        grant
        for grant in (*protect_instance.ACTION.grants, *protect_instance.ACTION.undo_grants)
        if grant.action == "ec2:ModifyInstanceAttribute"
    ]
    assert {grant.resource.rsplit(":", 1)[1] for grant in changes} == {"instance/*", "volume/*"}
    assert {grant.condition for grant in changes} == {(("StringNotEqualsIgnoreCase", "ec2:Attribute", "userData"),)}


# The metadata service.


def test_nothing_but_the_endpoint_is_in_the_call(region: Region) -> None:
    """Given an instance, when its metadata service is turned off, the call names the endpoint alone."""
    machine = prepared(region, "lock_metadata")
    contain(region, machine.item("lock_metadata"))
    ((_, body),) = [one for one in region.calls.arguments if one[0] == "ModifyInstanceMetadataOptions"]
    assert {key for key in body if key not in {"Action", "Version"}} == {"InstanceId", "HttpEndpoint"}
    assert machine.metadata() == ("disabled", "required", 2)


def test_a_service_that_is_on_again_stays_as_it_is(region: Region) -> None:
    """Given a service that somebody turned on since, with other options, when that is undone, those stay."""
    machine = prepared(region, "lock_metadata")
    made = contain(region, machine.item("lock_metadata"))
    region.ec2.modify_instance_metadata_options(
        InstanceId=machine.id, HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=1
    )
    undo(region, made)
    assert machine.metadata() == ("enabled", "required", 1)
    assert contain(region, machine.item("lock_metadata")).result is Result.DONE


# The profile.


def test_a_profile_that_somebody_put_back_is_taken_again(region: Region) -> None:
    """Given an instance that has another profile by now, when it is looked at, it is not contained."""
    machine = region.instance()
    give_profile(machine)
    made = contain(region, machine.item("take_profile"))
    other = give_profile(machine)
    undo(region, made)
    assert machine.profiles() == [other]
    again = contain(region, machine.item("take_profile"))
    assert again.result is Result.DONE
    assert take_profile.rebase(made.before, again.before) == made.before


def test_a_profile_that_came_later_is_given_back(region: Region) -> None:
    """Given an instance without a profile that gets one later, what is given back is that one."""
    machine = region.instance()
    first = contain(region, machine.item("take_profile"))
    arn = give_profile(machine)
    again = contain(region, machine.item("take_profile"))
    undo(region, replace(again, before=take_profile.rebase(first.before, again.before)))
    assert (first.result, machine.profiles()) == (Result.ALREADY, [arn])


@pytest.mark.parametrize(("state", "on"), [("associating", True), ("disassociating", False), ("disassociated", False)])
def test_a_profile_on_its_way_out_is_taken(region: Region, state: str, on: bool) -> None:  # noqa: FBT001 - a parameter
    """Given a profile that is coming, going or gone, when it is looked at, only the one that is coming counts."""
    from moto.ec2.models import ec2_backends

    machine = region.instance()
    arn = give_profile(machine)
    ec2_backends[ACCOUNT][REGION].iam_instance_profile_associations[machine.id].state = state
    seen = take_profile.look(region.place, machine.item("take_profile"))
    assert (seen["profile"], take_profile.verify(seen)) == (arn if on else "", not on)


def test_a_role_is_passed_to_ec2_only() -> None:
    """Given the grants of the undo, a role can be passed to EC2, and nobody is granted it but the undo."""
    passing = [grant for grant in take_profile.ACTION.undo_grants if grant.action == "iam:PassRole"]
    assert [grant.condition for grant in passing] == [
        (("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"),),
        (("StringEquals", "iam:PassedToService", "ec2.amazonaws.com.cn"),),
    ]
    assert not any(grant.action == "iam:PassRole" for grant in take_profile.ACTION.grants)


# The stop.


def test_the_stop_is_an_ordinary_one(region: Region) -> None:
    """Given a running instance, when it is stopped, it is neither forced nor put to hibernation."""
    machine = region.instance()
    contain(region, machine.item("stop_instance"))
    ((_, body),) = [one for one in region.calls.arguments if one[0] == "StopInstances"]
    assert not any(key.startswith(("Force", "Hibernate", "SkipOs")) for key in body)


def test_an_instance_that_is_stopping_is_not_started_yet(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an instance that is stopping still, when that is undone, it is said to try again."""
    machine = region.instance()
    made = contain(region, machine.item("stop_instance"))
    ec2 = region.place.client("ec2")
    describe = ec2.describe_instances

    def stopping(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = describe(**arguments)
        answer["Reservations"][0]["Instances"][0]["State"] = {"Name": "stopping"}
        return answer

    monkeypatch.setattr(ec2, "describe_instances", stopping)
    assert stop_instance.verify(stop_instance.look(region.place, machine.item("stop_instance")))
    with pytest.raises(errors.Unavailable, match="stopping still"):
        undo(region, made)
    assert "ec2:StartInstances" not in region.calls.made


def test_an_instance_that_was_stopped_is_not_started(region: Region) -> None:
    """Given an instance that was stopped, started by somebody, and stopped again, what is given back is that it ran."""
    machine = region.instance()
    region.ec2.stop_instances(InstanceIds=[machine.id])
    first = contain(region, machine.item("stop_instance"))
    undo(region, first)
    assert machine.described()["State"]["Name"] == "stopped"
    region.ec2.start_instances(InstanceIds=[machine.id])
    again = contain(region, machine.item("stop_instance"))
    undo(region, replace(again, before=stop_instance.rebase(first.before, again.before)))
    assert machine.described()["State"]["Name"] == "running"


@pytest.mark.parametrize("module", [lock_metadata, stop_instance, take_profile, leave_groups, protect_instance])
def test_a_stopped_instance_is_contained_too(region: Region, module: Any) -> None:  # noqa: ANN401 - a module
    """Given a stopped instance, when an action is made on it and taken back, that works, and it stays stopped."""
    machine = region.instance()
    give_profile(machine)
    region.ec2.stop_instances(InstanceIds=[machine.id])
    state = machine.state()
    made = contain(region, machine.item(module.ACTION.name))
    undo(region, made)
    assert machine.state() == state

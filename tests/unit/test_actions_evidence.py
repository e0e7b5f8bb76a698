"""Stories of the evidence of an instance: its record, what is collected of it, its snapshots and its manifest."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends

from demo.emulator import iam_demands
from demo.emulator.moto_instances import SCREENSHOT
from lambdas import actions, errors
from lambdas.actions import collect_evidence, evidence, record_instance, snapshot_volumes
from lambdas.actions.shape import Place
from lambdas.handlers import act
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from tests.unit.cases import ACCOUNT, CASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_s3 import S3Client

    from lambdas.journal import Table
    from lambdas.model import Json

HOME, REGION = "us-east-1", "eu-west-1"
OTHER_CASE = "inc-20261121-9876543210"
DAYS = 90
SECRET = "password=correct-horse"
RELEASED, ROUND = "2026-11-20T03:31:07.250Z", "20261120T033107Z"
ON_THE_CONSOLE = "Kernel command line"
NO_INSTANCE = "i-0fedcba9876543210"
EVIDENCE = ("collect_evidence", "record_instance", "snapshot_volumes")
_numbers = count(1)


class KilledError(BaseException):
    """The function is ended between two calls; nothing of it goes on."""


@functools.cache
def _client(service: str, region: str) -> Any:  # noqa: ANN401 - boto3's client
    return boto3.client(service, region_name=region)  # type: ignore[call-overload]  # any service


def _of_its_own(client: Any) -> Any:  # noqa: ANN401 - boto3's client
    """Give the same client with listeners of its own: to make one anew takes a while."""
    twin = object.__new__(type(client))
    twin.__dict__.update(client.__dict__, meta=copy.copy(client.meta))
    twin.meta.events = copy.copy(client.meta.events)
    return twin


class Function:
    """The clients of one run of a function: what they called, what they are refused, when the run is killed."""

    def __init__(self, *, refused: dict[str, str] | None = None, killed_after: int = 0) -> None:
        self.calls: list[str] = []
        self.patient: set[str] = set()
        self.before: dict[str, Callable[[], None]] = {}
        self.after: dict[str, Callable[[Any], None]] = {}
        self._refused, self._killed_after = refused or {}, killed_after
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._answers = 0

    def __call__(self, service: str, *, hasty: bool = False, once: bool = False, region: str = "") -> Any:  # noqa: ANN401, ARG002 - boto3's clients; nothing is asked again here
        """Give a client, as ``lambdas.aws.client`` does."""
        with self._lock:
            if not hasty:
                self.patient.add(service)
            if (service, region) not in self._clients:
                made = _of_its_own(_client(service, region or HOME))
                made.meta.events.register("before-call", self._ask)
                made.meta.events.register("after-call", self._answer)
                self._clients[service, region] = made
            return self._clients[service, region]

    @property
    def killed(self) -> bool:
        """Tell whether it was killed."""
        return 0 < self._killed_after <= self._answers

    def _ask(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        with self._lock:
            if self.killed:
                raise KilledError
            self.calls.append(f"{model.service_model.endpoint_prefix}:{model.name}")
        if code := self._refused.get(model.name):
            raise ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}, model.name)  # type: ignore[typeddict-item]
        self.before.get(model.name, lambda: None)()

    def _answer(self, model: Any, parsed: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        with self._lock:
            self._answers += 1
            if self.killed:
                raise KilledError
        self.after.get(model.name, lambda _: None)(parsed)


def failing_once(function: Function, call: str, code: str) -> None:
    """Let the first of these calls fail."""
    calls = count()

    def fail() -> None:
        if next(calls) == 0:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, call)

    function.before[call] = fail


def hiding_snapshots(function: Function, queries: float) -> None:
    """Let so many queries after CreateSnapshots not show what it made."""
    left: list[float] = [0]

    def hide(parsed: Any) -> None:  # noqa: ANN401 - botocore's own
        if left[0]:
            left[0] -= 1
            parsed["Snapshots"] = []

    function.before["CreateSnapshots"] = lambda: left.__setitem__(0, queries)
    function.after["DescribeSnapshots"] = hide


@functools.cache
def _image() -> str:
    """Find an image; listing all takes moto a while."""
    found: str = _client("ec2", REGION).describe_images()["Images"][0]["ImageId"]
    return found


class Machine:
    """One instance with two volumes and two interfaces, and the bucket that its evidence is in."""

    def __init__(self, bucket: str, **launch: Any) -> None:
        self.ec2: EC2Client = _client("ec2", REGION)
        self.s3: S3Client = _client("s3", HOME)
        self.bucket = bucket
        self.again = False
        volumes = [{"DeviceName": name, "Ebs": {"VolumeSize": 8}} for name in ("/dev/sda1", "/dev/sdb")]
        wanted: Any = {"InstanceType": "t3.micro", "UserData": SECRET, "BlockDeviceMappings": volumes} | launch
        made = self.ec2.run_instances(ImageId=_image(), MinCount=1, MaxCount=1, **wanted)["Instances"][0]
        self.id, self.subnet, self.vpc = made["InstanceId"], made["SubnetId"], made["VpcId"]
        self.groups = [self.group([("203.0.113.0/24", 22)]), self.group([])]
        second = self.ec2.create_network_interface(SubnetId=self.subnet, Groups=[self.groups[1]])["NetworkInterface"]
        self.ec2.attach_network_interface(
            InstanceId=self.id, DeviceIndex=1, NetworkInterfaceId=second["NetworkInterfaceId"]
        )
        first = self.described()["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=first, Groups=[self.groups[0]])

    def group(self, rules: list[tuple[str, int]]) -> str:
        """Make a security group that lets some in."""
        made = self.ec2.create_security_group(GroupName=f"g-{next(_numbers)}", Description="x", VpcId=self.vpc)
        for cidr, port in rules:
            self.ec2.authorize_security_group_ingress(
                GroupId=made["GroupId"], IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
            )
        return made["GroupId"]

    def described(self) -> Any:  # noqa: ANN401 - as boto3 gives it
        """Describe it."""
        return self.ec2.describe_instances(InstanceIds=[self.id])["Reservations"][0]["Instances"][0]

    def volumes(self) -> list[str]:
        """List its volumes, the root's first."""
        mappings = sorted(self.described()["BlockDeviceMappings"], key=lambda one: str(one["DeviceName"]))
        return [one["Ebs"]["VolumeId"] for one in mappings]

    def item(self, action: str, case: str = CASE) -> PlanItem:
        """Plan an action on it."""
        target = Target(kind=Kind.INSTANCE, id=self.id, account=ACCOUNT, region=REGION)
        args = {"after_release": RELEASED} if self.again else {}
        return PlanItem(incident_id=case, action=action, target=target, mode=Mode.CONTAIN, args=args)

    def place(self, function: Function | None = None) -> Place:
        """Give what an action works with."""
        return Place(clients=function or Function(), region=REGION, bucket=self.bucket, days=DAYS)

    def run(self, action: str, table: Table, function: Function | None = None, case: str = CASE) -> Change:
        """Make the change, as its function does."""
        execution = f"execution-{next(_numbers)}"
        try:
            return act.perform(actions.load(action), self.place(function), self.item(action, case), table, execution)
        except errors.TourniquetError:
            if function and function.killed:  # the call that killed it was a thread's, and the function goes with it
                raise KilledError from None
            raise

    def folder(self, case: str = CASE) -> str:
        """Name its folder: in the first life of the case, or ``again`` in the one after the release."""
        return f"incidents/{case}/{self.id}{f'-{ROUND}' if self.again else ''}/"

    def kept(self, case: str = CASE) -> dict[str, bytes]:
        """Read everything in its folder."""
        prefix = self.folder(case)
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {one["Key"].removeprefix(prefix): self.read(one["Key"]) or b"" for one in listed}

    def document(self, name: str) -> Json:
        """Read one document of its folder."""
        read: Json = json.loads(self.kept()[name])
        return read

    def interim(self) -> Json:
        """Read the only manifest that is not final."""
        (name,) = (name for name in self.kept() if name.startswith("manifest-"))
        return self.document(name)

    def read(self, key: str, version: str = "") -> bytes | None:
        """Read a version of an object, or the latest."""
        named: Any = {"VersionId": version} if version else {}
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key, **named)["Body"].read()
        except ClientError:
            return None

    def versions(self, case: str = CASE) -> list[str]:
        """List the name of every version that there ever was."""
        listed = self.s3.list_object_versions(Bucket=self.bucket, Prefix=self.folder(case))
        return sorted(one["Key"].rpartition("/")[2] for one in listed["Versions"])

    def snapshots(self, case: str = CASE) -> dict[str, list[Any]]:
        """List the snapshots that are tagged as evidence of it: volume → snapshots."""
        found: dict[str, list[Any]] = {}
        for one in self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
            tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
            wanted = {"tourniquet:incident": case, "tourniquet:instance": self.id}
            wanted |= {"tourniquet:round": ROUND} if self.again else {}
            if {key: value for key, value in tags.items() if key.startswith("tourniquet:")} == wanted:
                found.setdefault(one["VolumeId"], []).append(one)
        return found

    def locks(self, case: str = CASE) -> dict[str, tuple[str, int]]:
        """Read how its snapshots of the case are locked."""
        ids = [one["SnapshotId"] for each in self.snapshots(case).values() for one in each]
        found = self.ec2.describe_locked_snapshots(SnapshotIds=ids)["Snapshots"] if ids else []
        return {one["SnapshotId"]: (one["LockState"], one["LockDuration"]) for one in found}


@pytest.fixture
def region(aws_account: None) -> str:  # noqa: ARG001 - the account must be there first
    """Give the region, without what other tests made, and without the snapshots of public images that moto has."""
    ec2_backends[ACCOUNT][REGION].reset()
    ec2_backends[ACCOUNT][REGION].snapshots.clear()
    return REGION


@pytest.fixture
def bucket(region: str) -> str:  # noqa: ARG001 - the region must be there first
    """Make an evidence bucket, as the stack does."""
    s3 = _client("s3", HOME)
    name = f"evidence-{next(_numbers)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": DAYS}},
        },
    )
    return name


@pytest.fixture
def machine(bucket: str) -> Machine:
    """Start an instance."""
    return Machine(bucket)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing pause between two tries, and nothing be late on a busy machine."""
    for module in (record_instance, collect_evidence):
        for name in (name for name in vars(module) if name.startswith("_SECONDS_TO_")):
            monkeypatch.setattr(module, name, 30.0)
    monkeypatch.setattr(act, "_SECONDS_BETWEEN_READS", 0.0)
    monkeypatch.setattr(snapshot_volumes, "_SECONDS_TO_SHOW", 30.0)
    for module in (collect_evidence, snapshot_volumes):
        monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)


@pytest.fixture
def balance(aws_account: None) -> Iterator[Callable[[Machine], dict[str, str]]]:  # noqa: ARG001 - the account must be there first
    """Put an instance behind a target group by its id, one by its address, and a classic balancer; beside others'."""
    elbv2, elb = _client("elbv2", REGION), _client("elb", REGION)
    made: dict[str, str] = {}

    def group(name: str, kind: Literal["instance", "ip"], vpc: str, target: str) -> None:
        (found,) = elbv2.create_target_group(
            Name=f"{name}-{next(_numbers)}", Protocol="HTTP", Port=80, TargetType=kind, VpcId=vpc
        )["TargetGroups"]
        made[name] = found["TargetGroupArn"]
        elbv2.register_targets(TargetGroupArn=made[name], Targets=[{"Id": target, "Port": 80}])

    def classic(name: str) -> None:
        made[name] = f"{name}-{next(_numbers)}"
        listeners: Any = [{"Protocol": "http", "LoadBalancerPort": 80, "InstancePort": 80}]
        elb.create_load_balancer(LoadBalancerName=made[name], Listeners=listeners, AvailabilityZones=[f"{REGION}a"])

    def put(machine: Machine) -> dict[str, str]:
        group("by-id", "instance", machine.vpc, machine.id)
        group("by-address", "ip", machine.vpc, machine.described()["PrivateIpAddress"])
        group("of-others", "ip", machine.vpc, "172.31.255.250")
        classic("classic")
        classic("classic-of-others")
        elb.register_instances_with_load_balancer(
            LoadBalancerName=made["classic"], Instances=[{"InstanceId": machine.id}]
        )
        return made

    yield put
    for name in made.values():
        if name.startswith("arn:"):
            elbv2.delete_target_group(TargetGroupArn=name)
        else:
            elb.delete_load_balancer(LoadBalancerName=name)


def scale(machine: Machine) -> str:
    """Put it into an Auto Scaling group."""
    autoscaling = _client("autoscaling", REGION)
    name = f"group-{next(_numbers)}"
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        InstanceId=machine.id,
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=0,
        VPCZoneIdentifier=machine.subnet,
    )
    autoscaling.attach_instances(AutoScalingGroupName=name, InstanceIds=[machine.id])
    return name


def give_profile(machine: Machine) -> str:
    """Give it an instance profile."""
    made = _client("iam", HOME).create_instance_profile(InstanceProfileName=f"p-{next(_numbers)}")["InstanceProfile"]
    arn: str = made["Arn"]
    machine.ec2.associate_iam_instance_profile(InstanceId=machine.id, IamInstanceProfile={"Arn": arn})
    return arn


# The record before the first change


def test_the_record_says_what_was_there_before_the_first_change(
    machine: Machine, table: Table, balance: Callable[[Machine], dict[str, str]]
) -> None:
    """Given an instance with everything that can hang on one, its record names all of it, and no user data."""
    group, profile, behind = scale(machine), give_profile(machine), balance(machine)
    function = Function()
    made = machine.run("record_instance", table, function)
    assert (made.result, made.after["kept"]) == (Result.DONE, True)
    record = machine.document("before.json")
    assert (record["incident_id"], record["instance"], record["region"]) == (CASE, machine.id, REGION)
    assert record["missing"] == {}
    parts = record["parts"]
    assert parts["instance"]["InstanceId"] == machine.id
    assert parts["instance"]["LaunchTime"].startswith("20")
    assert {group["GroupId"] for one in parts["interfaces"] for group in one["Groups"]} == set(machine.groups)
    (rule,) = next(one for one in parts["security_groups"] if one["GroupId"] == machine.groups[0])["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) == (22, "203.0.113.0/24")
    assert {one["VolumeId"] for one in parts["volumes"]} == set(machine.volumes())
    assert [one["IamInstanceProfile"]["Arn"] for one in parts["profile"]] == [profile]
    assert [one["AutoScalingGroupName"] for one in parts["auto_scaling"]] == [group]
    targets = {
        one["group"]["TargetGroupArn"]: [each["Target"]["Id"] for each in one["targets"]]
        for one in parts["target_groups"]
    }
    assert targets == {
        behind["by-id"]: [machine.id],
        behind["by-address"]: [machine.described()["PrivateIpAddress"]],
    }
    assert [one["LoadBalancerName"] for one in parts["load_balancers"]] == [behind["classic"]]
    assert parts["termination_protection"] == {"Value": False}
    assert parts["shutdown_behaviour"] == {"Value": "stop"}
    assert SECRET not in machine.kept()["before.json"].decode()
    assert "s3" not in function.patient, "the cut waits for it"


def test_what_is_kept_is_locked(machine: Machine, table: Table) -> None:
    """Given the bucket's retention, each object of the evidence is under it, with a checksum of its own."""
    machine.run("record_instance", table)
    machine.run("collect_evidence", table)
    for name in machine.kept():
        key = f"incidents/{CASE}/{machine.id}/{name}"
        head = machine.s3.head_object(Bucket=machine.bucket, Key=key, ChecksumMode="ENABLED")
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert head["ChecksumSHA256"]


@pytest.mark.parametrize("action", ["record_instance", "collect_evidence"])
def test_a_repeat_writes_nothing(machine: Machine, table: Table, action: str) -> None:
    """Given evidence that is kept, when it is wanted again, nothing is written."""
    machine.run(action, table)
    versions, again = machine.versions(), Function()
    assert machine.run(action, table, again).result is Result.ALREADY
    assert machine.versions() == versions
    assert "s3:PutObject" not in again.calls


@pytest.mark.parametrize("action", ["record_instance", "collect_evidence"])
def test_of_two_runs_at_the_same_time_the_first_one_counts(machine: Machine, action: str) -> None:
    """Given two runs that both saw nothing, when both write, each object is written once and the manifest is right."""
    place, wanted = machine.place(), machine.item(action)
    first = actions.load(action).look(place, wanted)
    second = actions.load(action).look(place, wanted)
    actions.load(action).apply(place, first)
    kept = machine.kept()
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    actions.load(action).apply(place, second)
    now = machine.kept()
    now.pop("screenshot.jpg", None)
    kept.pop("screenshot.jpg", None)
    assert now == kept
    assert len(machine.versions()) == len(set(machine.versions()))


def test_a_stopped_instance_is_recorded(machine: Machine, table: Table) -> None:
    """Given a stopped instance, its record is made like any other."""
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    machine.run("record_instance", table)
    record = machine.document("before.json")
    assert record["parts"]["instance"]["State"]["Name"] == "stopped"
    assert record["missing"] == {}


@pytest.mark.parametrize("action", EVIDENCE)
@pytest.mark.parametrize("how", ["never there", "terminated"])
def test_an_instance_that_is_gone_is_told(machine: Machine, table: Table, action: str, how: str) -> None:
    """Given an instance that is gone, each action says so, and nothing is written or made."""
    if how == "terminated":
        machine.ec2.terminate_instances(InstanceIds=[machine.id])
    else:
        machine.id = NO_INSTANCE
    with pytest.raises(errors.TargetGone):
        machine.run(action, table)
    assert (machine.kept(), machine.snapshots()) == ({}, {})


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded", "InternalError"])
@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("DescribeAutoScalingInstances", {"auto_scaling"}),
        ("DescribeIamInstanceProfileAssociations", {"profile"}),
        ("DescribeInstanceAttribute", {"shutdown_behaviour", "termination_protection"}),
        ("DescribeLoadBalancers", {"load_balancers"}),
        ("DescribeNetworkInterfaces", {"interfaces"}),
        ("DescribeSecurityGroups", {"security_groups"}),
        ("DescribeTargetGroups", {"target_groups"}),
        ("DescribeTargetHealth", {"target_groups"}),
        ("DescribeVolumes", {"volumes"}),
    ],
)
def test_a_part_that_cannot_be_read_is_named_and_the_rest_is_recorded(  # noqa: PLR0917 - fixtures and parameters
    machine: Machine, table: Table, balance: Callable[[Machine], object], call: str, missing: set[str], code: str
) -> None:
    """Given a call that fails, the record is kept without that part and says why, and that is told, once.

    What is journaled before it is changed, by the action that changes it, is not worth a failure here.
    """
    balance(machine)
    if missing <= {"auto_scaling", "load_balancers", "target_groups"}:
        assert machine.run("record_instance", table, Function(refused={call: code})).result is Result.DONE
    else:
        with pytest.raises(errors.NotKept, match="kept without: ") as caught:
            machine.run("record_instance", table, Function(refused={call: code}))
        assert all(part in str(caught.value) for part in missing)
    versions = machine.versions()
    assert machine.run("record_instance", table).result is Result.ALREADY
    assert machine.versions() == versions
    record = machine.document("before.json")
    assert set(record["missing"]) == missing
    assert all(f"{call}: {code}" in why for why in record["missing"].values())
    everything = {"auto_scaling", "instance", "interfaces", "load_balancers", "profile", "security_groups"}
    everything |= {"shutdown_behaviour", "target_groups", "termination_protection", "volumes"}
    assert set(record["parts"]) == everything - missing


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "InternalError", "RequestLimitExceeded", "Odd"])
@pytest.mark.parametrize("call", ["DescribeInstances", "ListObjectsV2", "PutObject"])
def test_a_record_that_cannot_be_made_is_not_worth_waiting_for(
    machine: Machine, table: Table, call: str, code: str
) -> None:
    """Given a failure that would be retried anywhere else, the record is not: the cut waits."""
    with pytest.raises(errors.NotKept, match=f"{call}: {code}"):
        machine.run("record_instance", table, Function(refused={call: code}))
    assert machine.kept() == {}


@pytest.fixture
def stuck() -> Iterator[Function]:
    """Give clients whose calls for volumes and instances can be made to hang until the test ends."""
    function, end = Function(), threading.Event()
    function.before = {name: lambda: None for name in ("DescribeVolumes", "DescribeInstances")}
    function.before["hang"] = lambda: (end.wait(20), None)[1]
    yield function
    end.set()


def test_a_part_that_does_not_come_is_not_waited_for(
    machine: Machine, table: Table, stuck: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a call that hangs, the record is kept in its time, without that part."""
    monkeypatch.setattr(record_instance, "_SECONDS_TO_READ", 1.0)
    stuck.before["DescribeVolumes"] = stuck.before["hang"]
    began = time.monotonic()
    with pytest.raises(errors.NotKept, match="kept without: volumes"):
        machine.run("record_instance", table, stuck)
    assert time.monotonic() - began < 5
    assert list(machine.document("before.json")["missing"]) == ["volumes"]


def test_an_instance_that_cannot_be_described_in_time_is_not_waited_for(
    machine: Machine, table: Table, stuck: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a description that hangs, the record gives up."""
    monkeypatch.setattr(record_instance, "_SECONDS_TO_DESCRIBE", 0.2)
    stuck.before["DescribeInstances"] = stuck.before["hang"]
    with pytest.raises(errors.NotKept, match="no answer within"):
        machine.run("record_instance", table, stuck)


# What is collected

COLLECTED = {
    "console-output.txt",
    "instance.json",
    "network-acls.json",
    "route-tables.json",
    "screenshot.jpg",
    "security-groups.json",
    "snapshots.json",
    "user-data",
    "volumes.json",
}


def collect(machine: Machine, table: Table) -> Change:
    """Make all of the evidence of an instance, in the order of the workflow."""
    machine.run("record_instance", table)
    machine.run("snapshot_volumes", table)
    return machine.run("collect_evidence", table)


def names_in(manifest: Json) -> set[str]:
    """List the objects of a manifest by their names in the folder."""
    return {one["key"].rpartition("/")[2] for one in manifest["objects"]}


def test_all_of_the_evidence_is_in_the_manifest(machine: Machine, table: Table) -> None:
    """Given an instance that runs, each part is an object, and the manifest names each with its SHA-256."""
    made = collect(machine, table)
    assert (made.result, made.after["kept"]) == (Result.DONE, True)
    kept = machine.kept()
    assert set(kept) == COLLECTED | {"before.json", "manifest.json"}
    assert ON_THE_CONSOLE in kept["console-output.txt"].decode()
    assert kept["screenshot.jpg"] == SCREENSHOT
    assert kept["user-data"].decode() == SECRET
    assert {one["GroupId"] for one in json.loads(kept["security-groups.json"])} == set(machine.groups)
    assert {one["VpcId"] for one in json.loads(kept["network-acls.json"])} == {machine.vpc}
    (table_of_routes,) = json.loads(kept["route-tables.json"])
    assert table_of_routes["VpcId"] == machine.vpc
    assert {one["VolumeId"] for one in json.loads(kept["volumes.json"])} == set(machine.volumes())
    assert {one["VolumeId"] for one in json.loads(kept["snapshots.json"])} == set(machine.volumes())
    manifest = machine.document("manifest.json")
    assert (manifest["incident_id"], manifest["instance"], manifest["region"]) == (CASE, machine.id, REGION)
    assert manifest["failed"] == {}
    assert manifest["not_available"] == {"keys.json": "No volume of the instance is encrypted."}
    assert names_in(manifest) == COLLECTED | {"before.json"}
    for one in manifest["objects"]:
        body = kept[one["key"].rpartition("/")[2]]
        assert (one["sha256"], one["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
        assert machine.read(one["key"], one["version_id"]) == body


def test_a_subnet_of_its_own_route_table_shows_it(machine: Machine, table: Table) -> None:
    """Given a subnet with a route table of its own, that one is kept beside the main one, and no other subnet's."""
    other = machine.ec2.create_subnet(VpcId=machine.vpc, CidrBlock=f"172.31.{100 + next(_numbers) % 100}.0/24")
    tables = [machine.ec2.create_route_table(VpcId=machine.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    made = machine.ec2.associate_route_table(RouteTableId=tables[0], SubnetId=machine.subnet)
    machine.ec2.associate_route_table(RouteTableId=tables[1], SubnetId=other["Subnet"]["SubnetId"])
    collect(machine, table)
    found = {one["RouteTableId"] for one in json.loads(machine.kept()["route-tables.json"])}
    machine.ec2.disassociate_route_table(AssociationId=made["AssociationId"])
    assert tables[0] in found
    assert tables[1] not in found


def test_the_manifest_finds_what_was_changed(machine: Machine, table: Table) -> None:
    """Given kept evidence, when an object is overwritten or deleted, the manifest tells which; the version stays."""
    collect(machine, table)
    manifest = machine.document("manifest.json")
    assert evidence.check(manifest, machine.read) == []
    folder = f"incidents/{CASE}/{machine.id}/"
    machine.s3.put_object(Bucket=machine.bucket, Key=f"{folder}console-output.txt", Body=b"nothing happened")
    machine.s3.delete_object(Bucket=machine.bucket, Key=f"{folder}user-data")
    assert evidence.check(manifest, lambda key, _version: machine.read(key)) == [
        f"{folder}console-output.txt is not what was kept: its SHA-256 is not that of the manifest.",
        f"{folder}user-data is missing.",
    ]
    assert evidence.check(manifest, machine.read) == []


def test_the_manifest_can_be_checked_with_a_shell(machine: Machine, table: Table, tmp_path: Path) -> None:
    """Given a copy of the folder, the line that the module's docstring gives says whether it is what was kept."""
    collect(machine, table)
    for name, body in machine.kept().items():
        (tmp_path / name).write_bytes(body)
    line = next(line for line in (evidence.__doc__ or "").splitlines() if line.strip().startswith("jq "))

    def checked() -> subprocess.CompletedProcess[str]:
        shell = ["bash", "-o", "pipefail", "-c", line]
        return subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ})  # noqa: S603 - our own line

    assert shutil.which("jq"), "the line needs jq"
    ran = checked()
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count(": OK") == len(COLLECTED) + 1
    (tmp_path / "volumes.json").write_text("[]")
    ran = checked()
    assert ran.returncode != 0
    assert "volumes.json: FAILED" in ran.stdout


def test_what_may_be_secret_is_stored_and_never_told(
    machine: Machine, table: Table, name: str, dynamodb: DynamoDBClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """Given user data and a console, neither is in a state, a change, the journal, a log or an error."""
    machine.run("record_instance", table)
    with pytest.raises(errors.NotKept) as caught:
        machine.run("collect_evidence", table, Function(refused={"DescribeVolumes": "UnauthorizedOperation"}))
    made = machine.run("collect_evidence", table)
    said = json.dumps(made.to_json()) + str(caught.value) + repr(dynamodb.scan(TableName=name)["Items"])
    said += json.dumps([machine.document("manifest.json"), machine.interim()]) + "".join(capfd.readouterr())
    assert machine.kept()["user-data"].decode() == SECRET
    encoded = "cGFzc3dvcmQ9Y29ycmVjdC1ob3JzZQ"
    for secret in (SECRET, encoded, ON_THE_CONSOLE):
        assert secret not in said


def test_what_a_stopped_instance_cannot_give_is_noted(bucket: str, table: Table) -> None:
    """Given a stopped instance without user data, the manifest says what there is not, and nothing failed."""
    machine = Machine(bucket, UserData="")
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    assert machine.run("collect_evidence", table).result is Result.DONE
    assert machine.document("manifest.json")["not_available"] == {
        "keys.json": "No volume of the instance is encrypted.",
        "screenshot.jpg": "EC2 gives none of this instance: IncorrectInstanceState.",
        "snapshots.json": "There was none of this case yet: they are made at the same time.",
        "user-data": "The instance has none.",
    }


def test_an_older_instance_type_gives_the_console_of_its_start(bucket: str, table: Table) -> None:
    """Given an instance type that cannot give its latest console output, the earlier one is kept."""
    machine, function = Machine(bucket, InstanceType="m1.small"), Function()
    machine.run("collect_evidence", table, function)
    assert ON_THE_CONSOLE in machine.kept()["console-output.txt"].decode()
    assert function.calls.count("ec2:GetConsoleOutput") == 2


def test_an_instance_without_a_console_has_none(machine: Machine, table: Table) -> None:
    """Given an instance that has no console at all, that is noted."""
    machine.run("collect_evidence", table, Function(refused={"GetConsoleOutput": "UnsupportedOperation"}))
    said = machine.document("manifest.json")["not_available"]["console-output.txt"]
    assert said == "EC2 gives none of this instance: UnsupportedOperation."


def test_the_keys_of_encrypted_volumes_are_kept(bucket: str, table: Table) -> None:
    """Given a volume under AWS' key and one under a customer's, both are described, and which cannot be shared."""
    kms = boto3.client("kms", region_name=REGION)
    own = kms.create_key()["KeyMetadata"]["Arn"]
    volumes = [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "Encrypted": True}},
        {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 8, "Encrypted": True, "KmsKeyId": own}},
    ]
    machine = Machine(bucket, BlockDeviceMappings=volumes)
    made = machine.run("snapshot_volumes", table)
    assert set(made.after["encrypted"].values()) == {True}
    machine.run("collect_evidence", table)
    keys = machine.document("keys.json")
    assert len(keys) == 2
    assert "note" not in keys[own]
    (aws,) = [one for key, one in keys.items() if key != own]
    assert aws["key"]["KeyManager"] == "AWS"
    assert "cannot be shared with another account" in aws["note"]


@pytest.mark.parametrize(
    ("call", "failed"),
    [
        ("DescribeInstanceAttribute", {"user-data"}),
        ("DescribeInstances", {"instance.json", "network-acls.json", "route-tables.json", "security-groups.json"}),
        ("DescribeNetworkAcls", {"network-acls.json"}),
        ("DescribeRouteTables", {"route-tables.json"}),
        ("DescribeSecurityGroups", {"security-groups.json"}),
        ("DescribeSnapshots", {"snapshots.json"}),
        ("DescribeVolumes", {"volumes.json", "keys.json"}),
        ("GetConsoleOutput", {"console-output.txt"}),
        ("GetConsoleScreenshot", {"screenshot.jpg"}),
        ("GetObject", {"before.json"}),
    ],
)
def test_a_part_that_failed_is_told_and_the_rest_is_kept(
    machine: Machine, table: Table, call: str, failed: set[str]
) -> None:
    """Given a call that is refused, the rest is kept, the part is named, and the next run collects it."""
    machine.run("record_instance", table)
    machine.run("snapshot_volumes", table)
    with pytest.raises(errors.NotKept) as caught:
        machine.run("collect_evidence", table, Function(refused={call: "UnauthorizedOperation"}))
    assert "manifest.json" not in machine.kept()
    manifest = machine.interim()
    assert set(manifest["failed"]) == failed
    assert names_in(manifest) == (COLLECTED | {"before.json"}) - failed
    assert evidence.check(manifest, machine.read) == []
    for name in failed:
        assert f"{name} (NotPermitted: {call}" in str(caught.value)
    assert machine.run("collect_evidence", table).result is Result.DONE
    final = machine.document("manifest.json")
    assert final["failed"] == {}
    assert names_in(final) == set(machine.kept()) - {"manifest.json"} >= COLLECTED | {"before.json"}
    assert evidence.check(final, machine.read) == []
    assert machine.run("collect_evidence", table).result is Result.ALREADY


def test_what_fails_each_time_is_told_each_time_and_written_once(machine: Machine, table: Table) -> None:
    """Given a part that is refused for good, each run tells it, and the folder does not grow."""
    refused = {"GetConsoleScreenshot": "UnauthorizedOperation"}
    for _ in range(3):
        with pytest.raises(errors.NotKept, match=r"screenshot\.jpg"):
            machine.run("collect_evidence", table, Function(refused=refused))
        assert machine.versions() == sorted(machine.kept())
        assert names_in(machine.interim()) == COLLECTED - {"screenshot.jpg", "snapshots.json"}


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError"])
@pytest.mark.parametrize("call", ["DescribeInstances", "GetConsoleOutput", "GetObject", "PutObject"])
def test_a_part_that_fails_in_passing_is_collected_in_the_same_run(
    machine: Machine, table: Table, call: str, code: str
) -> None:
    """Given a call that fails once, the part is tried again and nothing failed."""
    machine.run("record_instance", table)
    function = Function()
    failing_once(function, call, code)
    assert machine.run("collect_evidence", table, function).result is Result.DONE
    manifest = machine.document("manifest.json")
    assert manifest["failed"] == {}
    assert names_in(manifest) == COLLECTED - {"snapshots.json"} | {"before.json"}


def test_a_key_that_nobody_may_describe_is_told(bucket: str, table: Table) -> None:
    """Given a volume under a key that cannot be described, the rest is kept and the error names that part."""
    volumes = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "Encrypted": True}}]
    machine = Machine(bucket, BlockDeviceMappings=volumes)
    with pytest.raises(errors.NotKept, match=r"keys.json \(NotPermitted: DescribeKey"):
        machine.run("collect_evidence", table, Function(refused={"DescribeKey": "AccessDeniedException"}))
    assert set(machine.interim()["failed"]) == {"keys.json"}


@pytest.mark.parametrize("call", ["ListObjectsV2", "PutObject"])
@pytest.mark.parametrize(("code", "error"), [("AccessDenied", errors.NotPermitted), ("SlowDown", errors.Throttled)])
def test_a_bucket_that_refuses_is_told_as_it_is(
    machine: Machine, table: Table, call: str, code: str, error: type[Exception]
) -> None:
    """Given a bucket that takes nothing, the error is the bucket's, so that what passes is tried again."""
    with pytest.raises(error, match=f"{call}: {code}"):
        machine.run("collect_evidence", table, Function(refused={call: code}))
    assert machine.kept() == {}


def test_what_was_kept_of_an_instance_that_is_gone_meanwhile_has_a_manifest(machine: Machine, table: Table) -> None:
    """Given a record of an instance that is terminated then, the manifest is over it and says so."""
    machine.run("record_instance", table)
    machine.ec2.terminate_instances(InstanceIds=[machine.id])
    with pytest.raises(errors.TargetGone):
        machine.run("collect_evidence", table)
    manifest = machine.document("manifest.json")
    assert names_in(manifest) == {"before.json"}
    assert "is terminated" in manifest["not_available"]["instance"]
    assert evidence.check(manifest, machine.read) == []


# Snapshots


def test_every_volume_is_snapshotted_at_once_and_locked(machine: Machine, table: Table) -> None:
    """Given two volumes, one call makes a snapshot of each, tagged with the case and locked for the days asked for."""
    function = Function()
    made = machine.run("snapshot_volumes", table, function)
    assert made.result is Result.DONE
    found = machine.snapshots()
    assert set(found) == set(machine.volumes())
    for (snapshot,) in found.values():
        assert machine.id in snapshot["Description"]
        assert CASE in snapshot["Description"]
        assert made.after["volumes"][snapshot["VolumeId"]] == snapshot["SnapshotId"]
        assert machine.locks()[snapshot["SnapshotId"]] == ("governance", DAYS)
    assert function.calls.count("ec2:CreateSnapshots") == 1
    assert made.before["volumes"] == dict.fromkeys(machine.volumes(), "")


def test_a_repeat_makes_no_second_set_and_another_case_its_own(machine: Machine, table: Table) -> None:
    """Given a set, when the case comes again nothing is made; another case has a set of its own."""
    machine.run("snapshot_volumes", table)
    again = Function()
    assert machine.run("snapshot_volumes", table, again).result is Result.ALREADY
    assert not {"ec2:CreateSnapshots", "ec2:LockSnapshot"} & set(again.calls)
    machine.run("snapshot_volumes", table, case=OTHER_CASE)
    for case in (CASE, OTHER_CASE):
        assert [len(each) for each in machine.snapshots(case).values()] == [1, 1]


def test_a_volume_that_came_later_gets_its_snapshot_alone(machine: Machine, table: Table) -> None:
    """Given a set and a volume that is attached then, only that one is snapshotted, also where a query shows none."""
    machine.run("snapshot_volumes", table)
    before = machine.snapshots()
    zone = machine.described()["Placement"]["AvailabilityZone"]
    volume = machine.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    machine.ec2.attach_volume(VolumeId=volume, InstanceId=machine.id, Device="/dev/sdx")
    function, queries = Function(), count()
    function.after["DescribeSnapshots"] = lambda parsed: parsed.update({"Snapshots": []} if next(queries) == 1 else {})
    assert machine.run("snapshot_volumes", table, function).result is Result.DONE
    assert {
        name: [one["SnapshotId"] for one in each] for name, each in machine.snapshots().items() if name != volume
    } == {name: [one["SnapshotId"] for one in each] for name, each in before.items()}
    assert len(machine.snapshots()[volume]) == 1


def test_a_snapshot_that_failed_is_made_again_alone(machine: Machine, table: Table) -> None:
    """Given a set whose snapshot of the root volume ended in error, only that one is made again."""
    machine.run("snapshot_volumes", table)
    root, data = machine.volumes()
    (broken,) = machine.snapshots()[root]
    ec2_backends[ACCOUNT][REGION].snapshots[broken["SnapshotId"]].status = "error"
    made = machine.run("snapshot_volumes", table)
    assert made.result is Result.DONE
    assert made.after["volumes"][root] != broken["SnapshotId"]
    assert (len(machine.snapshots()[root]), len(machine.snapshots()[data])) == (2, 1)


def test_a_lock_that_ran_out_is_made_again(machine: Machine, table: Table) -> None:
    """Given a lock that has expired in a case that goes on, the snapshot is locked again."""
    machine.run("snapshot_volumes", table)
    first = next(iter(machine.locks()))
    ec2_backends[ACCOUNT][REGION].snapshots[first].lock["LockState"] = "expired"
    assert machine.run("snapshot_volumes", table).result is Result.DONE
    assert machine.locks()[first] == ("governance", DAYS)


def test_a_lock_that_fails_keeps_no_other_from_being_made(machine: Machine, table: Table) -> None:
    """Given one lock that is refused, the others are made, the error is told as it is, and a repeat makes that one."""
    function = Function()
    failing_once(function, "LockSnapshot", "UnauthorizedOperation")
    with pytest.raises(errors.NotPermitted, match="LockSnapshot"):
        machine.run("snapshot_volumes", table, function)
    assert len(machine.locks()) == 1
    machine.run("snapshot_volumes", table)
    assert len(machine.locks()) == 2
    assert [len(each) for each in machine.snapshots().values()] == [1, 1]


def test_a_snapshot_that_is_not_known_yet_is_not_taken_for_a_lost_instance(machine: Machine, table: Table) -> None:
    """Given an EC2 that does not know the snapshots it just made, the error is one that is tried again."""
    with pytest.raises(errors.Unavailable, match=r"InvalidSnapshot\.NotFound"):
        machine.run("snapshot_volumes", table, Function(refused={"LockSnapshot": "InvalidSnapshot.NotFound"}))


def test_snapshots_that_show_late_are_waited_for(machine: Machine, table: Table) -> None:
    """Given an EC2 that lists snapshots only some time after it made them, there is one set and it is read back."""
    function = Function()
    hiding_snapshots(function, 6)
    assert machine.run("snapshot_volumes", table, function).result is Result.DONE
    is_whole(machine, "snapshot_volumes", CASE)


@pytest.mark.parametrize("late", [0, 6])
def test_a_set_that_began_without_an_answer_is_found_and_not_made_again(
    machine: Machine, table: Table, late: int
) -> None:
    """Given a call that made the set and whose answer was lost, the set is found, also late, and locked."""
    function = Function()
    hiding_snapshots(function, late)
    lost: Any = {"Error": {"Code": "InternalError", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 500}}

    def lose(_: object) -> None:
        raise ClientError(lost, "CreateSnapshots")

    function.after["CreateSnapshots"] = lose
    assert machine.run("snapshot_volumes", table, function).result is Result.DONE
    assert function.calls.count("ec2:CreateSnapshots") == 1
    is_whole(machine, "snapshot_volumes", CASE)


def test_a_set_that_never_shows_is_tried_again_later(
    machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a call that failed on AWS' side and made nothing, the error is one that the workflow tries again."""
    monkeypatch.setattr(snapshot_volumes, "_SECONDS_TO_SHOW", 0.0)
    with pytest.raises(errors.Unavailable, match="CreateSnapshots: InternalError"):
        machine.run("snapshot_volumes", table, Function(refused={"CreateSnapshots": "InternalError"}))
    assert machine.snapshots() == {}
    assert machine.run("snapshot_volumes", table).result is Result.DONE
    is_whole(machine, "snapshot_volumes", CASE)


def test_a_set_that_cannot_be_listed_is_locked_all_the_same(
    machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a set that does not show, or whose listing fails, what EC2 said it made is locked."""
    monkeypatch.setattr(snapshot_volumes, "_SECONDS_TO_SHOW", 0.0)
    function = Function()
    hiding_snapshots(function, float("inf"))
    with pytest.raises(errors.StateChanged):
        machine.run("snapshot_volumes", table, function)
    is_whole(machine, "snapshot_volumes", CASE)
    function = Function()

    def fail(_: object) -> None:
        if "ec2:CreateSnapshots" in function.calls:
            raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "no"}}, "DescribeSnapshots")

    function.after["DescribeSnapshots"] = fail
    with pytest.raises(errors.Throttled):
        machine.run("snapshot_volumes", table, function, OTHER_CASE)
    is_whole(machine, "snapshot_volumes", OTHER_CASE)


def test_a_set_that_another_run_made_meanwhile_is_taken(machine: Machine, table: Table) -> None:
    """Given two runs that both saw no set, the second one finds the first one's before it makes its own."""
    place, power = machine.place(), actions.load("snapshot_volumes")
    seen = power.look(place, machine.item("snapshot_volumes"))
    machine.run("snapshot_volumes", table)
    power.apply(place, seen)
    is_whole(machine, "snapshot_volumes", CASE)


def test_a_lock_is_allowed_for_the_days_of_the_settings_only() -> None:
    """Given the grant to lock, it holds for a lock as long as evidence is kept, for no other one and for no date."""
    (grant,) = (one for one in snapshot_volumes.ACTION.grants if one.action == "ec2:LockSnapshot")
    most = {key: value for operator, key, value in grant.condition if operator == "NumericEquals"}

    def allowed(**asked: object) -> bool:
        parameters = {"SnapshotId": "snap-0123456789abcdef0", "LockMode": "governance", **asked}
        call = iam_demands.Call(
            service="ec2", operation="LockSnapshot", parameters=parameters, region=REGION, account=ACCOUNT
        )
        (demand,) = iam_demands.demands(call)
        return all(
            key in demand.keys and demand.keys[key] == float(value.format(days=DAYS)) for key, value in most.items()
        )

    assert allowed(LockDuration=DAYS)
    assert not allowed(LockDuration=DAYS + 1)
    assert not allowed(LockDuration=DAYS - 1), "it must not shorten a lock either"
    assert not allowed(ExpirationDate="2027-11-20T00:00:00Z")


@pytest.mark.parametrize("call", ["CreateSnapshots", "DescribeInstances", "DescribeSnapshots"])
def test_a_snapshot_call_that_is_refused_is_told(machine: Machine, table: Table, call: str) -> None:
    """Given a call before the snapshots that is refused, it is told and there are none."""
    with pytest.raises(errors.NotPermitted, match=call):
        machine.run("snapshot_volumes", table, Function(refused={call: "UnauthorizedOperation"}))
    assert machine.snapshots() == {}


def test_locks_that_cannot_be_read_are_told_after_the_snapshots_are_locked(machine: Machine, table: Table) -> None:
    """Given a role that may not read the locks, the set is made and locked all the same, and the call is told."""
    refused = Function(refused={"DescribeLockedSnapshots": "UnauthorizedOperation"})
    with pytest.raises(errors.NotPermitted, match="DescribeLockedSnapshots"):
        machine.run("snapshot_volumes", table, refused)
    assert [lock for lock, _ in machine.locks().values()] == ["governance", "governance"]


def test_a_stopped_instance_is_snapshotted(machine: Machine, table: Table) -> None:
    """Given a stopped instance, its volumes are snapshotted like any other's."""
    machine.ec2.stop_instances(InstanceIds=[machine.id])
    assert machine.run("snapshot_volumes", table).result is Result.DONE
    assert set(machine.snapshots()) == set(machine.volumes())


def test_an_instance_without_ebs_volumes_has_nothing_to_snapshot(machine: Machine, table: Table) -> None:
    """Given an instance whose storage is no EBS volume, there is nothing to do."""
    for volume in machine.volumes():
        machine.ec2.detach_volume(VolumeId=volume, InstanceId=machine.id)
    assert machine.run("snapshot_volumes", table).result is Result.ALREADY
    assert machine.snapshots() == {}


def test_a_state_stays_small_with_many_volumes() -> None:
    """Given as many volumes as EC2 snapshots at once, the state fits into a table's item and a workflow's input."""
    ids = [f"{number:017x}" for number in range(128)]
    state = {
        "volumes": {f"vol-{one}": f"snap-{one}" for one in ids},
        "locked": {f"snap-{one}": True for one in ids},
        "encrypted": {f"snap-{one}": True for one in ids},
    }
    assert snapshot_volumes.verify(state)
    assert len(json.dumps(state)) < 20_000


# What is so of all three


def is_whole(machine: Machine, action: str, case: str) -> None:
    """Hold what there is after an action to what has to be: one set, or one version of each object."""
    if action == "snapshot_volumes":
        assert [len(each) for each in machine.snapshots(case).values()] == [1, 1]
        assert list(machine.locks(case).values()) == [("governance", DAYS)] * 2
        return
    kept = machine.kept(case)
    assert machine.versions(case) == sorted(kept)
    if action == "collect_evidence":
        manifest = json.loads(kept["manifest.json"])
        assert manifest["failed"] == {}
        assert names_in(manifest) == set(kept) - {"manifest.json"}
        assert names_in(manifest) == COLLECTED - {"snapshots.json"} | {"before.json"}
        assert evidence.check(manifest, machine.read) == []


def test_a_case_that_comes_back_after_a_release_has_evidence_of_its_own(machine: Machine, table: Table) -> None:
    """Given a case whose containment was released, when it comes back, record, snapshots and parts are new ones."""
    collect(machine, table)
    first = machine.kept(), machine.snapshots()
    machine.again = True
    assert [machine.run(action, table).result for action in reversed(EVIDENCE)] == [Result.DONE] * 3
    is_whole(machine, "snapshot_volumes", CASE)
    of_round = {one["SnapshotId"] for each in machine.snapshots().values() for one in each}
    assert {one["SnapshotId"] for one in json.loads(machine.kept()["snapshots.json"])} == of_round
    manifest = machine.document("manifest.json")
    assert {one["key"] for one in manifest["objects"]} == {
        f"incidents/{CASE}/{machine.id}-{ROUND}/{name}" for name in COLLECTED | {"before.json"}
    }
    assert evidence.check(manifest, machine.read) == []
    assert [machine.run(action, table).result for action in EVIDENCE] == [Result.ALREADY] * 3
    machine.again = False
    assert (machine.kept(), machine.snapshots()) == first
    assert [machine.run(action, table).result for action in EVIDENCE] == [Result.ALREADY] * 3


@pytest.mark.parametrize("action", EVIDENCE)
def test_a_run_that_is_killed_anywhere_is_gone_on_with(machine: Machine, table: Table, action: str) -> None:
    """Given a run that is killed after any of its calls, the next one ends it: one set, one of each object."""
    kills = 0
    for calls in count(1):
        case = f"inc-20261122-{calls:010}"
        if action == "collect_evidence":
            machine.run("record_instance", table, case=case)
        try:
            machine.run(action, table, Function(killed_after=calls), case)
        except KilledError:
            kills += 1
            machine.run(action, table, case=case)
        is_whole(machine, action, case)
        if kills < calls:
            break
    assert kills >= len({grant.action for grant in actions.load(action).grants if "Describe" in grant.action})


@pytest.mark.parametrize("action", EVIDENCE)
def test_evidence_is_not_undone(machine: Machine, table: Table, action: str) -> None:
    """Given evidence, when its case is restored, all of it stays and there is no line that would undo it."""
    made = machine.run(action, table)
    before = machine.kept(), machine.locks()
    power = actions.load(action)
    power.undo(machine.place(), made)
    assert (machine.kept(), machine.locks()) == before
    assert power.undo_command(made) == ()
    assert power.undo_grants == ()
    assert power.rebase(made.before, made.after) == made.before


@pytest.mark.parametrize("action", EVIDENCE)
def test_what_the_actions_call_is_what_they_are_granted(
    bucket: str, table: Table, balance: Callable[[Machine], object], action: str
) -> None:
    """Given an instance with everything, the calls of an action are those of its grants, no more and no fewer."""
    volumes = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "Encrypted": True}}]
    machine, function = Machine(bucket, BlockDeviceMappings=volumes), Function()
    balance(machine)
    if action == "collect_evidence":
        machine.run("record_instance", table)
    machine.run(action, table, function)
    named = {"s3:ListObjectsV2": "s3:ListBucket"}
    granted = {grant.action for grant in actions.load(action).grants if not grant.implied_by}
    assert {named.get(call, call) for call in function.calls} == granted

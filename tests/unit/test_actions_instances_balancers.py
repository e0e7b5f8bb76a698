"""Stories of what an instance leaves, and when that counts as done: load balancers, groups, its metadata service."""

from __future__ import annotations

import json
import shlex
import threading
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from lambdas import errors, journal, wording
from lambdas.actions import leave_balancers, leave_groups, lock_metadata
from tests.unit.cases import ACCOUNT
from tests.unit.test_actions_instances import (
    REGION,
    Machine,
    Region,
    balance,
    contain,
    keep_metadata_options,
    scale,
    target_group,
    undo,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from lambdas.journal import Table
    from lambdas.model import Json

PORTS = 2000
#: Of characters a port may cost: five thousand of them stay below what a change may take of an execution.
SMALL = 8


@pytest.fixture(scope="module")
def region(aws_account: None) -> Iterator[Region]:  # noqa: ARG001 - the account must be there first
    """Give a region of this module's own account."""
    with pytest.MonkeyPatch.context() as patch:
        keep_metadata_options(patch)
        yield Region()


@pytest.fixture(autouse=True)
def _calls(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test with calls that go through, and waiting that takes no time."""
    region.calls.reset()
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def machine(region: Region) -> Machine:
    """Start an instance."""
    return region.instance()


def registered(machine: Machine, group: str) -> set[tuple[str, int]]:
    """Read a target group: the id and the port of each of its targets."""
    found = machine.region.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {(one["Target"]["Id"], one["Target"]["Port"]) for one in found}


# What is kept of registrations.


def test_thousands_of_ports_are_kept_small_and_given_back(machine: Machine) -> None:
    """Given an instance with thousands of ports, when it leaves and that is undone, each is back; little is kept."""
    region = machine.region
    group = target_group(region, machine.vpcs()[0])
    ports = range(1024, 1024 + PORTS)
    region.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine.id, "Port": port} for port in ports])
    made = contain(region, machine.item("leave_balancers"))
    assert len(json.dumps(made.before)) < SMALL * PORTS
    assert not registered(machine, group)
    undo(region, made)
    assert registered(machine, group) == {(machine.id, port) for port in ports}


def test_what_differs_in_more_than_the_port_stays_apart(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given targets by two addresses, one outside of the VPC, when read, each has its ports, its zone where given."""
    region = machine.region
    group = target_group(region, machine.vpcs()[0], "ip")
    address = machine.described()["PrivateIpAddress"]
    second = "10.0.1.9"
    ec2, elbv2 = region.place.client("ec2"), region.place.client("elbv2")
    describe, ask = ec2.describe_instances, elbv2.describe_target_health

    def two_addresses(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = describe(**arguments)
        for one in answer["Reservations"][0]["Instances"][0]["NetworkInterfaces"]:
            one["PrivateIpAddresses"] = [{"PrivateIpAddress": address}, {"PrivateIpAddress": second}]
        return answer

    def in_a_zone(**arguments: Any) -> Any:  # noqa: ANN401 - boto3's answer
        answer = ask(**arguments)
        for one in answer["TargetHealthDescriptions"]:
            if one["Target"]["Id"] == second:
                one["Target"]["AvailabilityZone"] = f"{REGION}a"
        return answer

    monkeypatch.setattr(ec2, "describe_instances", two_addresses)
    monkeypatch.setattr(elbv2, "describe_target_health", in_a_zone)
    targets = [(address, 82), (second, 80), (address, 80)]
    region.elbv2.register_targets(
        TargetGroupArn=group, Targets=[{"Id": target, "Port": port} for target, port in targets]
    )
    state = leave_balancers.look(region.place, machine.item("leave_balancers"))
    kept = {one["Id"]: one for one in state["targets"][group]}
    assert kept == {
        address: {"Id": address, "Ports": [80, 82]},
        second: {"Id": second, "Ports": [80], "AvailabilityZone": f"{REGION}a"},
    }
    leave_balancers.apply(region.place, state)
    assert registered(machine, group) == set()


def test_a_group_that_somebody_registered_it_with_since_is_left_alone(machine: Machine) -> None:
    """Given one of two ports that somebody registered again, when the leaving is undone, the group stays so."""
    region = machine.region
    group = target_group(region, machine.vpcs()[0])
    both = [{"Id": machine.id, "Port": 80}, {"Id": machine.id, "Port": 81}]
    region.elbv2.register_targets(TargetGroupArn=group, Targets=both)
    made = contain(region, machine.item("leave_balancers"))
    region.elbv2.register_targets(TargetGroupArn=group, Targets=both[:1])
    region.calls.reset()
    undo(region, made)
    assert not [told for name, told in region.calls.arguments if name == "RegisterTargets"]
    assert registered(machine, group) == {(machine.id, 80)}


def test_what_a_journal_gives_back_is_registered(machine: Machine, table: Table) -> None:
    """Given registrations that were journaled, when they are read back and undone, the ports are whole numbers."""
    balance(machine)
    there = machine.registrations()
    made = contain(machine.region, machine.item("leave_balancers"))
    table.record_before(made, "execution-1")
    kept = table.record_before(made, "execution-2")
    assert isinstance(kept, journal.Kept)
    undo(machine.region, replace(made, before=kept.before))
    assert machine.registrations() == there


def test_the_lines_that_register_thousands_can_be_pasted(machine: Machine) -> None:
    """Given thousands of ports, the lines that undo the leaving register each once, and none is too long to paste."""
    region = machine.region
    group = target_group(region, machine.vpcs()[0])
    ports = [{"Id": machine.id, "Port": 1024 + number} for number in range(1000)]
    region.elbv2.register_targets(TargetGroupArn=group, Targets=ports)
    lines = leave_balancers.undo_command(contain(region, machine.item("leave_balancers")))
    assert max(map(len, lines)) <= 4000
    assert [one for line in lines for one in json.loads(shlex.split(line)[-1])] == ports


def test_what_it_joined_later_is_given_back_once() -> None:
    """Given registrations at first and others later, what is given back is both, each port once."""

    def state(**targets: list[Json]) -> Json:
        return {"instance": "i-1", "targets": targets, "balancers": []}

    first = state(a=[{"Id": "i-1", "Ports": [80.0]}])
    later = state(a=[{"Id": "i-1", "Ports": [80, 81]}], b=[{"Id": "10.0.0.1", "Ports": [], "AvailabilityZone": "all"}])
    assert leave_balancers.rebase(first, later) == later
    assert first["targets"] == {"a": [{"Id": "i-1", "Ports": [80.0]}]}


# How long reading takes.


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("DescribeTargetHealth", "1 of 3 target groups"),
        ("DescribeTargetGroups", "the list of target groups or of classic load balancers"),
        ("DescribeLoadBalancers", "the list of target groups or of classic load balancers"),
    ],
)
def test_what_does_not_answer_in_time_is_said_and_nothing_is_left_out(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, call: str, says: str
) -> None:
    """Given a call that hangs, when the instance is looked at, the look ends, and says how much was not read."""
    region = machine.region
    elbv2_backends[ACCOUNT][REGION].reset()
    for _ in range(3):
        group = target_group(region, machine.vpcs()[0])
        region.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine.id}])
    there = machine.registrations()
    hanging, answered, first = threading.Event(), threading.Event(), iter([True])
    waited: list[bool] = []

    def hang(name: str, _number: int) -> None:
        if name == call and next(first, False):
            hanging.set()
            waited.append(answered.wait(10))

    def until_only_that_hangs(reads: Iterable[Future[Any]], timeout: float) -> Any:  # noqa: ANN401 - what wait gives
        assert 0 < timeout <= 5
        reads = [*reads]
        while True:
            ended = wait(reads, timeout=0.01)
            if not ended.not_done or (hanging.is_set() and len(ended.not_done) == 1):
                return ended

    region.calls.before = hang
    monkeypatch.setattr(leave_balancers, "wait", until_only_that_hangs)
    try:
        with pytest.raises(errors.Unavailable, match=rf"^Not read within 5 seconds: {says}\.$"):
            leave_balancers.look(region.place, machine.item("leave_balancers"))
        assert not waited, "it waited for the answer"
    finally:
        answered.set()
    assert machine.registrations() == there


def test_many_groups_are_read_at_once(machine: Machine) -> None:
    """Given many target groups, when the instance is looked at, two dozen of them are read at the same time."""
    region = machine.region
    for _ in range(24):
        target_group(region, machine.vpcs()[0])
    together = threading.Barrier(24, timeout=10)
    numbers = iter(range(24))

    def meet(name: str, _number: int) -> None:
        if name == "DescribeTargetHealth" and next(numbers, None) is not None:
            together.wait()

    region.calls.before = meet
    leave_balancers.look(region.place, machine.item("leave_balancers"))
    assert not together.broken
    assert next(numbers, None) is None


# Auto Scaling groups.


@pytest.mark.parametrize(
    ("lifecycle", "says"),
    [
        ("Warmed:Terminating:Wait", "is terminating the instance already"),
        ("Warmed:Terminated", "is terminating the instance already"),
        ("Warmed:Stopped", "is in the warm pool of its Auto Scaling group .*the group may terminate it"),
        ("Warmed:Running", "is in the warm pool of its Auto Scaling group .*the group may terminate it"),
        ("Warmed:Pending:Wait", "is in the warm pool of its Auto Scaling group .*the group may terminate it"),
    ],
)
def test_of_a_warm_pool_nothing_is_detached_and_that_is_said(region: Region, lifecycle: str, says: str) -> None:
    """Given an instance of a warm pool, when it is to leave its group, why it cannot is said, and nothing is called."""
    machine = scale(region)
    groups = autoscaling_backends[ACCOUNT][REGION].autoscaling_groups
    (kept,) = groups[machine.auto_scaling_group()].instance_states
    kept.lifecycle_state = lifecycle
    region.calls.reset()
    with pytest.raises(errors.StateChanged, match=says):
        contain(region, machine.item("leave_groups"))
    assert "autoscaling:DetachInstances" not in region.calls.made
    assert leave_groups.look(region.place, machine.item("leave_groups"))["group"]


# The metadata service.


def options(machine: Machine) -> Any:  # noqa: ANN401 - moto is untyped
    """Give moto's own record of an instance's metadata options."""
    return ec2_backends[ACCOUNT][REGION].get_instance(machine.id).metadata_options


def test_it_is_waited_until_the_instance_has_its_service_off(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given that EC2 needs a moment, when the service is turned off, the end of that is waited for, and read back."""
    region = machine.region
    waited = []

    def pending(name: str, _number: int) -> None:
        if name == "ModifyInstanceMetadataOptions":
            options(machine).state = "pending"

    def sleep(_seconds: float) -> None:
        waited.append(lock_metadata.look(region.place, machine.item("lock_metadata")))
        if len(waited) == 3:
            options(machine).state = "applied"

    region.calls.after = pending
    monkeypatch.setattr("time.sleep", sleep)
    made = contain(region, machine.item("lock_metadata"))
    assert [(one["endpoint"], one["state"]) for one in waited] == [("disabled", "pending")] * 3
    assert lock_metadata.verify(made.after)
    assert wording.read_back(made) == "the service is off"


def test_a_service_that_stays_pending_is_not_told_as_off(machine: Machine) -> None:
    """Given a stopped instance, which gets the options at its start, waiting ends, and the read-back says so."""
    region, item = machine.region, machine.item("lock_metadata")

    def pending(name: str, _number: int) -> None:
        if name == "ModifyInstanceMetadataOptions":
            options(machine).state = "pending"

    region.calls.after = pending
    made = contain(region, item)
    assert lock_metadata.verify(made.after)
    assert "does not have that yet" in wording.read_back(made)


def test_what_is_pending_still_is_given_back(machine: Machine) -> None:
    """Given a service whose change does not hold yet, when that is undone, it is turned on all the same."""
    region = machine.region
    made = contain(region, machine.item("lock_metadata"))
    options(machine).state = "pending"
    undo(region, made)
    assert machine.metadata()[0] == "enabled"


def test_a_service_that_was_about_to_be_off_is_not_turned_on(machine: Machine) -> None:
    """Given a service that somebody was turning off, when our change is undone, it stays off, and no line says else."""
    region, item = machine.region, machine.item("lock_metadata")
    region.ec2.modify_instance_metadata_options(InstanceId=machine.id, HttpEndpoint="disabled")
    options(machine).state = "pending"
    before = lock_metadata.look(region.place, item)
    assert lock_metadata.verify(before)
    made = replace(contain(region, item), before=before)
    undo(region, made)
    assert machine.metadata()[0] == "disabled"
    assert lock_metadata.undo_command(made) == ()

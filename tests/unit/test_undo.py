"""Stories of the undo of each action: contained and given back, changed by somebody in between, killed at any call.

What is there is read by clients of the test's own, never by what the actions read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from lambdas import actions, errors
from lambdas.handlers import undo
from lambdas.journal import Entry
from lambdas.model import Result
from tests.unit.test_actions import READ_ONLY, User
from tests.unit.test_actions import contain as contain_principal
from tests.unit.test_actions import prepare as prepare_user
from tests.unit.test_actions_instances import (
    ACTIONS,
    Calls,
    Killed,
    Machine,
    Region,
    contain,
    forget,
    is_contained,
    keep_metadata_options,
    prepared,
    target_group,
)
from tests.unit.test_actions_roles import READ_A_BUCKET, Role, policy_of
from tests.unit.test_actions_roles import prepare as prepare_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_iam import IAMClient

    from lambdas.model import Change, PlanItem

    type Subject = User | Role


MOST_CALLS = 40


@pytest.fixture(scope="module")
def region(aws_account: None) -> Iterator[Region]:  # noqa: ARG001 - the account must be there first
    """Give a region of this module's own account."""
    with pytest.MonkeyPatch.context() as patch:
        keep_metadata_options(patch)
        patch.setattr("time.sleep", lambda _: None)
        yield Region()


@pytest.fixture(autouse=True)
def _calls(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call through at first, and wait for nothing."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    region.calls.reset()


def give_back(region: Region, change: Change) -> str:
    """Undo a change of an instance as the function does."""
    return undo.perform(actions.load(change.action), region.place, Entry(change=change))


@pytest.mark.parametrize("action", ACTIONS)
def test_an_instance_is_given_back_all_that_was_recorded(region: Region, action: str) -> None:
    """Given a contained instance, when the change is undone, it is as it was; a second time changes nothing."""
    machine = prepared(region, action)
    state = machine.state()
    made = contain(region, machine.item(action))
    assert is_contained(machine, action)
    assert give_back(region, made) == "undone"
    assert machine.state() == state
    region.calls.reset()
    assert give_back(region, made) == "back"
    assert machine.state() == state
    assert not [call for call in region.calls.made if not call.partition(":")[2].startswith(("Describe", "Get"))]


@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_killed_run_did_not_write_down_is_given_back_too(region: Region, action: str) -> None:
    """Given a change of which only what was before is known, when it is undone, the instance is as it was."""
    machine = prepared(region, action)
    state = machine.state()
    made = replace(contain(region, machine.item(action)), after={}, result=Result.FAILED)
    assert give_back(region, made) == "undone"
    assert machine.state() == state


@pytest.mark.parametrize("action", ACTIONS)
def test_an_undo_that_is_killed_after_any_call_is_finished_by_the_next(region: Region, action: str) -> None:
    """Given an undo that is killed after a call, when it is tried again, the instance is as it was."""
    total = 1
    for number in range(MOST_CALLS):
        forget()
        machine = prepared(region, action)
        state = machine.state()
        made = contain(region, machine.item(action))
        region.calls.reset()
        if number:
            region.calls.kill_after(number)
        with suppress(Killed):
            give_back(region, made)
        total = total if number else len(region.calls.made)
        region.calls.reset()
        assert give_back(region, made) in {"undone", "back"}
        assert machine.state() == state
        if number == total:
            return
    pytest.fail("it makes more calls than anybody expects")


def other_group(machine: Machine) -> None:
    """Put one interface into a group of somebody's."""
    name, *_ = machine.interfaces()
    face = machine.region.ec2.describe_network_interfaces(NetworkInterfaceIds=[name])["NetworkInterfaces"][0]
    group = machine.region.group(face["VpcId"])
    machine.region.ec2.modify_network_interface_attribute(NetworkInterfaceId=name, Groups=[group])


def other_port(machine: Machine) -> None:
    """Register it on another port with one of the groups that it left."""
    region = machine.region
    group = next(
        one["TargetGroupArn"]
        for one in region.elbv2.describe_target_groups()["TargetGroups"]
        if one["VpcId"] in machine.vpcs() and one["TargetType"] == "instance"
    )
    region.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine.id, "Port": 9}])


def other_options(machine: Machine) -> None:
    """Turn its metadata service on with another hop limit."""
    machine.region.ec2.modify_instance_metadata_options(
        InstanceId=machine.id, HttpEndpoint="enabled", HttpPutResponseHopLimit=5
    )


def other_volume(machine: Machine) -> None:
    """Detach one of its volumes."""
    mapping = machine.described()["BlockDeviceMappings"][-1]
    machine.region.ec2.detach_volume(VolumeId=mapping["Ebs"]["VolumeId"], InstanceId=machine.id)


def other_profile(machine: Machine) -> None:
    """Give it another profile."""
    iam, name = machine.region.iam, f"other-{machine.id}"
    arn = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    machine.region.ec2.associate_iam_instance_profile(IamInstanceProfile={"Arn": arn}, InstanceId=machine.id)


BY_SOMEBODY: dict[str, tuple[Callable[[Machine], None], str]] = {
    "isolate_instance": (
        other_group,
        r"interface eni-\w+: Tourniquet left the isolation group only, and now it is sg-",
    ),
    "leave_balancers": (other_port, r"target group .*: Tourniquet left not registered, and now it is .*9"),
    "lock_metadata": (other_options, "hop limit of the metadata service: Tourniquet left 2, and now it is 5"),
    "protect_instance": (other_volume, r"volume vol-\w+: Tourniquet left .*delete.*, and now it is none"),
    "take_profile": (other_profile, "the instance profile: Tourniquet left none, and now it is .*other-"),
}


@pytest.mark.parametrize("action", BY_SOMEBODY)
def test_what_somebody_changed_since_is_said_and_stays(region: Region, action: str) -> None:
    """Given a contained instance of which somebody changed a part, when undone, that part stays and is named."""
    change_it, says = BY_SOMEBODY[action]
    machine = prepared(region, action)
    made = contain(region, machine.item(action))
    change_it(machine)
    region.calls.reset()
    with pytest.raises(errors.StateChanged, match=says):
        give_back(region, made)
    left = machine.state()
    with pytest.raises(errors.StateChanged, match=says):
        give_back(region, made)
    assert machine.state() == left


def test_an_instance_that_somebody_put_into_another_group_stays_there(region: Region) -> None:
    """Given an instance that is by now in another Auto Scaling group than it was, when undone, it stays in that."""
    machine = prepared(region, "leave_groups")
    now = machine.auto_scaling_group()
    made = contain(region, machine.item("leave_groups"))
    region.autoscaling.attach_instances(InstanceIds=[machine.id], AutoScalingGroupName=now)
    made = replace(made, before={**made.before, "group": "the one before"})
    with pytest.raises(errors.StateChanged, match=f"Tourniquet left no group, and now it is {now}"):
        give_back(region, made)
    assert machine.auto_scaling_group() == now


def test_the_parts_that_nobody_changed_are_given_back(region: Region) -> None:
    """Given four isolated interfaces, one of which somebody moved, when undone, the three have their groups back."""
    machine = prepared(region, "isolate_instance")
    had = machine.interfaces()
    made = contain(region, machine.item("isolate_instance"))
    other_group(machine)
    moved = machine.interfaces()[next(iter(machine.interfaces()))]
    with pytest.raises(errors.StateChanged, match="What is not named here was undone"):
        give_back(region, made)
    now = machine.interfaces()
    assert [groups for groups in now.values() if groups == moved] == [moved]
    assert sum(now[name] == groups for name, groups in had.items()) == 3


def test_a_stopped_instance_that_somebody_started_is_back(region: Region) -> None:
    """Given a stopped instance that somebody started, when undone, there is nothing to do."""
    machine = prepared(region, "stop_instance")
    made = contain(region, machine.item("stop_instance"))
    region.ec2.start_instances(InstanceIds=[machine.id])
    assert give_back(region, made) == "back"


def test_a_target_group_that_is_new_is_none_of_its_business(region: Region) -> None:
    """Given an instance that somebody registered elsewhere meanwhile, when undone, that stays beside the old ones."""
    machine = prepared(region, "leave_balancers")
    had = machine.registrations()
    made = contain(region, machine.item("leave_balancers"))
    new = target_group(region, machine.vpcs()[0])
    region.elbv2.register_targets(TargetGroupArn=new, Targets=[{"Id": machine.id, "Port": 1}])
    assert give_back(region, made) == "undone"
    assert set(had) < set(machine.registrations())


# Of users and roles.

PRINCIPALS = ("disable", "deny user", "deny role", "session", "sessions")
SITUATIONS = ("plain", "bound", "full", "full and bound")


def subject(iam: IAMClient, name: str, what: str, situation: str) -> tuple[Subject, PlanItem]:
    """Make a user or a role in a situation, and the item of an action on it."""
    if what in {"disable", "deny user"}:
        user = User(iam, name)
        prepare_user(user, situation)
        return user, user.disable_item() if what == "disable" else user.deny_item()
    role = Role(iam, name)
    prepare_role(role, situation)
    items = {"deny role": role.deny_item, "session": role.session_item, "sessions": role.sessions_item}
    return role, items[what]()


def undone(iam: IAMClient, change: Change) -> str:
    """Undo a change of a principal as the function does."""
    return undo.perform(actions.load(change.action), iam, Entry(change=change))


@pytest.mark.parametrize("known", [True, False], ids=["left is known", "left is not known"])
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("what", PRINCIPALS)
def test_a_principal_is_given_back_all_that_was_recorded(
    iam: IAMClient, new_name: Callable[[], str], what: str, situation: str, *, known: bool
) -> None:
    """Given a contained principal, when the change is undone, even twice, its state is what it was."""
    found, item = subject(iam, new_name(), what, situation)
    state = found.state()
    made = contain_principal(iam, item)
    assert found.state() != state
    made = made if known else replace(made, after={}, result=Result.FAILED)
    assert undone(iam, made) == "undone"
    assert found.state() == state
    assert undone(iam, made) == "back"
    assert found.state() == state


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("what", PRINCIPALS)
def test_an_undo_of_a_principal_that_is_killed_is_finished_by_the_next(
    iam: IAMClient, new_name: Callable[[], str], what: str, situation: str
) -> None:
    """Given an undo that is killed after any of its calls, when it is tried again, the state is what it was."""
    calls = Calls()
    session = boto3.Session(region_name="us-east-1")
    session.events.register("before-call", calls.note)
    session.events.register("after-call", calls.ended)
    watched = session.client("iam")
    number = 0
    while True:
        number += 1
        found, item = subject(iam, new_name(), what, situation)
        state = found.state()
        made = contain_principal(iam, item)
        calls.reset()
        calls.kill_after(number)
        with suppress(Killed):
            undone(watched, made)
        ended = len(calls.made) < number
        calls.reset()
        undone(watched, made)
        assert found.state() == state
        if ended:
            return


def by_somebody(iam: IAMClient, found: Subject, item: PlanItem, what: str) -> None:
    """Change what the responder left."""
    if what in {"session", "sessions"}:
        assert isinstance(found, Role)
        found.write(policy_of(item), READ_A_BUCKET)
    elif what == "disable":
        assert isinstance(found, User)
        iam.delete_access_key(UserName=found.name, AccessKeyId=found.key)
    else:
        found.bound(READ_ONLY)


@pytest.mark.parametrize("what", [one for one in PRINCIPALS if one != "disable"])
def test_what_somebody_changed_of_a_principal_is_said_and_stays(
    iam: IAMClient, new_name: Callable[[], str], what: str
) -> None:
    """Given a contained principal that somebody changed since, when undone, that stays, and is named."""
    found, item = subject(iam, new_name(), what, "plain")
    made = contain_principal(iam, item)
    by_somebody(iam, found, item, what)
    with pytest.raises(errors.StateChanged, match=r"Tourniquet left .* and now it is"):
        undone(iam, made)
    state: Any = found.state()
    if "deny" in what:
        assert state["boundary"] == READ_ONLY
        assert not [policy for policy in state["policies"] if policy.endswith("AWSDenyAll")]
    else:
        assert state["inline"][policy_of(item)] == READ_A_BUCKET


def test_a_key_that_is_gone_is_said_to_be(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a disabled key that was deleted, as it should be, when undone, it is said to be gone."""
    found, item = subject(iam, new_name(), "disable", "plain")
    made = contain_principal(iam, item)
    by_somebody(iam, found, item, "disable")
    with pytest.raises(errors.TargetGone):
        undone(iam, made)


def test_what_is_given_back_is_what_was_there_the_latest_time(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a deny that was undone and made anew over a boundary of the owner's, when undone, that one is there."""
    user = User(iam, new_name())
    user.fill()
    first = contain_principal(iam, user.deny_item())
    user.bound(READ_ONLY)
    second = contain_principal(iam, user.deny_item())
    action = actions.load("deny_principal")
    entry = Entry(change=replace(first, after=second.after), again=second.before)
    assert undo.perform(action, iam, entry) == "undone"
    assert user.state()["boundary"] == READ_ONLY


def test_another_policy_under_our_name_is_for_a_person_to_write_back(
    iam: IAMClient, new_name: Callable[[], str]
) -> None:
    """Given a policy that stood under the item's name before, when undone, the deny stays and that is said."""
    role = Role(iam, new_name())
    item = role.session_item()
    role.write(policy_of(item), READ_A_BUCKET)
    made = contain_principal(iam, item)
    with pytest.raises(errors.StateChanged, match="only a person may write it back"):
        undone(iam, made)
    assert actions.load("revoke_sessions").undo_command(made)

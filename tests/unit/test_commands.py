"""The lines on roles and instances: pasted, they do what they say, and a name is never more than a name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lambdas import commands
from lambdas.actions import revoke_sessions
from tests.unit.cases import DENY_ALL
from tests.unit.test_actions import paste, pasted
from tests.unit.test_actions_roles import Role, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_iam import IAMClient

LINES: dict[str, Callable[[str], str]] = {
    "attach-role-policy": lambda name: commands.attach_role_policy(name, DENY_ALL),
    "detach-role-policy": lambda name: commands.detach_role_policy(name, DENY_ALL),
    "put-role-permissions-boundary": lambda name: commands.set_role_boundary(name, DENY_ALL),
    "delete-role-permissions-boundary": lambda name: commands.set_role_boundary(name, ""),
    "put-role-policy": lambda name: commands.put_role_policy(name, name, json.dumps({"Sid": name})),
    "delete-role-policy": lambda name: commands.delete_role_policy(name, name),
}


@pytest.mark.parametrize("name", ["$(touch gone)", "`touch gone`", "a'b", 'a"b', "a b", "a;touch gone", "--query=x"])
@pytest.mark.parametrize("command", LINES)
def test_a_line_runs_nothing_of_a_name(tmp_path: Path, command: str, name: str) -> None:
    """Given a name that a shell would read, when a line with it is pasted, it arrives as one word."""
    ((service, call, *words),) = pasted(f"cd '{tmp_path}'\n{LINES[command](name)}", tmp_path)
    assert (service, call) == ("iam", command)
    assert f"--role-name={name}" in words
    if command.endswith("role-policy") and command.startswith(("put", "delete")):
        assert f"--policy-name={name}" in words
    if command == "put-role-policy":
        assert json.loads(words[-1]) == {"Sid": name}
    assert not (tmp_path / "gone").exists()


OF_INSTANCES: dict[str, Callable[[str], str]] = {
    "ec2 modify-network-interface-attribute": lambda name: commands.set_groups(name, name, [name, name]),
    "autoscaling attach-instances": lambda name: commands.attach_to_group(name, name, name),
    "elbv2 register-targets": lambda name: commands.register_targets(name, name, [{"Id": name, "Port": 80}]),
    "elb register-instances-with-load-balancer": lambda name: commands.register_instance(name, name, name),
    "ec2 modify-instance-attribute": lambda name: commands.unprotect(name, name),
    "ec2 modify-instance-attribute --shutdown": lambda name: commands.set_shutdown(name, name, name),
    "ec2 modify-instance-attribute --device": lambda name: commands.delete_with_instance(name, name, name),
    "ec2 modify-instance-metadata-options": lambda name: commands.open_metadata(name, name, name, 2),
    "ec2 associate-iam-instance-profile": lambda name: commands.give_profile(name, name, name),
    "ec2 start-instances": lambda name: commands.start_instance(name, name),
}
WORDS: dict[str, Callable[[str], list[str]]] = {
    "ec2 modify-network-interface-attribute": lambda name: ["--network-interface-id", name, "--groups", name, name],
    "autoscaling attach-instances": lambda name: [f"--auto-scaling-group-name={name}", f"--instance-ids={name}"],
    "elbv2 register-targets": lambda name: [
        f"--target-group-arn={name}",
        "--targets",
        json.dumps([{"Id": name, "Port": 80}]),
    ],
    "elb register-instances-with-load-balancer": lambda name: [f"--load-balancer-name={name}", f"--instances={name}"],
    "ec2 modify-instance-attribute": lambda name: [f"--instance-id={name}", "--no-disable-api-termination"],
    "ec2 modify-instance-attribute --shutdown": lambda name: [
        f"--instance-id={name}",
        f"--instance-initiated-shutdown-behavior={name}",
    ],
    "ec2 modify-instance-attribute --device": lambda name: [
        f"--instance-id={name}",
        "--block-device-mappings",
        json.dumps([{"DeviceName": name, "Ebs": {"DeleteOnTermination": True}}]),
    ],
    "ec2 modify-instance-metadata-options": lambda name: [
        f"--instance-id={name}",
        "--http-endpoint=enabled",
        f"--http-tokens={name}",
        "--http-put-response-hop-limit=2",
    ],
    "ec2 associate-iam-instance-profile": lambda name: [
        f"--instance-id={name}",
        "--iam-instance-profile",
        json.dumps({"Arn": name}),
    ],
    "ec2 start-instances": lambda name: [f"--instance-ids={name}"],
}


@pytest.mark.parametrize("name", ["$(touch gone)", "`touch gone`", "a'b", 'a"b', "a b", "a;touch gone", "--query=x"])
@pytest.mark.parametrize("command", OF_INSTANCES)
def test_a_line_on_an_instance_runs_nothing_of_a_name(tmp_path: Path, command: str, name: str) -> None:
    """Given names that a shell would read, when a line on an instance is pasted, each arrives as one word."""
    ((service, call, *words),) = pasted(f"cd '{tmp_path}'\n{OF_INSTANCES[command](name)}", tmp_path)
    assert [service, call] == command.split()[:2]
    assert words == [f"--region={name}", *WORDS[command](name)]
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("command", OF_INSTANCES)
def test_without_a_region_a_line_is_for_the_readers_own(command: str) -> None:
    """Given no region, when a line on an instance is made, it names none."""
    assert "--region" not in OF_INSTANCES[command]("")


def test_options_that_are_not_known_stay_as_they_are() -> None:
    """Given a metadata service of which only the endpoint is known, when it is turned on, nothing else is named."""
    line = "aws ec2 modify-instance-metadata-options --region=eu-west-1 --instance-id=i-1 --http-endpoint=enabled"
    assert commands.open_metadata("eu-west-1", "i-1", "", 0) == line


@pytest.fixture
def role(iam: IAMClient, new_name: Callable[[], str]) -> Role:
    """Make a role."""
    return Role(iam, new_name())


def test_the_lines_attach_bound_and_take_back(iam: IAMClient, role: Role, tmp_path: Path) -> None:
    """Given a role, when the lines are pasted one after the other, each does its part."""
    state = role.state()
    paste(iam, commands.attach_role_policy(role.name, DENY_ALL), tmp_path)
    paste(iam, commands.set_role_boundary(role.name, DENY_ALL), tmp_path)
    assert role.state() == {**state, "policies": [DENY_ALL], "boundary": DENY_ALL}
    paste(iam, commands.detach_role_policy(role.name, DENY_ALL), tmp_path)
    paste(iam, commands.set_role_boundary(role.name, ""), tmp_path)
    assert role.state() == state


def test_a_session_denied_by_hand_is_contained(iam: IAMClient, role: Role, tmp_path: Path) -> None:
    """Given a session that a person denies by the printed line, when it is verified, it is contained."""
    item = role.session_item()
    paste(iam, commands.deny_session(role.name, policy_of(item), item.target.id), tmp_path)
    assert revoke_sessions.verify(revoke_sessions.look(iam, item))
    paste(iam, commands.delete_role_policy(role.name, policy_of(item)), tmp_path)
    assert role.inline() == []


def test_sessions_revoked_by_hand_are_contained(iam: IAMClient, role: Role, tmp_path: Path) -> None:
    """Given a role whose sessions a person revokes by the printed line, they are denied up to that moment."""
    item = role.sessions_item(issued_until=(datetime.now(UTC) - timedelta(seconds=2)).isoformat())
    paste(iam, commands.deny_older_sessions(role.name, policy_of(item)), tmp_path)
    state = revoke_sessions.look(iam, item)
    assert revoke_sessions.verify(state)
    time = json.loads(state["document"])["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert datetime.now(UTC) - timedelta(seconds=5) < datetime.fromisoformat(time) <= datetime.now(UTC)

"""The lines on roles: pasted, they do what they say, and a name is never more than a name."""

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

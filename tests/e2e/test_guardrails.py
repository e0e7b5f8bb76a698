"""Protected principals: a finding that names them changes nothing, and the roles themselves could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo import events
from tests.e2e.deployed import DENY_ALL, PROTECTED_ROLE, PROTECTED_USER, Deployed, Role, assert_refused
from tests.e2e.test_principals import stolen

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.side_by_side

DENYING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
OWN_ROLES = ("tourniquet-Triage", "tourniquet-RevokeSessions", "tourniquet-rules", "tourniquet-respond")


def test_a_protected_user_is_refused_and_untouched(deployed: Deployed) -> None:
    """Given AWS' own report of a protected user's key, the case is REFUSED, and not even the function's role could."""
    path, name = PROTECTED_USER.rpartition(":user")[2].rsplit("/", 1)
    _, (own, other) = deployed.user(name=name, path=f"{path}/")
    before = deployed.state_of_user(name)
    alert = deployed.respond(events.health(own.id, user=name, event_id=name))
    assert alert["outcome"] == "REFUSED"
    assert {action["result"] for action in alert["actions"]} == {"refused"}
    assert any("protected_principals" in sentence for sentence in alert["not_done"])
    deny, disable = (deployed.client("iam", deployed.as_function(one)) for one in ("DenyPrincipal", "DisableKey"))
    assert_refused(lambda: deny.attach_user_policy(UserName=name, PolicyArn=DENY_ALL))
    assert_refused(lambda: deny.put_user_permissions_boundary(UserName=name, PermissionsBoundary=DENY_ALL))
    assert_refused(lambda: disable.update_access_key(UserName=name, AccessKeyId=own.id, Status="Inactive"))
    assert deployed.state_of_user(name) == before
    assert not any(deployed.refused(key) for key in (own, other))


def test_a_protected_role_is_refused_and_untouched(deployed: Deployed) -> None:
    """Given a finding on a session of a protected role, the case is REFUSED, and the functions' roles could not."""
    role = deployed.role(name=PROTECTED_ROLE.rpartition("/")[2])
    session = deployed.session(role, "month-end")
    before = deployed.state_of_role(role.name)
    alert = deployed.respond(stolen(session, role, "month-end"))
    assert alert["outcome"] == "REFUSED"
    assert {action["result"] for action in alert["actions"]} == {"refused"}
    assert deployed.records(alert["incident_id"], "CHANGE#") == []
    cannot_touch(deployed, role.name)
    assert deployed.state_of_role(role.name) == before
    assert not deployed.refused(session)


@pytest.mark.parametrize("name", OWN_ROLES)
def test_the_responders_own_roles_are_refused_and_untouched(deployed: Deployed, name: str) -> None:
    """Given a person's request and a finding that name a role of the responder, it stays as it is."""
    found = deployed.client("iam").get_role(RoleName=name)["Role"]
    role = Role(name=name, arn=found["Arn"], id=found["RoleId"])
    before = deployed.state_of_role(name)
    for signal in (
        events.guardduty("ASIAIOSFODNN7SESSION", name, user_type="AssumedRole", principal_id=f"{role.id}:x1"),
        {"role_name": name, "mode": "contain"},
    ):
        alert = deployed.respond(signal) if "source" in signal else deployed.request(signal)
        assert alert["outcome"] == "REFUSED"
    cannot_touch(deployed, name)
    assert deployed.state_of_role(name) == before


def cannot_touch(deployed: Deployed, role: str) -> None:
    """Try to cut a role off with the credentials of the functions that do so."""
    deny = deployed.client("iam", deployed.as_function("DenyPrincipal"))
    revoke = deployed.client("iam", deployed.as_function("RevokeSessions"))
    tries: list[Callable[[], object]] = [
        lambda: deny.attach_role_policy(RoleName=role, PolicyArn=DENY_ALL),
        lambda: deny.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=DENY_ALL),
        lambda: revoke.put_role_policy(RoleName=role, PolicyName="Tourniquet-x", PolicyDocument=DENYING),
    ]
    for attempt in tries:
        assert_refused(attempt)

"""The functions' own roles, used for what they must not do, on the embedded AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.deployed import ADMIN, DENY_ALL, Deployed, assert_refused

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.side_by_side

FUNCTIONS = ("Triage", "Notify", "Approval", "DisableKey", "DenyPrincipal", "RevokeSessions")
MAY_PUT_ROLE_POLICIES = "RevokeSessions"  # IAM has no condition that narrows it: the listed exception
ALLOWING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_role_cannot_grant_undo_or_touch_the_responder(deployed: Deployed, function: str) -> None:
    """Given each function's credentials, the calls of an attacker who has them are refused."""
    key = deployed.as_function(function)
    victim, (victims_key, _) = deployed.user()
    role = deployed.role().name
    iam = deployed.client("iam", key)
    table, topic = deployed.outputs["IncidentTableName"], deployed.outputs["AlertTopicArn"]
    machine = deployed.outputs["RespondStateMachineArn"]
    rule = deployed.client("events").list_rules()["Rules"][0]["Name"]
    tries: dict[str, Callable[[], object]] = {
        "grant a user": lambda: iam.attach_user_policy(UserName=victim, PolicyArn=ADMIN),
        "grant a role": lambda: iam.attach_role_policy(RoleName=role, PolicyArn=ADMIN),
        "deny the rules": lambda: iam.attach_role_policy(RoleName="tourniquet-rules", PolicyArn=DENY_ALL),
        "write a user's policy": lambda: iam.put_user_policy(UserName=victim, PolicyName="x", PolicyDocument=ALLOWING),
        "write a role's policy": lambda: iam.put_role_policy(RoleName=role, PolicyName="x", PolicyDocument=ALLOWING),
        "write its own policy": lambda: iam.put_role_policy(
            RoleName=f"tourniquet-{function}", PolicyName="x", PolicyDocument=ALLOWING
        ),
        "let itself be assumed": lambda: iam.update_assume_role_policy(
            RoleName=f"tourniquet-{function}", PolicyDocument=ALLOWING
        ),
        "lift a user's deny": lambda: iam.detach_user_policy(UserName=victim, PolicyArn=DENY_ALL),
        "lift a role's deny": lambda: iam.detach_role_policy(RoleName=role, PolicyArn=DENY_ALL),
        "widen a boundary": lambda: iam.put_user_permissions_boundary(UserName=victim, PermissionsBoundary=ADMIN),
        "lift a user's boundary": lambda: iam.delete_user_permissions_boundary(UserName=victim),
        "lift a role's boundary": lambda: iam.delete_role_permissions_boundary(RoleName=role),
        "make a key": lambda: iam.create_access_key(UserName=victim),
        "delete a key": lambda: iam.delete_access_key(UserName=victim, AccessKeyId=victims_key.id),
        "make a user": lambda: iam.create_user(UserName="new"),
        "take the rules' policy": lambda: iam.delete_role_policy(RoleName="tourniquet-rules", PolicyName="Start"),
        "take a deny of a role": lambda: iam.delete_role_policy(RoleName=role, PolicyName="x"),
        "change a function": lambda: deployed.client("lambda", key).update_function_configuration(
            FunctionName="tourniquet-Triage", Timeout=1
        ),
        "start the workflow": lambda: deployed.client("stepfunctions", key).start_execution(
            stateMachineArn=machine, input="{}"
        ),
        "read secrets": lambda: deployed.client("secretsmanager", key).list_secrets(),
        "delete the table": lambda: deployed.client("dynamodb", key).delete_table(TableName=table),
        "read the whole table": lambda: deployed.client("dynamodb", key).scan(TableName=table),
        "read the alerts": lambda: deployed.client("sns", key).subscribe(
            TopicArn=topic, Protocol="email", Endpoint="attacker@example.com"
        ),
        "stop the signals": lambda: deployed.client("events", key).disable_rule(Name=rule),
    }
    for name, attempt in tries.items():
        if (name, function) == ("write a role's policy", MAY_PUT_ROLE_POLICIES):
            continue
        try:
            assert_refused(attempt)
        except AssertionError as error:
            error.add_note(f"{function}: {name}")
            raise


def test_the_functions_that_change_something_can_do_the_one_thing_they_are_for(deployed: Deployed) -> None:
    """Given the same credentials, each one's own call works: the refusals are not for want of a valid session."""
    user, (key, other) = deployed.user()
    role = deployed.role()
    deny, disable, revoke = (
        deployed.client("iam", deployed.as_function(one)) for one in ("DenyPrincipal", "DisableKey", "RevokeSessions")
    )
    disable.update_access_key(UserName=user, AccessKeyId=key.id, Status="Inactive")
    assert deployed.status(user) == {key.id: "Inactive", other.id: "Active"}
    deny.attach_user_policy(UserName=user, PolicyArn=DENY_ALL)
    assert "AWSDenyAll" in deployed.policies(user)
    revoke.put_role_policy(
        RoleName=role.name, PolicyName="Tourniquet-x", PolicyDocument=ALLOWING.replace("Allow", "Deny")
    )
    assert deployed.denies(role.name) == ["Tourniquet-x"]

"""The functions' own roles, used for what they must not do, on the embedded AWS."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.deployed import Deployed, Key

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AuthorizationErrorException",
}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DENY = "arn:aws:iam::aws:policy/AWSDenyAll"
FUNCTIONS = ("Triage", "Notify", "DisableKey", "DenyPrincipal")


@pytest.fixture(scope="module")
def victim(deployed: Deployed) -> str:
    """Give a user that everything below is tried on."""
    return deployed.user()[0]


def as_role(deployed: Deployed, function: str) -> Callable[[str], Any]:
    """Give clients with the credentials of a function's role, as code running in it has them."""
    found = deployed.client("lambda").get_function(FunctionName=f"tourniquet-{function}")["Configuration"]
    name = found["Role"].rsplit("/", 1)[-1]
    iam = deployed.client("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    opened = {
        "Version": "2012-10-17",
        "Statement": [
            *trust["Statement"],
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"},
        ],
    }
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
    try:
        session = deployed.client("sts").assume_role(RoleArn=found["Role"], RoleSessionName=uuid.uuid4().hex[:12])
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    made = session["Credentials"]
    key = Key(id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    return lambda service: deployed.client(service, key)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_role_cannot_grant_undo_or_touch_the_responder(
    deployed: Deployed, victim: str, function: str
) -> None:
    """Given each function's credentials, the calls of an attacker who has them are refused."""
    client = as_role(deployed, function)
    iam, own = client("iam"), deployed.client("iam")
    (start_role,) = [
        r["RoleName"] for r in own.list_roles(PathPrefix="/tourniquet/")["Roles"] if "StartRole" in r["RoleName"]
    ]
    table, topic = deployed.outputs["IncidentTableName"], deployed.outputs["AlertTopicArn"]
    tries: list[Callable[[], object]] = [
        lambda: iam.attach_user_policy(UserName=victim, PolicyArn=ADMIN),
        lambda: iam.attach_role_policy(RoleName=start_role, PolicyArn=DENY),
        lambda: iam.put_user_policy(UserName=victim, PolicyName="x", PolicyDocument="{}"),
        lambda: iam.detach_user_policy(UserName=victim, PolicyArn=DENY),
        lambda: iam.put_user_permissions_boundary(UserName=victim, PermissionsBoundary=ADMIN),
        lambda: iam.delete_user_permissions_boundary(UserName=victim),
        lambda: iam.create_access_key(UserName=victim),
        lambda: iam.create_user(UserName="new"),
        lambda: iam.delete_role_policy(RoleName=start_role, PolicyName="Start"),
        lambda: client("lambda").update_function_configuration(FunctionName="tourniquet-Triage", Timeout=1),
        lambda: client("secretsmanager").list_secrets(),
        lambda: client("dynamodb").delete_table(TableName=table),
        lambda: client("dynamodb").scan(TableName=table),
        lambda: client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="attacker@example.com"),
        lambda: client("events").disable_rule(Name=deployed.client("events").list_rules()["Rules"][0]["Name"]),
    ]
    for number, attempt in enumerate(tries):
        with pytest.raises(ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] in REFUSALS, (number, refused.value.response["Error"])


def test_the_deny_function_can_do_the_one_thing_it_is_for(deployed: Deployed) -> None:
    """Given the same credentials, attaching AWSDenyAll works: the refusals are not for want of a valid session."""
    user, _ = deployed.user()
    as_role(deployed, "DenyPrincipal")("iam").attach_user_policy(UserName=user, PolicyArn=DENY)
    assert "AWSDenyAll" in deployed.policies(user)

"""The alarm on powers that IAM cannot narrow: which records of CloudTrail its rules match, as they are deployed."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from lambdas import commands
from stacks.misuse import PATTERN_LIMIT, POWERS
from tests.stacks.test_roles import Roles

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesized

ACCOUNT = "123456789012"
DENIES = json.dumps(commands.session_denied("AROAEXAMPLEEXAMPLE00:Allow"))
OLDER = json.dumps(commands.older_sessions_denied("2026-01-01T00:00:00Z"))
ALLOWS = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
HIDDEN = ALLOWS.replace("Allow", "\\u0041llow")
NAME = "Tourniquet-inc-20260101-0123456789-1"


@pytest.fixture(scope="session")
def patterns(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    """Give each rule's pattern out of the template, its references filled in, by the function of its power."""
    fill = Roles(synthesized.template).filled
    return {power.function: fill(rule_of(synthesized, power.role)["EventPattern"]) for power in POWERS}


def rule_of(synthesized: Synthesized, role: str) -> dict[str, Any]:
    """Find the one rule about a role."""
    (rule,) = [
        rule
        for rule in synthesized.of_type("AWS::Events::Rule").values()
        if f"the role {role} " in rule.get("Description", "")
    ]
    return rule


def told(patterns: dict[str, dict[str, Any]], event: dict[str, Any]) -> list[str]:
    """List the powers whose rule matches an event."""
    return [
        function
        for function, pattern in patterns.items()
        if EventPattern.load(json.dumps(pattern)).matches_event(event)
    ]


def called(function: str, call: str, arguments: dict[str, Any] | None, **changed: str) -> dict[str, Any]:
    """Give the record of a call to IAM by a function's role, as CloudTrail makes it."""
    role = f"tourniquet-{function}"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLEEXAMPLE01:{role}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{changed.pop('session', role)}",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLEEXAMPLE01",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEEXAMPLE01",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/{changed.pop('path', 'tourniquet/')}{role}",
                    "accountId": ACCOUNT,
                    "userName": role,
                },
                "attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2026-01-01T00:00:01Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": call,
        "awsRegion": "us-east-1",
        "requestParameters": arguments,
        "responseElements": None,
        "readOnly": call.startswith(("Get", "List")),
        "eventID": "00000000-0000-0000-0000-000000000000",
        "eventType": "AwsApiCall",
        **changed,
    }
    return {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": ACCOUNT,
        "region": "us-east-1",
        "detail": detail,
    }


def assumed(function: str, identity: dict[str, str], **changed: str) -> dict[str, Any]:
    """Give the record of a function's role being assumed."""
    role = f"tourniquet-{function}"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2026-01-01T00:00:01Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": "us-east-1",
        "requestParameters": {
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/tourniquet/{role}",
            "roleSessionName": role,
            **changed,
        },
        "readOnly": True,
    }
    return {"detail-type": "AWS API Call via CloudTrail", "source": "aws.sts", "account": ACCOUNT, "detail": detail}


def key(status: str) -> dict[str, str]:
    """Give the arguments of a change to a key."""
    return {"userName": "ci", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": status}


def policy(document: str, name: str = NAME) -> dict[str, str]:
    """Give the arguments of an inline policy."""
    return {"roleName": "shared", "policyName": name, "policyDocument": document}


DELETED = {"roleName": "shared", "policyName": NAME}

OWN_USES = [
    called("DisableKey", "UpdateAccessKey", key("Inactive")),
    called("DisableKey", "GetAccessKeyLastUsed", {"accessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    called("DisableKey", "ListAccessKeys", {"userName": "ci"}),
    called("DisableKey", "UpdateAccessKey", None, errorCode="AccessDenied"),
    called("UndoDisableKey", "UpdateAccessKey", key("Active")),
    called("RevokeSessions", "PutRolePolicy", policy(DENIES)),
    called("RevokeSessions", "PutRolePolicy", policy(OLDER)),
    called("RevokeSessions", "PutRolePolicy", None, errorCode="LimitExceededException"),
    called("RevokeSessions", "GetRolePolicy", {"roleName": "shared", "policyName": NAME}),
    called("UndoRevokeSessions", "DeleteRolePolicy", DELETED),
]

MISUSES = [
    called("DisableKey", "UpdateAccessKey", key("Active")),
    called("DisableKey", "UpdateAccessKey", key("Expired")),
    called("DisableKey", "UpdateAccessKey", None),
    called("DisableKey", "UpdateAccessKey", key("Active"), errorCode="NoSuchEntityException"),
    called("DisableKey", "UpdateAccessKey", key("Inactive"), session="somebody-elses-function"),
    called("DisableKey", "CreateAccessKey", {"userName": "ci"}),
    called("DisableKey", "CreateAccessKey", None, errorCode="AccessDenied"),
    called("DisableKey", "ListUsers", None, errorCode="AccessDenied"),
    called("UndoDisableKey", "UpdateAccessKey", key("Inactive")),
    called("UndoDisableKey", "DeleteAccessKey", key("")),
    called("RevokeSessions", "PutRolePolicy", policy(ALLOWS)),
    called("RevokeSessions", "PutRolePolicy", policy(HIDDEN)),
    called("RevokeSessions", "PutRolePolicy", policy(DENIES[:-2] + "," + ALLOWS[15:])),
    called("RevokeSessions", "PutRolePolicy", policy(OLDER, name="Admin")),
    called("RevokeSessions", "PutRolePolicy", policy(OLDER, name="x-Tourniquet-inc-1")),
    called("RevokeSessions", "PutRolePolicy", None),
    called("RevokeSessions", "DeleteRolePolicy", DELETED),
    called("RevokeSessions", "AttachRolePolicy", {"roleName": "shared", "policyArn": "arn:aws:iam::aws:policy/X"}),
    called("UndoRevokeSessions", "PutRolePolicy", policy(OLDER)),
    called("UndoRevokeSessions", "PutRolePolicy", policy(ALLOWS)),
    called("UndoRevokeSessions", "DeleteRolePolicy", {"roleName": "shared", "policyName": "theirs"}),
    called("UndoRevokeSessions", "UpdateAssumeRolePolicy", {"roleName": "shared"}),
]


@pytest.mark.parametrize("event", OWN_USES, ids=range(len(OWN_USES)))
def test_what_a_role_is_for_is_not_told(patterns: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    """Given a call as the role's code makes it, also one that IAM refuses, no rule matches."""
    assert told(patterns, event) == []


@pytest.mark.parametrize("event", MISUSES, ids=range(len(MISUSES)))
def test_any_other_use_is_told_once(patterns: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    """Given another argument, another call or another session, the rule of that role matches, and no other."""
    issuer = event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"]
    assert told(patterns, event) == [issuer.removeprefix("tourniquet-")]


LAMBDA = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}


@pytest.mark.parametrize("function", [power.function for power in POWERS])
def test_only_lambda_for_the_function_itself_assumes_the_role_unseen(
    patterns: dict[str, dict[str, Any]], function: str
) -> None:
    """Given the role assumed, it is told unless Lambda did it for the function of that name."""
    assert told(patterns, assumed(function, LAMBDA)) == []
    others: list[dict[str, str]] = [
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        {"type": "AWSService"},
        {"type": "IAMUser", "userName": "mallory"},
        {"type": "AssumedRole", "invokedBy": "lambda.amazonaws.com"},
        {"type": "AWSAccount", "accountId": "210987654321"},
    ]
    for identity in others:
        assert told(patterns, assumed(function, identity)) == [function]
    assert told(patterns, assumed(function, LAMBDA, roleSessionName="somebody-elses-function")) == [function]


def test_what_is_not_these_roles_is_not_told(patterns: dict[str, dict[str, Any]]) -> None:
    """Given the same calls by others, by roles that only have the name, or about others, no rule matches."""
    by_user = copy.deepcopy(MISUSES[0])
    by_user["detail"]["userIdentity"] = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ci"}
    other = assumed("DisableKey", {"type": "IAMUser"}, roleArn=f"arn:aws:iam::{ACCOUNT}:role/other")
    refused = copy.deepcopy(other)
    refused["detail"] |= {"requestParameters": None, "errorCode": "AccessDenied"}
    same_name = called("DisableKey", "UpdateAccessKey", key("Active"), path="")
    by_notify = called("Notify", "UpdateAccessKey", key("Active"))
    elsewhere = {**copy.deepcopy(MISUSES[0]), "source": "awsmock.iam"}
    for event in (by_user, other, refused, same_name, by_notify, elsewhere):
        assert told(patterns, event) == []


def test_the_rules_also_hear_what_cloudtrail_counts_as_reading(synthesized: Synthesized) -> None:
    """Given that CloudTrail counts AssumeRole as reading, the rules ask for such records; each pattern fits."""
    fill = Roles(synthesized.template).filled
    for power in POWERS:
        rule = rule_of(synthesized, power.role)
        assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        assert len(json.dumps(fill(rule["EventPattern"]), separators=(",", ":"))) <= PATTERN_LIMIT


def test_the_topic_is_told_without_any_code_and_with_nothing_of_an_attackers(synthesized: Synthesized) -> None:
    """Given the rules, each publishes to the topic itself, and takes out of the event only what AWS writes there."""
    (topic,) = synthesized.of_type("AWS::SNS::Topic")
    for power in POWERS:
        (target,) = rule_of(synthesized, power.role)["Targets"]
        assert target["Arn"] == {"Ref": topic}
        assert "RoleArn" not in target
        assert set(target["InputTransformer"]["InputPathsMap"].values()) == {
            "$.detail.eventName",
            "$.detail.eventTime",
            "$.detail.eventID",
            "$.detail.awsRegion",
        }
        text = json.dumps(target["InputTransformer"]["InputTemplate"])
        for needed in ("MISUSE: ", power.role, "lookup-events", "attach-role-policy", "What to do next"):
            assert needed in text


def test_the_roles_that_are_deployed_are_those_that_are_watched(synthesized: Synthesized) -> None:
    """Given every role that holds one of the two powers, it has a rule."""
    roles = Roles(synthesized.template)
    granted = {
        logical: {
            call
            for statement in policy["Statement"]
            if statement["Effect"] == "Allow"
            for call in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for logical, policy in roles.policies.items()
    }
    named = synthesized.of_type("AWS::IAM::Role")
    holding = {
        named[logical]["RoleName"]
        for logical, calls in granted.items()
        if calls & {"iam:UpdateAccessKey", "iam:PutRolePolicy"}
    }
    assert {"tourniquet-DisableKey", "tourniquet-RevokeSessions"} <= holding <= {power.role for power in POWERS}

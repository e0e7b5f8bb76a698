"""The guard, judged by an offline simulator of IAM that knows nothing of how it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.aws import DENY_ALL
from stacks import fixed, guard
from stacks.functions import PREFIX, ROLE_PATH
from tests.stacks.test_roles import judge

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesized

HERE = Path(__file__).parent
CALLS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    kind: calls for kind, calls in json.loads((HERE / "guarded_calls.json").read_text()).items() if kind != "about"
}
RACE: list[dict[str, Any]] = json.loads((HERE / "race_calls.json").read_text())["calls"]

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
PLACE = f"us-east-1:{ACCOUNT}"
DEPLOY = f"{IAM}:role/cdk-tourniquet-cfn-exec-role-{ACCOUNT}-us-east-1"
GLASS = f"{IAM}:user/break-glass"
OPERATOR = f"{IAM}:user/on-call"
ADMIN = f"{IAM}:role/admin"
ROOT = f"{IAM}:root"
OWN = f"{IAM}:role{ROLE_PATH}{PREFIX}"

NAMES = {
    "user": f"{IAM}:user/somebody",
    "role": f"{IAM}:role/some-role",
    "deny all": f"arn:aws:iam::aws:policy/{DENY_ALL}",
    "other policy": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "deploy": DEPLOY,
    "break glass": GLASS,
    "operator": OPERATOR,
    "own role": f"{OWN}UndoDisableKey",
    "new own role": f"{OWN}New",
    "hold function": f"arn:aws:lambda:{PLACE}:function:tourniquet-Hold",
    "undo function": f"arn:aws:lambda:{PLACE}:function:tourniquet-UndoDisableKey",
    "respond": f"arn:aws:states:{PLACE}:stateMachine:tourniquet-respond",
    "restore": f"arn:aws:states:{PLACE}:stateMachine:tourniquet-restore",
    "own execution": f"arn:aws:states:{PLACE}:execution:tourniquet-investigate:one",
    "own rule": f"arn:aws:events:{PLACE}:rule/TourniquetResponder-SignalsHealth0123ABCD-abcdef",
    "own topic": f"arn:aws:sns:{PLACE}:TourniquetResponder-AlertsTopic0123ABCD-abcdef",
    "own queue": f"arn:aws:sqs:{PLACE}:TourniquetResponder-AlertsDeadLetters0123ABCD-abcdef",
    "own table": f"arn:aws:dynamodb:{PLACE}:table/TourniquetResponder-RecordsIncidents0123ABCD-abcdef",
    "own key": f"arn:aws:kms:{PLACE}:key/11111111-1111-1111-1111-111111111111",
    "own alarm": f"arn:aws:cloudwatch:{PLACE}:alarm:TourniquetResponder-AlertsDeadLettersAlarm0123ABCD-abcdef",
    "own log": f"arn:aws:logs:{PLACE}:log-group:TourniquetResponder-FunctionsTriageLog0123ABCD-abcdef",
    "own bucket": "arn:aws:s3:::tourniquetresponder-evidencebucket0123abcd-abcdef",
    "own object": "arn:aws:s3:::tourniquetresponder-evidencebucket0123abcd-abcdef/incidents/inc-1/i-1/before.json",
    "own stack": f"arn:aws:cloudformation:{PLACE}:stack/TourniquetResponder/00000000-0000-0000-0000-000000000000",
    "function": f"arn:aws:lambda:{PLACE}:function:somebody-elses",
    "machine": f"arn:aws:states:{PLACE}:stateMachine:some",
    "execution": f"arn:aws:states:{PLACE}:execution:some:one",
    "rule": f"arn:aws:events:{PLACE}:rule/some",
    "topic": f"arn:aws:sns:{PLACE}:some",
    "queue": f"arn:aws:sqs:{PLACE}:some",
    "table": f"arn:aws:dynamodb:{PLACE}:table/some",
    "key": f"arn:aws:kms:{PLACE}:key/00000000-0000-0000-0000-000000000000",
    "alarm": f"arn:aws:cloudwatch:{PLACE}:alarm:some",
    "log": f"arn:aws:logs:{PLACE}:log-group:some",
    "bucket": "arn:aws:s3:::some-bucket",
    "object": "arn:aws:s3:::some-bucket/some-object",
    "stack": f"arn:aws:cloudformation:{PLACE}:stack/some/00000000-0000-0000-0000-000000000000",
}
_ALL: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [_ALL]}
#: As the stack's key has it: whom IAM lets use the key, may.
KEY_POLICY = {"Version": "2012-10-17", "Statement": [{**_ALL, "Principal": {"AWS": ROOT}}]}
GUARD = guard.policy(guard.named(account=ACCOUNT, deployers=DEPLOY, break_glass=GLASS, operators=OPERATOR))


def asked(who: str, action: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    """Phrase one request of a principal that may do everything, under the guard."""
    filled = {key: NAMES[value[1:-1]] if value.startswith("{") else value for key, value in context.items()}
    return {
        "policy": ADMINISTRATOR,
        "serviceControlPolicies": [GUARD],
        "action": action,
        "resource": NAMES[resource[1:-1]] if resource.startswith("{") else resource,
        "context": {**filled, "aws:PrincipalArn": who},  # AWS gives it with every signed request
        "principal": who,
        **({"resourcePolicy": KEY_POLICY} if action.startswith("kms:") else {}),
    }


def answers(who: str, calls: list[tuple[str, str, dict[str, str]]]) -> list[str]:
    """Ask the simulator about calls of one principal."""
    return judge([asked(who, *call) for call in calls])


@pytest.mark.parametrize("who", [ADMIN, f"{IAM}:user/admin", f"{IAM}:role/tourniquet-Hold", f"{IAM}:role/tourniquet/x"])
def test_an_administrator_is_refused_what_is_the_responders(who: str) -> None:
    """Given an administrator, also one whose role only looks like ours, each touching call is denied outright."""
    said = answers(who, CALLS["touching"])
    assert [call for call, answer in zip(CALLS["touching"], said, strict=True) if answer != "ExplicitlyDenied"] == []


def test_the_root_user_of_the_account_is_bound_too() -> None:
    """Given the account's root user, each touching call is denied outright."""
    assert set(answers(ROOT, CALLS["touching"])) == {"ExplicitlyDenied"}


def test_an_administrator_keeps_everything_else() -> None:
    """Given an administrator, the same calls on what is not the responder's, and reading, are allowed."""
    said = answers(ADMIN, CALLS["ordinary"])
    assert [call for call, answer in zip(CALLS["ordinary"], said, strict=True) if answer != "Allowed"] == []


@pytest.mark.parametrize("who", [GLASS, f"{OWN}UndoDenyPrincipal", f"{OWN}Hold", f"{OWN}respond"])
def test_who_is_let_through_is_refused_nothing(who: str) -> None:
    """Given break-glass and the responder's roles, the guard stands in the way of no call."""
    calls = CALLS["touching"] + CALLS["ordinary"]
    said = answers(who, calls)
    assert [call for call, answer in zip(calls, said, strict=True) if answer != "Allowed"] == []


def test_the_deployment_role_may_change_the_stack_and_give_nothing_back() -> None:
    """Given the deployment role, it is refused what no deployment does: to lift a deny, start a workflow, leave."""
    calls = CALLS["touching"] + CALLS["ordinary"]
    said = answers(DEPLOY, calls)
    refused = [call for call, answer in zip(calls, said, strict=True) if answer != "Allowed"]
    assert {(action, resource) for action, resource, _ in refused} == {
        ("states:StartExecution", "{respond}"),
        ("states:StartExecution", "{restore}"),
        ("iam:DetachUserPolicy", "{user}"),
        ("iam:DetachRolePolicy", "{role}"),
        ("iam:DeleteUserPermissionsBoundary", "{user}"),
        ("iam:DeleteRolePermissionsBoundary", "{role}"),
        ("lambda:CreateEventSourceMapping", "*"),
        ("organizations:LeaveOrganization", "*"),
        *((action, "{operator}") for action, resource, _ in CALLS["touching"] if resource == "{operator}"),
    }


def test_an_operator_may_start_and_nothing_else() -> None:
    """Given an operator, of all touching calls only starting a workflow, and what it does to itself, are allowed."""
    said = answers(OPERATOR, CALLS["touching"])
    allowed = [call for call, answer in zip(CALLS["touching"], said, strict=True) if answer == "Allowed"]
    assert {(action, resource) for action, resource, _ in allowed} == {
        ("states:StartExecution", "{respond}"),
        ("states:StartExecution", "{restore}"),
        ("iam:CreateAccessKey", "{operator}"),
        ("iam:CreateLoginProfile", "{operator}"),
        ("iam:UpdateLoginProfile", "{operator}"),
        ("iam:DeactivateMFADevice", "{operator}"),
    }


def test_the_table_of_the_race_says_what_the_guard_does() -> None:
    """Given each call of an attacker who races the responder, its verdict in the table is the simulator's."""
    said = answers(ADMIN, [(one["action"], one["resource"], one["context"]) for one in RACE])
    verdicts = {"Allowed": "allowed", "ExplicitlyDenied": "refused"}
    assert [(one["what"], verdicts.get(answer, answer)) for one, answer in zip(RACE, said, strict=True)] == [
        (one["what"], one["guard"]) for one in RACE
    ]


def test_the_lists_are_long_enough_to_mean_something() -> None:
    """Given the lists, there are many calls of each kind, and the simulator knows the race's without the guard."""
    assert len(CALLS["touching"]) >= 60
    assert len(CALLS["ordinary"]) >= 60
    free = [{**asked(ADMIN, *call), "serviceControlPolicies": []} for call in CALLS["touching"]]
    assert set(judge(free)) == {"Allowed"}


#: A call that changes it and the ARN, for each type of resource that has one; what CloudFormation names has ``{}``.
CHANGED_BY = {
    "AWS::CloudWatch::Alarm": ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{PLACE}:alarm:{{}}"),
    "AWS::DynamoDB::Table": ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{PLACE}:table/{{}}"),
    "AWS::Events::Rule": ("events:DisableRule", f"arn:aws:events:{PLACE}:rule/{{}}"),
    "AWS::IAM::ManagedPolicy": ("iam:CreatePolicyVersion", f"{IAM}:policy{{Path}}{{ManagedPolicyName}}"),
    "AWS::IAM::Role": ("iam:PutRolePolicy", f"{IAM}:role{{Path}}{{RoleName}}"),
    "AWS::KMS::Key": ("kms:DisableKey", NAMES["own key"]),
    "AWS::Lambda::Function": ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{PLACE}:function:{{FunctionName}}"),
    "AWS::Logs::LogGroup": ("logs:DeleteLogGroup", f"arn:aws:logs:{PLACE}:log-group:{{}}"),
    "AWS::S3::Bucket": ("s3:PutBucketPolicy", "arn:aws:s3:::{}"),
    "AWS::SNS::Topic": ("sns:DeleteTopic", f"arn:aws:sns:{PLACE}:{{}}"),
    "AWS::SQS::Queue": ("sqs:DeleteQueue", f"arn:aws:sqs:{PLACE}:{{}}"),
    "AWS::StepFunctions::StateMachine": (
        "states:UpdateStateMachine",
        f"arn:aws:states:{PLACE}:stateMachine:{{StateMachineName}}",
    ),
}
#: Changed by calls on one of the above.
PART_OF_ANOTHER = {
    "AWS::CDK::Metadata",
    "AWS::IAM::Policy",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


def test_everything_in_the_stack_is_guarded(synthesized: Synthesized) -> None:
    """Given each resource of the template, under the name that it gets, the call that changes it is refused."""
    calls = []
    for logical, resource in synthesized.template["Resources"].items():
        if resource["Type"] in PART_OF_ANOTHER:
            continue
        action, arn = CHANGED_BY[resource["Type"]]
        properties = resource.get("Properties", {})
        name = f"{fixed.STACK}-{logical}-ABCDEFGHIJKL"
        tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in properties.get("Tags", [])}
        generated = name.lower() if resource["Type"] == "AWS::S3::Bucket" else name
        given_names = {key: value for key, value in properties.items() if isinstance(value, str)}
        calls.append((action, arn.format(generated, **given_names), tags if action.startswith("kms:") else {}))
    said = answers(ADMIN, calls)
    assert [call for call, answer in zip(calls, said, strict=True) if answer != "ExplicitlyDenied"] == []

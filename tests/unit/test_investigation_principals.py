"""Who the principals are, how what was made stands now, and what the days since cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.investigation import cost, principals, standing
from lambdas.investigation.asking import Deadline
from lambdas.investigation.kinds import KINDS, Resource
from lambdas.investigation.principals import Principal
from tests.unit.answering import ACCOUNT, Answering, Refusal
from tests.unit.test_investigation_stock import KEY, NOW, OLD, everywhere, regional

if TYPE_CHECKING:
    from lambdas.model import Json

GONE = Refusal("NoSuchEntity", 404)
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"


def services(*used: tuple[str, datetime | None]) -> Json:
    """Give the services that a principal last used."""
    rows = [
        {"ServiceName": name, "ServiceNamespace": name.lower()} | ({"LastAuthenticated": at} if at else {})
        for name, at in used
    ]
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": NOW,
        "JobCompletionDate": NOW,
        "ServicesLastAccessed": rows,
    }


def known() -> dict[str, Any]:
    """Give an account with a user and a role."""
    answers = everywhere(OLD)
    user, role = answers["iam.ListUsers"]["Users"][0], answers["iam.ListRoles"]["Roles"][0]
    return {
        "iam.GetUser": {"User": user | {"PasswordLastUsed": NOW - timedelta(days=1)}},
        "iam.GetRole": {"Role": role | {"RoleLastUsed": {"LastUsedDate": NOW, "Region": "us-east-1"}}},
        "iam.ListAccessKeys": answers["iam.ListAccessKeys"],
        "iam.GetAccessKeyLastUsed": {
            "UserName": "u",
            "AccessKeyLastUsed": {"LastUsedDate": NOW, "ServiceName": "sts", "Region": "us-east-1"},
        },
        "iam.ListMFADevices": {"MFADevices": []},
        "iam.GetLoginProfile": GONE,
        "iam.GenerateServiceLastAccessedDetails": {"JobId": "j" * 36},
        "iam.GetServiceLastAccessedDetails": services(("Amazon EC2", NOW - timedelta(hours=1)), ("Amazon S3", None)),
    }


def test_a_user_and_a_role_are_described_with_the_calls_that_are_granted() -> None:
    """Given a user and a role, it is said when they were made, what they have, and what they used, newest first."""
    account = Answering(known())
    wanted = [Principal(kind="user", name="u"), Principal(kind="role", name="r"), Principal(kind="user", name="u")]
    (user, role), unknown = principals.describe(account.clients, wanted, Deadline(20), lambda _: None)
    assert unknown == []
    assert user == {
        "kind": "user",
        "name": "u",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/u",
        "made_at": "2025-10-16T03:31:00Z",
        "last_used": [
            {"service": "sts", "at": "2026-11-20T03:31:00Z"},
            {"service": "Amazon EC2", "at": "2026-11-20T02:31:00Z"},
            {"service": "console sign-in", "at": "2026-11-19T03:31:00Z"},
        ],
        "mfa": False,
        "password": False,
        "keys": 1,
    }
    assert (role["kind"], role["mfa"], role["password"], role["keys"]) == ("role", None, None, 0)
    assert [use["service"] for use in role["last_used"]] == ["any", "Amazon EC2"]
    assert account.actions() == {grant.action for grant in principals.GRANTS}
    assert KEY not in json.dumps([user, role])


def test_what_is_not_known_of_a_principal_is_said_and_the_rest_is_given() -> None:
    """Given a user who is gone and one call that is refused, what is known is given."""
    account = Answering(known() | {"iam.GetUser": GONE, "iam.ListMFADevices": Refusal("AccessDenied", 403)})
    (user,), unknown = principals.describe(account.clients, [Principal(kind="user", name="u")], Deadline(20))
    assert (user["made_at"], user["mfa"], user["password"], user["keys"]) == ("", None, False, 1)
    assert any("the MFA of the user u (iam:ListMFADevices); the role may not ask" in said for said in unknown)
    assert any("the making of the user u" in said for said in unknown)


def test_the_last_used_services_are_waited_for_no_longer_than_the_time() -> None:
    """Given a job that does not end, the rest is given, and it is said."""
    job = services() | {"JobStatus": "IN_PROGRESS"}
    account = Answering(known() | {"iam.GetServiceLastAccessedDetails": job})
    slept: list[float] = []
    (role,), unknown = principals.describe(
        account.clients, [Principal(kind="role", name="r")], Deadline(1.2), slept.append
    )
    assert role["made_at"]
    assert unknown
    failed = Answering(known() | {"iam.GetServiceLastAccessedDetails": services() | {"JobStatus": "FAILED"}})
    _, unknown = principals.describe(failed.clients, [Principal(kind="role", name="r")], Deadline(20))
    assert unknown == ["Not read: the services of the role r; AWS could not tell the last used services."]


def test_no_more_than_ten_principals_are_looked_at() -> None:
    """Given twelve users and something that is neither user nor role, ten are described and two counted."""
    account = Answering(known())
    wanted = [Principal(kind="user", name=f"u{number}") for number in range(12)] + [Principal(kind="root", name="")]
    found, unknown = principals.describe(account.clients, wanted, Deadline(20), lambda _: None)
    assert len(found) == 10
    assert unknown == ["2 more principals were not looked at."]


# How things stand now.

STATES: dict[str, tuple[Any, str]] = {
    "user": (known()["iam.GetUser"], "active"),
    "role": (known()["iam.GetRole"], "active"),
    "group": ({"Group": everywhere(OLD)["iam.ListGroups"]["Groups"][0], "Users": []}, "active"),
    "policy": ({"Policy": {"PolicyName": "p"}}, "active"),
    "instance_profile": (
        {"InstanceProfile": everywhere(OLD)["iam.ListInstanceProfiles"]["InstanceProfiles"][0]},
        "active",
    ),
    "login_profile": ({"LoginProfile": {"UserName": "u", "CreateDate": OLD}}, "active"),
    "saml_provider": ({"SAMLMetadataDocument": "x" * 1000}, "active"),
    "open_id_connect_provider": ({"Url": "o.example"}, "active"),
    "access_key": (
        {"AccessKeyMetadata": [{"UserName": "u", "AccessKeyId": KEY, "Status": "Inactive", "CreateDate": OLD}]},
        "inactive",
    ),
    "instance": ({"Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]}, "running"),
    "spot_request": ({"SpotInstanceRequests": [{"State": "cancelled"}]}, "cancelled"),
    "image": ({"Images": [{"State": "available"}]}, "available"),
    "volume": ({"Volumes": [{"State": "in-use"}]}, "in-use"),
    "snapshot": ({"Snapshots": [{"State": "pending"}]}, "pending"),
    "key_pair": ({"KeyPairs": [{"KeyName": "k"}]}, "active"),
    "security_group": ({"SecurityGroups": [{"GroupId": "sg-1"}]}, "active"),
    "launch_template": ({"LaunchTemplates": [{"LaunchTemplateId": "lt-1"}]}, "active"),
    "spot_fleet": ({"SpotFleetRequestConfigs": [{"SpotFleetRequestState": "cancelled_running"}]}, "cancelled_running"),
    "task": ({"tasks": [{"lastStatus": "RUNNING"}]}, "running"),
    "service": ({"services": [{"status": "DRAINING"}]}, "draining"),
    "task_definition": ({"taskDefinition": {"status": "ACTIVE"}}, "active"),
    "function_url": (
        {
            "FunctionUrl": "u" * 40,
            "FunctionArn": FUNCTION,
            "AuthType": "NONE",
            "CreationTime": "",
            "LastModifiedTime": "",
        },
        "active",
    ),
    "trail": ({"IsLogging": False}, "not logging"),
    "detector": ({"Status": "DISABLED", "ServiceRole": "r"}, "disabled"),
    "kms_key": ({"KeyMetadata": {"KeyId": "k", "KeyState": "PendingDeletion"}}, "pendingdeletion"),
    "auto_scaling_group": (regional(OLD)["autoscaling.DescribeAutoScalingGroups"], "active"),
    "cluster": ({"clusters": [{"status": "ACTIVE"}]}, "active"),
    "repository": ({"repositories": [{"repositoryName": "miner"}]}, "active"),
    "function": ({"FunctionName": "f", "State": "Active", "Environment": {"Variables": {"k": "hunter2"}}}, "active"),
    "event_source_mapping": ({"State": "Enabled"}, "enabled"),
    "stack": (regional(OLD)["cloudformation.DescribeStacks"], "update_complete"),
    "lightsail_instance": ({"instance": {"name": "ls", "state": {"code": 16, "name": "running"}}}, "running"),
    "notebook": ({"NotebookInstanceStatus": "InService"}, "inservice"),
    "mail_identity": ({"IdentityType": "DOMAIN"}, "active"),
    "database": ({"DBInstances": [{"DBInstanceStatus": "available"}]}, "available"),
    "database_snapshot": ({"DBSnapshots": [{"Status": "available"}]}, "available"),
    "bucket": ({"LocationConstraint": "eu-west-1"}, "active"),
}


def answer_to(kind: str) -> str:
    """Name the operation that reads the state of a kind."""
    how = standing.STATES[kind]
    (name,) = [
        name
        for name in Answering().clients(how.service).meta.service_model.operation_names
        if name.lower() == how.call.replace("_", "")
    ]
    return f"{how.service}.{name}"


def thing(kind: str) -> Resource:
    """Give a resource whose id its API would take."""
    longer = {
        "policy": f"arn:aws:iam::{ACCOUNT}:policy/p",
        "saml_provider": f"arn:aws:iam::{ACCOUNT}:saml-provider/p",
        "open_id_connect_provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/p",
        "access_key": KEY,
        "event_source_mapping": "5d9bbd28-7d08-4a3c-b7b0-2c6ad6b2a8a9",
    }
    return Resource(kind=kind, id=longer.get(kind, "some-name"), owner="u", region="eu-west-1")


@pytest.mark.parametrize("kind", standing.STATES)
def test_the_state_of_each_kind_is_read_with_the_call_that_is_granted(kind: str) -> None:
    """Given a resource that is there, its state is AWS' own word in small letters, asked where the resource is."""
    answer, state = STATES[kind]
    account = Answering({answer_to(kind): answer})
    states, unknown = standing.now(account.clients, [thing(kind)], Deadline(20))
    assert (list(states.values()), unknown) == ([state], [])
    assert account.actions() == {standing.STATES[kind].asks}
    assert "hunter2" not in str(states)
    if not KINDS[kind].everywhere:
        assert {one.region for one in account.asked} == {"eu-west-1"}


def test_what_is_granted_to_read_states_is_what_the_table_asks() -> None:
    """Given the table, each of its calls is granted and nothing else; all of its kinds are ones that are described."""
    asked = {state.asks for state in standing.STATES.values()}
    assert {grant.action for grant in standing.GRANTS} == asked | {"iam:GetAccessKeyLastUsed"}
    assert set(standing.STATES) <= set(KINDS)


@pytest.mark.parametrize("kind", standing.STATES)
def test_what_is_no_longer_there_is_gone(kind: str) -> None:
    """Given the error that the service has for what is not there, or an empty answer, the resource is gone."""
    how = standing.STATES[kind]
    for code in how.gone:
        account = Answering({answer_to(kind): Refusal(code, 404)})
        assert list(standing.now(account.clients, [thing(kind)], Deadline(20))[0].values()) == ["gone"], code
    if how.many:
        empty = Answering({answer_to(kind): {how.path[0]: []}})
        assert list(standing.now(empty.clients, [thing(kind)], Deadline(20))[0].values()) == ["gone"]


def test_what_is_not_known_has_no_state_and_stops_nothing_else() -> None:
    """Given a kind that nobody reads, a refusal and a user who is there, the user's state is known."""
    account = Answering(known() | {"ec2.DescribeInstances": Refusal("UnauthorizedOperation", 403)})
    odd, instance, user = Resource(kind="satellite", id="x"), thing("instance"), thing("user")
    states, unknown = standing.now(account.clients, [odd, instance, user, user], Deadline(20))
    assert states == {odd: "", instance: "", user: "active"}
    assert unknown == [
        "Not read in eu-west-1: the state of some EC2 instances (ec2:DescribeInstances); the role may not ask."
    ]


def test_a_cluster_that_is_inactive_is_gone_and_a_key_of_another_user_too() -> None:
    """Given a cluster that AWS still shows, and a user without the key, both are gone."""
    account = Answering({"ecs.DescribeClusters": {"clusters": [{"status": "INACTIVE"}]}, **known()})
    other = Resource(kind="access_key", id="AKIAOTHEROTHEROTHER1", owner="u")
    states, _ = standing.now(account.clients, [thing("cluster"), other], Deadline(20))
    assert set(states.values()) == {"gone"}


def test_of_very_many_resources_the_first_are_asked() -> None:
    """Given more resources than are asked, the rest has no state, and is counted."""
    account = Answering(known())
    many = [Resource(kind="user", id=f"u{number}") for number in range(standing.MOST + 7)]
    states, unknown = standing.now(account.clients, many, Deadline(60))
    assert sum(state == "active" for state in states.values()) == standing.MOST
    assert unknown == ["The state of 7 more resources was not asked."]


def test_a_key_of_which_no_user_is_known_is_found_and_a_key_of_nobody_is_gone() -> None:
    """Given keys without a user, one that IAM knows has its status, and one that it does not know is gone."""
    account = Answering(known())
    key = Resource(kind="access_key", id=KEY)
    assert standing.now(account.clients, [key], Deadline(20)) == ({key: "active"}, [])
    assert account.actions() == {"iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"}
    nobody = Answering(known() | {"iam.GetAccessKeyLastUsed": Refusal("AccessDenied", 403)})
    assert standing.now(nobody.clients, [key], Deadline(20)) == ({key: "gone"}, [])


@pytest.mark.parametrize(
    ("kind", "known_as", "argument"),
    [
        ("key_pair", "key-f123456789abcdef0", "KeyPairIds"),
        ("key_pair", "backup", "KeyNames"),
        ("launch_template", "lt-0123456789abcdef0", "LaunchTemplateIds"),
        ("launch_template", "fleet", "LaunchTemplateNames"),
    ],
)
def test_what_is_known_by_id_or_by_name_is_asked_for_by_what_it_is(kind: str, known_as: str, argument: str) -> None:
    """Given a key pair or a launch template, its id is asked for as an id and its name as a name."""
    account = Answering()
    standing.now(account.clients, [Resource(kind=kind, id=known_as, region="eu-west-1")], Deadline(20))
    assert account.asked[0].params == {argument: [known_as]}


@pytest.mark.parametrize(
    ("kind", "known_as", "owner", "cluster"),
    [
        ("task", "arn:aws:ecs:eu-west-1:1:task/miners/0123", "", "miners"),
        ("task", "arn:aws:ecs:eu-west-1:1:task/0123", "", "default"),
        ("service", "s", "miners", "miners"),
        ("service", "s", "", "default"),
    ],
)
def test_what_is_in_a_cluster_is_asked_of_the_cluster(kind: str, known_as: str, owner: str, cluster: str) -> None:
    """Given a task or a service, the cluster that is named, or that its ARN names, is asked."""
    account = Answering()
    standing.now(account.clients, [Resource(kind=kind, id=known_as, owner=owner, region="eu-west-1")], Deadline(20))
    assert account.asked[0].params["cluster"] == cluster


# What it cost.


def group(name: str, amount: str) -> Json:
    """Give what a service cost on a day."""
    return {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


def day(start: str, *groups: Json) -> Json:
    """Give a day of Cost Explorer's."""
    return {"TimePeriod": {"Start": start, "End": start}, "Groups": list(groups), "Estimated": True}


def test_the_cost_is_asked_once_summed_by_day_and_by_service() -> None:
    """Given three days, one question is asked; the days and the dearest services first are in the answer."""
    account = Answering(
        {
            "ce.GetCostAndUsage": {
                "ResultsByTime": [
                    day("2026-11-18", group("Amazon EC2", "1.004"), group("AWS Lambda", "0.0000001")),
                    day("2026-11-19", group("Amazon EC2", "900.5"), group("Amazon SES", "12")),
                    day("2026-11-20"),
                ]
            }
        }
    )
    said, unknown = cost.since(account.clients, NOW - timedelta(days=2), NOW, Deadline(20), wanted=True)
    assert said == {
        "currency": "USD",
        "days": [
            {"day": "2026-11-18", "amount": 1.0},
            {"day": "2026-11-19", "amount": 912.5},
            {"day": "2026-11-20", "amount": 0.0},
        ],
        "services": [{"name": "Amazon EC2", "amount": 901.5}, {"name": "Amazon SES", "amount": 12.0}],
    }
    (asked,) = account.asked
    assert asked.params["TimePeriod"] == {"Start": "2026-11-18", "End": "2026-11-21"}
    assert asked.region in {"us-east-1", "aws-global"}
    assert account.actions() == {grant.action for grant in cost.GRANTS}
    assert unknown == ["Cost Explorer is about a day behind: what the last day cost is not all in the figures."]


def test_a_question_that_is_not_wanted_costs_nothing() -> None:
    """Given that the cost is switched off, or a partition without Cost Explorer, nothing is asked, and it is said."""
    account = Answering()
    assert cost.since(account.clients, OLD, NOW, Deadline(20), wanted=False)[0] is None
    said, unknown = cost.since(account.clients, OLD, NOW, Deadline(20), wanted=True, partition="aws-us-gov")
    assert (said, account.asked) == (None, [])
    assert "no Cost Explorer" in unknown[0]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Refusal("AccessDeniedException"), "(ce:GetCostAndUsage); the role may not ask."),
        (Refusal("DataUnavailableException"), "Cost Explorer has no figures yet."),
        (Refusal("ThrottlingException"), "AWS asked for fewer calls."),
        (ReadTimeoutError(endpoint_url="https://ce"), "there was no answer"),
        ({"ResultsByTime": [day("2026-11-18", group("x", "a lot"))]}, "the answer was not understood (ValueError)."),
    ],
)
def test_a_cost_that_is_not_known_is_a_sentence(answer: Any, sentence: str) -> None:  # noqa: ANN401 - an answer
    """Given a refusal, no data or an odd answer, there is no cost, and a sentence says why."""
    account = Answering({"ce.GetCostAndUsage": answer})
    said, unknown = cost.since(account.clients, NOW, NOW, Deadline(20), wanted=True)
    assert said is None
    assert sentence in unknown[0]


def test_the_days_are_at_least_one_and_at_most_ninety() -> None:
    """Given a time in the future or years ago, the question is about days that Cost Explorer answers for."""
    account = Answering({"ce.GetCostAndUsage": {"ResultsByTime": [], "NextPageToken": "more"}})
    for first, start in ((NOW + timedelta(days=3), "2026-11-20"), (datetime(2020, 1, 1, tzinfo=UTC), "2026-08-23")):
        _, unknown = cost.since(account.clients, first, NOW, Deadline(20), wanted=True)
        assert account.asked[-1].params["TimePeriod"] == {"Start": start, "End": "2026-11-21"}
        assert "Not all services are in the cost." in unknown

"""Taking stock: what is new is listed, what is old is not, and what could not be read is said."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.investigation import (
    asking,
    cost,
    posture,
    principals,
    readers,
    standing,
    stock,
    stock_global,
    trust,
)
from lambdas.investigation.asking import Deadline
from lambdas.investigation.readers import Reader, Where
from tests.unit.answering import ACCOUNT, Answering, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.model import Json

NOW = datetime(2026, 11, 20, 3, 31, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
OLD = NOW - timedelta(days=400)
ECS = "arn:aws:ecs:us-east-1:123456789012"
#: To remove these is to delete data, or what production may need.
WITHOUT_REMOVE = {"volume", "stack", "mail_identity", "database_snapshot"}
KEY = "AKIAIOSFODNN7EXAMPLE"
OUTSIDE = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}]}
INSIDE = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}


def where(account: Answering, seconds: float = 20, **given_: Any) -> Where:
    """Give what taking stock is given."""
    made = Where(clients=account.clients, deadline=Deadline(seconds), since=SINCE, account=ACCOUNT)
    return replace(made, **given_)


def world(port: int) -> Json:
    """Give the rule of a security group that lets in the world."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def regional(at: datetime) -> dict[str, Any]:
    """Give an account that has one of each kind in a region, made at one time."""
    said = at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    instance = {
        "InstanceId": "i-0123456789abcdef0",
        "LaunchTime": at,
        "PublicIpAddress": "198.51.100.7",
        "State": {"Name": "running"},
        "MetadataOptions": {"HttpTokens": "optional"},
        "InstanceLifecycle": "spot",
        "Tags": [{"Key": "Name", "Value": "miner"}],
    }
    group = {"GroupId": "sg-0123456789abcdef0", "GroupName": "open", "IpPermissions": [world(22)]}
    function: Json = {
        "FunctionName": "backdoor",
        "LastModified": said,
        "Runtime": "python3.13",
        "Environment": {"Variables": {"DB": "hunter2-in-the-environment"}},
    }
    layer = {"LayerName": "lib", "LatestMatchingVersion": {"CreatedDate": said, "Version": 3}}
    stack = {
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1",
        "StackName": "s",
        "CreationTime": OLD,
        "LastUpdatedTime": at,
        "StackStatus": "UPDATE_COMPLETE",
        "Parameters": [{"ParameterKey": "p", "ParameterValue": "hunter2-in-a-parameter"}],
    }
    task = {"taskArn": f"{ECS}:task/c/t", "createdAt": at, "lastStatus": "RUNNING", "group": "family:f"}
    definition = {
        "taskDefinition": {
            "taskDefinitionArn": f"{ECS}:task-definition/f:2",
            "registeredAt": at,
            "containerDefinitions": [{"environment": [{"name": "a", "value": "hunter2-in-a-task"}]}],
        }
    }
    service = {
        "serviceName": "s",
        "serviceArn": f"{ECS}:service/c/s",
        "createdAt": OLD,
        "deployments": [{"createdAt": at}],
        "runningCount": 1,
        "desiredCount": 2,
    }
    notebook = {
        "NotebookInstanceName": "nb",
        "NotebookInstanceArn": "arn:aws:sagemaker:us-east-1:123456789012:notebook-instance/nb",
        "NotebookInstanceStatus": "InService",
        "CreationTime": at,
    }
    policy = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}})
    return {
        "ec2.DescribeInstances": {"Reservations": [{"Instances": [instance]}]},
        "ec2.DescribeSpotInstanceRequests": {
            "SpotInstanceRequests": [{"SpotInstanceRequestId": "sir-01234567", "CreateTime": at, "State": "active"}]
        },
        "ec2.DescribeImages": {"Images": [{"ImageId": "ami-0123456789abcdef0", "CreationDate": said, "Name": "copy"}]},
        "ec2.DescribeLaunchTemplates": {
            "LaunchTemplates": [
                {"LaunchTemplateId": "lt-0123456789abcdef0", "LaunchTemplateName": "fleet", "CreateTime": at}
            ]
        },
        "ec2.DescribeVolumes": {"Volumes": [{"VolumeId": "vol-0123456789abcdef0", "CreateTime": at}]},
        "ec2.DescribeSnapshots": lambda _, params: {
            "Snapshots": []
            if "RestorableByUserIds" in params
            else [{"SnapshotId": "snap-0123456789abcdef0", "StartTime": at}]
        },
        "ec2.DescribeSnapshotAttribute": {"CreateVolumePermissions": [{"UserId": "999999999999"}]},
        "ec2.DescribeKeyPairs": {
            "KeyPairs": [{"KeyPairId": "key-0123456789abcdef0", "KeyName": "k", "CreateTime": at}]
        },
        "ec2.DescribeSecurityGroups": {"SecurityGroups": [group]},
        "autoscaling.DescribeAutoScalingGroups": {
            "AutoScalingGroups": [
                {
                    "AutoScalingGroupName": "fleet",
                    "CreatedTime": at,
                    "DesiredCapacity": 9,
                    "MinSize": 0,
                    "MaxSize": 9,
                    "DefaultCooldown": 1,
                    "AvailabilityZones": ["us-east-1a"],
                    "HealthCheckType": "EC2",
                }
            ]
        },
        "ecs.ListClusters": {"clusterArns": [f"{ECS}:cluster/c"]},
        "ecs.ListServices": {"serviceArns": [f"{ECS}:service/c/s"]},
        "ecs.DescribeServices": {"services": [service]},
        "ecs.ListTasks": {"taskArns": [f"{ECS}:task/c/t", f"{ECS}:task/c/u"]},
        "ecs.DescribeTasks": {"tasks": [task, task | {"taskArn": f"{ECS}:task/c/u", "group": "service:s"}]},
        "ecs.ListTaskDefinitions": {"taskDefinitionArns": [f"{ECS}:task-definition/f:2", f"{ECS}:task-definition/f:1"]},
        "ecs.DescribeTaskDefinition": definition,
        "ecr.DescribeRepositories": {"repositories": [{"repositoryName": "miner", "createdAt": at}]},
        "lambda.ListFunctions": {"Functions": [function]},
        "lambda.GetPolicy": {"Policy": policy},
        "lambda.ListLayers": {"Layers": [layer]},
        "lambda.ListEventSourceMappings": {
            "EventSourceMappings": [
                {
                    "UUID": "5d9bbd28-7d08-4a3c-b7b0-2c6ad6b2a8a9",
                    "LastModified": at,
                    "EventSourceArn": "arn:aws:sqs:us-east-1:1:q",
                }
            ]
        },
        "cloudformation.DescribeStacks": {"Stacks": [stack]},
        "lightsail.GetInstances": {"instances": [{"name": "ls", "createdAt": at}]},
        "sagemaker.ListNotebookInstances": {"NotebookInstances": [notebook]},
        "sesv2.ListEmailIdentities": {"EmailIdentities": [{"IdentityName": "spam.example", "SendingEnabled": True}]},
        "rds.DescribeDBInstances": {
            "DBInstances": [{"DBInstanceIdentifier": "db", "InstanceCreateTime": at, "PubliclyAccessible": True}]
        },
        "rds.DescribeDBSnapshots": {"DBSnapshots": [{"DBSnapshotIdentifier": "dbs", "SnapshotCreateTime": at}]},
    }


def everywhere(at: datetime) -> dict[str, Any]:
    """Give an account that has one of each kind that has no region, made at one time."""
    arn = "arn:aws:iam::123456789012"
    user = {"UserName": "u", "UserId": "AIDAEXAMPLEEXAMPLE", "Arn": f"{arn}:user/u", "Path": "/", "CreateDate": at}
    role = {
        "RoleName": "r",
        "RoleId": "AROAEXAMPLEEXAMPLE",
        "Arn": f"{arn}:role/r",
        "Path": "/",
        "CreateDate": at,
        "AssumeRolePolicyDocument": json.dumps(INSIDE),
    }
    group = {"GroupName": "g", "GroupId": "AGPAEXAMPLEEXAMPLE", "Arn": f"{arn}:group/g", "Path": "/", "CreateDate": at}
    profile = {
        "InstanceProfileName": "p",
        "InstanceProfileId": "AIPAEXAMPLEEXAMPLE",
        "Arn": f"{arn}:instance-profile/p",
        "Path": "/",
        "CreateDate": at,
        "Roles": [],
    }
    own = {
        "UserName": "u",
        "Status": "Active",
        "ServiceName": "bedrock.amazonaws.com",
        "CreateDate": at,
        "ServiceSpecificCredentialId": "ACCAEXAMPLEEXAMPLE123",
    }
    order = {
        "OperationId": "o",
        "Status": "SUCCESSFUL",
        "Type": "REGISTER_DOMAIN",
        "SubmittedDate": at,
        "DomainName": "phish.example",
    }
    return {
        "iam.ListUsers": {"Users": [user]},
        "iam.ListRoles": {"Roles": [role]},
        "iam.ListGroups": {"Groups": [group]},
        "iam.ListPolicies": {
            "Policies": [{"Arn": f"{arn}:policy/p", "PolicyName": "p", "CreateDate": OLD, "UpdateDate": at}]
        },
        "iam.ListInstanceProfiles": {"InstanceProfiles": [profile]},
        "iam.ListSAMLProviders": {"SAMLProviderList": [{"Arn": f"{arn}:saml-provider/s", "CreateDate": at}]},
        "iam.ListOpenIDConnectProviders": {"OpenIDConnectProviderList": [{"Arn": f"{arn}:oidc-provider/o.example"}]},
        "iam.GetOpenIDConnectProvider": {"Url": "o.example", "CreateDate": at},
        "iam.ListVirtualMFADevices": {
            "VirtualMFADevices": [{"SerialNumber": f"{arn}:mfa/m", "EnableDate": at, "User": user}]
        },
        "iam.ListServiceSpecificCredentials": lambda _, params: {
            "ServiceSpecificCredentials": [own] if params["ServiceName"].startswith("bedrock") else []
        },
        "iam.ListAccessKeys": {
            "AccessKeyMetadata": [{"UserName": "u", "AccessKeyId": KEY, "Status": "Active", "CreateDate": at}]
        },
        "iam.GetLoginProfile": {"LoginProfile": {"UserName": "u", "CreateDate": at}},
        "route53domains.ListOperations": {"Operations": [order]},
        "s3.ListBuckets": {"Buckets": [{"Name": "bbb", "CreationDate": at}]},
        "s3.GetPublicAccessBlock": Refusal("NoSuchPublicAccessBlockConfiguration", 404),
        "s3.GetBucketPolicyStatus": Refusal("NoSuchBucketPolicy", 404),
        "s3.GetBucketAcl": {"Grants": []},
    }


def by_kind(things: Sequence[Json]) -> dict[str, Json]:
    """Index things by kind; there is one of each."""
    found = {thing["kind"]: thing for thing in things}
    assert len(found) == len(things)
    return found


def test_one_of_each_kind_that_is_new_is_listed_with_its_link_and_its_lines() -> None:
    """Given a region and an account with one new thing of each kind, each is listed once and can be looked at."""
    account = Answering(regional(NOW) | everywhere(NOW))
    things, unknown = stock.take(where(account), ["us-east-1"])
    more, unknown_of_account = stock_global.take(where(account))
    found = by_kind([*things, *more])
    assert set(found) == {reader.kind for reader in (*stock.READERS, *stock_global.READERS)}
    for kind, thing in found.items():
        reader = next(one for one in (*stock.READERS, *stock_global.READERS) if one.kind == kind)
        assert thing["at"] == ("2026-11-20T03:31:00Z" if reader.dates else ""), kind
        assert thing["look"].startswith("aws ")
        assert thing["remove"].startswith("aws ") or kind in WITHOUT_REMOVE, kind
        assert bool(thing["console"]) == (kind != "lightsail_instance"), kind
    assert not [said for said in (*unknown, *unknown_of_account) if said.startswith("Not ")]
    assert "hunter2" not in json.dumps([things, more, unknown])
    assert KEY not in json.dumps([things, more, unknown])


def test_what_makes_a_thing_worth_a_look_is_said() -> None:
    """Given things that are open, public, or let in somebody, the sentence says so."""
    account = Answering(regional(NOW) | everywhere(NOW))
    account.answers["iam.ListRoles"]["Roles"][0]["AssumeRolePolicyDocument"] = json.dumps(OUTSIDE)
    account.answers["s3.GetBucketPolicyStatus"] = {"PolicyStatus": {"IsPublic": True}}
    found = by_kind([*stock.take(where(account), ["us-east-1"])[0], *stock_global.take(where(account))[0]])
    assert found["instance"]["name"] == "miner"
    assert found["instance"]["why"] == (
        "Last started 2026-11-20 03:31 UTC. It is running. It has a public address. It does not require IMDSv2. "
        "It is a spot instance."
    )
    assert "These accounts may copy it: 999999999999." in found["snapshot"]["why"]
    assert "It is open to the world: tcp 22." in found["security_group"]["why"]
    assert "Its policy lets others call it: everybody." in found["function"]["why"]
    assert "It can be reached from the internet." in found["database"]["why"]
    assert "It lets in from outside: arn:aws:iam::999999999999:root" in found["role"]["why"]
    assert "Its policy makes it public." in found["bucket"]["why"]
    assert "It is for bedrock.amazonaws.com, and active." in found["service_specific_credential"]["why"]
    assert found["policy"]["why"].startswith("Changed ")
    assert found["stack"]["why"].startswith("Changed ")


def test_what_is_old_is_not_listed_unless_aws_does_not_say_how_old_it_is() -> None:
    """Given things older than the first misuse, only those without a date are listed, and it is said of which."""
    account = Answering(regional(OLD) | everywhere(OLD))
    things, unknown = stock.take(where(account), ["us-east-1"])
    assert set(by_kind(things)) == {reader.kind for reader in stock.READERS if not reader.dates}
    assert "AWS does not say when these were made, so old ones are listed too: " in "".join(unknown)
    assert stock_global.take(where(account))[0] == []


def test_what_stands_open_is_listed_however_old() -> None:
    """Given an old public snapshot, image and bucket and an old trust to the outside, they are listed."""
    account = Answering(regional(OLD) | everywhere(OLD))
    account.answers["ec2.DescribeSnapshots"] = {"Snapshots": [{"SnapshotId": "snap-01234567", "StartTime": OLD}]}
    account.answers["ec2.DescribeImages"]["Images"][0]["Public"] = True
    account.answers["iam.ListRoles"]["Roles"][0]["AssumeRolePolicyDocument"] = json.dumps(OUTSIDE)
    all_users = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    account.answers["s3.GetBucketAcl"] = {"Grants": [{"Grantee": all_users, "Permission": "READ"}]}
    things, _ = stock.take(where(account), ["us-east-1"])
    assert {"snapshot", "image"} <= set(by_kind(things))
    assert "Everybody may copy it" in by_kind(things)["snapshot"]["why"]
    assert set(by_kind(stock_global.take(where(account))[0])) == {"role", "bucket"}


def test_a_bucket_whose_own_block_holds_is_not_public() -> None:
    """Given a public policy and list behind a public access block, the bucket is not called public."""
    account = Answering(everywhere(OLD))
    block = {"IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    all_users = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    account.answers |= {
        "s3.GetPublicAccessBlock": {"PublicAccessBlockConfiguration": block},
        "s3.GetBucketPolicyStatus": {"PolicyStatus": {"IsPublic": True}},
        "s3.GetBucketAcl": {"Grants": [{"Grantee": all_users, "Permission": "READ"}]},
    }
    assert stock_global.take(where(account))[0] == []


def test_a_role_that_aws_made_for_a_federation_is_no_news() -> None:
    """Given an old role of Identity Center, which trusts a SAML provider, it is not listed."""
    account = Answering(everywhere(OLD))
    federated = {"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:saml-provider/AWSSSO"}}]}
    account.answers["iam.ListRoles"]["Roles"][0] |= {
        "Path": "/aws-reserved/sso.amazonaws.com/",
        "AssumeRolePolicyDocument": json.dumps(federated),
    }
    assert stock_global.take(where(account))[0] == []


def test_a_group_open_for_a_website_only_is_no_news() -> None:
    """Given a group that is open on 80 and 443, it is passed over."""
    account = Answering(regional(NOW))
    account.answers["ec2.DescribeSecurityGroups"]["SecurityGroups"][0]["IpPermissions"] = [world(80), world(443)]
    assert "security_group" not in by_kind(stock.take(where(account), ["us-east-1"])[0])


def test_a_domain_is_asked_for_only_where_there_is_a_registrar() -> None:
    """Given another partition, the registrar is not asked; in AWS' own, in the one region that it has."""
    account = Answering(everywhere(NOW))
    stock_global.take(where(account, region="us-west-2"))
    assert {one.region for one in account.asked if one.service == "route53domains"} == {"us-east-1"}
    assert {one.region for one in account.asked if one.service == "s3"} == {"us-west-2"}
    china = Answering(everywhere(NOW))
    stock_global.take(where(china, partition="aws-cn", region="cn-north-1"))
    assert not china.times("ListOperations")


@pytest.mark.parametrize("module", [stock, stock_global], ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_is_granted_is_what_is_called(module: Any) -> None:  # noqa: ANN401 - a module
    """Given an account with one of each, the calls of all readers are what they are granted, and each its own."""
    account = Answering(regional(NOW) | everywhere(NOW))
    stock.take(where(account), ["us-east-1"]) if module is stock else stock_global.take(where(account))
    assert account.actions() == {grant.action for grant in module.GRANTS}
    for reader in module.READERS:
        alone = Answering(regional(NOW) | everywhere(NOW))
        readers.question(reader, where(alone), "").ask()
        assert alone.actions() == set(reader.asks), reader.kind


def test_one_reader_that_fails_stops_no_other() -> None:
    """Given readers that are refused, throttled, off, unreachable or odd, the rest is listed, and each is said."""
    account = Answering(regional(NOW))
    account.answers |= {
        "ec2.DescribeVolumes": Refusal("UnauthorizedOperation", 403),
        "ec2.DescribeImages": Refusal("RequestLimitExceeded", 503),
        "ecr.DescribeRepositories": Refusal("SubscriptionRequiredException"),
        "lightsail.GetInstances": EndpointConnectionError(endpoint_url="https://lightsail.eu-south-1"),
        "ec2.DescribeKeyPairs": KeyError("odd"),
        "rds.DescribeDBInstances": Refusal("Weird"),
    }
    things, unknown = stock.take(where(account), ["us-east-1"])
    missing = {"volume", "image", "repository", "lightsail_instance", "key_pair", "database"}
    assert set(by_kind(things)) == {reader.kind for reader in stock.READERS} - missing
    said = [one for one in unknown if one.startswith("Not read")]
    assert said == [
        "Not read in us-east-1: images (AMIs); AWS asked for fewer calls.",
        "Not read in us-east-1: volumes (ec2:DescribeVolumes); the role may not ask.",
        "Not read in us-east-1: key pairs; the answer was not understood (KeyError).",
        "Not read in us-east-1: ECR repositories; the service or the region is not switched on for this account.",
        "Not read in us-east-1: Lightsail instances; there was no answer; the service may not be in this region.",
        "Not read in us-east-1: RDS databases; DescribeDBInstances: Weird: Weird says AWS.",
    ]


def test_what_was_read_before_an_error_is_kept() -> None:
    """Given a second page that is throttled and a policy that may not be read, what came before is listed, and said."""
    account = Answering(regional(NOW))
    volume = {"VolumeId": "vol-0123456789abcdef0", "CreateTime": NOW}
    pages = iter([{"Volumes": [volume], "NextToken": "more"}, Refusal("RequestLimitExceeded", 503)])
    account.answers["ec2.DescribeVolumes"] = lambda *_: next(pages, Refusal("RequestLimitExceeded", 503))
    account.answers["lambda.GetPolicy"] = Refusal("AccessDeniedException", 403)
    things, unknown = stock.take(where(account), ["us-east-1"])
    assert {"volume", "function"} <= set(by_kind(things))
    assert "Not all volumes were read in us-east-1." in unknown
    assert "Not all Lambda functions were read in us-east-1." in unknown


def test_only_configuration_is_read() -> None:
    """Given all that taking stock is granted, it is listing and describing: no object, code, secret or parameter."""
    modules = (stock, stock_global, posture, principals, cost, standing)
    granted = {grant.action for module in modules for grant in module.GRANTS}
    verbs = {re.match("[A-Z][a-z]+", action.partition(":")[2]) for action in granted}
    assert {verb[0] for verb in verbs if verb} == {"Get", "List", "Describe", "Generate"}
    assert not granted & {"s3:GetObject", "lambda:GetFunction", "ec2:GetPasswordData", "ec2:GetConsoleOutput"}
    assert not {action for action in granted if action.startswith(("secretsmanager:", "ssm:", "kms:Decrypt", "logs:"))}


def test_a_region_that_is_off_is_said_once() -> None:
    """Given a region that is not switched on and six where one service is not, each is one sentence."""
    account = Answering(regional(NOW))
    off = Refusal("AuthFailure", 401)
    for name, answer in list(account.answers.items()):
        account.answers[name] = _unless("af-south-1", answer, off)
    places = [f"eu-west-{number}" for number in range(1, 7)]
    account.answers["lightsail.GetInstances"] = off
    _, unknown = stock.take(where(account), ["af-south-1", *places])
    said = [one for one in unknown if one.startswith("Not read")]
    assert len(said) == 2
    assert said[0].startswith("Not read in af-south-1: EC2 instances, spot requests, ")
    assert "Not read in af-south-1, eu-west-1, eu-west-2, eu-west-3, eu-west-4 and 2 more regions: Lightsail" in said[1]


def _unless(region: str, answer: Any, otherwise: Any) -> Any:  # noqa: ANN401 - an answer
    def given_(asked_in: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - an answer
        if asked_in == region:
            return otherwise
        return answer(asked_in, params) if callable(answer) and not isinstance(answer, Refusal) else answer

    return given_


def test_a_reader_that_hangs_costs_no_more_than_the_time() -> None:
    """Given an answer that does not come, the rest is given when the time is up, and the missing is said."""
    account, go = Answering(regional(NOW)), threading.Event()
    account.answers["ec2.DescribeVolumes"] = lambda _, __: (go.wait(20) and {}) or {}
    stock.take(where(account), ["us-east-1"], [one for one in stock.READERS if one.kind != "volume"])  # makes clients
    began = time.monotonic()
    try:
        things, unknown = stock.take(where(account, seconds=2.0), ["us-east-1"])
    finally:
        go.set()
    assert time.monotonic() - began < 8
    assert "volume" not in by_kind(things)
    assert "instance" in by_kind(things)
    assert "Not read in us-east-1: volumes; there was no time left." in unknown


def test_pages_end_with_the_time() -> None:
    """Given an answer of many pages and a clock that runs out, what was read is given, and that it is not all."""
    seconds = iter([0.0, 0.0, 0.0, 0.0, *[99.0] * 50])
    account = Answering()
    account.answers["ec2.DescribeVolumes"] = {
        "Volumes": [{"VolumeId": "vol-01234567", "CreateTime": NOW}],
        "NextToken": "more",
    }
    reader = next(one for one in stock.READERS if one.kind == "volume")
    deadline = Deadline(10, clock=lambda: next(seconds))
    found = readers.question(reader, where(account, deadline=deadline), "us-east-1").ask()
    assert 1 <= account.times("DescribeVolumes") < 6
    assert found.cut
    assert len(found.things) == account.times("DescribeVolumes")
    assert "Not all volumes were read" in readers.told([found])[0]


def test_no_time_asks_nothing() -> None:
    """Given no time at all, nothing is asked and all of it is said to be missing."""
    account = Answering(regional(NOW))
    things, unknown = stock.take(where(account, seconds=0), ["us-east-1"])
    assert (things, account.asked) == ([], [])
    assert len(unknown) == 1
    assert unknown[0].endswith("there was no time left.")


def test_what_is_too_much_is_counted() -> None:
    """Given a thousand new volumes and many pages, 25 are listed, the newest first, and the rest is counted."""
    account = Answering()
    tokens = iter(range(99))

    def page(_: str, __: dict[str, Any]) -> Json:
        number = next(tokens)
        made = [
            {"VolumeId": f"vol-{number:08x}{index:08x}", "CreateTime": SINCE + timedelta(seconds=number * 10 + index)}
            for index in range(10)
        ]
        return {"Volumes": made, "NextToken": f"token-{number}"}

    account.answers["ec2.DescribeVolumes"] = page
    reader = next(one for one in stock.READERS if one.kind == "volume")
    things, unknown = stock.take(where(account), ["us-east-1"], [reader])
    assert len(things) == readers.MOST
    assert things[0]["id"] == f"vol-{asking.PAGES - 1:08x}{9:08x}"
    assert account.times("DescribeVolumes") == asking.PAGES
    assert unknown == [
        f"{asking.PAGES * 10 - readers.MOST} more volumes in us-east-1 are not listed.",
        "Not all volumes were read in us-east-1.",
    ]


def test_calls_for_each_of_many_things_are_bounded() -> None:
    """Given a hundred clusters, families and functions, only the first are looked into, and it is said."""
    account = Answering(regional(NOW))
    account.answers["ecs.ListClusters"] = {"clusterArns": [f"{ECS}:cluster/c{number}" for number in range(100)]}
    definitions = [f"{ECS}:task-definition/f{number}:1" for number in range(100)]
    account.answers["ecs.ListTaskDefinitions"] = {"taskDefinitionArns": definitions}
    function = account.answers["lambda.ListFunctions"]["Functions"][0]
    account.answers["lambda.ListFunctions"] = {"Functions": [function] * 100}
    _, unknown = stock.take(where(account), ["us-east-1"])
    counts = {call: account.times(call) for call in ("ListServices", "DescribeTaskDefinition", "GetPolicy")}
    assert counts == {"ListServices": 10, "DescribeTaskDefinition": 20, "GetPolicy": 10}
    for many in ("ECS services", "ECS tasks", "ECS task definitions", "Lambda functions"):
        assert f"Not all {many} were read in us-east-1." in unknown


def test_of_very_many_users_the_newest_are_asked() -> None:
    """Given more users than are asked, the keys of the newest are read, and it is said that it is not all."""
    account = Answering(everywhere(OLD))
    user = account.answers["iam.ListUsers"]["Users"][0]
    account.answers["iam.ListUsers"] = {
        "Users": [
            user | {"UserName": f"u{number}", "CreateDate": OLD + timedelta(hours=number)}
            for number in range(stock_global.USERS + 5)
        ]
    }
    _, unknown = stock_global.take(where(account))
    asked = {one.params["UserName"] for one in account.asked if one.call == "ListAccessKeys"}
    assert asked == {f"u{number}" for number in range(5, stock_global.USERS + 5)}
    assert "Not all access keys were read." in unknown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


class Odd:
    """A client that answers anything at all."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def can_paginate(self, _: str) -> bool:
        """Say that there is one page."""
        return False

    def __getattr__(self, _: str) -> Any:  # noqa: ANN401 - any call
        return lambda **_: self.answer


@settings(max_examples=60, deadline=None)
@given(row=JSON, data=st.data())
def test_odd_answers_are_never_more_than_a_sentence(row: object, data: st.DataObject) -> None:
    """Given anything where a row should be, taking stock gives things of the right shape and sentences."""
    reader: Reader = data.draw(st.sampled_from([*stock.READERS, *stock_global.READERS]))
    fields = {name: data.draw(JSON) for name in (reader.id, *(name for name, _ in reader.dates), "IpPermissions")}
    answer: object = [row, fields, {reader.id: "known"} | ({} if not isinstance(row, dict) else row)]
    for name in reversed(reader.path):
        answer = {name: answer}
    odd = Odd(answer)
    given_ = Where(
        clients=cast("Any", lambda *_, **__: odd),
        deadline=Deadline(5),
        since=SINCE,
        account=ACCOUNT,
        region="eu-west-1",
    )
    things, unknown = stock.take(given_, ["eu-west-1"], [reader])
    assert all(isinstance(said, str) and len(said) < 1000 for said in unknown)
    for thing in things:
        assert set(thing) == {"kind", "region", "id", "name", "at", "why", "console", "look", "remove"}
        assert all(isinstance(value, str) for value in thing.values())


@given(JSON)
def test_any_policy_document_can_be_read(document: object) -> None:
    """Given anything where a policy should be, who it lets in is a list of names."""
    for wrapped in (document, {"Statement": document}, {"Statement": {"Effect": "Allow", "Principal": document}}):
        assert all(isinstance(name, str) for name in trust.outside(wrapped, ACCOUNT))


@pytest.mark.parametrize(
    ("principal", "outside"),
    [
        ("*", ("everybody",)),
        ({"AWS": "*"}, ("everybody",)),
        ({"AWS": ACCOUNT}, ()),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"}, ()),
        ({"AWS": ["999999999999", f"arn:aws:iam::{ACCOUNT}:root"]}, ("999999999999",)),
        ({"AWS": "arn:aws-cn:sts::999999999999:assumed-role/x/y"}, ("arn:aws-cn:sts::999999999999:assumed-role/x/y",)),
        ({"AWS": "AIDAEXAMPLEEXAMPLE"}, ()),
        ({"Service": "ec2.amazonaws.com"}, ()),
        ({"Federated": "accounts.google.com"}, ("accounts.google.com",)),
        ({"CanonicalUser": "79a59df900b949e55d96a1e698fb"}, ("79a59df900b949e55d96a1e698fb",)),
    ],
)
def test_who_is_from_outside(principal: object, outside: tuple[str, ...]) -> None:
    """Given a principal, it is named when it is another account's, a federation or everybody."""
    allow = {"Statement": {"Effect": "Allow", "Principal": principal}}
    assert trust.outside(allow, ACCOUNT) == outside
    assert trust.outside({"Statement": [{"Effect": "Deny", "Principal": principal}]}, ACCOUNT) == ()


def test_everybody_but_some_is_nearly_everybody() -> None:
    """Given an Allow with NotPrincipal, it is said."""
    assert trust.outside({"Statement": [{"Effect": "Allow", "NotPrincipal": {}}]}, ACCOUNT) == ("everybody but some",)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-11-20T03:31:00.000+0000", NOW),
        ("2026-11-20T03:31:00Z", NOW),
        (datetime(2026, 11, 20, 3, 31), NOW),  # noqa: DTZ001 - what has no zone is UTC
        ("soon", None),
        (5, None),
        (None, None),
    ],
)
def test_a_time_is_read_in_each_of_the_forms_that_aws_has(said: object, at: datetime | None) -> None:
    """Given a time as one service or another writes it, it is the same time."""
    assert asking.moment(said) == at


def test_stock_of_an_account_that_works(aws_account: None) -> None:  # noqa: ARG001 - the account must be there first
    """Given instances, keys and users made on an emulated AWS, taking stock names what was made, by its real id."""
    made: Any = boto3.client
    places = {service: made(service, region_name="eu-west-1") for service in ("ec2", "iam", "lambda", "ecs", "s3")}
    began = datetime.now(UTC) - timedelta(minutes=1)
    instance = places["ec2"].run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    pair = places["ec2"].create_key_pair(KeyName="stock")["KeyPairId"]
    places["ecs"].create_cluster(clusterName="stock")
    places["iam"].create_user(UserName="stock")
    key = places["iam"].create_access_key(UserName="stock")["AccessKey"]["AccessKeyId"]
    places["iam"].create_login_profile(UserName="stock", Password="correct horse battery staple")
    kinds = {"instance", "key_pair", "cluster", "user", "access_key", "login_profile"}
    here = Where(
        clients=lambda service, *, hasty=False, once=False, region="": made(service, region_name=region),  # noqa: ARG005 - like the functions' own
        deadline=Deadline(30),
        since=began,
        account=ACCOUNT,
        region="eu-west-1",
    )
    things, unknown = stock.take(here, ["eu-west-1"], [one for one in stock.READERS if one.kind in kinds])
    more, _ = stock_global.take(here, [one for one in stock_global.READERS if one.kind in kinds])
    found = {(thing["kind"], thing["id"]) for thing in [*things, *more]}
    assert {("instance", instance), ("key_pair", pair), ("user", "stock"), ("access_key", f"…{key[-4:]}")} <= found
    assert ("login_profile", "stock") in found
    assert not [said for said in unknown if said.startswith("Not read")]

"""What a call demands of IAM, where LocalEmu's guess differs from the Service Authorization Reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/ lists, for every API operation, the
actions and the resources that policies are compared with. Only calls the product or its deployment makes
are here; LocalEmu's own table stands for the rest.

May touch: nothing; it reads moto's users, roles and access keys to learn their ARNs.
Never does: decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PREFIXES = {
    "dynamodbstreams": "dynamodb",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "sesv2": "ses",
    "sso-admin": "sso",
    "stepfunctions": "states",
}

JUDGED_BY_CONTENT = {
    ("dynamodb", "BatchGetItem"),
    ("dynamodb", "BatchWriteItem"),
    ("dynamodb", "TransactGetItems"),
    ("dynamodb", "TransactWriteItems"),
    ("s3", "CopyObject"),
}
"""Operations whose actions depend on what the call contains."""

_TRANSACT_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

_EC2_RESOURCES = {
    "InstanceId": "instance",
    "InstanceIds": "instance",
    "VolumeId": "volume",
    "SnapshotId": "snapshot",
    "NetworkInterfaceId": "network-interface",
    "GroupId": "security-group",
    "Groups": "security-group",
    "VpcId": "vpc",
}
_EC2_PREFIXES = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "eni": "network-interface",
    "sg": "security-group",
    "vpc": "vpc",
    "subnet": "subnet",
    "ami": "image",
}
_EC2_CREATES = {
    "CreateSnapshot": "snapshot",
    "CreateSnapshots": "snapshot",
    "CreateSecurityGroup": "security-group",
}
_EC2_WITHOUT_ACCOUNT = ("snapshot", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call: ``service`` and ``operation`` as botocore names them, and its parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Give the ARN of a resource in the region and account of the call."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """An action that must be allowed on a resource; no action means the one named after the operation."""

    resource: str
    action: str = ""


def prefix(service: str) -> str:
    """Give the prefix that IAM actions of a service have, from the name botocore has for the service."""
    return _PREFIXES.get(service, service)


def demands(call: Call) -> list[Demand]:
    """Give all that a call demands, or nothing where LocalEmu's own table is right."""
    of_service = _OF_SERVICES.get(call.service)
    return list(of_service(call)) if of_service else []


def _of_dynamodb(call: Call) -> Iterator[Demand]:
    given = call.parameters
    match call.operation:
        case "TransactWriteItems":
            for item in given.get("TransactItems") or []:
                for kind, request in item.items():
                    yield Demand(
                        action=f"dynamodb:{_TRANSACT_ACTIONS[kind]}",
                        resource=_table(call, request["TableName"]),
                    )
        case "TransactGetItems":
            for item in given.get("TransactItems") or []:
                yield Demand(action="dynamodb:GetItem", resource=_table(call, item["Get"]["TableName"]))
        case "BatchGetItem" | "BatchWriteItem":
            for table in given.get("RequestItems") or {}:
                yield Demand(action=f"dynamodb:{call.operation}", resource=_table(call, table))
        case _ if table := given.get("TableName"):
            index = given.get("IndexName")
            yield Demand(resource=_table(call, table) + (f"/index/{index}" if index else ""))


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else call.arn("dynamodb", f"table/{name}")


def _of_ec2(call: Call) -> Iterator[Demand]:
    if call.operation.startswith("Describe"):
        return
    given = call.parameters
    created = _EC2_CREATES.get(call.operation)
    if created:
        yield _on_ec2(call, created, "*")
    if instance := (given.get("InstanceSpecification") or {}).get("InstanceId"):
        yield _on_ec2(call, "instance", instance)
    for parameter, kind in _EC2_RESOURCES.items():
        value = given.get(parameter)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str):
                yield _on_ec2(call, kind, name)
    for name in given.get("Resources") or []:
        yield _on_ec2(call, _EC2_PREFIXES.get(name.partition("-")[0], "*"), name)


def _on_ec2(call: Call, kind: str, name: str) -> Demand:
    account = "" if kind in _EC2_WITHOUT_ACCOUNT else call.account
    return Demand(resource=f"arn:aws:ec2:{call.region}:{account}:{kind}/{name}")


def _of_events(call: Call) -> Iterator[Demand]:
    given = call.parameters
    if call.operation == "PutEvents":
        for bus in sorted({entry.get("EventBusName") or "default" for entry in given.get("Entries") or []}):
            yield Demand(resource=bus if bus.startswith("arn:") else call.arn("events", f"event-bus/{bus}"))
    elif rule := given.get("Rule") or given.get("Name"):
        bus = given.get("EventBusName") or "default"
        yield Demand(resource=call.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}"))


def _of_guardduty(call: Call) -> Iterator[Demand]:
    if detector := call.parameters.get("DetectorId"):
        yield Demand(resource=call.arn("guardduty", f"detector/{detector}"))


def _of_iam(call: Call) -> Iterator[Demand]:
    given = call.parameters
    account = iam_backends[call.account]["global"]
    user, role, policy = (given.get(name) for name in ("UserName", "RoleName", "PolicyName"))
    known: Iterable[Any] = ()
    if call.operation == "GetAccessKeyLastUsed":
        owners = (owner for owner in account.users.values() if _owns(owner, given.get("AccessKeyId")))
        kind, name, known = "user", "*", owners
    elif user:
        kind, name, known = "user", user, (owner for owner in account.users.values() if owner.name == user)
    elif role:
        kind, name, known = "role", role, (owner for owner in account.roles.values() if owner.name == role)
    elif policy:
        kind, name = "policy", policy
    else:
        return
    to_be = f"arn:aws:iam::{call.account}:{kind}{given.get('Path') or '/'}{name}"
    yield Demand(resource=next((str(identity.arn) for identity in known), to_be))


def _owns(user: Any, key_id: str | None) -> bool:  # noqa: ANN401 - moto is untyped
    return any(key.access_key_id == key_id for key in user.access_keys)


def _of_logs(call: Call) -> Iterator[Demand]:
    given = call.parameters
    group = given.get("logGroupName") or next(iter(given.get("logGroupNames") or []), None)
    if arn := given.get("logGroupIdentifier"):
        group = str(arn).partition(":log-group:")[2].removesuffix(":*") or arn
    if group:
        stream = given.get("logStreamName") or ""
        yield Demand(resource=call.arn("logs", f"log-group:{group}:log-stream:{stream}"))


def _of_scheduler(call: Call) -> Iterator[Demand]:
    if name := call.parameters.get("Name"):
        group = call.parameters.get("GroupName") or "default"
        yield Demand(resource=call.arn("scheduler", f"schedule/{group}/{name}"))


def _of_states(call: Call) -> Iterator[Demand]:
    for parameter in ("stateMachineArn", "executionArn", "activityArn"):
        if arn := call.parameters.get(parameter):
            yield Demand(resource=arn)


def _of_s3(call: Call) -> Iterator[Demand]:
    given = call.parameters
    bucket, key = given.get("Bucket"), given.get("Key")
    if not (bucket and key):
        return
    target = f"arn:aws:s3:::{bucket}/{key}"
    match call.operation:
        case "CopyObject":
            source = str(given.get("CopySource") or "").lstrip("/").partition("?")[0]
            yield Demand(action="s3:GetObject", resource=f"arn:aws:s3:::{source}")
            yield Demand(action="s3:PutObject", resource=target)
        case "GetObject" | "HeadObject" if given.get("VersionId"):
            yield Demand(action="s3:GetObjectVersion", resource=target)
        case "DeleteObject" if given.get("VersionId"):
            yield Demand(action="s3:DeleteObjectVersion", resource=target)
        case "PutObject" | "CreateMultipartUpload":
            yield Demand(action="s3:PutObject", resource=target)
            if given.get("ObjectLockRetainUntilDate"):
                yield Demand(action="s3:PutObjectRetention", resource=target)
            if given.get("ObjectLockLegalHoldStatus"):
                yield Demand(action="s3:PutObjectLegalHold", resource=target)
            if given.get("Tagging"):
                yield Demand(action="s3:PutObjectTagging", resource=target)


_OF_SERVICES: dict[str, Callable[[Call], Iterator[Demand]]] = {
    "dynamodb": _of_dynamodb,
    "ec2": _of_ec2,
    "events": _of_events,
    "guardduty": _of_guardduty,
    "iam": _of_iam,
    "logs": _of_logs,
    "s3": _of_s3,
    "scheduler": _of_scheduler,
    "stepfunctions": _of_states,
}

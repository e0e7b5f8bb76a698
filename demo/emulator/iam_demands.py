"""What a call demands of IAM, where LocalEmu's guess differs from the Service Authorization Reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/ lists, for every API operation, the
actions and the resources that policies are compared with. Only calls the product or its deployment makes
are here; LocalEmu's own table stands for the rest. A demand knows the condition keys that hold of its own resource: one
call on an interface and a security group is judged by the tags of each.

May touch: nothing; it reads moto's users, roles, access keys, and what EC2, Auto Scaling and the load balancers have,
to learn ARNs and tags.
Never does: decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
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
_EC2_OF_ATTRIBUTES = ("instance", "network-interface")
_EC2_NO_ATTRIBUTES = ("DryRun", "InstanceId", "NetworkInterfaceId")
_LISTS_OF_S3 = ("ListObjects", "ListObjectsV2", "ListObjectVersions")


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
    """An action that must be allowed on a resource; no action means the one named after the operation.

    ``keys`` are the condition keys that hold of this resource.
    """

    resource: str
    action: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)


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


def _of_autoscaling(call: Call) -> Iterator[Demand]:
    name = call.parameters.get("AutoScalingGroupName")
    if call.operation.startswith("Describe"):
        yield Demand(resource="*")
    elif isinstance(name, str):
        group = autoscaling_backends[call.account][call.region].autoscaling_groups.get(name)
        to_be = call.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")
        yield Demand(resource=str(group.arn) if group else to_be)


def _of_ec2(call: Call) -> Iterator[Demand]:
    if call.operation.startswith("Describe") and not call.operation.endswith("Attribute"):
        yield Demand(resource="*")
        return
    if created := _EC2_CREATES.get(call.operation):
        yield _on_ec2(call, created, "*")
    for kind, name in _named(call):
        yield _on_ec2(call, kind, name)
    if profile := call.parameters.get("IamInstanceProfile"):
        yield from _passed_roles(call, profile)
    for kind in _request_tags(call):
        tagged = _on_ec2(call, kind, "*")
        keys = {**tagged.keys, "ec2:CreateAction": call.operation}
        yield Demand(action="ec2:CreateTags", resource=tagged.resource, keys=keys)


def _named(call: Call) -> Iterator[tuple[str, str]]:
    """Give the kind and the id of each EC2 resource that a call names, also of those that it names by another."""
    given = call.parameters
    for parameter, kind in _EC2_RESOURCES.items():
        value = given.get(parameter)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str):
                yield kind, name
    for name in given.get("Resources") or []:
        yield _EC2_PREFIXES.get(name.partition("-")[0], "*"), name
    if instance := (given.get("InstanceSpecification") or {}).get("InstanceId"):
        yield "instance", instance
        yield from (("volume", volume) for volume in _volumes(call, instance))
    if given.get("InstanceId") and (mapped := given.get("BlockDeviceMappings")):
        devices = [mapping.get("DeviceName") for mapping in mapped]
        yield from (("volume", volume) for volume in _volumes(call, given["InstanceId"], devices))
    if (association := str(given.get("AssociationId"))).startswith("iip-assoc-"):
        known = ec2_backends[call.account][call.region].iam_instance_profile_associations.values()
        yield "instance", next((one.instance.id for one in known if one.association_id == association), "*")


def _on_ec2(call: Call, kind: str, name: str) -> Demand:
    account = "" if kind in _EC2_WITHOUT_ACCOUNT else call.account
    keys: dict[str, Any] = {}
    for key, value in ec2_backends[call.account][call.region].tags.get(name, {}).items():
        keys |= {f"aws:ResourceTag/{key}": value, f"ec2:ResourceTag/{key}": value}
    if vpc := _vpc(call, kind, name):
        keys["ec2:Vpc"] = call.arn("ec2", f"vpc/{vpc}")
    if kind in _EC2_OF_ATTRIBUTES and call.operation.startswith("Modify"):
        changed = {key: value for key, value in call.parameters.items() if key not in _EC2_NO_ATTRIBUTES}
        keys["ec2:Attribute"] = list(changed)
        keys |= {f"ec2:Attribute/{key}": value for key, value in changed.items() if isinstance(value, str | int)}
    if call.operation == "LockSnapshot" and (days := call.parameters.get("LockDuration")) is not None:
        keys["ec2:SnapshotLockDuration"] = days
    if name == "*":
        tags = _request_tags(call).get(kind, {})
        keys |= {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        keys |= {"aws:TagKeys": list(tags)} if tags else {}
    return Demand(resource=f"arn:aws:ec2:{call.region}:{account}:{kind}/{name}", keys=keys)


def _vpc(call: Call, kind: str, name: str) -> str:
    """Give the VPC of a resource of a kind that has ec2:Vpc; an instance has none."""
    backend = ec2_backends[call.account][call.region]
    match kind:
        case "network-interface":
            interface = backend.enis.get(name)
            return str(interface.subnet.vpc_id) if interface else ""
        case "security-group":
            group = backend.get_security_group_from_id(name)
            return str(group.vpc_id) if group else ""
        case "subnet":
            subnets = (subnet for zone in backend.subnets.values() for subnet in zone.values())
            return next((str(subnet.vpc_id) for subnet in subnets if subnet.id == name), "")
    return ""


def _request_tags(call: Call) -> dict[str, dict[str, str]]:
    """Give the tags that what is created is to have, by its kind."""
    return {
        one["ResourceType"]: {tag["Key"]: tag.get("Value", "") for tag in one["Tags"]}
        for one in call.parameters.get("TagSpecifications") or []
        if one.get("Tags")
    }


def _volumes(call: Call, instance_id: str, devices: list[Any] | None = None) -> list[str]:
    instance = ec2_backends[call.account][call.region].get_instance_by_id(instance_id)
    mapped = instance.block_device_mapping.items() if instance else ()
    return [str(mapping.volume_id) for device, mapping in mapped if devices is None or device in devices]


def _passed_roles(call: Call, profile: Mapping[str, Any]) -> Iterator[Demand]:
    """Give the demands to pass the roles of an instance profile to EC2."""
    name = profile.get("Name") or str(profile.get("Arn")).rpartition("/")[2]
    for known in list(iam_backends[call.account]["global"].instance_profiles.values()):
        for role in known.roles if known.name == name else ():
            passed = {"iam:PassedToService": "ec2.amazonaws.com"}
            yield Demand(action="iam:PassRole", resource=str(role.arn), keys=passed)


def _of_elb(call: Call) -> Iterator[Demand]:
    if call.operation.startswith("Describe"):
        yield Demand(resource="*")
    elif name := call.parameters.get("LoadBalancerName"):
        yield Demand(resource=call.arn("elasticloadbalancing", f"loadbalancer/{name}"))


def _of_elbv2(call: Call) -> Iterator[Demand]:
    if call.operation.startswith("Describe"):
        yield Demand(resource="*")
    elif call.operation in {"DeregisterTargets", "RegisterTargets"}:
        yield Demand(resource=str(call.parameters.get("TargetGroupArn")))


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
    profile = given.get("InstanceProfileName")
    known: Iterable[Any] = ()
    if call.operation == "GetAccessKeyLastUsed":
        owners = (owner for owner in account.users.values() if _owns(owner, given.get("AccessKeyId")))
        kind, name, known = "user", "*", owners
    elif profile:
        profiles = list(account.instance_profiles.values())
        kind, name, known = "instance-profile", profile, (one for one in profiles if one.name == profile)
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
    if call.operation in _LISTS_OF_S3:
        keys = {"s3:prefix": given["Prefix"]} if given.get("Prefix") is not None else {}
        yield Demand(resource=f"arn:aws:s3:::{bucket}", keys=keys)
    if bucket and key:
        yield from _of_object(call, f"arn:aws:s3:::{bucket}/{key}")


def _of_object(call: Call, target: str) -> Iterator[Demand]:
    given = call.parameters
    match call.operation:
        case "CopyObject":
            source = str(given.get("CopySource") or "").lstrip("/").partition("?")[0]
            yield Demand(action="s3:GetObject", resource=f"arn:aws:s3:::{source}")
            yield Demand(action="s3:PutObject", resource=target)
        case "GetObject" | "HeadObject" if given.get("VersionId"):
            yield Demand(action="s3:GetObjectVersion", resource=target)
        case "DeleteObject" if given.get("VersionId"):
            yield Demand(action="s3:DeleteObjectVersion", resource=target)
            if given.get("BypassGovernanceRetention"):
                yield Demand(action="s3:BypassGovernanceRetention", resource=target)
        case "PutObject" | "CreateMultipartUpload":
            yield Demand(action="s3:PutObject", resource=target)
            if given.get("ObjectLockRetainUntilDate"):
                yield Demand(action="s3:PutObjectRetention", resource=target)
            if given.get("ObjectLockLegalHoldStatus"):
                yield Demand(action="s3:PutObjectLegalHold", resource=target)
            if given.get("Tagging"):
                yield Demand(action="s3:PutObjectTagging", resource=target)


_OF_SERVICES: dict[str, Callable[[Call], Iterator[Demand]]] = {
    "autoscaling": _of_autoscaling,
    "dynamodb": _of_dynamodb,
    "ec2": _of_ec2,
    "elb": _of_elb,
    "elbv2": _of_elbv2,
    "events": _of_events,
    "guardduty": _of_guardduty,
    "iam": _of_iam,
    "logs": _of_logs,
    "s3": _of_s3,
    "scheduler": _of_scheduler,
    "stepfunctions": _of_states,
}

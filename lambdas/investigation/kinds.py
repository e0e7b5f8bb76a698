"""The kinds of resources that an investigation names: their words, their place in the console, their shell lines.

``KINDS`` is a table: a further kind is one entry. What identifies a resource comes from the account under attack, so it
is in a link only when it looks as AWS makes it, and in a line for a shell only quoted and whole.

May touch: nothing.
Never: reads anything; puts a whole access key id into a line; shortens what a line names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas import commands, text

if TYPE_CHECKING:
    from lambdas.model import Json

#: So long may a name be; one that is longer is cut, and gets no link and no lines.
LONGEST = 256
#: What the findings write where a region would be, of what has none.
GLOBAL = "global"

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2}")
_PLAIN = re.compile(r"[A-Za-z0-9._+=,@/:-]{1,256}")
_HEX = re.compile(r"[a-z]{1,4}-[0-9a-f]{8,32}")
_NEVER = re.compile(r"(?!)")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")

#: Where the console of a partition is, and the region whose console shows what has no region.
_CONSOLES = {
    "aws": ("console.aws.amazon.com", "us-east-1"),
    "aws-cn": ("console.amazonaws.cn", "cn-north-1"),
    "aws-us-gov": ("console.amazonaws-us-gov.com", "us-gov-west-1"),
}
_SHUT = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
_DENY_ALL = "policy-arn=arn:{partition}:iam::aws:policy/AWSDenyAll"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of resource.

    ``valid`` is what a part of it must look like to be in ``link``, a path of the console. ``look`` and ``remove`` are
    a call and its options. ``{id}``, ``{name}``, ``{owner}`` (the user, cluster or version it belongs to), ``{region}``
    and ``{partition}`` stand for the resource's own. ``everywhere`` is what has no region; ``asked_in`` the one region
    that its API has.
    """

    many: str
    link: str = ""
    valid: re.Pattern[str] = _PLAIN
    look: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    everywhere: bool = False
    asked_in: str = ""


def _ec2(many: str, page: str, look: tuple[str, str], remove: tuple[str, ...]) -> Kind:
    """Give a kind of EC2's, which all have ids of one form."""
    return Kind(
        many=many,
        link=f"ec2/home?region={{region}}#{page}",
        valid=_HEX,
        look=(f"ec2 {look[0]}", f"{look[1]}={{id}}"),
        remove=(f"ec2 {remove[0]}", *remove[1:]) if remove else (),
    )


def _iam(many: str, page: str, look: tuple[str, ...], remove: tuple[str, ...]) -> Kind:
    """Give a kind of IAM's, which have no region."""
    return Kind(many=many, link=f"iam/home#/{page}", look=look, remove=remove, everywhere=True)


_OF_USER = "users/details/{owner}?section=security_credentials"

KINDS: dict[str, Kind] = {
    "instance": _ec2(
        "EC2 instances",
        "InstanceDetails:instanceId={id}",
        ("describe-instances", "instance-ids"),
        ("stop-instances", "instance-ids={id}"),
    ),
    "spot_request": _ec2(
        "spot requests",
        "SpotInstances:",
        ("describe-spot-instance-requests", "spot-instance-request-ids"),
        ("cancel-spot-instance-requests", "spot-instance-request-ids={id}"),
    ),
    "image": _ec2(
        "images (AMIs)",
        "ImageDetails:imageId={id}",
        ("describe-images", "image-ids"),
        ("disable-image", "image-id={id}"),
    ),
    "volume": _ec2(
        "volumes",
        "VolumeDetails:volumeId={id}",
        ("describe-volumes", "volume-ids"),
        (),
    ),
    "snapshot": _ec2(
        "snapshots",
        "SnapshotDetails:snapshotId={id}",
        ("describe-snapshots", "snapshot-ids"),
        ("reset-snapshot-attribute", "snapshot-id={id}", "attribute=createVolumePermission"),
    ),
    "key_pair": _ec2(
        "key pairs",
        "KeyPairs:search={id}",
        ("describe-key-pairs", "key-pair-ids"),
        ("delete-key-pair", "key-pair-id={id}"),
    ),
    "security_group": _ec2(
        "security groups",
        "SecurityGroup:groupId={id}",
        ("describe-security-groups", "group-ids"),
        ("delete-security-group", "group-id={id}"),
    ),
    "launch_template": _ec2(
        "launch templates",
        "LaunchTemplateDetails:launchTemplateId={id}",
        ("describe-launch-template-versions", "launch-template-id"),
        ("delete-launch-template", "launch-template-id={id}"),
    ),
    "auto_scaling_group": Kind(
        many="Auto Scaling groups",
        link="ec2/home?region={region}#AutoScalingGroupDetails:id={id};view=details",
        look=("autoscaling describe-auto-scaling-groups", "auto-scaling-group-names={id}"),
        remove=("autoscaling suspend-processes", "auto-scaling-group-name={id}"),
    ),
    "cluster": Kind(
        many="ECS clusters",
        link="ecs/v2/clusters/{name}?region={region}",
        look=("ecs describe-clusters", "clusters={id}"),
        remove=("ecs delete-cluster", "cluster={id}"),
    ),
    "service": Kind(
        many="ECS services",
        link="ecs/v2/clusters/{owner}/services/{name}?region={region}",
        look=("ecs describe-services", "cluster={owner}", "services={id}"),
        remove=("ecs update-service", "cluster={owner}", "service={id}", "desired-count=0"),
    ),
    "task": Kind(
        many="ECS tasks",
        link="ecs/v2/clusters/{owner}/tasks/{name}?region={region}",
        look=("ecs describe-tasks", "cluster={owner}", "tasks={id}"),
        remove=("ecs stop-task", "cluster={owner}", "task={id}"),
    ),
    "task_definition": Kind(
        many="ECS task definitions",
        link="ecs/v2/task-definitions/{owner}?region={region}",
        look=("ecs describe-task-definition", "task-definition={id}"),
        remove=("ecs deregister-task-definition", "task-definition={id}"),
    ),
    "repository": Kind(
        many="ECR repositories",
        link="ecr/private-registry/repositories?region={region}",
        look=("ecr describe-images", "repository-name={id}"),
        remove=("ecr delete-repository", "repository-name={id}"),
    ),
    "function": Kind(
        many="Lambda functions",
        link="lambda/home?region={region}#/functions/{id}",
        look=("lambda get-function-configuration", "function-name={id}"),
        remove=("lambda put-function-concurrency", "function-name={id}", "reserved-concurrent-executions=0"),
    ),
    "layer": Kind(
        many="Lambda layers",
        link="lambda/home?region={region}#/layers/{id}",
        look=("lambda list-layer-versions", "layer-name={id}"),
        remove=("lambda delete-layer-version", "layer-name={id}", "version-number={owner}"),
    ),
    "event_source_mapping": Kind(
        many="Lambda event source mappings",
        link="lambda/home?region={region}#/event-source-mappings/{id}",
        look=("lambda get-event-source-mapping", "uuid={id}"),
        remove=("lambda update-event-source-mapping", "uuid={id}", "no-enabled"),
    ),
    "stack": Kind(
        many="CloudFormation stacks",
        link="cloudformation/home?region={region}#/stacks/stackinfo?stackId={id}",
        look=("cloudformation describe-stack-resources", "stack-name={id}"),
    ),
    "lightsail_instance": Kind(  # whose console is in another place
        many="Lightsail instances",
        valid=_NEVER,
        look=("lightsail get-instance", "instance-name={id}"),
        remove=("lightsail stop-instance", "instance-name={id}"),
    ),
    "notebook": Kind(
        many="SageMaker notebook instances",
        link="sagemaker/home?region={region}#/notebook-instances/{id}",
        look=("sagemaker describe-notebook-instance", "notebook-instance-name={id}"),
        remove=("sagemaker stop-notebook-instance", "notebook-instance-name={id}"),
    ),
    "mail_identity": Kind(
        many="SES identities",
        link="ses/home?region={region}#/identities/{id}",
        look=("sesv2 get-email-identity", "email-identity={id}"),
    ),
    "database": Kind(
        many="RDS databases",
        link="rds/home?region={region}#database:id={id};is-cluster=false",
        look=("rds describe-db-instances", "db-instance-identifier={id}"),
        remove=("rds stop-db-instance", "db-instance-identifier={id}"),
    ),
    "database_snapshot": Kind(
        many="RDS snapshots",
        link="rds/home?region={region}#db-snapshot:id={id}",
        look=("rds describe-db-snapshots", "db-snapshot-identifier={id}"),
    ),
    "domain": Kind(
        many="Route 53 domains",
        link="route53/domains/home#/",
        look=("route53domains get-domain-detail", "domain-name={id}"),
        remove=("route53domains disable-domain-auto-renew", "domain-name={id}"),
        everywhere=True,
        asked_in="us-east-1",
    ),
    "bucket": Kind(
        many="S3 buckets",
        link="s3/buckets/{id}",
        look=("s3api list-objects-v2", "bucket={id}", "max-items=20"),
        remove=("s3api put-public-access-block", "bucket={id}", f"public-access-block-configuration={_SHUT}"),
        everywhere=True,
    ),
    "function_url": Kind(
        many="Lambda function URLs",
        link="lambda/home?region={region}#/functions/{id}?tab=configure",
        look=("lambda get-function-url-config", "function-name={id}"),
        remove=("lambda delete-function-url-config", "function-name={id}"),
    ),
    "trail": Kind(
        many="trails",
        link="cloudtrailv2/home?region={region}#/trails",
        look=("cloudtrail get-trail-status", "name={id}"),
    ),
    "detector": Kind(
        many="GuardDuty detectors",
        link="guardduty/home?region={region}#/settings",
        look=("guardduty get-detector", "detector-id={id}"),
    ),
    "kms_key": Kind(
        many="KMS keys",
        link="kms/home?region={region}#/kms/keys/{id}",
        look=("kms describe-key", "key-id={id}"),
    ),
    "spot_fleet": Kind(
        many="spot fleets",
        link="ec2/home?region={region}#SpotInstances:",
        look=("ec2 describe-spot-fleet-requests", "spot-fleet-request-ids={id}"),
        remove=("ec2 cancel-spot-fleet-requests", "spot-fleet-request-ids={id}", "no-terminate-instances"),
    ),
    "user": _iam(
        "IAM users",
        "users/details/{id}?section=security_credentials",
        ("iam get-user", "user-name={id}"),
        ("iam attach-user-policy", "user-name={id}", _DENY_ALL),
    ),
    "role": _iam(
        "IAM roles",
        "roles/details/{id}",
        ("iam get-role", "role-name={id}"),
        ("iam attach-role-policy", "role-name={id}", _DENY_ALL),
    ),
    "group": _iam(
        "IAM groups",
        "groups/details/{id}",
        ("iam get-group", "group-name={id}"),
        ("iam delete-group", "group-name={id}"),
    ),
    "policy": _iam(
        "IAM policies",
        "policies/details/{id}",
        ("iam list-entities-for-policy", "policy-arn={id}"),
        ("iam delete-policy", "policy-arn={id}"),
    ),
    "instance_profile": _iam(
        "instance profiles",
        "roles",
        ("iam get-instance-profile", "instance-profile-name={id}"),
        ("iam delete-instance-profile", "instance-profile-name={id}"),
    ),
    "saml_provider": _iam(
        "SAML providers",
        "identity_providers",
        ("iam get-saml-provider", "saml-provider-arn={id}"),
        ("iam delete-saml-provider", "saml-provider-arn={id}"),
    ),
    "open_id_connect_provider": _iam(
        "OIDC providers",
        "identity_providers",
        ("iam get-open-id-connect-provider", "open-id-connect-provider-arn={id}"),
        ("iam delete-open-id-connect-provider", "open-id-connect-provider-arn={id}"),
    ),
    "access_key": _iam("access keys", _OF_USER, ("iam list-access-keys", "user-name={owner}"), ()),
    "login_profile": _iam(
        "console passwords",
        _OF_USER,
        ("iam get-login-profile", "user-name={owner}"),
        ("iam delete-login-profile", "user-name={owner}"),
    ),
    "service_specific_credential": _iam(
        "service-specific credentials",
        _OF_USER,
        ("iam list-service-specific-credentials", "user-name={owner}"),
        (
            "iam update-service-specific-credential",
            "user-name={owner}",
            "service-specific-credential-id={id}",
            "status=Inactive",
        ),
    ),
    "mfa_device": _iam(
        "virtual MFA devices",
        _OF_USER,
        ("iam list-mfa-devices", "user-name={owner}"),
        ("iam deactivate-mfa-device", "user-name={owner}", "serial-number={id}"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource: ``id`` is what its API knows it by; of an access key, the whole key id, which ``shown`` cuts."""

    kind: str
    id: str
    name: str = ""
    owner: str = ""
    region: str = ""
    partition: str = "aws"

    def shown(self) -> str:
        """Give the id as the findings may hold it: bounded, and a key's last four."""
        return text.tail(self.id) if self.kind == "access_key" else self.id[:LONGEST]


def console(resource: Resource) -> str:
    """Give the link to a resource in the console, or ``""`` when there is none that is safe to make."""
    kind, (domain, home) = KINDS.get(resource.kind), _CONSOLES.get(resource.partition, ("", ""))
    region = home if kind and kind.everywhere else resource.region
    if kind is None or not kind.link or not domain or not _REGION.fullmatch(region):
        return ""
    parts = _parts(resource)
    used = [parts[part] for part in ("id", "name", "owner") if f"{{{part}}}" in kind.link]
    if not all(kind.valid.fullmatch(part) and _whole(part) for part in used):
        return ""
    path = kind.link.format_map({part: _quoted(value) for part, value in parts.items()} | {"region": region})
    return f"https://{region}.{domain}/{path}"


def look(resource: Resource) -> str:
    """Give the line that shows a resource, or ``""`` when it cannot be named whole."""
    kind = KINDS.get(resource.kind)
    return _line(resource, kind, kind.look) if kind else ""


def remove(resource: Resource) -> str:
    """Give the line that makes a resource harmless, or ``""`` when there is none, or it cannot be named whole.

    What can be switched off is switched off, not deleted: it may be evidence, and it may be innocent. A user and a role
    are denied everything. There is no line where only a deletion would help and data or production would go with it.
    """
    kind = KINDS.get(resource.kind)
    if resource.kind == "access_key":
        return commands.set_key_status(resource.owner, resource.id, "Inactive") if _whole(resource.owner) else ""
    return _line(resource, kind, kind.remove) if kind else ""


def _line(resource: Resource, kind: Kind, words: tuple[str, ...]) -> str:
    if not words:
        return ""
    parts = _parts(resource)
    used = [value for part, value in parts.items() if any(f"{{{part}}}" in word for word in words)]
    if not all(_whole(value) for value in used):
        return ""
    options = [word.partition("=") for word in words[1:]]
    region = kind.asked_in if kind.everywhere else resource.region
    return commands.line(words[0], region, [(name, value.format_map(parts)) for name, _, value in options])


def _parts(resource: Resource) -> dict[str, str]:
    return {
        "id": resource.id,
        "name": resource.name,
        "owner": resource.owner,
        "partition": resource.partition,
    }


def _whole(value: str) -> bool:
    """Say whether a part can be written out: not cut, nothing hidden in it, and nothing that looks like a key."""
    return 0 < len(value) <= LONGEST and value.isprintable() and text.redact(value) == value


def _quoted(value: str) -> str:
    """Quote what is ASCII for a URL."""
    return "".join(ch if ch in _UNRESERVED else f"%{ord(ch):02X}" for ch in value)


def described(resource: Resource, at: str, why: str) -> Json:
    """Describe a resource as the findings' ``stock`` does."""
    kind = KINDS.get(resource.kind)
    return {
        "kind": resource.kind,
        "region": GLOBAL if kind and kind.everywhere else resource.region[:LONGEST],
        "id": resource.shown(),
        "name": (resource.name or resource.owner)[:LONGEST],
        "at": at,
        "why": why,
        "console": console(resource),
        "look": look(resource),
        "remove": remove(resource),
    }

"""How the resources that the records name stand now: running, active, inactive, gone.

A record says what was done; what is left of it is asked here, once for each resource. ``STATES`` is the table: a
further kind is one entry. What is of no kind in the table, and what was not answered, has the state ``""``.

May touch: iam:GetUser, iam:GetRole, iam:GetGroup, iam:GetPolicy, iam:GetInstanceProfile, iam:GetLoginProfile,
iam:GetSAMLProvider, iam:GetOpenIDConnectProvider, iam:ListAccessKeys, iam:GetAccessKeyLastUsed;
ec2:DescribeInstances, ec2:DescribeSpotInstanceRequests, ec2:DescribeSpotFleetRequests, ec2:DescribeImages,
ec2:DescribeVolumes, ec2:DescribeSnapshots, ec2:DescribeKeyPairs, ec2:DescribeSecurityGroups,
ec2:DescribeLaunchTemplates; autoscaling:DescribeAutoScalingGroups; ecs:DescribeClusters, ecs:DescribeServices,
ecs:DescribeTasks, ecs:DescribeTaskDefinition; ecr:DescribeRepositories; lambda:GetFunctionConfiguration,
lambda:GetFunctionUrlConfig, lambda:GetEventSourceMapping; cloudformation:DescribeStacks; lightsail:GetInstance;
sagemaker:DescribeNotebookInstance; ses:GetEmailIdentity; rds:DescribeDBInstances, rds:DescribeDBSnapshots;
cloudtrail:GetTrailStatus; guardduty:GetDetector; kms:DescribeKey; s3:GetBucketLocation.
Never: changes anything; asks of more than ``MOST`` resources; keeps a function's environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.actions import users
from lambdas.aws import Grant
from lambdas.investigation import asking, kinds
from lambdas.investigation.asking import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.actions.shape import Clients
    from lambdas.investigation.asking import Deadline
    from lambdas.investigation.kinds import Resource

MOST = 300
GONE = "gone"
#: What is there, and has no other state.
THERE = "active"
_ID = re.compile(r"[a-z]{1,4}-[0-9a-f]{8,32}")
#: How many parts the ARN of what is in a cluster has at least, before its own.
_IN_CLUSTER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How the state of a kind is read: the call, its argument, and where the answer holds the state.

    ``path`` leads to what is named; with nothing there, it is gone, as with an error among ``gone``. ``state`` is its
    field, or empty for what is there or not; ``words`` says what some of its values mean. ``by_name`` is the argument
    for what is known by a name instead of an id of EC2's. ``of_cluster`` needs the cluster too.
    """

    service: str
    call: str
    asks: str
    argument: str
    path: tuple[str, ...]
    state: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    many: bool = False
    by_name: str = ""
    of_cluster: bool = False
    words: tuple[tuple[str, str], ...] = ()


def _iam(call: str, asks: str, argument: str, path: str) -> State:
    return State(
        service="iam",
        call=call,
        asks=f"iam:{asks}",
        argument=argument,
        path=(path,) if path else (),
        gone=("NoSuchEntity",),
    )


def _ec2(call: str, argument: str, path: tuple[str, ...], gone: str, state: tuple[str, ...] = ()) -> State:
    """Read a kind of EC2's by its ids."""
    return State(
        service="ec2",
        call=call,
        asks="ec2:" + call.title().replace("_", ""),
        argument=argument,
        many=True,
        path=path,
        state=state,
        gone=(gone,),
    )


STATES: dict[str, State] = {
    "user": _iam("get_user", "GetUser", "UserName", "User"),
    "role": _iam("get_role", "GetRole", "RoleName", "Role"),
    "group": _iam("get_group", "GetGroup", "GroupName", "Group"),
    "policy": _iam("get_policy", "GetPolicy", "PolicyArn", "Policy"),
    "instance_profile": _iam("get_instance_profile", "GetInstanceProfile", "InstanceProfileName", "InstanceProfile"),
    "login_profile": _iam("get_login_profile", "GetLoginProfile", "UserName", "LoginProfile"),
    "saml_provider": _iam("get_saml_provider", "GetSAMLProvider", "SAMLProviderArn", "SAMLMetadataDocument"),
    "open_id_connect_provider": _iam(
        "get_open_id_connect_provider", "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", "Url"
    ),
    "access_key": State(  # whose user is found first
        service="iam",
        call="list_access_keys",
        asks="iam:ListAccessKeys",
        argument="UserName",
        path=("AccessKeyMetadata",),
        gone=("NoSuchEntity",),
    ),
    "instance": _ec2(
        "describe_instances",
        "InstanceIds",
        ("Reservations", "Instances"),
        "InvalidInstanceID.NotFound",
        ("State", "Name"),
    ),
    "spot_request": _ec2(
        "describe_spot_instance_requests",
        "SpotInstanceRequestIds",
        ("SpotInstanceRequests",),
        "InvalidSpotInstanceRequestID.NotFound",
        ("State",),
    ),
    "image": _ec2("describe_images", "ImageIds", ("Images",), "InvalidAMIID.NotFound", ("State",)),
    "volume": _ec2("describe_volumes", "VolumeIds", ("Volumes",), "InvalidVolume.NotFound", ("State",)),
    "snapshot": _ec2("describe_snapshots", "SnapshotIds", ("Snapshots",), "InvalidSnapshot.NotFound", ("State",)),
    "key_pair": State(
        service="ec2",
        call="describe_key_pairs",
        asks="ec2:DescribeKeyPairs",
        argument="KeyPairIds",
        by_name="KeyNames",
        many=True,
        path=("KeyPairs",),
        gone=("InvalidKeyPair.NotFound",),
    ),
    "security_group": _ec2("describe_security_groups", "GroupIds", ("SecurityGroups",), "InvalidGroup.NotFound"),
    "launch_template": State(
        service="ec2",
        call="describe_launch_templates",
        asks="ec2:DescribeLaunchTemplates",
        argument="LaunchTemplateIds",
        by_name="LaunchTemplateNames",
        many=True,
        path=("LaunchTemplates",),
        gone=("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException"),
    ),
    "spot_fleet": _ec2(
        "describe_spot_fleet_requests",
        "SpotFleetRequestIds",
        ("SpotFleetRequestConfigs",),
        "InvalidSpotFleetRequestId.NotFound",
        ("SpotFleetRequestState",),
    ),
    "auto_scaling_group": State(
        service="autoscaling",
        call="describe_auto_scaling_groups",
        asks="autoscaling:DescribeAutoScalingGroups",
        argument="AutoScalingGroupNames",
        many=True,
        path=("AutoScalingGroups",),
        state=("Status",),
    ),
    "cluster": State(
        service="ecs",
        call="describe_clusters",
        asks="ecs:DescribeClusters",
        argument="clusters",
        many=True,
        path=("clusters",),
        state=("status",),
        words=(("inactive", GONE),),
    ),
    "task": State(
        service="ecs",
        call="describe_tasks",
        asks="ecs:DescribeTasks",
        argument="tasks",
        many=True,
        of_cluster=True,
        path=("tasks",),
        state=("lastStatus",),
        gone=("ClusterNotFoundException",),
    ),
    "service": State(
        service="ecs",
        call="describe_services",
        asks="ecs:DescribeServices",
        argument="services",
        many=True,
        of_cluster=True,
        path=("services",),
        state=("status",),
        words=(("inactive", GONE),),
        gone=("ClusterNotFoundException",),
    ),
    "task_definition": State(
        service="ecs",
        call="describe_task_definition",
        asks="ecs:DescribeTaskDefinition",
        argument="taskDefinition",
        path=("taskDefinition",),
        state=("status",),
    ),
    "repository": State(
        service="ecr",
        call="describe_repositories",
        asks="ecr:DescribeRepositories",
        argument="repositoryNames",
        many=True,
        path=("repositories",),
        gone=("RepositoryNotFoundException",),
    ),
    "function": State(
        service="lambda",
        call="get_function_configuration",
        asks="lambda:GetFunctionConfiguration",
        argument="FunctionName",
        path=(),
        state=("State",),
        gone=("ResourceNotFoundException",),
    ),
    "event_source_mapping": State(
        service="lambda",
        call="get_event_source_mapping",
        asks="lambda:GetEventSourceMapping",
        argument="UUID",
        path=(),
        state=("State",),
        gone=("ResourceNotFoundException",),
    ),
    "function_url": State(
        service="lambda",
        call="get_function_url_config",
        asks="lambda:GetFunctionUrlConfig",
        argument="FunctionName",
        path=(),
        gone=("ResourceNotFoundException",),
    ),
    "trail": State(
        service="cloudtrail",
        call="get_trail_status",
        asks="cloudtrail:GetTrailStatus",
        argument="Name",
        path=(),
        state=("IsLogging",),
        words=(("true", "logging"), ("false", "not logging")),
        gone=("TrailNotFoundException",),
    ),
    "detector": State(
        service="guardduty",
        call="get_detector",
        asks="guardduty:GetDetector",
        argument="DetectorId",
        path=(),
        state=("Status",),
        gone=("BadRequestException",),
    ),
    "kms_key": State(
        service="kms",
        call="describe_key",
        asks="kms:DescribeKey",
        argument="KeyId",
        path=("KeyMetadata",),
        state=("KeyState",),
        gone=("NotFoundException",),
    ),
    "stack": State(
        service="cloudformation",
        call="describe_stacks",
        asks="cloudformation:DescribeStacks",
        argument="StackName",
        path=("Stacks",),
        state=("StackStatus",),
        gone=("ValidationError",),
    ),
    "lightsail_instance": State(
        service="lightsail",
        call="get_instance",
        asks="lightsail:GetInstance",
        argument="instanceName",
        path=("instance",),
        state=("state", "name"),
        gone=("NotFoundException",),
    ),
    "notebook": State(
        service="sagemaker",
        call="describe_notebook_instance",
        asks="sagemaker:DescribeNotebookInstance",
        argument="NotebookInstanceName",
        path=(),
        state=("NotebookInstanceStatus",),
        gone=("RecordNotFound", "ValidationException"),
    ),
    "mail_identity": State(
        service="sesv2",
        call="get_email_identity",
        asks="ses:GetEmailIdentity",
        argument="EmailIdentity",
        path=(),
        gone=("NotFoundException",),
    ),
    "database": State(
        service="rds",
        call="describe_db_instances",
        asks="rds:DescribeDBInstances",
        argument="DBInstanceIdentifier",
        path=("DBInstances",),
        state=("DBInstanceStatus",),
        gone=("DBInstanceNotFound", "DBInstanceNotFoundFault"),
    ),
    "database_snapshot": State(
        service="rds",
        call="describe_db_snapshots",
        asks="rds:DescribeDBSnapshots",
        argument="DBSnapshotIdentifier",
        path=("DBSnapshots",),
        state=("Status",),
        gone=("DBSnapshotNotFound", "DBSnapshotNotFoundFault"),
    ),
    "bucket": State(
        service="s3",
        call="get_bucket_location",
        asks="s3:GetBucketLocation",
        argument="Bucket",
        path=(),
        gone=("NoSuchBucket",),
    ),
}

_ASKS = {state.asks for state in STATES.values()} | {"iam:GetAccessKeyLastUsed"}
GRANTS = tuple(Grant(action=action, resource="*") for action in sorted(_ASKS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What was answered about one resource."""

    of: Resource
    state: str


def now(clients: Clients, resources: Sequence[Resource], deadline: Deadline) -> tuple[dict[Resource, str], list[str]]:
    """Give the state of each resource, ``""`` where it is not known, and the sentences of what is not. Raises nothing.

    The user of a key without ``owner`` is asked for; a service of ECS without one is looked for in ``default``.
    """
    wanted = list(dict.fromkeys(one for one in resources if one.id and one.kind in STATES))
    questions = [
        Question(
            what=f"the state of some {kinds.KINDS[one.kind].many}",
            where="" if kinds.KINDS[one.kind].everywhere else one.region,
            asks=STATES[one.kind].asks,
            ask=partial(_read, clients, one),
        )
        for one in wanted[:MOST]
    ]
    answers = asking.ask(questions, deadline)
    states = dict.fromkeys(resources, "") | {said.of: said.state for said in answers.given}
    more = [f"The state of {len(wanted) - MOST} more resources was not asked."] if len(wanted) > MOST else []
    return states, [*more, *asking.sentences(answers.missed)]


def _read(clients: Clients, resource: Resource) -> _Said:
    if resource.kind == "access_key":
        return _Said(of=resource, state=_of_key(clients("iam"), resource))
    how = STATES[resource.kind]
    region = "" if kinds.KINDS[resource.kind].everywhere else resource.region
    client = clients(how.service, region=region)
    answers: list[Any] = []
    with aws.excused(*how.gone):
        answers.append(getattr(client, how.call)(**_named(how, resource)))
    found = list(asking.rows(answers, how.path))
    return _Said(of=resource, state=_state(how, found[0]) if found else GONE)


def _of_key(iam: Any, resource: Resource) -> str:  # noqa: ANN401  (boto3's clients are made at run time)
    """Read the status of a key, of whose user nothing need be known."""
    try:
        owner = resource.owner or users.owner_of(iam, resource.id)
        return users.keys_of(iam, owner).get(resource.id, GONE).lower()
    except errors.TargetGone:
        return GONE


def _named(how: State, resource: Resource) -> dict[str, Any]:
    argument = how.by_name if how.by_name and not _ID.fullmatch(resource.id) else how.argument
    named: dict[str, Any] = {argument: [resource.id] if how.many else resource.id}
    return named | ({"cluster": _cluster(resource)} if how.of_cluster else {})


def _cluster(resource: Resource) -> str:
    """Name the cluster of a task or a service: its owner, or the one in its ARN (``…:task/<cluster>/<id>``)."""
    parts = resource.id.split("/")
    return resource.owner or (parts[1] if len(parts) > _IN_CLUSTER else "default")


def _state(how: State, row: Any) -> str:  # noqa: ANN401  (what boto3 answers)
    said = next(asking.rows(row, how.state), None) if how.state else None
    if said is None:
        return THERE
    word = str(said)[:60].lower()
    return dict(how.words).get(word, word)

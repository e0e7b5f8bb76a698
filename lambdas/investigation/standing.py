"""How the resources that the records name stand now: running, active, inactive, gone.

A record says what was done; what is left of it is asked here, once for each resource. ``STATES`` is the table: a
further kind is one entry. What is of no kind in the table, and what was not answered, has the state ``""``.

May touch: iam:GetUser, iam:GetRole, iam:GetGroup, iam:GetPolicy, iam:GetInstanceProfile, iam:GetLoginProfile,
iam:GetSAMLProvider, iam:GetOpenIDConnectProvider, iam:ListAccessKeys; ec2:DescribeInstances,
ec2:DescribeSpotInstanceRequests, ec2:DescribeImages, ec2:DescribeVolumes, ec2:DescribeSnapshots,
ec2:DescribeKeyPairs, ec2:DescribeSecurityGroups, ec2:DescribeLaunchTemplates; autoscaling:DescribeAutoScalingGroups;
ecs:DescribeClusters; ecr:DescribeRepositories; lambda:GetFunctionConfiguration,
lambda:GetEventSourceMapping; cloudformation:DescribeStacks; lightsail:GetInstance;
sagemaker:DescribeNotebookInstance; ses:GetEmailIdentity; rds:DescribeDBInstances, rds:DescribeDBSnapshots;
s3:GetBucketLocation.
Never: changes anything; asks of more than ``MOST`` resources; keeps a function's environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lambdas import aws
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


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How the state of a kind is read: the call, its argument, and where the answer holds the state.

    ``path`` leads to what is named; with nothing there, it is gone, as with an error among ``gone``. ``state`` is its
    field, or empty for what is there or not.
    """

    service: str
    call: str
    asks: str
    argument: str
    path: tuple[str, ...]
    state: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    many: bool = False


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
    "oidc_provider": _iam(
        "get_open_id_connect_provider", "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", "Url"
    ),
    "access_key": _iam("list_access_keys", "ListAccessKeys", "UserName", "AccessKeyMetadata"),
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
    "key_pair": _ec2("describe_key_pairs", "KeyPairIds", ("KeyPairs",), "InvalidKeyPair.NotFound"),
    "security_group": _ec2("describe_security_groups", "GroupIds", ("SecurityGroups",), "InvalidGroup.NotFound"),
    "launch_template": _ec2(
        "describe_launch_templates",
        "LaunchTemplateIds",
        ("LaunchTemplates",),
        "InvalidLaunchTemplateId.NotFound",
    ),
    "autoscaling_group": State(
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
    "email_identity": State(
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

GRANTS = tuple(Grant(action=action, resource="*") for action in sorted({state.asks for state in STATES.values()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What was answered about one resource."""

    of: Resource
    state: str


def now(clients: Clients, resources: Sequence[Resource], deadline: Deadline) -> tuple[dict[Resource, str], list[str]]:
    """Give the state of each resource, ``""`` where it is not known, and the sentences of what is not. Raises nothing.

    An access key needs its user as ``owner``.
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
    how = STATES[resource.kind]
    region = "" if kinds.KINDS[resource.kind].everywhere else resource.region
    client = clients(how.service, region=region)
    answers: list[Any] = []
    with aws.excused(*how.gone):
        answers.append(getattr(client, how.call)(**_named(how, resource)))
    found = list(asking.rows(answers, how.path))
    if resource.kind == "access_key":
        found = [row for row in found if row.get("AccessKeyId") == resource.id]
    return _Said(of=resource, state=_state(how, resource, found[0]) if found else GONE)


def _named(how: State, resource: Resource) -> dict[str, Any]:
    known = resource.owner if resource.kind in {"access_key", "login_profile"} else resource.id
    return {how.argument: [known] if how.many else known}


def _state(how: State, resource: Resource, row: Any) -> str:  # noqa: ANN401  (what boto3 answers)
    said = next(asking.rows(row, how.state), None) if how.state else None
    if resource.kind == "access_key":
        said = row.get("Status")
    if resource.kind == "cluster" and said == "INACTIVE":
        return GONE
    return str(said)[:60].lower() if said else THERE

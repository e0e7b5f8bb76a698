"""What every region holds that was made or changed since the credential was first misused, whoever made it.

The look-back names what records tie to the attacker; this names what there is, for records can be missing: trails are
stopped, regions overlooked, and a snapshot that nobody explains is worth a question. ``READERS`` is the table of what
is read; each entry says which time AWS tells. An instance's is its last start; of security groups, ECS clusters and SES
identities AWS tells none, so all of them are listed (of groups, those that are open to the world).

Bedrock keeps nothing that tells of its use; its calls are in CloudTrail, its API keys in ``stock_global``.

May touch: ec2:DescribeInstances, ec2:DescribeSpotInstanceRequests, ec2:DescribeImages, ec2:DescribeVolumes,
ec2:DescribeSnapshots, ec2:DescribeSnapshotAttribute, ec2:DescribeKeyPairs, ec2:DescribeSecurityGroups,
ec2:DescribeLaunchTemplates,
autoscaling:DescribeAutoScalingGroups, ecs:ListClusters, ecs:ListServices, ecs:DescribeServices, ecs:ListTasks,
ecs:DescribeTasks, ecs:ListTaskDefinitions, ecs:DescribeTaskDefinition, ecr:DescribeRepositories,
lambda:ListFunctions, lambda:GetPolicy, lambda:ListLayers, lambda:ListEventSourceMappings,
cloudformation:DescribeStacks, lightsail:GetInstances, sagemaker:ListNotebookInstances, ses:ListEmailIdentities,
rds:DescribeDBInstances, rds:DescribeDBSnapshots.
Never: changes anything; reads a function's code, or keeps its environment, a stack's parameters or a task's variables.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas import aws
from lambdas.investigation import asking, readers, trust
from lambdas.investigation.readers import Asked, Reader, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.model import Json

#: So many clusters, task definitions, functions and snapshots of a region are looked into.
_CLUSTERS = 10
_DEFINITIONS = 20
_FUNCTIONS = 10
_SNAPSHOTS = 20
_AT_ONCE = 100
_REFUSED = ("AccessDeniedException", "TooManyRequestsException")
_SERVICES_AT_ONCE = 10

_WORLD = {"0.0.0.0/0", "::/0"}
#: The ports that a website has open to the world.
_OF_WEBSITES = {("tcp", 80, 80), ("tcp", 443, 443)}
_OVER = {"shutting-down", "terminated"}


def _instance(row: Json, _: Where) -> Sequence[str]:
    said = [f"It is {_state(row)}."]
    if row.get("PublicIpAddress"):
        said.append("It has a public address.")
    options = row.get("MetadataOptions")
    if isinstance(options, dict) and options.get("HttpTokens") != "required" and _state(row) not in _OVER:
        said.append("It does not require IMDSv2.")
    if row.get("InstanceLifecycle") == "spot":
        said.append("It is a spot instance.")
    return said


def _state(row: Json) -> str:
    state = row.get("State")
    return str(state.get("Name", "in an unknown state"))[:40] if isinstance(state, dict) else "in an unknown state"


def _image(row: Json, _: Where) -> Sequence[str]:
    return ("Everybody may launch it.",) if row.get("Public") is True else ()


def _volume(row: Json, _: Where) -> Sequence[str]:
    return () if row.get("Attachments") else ("It is attached to nothing.",)


def _group(row: Json, _: Where) -> Sequence[str]:
    said = ", ".join(sorted({_ports(rule) for rule in _open(row)})[:10])
    return (f"It is open to the world: {said}.",)


def _is_open(row: Json, _: Where) -> bool:
    """Say whether a group is open to the world for more than a website."""
    return any(
        (rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")) not in _OF_WEBSITES for rule in _open(row)
    )


def _open(row: Json) -> list[Json]:
    return [rule for rule in asking.rows(row, ["IpPermissions"]) if isinstance(rule, dict) and _WORLD & _ranges(rule)]


def _ranges(rule: Json) -> set[str]:
    found = [*asking.rows(rule, ["IpRanges", "CidrIp"]), *asking.rows(rule, ["Ipv6Ranges", "CidrIpv6"])]
    return {one for one in found if isinstance(one, str)}


def _ports(rule: Json) -> str:
    protocol, first, last = rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")
    if protocol == "-1":
        return "everything"
    return f"{protocol} {first}" if first == last else f"{protocol} {first} to {last}"


def _database(row: Json, _: Where) -> Sequence[str]:
    return ("It can be reached from the internet.",) if row.get("PubliclyAccessible") is True else ()


def _stack(row: Json, _: Where) -> Sequence[str]:
    return (f"It is in the state {str(row.get('StackStatus'))[:60]}.",)


def _function(row: Json, _: Where) -> Sequence[str]:
    outside: Sequence[str] = row.get("outside", ())
    said = [f"It runs {row['Runtime'][:40]}."] if isinstance(row.get("Runtime"), str) else []
    return [*said, f"Its policy lets others call it: {asking.some(outside)}."] if outside else said


def _mapping(row: Json, _: Where) -> Sequence[str]:
    source = row.get("EventSourceArn")
    return (f"It feeds from {source[:256]}.",) if isinstance(source, str) else ()


def _notebook(row: Json, _: Where) -> Sequence[str]:
    return (f"It is {str(row.get('NotebookInstanceStatus'))[:40]}.",)


def _service(row: Json, _: Where) -> Sequence[str]:
    return (f"It runs {row.get('runningCount')} of {row.get('desiredCount')} tasks.",)


def _task(row: Json, _: Where) -> Sequence[str]:
    return (f"It is {str(row.get('lastStatus'))[:40]}.",)


def _snapshots(asked: Asked) -> Iterator[Json]:
    """Give the account's snapshots: which the world may copy and, of the first new ones, which accounts may."""
    args: Any = {"OwnerIds": ["self"], "MaxResults": 500}
    public = {
        row.get("SnapshotId")
        for row in asked.rows("describe_snapshots", "Snapshots", RestorableByUserIds=["all"], **args)
    }
    looked = 0
    for row in asked.rows("describe_snapshots", "Snapshots", **args):
        at = asking.moment(row.get("StartTime"))
        shared: list[Any] = []
        if at and at >= asked.where.since and asked.goes_on("describe_snapshot_attribute", looked, _SNAPSHOTS):
            looked += 1
            shared = _shared_with(asked, str(row.get("SnapshotId")))
        yield row | {"public": row.get("SnapshotId") in public, "shared": shared}


def _shared_with(asked: Asked, snapshot: str) -> list[Any]:
    found: list[Any] = []
    with aws.excused("InvalidSnapshot.NotFound"):
        path, call = ("CreateVolumePermissions", "UserId"), "describe_snapshot_attribute"
        found += asked.rows(call, *path, SnapshotId=snapshot, Attribute="createVolumePermission")
    return found


def _snapshot(row: Json, _: Where) -> Sequence[str]:
    said = ["Everybody may copy it; since when, AWS does not say."] if row.get("public") else []
    accounts = [one for one in row.get("shared", []) if isinstance(one, str)]
    return [*said, f"These accounts may copy it: {asking.some(accounts)}."] if accounts else said


def _is_public(row: Json, _: Where) -> bool:
    return bool(row.get("public"))


def _clusters(asked: Asked) -> Iterator[Json]:
    for arn in asked.rows("list_clusters", "clusterArns"):
        yield {"arn": arn, "name": _last(arn)}


def _services(asked: Asked) -> Iterator[Json]:
    """Give the services of the first clusters; when one was changed is when its newest deployment began."""
    for cluster in _some_clusters(asked, "services"):
        arns = [*asked.rows("list_services", "serviceArns", cluster=cluster)]
        for some in _chunks(arns, _SERVICES_AT_ONCE):
            for row in asked.rows("describe_services", "services", cluster=cluster, services=some):
                begun = [at for one in asking.rows(row, ["deployments", "createdAt"]) if (at := asking.moment(one))]
                yield row | {"owner": _last(cluster), "deployed": max(begun, default=None)}


def _tasks(asked: Asked) -> Iterator[Json]:
    for cluster in _some_clusters(asked, "tasks"):
        arns = [*asked.rows("list_tasks", "taskArns", cluster=cluster)]
        for some in _chunks(arns, _AT_ONCE):
            for row in asked.rows("describe_tasks", "tasks", cluster=cluster, tasks=some):
                if str(row.get("group", "")).startswith("service:"):
                    continue  # its service is listed
                yield row | {"owner": _last(cluster), "name": _last(str(row.get("taskArn", "")))}


def _some_clusters(asked: Asked, what: str) -> Iterator[str]:
    for number, arn in enumerate(asked.rows("list_clusters", "clusterArns")):
        if not asked.goes_on(what, number, _CLUSTERS):
            return
        yield arn


def _definitions(asked: Asked) -> Iterator[Json]:
    """Give the newest revision of each family, of the first families."""
    families: set[str] = set()
    for arn in asked.rows("list_task_definitions", "taskDefinitionArns", sort="DESC", status="ACTIVE"):
        family = _last(arn).rpartition(":")[0]
        if family in families:
            continue
        if not asked.goes_on("describe_task_definition", len(families), _DEFINITIONS):
            return
        families.add(family)
        for row in asked.rows("describe_task_definition", "taskDefinition", taskDefinition=arn):
            yield {"arn": arn, "name": _last(arn), "owner": _last(arn).replace(":", "/"), "at": row.get("registeredAt")}


def _functions(asked: Asked) -> Iterator[Json]:
    """Give the functions without their environment; of those changed since, who may call them."""
    looked = 0
    for row in asked.rows("list_functions", "Functions", MaxItems=50):
        kept = {name: row.get(name) for name in ("FunctionName", "LastModified", "Runtime")}
        at = asking.moment(kept["LastModified"])
        if at and at >= asked.where.since and asked.goes_on("get_policy", looked, _FUNCTIONS):
            looked += 1
            kept["outside"] = _callers(asked, str(kept["FunctionName"]))
        yield kept


def _callers(asked: Asked, function: str) -> tuple[str, ...]:
    """Name who may call a function from outside the account; when that is refused, the function is listed without."""
    said: list[str] = []
    with aws.excused("ResourceNotFoundException", *_REFUSED) as why:
        said.append(asked.client.get_policy(FunctionName=function)["Policy"])
    if set(why) & set(_REFUSED):
        asked.cut.append("get_policy")
    return trust.outside(json.loads(said[0]), asked.where.account) if said else ()


def _layers(asked: Asked) -> Iterator[Json]:
    for row in asked.rows("list_layers", "Layers", MaxItems=50):
        latest = row.get("LatestMatchingVersion") or {}
        yield {"name": row.get("LayerName"), "at": latest.get("CreatedDate"), "owner": str(latest.get("Version", ""))}


def _stacks(asked: Asked) -> Iterator[Json]:
    """Give the stacks without their parameters and outputs."""
    kept = ("StackId", "StackName", "StackStatus", "CreationTime", "LastUpdatedTime")
    for row in asked.rows("describe_stacks", "Stacks"):
        yield {name: row.get(name) for name in kept}


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    yield from (names[start : start + size] for start in range(0, len(names), size))


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


READERS: tuple[Reader, ...] = (
    Reader(
        kind="instance",
        service="ec2",
        named=False,
        call="describe_instances",
        asks=("ec2:DescribeInstances",),
        path=("Reservations", "Instances"),
        id="InstanceId",
        args=(("MaxResults", 500),),
        dates=(("LaunchTime", "Last started"),),
        remarks=_instance,
        note="Of an instance AWS tells the last start: an old one that was started again is listed as well.",
    ),
    Reader(
        kind="spot_request",
        service="ec2",
        named=False,
        call="describe_spot_instance_requests",
        asks=("ec2:DescribeSpotInstanceRequests",),
        path=("SpotInstanceRequests",),
        id="SpotInstanceRequestId",
        args=(("MaxResults", 500),),
        dates=(("CreateTime", "Made"),),
        remarks=lambda row, _: (f"It is {str(row.get('State'))[:40]}.",),
    ),
    Reader(
        kind="image",
        service="ec2",
        call="describe_images",
        asks=("ec2:DescribeImages",),
        path=("Images",),
        id="ImageId",
        name="Name",
        args=(("Owners", ["self"]),),
        dates=(("CreationDate", "Made"),),
        remarks=_image,
        always=lambda row, _: row.get("Public") is True,
    ),
    Reader(
        kind="auto_scaling_group",
        service="autoscaling",
        call="describe_auto_scaling_groups",
        asks=("autoscaling:DescribeAutoScalingGroups",),
        path=("AutoScalingGroups",),
        id="AutoScalingGroupName",
        args=(("MaxRecords", 100),),
        dates=(("CreatedTime", "Made"),),
        remarks=lambda row, _: (f"It wants {row.get('DesiredCapacity')} instances.",),
    ),
    Reader(
        kind="launch_template",
        service="ec2",
        call="describe_launch_templates",
        asks=("ec2:DescribeLaunchTemplates",),
        path=("LaunchTemplates",),
        id="LaunchTemplateId",
        name="LaunchTemplateName",
        args=(("MaxResults", 200),),
        dates=(("CreateTime", "Made"),),
    ),
    Reader(
        kind="volume",
        service="ec2",
        named=False,
        call="describe_volumes",
        asks=("ec2:DescribeVolumes",),
        path=("Volumes",),
        id="VolumeId",
        args=(("MaxResults", 500),),
        dates=(("CreateTime", "Made"),),
        remarks=_volume,
    ),
    Reader(
        kind="snapshot",
        service="ec2",
        named=False,
        call="describe_snapshots",
        asks=("ec2:DescribeSnapshots", "ec2:DescribeSnapshotAttribute"),
        path=("Snapshots",),
        id="SnapshotId",
        dates=(("StartTime", "Begun"),),
        remarks=_snapshot,
        always=_is_public,
        read=_snapshots,
    ),
    Reader(
        kind="key_pair",
        service="ec2",
        call="describe_key_pairs",
        asks=("ec2:DescribeKeyPairs",),
        path=("KeyPairs",),
        id="KeyPairId",
        name="KeyName",
        dates=(("CreateTime", "Made or imported"),),
    ),
    Reader(
        kind="security_group",
        service="ec2",
        call="describe_security_groups",
        asks=("ec2:DescribeSecurityGroups",),
        path=("SecurityGroups",),
        id="GroupId",
        name="GroupName",
        args=(("MaxResults", 500),),
        remarks=_group,
        keep=_is_open,
        note="Security groups that are open to the world on ports 80 and 443 only are not listed.",
    ),
    Reader(
        kind="cluster",
        service="ecs",
        call="list_clusters",
        asks=("ecs:ListClusters",),
        path=("clusterArns",),
        id="arn",
        name="name",
        read=_clusters,
    ),
    Reader(
        kind="service",
        service="ecs",
        call="describe_services",
        asks=("ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices"),
        path=("services",),
        id="serviceName",
        owner="owner",
        dates=(("createdAt", "Made"), ("deployed", "Deployed")),
        remarks=_service,
        read=_services,
    ),
    Reader(
        kind="task",
        service="ecs",
        call="describe_tasks",
        asks=("ecs:ListClusters", "ecs:ListTasks", "ecs:DescribeTasks"),
        path=("tasks",),
        id="taskArn",
        name="name",
        owner="owner",
        dates=(("createdAt", "Started"),),
        remarks=_task,
        read=_tasks,
    ),
    Reader(
        kind="task_definition",
        service="ecs",
        call="describe_task_definition",
        asks=("ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition"),
        path=("taskDefinition",),
        id="arn",
        name="name",
        owner="owner",
        dates=(("at", "Registered"),),
        read=_definitions,
    ),
    Reader(
        kind="repository",
        service="ecr",
        call="describe_repositories",
        asks=("ecr:DescribeRepositories",),
        path=("repositories",),
        id="repositoryName",
        dates=(("createdAt", "Made"),),
    ),
    Reader(
        kind="function",
        service="lambda",
        call="list_functions",
        asks=("lambda:ListFunctions", "lambda:GetPolicy"),
        path=("Functions",),
        id="FunctionName",
        dates=(("LastModified", "Changed"),),
        remarks=_function,
        read=_functions,
    ),
    Reader(
        kind="layer",
        service="lambda",
        call="list_layers",
        asks=("lambda:ListLayers",),
        path=("Layers",),
        id="name",
        owner="owner",
        dates=(("at", "Last version made"),),
        read=_layers,
    ),
    Reader(
        kind="event_source_mapping",
        service="lambda",
        named=False,
        call="list_event_source_mappings",
        asks=("lambda:ListEventSourceMappings",),
        path=("EventSourceMappings",),
        id="UUID",
        dates=(("LastModified", "Changed, or its state did,"),),
        remarks=_mapping,
    ),
    Reader(
        kind="stack",
        service="cloudformation",
        call="describe_stacks",
        asks=("cloudformation:DescribeStacks",),
        path=("Stacks",),
        id="StackId",
        name="StackName",
        dates=(("CreationTime", "Made"), ("LastUpdatedTime", "Changed")),
        remarks=_stack,
        read=_stacks,
    ),
    Reader(
        kind="lightsail_instance",
        service="lightsail",
        call="get_instances",
        asks=("lightsail:GetInstances",),
        path=("instances",),
        id="name",
        dates=(("createdAt", "Made"),),
    ),
    Reader(
        kind="notebook",
        service="sagemaker",
        call="list_notebook_instances",
        asks=("sagemaker:ListNotebookInstances",),
        path=("NotebookInstances",),
        id="NotebookInstanceName",
        args=(("MaxResults", 100),),
        dates=(("CreationTime", "Made"), ("LastModifiedTime", "Changed")),
        remarks=_notebook,
    ),
    Reader(
        kind="mail_identity",
        service="sesv2",
        call="list_email_identities",
        asks=("ses:ListEmailIdentities",),
        path=("EmailIdentities",),
        id="IdentityName",
        args=(("PageSize", 100),),
        remarks=lambda row, _: ("It may send.",) if row.get("SendingEnabled") is True else (),
    ),
    Reader(
        kind="database",
        service="rds",
        call="describe_db_instances",
        asks=("rds:DescribeDBInstances",),
        path=("DBInstances",),
        id="DBInstanceIdentifier",
        dates=(("InstanceCreateTime", "Made"),),
        remarks=_database,
    ),
    Reader(
        kind="database_snapshot",
        service="rds",
        call="describe_db_snapshots",
        asks=("rds:DescribeDBSnapshots",),
        path=("DBSnapshots",),
        id="DBSnapshotIdentifier",
        args=(("SnapshotType", "manual"),),
        dates=(("SnapshotCreateTime", "Made"),),
    ),
)

GRANTS = readers.grants(READERS)


def take(where: Where, regions: Sequence[str], table: Sequence[Reader] = READERS) -> tuple[list[Json], list[str]]:
    """Take stock of regions: give the findings' ``stock`` and the sentences of what is not known.

    Every kind of every region is a question of its own; all are asked within the time of ``where``, whose region is not
    looked at. Raises nothing.
    """
    # By kind, so that what matters most has been asked everywhere when the time ends.
    questions = [
        readers.question(reader, replace(where, region=region), region) for reader in table for region in regions
    ]
    answers = asking.ask(questions, where.deadline)
    things = [thing for found in answers.given for thing in found.things]
    return things, [*readers.told(answers.given), *asking.sentences(answers.missed)]

"""How a record names what it made, changed or removed, and how a person looks at it and takes it back.

A table of ours: one row for a kind of event. ``{…}`` in a line is a value from the record (``request.userName``), or
``id`` (what the row found), ``region``, ``partition``, ``account``. Where a thing can be switched off, the line that
takes it back does that and not more: what is there is evidence. Where taking it back could break what the owner
needs, there is no line.

May touch: nothing.
Never: deletes what can be disabled.
"""

from __future__ import annotations

from dataclasses import dataclass

MADE, CHANGED, REMOVED = "made", "changed", "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What an event does: to which ``kind`` of thing, where its ``ids`` and its ``arn`` stand in the record.

    ``ids`` is a path; ``[]`` in it goes through a list. ``look`` and ``undo`` are the words after ``aws``,
    ``console`` the part of an address after the console's host. ``note`` is a sentence for the reader. ``nowhere``
    says that the service has no regions.
    """

    service: str
    names: tuple[str, ...]
    kind: str
    ids: str
    change: str = MADE
    arn: str = ""
    look: str = ""
    undo: str = ""
    console: str = ""
    note: str = ""
    nowhere: bool = False


def _row(service: str, names: str, kind: str, ids: str, **more: str) -> Making:
    return Making(service=service, names=tuple(names.split()), kind=kind, ids=ids, **more)  # type: ignore[arg-type]  # texts only


def _iam(names: str, kind: str, ids: str, **more: str) -> Making:
    return Making(service="iam", names=tuple(names.split()), kind=kind, ids=ids, nowhere=True, **more)


_EC2 = "ec2/home?region={region}#"
_USERS = "iam/home#/users/details/{request.userName}"
_ROLES = "iam/home#/roles/details/{request.roleName}"
_DENY_ALL = "--policy-arn=arn:{partition}:iam::aws:policy/AWSDenyAll"
_SHUT = (
    "s3api put-public-access-block --bucket={id} --public-access-block-configuration="
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
)
_BUCKET = "s3/buckets/{id}?region={region}&tab=permissions"
_FUNCTION = "lambda/home?region={region}#/functions/{id}"
_STILL_COSTS = "What runs already goes on; stop it too."

_ON_EC2 = (
    _row(
        "ec2",
        "RunInstances",
        "instance",
        "response.instancesSet.items[].instanceId",
        look="ec2 describe-instances --instance-ids={id}",
        undo="ec2 stop-instances --instance-ids={id}",
        console=_EC2 + "InstanceDetails:instanceId={id}",
    ),
    _row(
        "ec2",
        "StartInstances StopInstances RebootInstances",
        "instance",
        "request.instancesSet.items[].instanceId",
        change=CHANGED,
        look="ec2 describe-instances --instance-ids={id}",
        console=_EC2 + "InstanceDetails:instanceId={id}",
    ),
    _row(
        "ec2",
        "TerminateInstances",
        "instance",
        "request.instancesSet.items[].instanceId",
        change=REMOVED,
        look="ec2 describe-instances --instance-ids={id}",
    ),
    _row(
        "ec2",
        "ModifyInstanceAttribute ModifyInstanceMetadataOptions",
        "instance",
        "request.instanceId",
        change=CHANGED,
        look="ec2 describe-instances --instance-ids={id}",
        console=_EC2 + "InstanceDetails:instanceId={id}",
        note="Compare its user data and groups with what they should be, before it is started again.",
    ),
    _row(
        "ec2",
        "RequestSpotInstances",
        "spot_request",
        "response.spotInstanceRequestSet.items[].spotInstanceRequestId",
        look="ec2 describe-spot-instance-requests --spot-instance-request-ids={id}",
        undo="ec2 cancel-spot-instance-requests --spot-instance-request-ids={id}",
        note=_STILL_COSTS,
    ),
    _row(
        "ec2",
        "RequestSpotFleet",
        "spot_fleet",
        "response.spotFleetRequestId",
        look="ec2 describe-spot-fleet-requests --spot-fleet-request-ids={id}",
        undo="ec2 cancel-spot-fleet-requests --spot-fleet-request-ids={id} --no-terminate-instances",
        note=_STILL_COSTS,
    ),
    _row(
        "ec2",
        "CreateSecurityGroup",
        "security_group",
        "response.groupId",
        look="ec2 describe-security-groups --group-ids={id}",
        undo="ec2 delete-security-group --group-id={id}",
        console=_EC2 + "SecurityGroup:groupId={id}",
    ),
    _row(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        "security_group_rule",
        "response.securityGroupRuleSet.items[].securityGroupRuleId",
        change=MADE,
        look="ec2 describe-security-group-rules --security-group-rule-ids={id}",
        undo="ec2 revoke-security-group-ingress --group-id={request.groupId} --security-group-rule-ids={id}",
        console=_EC2 + "SecurityGroup:groupId={request.groupId}",
    ),
    _row(
        "ec2",
        "AuthorizeSecurityGroupEgress",
        "security_group_rule",
        "response.securityGroupRuleSet.items[].securityGroupRuleId",
        change=MADE,
        look="ec2 describe-security-group-rules --security-group-rule-ids={id}",
        undo="ec2 revoke-security-group-egress --group-id={request.groupId} --security-group-rule-ids={id}",
        console=_EC2 + "SecurityGroup:groupId={request.groupId}",
    ),
    _row(
        "ec2",
        "CreateImage CopyImage RegisterImage",
        "image",
        "response.imageId",
        look="ec2 describe-images --image-ids={id}",
        undo="ec2 disable-image --image-id={id}",
        console=_EC2 + "ImageDetails:imageId={id}",
    ),
    _row(
        "ec2",
        "ModifyImageAttribute",
        "image",
        "request.imageId",
        change=CHANGED,
        look="ec2 describe-image-attribute --image-id={id} --attribute=launchPermission",
        undo="ec2 reset-image-attribute --image-id={id} --attribute=launchPermission",
        console=_EC2 + "ImageDetails:imageId={id}",
        note="Whoever copied it meanwhile keeps the copy.",
    ),
    _row(
        "ec2",
        "CreateSnapshot CopySnapshot",
        "snapshot",
        "response.snapshotId",
        look="ec2 describe-snapshots --snapshot-ids={id}",
        undo="ec2 delete-snapshot --snapshot-id={id}",
        console=_EC2 + "SnapshotDetails:snapshotId={id}",
    ),
    _row(
        "ec2",
        "ModifySnapshotAttribute",
        "snapshot",
        "request.snapshotId",
        change=CHANGED,
        look="ec2 describe-snapshot-attribute --snapshot-id={id} --attribute=createVolumePermission",
        undo="ec2 reset-snapshot-attribute --snapshot-id={id} --attribute=createVolumePermission",
        console=_EC2 + "SnapshotDetails:snapshotId={id}",
        note="Whoever copied it meanwhile keeps the copy.",
    ),
    _row(
        "ec2",
        "CreateVolume",
        "volume",
        "response.volumeId",
        look="ec2 describe-volumes --volume-ids={id}",
        undo="ec2 delete-volume --volume-id={id}",
        console=_EC2 + "VolumeDetails:volumeId={id}",
    ),
    _row(
        "ec2",
        "CreateKeyPair ImportKeyPair",
        "key_pair",
        "request.keyName",
        look="ec2 describe-key-pairs --key-names={id}",
        undo="ec2 delete-key-pair --key-name={id}",
        console=_EC2 + "KeyPairs:keyName={id}",
        note="Machines that were started with it still let its owner in.",
    ),
    _row(
        "ec2",
        "CreateLaunchTemplate",
        "launch_template",
        "request.CreateLaunchTemplateRequest.LaunchTemplateName",
        look="ec2 describe-launch-templates --launch-template-names={id}",
        undo="ec2 delete-launch-template --launch-template-name={id}",
    ),
    _row(
        "ec2",
        "CreateVpcPeeringConnection",
        "vpc_peering_connection",
        "response.vpcPeeringConnection.vpcPeeringConnectionId",
        look="ec2 describe-vpc-peering-connections --vpc-peering-connection-ids={id}",
        undo="ec2 delete-vpc-peering-connection --vpc-peering-connection-id={id}",
    ),
    _row(
        "autoscaling",
        "CreateAutoScalingGroup",
        "auto_scaling_group",
        "request.autoScalingGroupName",
        look="autoscaling describe-auto-scaling-groups --auto-scaling-group-names={id}",
        undo="autoscaling suspend-processes --auto-scaling-group-name={id}",
        console=_EC2 + "AutoScalingGroupDetails:id={id}",
        note=_STILL_COSTS,
    ),
    _row(
        "ssm",
        "SendCommand",
        "command",
        "response.command.commandId",
        look="ssm list-command-invocations --command-id={id} --details",
        undo="ssm cancel-command --command-id={id}",
        console="systems-manager/run-command/{id}?region={region}",
        note="What it did on the machines stays done.",
    ),
    _row(
        "ssm",
        "StartSession",
        "shell_session",
        "response.sessionId",
        look="ssm describe-sessions --state=History --filters=key=SessionId,value={id}",
        undo="ssm terminate-session --session-id={id}",
    ),
    _row(
        "ssm",
        "CreateAssociation",
        "association",
        "response.associationDescription.associationId",
        look="ssm describe-association --association-id={id}",
        undo="ssm delete-association --association-id={id}",
    ),
)

_IN_IAM = (
    _iam(
        "CreateUser",
        "user",
        "request.userName",
        arn="response.user.arn",
        look="iam get-user --user-name={id}",
        undo="iam attach-user-policy --user-name={id} " + _DENY_ALL,
        console=_USERS,
    ),
    _iam("DeleteUser", "user", "request.userName", change=REMOVED),
    _iam(
        "CreateAccessKey",
        "access_key",
        "response.accessKey.accessKeyId",
        look="iam list-access-keys --user-name={response.accessKey.userName}",
        console="iam/home#/users/details/{response.accessKey.userName}",
    ),
    _iam("DeleteAccessKey", "access_key", "request.accessKeyId", change=REMOVED),
    _iam(
        "UpdateAccessKey",
        "access_key",
        "request.accessKeyId",
        change=CHANGED,
        look="iam list-access-keys --user-name={request.userName}",
        console=_USERS,
    ),
    _iam(
        "CreateLoginProfile",
        "login_profile",
        "request.userName",
        look="iam get-login-profile --user-name={id}",
        undo="iam delete-login-profile --user-name={id}",
        console=_USERS,
    ),
    _iam(
        "UpdateLoginProfile",
        "login_profile",
        "request.userName",
        change=CHANGED,
        look="iam get-login-profile --user-name={id}",
        undo="iam delete-login-profile --user-name={id}",
        console=_USERS,
        note="The owner needs a new password afterwards.",
    ),
    _iam("DeleteLoginProfile", "login_profile", "request.userName", change=REMOVED),
    _iam(
        "CreateRole",
        "role",
        "request.roleName",
        arn="response.role.arn",
        look="iam get-role --role-name={id}",
        undo="iam attach-role-policy --role-name={id} " + _DENY_ALL,
        console=_ROLES,
    ),
    _iam("DeleteRole", "role", "request.roleName", change=REMOVED),
    _iam(
        "UpdateAssumeRolePolicy",
        "role",
        "request.roleName",
        change=CHANGED,
        look="iam get-role --role-name={id} --query=Role.AssumeRolePolicyDocument",
        console=_ROLES,
        note="Put the earlier trust policy back, and look who assumed the role since.",
    ),
    _iam(
        "AttachUserPolicy",
        "policy_of_user",
        "request.policyArn",
        look="iam list-attached-user-policies --user-name={request.userName}",
        undo="iam detach-user-policy --user-name={request.userName} --policy-arn={id}",
        console=_USERS,
        note="Attached to the user {request.userName}.",
    ),
    _iam(
        "AttachRolePolicy",
        "policy_of_role",
        "request.policyArn",
        look="iam list-attached-role-policies --role-name={request.roleName}",
        undo="iam detach-role-policy --role-name={request.roleName} --policy-arn={id}",
        console=_ROLES,
        note="Attached to the role {request.roleName}.",
    ),
    _iam(
        "AttachGroupPolicy",
        "policy_of_group",
        "request.policyArn",
        look="iam list-attached-group-policies --group-name={request.groupName}",
        undo="iam detach-group-policy --group-name={request.groupName} --policy-arn={id}",
        note="Attached to the group {request.groupName}.",
    ),
    _iam(
        "PutUserPolicy",
        "inline_policy_of_user",
        "request.policyName",
        look="iam get-user-policy --user-name={request.userName} --policy-name={id}",
        undo="iam delete-user-policy --user-name={request.userName} --policy-name={id}",
        console=_USERS,
        note="Of the user {request.userName}.",
    ),
    _iam(
        "PutRolePolicy",
        "inline_policy_of_role",
        "request.policyName",
        look="iam get-role-policy --role-name={request.roleName} --policy-name={id}",
        undo="iam delete-role-policy --role-name={request.roleName} --policy-name={id}",
        console=_ROLES,
        note="Of the role {request.roleName}.",
    ),
    _iam(
        "PutGroupPolicy",
        "inline_policy_of_group",
        "request.policyName",
        look="iam get-group-policy --group-name={request.groupName} --policy-name={id}",
        undo="iam delete-group-policy --group-name={request.groupName} --policy-name={id}",
        note="Of the group {request.groupName}.",
    ),
    _iam(
        "CreatePolicy",
        "policy",
        "response.policy.arn",
        look="iam get-policy --policy-arn={id}",
        undo="iam delete-policy --policy-arn={id}",
        console="iam/home#/policies/details/{id}",
    ),
    _iam("DeletePolicy", "policy", "request.policyArn", change=REMOVED),
    _iam(
        "CreatePolicyVersion SetDefaultPolicyVersion",
        "policy",
        "request.policyArn",
        change=CHANGED,
        look="iam list-policy-versions --policy-arn={id}",
        console="iam/home#/policies/details/{id}",
        note="Everybody with this policy has other rights; set the earlier version as default.",
    ),
    _iam(
        "AddUserToGroup",
        "member_of_group",
        "request.userName",
        look="iam list-groups-for-user --user-name={id}",
        undo="iam remove-user-from-group --user-name={id} --group-name={request.groupName}",
        console=_USERS,
        note="In the group {request.groupName}.",
    ),
    _iam(
        "AddRoleToInstanceProfile",
        "role_of_instance_profile",
        "request.roleName",
        look="iam get-instance-profile --instance-profile-name={request.instanceProfileName}",
        undo=(
            "iam remove-role-from-instance-profile --instance-profile-name={request.instanceProfileName} "
            "--role-name={id}"
        ),
        note="In the instance profile {request.instanceProfileName}.",
    ),
    _iam(
        "CreateSAMLProvider",
        "saml_provider",
        "response.sAMLProviderArn",
        look="iam get-saml-provider --saml-provider-arn={id}",
        undo="iam delete-saml-provider --saml-provider-arn={id}",
        console="iam/home#/identity_providers",
    ),
    _iam(
        "CreateOpenIDConnectProvider",
        "open_id_connect_provider",
        "response.openIDConnectProviderArn",
        look="iam get-open-id-connect-provider --open-id-connect-provider-arn={id}",
        undo="iam delete-open-id-connect-provider --open-id-connect-provider-arn={id}",
        console="iam/home#/identity_providers",
    ),
    _iam(
        "CreateServiceSpecificCredential",
        "service_specific_credential",
        "response.serviceSpecificCredential.serviceSpecificCredentialId",
        look="iam list-service-specific-credentials --user-name={request.userName}",
        undo=(
            "iam update-service-specific-credential --user-name={request.userName} "
            "--service-specific-credential-id={id} --status=Inactive"
        ),
        console=_USERS,
    ),
    _iam(
        "UploadSSHPublicKey",
        "ssh_public_key",
        "response.sSHPublicKey.sSHPublicKeyId",
        look="iam list-ssh-public-keys --user-name={request.userName}",
        undo="iam update-ssh-public-key --user-name={request.userName} --ssh-public-key-id={id} --status=Inactive",
        console=_USERS,
    ),
    _row(
        "rolesanywhere",
        "CreateTrustAnchor",
        "trust_anchor",
        "response.trustAnchor.trustAnchorId",
        look="rolesanywhere get-trust-anchor --trust-anchor-id={id}",
        undo="rolesanywhere disable-trust-anchor --trust-anchor-id={id}",
    ),
    _row(
        "rolesanywhere",
        "CreateProfile",
        "roles_anywhere_profile",
        "response.profile.profileId",
        look="rolesanywhere get-profile --profile-id={id}",
        undo="rolesanywhere disable-profile --profile-id={id}",
    ),
)

_THAT_RUNS = (
    _row(
        "lambda",
        "CreateFunction",
        "function",
        "request.functionName",
        arn="response.functionArn",
        look="lambda get-function --function-name={id}",
        undo="lambda put-function-concurrency --function-name={id} --reserved-concurrent-executions=0",
        console=_FUNCTION,
    ),
    _row(
        "lambda",
        "UpdateFunctionCode UpdateFunctionConfiguration",
        "function",
        "request.functionName",
        change=CHANGED,
        arn="response.functionArn",
        look="lambda get-function --function-name={id}",
        console=_FUNCTION,
        note="Deploy the code again that should be there.",
    ),
    _row("lambda", "DeleteFunction", "function", "request.functionName", change=REMOVED),
    _row(
        "lambda",
        "AddPermission",
        "permission_of_function",
        "request.statementId",
        look="lambda get-policy --function-name={request.functionName}",
        undo="lambda remove-permission --function-name={request.functionName} --statement-id={id}",
        console="lambda/home?region={region}#/functions/{request.functionName}",
        note="On the function {request.functionName}.",
    ),
    _row(
        "lambda",
        "CreateFunctionUrlConfig UpdateFunctionUrlConfig",
        "function_url",
        "request.functionName",
        look="lambda get-function-url-config --function-name={id}",
        undo="lambda delete-function-url-config --function-name={id}",
        console=_FUNCTION,
    ),
    _row(
        "lambda",
        "CreateEventSourceMapping",
        "event_source_mapping",
        "response.uUID",
        look="lambda get-event-source-mapping --uuid={id}",
        undo="lambda update-event-source-mapping --uuid={id} --no-enabled",
    ),
    _row(
        "lambda",
        "PublishLayerVersion",
        "layer_version",
        "response.layerVersionArn",
        look="lambda get-layer-version-by-arn --arn={id}",
        undo="lambda delete-layer-version --layer-name={request.layerName} --version-number={response.version}",
    ),
    _row(
        "cloudformation",
        "CreateStack",
        "stack",
        "request.stackName",
        arn="response.stackId",
        look="cloudformation describe-stack-resources --stack-name={id}",
        undo="cloudformation delete-stack --stack-name={id}",
        console="cloudformation/home?region={region}#/stacks",
    ),
    _row(
        "ecs",
        "CreateCluster",
        "cluster",
        "response.cluster.clusterName",
        arn="response.cluster.clusterArn",
        look="ecs describe-clusters --clusters={id}",
        undo="ecs delete-cluster --cluster={id}",
    ),
    _row(
        "ecs",
        "RegisterTaskDefinition",
        "task_definition",
        "response.taskDefinition.taskDefinitionArn",
        look="ecs describe-task-definition --task-definition={id}",
        undo="ecs deregister-task-definition --task-definition={id}",
    ),
    _row(
        "ecs",
        "RunTask",
        "task",
        "response.tasks[].taskArn",
        look="ecs describe-tasks --cluster={request.cluster} --tasks={id}",
        undo="ecs stop-task --cluster={request.cluster} --task={id}",
    ),
    _row(
        "ecs",
        "CreateService",
        "service",
        "response.service.serviceName",
        arn="response.service.serviceArn",
        look="ecs describe-services --cluster={request.cluster} --services={id}",
        undo="ecs update-service --cluster={request.cluster} --service={id} --desired-count=0",
    ),
    _row(
        "ecr",
        "CreateRepository",
        "repository",
        "response.repository.repositoryName",
        look="ecr describe-repositories --repository-names={id}",
        undo="ecr delete-repository --repository-name={id}",
    ),
    _row(
        "ecr",
        "SetRepositoryPolicy",
        "repository",
        "request.repositoryName",
        change=CHANGED,
        look="ecr get-repository-policy --repository-name={id}",
        undo="ecr delete-repository-policy --repository-name={id}",
    ),
    _row(
        "lightsail",
        "CreateInstances",
        "lightsail_instance",
        "request.instanceNames[]",
        look="lightsail get-instance --instance-name={id}",
        undo="lightsail stop-instance --instance-name={id}",
        console="ls/webapp/{region}/instances/{id}/connect",
    ),
    _row(
        "sagemaker",
        "CreateNotebookInstance",
        "notebook",
        "request.notebookInstanceName",
        look="sagemaker describe-notebook-instance --notebook-instance-name={id}",
        undo="sagemaker stop-notebook-instance --notebook-instance-name={id}",
        console="sagemaker/home?region={region}#/notebook-instances/{id}",
    ),
    _row(
        "sagemaker",
        "CreateTrainingJob",
        "training_job",
        "request.trainingJobName",
        look="sagemaker describe-training-job --training-job-name={id}",
        undo="sagemaker stop-training-job --training-job-name={id}",
    ),
    _row(
        "sagemaker",
        "CreateProcessingJob",
        "processing_job",
        "request.processingJobName",
        look="sagemaker describe-processing-job --processing-job-name={id}",
        undo="sagemaker stop-processing-job --processing-job-name={id}",
    ),
    _row(
        "eks",
        "CreateAccessEntry",
        "access_entry",
        "request.principalArn",
        look="eks describe-access-entry --cluster-name={request.name} --principal-arn={id}",
        undo="eks delete-access-entry --cluster-name={request.name} --principal-arn={id}",
    ),
    _row(
        "events",
        "PutRule",
        "rule",
        "request.name",
        look="events describe-rule --name={id}",
        undo="events disable-rule --name={id}",
    ),
    _row(
        "events",
        "DisableRule",
        "rule",
        "request.name",
        change=CHANGED,
        look="events describe-rule --name={id}",
        undo="events enable-rule --name={id}",
    ),
    _row(
        "codebuild",
        "CreateProject",
        "build_project",
        "request.name",
        look="codebuild batch-get-projects --names={id}",
        undo="codebuild delete-project --name={id}",
    ),
    _row(
        "transfer",
        "CreateServer",
        "file_server",
        "response.serverId",
        look="transfer describe-server --server-id={id}",
        undo="transfer stop-server --server-id={id}",
    ),
)

_OF_DATA = (
    _row(
        "s3",
        "CreateBucket",
        "bucket",
        "request.bucketName",
        look="s3api get-bucket-location --bucket={id}",
        undo=_SHUT,
        console=_BUCKET,
    ),
    _row(
        "s3",
        "PutBucketPolicy PutBucketAcl DeleteBucketPublicAccessBlock PutBucketPublicAccessBlock",
        "bucket",
        "request.bucketName",
        change=CHANGED,
        look="s3api get-bucket-policy-status --bucket={id}",
        undo=_SHUT,
        console=_BUCKET,
        note="The line ends what is public; an account that is named in the policy may still read.",
    ),
    _row(
        "s3",
        "PutBucketReplication",
        "bucket",
        "request.bucketName",
        change=CHANGED,
        look="s3api get-bucket-replication --bucket={id}",
        undo="s3api delete-bucket-replication --bucket={id}",
        console=_BUCKET,
    ),
    _row(
        "s3",
        "PutBucketLifecycle PutBucketLifecycleConfiguration",
        "bucket",
        "request.bucketName",
        change=CHANGED,
        look="s3api get-bucket-lifecycle-configuration --bucket={id}",
        undo="s3api delete-bucket-lifecycle --bucket={id}",
        console=_BUCKET,
        note="Whatever rules were there before are gone too.",
    ),
    _row(
        "s3",
        "PutBucketVersioning",
        "bucket",
        "request.bucketName",
        change=CHANGED,
        look="s3api get-bucket-versioning --bucket={id}",
        undo="s3api put-bucket-versioning --bucket={id} --versioning-configuration=Status=Enabled",
        console=_BUCKET,
    ),
    _row("s3", "DeleteBucket", "bucket", "request.bucketName", change=REMOVED),
    _row(
        "rds",
        "CreateDBInstance RestoreDBInstanceFromDBSnapshot RestoreDBInstanceFromS3",
        "database",
        "request.dBInstanceIdentifier",
        look="rds describe-db-instances --db-instance-identifier={id}",
        undo="rds stop-db-instance --db-instance-identifier={id}",
        console="rds/home?region={region}#database:id={id}",
    ),
    _row(
        "rds",
        "ModifyDBInstance",
        "database",
        "request.dBInstanceIdentifier",
        change=CHANGED,
        look="rds describe-db-instances --db-instance-identifier={id}",
        console="rds/home?region={region}#database:id={id}",
        note="Set the master password anew if it was changed.",
    ),
    _row("rds", "DeleteDBInstance", "database", "request.dBInstanceIdentifier", change=REMOVED),
    _row(
        "rds",
        "CreateDBSnapshot",
        "database_snapshot",
        "request.dBSnapshotIdentifier",
        look="rds describe-db-snapshots --db-snapshot-identifier={id}",
        undo="rds delete-db-snapshot --db-snapshot-identifier={id}",
    ),
    _row(
        "rds",
        "ModifyDBSnapshotAttribute",
        "database_snapshot",
        "request.dBSnapshotIdentifier",
        change=CHANGED,
        look="rds describe-db-snapshot-attributes --db-snapshot-identifier={id}",
        undo=(
            "rds modify-db-snapshot-attribute --db-snapshot-identifier={id} --attribute-name=restore "
            "--values-to-remove=all"
        ),
        note="The line ends what is public; remove each account that the look shows as well.",
    ),
    _row(
        "secretsmanager",
        "PutResourcePolicy",
        "secret",
        "request.secretId",
        change=CHANGED,
        look="secretsmanager get-resource-policy --secret-id={id}",
        undo="secretsmanager delete-resource-policy --secret-id={id}",
    ),
    _row(
        "secretsmanager",
        "DeleteSecret",
        "secret",
        "request.secretId",
        change=REMOVED,
        look="secretsmanager describe-secret --secret-id={id}",
        undo="secretsmanager restore-secret --secret-id={id}",
    ),
    _row(
        "kms",
        "ScheduleKeyDeletion",
        "kms_key",
        "request.keyId",
        change=REMOVED,
        look="kms describe-key --key-id={id}",
        undo="kms cancel-key-deletion --key-id={id}",
        console="kms/home?region={region}#/kms/keys/{id}",
    ),
    _row(
        "kms",
        "DisableKey",
        "kms_key",
        "request.keyId",
        change=CHANGED,
        look="kms describe-key --key-id={id}",
        undo="kms enable-key --key-id={id}",
        console="kms/home?region={region}#/kms/keys/{id}",
    ),
    _row(
        "kms",
        "CreateGrant",
        "kms_grant",
        "response.grantId",
        look="kms list-grants --key-id={request.keyId} --grant-id={id}",
        undo="kms revoke-grant --key-id={request.keyId} --grant-id={id}",
    ),
)

_OF_MAIL_AND_NAMES = (
    _row(
        "ses",
        "VerifyEmailIdentity",
        "mail_identity",
        "request.emailAddress",
        look="ses get-identity-verification-attributes --identities={id}",
        undo="ses delete-identity --identity={id}",
    ),
    _row(
        "ses",
        "CreateEmailIdentity",
        "mail_identity",
        "request.emailIdentity",
        look="sesv2 get-email-identity --email-identity={id}",
        undo="sesv2 delete-email-identity --email-identity={id}",
    ),
    _row(
        "route53domains",
        "RegisterDomain",
        "domain",
        "request.domainName",
        look="route53domains get-domain-detail --domain-name={id}",
        undo="route53domains disable-domain-auto-renew --domain-name={id}",
        note="What it cost is not paid back.",
    ),
)

_THAT_WATCHES = (
    _row(
        "cloudtrail",
        "StopLogging",
        "trail",
        "request.name",
        change=CHANGED,
        look="cloudtrail get-trail-status --name={id}",
        undo="cloudtrail start-logging --name={id}",
        console="cloudtrailv2/home?region={region}#/trails",
    ),
    _row(
        "cloudtrail",
        "DeleteTrail",
        "trail",
        "request.name",
        change=REMOVED,
        look="cloudtrail describe-trails",
        console="cloudtrailv2/home?region={region}#/trails",
        note="Make it anew: what it did not record meanwhile stays missing in its bucket.",
    ),
    _row(
        "cloudtrail",
        "UpdateTrail",
        "trail",
        "request.name",
        change=CHANGED,
        look="cloudtrail get-trail --name={id}",
        console="cloudtrailv2/home?region={region}#/trails",
    ),
    _row(
        "cloudtrail",
        "PutEventSelectors PutInsightSelectors",
        "trail",
        "request.trailName",
        change=CHANGED,
        look="cloudtrail get-event-selectors --trail-name={id}",
        console="cloudtrailv2/home?region={region}#/trails",
    ),
    _row(
        "guardduty",
        "DeleteDetector",
        "detector",
        "request.detectorId",
        change=REMOVED,
        look="guardduty list-detectors",
        undo="guardduty create-detector --enable",
        console="guardduty/home?region={region}#/settings",
    ),
    _row(
        "guardduty",
        "UpdateDetector",
        "detector",
        "request.detectorId",
        change=CHANGED,
        look="guardduty get-detector --detector-id={id}",
        undo="guardduty update-detector --detector-id={id} --enable",
        console="guardduty/home?region={region}#/settings",
    ),
    _row(
        "guardduty",
        "CreateIPSet",
        "trusted_addresses",
        "response.ipSetId",
        look="guardduty get-ip-set --detector-id={request.detectorId} --ip-set-id={id}",
        undo="guardduty update-ip-set --detector-id={request.detectorId} --ip-set-id={id} --no-activate",
    ),
    _row(
        "guardduty",
        "CreateFilter",
        "filter",
        "request.name",
        look="guardduty get-filter --detector-id={request.detectorId} --filter-name={id}",
        undo="guardduty delete-filter --detector-id={request.detectorId} --filter-name={id}",
    ),
    _row(
        "config",
        "StopConfigurationRecorder",
        "configuration_recorder",
        "request.configurationRecorderName",
        change=CHANGED,
        look="configservice describe-configuration-recorder-status",
        undo="configservice start-configuration-recorder --configuration-recorder-name={id}",
    ),
)

#: Every row, by service (without ``.amazonaws.com``) and event name (without a version).
MAKINGS: dict[tuple[str, str], Making] = {
    (row.service, name): row
    for rows in (_ON_EC2, _IN_IAM, _THAT_RUNS, _OF_DATA, _OF_MAIL_AND_NAMES, _THAT_WATCHES)
    for row in rows
    for name in row.names
}

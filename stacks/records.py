"""Where the responder keeps its records: the incident table, and the evidence bucket.

Neither depends on the customer key: an attacker who breaks a key must not stop a cut by it, nor make evidence
unreadable.

May touch: nothing in an account; it defines resources.
Never: is deleted with the stack.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.explained import explain


class Records(Construct):
    """The incident table, with point-in-time recovery."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Incidents",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.DEFAULT,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


class Evidence(Construct):
    """The evidence bucket: every version of every object is locked for some days, against everybody.

    The lock is in governance mode, whose way around, ``s3:BypassGovernanceRetention``, the bucket denies to all. So
    nobody deletes evidence by a slip or with one stolen permission, and the owner of the account, who can change the
    bucket's policy, is not bound for years by a mistake, as in compliance mode.
    """

    def __init__(self, scope: Construct, construct_id: str, *, days: int) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.governance(cdk.Duration.days(days)),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NobodyGoesAroundTheLock",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:BypassGovernanceRetention"],
                resources=[self.bucket.arn_for_objects("*")],
            )
        )
        assert self.bucket.policy  # noqa: S101  (made by the line above)
        self.bucket.policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN)  # or the lock's way around comes back
        explain(
            self.bucket,
            "S1",
            "Server access logs come late and need a second bucket, which nothing locks; who reads evidence is seen in "
            "CloudTrail, where the owner records S3 data events.",
        )

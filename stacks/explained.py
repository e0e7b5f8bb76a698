"""The one way to answer a finding of cdk-nag or cfn-lint: for one resource, with a reason.

May touch: nothing in an account.
Never: silences a rule for a whole stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

if TYPE_CHECKING:
    from constructs import Construct


def lint(resource: Construct, **reasons: str) -> None:
    """Have cfn-lint pass over checks on one resource: check=reason; the reasons go into the template with them."""
    generated = resource.node.default_child
    assert isinstance(generated, cdk.CfnResource)  # noqa: S101  (every construct given here wraps one)
    generated.add_metadata("cfn-lint", {"config": {"ignore_checks": list(reasons)}, "reasons": reasons})


def explain(resource: Construct, finding: str, reason: str) -> None:
    """Acknowledge one finding (``SQS3``, ``IAM5[Resource::*]``) of the AWS Solutions rules on one resource."""
    acknowledgment = cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason)
    cdk.Validations.of(resource).acknowledge(acknowledgment)

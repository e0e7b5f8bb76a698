"""Print the guard of one account: the policy alone to standard output, everything else to standard error.

``make guard`` calls it: ``python -m stacks.print_guard <account> <deployers> <break-glass> [<operators>]``.

May touch: nothing; a person attaches what it prints.
Never: prints a policy that AWS would refuse for its length, or one that lets a pattern through.
"""

from __future__ import annotations

import sys

from stacks import fixed, guard

USAGE = """\
make guard ACCOUNT=<12 digits> DEPLOY_ROLE=<arn,…> BREAK_GLASS=<arn,…> [OPERATORS=<arn,…>]

  DEPLOY_ROLE  the roles that deploy the stack. `cdk deploy` works with two: its deploy role calls CloudFormation, its
               cfn-exec role makes what is in the stack. Name both, and the role in this account, if it is one, that
               runs `cdk deploy`. They may change the stack, and neither lift a deny nor start a workflow.
  BREAK_GLASS  users or roles that may repair or remove the responder when nothing else works.
  OPERATORS    users or roles that may start its workflows: contain, answer and restore. They may do nothing else."""

ATTACH = """\
In the organisation's management account (or a delegated administrator), with this policy in guard.json:

  aws organizations create-policy --type SERVICE_CONTROL_POLICY --name {name} \\
    --description "Only the responder touches what is the responder's" --content file://guard.json
  aws organizations attach-policy --target-id {account} --policy-id <the id that create-policy printed>

Before: look that nobody else's role is under the responder's path, which the policy lets through:

  aws iam list-roles --path-prefix {path} --query "Roles[].Arn"

Keep the JSON as it is: AWS counts blanks. It has {size} of the {limit} characters that AWS takes.
To take it off again: aws organizations detach-policy, from the management account."""

CANNOT = """\
What it cannot do:

- It does not bind the organisation's management account, nor service-linked roles, nor AWS' services themselves. It
  does bind the root user of this account, which therefore repairs nothing; the management account does.
- IAM has no condition that would hold these calls to what is the responder's, so they stay allowed to everybody who
  has them: iam:UpdateAccessKey (a disabled key becomes active), iam:PutRolePolicy and iam:DeleteRolePolicy (a session's
  deny goes), iam:PutUserPermissionsBoundary and iam:PutRolePermissionsBoundary (another boundary replaces AWSDenyAll).
  Against these the hold is there: after a cut the responder looks again several times a second and repeats what was
  undone. Whom AWSDenyAll denies cannot make them once IAM enforces it; somebody else with these rights can.
- states:SendTask* has no resource either. It needs a token, and the workflow believes the incident table, not that.
- It does not guard what the responder changes on instances: security groups, interfaces, snapshots, profiles. Nor where
  signals come from: GuardDuty, the trail.
- A change of a service control policy takes effect with a delay, and so does its removal.
- Whoever may act as one of the principals named here is let through. The guard keeps others in this account from
  assuming, passing or changing DEPLOY_ROLE and BREAK_GLASS; it does not bind other accounts or identity providers that
  they trust. Who assumes them from within this account must be named as well. An operator's role is kept from change,
  not from being assumed: let it trust few.
- A CDK cfn-exec role stays with each stack that was deployed with it: who may update one of those stacks acts as that
  role, and is let through. Bootstrap once more for this stack alone (cdk bootstrap --qualifier tourniquet
  --toolkit-stack-name TourniquetToolkit), deploy with -c @aws-cdk/core:bootstrapQualifier=tourniquet, and name those
  roles. What lies in the CDK's asset bucket is deployed as it is: restrict who may write there.
- It keeps nobody from unsubscribing by the link in a mail, nor from writing to the evidence bucket through an S3 access
  point, which has an ARN of its own."""

SHARED = """\
Note: {role} looks like a role of the CDK's default bootstrap, which other stacks are deployed with too: see
the last point but one above."""

_ARGUMENTS = (3, 4)
_DEFAULT_BOOTSTRAP = "role/cdk-hnb659fds-"


def main(arguments: list[str]) -> int:
    """Print the policy and how to attach it, or what is wrong with what was given."""
    if len(arguments) not in _ARGUMENTS:
        _say(USAGE)
        return 2
    account, deployers, break_glass, *operators = arguments
    try:
        whom = guard.named(account=account, deployers=deployers, break_glass=break_glass, operators="".join(operators))
        written = guard.text(whom)
    except guard.GuardError as error:
        for sentence in str(error).splitlines():
            _say(f"guard: {sentence}")
        _say(f"\n{USAGE}")
        return 1
    print(written)  # noqa: T201  (the product of the command)
    attach = ATTACH.format(
        name="TourniquetGuard", account=account, path=fixed.ROLE_PATH, size=len(written), limit=guard.LIMIT
    )
    _say(f"\n{attach}\n\n{CANNOT}")
    for role in whom.deployers:
        if _DEFAULT_BOOTSTRAP in role:
            _say(f"\n{SHARED.format(role=role)}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  (a person reads it)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

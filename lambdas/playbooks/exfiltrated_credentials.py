"""The credentials of an instance, a function or a task are used from somewhere else: they were taken from it.

The one session is denied by its ``aws:userid``; other sessions of the role go on. The workload itself loses
its permissions with that: an instance's session is named after the instance, so fresh credentials of the same
instance are denied as well, and the instance is isolated and kept, as in ``compromised_instance``: who took its
credentials most likely runs code on it. A Lambda function's session is named after the function, so all of it stops.

Below severity 7 a person is asked first: GuardDuty gives Medium when the caller is an account of your own
organisation. Known false alarms of any severity are traffic that leaves through an on-premises gateway (VPN, Outposts)
or a hub VPC in another account; suppress those in GuardDuty by the remote address or account.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

_SEVERE = 7.0

PLAYBOOK = Playbook(
    name="exfiltrated_credentials",
    triggers=(Trigger(source="aws.guardduty", type="UnauthorizedAccess:IAMUser/*CredentialExfiltration*"),),
    actions=(*CUT_OFF, *(name for name in ISOLATE if name not in CUT_OFF)),
    modes=((0.0, Mode.APPROVE), (_SEVERE, Mode.CONTAIN)),
    next_steps=(
        (
            "Look at the remote address or account in the finding. If it is your own way out (an on-premises gateway, "
            "a hub VPC, an account of yours), undo the change, and suppress the finding in GuardDuty for that address "
            "or account."
        ),
        (
            "If it is not yours, treat the workload as compromised. A function: set its reserved concurrency to 0. A "
            "task: stop it, and take its image out of use."
        ),
        (
            "Close the way out. On instances it mostly is an application that fetches URLs for others (SSRF): require "
            "IMDSv2 (aws ec2 modify-instance-metadata-options --http-tokens required). In functions and containers "
            "look for the dependency or the log that gave away the environment."
        ),
        (
            "Review CloudTrail for this role's session in every region since the first use from elsewhere: new users, "
            "keys, roles, instances, functions, and roles that it assumed (their sessions are not denied by this). "
            "Reads of S3 objects show only where data events are on."
        ),
        (
            "Start the workload again from an image or code that you trust, under a new role or a new instance, and "
            "rotate the secrets that the role could read."
        ),
        (
            "If the caller is an AWS account that you do not know, report it to AWS Trust & Safety with the JSON of "
            "the finding."
        ),
    ),
    after_instances=STEPS_AFTER_ISOLATION,
)

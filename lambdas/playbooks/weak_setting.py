"""A setting was made weaker: a bucket public, access for anyone to a cluster, a dashboard on the internet.

The setting is the problem, not yet a credential, so nobody is cut off. Severity High means that the door is open now.
If you do not know who changed it, somebody else may have.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="weak_setting",
    triggers=(Trigger(source="aws.guardduty", type="Policy:*"),),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Close it: for S3 switch Block Public Access on, for the bucket or the whole account, after asking whether "
            "the bucket is meant to be public; for Kubernetes remove the role binding of system:anonymous, "
            "system:unauthenticated or the default service account, and take the dashboard off the internet."
        ),
        (
            "Find who changed it: the finding names the caller, and CloudTrail or the cluster's audit log has the "
            "call. If it was not them, or if nobody knows them, start the respond workflow with "
            '{"user_name": "…"} or {"role_name": "…"}.'
        ),
        (
            "See what was reached while it was open: S3 data events or server access logs, the cluster's audit log. "
            "Rotate secrets that lay there."
        ),
    ),
)

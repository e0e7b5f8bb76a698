"""AWS Trust & Safety has a report that resources of this account attack, spam or defraud others.

The report names instances or addresses. Either they are compromised, or somebody who may use the account misuses
it. AWS may block the resources or suspend the account if nobody answers within the time that its mail gives (24 hours
where it gives none). Some reports are about content, such as copyright: then there is nothing to isolate, but the
answer is due all the same. A person is asked whether the instances are to be isolated: only they know the traffic.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

PLAYBOOK = Playbook(
    name="abuse_report",
    triggers=(Trigger(source="aws.health", type="AWS_ABUSE_*"),),
    actions=ISOLATE,
    modes=((0.0, Mode.APPROVE),),
    next_steps=(
        (
            "Find AWS' mail with the report at the account's security contact (or its e-mail address): it holds the "
            "reporter's logs. Note until when it wants an answer."
        ),
        (
            "Check whether the reported traffic is yours (a load test, a scanner, a mailing). If it is, stop it, and "
            "answer as in the next step."
        ),
        (
            "Reply to that mail without changing its subject: what it was, what you did, and how you keep it from "
            "happening again. AWS Support cannot answer for Trust & Safety."
        ),
        "If you do not know the traffic, the instance is compromised: have it isolated, and go on with the next steps.",
    ),
    after_instances=STEPS_AFTER_ISOLATION,
)

"""The root user, or a short-term root session, made calls. No policy of this account can stop either.

Root is rarely needed, so somebody should be able to say what this was. A short-term root session
(``ShortTermRootCredentialUsage``) is taken with AssumeRoot by the organisation's management account or its delegated
administrator for IAM, for one task and at most 15 minutes.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="root_use",
    triggers=(
        Trigger(source="aws.guardduty", type="Policy:IAMUser/RootCredentialUsage"),
        Trigger(source="aws.guardduty", type="Policy:IAMUser/ShortTermRootCredentialUsage"),
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Ask the people who can sign in as root whether one of them did, and for what. If so, use a role for it "
            "next time, and stop here."
        ),
        (
            "If nobody did: sign in as root now, delete its access keys, change its password, replace its MFA device, "
            "and check the account's e-mail address, phone number and alternate contacts. If you cannot sign in, "
            "contact AWS Support. In an organisation, a service control policy can deny root of a member account."
        ),
        (
            "For a short-term root session: look for AssumeRoot in the CloudTrail of the management account and of the "
            "delegated administrator for IAM; contain whoever called it there."
        ),
        (
            "Review CloudTrail for what root did, in every region: root can do everything, also remove this responder. "
            "Check that its rules, its topic and its subscriptions are still there."
        ),
    ),
)

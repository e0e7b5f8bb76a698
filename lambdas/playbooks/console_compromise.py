"""AWS says that somebody else signed in to the account's console. The event names no key and no user.

Nothing can be cut off automatically: who signed in has to be found first. A stolen password is not stopped by
disabling keys; a deny on the user is, because it covers the console too.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="console_compromise",
    triggers=(Trigger(source="aws.health", type="AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE"),),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Read the Health event and the support case that AWS opened: they say when the sign-in was and from where. "
            "Answer the case; AWS may restrict the account until you do."
        ),
        (
            "Find the sign-in: in CloudTrail look up the event name ConsoleLogin around that time, in us-east-1 and in "
            "the regions that you use; userIdentity says who it was."
        ),
        (
            "If it was an IAM user, start the respond workflow with "
            '{"user_name": "…"}; if it was a role, with {"role_name": "…"}. Then give the user a new password and MFA.'
        ),
        (
            "If it was the root user: sign in as root, change its password, delete its access keys, replace its MFA "
            "device, and check the account's e-mail address, phone number and alternate contacts. If you cannot sign "
            "in, contact AWS Support."
        ),
        (
            "If it came through IAM Identity Center: in its console delete the user's active sessions and disable the "
            "user; do the same at the identity provider."
        ),
        (
            "Look for users, login profiles, keys, roles and resources that were made since the sign-in, in every "
            "region, and remove what you do not know."
        ),
    ),
)

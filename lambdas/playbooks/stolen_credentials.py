"""GuardDuty saw a credential used from a known bad address, by an attack tool, or in a severe way.

These findings are about who uses the key, not about what an administrator may have meant: the key is
disabled and its user denied. A finding on a role's session is announced with the steps for it.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF_A_USER, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

_SEVERE = 7.0

PLAYBOOK = Playbook(
    name="stolen_credentials",
    triggers=(
        Trigger(source="aws.guardduty", type="CredentialAccess:IAMUser/CompromisedCredentials"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:IAMUser/*IPCaller*"),
        Trigger(source="aws.guardduty", type="UnauthorizedAccess:IAMUser/*CredentialExfiltration*"),
        Trigger(source="aws.guardduty", type="Recon:IAMUser/*IPCaller*"),
        Trigger(source="aws.guardduty", type="PenTest:IAMUser/*"),
        Trigger(source="aws.guardduty", type="*:IAMUser/*", at_least=_SEVERE),
        Trigger(source="aws.guardduty", type="*:IAM/*", at_least=_SEVERE),
    ),
    actions=CUT_OFF_A_USER,
    mode=Mode.CONTAIN,
    next_steps=STEPS_FOR_A_LEAKED_KEY,
)

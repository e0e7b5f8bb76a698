"""An access key is public, or AWS says that it is compromised: cut it off.

Leaked keys are used within a minute or two. The key is disabled and its user denied everything,
because sessions made from the key outlive it. AWS itself vouches for the signal, so nobody is asked.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF_A_USER, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="exposed_key",
    triggers=(
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_EXPOSED"),
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_COMPROMISED"),
        Trigger(source="aws.health", type="AWS_RISK_IAM_QUARANTINE"),
        Trigger(source="aws.trustedadvisor", type="Exposed Access Keys/[Ee]xposed*"),
        Trigger(source="aws.trustedadvisor", type="Exposed Access Keys/*[Cc]ompromised*"),
    ),
    actions=CUT_OFF_A_USER,
    mode=Mode.CONTAIN,
    next_steps=STEPS_FOR_A_LEAKED_KEY,
)

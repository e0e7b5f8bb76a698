"""An access key is public, or AWS says that it is compromised: cut it off.

Leaked keys are used within a minute or two. The key is disabled and its user denied everything,
because sessions made from the key outlive it. AWS itself vouches for the signal, so nobody is asked and the circuit
breaker lets it pass.

AWS' own quarantine policy on a user (``AWSCompromisedKeyQuarantine…``) says the same and comes first. It denies only
a part of what the user may do and is not containment; leave it attached until AWS closes its case. The record of it
counts only if the caller put the policy on itself, as AWS does it, or if the policy is attached now: anyone can make
a call on another user that is refused and logged.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="exposed_key",
    triggers=(
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_EXPOSED"),
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_COMPROMISED"),
        Trigger(source="aws.health", type="AWS_RISK_IAM_QUARANTINE"),
        Trigger(source="aws.trustedadvisor", type="Exposed Access Keys/[Ee]xposed*"),
        Trigger(source="aws.trustedadvisor", type="Exposed Access Keys/*[Cc]ompromised*"),
        Trigger(source="aws.iam", type="AWSCompromisedKeyQuarantine*"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.CONTAIN),),
    next_steps=STEPS_FOR_A_LEAKED_KEY,
    vouched=True,
)

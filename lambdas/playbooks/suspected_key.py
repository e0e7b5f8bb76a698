"""AWS suspects that a key is exposed or compromised, and is not sure: ask a person.

A suspicion (irregular use, say) is wrong often enough that cutting a production user off for it would
teach people to switch the responder off. The alert holds the plan and the command that approves it.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="suspected_key",
    triggers=(
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED"),
        Trigger(source="aws.health", type="AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED"),
        Trigger(source="aws.trustedadvisor", type="Exposed Access Keys/*"),
    ),
    actions=CUT_OFF,
    modes=((0.0, Mode.APPROVE),),
    next_steps=(
        (
            "Decide whether the key's recent use is yours. If it is not, or if you cannot tell, have the changes "
            "made; if it is, leave them."
        ),
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)

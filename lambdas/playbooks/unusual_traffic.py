"""GuardDuty saw an EC2 instance use a port, a volume of traffic, a resolver or a domain that it never used before.

GuardDuty knows the instance's habits, not the reason for the change: a deployment does this as well as an
attacker. From severity 7 on such a finding is answered by ``compromised_instance``.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import STEP_TO_ISOLATE, Playbook, Trigger

PLAYBOOK = Playbook(
    name="unusual_traffic",
    triggers=(
        Trigger(source="aws.guardduty", type="Behavior:EC2/*"),
        Trigger(source="aws.guardduty", type="DefenseEvasion:EC2/*"),
        Trigger(source="aws.guardduty", type="Impact:EC2/AbusedDomainRequest*"),
        Trigger(source="aws.guardduty", type="Impact:EC2/SuspiciousDomainRequest*"),
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Ask the instance's owner what changed on it: a deployment, an update, a new service. If that explains the "
            "port, address or domain in the finding, suppress it in GuardDuty for this instance, and stop here."
        ),
        (
            "If nobody can explain it, find the process that opens the connection, and look for other findings on this "
            "instance."
        ),
        STEP_TO_ISOLATE,
    ),
)

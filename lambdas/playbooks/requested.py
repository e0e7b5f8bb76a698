"""A person asked for it: contain the key, the user or the role that the request names.

A role that is named is denied as a whole, with every session that it has or will have, whoever uses it. Of a
temporary key only the one session or user behind it is cut off; what goes beyond that is asked about. The request's
``mode`` says otherwise where it is given; what protects a target still protects it. Nothing is done to an instance yet.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="requested",
    triggers=(Trigger(source="manual"),),
    actions=CUT_OFF,
    modes=((0.0, Mode.CONTAIN),),
    next_steps=(
        (
            "If you named a role: see in CloudTrail (AssumeRole) who took its sessions, and contain that principal "
            "too. Everything that uses the role is refused until you undo this."
        ),
        (
            "If you named an instance: isolate it by hand (a security group without rules on each of its network "
            "interfaces), snapshot all of its volumes, and deny its role's session."
        ),
        *STEPS_FOR_A_LEAKED_KEY,
    ),
)

"""A person asked for it: contain the key, the user, the role or the instance that the request names.

A role that is named is denied as a whole, with every session that it has or will have, whoever uses it. Of a
temporary key only the one session or user behind it is cut off; what goes beyond that is asked about. The request's
``mode`` says otherwise where it is given; what protects a target still protects it. An instance that is named is
isolated and kept, as in ``compromised_instance``.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import (
    CUT_OFF,
    ISOLATE,
    STEPS_AFTER_ISOLATION,
    STEPS_FOR_A_LEAKED_KEY,
    Playbook,
    Trigger,
)

PLAYBOOK = Playbook(
    name="requested",
    triggers=(Trigger(source="manual"),),
    actions=(*CUT_OFF, *(name for name in ISOLATE if name not in CUT_OFF)),
    modes=((0.0, Mode.CONTAIN),),
    next_steps=(),
    after_principals=(
        (
            "If you named a role: see in CloudTrail (AssumeRole) who took its sessions, and contain that principal "
            "too. Everything that uses the role is refused until you undo this."
        ),
        *STEPS_FOR_A_LEAKED_KEY,
    ),
    after_instances=STEPS_AFTER_ISOLATION,
)

"""A person asked for it: contain the key or user that the request names.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF_A_USER, STEPS_FOR_A_LEAKED_KEY, Playbook, Trigger

PLAYBOOK = Playbook(
    name="requested",
    triggers=(Trigger(source="manual"),),
    actions=CUT_OFF_A_USER,
    mode=Mode.CONTAIN,
    next_steps=STEPS_FOR_A_LEAKED_KEY,
)

"""A signal of a kind that no playbook answers: tell people, change nothing.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="unknown",
    triggers=(Trigger(source="*"),),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        "Read the event in the console of the service that sent it, and decide what it asks of you.",
        (
            "If it names a key, a user or a role that is not in the right hands, start the respond workflow with "
            '{"access_key_id": "…"}, {"user_name": "…"} or {"role_name": "…"}.'
        ),
    ),
)

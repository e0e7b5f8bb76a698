"""The investigation found it alive: a user, a key, a role, a session or an instance that the credentials made.

A CloudTrail record of a call that succeeded, made with the credentials of the case or with what grew out of them, names
each. So it is contained like the credentials themselves, in the same case; the circuit breaker lets it pass, as an
attacker who makes many users must not be saved by their number. What was there before is spared: of a user of yours who
was given a key by the attacker, the key is disabled, and denying the user is asked about.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import CUT_OFF, ISOLATE, STEPS_AFTER_ISOLATION, Playbook, Trigger

PLAYBOOK = Playbook(
    name="found",
    triggers=(Trigger(source="investigation"),),
    actions=(*CUT_OFF, *(name for name in ISOLATE if name not in CUT_OFF)),
    modes=((0.0, Mode.CONTAIN),),
    vouched=True,
    next_steps=(
        "Read the report of the investigation: it names the record that ties each of these to the credentials.",
        "What the attacker made can be deleted when the evidence is kept: users, keys, roles, instances.",
    ),
    after_instances=STEPS_AFTER_ISOLATION,
)

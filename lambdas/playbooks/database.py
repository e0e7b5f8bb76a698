"""Somebody signs in to an RDS database, or tries to, from a bad address or in an unusual way.

The credential is the database's own, so IAM has nothing to cut off. A successful sign-in from a bad address or
after many failed ones means that the password is known; failed ones mean that the database can be reached by people who
should not reach it.

May touch: nothing.
Never: decides anything; planning does.
"""

from __future__ import annotations

from lambdas.model import Mode
from lambdas.playbooks.shape import Playbook, Trigger

PLAYBOOK = Playbook(
    name="database",
    triggers=(
        Trigger(source="aws.guardduty", type="CredentialAccess:RDS/*"),
        Trigger(source="aws.guardduty", type="Discovery:RDS/*"),
    ),
    actions=(),
    modes=((0.0, Mode.OBSERVE),),
    next_steps=(
        (
            "Ask the owner of the database user in the finding whether the sign-in was theirs (somebody who signs in "
            "once a quarter, a new tool). If so, stop here."
        ),
        (
            "Close the network: in the database's security groups allow its port only from the applications that need "
            "it, and make the database private (aws rds modify-db-instance --no-publicly-accessible "
            "--apply-immediately)."
        ),
        (
            "If a sign-in succeeded: change the password of that database user, end its open sessions in the database, "
            "and rotate the secret where applications read it."
        ),
        (
            "Read the database's audit log for what the user read and changed. Take a snapshot before you repair "
            "anything."
        ),
        "If the password was found somewhere (code, a pipeline, an instance), look for what else was found there.",
    ),
)

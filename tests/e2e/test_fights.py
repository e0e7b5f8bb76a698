"""An attacker who undoes the containment while IAM has not enforced it yet, fought for real on the embedded AWS."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from demo import events
from tests.e2e.deployed import ADMIN, ANYBODY_HERE, DENY_ALL, LATE, Deployed, Key

if TYPE_CHECKING:
    from collections.abc import Callable

FIGHTS = 3
EVERY = 0.5


@dataclass(slots=True)
class Somebody:
    """Somebody who does one thing after the other, every half a second, until told to stop."""

    moves: list[Callable[[], object]]
    done: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def begin(self) -> None:
        """Go to work."""
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Stop, and wait for the last thing."""
        self.over.set()
        if self.thread:
            self.thread.join(30)

    def _work(self) -> None:
        number = 0
        while not self.over.wait(EVERY):
            move = self.moves[number % len(self.moves)]
            number += 1
            try:
                move()
            except ClientError:
                continue
            self.done.append(getattr(move, "__name__", "move"))


def attacker(deployed: Deployed, user: str, keys: list[Key]) -> Somebody:
    """Make an attacker with both keys of an administrator, who undoes what is done to the user, and makes users."""
    leaked, other = keys
    iam, second = deployed.client("iam", leaked), deployed.client("iam", other)

    def detach() -> None:
        either(lambda one: one.detach_user_policy(UserName=user, PolicyArn=DENY_ALL))

    def activate() -> None:
        either(lambda one: one.update_access_key(UserName=user, AccessKeyId=leaked.id, Status="Active"))

    def make_user() -> None:
        name = f"backdoor-{uuid.uuid4().hex[:8]}"
        either(lambda one: one.create_user(UserName=name))
        either(lambda one: one.attach_user_policy(UserName=name, PolicyArn=ADMIN))

    def either(call: Callable[[Any], object]) -> None:
        try:
            call(iam)
        except ClientError:
            call(second)

    return Somebody(moves=[detach, activate, make_user])


def deployer(deployed: Deployed, made: list[str]) -> Somebody:
    """Make somebody innocent, who deploys meanwhile: users and roles of the owner's."""
    iam = deployed.client("iam", deployed.operator)

    def make_user() -> None:
        name = f"service-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        iam.create_access_key(UserName=name)
        made.append(name)

    def make_role() -> None:
        iam.create_role(RoleName=f"service-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument=ANYBODY_HERE)

    return Somebody(moves=[make_user, make_role])


def fight(deployed: Deployed) -> bool:
    """Fight once; tell whether the attacker is locked out at the end. The alert has to say what is so."""
    user, keys = deployed.user(name=f"{LATE}{uuid.uuid4().hex[:8]}")
    made: list[str] = []
    people = [attacker(deployed, user, keys), deployer(deployed, made)]
    for one in people:
        one.begin()
    time.sleep(EVERY)
    deployed.put(events.health(keys[0].id, user=user, event_id=user))

    def is_last(alert: Any) -> bool:  # noqa: ANN401 - JSON or text
        return (
            isinstance(alert, dict)
            and any(target["name"] == user for target in alert.get("targets", []))
            and any(action["held"] is not None for action in alert.get("actions", []))
        )

    try:
        last = deployed.alert(is_last, seconds=90, what=f"how the containment of {user} held")
        time.sleep(5)  # what was written last is enforced by now
        locked_out = all(deployed.refused(key) for key in keys)
    finally:
        for one in people:
            one.stop()
    assert {"detach", "activate"} & set(people[0].done), "the attacker never got a blow in"
    assert made
    for name in made:
        assert DENY_ALL.rpartition("/")[2] not in deployed.policies(name)
        assert set(deployed.status(name).values()) == {"Active"}
    held = all(action["held"] for action in last["actions"] if action["held"] is not None)
    assert held is locked_out, "the alert does not say what is so"
    assert (last["outcome"] == "CONTAINED") is held
    return locked_out


def test_an_attacker_who_fights_back_is_locked_out(alone: Deployed) -> None:
    """Given an administrator who undoes the containment every half a second, the hold wins, and spares the innocent."""
    won = [fight(alone) for _ in range(FIGHTS)]
    assert won.count(True) >= FIGHTS - 1, won

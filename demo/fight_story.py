"""The middle of the story: an attacker who undoes the containment while IAM has not enforced it, and the way back.

May touch: the embedded AWS that its caller started, the terminal.
Never does: show a whole access key id; decide the fight: it tells how it went.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from demo import events
from demo.aws import EmbeddedAwsError
from lambdas.text import tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.instance_story import Scene
    from demo.story import Credential

#: IAM enforces late, as on AWS, what is done to this user; see ``emulator/iam_delay``.
FIGHTER = "release-manager"
_ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
_DENY = "arn:aws:iam::aws:policy/AWSDenyAll"
_EVERY_SECONDS = 0.5
_ENFORCED_SECONDS = 4.5
_REFUSED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException"}


@dataclass(slots=True)
class _Attacker:
    """Undoes what is done to its user, every half a second, and says how that went."""

    moves: dict[str, Callable[[], object]]
    tell: Callable[[str], None]
    over: threading.Event = field(default_factory=threading.Event)
    blows: int = 0
    refused: int = 0

    def fight(self) -> None:
        """Go on until told to stop; a move that finds nothing to undo says nothing."""
        number = 0
        while not self.over.wait(_EVERY_SECONDS):
            what, move = list(self.moves.items())[number % len(self.moves)]
            number += 1
            try:
                move()
            except ClientError as error:
                if error.response["Error"]["Code"] in _REFUSED:
                    self.refused += 1
                    if self.refused == 1:
                        self.tell("the attacker is refused from here on")
                continue
            self.blows += 1
            self.tell(f"the attacker {what}")


def tell(scene: Scene, credential: Callable[..., Credential]) -> int:
    """Tell of the fight; give how many of the attacker's calls still worked at the end."""
    terminal, iam = scene.terminal, scene.client("iam")
    terminal.title("8. Another key leaks, and its thief fights back")
    terminal.say("IAM enforces a change after three to four seconds. Until then the key can undo what is done to it.")
    iam.create_user(UserName=FIGHTER)
    iam.attach_user_policy(UserName=FIGHTER, PolicyArn=_ADMIN)
    key = iam.create_access_key(UserName=FIGHTER)["AccessKey"]
    stolen = credential(name="the leaked key", key_id=key["AccessKeyId"], secret=key["SecretAccessKey"])
    own = scene.client("iam", stolen)
    attacker = _Attacker(
        moves={
            "detaches AWSDenyAll": lambda: _detach(iam, own),
            "makes the key active again": lambda: _activate(iam, own, stolen.key_id),
        },
        tell=terminal.at,
    )
    thread = threading.Thread(target=attacker.fight, daemon=True)
    thread.start()
    try:
        mail = scene.contain(events.health(stolen.key_id, user=FIGHTER, event_id=FIGHTER))
        time.sleep(_ENFORCED_SECONDS)
    finally:
        attacker.over.set()
        thread.join(10)
    if not attacker.blows:
        raise EmbeddedAwsError("The attacker never got a blow in: there was no fight. This is a bug.")
    terminal.say("")
    try:
        own.list_users()
    except ClientError as error:
        terminal.call("the leaked key", "iam:ListUsers", worked=False, said=error.response["Error"]["Code"])
        working = 0
    else:
        terminal.call("the leaked key", "iam:ListUsers", worked=True)
        working = 1
    held = mail.body.partition("WHETHER IT HOLDS")[2].partition("WHAT WAS DONE")[0]
    terminal.say("\n  What the mail says of it:\n")
    print(
        f"  | {mail.body.splitlines()[0]}\n" + "\n".join(f"  | {row}".rstrip() for row in held.strip("\n").splitlines())
    )
    return working


def _detach(owner: Any, own: Any) -> None:  # noqa: ANN401 - made at run time
    """Detach the deny with the stolen key, if it is there to be detached."""
    attached = owner.list_attached_user_policies(UserName=FIGHTER)["AttachedPolicies"]
    if _DENY not in {policy["PolicyArn"] for policy in attached}:
        raise _nothing_to_undo()
    own.detach_user_policy(UserName=FIGHTER, PolicyArn=_DENY)


def _activate(owner: Any, own: Any, key_id: str) -> None:  # noqa: ANN401 - made at run time
    """Make the key active with itself, if it is not."""
    (key,) = owner.list_access_keys(UserName=FIGHTER)["AccessKeyMetadata"]
    if key["Status"] == "Active":
        raise _nothing_to_undo()
    own.update_access_key(UserName=FIGHTER, AccessKeyId=key_id, Status="Active")


def _nothing_to_undo() -> ClientError:
    return ClientError({"Error": {"Code": "NothingToUndo", "Message": ""}}, "none")


def give_back(scene: Scene, user: str, second: Credential, leaked: Credential) -> int:
    """Tell of the restore of a user's case; give how many calls did not end as they should have."""
    terminal, iam = scene.terminal, scene.client("iam")
    terminal.title(f"9. The key is replaced: {user} is given back what was taken")
    case = case_of(scene, leaked.key_id)
    terminal.say("What the mail says how to undo it: start the restore workflow with")
    request = {"incident_id": case, "reason": "the key was replaced"}
    terminal.say(f"{json.dumps(request)}\n")
    terminal.zero()
    mail = scene.restore(request)
    attached = [one["PolicyName"] for one in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    terminal.say(f"policies attached to {user}: {', '.join(attached)}")
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        terminal.say(f"access key {tail(key['AccessKeyId'])} of {user}: {key['Status']}")
    terminal.say("")
    wrong = 0
    for one, want in ((second, True), (leaked, False)):
        try:
            scene.client("iam", one).list_users()
            worked, said = True, ""
        except ClientError as error:
            worked, said = False, error.response["Error"]["Code"]
        terminal.call(one.name, "iam:ListUsers", worked=worked, said=said)
        wrong += worked is not want
    terminal.say("\n  The mail:\n")
    print("\n".join(f"  | {row}".rstrip() for row in mail.body.splitlines()[:14]))
    return wrong


def case_of(scene: Scene, key_id: str) -> str:
    """Find the case that a key is a target of."""
    found = scene.client("dynamodb").scan(TableName=scene.outputs["IncidentTableName"])["Items"]
    for item in found:
        if item["sk"]["S"] == "INCIDENT" and key_id in json.dumps(item["targets"]):
            return str(item["pk"]["S"])
    raise EmbeddedAwsError("The case of the leaked key is not in the incident table. This is a bug.")

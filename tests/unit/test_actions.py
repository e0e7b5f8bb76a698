"""Stories of the two cuts and of taking them back, in an account of this process."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jmespath  # type: ignore[import-untyped]  # has no stubs
import pytest

from lambdas import actions, errors
from lambdas.actions import deny_principal, disable_key, isolate_instance
from lambdas.actions.instances import SECURITY_GROUPS
from lambdas.actions.users import owner_of
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from lambdas.playbooks.shape import CUT_OFF, EXTRAS, ISOLATE
from tests.unit.cases import ACCOUNT, CASE, DENY_ALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_iam import IAMClient

    from lambdas.actions.shape import Action
    from lambdas.model import Json

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
FILLERS = [
    f"arn:aws:iam::aws:policy/{name}"
    for name in (
        *("AmazonS3FullAccess", "AmazonEC2FullAccess", "AmazonSQSFullAccess", "AmazonSNSFullAccess"),
        *("AmazonRDSFullAccess", "AmazonVPCFullAccess", "CloudWatchFullAccess", "IAMFullAccess"),
        *("AmazonDynamoDBFullAccess", "AmazonRoute53FullAccess"),
    )
]


class User:
    """One user of the account, whose state a test reads."""

    def __init__(self, iam: IAMClient, name: str, path: str = "/") -> None:
        self._iam = iam
        self.name = name
        self.id = iam.create_user(UserName=name, Path=path)["User"]["UserId"]
        self.key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    def state(self) -> Json:
        """Read everything that the responder could change."""
        found = self._iam.get_user(UserName=self.name)["User"]
        keys = self._iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        policies = self._iam.list_attached_user_policies(UserName=self.name)["AttachedPolicies"]
        return {
            "keys": {entry["AccessKeyId"]: entry["Status"] for entry in keys},
            "policies": sorted(entry["PolicyArn"] for entry in policies),
            "boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        }

    def rename(self, name: str) -> None:
        """Rename the user under the responder."""
        self._iam.update_user(UserName=self.name, NewUserName=name)
        self.name = name

    def fill(self) -> None:
        """Attach as many policies as IAM allows, as an attacker may."""
        for policy in FILLERS:
            self._iam.attach_user_policy(UserName=self.name, PolicyArn=policy)

    def bound(self, policy: str) -> None:
        """Give the user a permissions boundary."""
        self._iam.put_user_permissions_boundary(UserName=self.name, PermissionsBoundary=policy)

    def disable_item(self, name: str | None = None) -> PlanItem:
        """Plan to disable its key."""
        named = self.name if name is None else name
        target = Target(kind=Kind.ACCESS_KEY, id=self.key, name=named, account=ACCOUNT)
        return PlanItem(incident_id=CASE, action="disable_key", target=target, args={"user": named}, mode=Mode.CONTAIN)

    def deny_item(self, *, via_key: bool = True) -> PlanItem:
        """Plan to deny it everything."""
        target = Target(kind=Kind.USER, id=self.id, name=self.name, account=ACCOUNT)
        args = {"user": self.name} | ({"via_key": self.key} if via_key else {})
        return PlanItem(incident_id=CASE, action="deny_principal", target=target, args=args, mode=Mode.CONTAIN)


@pytest.fixture
def user(iam: IAMClient, new_name: Callable[[], str]) -> User:
    """Make a user with one active key."""
    return User(iam, new_name())


def contain(iam: IAMClient, item: PlanItem) -> Change:
    """Make one cut, as the act handler does: look, apply unless it is so already, look again."""
    action = actions.load(item.action)
    before = action.look(iam, item)
    already = action.verify(before)
    if not already:
        action.apply(iam, before)
    after = action.look(iam, item)
    assert action.verify(after)
    return Change(
        item_id=item.id,
        incident_id=item.incident_id,
        action=item.action,
        target=item.target,
        before=before,
        after=after,
        result=Result.ALREADY if already else Result.DONE,
        changed=not already,
    )


def test_there_are_these_actions_and_no_other() -> None:
    """Given the folder of actions, when they are listed, each is there by its name and a wrong name is refused."""
    assert set(actions.names()) == {*CUT_OFF, *ISOLATE, *EXTRAS}
    for name in actions.names():
        assert actions.load(name).name == name
    with pytest.raises(ValueError, match=r"no action 'users'.*deny_principal, disable_key, isolate_instance"):
        actions.load("users")


def test_a_key_is_disabled(iam: IAMClient, user: User) -> None:
    """Given an active key, when it is disabled, it reads inactive and no other key is touched."""
    other = iam.create_access_key(UserName=user.name)["AccessKey"]["AccessKeyId"]
    made = contain(iam, user.disable_item())
    assert made.before == {"user": user.name, "key_id": user.key, "status": "Active"}
    assert made.after == {"user": user.name, "key_id": user.key, "status": "Inactive"}
    assert user.state()["keys"] == {user.key: "Inactive", other: "Active"}


@pytest.mark.parametrize("known", [None, "", "an-older-name"])
def test_a_key_is_found_whatever_the_event_calls_its_user(iam: IAMClient, user: User, known: str | None) -> None:
    """Given a key with its user's name, none, or a wrong one, when it is looked for, it is found."""
    assert disable_key.look(iam, user.disable_item(known))["user"] == user.name


def test_a_key_of_a_renamed_user_is_disabled(iam: IAMClient, user: User, new_name: Callable[[], str]) -> None:
    """Given a user that is renamed after the plan was made, when its key is disabled, it is that user's."""
    item = user.disable_item()
    user.rename(new_name())
    contain(iam, item)
    assert user.state()["keys"] == {user.key: "Inactive"}


def test_a_user_that_took_the_name_keeps_its_keys(iam: IAMClient, user: User, new_name: Callable[[], str]) -> None:
    """Given a user made anew under the name of a renamed one, when the key is disabled, only that key is."""
    item = user.disable_item()
    user.rename(new_name())
    newcomer = User(iam, item.target.name)
    contain(iam, item)
    assert user.state()["keys"] == {user.key: "Inactive"}
    assert newcomer.state()["keys"] == {newcomer.key: "Active"}


def test_a_key_that_is_gone_is_said_to_be_gone(iam: IAMClient, user: User) -> None:
    """Given a key that was deleted, when it is looked for, it is gone, and the error does not show it whole."""
    iam.delete_access_key(UserName=user.name, AccessKeyId=user.key)
    for name in (user.name, "", "nobody-of-that-name"):
        with pytest.raises(errors.TargetGone) as caught:
            disable_key.look(iam, user.disable_item(name))
        assert user.key not in str(caught.value)


def test_a_key_under_a_path_is_disabled(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a user under a path, when its key is disabled and it is denied, both hold."""
    user = User(iam, new_name(), path="/teams/pipelines/")
    contain(iam, user.disable_item())
    contain(iam, user.deny_item())
    assert user.state() == {"keys": {user.key: "Inactive"}, "policies": [DENY_ALL], "boundary": ""}


def test_a_key_that_was_inactive_stays_so_after_undo(iam: IAMClient, user: User) -> None:
    """Given a key that its owner had disabled, when a containment of it is undone, it stays disabled."""
    iam.update_access_key(UserName=user.name, AccessKeyId=user.key, Status="Inactive")
    made = contain(iam, user.disable_item())
    assert made.result is Result.ALREADY
    assert disable_key.undo_command(made) == ()
    disable_key.undo(iam, made)
    assert user.state()["keys"] == {user.key: "Inactive"}


@pytest.mark.parametrize(("status", "held"), [("Active", False), ("Inactive", True), ("Expired", True)])
def test_only_an_active_key_can_be_used(status: str, held: bool) -> None:  # noqa: FBT001 - a table's column
    """Given the status of a key, when it is verified, everything but active is contained."""
    assert disable_key.verify({"status": status}) is held


def test_a_user_is_denied_everything(iam: IAMClient, user: User) -> None:
    """Given a user with a policy, when it is denied, AWSDenyAll is beside it and nothing else changed."""
    iam.attach_user_policy(UserName=user.name, PolicyArn=READ_ONLY)
    made = contain(iam, user.deny_item())
    assert (made.before["attached"], made.after["attached"]) == (False, True)
    assert made.after["user_id"] == user.id
    assert user.state() == {"keys": {user.key: "Active"}, "policies": sorted([DENY_ALL, READ_ONLY]), "boundary": ""}


def test_denying_twice_is_denying_once(iam: IAMClient, user: User) -> None:
    """Given a denied user, when the deny is applied again, nothing changes."""
    contain(iam, user.deny_item())
    state = user.state()
    deny_principal.apply(iam, deny_principal.look(iam, user.deny_item()))
    assert user.state() == state


@pytest.mark.parametrize("boundary", ["", READ_ONLY])
def test_a_user_with_all_the_policies_iam_allows_is_denied_by_its_boundary(
    iam: IAMClient, user: User, boundary: str
) -> None:
    """Given a full quota of policies, when the user is denied, AWSDenyAll is its boundary; undo gives the old one."""
    user.fill()
    if boundary:
        user.bound(boundary)
    state = user.state()
    made = contain(iam, user.deny_item())
    assert user.state() == state | {"boundary": DENY_ALL}
    assert made.before["boundary"] == boundary
    deny_principal.undo(iam, made)
    assert user.state() == state


@pytest.mark.parametrize(
    ("attached", "boundary", "held"),
    [(False, "", False), (True, "", True), (False, DENY_ALL, True), (False, READ_ONLY, False), (True, READ_ONLY, True)],
)
def test_either_the_policy_or_the_boundary_denies(attached: bool, boundary: str, held: bool) -> None:  # noqa: FBT001 - a table
    """Given a reading, when it is verified, AWSDenyAll as policy or as boundary contains, and nothing else does."""
    assert deny_principal.verify({"attached": attached, "boundary": boundary, "deny_policy": DENY_ALL}) is held


def test_aws_own_quarantine_is_not_taken_for_containment(iam: IAMClient, user: User) -> None:
    """Given a user that AWS has put in quarantine, when it is denied and that is undone, the quarantine stays."""
    quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    iam.attach_user_policy(UserName=user.name, PolicyArn=quarantine)
    made = contain(iam, user.deny_item())
    assert made.result is Result.DONE
    deny_principal.undo(iam, made)
    assert user.state()["policies"] == [quarantine]


def test_a_renamed_user_is_denied(iam: IAMClient, user: User, new_name: Callable[[], str]) -> None:
    """Given a user that is renamed after the plan was made, when it is denied, it is found by its key."""
    item = user.deny_item()
    user.rename(new_name())
    contain(iam, item)
    assert user.state()["policies"] == [DENY_ALL]


def test_a_user_that_is_known_only_by_its_key_is_denied(iam: IAMClient, user: User) -> None:
    """Given a plan made without an answer of IAM, when it is carried out, the key leads to the user."""
    target = Target(kind=Kind.ACCESS_KEY, id=user.key, account=ACCOUNT)
    args = {"user": "", "via_key": user.key}
    contain(iam, PlanItem(incident_id=CASE, action="deny_principal", target=target, args=args, mode=Mode.CONTAIN))
    assert user.state()["policies"] == [DENY_ALL]


def test_a_user_made_anew_under_the_name_is_left_alone(iam: IAMClient, user: User) -> None:
    """Given a user that was deleted and made anew, when the old one is to be denied, the new one is left."""
    item = user.deny_item()
    iam.delete_access_key(UserName=user.name, AccessKeyId=user.key)
    iam.delete_user(UserName=user.name)
    newcomer = User(iam, user.name)
    for planned in (item, replace(item, args={"user": user.name})):
        with pytest.raises(errors.TargetGone):
            deny_principal.look(iam, planned)
    assert newcomer.state()["policies"] == []


def test_a_user_of_whom_nothing_is_known_is_said_to_be_gone(iam: IAMClient) -> None:
    """Given a plan without a name or a key, when it is carried out, there is nobody to deny."""
    target = Target(kind=Kind.USER, account=ACCOUNT)
    item = PlanItem(incident_id=CASE, action="deny_principal", target=target, mode=Mode.CONTAIN)
    with pytest.raises(errors.TargetGone):
        deny_principal.look(iam, item)


def test_a_key_that_nobody_has_leads_nowhere(iam: IAMClient) -> None:
    """Given a key that IAM does not know, when its owner is looked for, it is gone and not shown whole."""
    with pytest.raises(errors.TargetGone, match="…KEY1") as caught:
        owner_of(iam, "AKIA2TESTNOBODYSKEY1")
    assert "AKIA2TESTNOBODYSKEY1" not in str(caught.value)


def prepare(user: User, situation: str) -> None:
    """Bring a user into a situation that undo has to give back."""
    if situation in {"full", "full and bound"}:
        user.fill()
    if situation in {"bound", "full and bound"}:
        user.bound(READ_ONLY)


SITUATIONS = ["plain", "bound", "full", "full and bound"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_undo_gives_back_exactly_what_was_there(iam: IAMClient, user: User, situation: str) -> None:
    """Given a user in any situation, when it is contained and that is undone, its state is what it was."""
    prepare(user, situation)
    state = user.state()
    made = [contain(iam, user.disable_item()), contain(iam, user.deny_item())]
    assert user.state() != state
    for change in reversed(made):
        actions.load(change.action).undo(iam, change)
    assert user.state() == state


@pytest.mark.parametrize("situation", SITUATIONS)
def test_undoing_twice_changes_nothing_more(iam: IAMClient, user: User, situation: str) -> None:
    """Given an undone containment, when it is undone again, the state stays what it was before all of it."""
    prepare(user, situation)
    state = user.state()
    made = [contain(iam, user.disable_item()), contain(iam, user.deny_item())]
    for change in [*made, *made]:
        with suppress(errors.TargetGone):
            actions.load(change.action).undo(iam, change)
    assert user.state() == state


def test_undoing_twice_is_no_failure(iam: IAMClient, user: User) -> None:
    """Given an undone containment, when a retry undoes it again, there is nothing to raise about."""
    made = contain(iam, user.deny_item())
    deny_principal.undo(iam, made)
    deny_principal.undo(iam, made)


def test_a_deny_that_was_there_before_stays(iam: IAMClient, user: User) -> None:
    """Given a user that its owner had denied, when a containment of it is undone, it stays denied."""
    iam.attach_user_policy(UserName=user.name, PolicyArn=DENY_ALL)
    made = contain(iam, user.deny_item())
    assert made.result is Result.ALREADY
    assert deny_principal.undo_command(made) == ()
    deny_principal.undo(iam, made)
    assert user.state()["policies"] == [DENY_ALL]


@pytest.mark.parametrize("name", ["disable_key", "deny_principal"])
def test_a_containment_is_undone_although_the_user_was_renamed(
    iam: IAMClient, user: User, new_name: Callable[[], str], name: str
) -> None:
    """Given a contained user that was renamed since, when the containment is undone, it is given back."""
    state = user.state()
    made = contain(iam, {"disable_key": user.disable_item(), "deny_principal": user.deny_item()}[name])
    user.rename(new_name())
    actions.load(name).undo(iam, made)
    assert user.state() == state


@pytest.mark.parametrize("boundary", [READ_ONLY, DENY_ALL])
def test_undo_leaves_another_user_of_the_same_name_alone(
    iam: IAMClient, user: User, new_name: Callable[[], str], boundary: str
) -> None:
    """Given another user that took a contained one's name, when that is undone, the other keeps its boundary."""
    user.fill()
    made = contain(iam, user.deny_item())
    name = user.name
    user.rename(new_name())
    newcomer = User(iam, name)
    newcomer.bound(boundary)
    with suppress(errors.TargetGone):
        deny_principal.undo(iam, made)
    assert newcomer.state()["boundary"] == boundary


def test_undo_leaves_what_somebody_set_since(iam: IAMClient, user: User) -> None:
    """Given a boundary that the owner put in place of the deny, when the containment is undone, it stays."""
    user.fill()
    made = contain(iam, user.deny_item())
    user.bound(READ_ONLY)
    deny_principal.undo(iam, made)
    assert user.state()["boundary"] == READ_ONLY


SHELL = shutil.which("bash") or "bash"
FAKE = """
aws() {
  printf '%s\\0' "$@" >> "$TOLD"; printf '\\n' >> "$TOLD"
  if [ "$2" = list-access-keys ]; then printf '%s\\n' "$FOUND"; fi
}
"""


def pasted(line: str, folder: Path, found: str = "") -> list[list[str]]:
    """Paste a line into a shell whose ``aws`` only notes what it was told; give each call's arguments."""
    log = folder / "told"
    log.write_bytes(b"")
    subprocess.run(  # noqa: S603 - the line is what is tested, and aws is a function there
        [SHELL, "-c", f"{FAKE}\n{line}"],
        check=True,
        env={"PATH": os.defpath, "TOLD": str(log), "FOUND": found},
        timeout=10,
    )
    return [call.split("\0")[:-1] for call in log.read_text().split("\n") if call]


def carry_out(iam: IAMClient, command: list[str]) -> Any:  # noqa: ANN401 - boto3's answer
    """Make the call of boto3 that a command of the CLI stands for."""
    service, name, *rest = command
    assert service == "iam"
    words = [part for word in rest for part in (word.split("=", 1) if word.startswith("--") else [word])]
    options = dict(zip(words[::2], words[1::2], strict=True))
    arguments = {
        "".join(part.capitalize() for part in option.removeprefix("--").split("-")): value
        for option, value in options.items()
        if option not in {"--query", "--output"}
    }
    return getattr(iam, name.replace("-", "_"))(**arguments)


def paste(iam: IAMClient, line: str, folder: Path) -> None:
    """Paste a line into a shell and carry out what it tells the CLI to do, the inner question first."""
    calls = pasted(line, folder)
    if len(calls) > 1:
        question, _ = calls
        answer = jmespath.search(question[question.index("--query") + 1], carry_out(iam, question))
        calls = pasted(line, folder, "\t".join(answer))[1:]
    (command,) = calls
    carry_out(iam, command)


@pytest.mark.parametrize("name", ["", "=,.@-_+", "-x"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_printed_commands_undo_it(
    iam: IAMClient, new_name: Callable[[], str], tmp_path: Path, situation: str, name: str
) -> None:
    """Given a contained user of any name, when the printed lines are pasted, its state is what it was."""
    user = User(iam, name + new_name())
    iam.create_access_key(UserName=user.name)
    prepare(user, situation)
    state = user.state()
    made = [contain(iam, user.disable_item()), contain(iam, user.deny_item())]
    assert user.state() != state
    lines = [line for change in made for line in actions.load(change.action).undo_command(change)]
    assert len(lines) == 2
    assert user.key not in "".join(lines)
    for line in lines:
        paste(iam, line, tmp_path)
    assert user.state() == state


@pytest.mark.parametrize("name", ["$(touch gone)", "`touch gone`", "a'b", 'a"b', "a b", "a;touch gone", "--query=x"])
def test_a_printed_command_runs_nothing_of_a_name(tmp_path: Path, name: str) -> None:
    """Given a name that a shell would read, when the printed lines are pasted, it arrives as one word."""
    target = Target(kind=Kind.ACCESS_KEY, id="AKIA2TESTEXPOSED0001", name=name)
    key = {"user": name, "key_id": target.id}
    change = Change(item_id="1", incident_id=CASE, action="disable_key", target=target, result=Result.DONE)
    deny = {"user": name, "user_id": "AIDA", "deny_policy": DENY_ALL}
    changes: list[tuple[Action, Change]] = [
        (disable_key.ACTION, replace(change, before={**key, "status": "Active"}, after={**key, "status": "Inactive"})),
        (
            deny_principal.ACTION,
            replace(
                change,
                before={**deny, "attached": False, "boundary": READ_ONLY},
                after={**deny, "attached": True, "boundary": DENY_ALL},
            ),
        ),
        (
            deny_principal.ACTION,
            replace(
                change,
                before={**deny, "attached": False, "boundary": ""},
                after={**deny, "attached": False, "boundary": DENY_ALL},
            ),
        ),
    ]
    for action, made in changes:
        for line in action.undo_command(made):
            for call in pasted(f"cd '{tmp_path}'\n{line}", tmp_path):
                assert f"--user-name={name}" in call
    assert not (tmp_path / "gone").exists()


def test_the_power_to_isolate_cannot_release_an_instance() -> None:
    """Given the grants of the isolation, when they are read, no group without our tag is made, used or changed."""
    for grant in isolate_instance.ACTION.grants:
        if grant.resource == SECURITY_GROUPS and not grant.implied_by:
            ((_, key, value),) = grant.condition
            assert key in {"aws:ResourceTag/tourniquet", "aws:RequestTag/tourniquet"}
            assert value in {"isolation", "open"}
            if "Authorize" in grant.action or "Delete" in grant.action:
                assert value == "open", "the isolation group never gets a rule"


def test_the_power_to_contain_cannot_grant_anything() -> None:
    """Given the grants of the deny, when they are read, attaching and bounding are held to AWSDenyAll alone."""
    for grant in deny_principal.ACTION.grants:
        if not grant.action.startswith(("iam:Get", "iam:List")):
            (condition,) = grant.condition
            assert condition[2] == "arn:{partition}:iam::aws:policy/AWSDenyAll"
    assert {
        grant.action
        for action in map(actions.load, actions.names())
        for grant in action.grants
        if grant.action.startswith("iam:") and ("Detach" in grant.action or "Delete" in grant.action)
    } == set()

"""Stories of the cuts on roles and their sessions, and of taking them back, in an account of this process."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from demo.emulator.moto_fixes import CHARACTERS_OF_ROLE_POLICIES
from lambdas import actions, commands, errors
from lambdas.actions import deny_principal, revoke_sessions
from lambdas.actions.roles import role as find
from lambdas.model import Change, Kind, Mode, PlanItem, Result, Target
from tests.unit.cases import ACCOUNT, CASE, DENY_ALL
from tests.unit.test_actions import FILLERS, READ_ONLY, User, contain, paste

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_iam import IAMClient

    from lambdas.model import Json

OTHER_CASE = "inc-20261121-9876543210"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)
READ_A_BUCKET = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::it's a bucket/*"}],
}


class Role:
    """One role of the account, whose state a test reads."""

    def __init__(self, iam: IAMClient, name: str, path: str = "/") -> None:
        self._iam = iam
        self.name = name
        self.id = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)["Role"]["RoleId"]

    def state(self) -> Json:
        """Read everything that the responder could change."""
        found = self._iam.get_role(RoleName=self.name)["Role"]
        policies = self._iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        return {
            "policies": sorted(entry["PolicyArn"] for entry in policies),
            "boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "inline": {name: self.document(name) for name in self.inline()},
            "trust": found["AssumeRolePolicyDocument"],
        }

    def inline(self) -> list[str]:
        """List its inline policies."""
        return self._iam.list_role_policies(RoleName=self.name)["PolicyNames"]

    def document(self, policy: str) -> Any:  # noqa: ANN401 - a policy, as boto3 gives it
        """Read one of its inline policies."""
        return self._iam.get_role_policy(RoleName=self.name, PolicyName=policy)["PolicyDocument"]

    def write(self, policy: str, document: object) -> None:
        """Write one of its inline policies."""
        self._iam.put_role_policy(RoleName=self.name, PolicyName=policy, PolicyDocument=json.dumps(document))

    def fill(self) -> None:
        """Attach as many policies as IAM allows, as an attacker may."""
        for policy in FILLERS[len(self.state()["policies"]) :]:
            self._iam.attach_role_policy(RoleName=self.name, PolicyArn=policy)

    def bound(self, policy: str) -> None:
        """Give the role a permissions boundary."""
        self._iam.put_role_permissions_boundary(RoleName=self.name, PermissionsBoundary=policy)

    def make_anew(self) -> Role:
        """Delete the role and make another one of the name, as whoever wants to lose a responder may."""
        for policy in self.state()["policies"]:
            self._iam.detach_role_policy(RoleName=self.name, PolicyArn=policy)
        for name in self.inline():
            self._iam.delete_role_policy(RoleName=self.name, PolicyName=name)
        self._iam.delete_role(RoleName=self.name)
        return Role(self._iam, self.name)

    def item(self, action: str, kind: Kind, target_id: str, case: str = CASE, **args: str) -> PlanItem:
        """Plan an action on the role or on a session of it."""
        target = Target(kind=kind, id=target_id, name=self.name, account=ACCOUNT)
        return PlanItem(incident_id=case, action=action, target=target, args=args, mode=Mode.CONTAIN)

    def deny_item(self) -> PlanItem:
        """Plan to deny it everything."""
        return self.item("deny_principal", Kind.ROLE, self.id)

    def session_item(self, session: str = "nightly-build", case: str = CASE) -> PlanItem:
        """Plan to revoke one of its sessions."""
        return self.item("revoke_sessions", Kind.ROLE_SESSION, f"{self.id}:{session}", case)

    def sessions_item(self, case: str = CASE, **args: str) -> PlanItem:
        """Plan to revoke all of its sessions."""
        return self.item("revoke_sessions", Kind.ROLE, self.id, case, **args)


@pytest.fixture
def role(iam: IAMClient, new_name: Callable[[], str]) -> Role:
    """Make a role with a policy of each kind."""
    made = Role(iam, new_name())
    iam.attach_role_policy(RoleName=made.name, PolicyArn=READ_ONLY)
    made.write("its-own", READ_A_BUCKET)
    return made


def policy_of(item: PlanItem) -> str:
    """Name the inline policy of an item."""
    return f"Tourniquet-{item.incident_id}-{item.id}"


def session_denied(session: str) -> Json:
    """Give what has to stand in the policy that ends a session."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:userid": session}},
            }
        ],
    }


def older_denied(time: object, operator: str = "DateLessThan") -> Json:
    """Give what has to stand in the policy that ends the sessions that are older than a time."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {operator: {"aws:TokenIssueTime": time}}}
        ],
    }


def from_now(**distance: float) -> str:
    """Tell a time by its distance from now."""
    return (datetime.now(UTC) + timedelta(**distance)).strftime("%Y-%m-%dT%H:%M:%SZ")


# Denying a role


def test_a_role_is_denied_everything(iam: IAMClient, role: Role) -> None:
    """Given a role with policies, when it is denied, AWSDenyAll is beside them and nothing else changed."""
    state = role.state()
    made = contain(iam, role.deny_item())
    identity = {"kind": "role", "role": role.name, "role_id": role.id, "deny_policy": DENY_ALL, "boundary": ""}
    assert made.before == {**identity, "attached": False}
    assert made.after == {**identity, "attached": True}
    assert role.state() == {**state, "policies": sorted([DENY_ALL, READ_ONLY])}


def test_a_role_under_a_path_is_denied(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a role under a path, when it is denied and its sessions are revoked, both hold."""
    role = Role(iam, new_name(), path="/teams/pipelines/")
    contain(iam, role.deny_item())
    contain(iam, role.session_item())
    assert (role.state()["policies"], len(role.inline())) == ([DENY_ALL], 1)


def test_denying_a_role_twice_is_denying_it_once(iam: IAMClient, role: Role) -> None:
    """Given a denied role, when the deny is applied again, nothing changes."""
    contain(iam, role.deny_item())
    state = role.state()
    deny_principal.apply(iam, deny_principal.look(iam, role.deny_item()))
    assert role.state() == state


@pytest.mark.parametrize("boundary", ["", READ_ONLY])
def test_a_role_with_all_the_policies_iam_allows_is_denied_by_its_boundary(
    iam: IAMClient, new_name: Callable[[], str], boundary: str
) -> None:
    """Given a full quota of policies, when the role is denied, AWSDenyAll is its boundary; undo gives the old one."""
    role = Role(iam, new_name())
    role.fill()
    if boundary:
        role.bound(boundary)
    state = role.state()
    made = contain(iam, role.deny_item())
    assert role.state() == state | {"boundary": DENY_ALL}
    assert made.before["boundary"] == boundary
    deny_principal.undo(iam, made)
    assert role.state() == state


def test_a_role_and_a_user_of_one_name_are_two(iam: IAMClient, role: Role) -> None:
    """Given a user of the role's name, when the role is denied and that is undone, the user is left as it is."""
    user = User(iam, role.name)
    contain(iam, user.deny_item())
    state = user.state()
    made = contain(iam, role.deny_item())
    deny_principal.undo(iam, made)
    assert (user.state(), role.state()["policies"]) == (state, [READ_ONLY])


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ROLE, Kind.USER, Kind.ACCESS_KEY}))
def test_only_users_and_roles_are_denied(iam: IAMClient, new_name: Callable[[], str], kind: Kind) -> None:
    """Given a target of another kind that has a user's name, when it is to be denied, the user is left alone."""
    user = User(iam, new_name())
    target = Target(kind=kind, id=f"{ACCOUNT}:{user.name}", name=user.name, account=ACCOUNT)
    item = PlanItem(incident_id=CASE, action="deny_principal", target=target, mode=Mode.CONTAIN)
    with pytest.raises(errors.Unexpected, match=f"of the kind {kind} is neither a user nor a role"):
        deny_principal.look(iam, item)
    assert user.state()["policies"] == []


def test_a_journal_that_does_not_say_what_was_denied_is_of_a_user(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a change of a user that was journaled without its kind, when it is undone, the user has its own back."""
    user = User(iam, new_name())
    state = user.state()
    made = contain(iam, user.deny_item())
    assert (made.before.pop("kind"), made.after.pop("kind")) == ("user", "user")
    assert deny_principal.undo_command(made) == (commands.detach_policy(user.name, DENY_ALL),)
    deny_principal.undo(iam, made)
    assert user.state() == state


def test_a_boundary_that_the_owner_set_meanwhile_is_what_undo_gives_back(iam: IAMClient, role: Role) -> None:
    """Given a deny that the owner replaced by a boundary of its own, when it is made again, undo gives that one."""
    before = deny_principal.look(iam, role.deny_item())
    role.bound(DENY_ALL)
    assert deny_principal.rebase(before, deny_principal.look(iam, role.deny_item()))["boundary"] == ""
    role.bound(READ_ONLY)
    again = deny_principal.look(iam, role.deny_item())
    assert deny_principal.rebase(before, again) == {**before, "boundary": READ_ONLY}


# Revoking sessions


@pytest.mark.parametrize("session", ["nightly-build", "i-0123456789abcdef0", "a.person@example.com", "x=,.@+_-", "ab"])
def test_one_session_is_denied(iam: IAMClient, role: Role, session: str) -> None:
    """Given a session, when it is revoked, the role has a policy that denies it alone, and nothing else changed."""
    state = role.state()
    item = role.session_item(session)
    made = contain(iam, item)
    assert made.before == {
        "role": role.name,
        "role_id": role.id,
        "policy": policy_of(item),
        "session": f"{role.id}:{session}",
        "issued_until": "",
        "document": "",
    }
    assert made.result is Result.DONE
    written = {policy_of(item): session_denied(f"{role.id}:{session}")}
    assert role.state() == {**state, "inline": {**state["inline"], **written}}


@pytest.mark.parametrize("known", [True, False], ids=["by id", "by name"])
def test_all_sessions_until_now_are_denied(iam: IAMClient, role: Role, *, known: bool) -> None:
    """Given a role, when its sessions are revoked, those issued before 30 seconds from now are denied."""
    state = role.state()
    item = role.sessions_item()
    item = item if known else replace(item, target=replace(item.target, id=""))
    earliest = from_now(seconds=29)
    made = contain(iam, item)
    document = role.document(policy_of(item))
    time = document["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert document == older_denied(time)
    assert earliest <= time <= from_now(seconds=30)
    assert (made.before["session"], made.before["role_id"]) == ("", role.id)
    assert role.state() == {**state, "inline": {**state["inline"], policy_of(item): document}}


def test_revoking_twice_is_revoking_once(iam: IAMClient, role: Role) -> None:
    """Given revoked sessions, when a retry applies the change again, one policy is there for each, and it holds."""
    for item in (role.session_item(), role.sessions_item()):
        contain(iam, item)
        revoke_sessions.apply(iam, revoke_sessions.look(iam, item))
        assert revoke_sessions.verify(revoke_sessions.look(iam, item))
        assert contain(iam, item).result is Result.ALREADY
    assert len(role.inline()) == 3


def test_a_state_can_be_journaled_as_it_is(iam: IAMClient, role: Role) -> None:
    """Given a policy under our name, when the state is read, it is all text: a table would change its numbers."""
    item = role.session_item()
    role.write(policy_of(item), READ_A_BUCKET)
    state = revoke_sessions.look(iam, item)
    assert {type(value) for value in state.values()} == {str}
    assert json.loads(state["document"]) == READ_A_BUCKET


def test_two_cases_on_one_role_keep_their_own_denies(iam: IAMClient, role: Role) -> None:
    """Given two cases and two sessions in one of them, when one item is undone, the others hold."""
    items = [
        role.session_item(),
        role.session_item("other-build"),
        role.session_item(case=OTHER_CASE),
        role.sessions_item(case=OTHER_CASE),
    ]
    state = role.state()
    made = [contain(iam, item) for item in items]
    assert len(role.inline()) == 1 + len(items)
    for undone, change in enumerate(made, 1):
        revoke_sessions.undo(iam, change)
        held = [revoke_sessions.verify(revoke_sessions.look(iam, item)) for item in items]
        assert held == [False] * undone + [True] * (len(items) - undone)
    assert role.state() == state


def test_the_names_of_policies_are_names_to_iam(role: Role) -> None:
    """Given items, when their policies are named, IAM allows the name and none is another's."""
    items = [role.session_item(), role.session_item(case=OTHER_CASE), role.sessions_item(), role.session_item("b2")]
    names = [policy_of(item) for item in items]
    assert len(set(names)) == len(items)
    assert all(len(name) <= 128 and name.replace("-", "").isalnum() for name in names)


SESSION = "AROA2TESTROLE00000001:nightly-build"
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def changed(document: Json, **fields: object) -> Json:
    """Give a policy whose only statement says something else."""
    return {**document, "Statement": [{**document["Statement"][0], **fields}]}


def forged(right: Json) -> list[Json]:
    """Give policies that look like the right one and do not do what it does."""
    (statement,) = right["Statement"]
    condition = statement["Condition"]
    return [
        {**right, "Statement": [ALLOW]},
        {**right, "Statement": [statement, ALLOW]},
        {**right, "Statement": statement},
        {**right, "Version": "2008-10-17"},
        {**right, "Id": "Tourniquet"},
        changed(right, Effect="Allow"),
        changed(right, Action="s3:*"),
        changed(right, Resource="arn:aws:s3:::bucket"),
        changed(right, Condition={**condition, "Bool": {"aws:SecureTransport": "false"}}),
        changed(right, Condition={f"{operator}IfExists": keys for operator, keys in condition.items()}),
        changed(right, NotAction="iam:*"),
        {**right, "Statement": []},
    ]


SESSION_FORGERIES = [
    *forged(session_denied(SESSION)),
    session_denied(SESSION + "s"),
    session_denied("${aws:userid}x"),
    changed(session_denied(SESSION), Condition={"StringNotEquals": {"aws:userid": SESSION}}),
    changed(session_denied(SESSION), Condition={"StringEquals": {"aws:userid": [SESSION, "x"]}}),
    changed(session_denied(SESSION), Condition={"StringEquals": {"aws:username": SESSION}}),
    older_denied("2099-01-01T00:00:00Z"),
]
NOON = "2026-11-20T12:00:00Z"
SESSIONS_FORGERIES = [
    *forged(older_denied(NOON)),
    older_denied([NOON]),
    older_denied(NOON, "DateGreaterThan"),
    older_denied("2026-13-20T12:00:00Z"),
    older_denied("2026-11-20T12:00:00+00:00"),
    older_denied("2026-11-20"),
    older_denied("1795176000"),
    older_denied("${aws:CurrentTime}"),
    older_denied(""),
    session_denied(SESSION),
]


@pytest.mark.parametrize("document", SESSION_FORGERIES, ids=json.dumps)
def test_a_forged_deny_of_a_session_is_not_believed(document: Json) -> None:
    """Given a policy of our name that says anything else, when it is verified, the session is not contained."""
    state = {"session": SESSION, "issued_until": "", "document": json.dumps(document)}
    assert not revoke_sessions.verify(state)
    assert revoke_sessions.verify({**state, "document": json.dumps(session_denied(SESSION))})


@pytest.mark.parametrize("document", SESSIONS_FORGERIES, ids=json.dumps)
def test_a_forged_revocation_is_not_believed(document: Json) -> None:
    """Given a policy of our name that says anything else, when it is verified, the sessions are not contained."""
    state = {"session": "", "issued_until": "", "document": json.dumps(document)}
    assert not revoke_sessions.verify(state)
    assert revoke_sessions.verify({**state, "document": json.dumps(older_denied(NOON))})


@pytest.mark.parametrize("situation", ["none", "ours", "ours, of another session", "foreign"])
@pytest.mark.parametrize("whole", [False, True], ids=["session", "role"])
def test_undo_never_writes_a_policy_back(iam: IAMClient, role: Role, situation: str, *, whole: bool) -> None:
    """Given anything under our name, when that is undone, even twice, what another wrote is left to a person to write.

    A policy that was there and held stays; where there was none, none is left.
    """
    item = role.sessions_item() if whole else role.session_item()
    stood: Json = {
        "ours": older_denied(NOON) if whole else session_denied(f"{role.id}:nightly-build"),
        "ours, of another session": session_denied(f"{role.id}:another"),
        "foreign": READ_A_BUCKET,
    }
    if situation in stood:
        role.write(policy_of(item), stood[situation])
    state = role.state()
    made = contain(iam, item)
    assert made.result is (Result.ALREADY if situation == "ours" else Result.DONE)
    contained = role.state()
    for _ in range(2):
        if situation in {"none", "ours"}:
            revoke_sessions.undo(iam, made)
            assert role.state() == state
        else:
            with pytest.raises(errors.StateChanged, match="only a person may write it back"):
                revoke_sessions.undo(iam, made)
            assert role.state() == contained


def test_what_was_so_already_is_not_written_again(iam: IAMClient, role: Role) -> None:
    """Given a deny that was there before, when its containment is undone, nothing is written."""
    calls: list[str] = []
    undoing = boto3.client("iam", region_name="us-east-1")
    undoing.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    for item in (role.session_item(), role.sessions_item()):
        contain(iam, item)
        revoke_sessions.undo(undoing, contain(iam, item))
    assert set(calls) == {"GetRole", "GetRolePolicy"}


@pytest.mark.parametrize("document", [None, READ_A_BUCKET, session_denied("AROA2TESTANOTHER00001:x")])
def test_undo_leaves_what_somebody_wrote_since(iam: IAMClient, role: Role, document: Json | None) -> None:
    """Given a policy that somebody changed or took away since, when the revocation is undone, it stays so."""
    item = role.session_item()
    made = contain(iam, item)
    if document is None:
        iam.delete_role_policy(RoleName=role.name, PolicyName=policy_of(item))
    else:
        role.write(policy_of(item), document)
    state = role.state()
    revoke_sessions.undo(iam, made)
    assert role.state() == state


def test_a_revocation_made_again_since_is_undone_all_the_same(iam: IAMClient, role: Role) -> None:
    """Given a revocation that was made again at a later time, when the first is undone, the policy is gone."""
    item = role.sessions_item()
    state = role.state()
    made = contain(iam, item)
    role.write(policy_of(item), older_denied("2030-01-01T00:00:00Z"))
    revoke_sessions.undo(iam, made)
    assert role.state() == state


def test_what_stood_there_at_first_is_what_undo_gives_back(iam: IAMClient, role: Role) -> None:
    """Given a revocation that somebody overwrote and that was made again, undo gives what was there at first."""
    item = role.session_item()
    state = role.state()
    first = contain(iam, item)
    role.write(policy_of(item), {**READ_A_BUCKET, "Statement": [ALLOW]})
    second = contain(iam, item)
    assert second.result is Result.DONE
    before = revoke_sessions.rebase(first.before, second.before)
    revoke_sessions.undo(iam, replace(second, before=before))
    assert role.state() == state


@pytest.mark.parametrize(
    ("until", "held"),
    [
        ("", True),
        ("2026-11-20T11:59:59Z", True),
        ("2026-11-20T11:59:59.999Z", True),
        ("2026-11-20T12:00:00Z", False),
        ("2026-11-20T12:00:01Z", False),
        ("2026-11-20T12:30:00+01:00", True),
        ("2026-11-20T11:30:00-01:00", False),
    ],
)
def test_sessions_issued_since_the_revocation_are_not_taken_for_contained(until: str, *, held: bool) -> None:
    """Given a revocation at noon, when it is verified, it holds only if the latest activity was before that."""
    document = json.dumps(older_denied(NOON))
    assert revoke_sessions.verify({"session": "", "issued_until": until, "document": document}) is held


def test_sessions_issued_since_an_earlier_revocation_are_revoked_again(iam: IAMClient, role: Role) -> None:
    """Given sessions revoked at noon, when a signal tells of activity since, they are revoked until now."""
    item = role.sessions_item()
    role.write(policy_of(item), older_denied(NOON))
    assert contain(iam, item).result is Result.ALREADY
    again = role.sessions_item(issued_until="2026-11-20T12:00:30.000Z")
    assert again.id == item.id
    assert contain(iam, again).result is Result.DONE
    time = role.document(policy_of(item))["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert time >= from_now(seconds=28)


@pytest.mark.parametrize(
    "until", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "yesterday", "Fri, 20 Nov", "1"]
)
def test_a_signal_cannot_make_a_revocation_that_never_holds(iam: IAMClient, role: Role, until: str) -> None:
    """Given an impossible time of activity, when the sessions are revoked, it holds."""
    contain(iam, role.sessions_item(issued_until=until))


def test_the_time_of_activity_does_not_matter_to_one_session(iam: IAMClient, role: Role) -> None:
    """Given a session that was denied, when a signal tells of activity since, it is contained already."""
    item = role.session_item()
    contain(iam, item)
    assert contain(iam, replace(item, args={"issued_until": from_now()})).result is Result.ALREADY


HOSTILE = [
    "",
    "nightly-build",
    "AROA2TESTROLE00000001",
    "AROA2TESTROLE00000001:",
    "AROA2TESTROLE00000001:x",
    "AROA2TESTROLE00000001:${aws:username}",
    "AROA2TESTROLE00000001:*",
    "AROA2TESTROLE00000001:a?",
    "AROA2TESTROLE00000001:a:b",
    "AROA2TESTROLE00000001:a b",
    'AROA2TESTROLE00000001:a"b',
    "AROA2TESTROLE00000001:build\n",
    "AROA2TESTROLE00000001:büro",
    "AROA2TESTROLE00000001:" + "a" * 65,
    "AROA*:build",
    "AROA:build",
    "aroa2testrole00000001:build",
    "AIDA2TESTUSER00000001:build",
    " AROA2TESTROLE00000001:build",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_odd_gets_into_a_policy(iam: IAMClient, role: Role, hostile: str) -> None:
    """Given a session's id that is not in IAM's characters, when it is to be revoked, that is refused."""
    state = role.state()
    with pytest.raises(errors.Unexpected, match="id of the session"):
        revoke_sessions.look(iam, role.item("revoke_sessions", Kind.ROLE_SESSION, hostile))
    assert role.state() == state


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ROLE, Kind.ROLE_SESSION}))
def test_only_roles_have_sessions_to_revoke(iam: IAMClient, role: Role, kind: Kind) -> None:
    """Given a target of another kind, when its sessions are to be revoked, that is refused."""
    with pytest.raises(errors.Unexpected, match=f"of the kind {kind}"):
        revoke_sessions.look(iam, role.item("revoke_sessions", kind, f"{role.id}:build"))


def filled(role: Role, room: int) -> None:
    """Leave room for so many characters in the inline policies of a role, as an attacker may."""
    used = sum(len("".join(json.dumps(role.document(name)).split())) for name in role.inline())
    empty = len("".join(json.dumps(changed(READ_A_BUCKET, Sid="")).split()))
    role.write("filler", changed(READ_A_BUCKET, Sid="a" * (CHARACTERS_OF_ROLE_POLICIES - used - empty - room)))


def test_a_full_quota_of_inline_policies_is_said(iam: IAMClient, role: Role) -> None:
    """Given a role that has no room for another policy, when sessions are revoked, QuotaFull says so."""
    item = role.session_item()
    wanted = len("".join(json.dumps(session_denied(item.target.id)).split()))
    filled(role, wanted - 1)
    state = role.state()
    with pytest.raises(errors.QuotaFull):
        contain(iam, item)
    assert role.state() == state
    filled_before = role.inline()
    iam.delete_role_policy(RoleName=role.name, PolicyName="filler")
    filled(role, wanted)
    contain(iam, item)
    assert sorted(role.inline()) == sorted([*filled_before, policy_of(item)])


# Roles that are gone, others, or nobody's to change

ACTIONS: list[Callable[[Role], PlanItem]] = [Role.deny_item, Role.session_item, Role.sessions_item]


@pytest.mark.parametrize("plan", ACTIONS)
def test_a_role_that_is_gone_is_said_to_be_gone(iam: IAMClient, role: Role, plan: Callable[[Role], PlanItem]) -> None:
    """Given a role that was deleted, before or after it was contained, look and undo say that it is gone."""
    item = plan(role)
    made = contain(iam, item)
    newcomer = role.make_anew()
    iam.delete_role(RoleName=newcomer.name)
    with pytest.raises(errors.TargetGone):
        actions.load(item.action).look(iam, item)
    with pytest.raises(errors.TargetGone):
        actions.load(item.action).undo(iam, made)


@pytest.mark.parametrize("plan", ACTIONS)
def test_a_role_made_anew_under_the_name_is_left_alone(
    iam: IAMClient, role: Role, plan: Callable[[Role], PlanItem]
) -> None:
    """Given a role made anew under the name, when the old one is to be contained or undone, the new one is left."""
    item = plan(role)
    made = contain(iam, item)
    newcomer = role.make_anew()
    newcomer.bound(DENY_ALL)
    newcomer.write(policy_of(item), role_document(made))
    state = newcomer.state()
    with pytest.raises(errors.TargetGone, match="made anew"):
        actions.load(item.action).look(iam, item)
    with pytest.raises(errors.TargetGone, match="made anew"):
        actions.load(item.action).undo(iam, made)
    assert newcomer.state() == state


def role_document(made: Change) -> Any:  # noqa: ANN401 - a policy
    """Give the policy that a change wrote, or any."""
    return json.loads(made.after.get("document") or json.dumps(READ_A_BUCKET))


def test_a_role_without_a_name_cannot_be_found(iam: IAMClient, role: Role) -> None:
    """Given a role's id and no name, when it is looked for, nothing pretends that the role is gone."""
    with pytest.raises(errors.Unexpected, match="name is not known"):
        find(iam, "", role.id)


@pytest.mark.parametrize("plan", ACTIONS)
@pytest.mark.parametrize("path", ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/eu-west-1/"])
def test_a_role_of_aws_own_cannot_be_changed(
    iam: IAMClient, new_name: Callable[[], str], path: str, plan: Callable[[Role], PlanItem]
) -> None:
    """Given a service's role or one of Identity Center, when it is to be contained, one of our errors says why not."""
    role = Role(iam, new_name(), path)
    state = role.state()
    with pytest.raises(errors.TourniquetError, match=r"UnmodifiableEntity.*only modifiable by AWS"):
        contain(iam, plan(role))
    assert role.state() == state


def test_a_service_linked_role_cannot_be_changed_by_its_owner_either(iam: IAMClient) -> None:
    """Given a role that a service made, when its owner changes it, IAM refuses as AWS does."""
    name = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"]
    with pytest.raises(ClientError) as refused:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(READ_A_BUCKET))
    assert refused.value.response["Error"]["Code"] == "UnmodifiableEntity"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


# Undo, exactly


def prepare(role: Role, situation: str) -> None:
    """Bring a role into a situation that undo has to give back."""
    if "full" in situation:
        role.fill()
    if "bound" in situation:
        role.bound(READ_ONLY)
    if "forged" in situation:
        for item in (role.session_item(), role.sessions_item()):
            role.write(policy_of(item), READ_A_BUCKET)


SITUATIONS = ["plain", "bound", "full", "full and bound", "forged"]


def contain_all(iam: IAMClient, role: Role) -> list[Change]:
    """Make all the cuts that there are on a role."""
    return [contain(iam, plan(role)) for plan in ACTIONS]


@pytest.mark.parametrize("situation", [one for one in SITUATIONS if one != "forged"])
def test_undo_gives_back_exactly_what_was_there(iam: IAMClient, role: Role, situation: str) -> None:
    """Given a role in any situation, when it is contained and that is undone, even twice, its state is what it was."""
    prepare(role, situation)
    state = role.state()
    made = contain_all(iam, role)
    assert role.state() != state
    for change in [*reversed(made), *made]:
        actions.load(change.action).undo(iam, change)
    assert role.state() == state


@pytest.mark.parametrize("name", ["", "=,.@-_+", "-x"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_printed_commands_undo_it(
    iam: IAMClient, new_name: Callable[[], str], tmp_path: Path, situation: str, name: str
) -> None:
    """Given a contained role of any name, when the printed lines are pasted, its state is what it was."""
    role = Role(iam, name + new_name())
    iam.attach_role_policy(RoleName=role.name, PolicyArn=READ_ONLY)
    prepare(role, situation)
    state = role.state()
    made = contain_all(iam, role)
    lines = [line for change in made for line in actions.load(change.action).undo_command(change)]
    assert len(lines) == len(made)
    for line in lines:
        paste(iam, line, tmp_path)
    assert role.state() == state


def test_nothing_is_printed_where_there_is_nothing_to_undo(iam: IAMClient, role: Role) -> None:
    """Given a revocation that was there already, or that failed, when its undo is printed, there is none."""
    for item in (role.session_item(), role.sessions_item()):
        made = contain(iam, item)
        assert revoke_sessions.undo_command(contain(iam, item)) == ()
        assert revoke_sessions.undo_command(replace(made, after={})) == ()
        assert revoke_sessions.undo_command(replace(made, after=made.before)) == ()


def test_the_power_to_revoke_is_alone_in_its_role() -> None:
    """Given all the grants, when they are read, writing inline policies is one action's only write."""
    writes = {
        name: {
            grant.action for grant in actions.load(name).grants if not grant.action.startswith(("iam:Get", "iam:List"))
        }
        for name in actions.names()
    }
    assert writes["revoke_sessions"] == {"iam:PutRolePolicy"}
    assert [name for name, calls in writes.items() if "iam:PutRolePolicy" in calls] == ["revoke_sessions"]

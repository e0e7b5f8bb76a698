"""Whose credential led to whose, to any depth, in any order, and nobody else's."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lambdas.investigation import records, rounds
from lambdas.investigation.lineage import MOST_BIRTHS, Lineage, Subject, next_lookups
from lambdas.investigation.parts import Lookup
from lambdas.model import Kind, Target
from tests.unit.trail import Bucket, Clock, Trail

ACCOUNT = "111122223333"
ROOT_KEY = "AKIAMADEUP000000ROOT"


def call(name: str, key: str, minute: int, *, service: str = "", **fields: Any) -> dict[str, Any]:
    """Make the record of a call."""
    identity = fields.pop("identity", {"type": "IAMUser", "userName": "mallory", "principalId": "AIDAMALLORY"})
    default = "sts" if name in {"AssumeRole", "GetSessionToken", "GetFederationToken"} else "iam"
    return {
        "eventID": f"{name}-{key[-4:]}-{minute}",
        "eventTime": f"2026-11-27T03:{minute:02}:00Z",
        "eventName": name,
        "eventSource": f"{service or default}.amazonaws.com",
        "awsRegion": "us-east-1",
        "recipientAccountId": ACCOUNT,
        "userIdentity": {**identity, **({"accessKeyId": key} if key else {})},
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2",
        "readOnly": False,
        **fields,
    }


def assume(key: str, minute: int, new: str, role: str, **fields: Any) -> dict[str, Any]:
    """Make an AssumeRole that issued a credential."""
    return call(
        "AssumeRole",
        key,
        minute,
        requestParameters={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "roleSessionName": "s"},
        responseElements={
            "credentials": {"accessKeyId": new, "expiration": "Nov 27, 2026, 11:59:00 PM"},
            "assumedRoleUser": {"assumedRoleId": f"AROA{role.upper()}:s"},
        },
        resources=[{"ARN": f"arn:aws:iam::{ACCOUNT}:role/{role}"}],
        **fields,
    )


def session(role: str, name: str = "s") -> dict[str, Any]:
    """Give the identity of a role's session."""
    issuer = {"type": "Role", "principalId": f"AROA{role.upper()}", "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROA{role.upper()}:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "sessionContext": {"sessionIssuer": issuer},
    }


def story() -> list[dict[str, Any]]:
    """Tell of a key that reaches others over five steps, and of people who work beside it."""
    return [
        call("GetSessionToken", ROOT_KEY, 1, responseElements={"credentials": {"accessKeyId": "ASIAMADEUP0000000001"}}),
        assume("ASIAMADEUP0000000001", 2, "ASIAMADEUP0000000002", "build"),
        assume("ASIAMADEUP0000000002", 3, "ASIAMADEUP0000000003", "deploy", identity=session("build")),
        call(
            "CreateUser",
            "ASIAMADEUP0000000003",
            4,
            identity=session("deploy"),
            requestParameters={"userName": "backup-admin"},
            responseElements={"user": {"userName": "backup-admin", "userId": "AIDABACKUP"}},
        ),
        call(
            "CreateAccessKey",
            "ASIAMADEUP0000000003",
            5,
            identity=session("deploy"),
            requestParameters={"userName": "backup-admin"},
            responseElements={"accessKey": {"accessKeyId": "AKIAMADEUP0000000004", "userName": "backup-admin"}},
        ),
        call(
            "GetFederationToken",
            "AKIAMADEUP0000000004",
            6,
            identity={"type": "IAMUser", "userName": "backup-admin", "principalId": "AIDABACKUP"},
            requestParameters={"name": "fed"},
            responseElements={
                "credentials": {"accessKeyId": "ASIAMADEUP0000000005"},
                "federatedUser": {"federatedUserId": f"{ACCOUNT}:fed"},
            },
        ),
        call(
            "CreateAccessKey",
            "AKIAMADEUP0000000009",
            7,
            identity={"type": "IAMUser", "userName": "backup-admin", "principalId": "AIDABACKUP"},
            responseElements={"accessKey": {"accessKeyId": "AKIAMADEUP0000000006", "userName": "backup-admin"}},
        ),
        assume(
            "AKIAMADEUP0000INNOCENT",
            3,
            "ASIAMADEUP0000000099",
            "deploy",
            identity={"type": "IAMUser", "userName": "alice"},
        ),
        call("RunInstances", "AKIAMADEUP0000INNOCENT", 4, identity={"type": "IAMUser", "userName": "alice"}),
    ]


def folded(events: list[dict[str, Any]]) -> Lineage:
    """Fold records."""
    lineage = Lineage()
    lineage.fold(records.from_event(event) for event in events)
    return lineage


ROOT = Subject(kind="key", value=ROOT_KEY)


def depths(lineage: Lineage, root: Subject = ROOT) -> dict[str, int]:
    """Give each node's last four letters with its depth."""
    return {node.id[-4:]: node.depth for node in lineage.tree([root]).nodes.values()}


def test_a_lineage_is_followed_to_any_depth_and_to_nobody_else() -> None:
    """Given six steps of credentials, and an innocent who assumes the same role, only the six are the case's."""
    found = depths(folded(story()))
    assert found == {"ROOT": 0, "0001": 1, "0002": 2, "0003": 3, "0004": 4, "0009": 4, "0005": 5, "0006": 5}


def test_the_order_of_records_and_repetitions_change_nothing() -> None:
    """Given the same records in any order, some twice, the tree and the histories are the same."""
    dice = random.Random(5)  # noqa: S311 - repeatable, not secret
    want, tree = folded(story()), folded(story()).tree([ROOT])
    for _ in range(20):
        events = [*story(), *dice.sample(story(), 4)]
        dice.shuffle(events)
        lineage = folded(events)
        assert lineage.tree([ROOT]).nodes == tree.nodes
        assert {one: lineage.histories[one].events for one in lineage.histories} == {
            one: want.histories[one].events for one in want.histories
        }


def test_each_look_up_is_asked_for_once() -> None:
    """Given a tree, when it is asked what to look up next, what was looked up is left out and nothing is twice."""
    tree = folded(story()).tree([ROOT])
    everything = next_lookups(tree, [])
    assert len(everything) == len(set(everything))
    assert Lookup(by="Username", value="backup-admin") in everything
    assert Lookup(by="AccessKeyId", value="ASIAMADEUP0000000005") in everything
    assert next_lookups(tree, everything) == []


def test_rounds_find_everything_step_by_step() -> None:
    """Given only the first key, when the rounds are made, every credential is found, and then it ends."""
    trail, bucket = Trail(Clock()).hold(story()), Bucket()
    shelf = bucket.shelf()
    told = rounds.open_look(shelf, [ROOT], since="2026-11-01T00:00:00Z", until="2026-11-28T00:00:00Z")
    again = rounds.open_look(shelf, [], since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")
    assert again == told, "a retry finds what the first try wrote"
    while told["lookups"]:
        rounds.look_up(trail, shelf, "us-east-1", told["round"], seconds=999, pace=trail.clock.pace())
        told = rounds.follow(shelf, told["round"])
        assert rounds.follow(shelf, told["round"] - 1) == told
    _, tree = rounds.lineage(shelf, [ROOT])
    assert {one[-4:] for one in tree.nodes} == {"ROOT", "0001", "0002", "0003", "0004", "0009", "0005", "0006"}
    assert len(str(told)) < 200, "what the workflow carries stays small"


@pytest.mark.parametrize("spoiled", [0, 1, 2, 3, 5])
def test_what_failed_leads_nowhere(spoiled: int) -> None:
    """Given a step that was refused, when the lineage is followed, it ends there."""
    events = story()
    before = len(depths(folded(events)))
    events[spoiled] = {**events[spoiled], "errorCode": "AccessDenied"}
    assert len(depths(folded(events))) < before


def made(name: str, minute: int, response: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make the record of something that the root key made."""
    return call(name, ROOT_KEY, minute, responseElements=response, **fields)


def test_the_sessions_of_a_role_that_was_made_belong_to_it_whoever_assumes_it() -> None:
    """Given a role that the key made, when another account assumes it, that session is the case's."""
    outside = {"type": "AWSAccount", "accountId": "999988887777", "principalId": "AIDAOUTSIDE"}
    events = [
        made("CreateRole", 1, {"role": {"roleName": "door", "arn": f"arn:aws:iam::{ACCOUNT}:role/door"}}),
        assume("", 2, "ASIAMADEUP0000000001", "door", identity=outside),
        call("ListUsers", "ASIAMADEUP0000000001", 3, identity=session("door")),
        call("ListUsers", "ASIAMADEUP0000000002", 4, identity=session("door", "t")),
        call("ListUsers", "ASIAMADEUP0000000003", 4, identity=session("other")),
    ]
    lineage = folded(events)
    assert depths(lineage) == {"ROOT": 0, "0001": 1, "0002": 1}
    wanted = next_lookups(lineage.tree([ROOT]), [])
    assert Lookup(by="ResourceName", value=f"arn:aws:iam::{ACCOUNT}:role/door") in wanted


def test_an_instance_that_was_launched_acts_for_the_case() -> None:
    """Given an instance that the key launched, when its role calls from it, and from another, only it is the case's."""
    events = [
        made("RunInstances", 1, {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}}, service="ec2"),
        call("ListBuckets", "ASIAMADEUP0000000001", 2, identity=session("web", "i-0123456789abcdef0")),
        call("ListBuckets", "ASIAMADEUP0000000002", 2, identity=session("web", "i-0000000000000aaaa")),
    ]
    assert depths(folded(events)) == {"ROOT": 0, "0001": 1}


def test_a_console_session_of_a_stolen_sign_in_is_followed() -> None:
    """Given a sign-in with a federated session, when the console calls with keys of its own, they are the case's."""
    fed = {"type": "FederatedUser", "principalId": f"{ACCOUNT}:fed"}
    events = [
        call(
            "GetFederationToken",
            ROOT_KEY,
            1,
            requestParameters={"name": "fed"},
            responseElements={"credentials": {"accessKeyId": "ASIAMADEUP0000000001"}},
        ),
        call("GetSigninToken", "ASIAMADEUP0000000001", 2, service="signin", identity=fed),
        call("ListBuckets", "ASIAMADEUP0000000002", 3, identity=fed, sessionCredentialFromConsole="true"),
        call("ListBuckets", "ASIAMADEUP0000000003", 3, identity=fed),
    ]
    assert depths(folded(events)) == {"ROOT": 0, "0001": 1, "0002": 2}


def test_what_a_user_s_new_password_opens_is_followed_and_its_own_key_is_not() -> None:
    """Given a password that was set for a user, the console sessions after it are the case's; the user's key is not."""
    bob = {"type": "IAMUser", "userName": "bob", "principalId": "AIDABOB"}
    events = [
        call("ListBuckets", "ASIAMADEUP0000000000", 1, identity=bob, sessionCredentialFromConsole="true"),
        made("CreateLoginProfile", 2, {"loginProfile": {"userName": "bob"}}),
        call("ListBuckets", "ASIAMADEUP0000000001", 3, identity=bob, sessionCredentialFromConsole="true"),
        call("ListBuckets", "AKIAMADEUP0000000002", 3, identity=bob),
    ]
    assert depths(folded(events)) == {"ROOT": 0, "0001": 1}


def test_a_user_of_the_same_name_from_before_or_from_elsewhere_is_nobody() -> None:
    """Given users of the same name, in another account or earlier, when one was made, only what came after is its."""
    eve = {"type": "IAMUser", "userName": "eve", "principalId": "AIDAEVE"}
    events = [
        call("ListBuckets", "AKIAMADEUP0000000001", 1, identity=eve),
        made("CreateUser", 2, {"user": {"userName": "eve"}}),
        call("ListBuckets", "AKIAMADEUP0000000002", 3, identity=eve),
        call("ListBuckets", "AKIAMADEUP0000000003", 3, identity=eve, recipientAccountId="999988887777"),
    ]
    assert depths(folded(events)) == {"ROOT": 0, "0002": 1}


@pytest.mark.parametrize(
    ("target", "subject"),
    [
        (Target(kind=Kind.ACCESS_KEY, id="AKIAX", name="ci"), Subject(kind="key", value="AKIAX")),
        (Target(kind=Kind.USER, id="AIDAX", name="ci"), Subject(kind="user", value="ci")),
        (Target(kind=Kind.ROLE, id="AROAX", name="web"), Subject(kind="role", value="web")),
        (Target(kind=Kind.ROLE_SESSION, id="AROAX:s", name="web"), Subject(kind="principal", value="AROAX:s")),
        (Target(kind=Kind.INSTANCE, id="i-1"), Subject(kind="instance", value="i-1")),
        (Target(kind=Kind.ROOT, name="root"), Subject(kind="root", value="root")),
        (Target(kind=Kind.USER, id="AIDAX"), None),
    ],
)
def test_a_target_of_a_case_becomes_what_its_callers_are_recognised_by(target: Target, subject: Subject | None) -> None:
    """Given a target, when it is investigated, it is clear by what its callers are recognised, or that they are not."""
    assert rounds.subject_of(target) == subject


def test_a_whole_user_is_investigated_with_all_keys() -> None:
    """Given a user as target, when the lineage is followed, each of its keys is at the root."""
    events = [call("ListUsers", f"AKIAMADEUP000000000{number}", number) for number in range(3)]
    assert depths(folded(events), Subject(kind="user", value="mallory")) == {"0000": 0, "0001": 0, "0002": 0}


def test_a_caller_with_very_many_credentials_is_bounded_and_says_so() -> None:
    """Given a caller that was issued more than anybody follows, the rest is counted."""
    lineage = Lineage()
    for number in range(MOST_BIRTHS + 7):
        event = assume(ROOT_KEY, 1, f"ASIAMADEUP{number:010}", "r")
        lineage.fold([records.from_event({**event, "eventID": str(number)})])
    assert len(lineage.histories[ROOT_KEY].births) == MOST_BIRTHS
    assert lineage.histories[ROOT_KEY].forgotten == 7


def test_whoever_made_a_thing_is_found_and_followed() -> None:
    """Given an instance whose maker is wanted, when it is investigated, the key that launched it is at the root."""
    launched = {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}}
    where = [{"ARN": "i-0123456789abcdef0"}]
    events = [
        *story(),
        made("RunInstances", 8, launched, service="ec2", resources=where),
        call("StopInstances", "AKIAMADEUP0000INNOCENT", 9, service="ec2", requestParameters=launched, resources=where),
    ]
    trail, shelf = Trail(Clock()).hold(events), Bucket().shelf()
    wanted = Subject(kind="resource", value="i-0123456789abcdef0")
    told = rounds.open_look(shelf, [wanted], since="2026-11-01T00:00:00Z", until="2026-11-28T00:00:00Z")
    while told["lookups"]:
        rounds.look_up(trail, shelf, "us-east-1", told["round"], seconds=999, pace=trail.clock.pace())
        told = rounds.follow(shelf, told["round"])
    _, tree = rounds.lineage(shelf, [wanted])
    assert {node.id[-4:]: node.depth for node in tree.nodes.values()}["ROOT"] == 0
    assert "0006" in {one[-4:] for one in tree.nodes}
    assert not {one for one in tree.nodes if "INNOCENT" in one}


def test_nothing_before_cloudtrail_s_history_is_asked_for() -> None:
    """Given a wish for a year, when a look is opened, it goes back ninety days and says so."""
    shelf = Bucket().shelf()
    rounds.open_look(shelf, [ROOT], since="2025-11-28T00:00:00Z", until="2026-11-28T00:00:00Z")
    assert rounds.read(shelf, 1).since == "2026-08-30T00:00:00Z"
    other = Bucket().shelf()
    rounds.open_look(other, [ROOT], since="2026-11-01T00:00:00Z", until="2026-11-28T00:00:00Z")
    assert rounds.read(other, 1).since == "2026-11-01T00:00:00Z"

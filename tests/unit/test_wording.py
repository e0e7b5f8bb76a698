"""Stories of how an alert words what each action does, what was read back, and how it is done by hand."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas import actions, wording
from lambdas.commands import session_denied
from lambdas.model import Mode, PlanItem, Target
from lambdas.signals import incident_from
from tests.unit.cases import (
    BUCKET,
    CASE,
    DENY_ALL,
    INSTANCE,
    ISOLATED,
    KEY,
    REGION,
    ROLE_ID,
    SESSION_KEY,
    THROUGH,
    VPC,
    change,
    instance,
    interfaces,
    key,
    role,
    session,
    user,
)
from tests.unit.test_actions import SHELL

if TYPE_CHECKING:
    from lambdas.model import Json


def item(action: str, target: Target, **args: str) -> PlanItem:
    """Give an item of the case."""
    return PlanItem(incident_id=CASE, action=action, target=target, args=args, mode=Mode.CONTAIN)


DISABLE = item("disable_key", key(), user="ci-user")
DENY_USER = item("deny_principal", user(), user="ci-user")
DENY_BY_KEY = item("deny_principal", key(name=""), user="", via_key=KEY)
DENY_ROLE = item("deny_principal", role(), role="deploy", role_id=ROLE_ID)
REVOKE_ONE = item("revoke_sessions", session(), role="deploy", role_id=ROLE_ID)
REVOKE_ALL = item("revoke_sessions", role(), role="deploy", role_id=ROLE_ID)
ALL = (DISABLE, DENY_USER, DENY_BY_KEY, DENY_ROLE, REVOKE_ONE, REVOKE_ALL)


@pytest.mark.parametrize(
    ("of", "done", "to_do"),
    [
        (DISABLE, "disabled access key …0001 of user ci-user", "disable access key …0001 of user ci-user"),
        (DENY_USER, "denied everything to user ci-user", "deny everything to user ci-user"),
        (
            DENY_BY_KEY,
            "denied everything to the user of access key …0001",
            "deny everything to the user of access key …0001",
        ),
        (DENY_ROLE, "denied everything to role deploy", "deny everything to role deploy"),
        (
            REVOKE_ONE,
            "denied everything to session attacker of role deploy",
            "deny everything to session attacker of role deploy",
        ),
        (
            REVOKE_ALL,
            "revoked every session of role deploy that began until now",
            "revoke every session of role deploy that began until now",
        ),
    ],
)
def test_an_item_is_said_in_one_phrase(of: PlanItem, done: str, to_do: str) -> None:
    """Given an item, what it does, and what it did, is said of the same thing."""
    words = wording.phrase(of)
    assert f"{words.done} {words.object}" == done
    assert f"{words.to_do} {words.object}" == to_do


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (DISABLE, "the key reads Inactive"),
        (DENY_USER, "the policy AWSDenyAll is attached"),
        (DENY_ROLE, "the policy AWSDenyAll is attached"),
        (REVOKE_ONE, f"the role has the inline policy Tourniquet-{CASE}-{REVOKE_ONE.id}"),
        (REVOKE_ALL, f"the role has the inline policy Tourniquet-{CASE}-{REVOKE_ALL.id}"),
    ],
)
def test_what_was_read_back_is_what_the_action_verifies(of: PlanItem, says: str) -> None:
    """Given a change, what is told was read back is what the action's own check sees."""
    made = change(of)
    assert wording.read_back(made) == says
    assert actions.load(of.action).verify(made.after)
    assert not actions.load(of.action).verify(made.before)


@pytest.mark.parametrize("of", [DENY_USER, DENY_ROLE])
def test_a_boundary_is_told_as_one(of: PlanItem) -> None:
    """Given a principal with as many policies as IAM allows, the boundary is named, not a policy."""
    made = change(of)
    full = replace(made, after={**made.after, "attached": False, "boundary": DENY_ALL})
    assert wording.read_back(full).startswith("its permissions boundary is AWSDenyAll")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (DENY_USER, ["attach-user-policy", "--user-name=ci-user", "--policy-arn", DENY_ALL]),
        (DENY_ROLE, ["attach-role-policy", "--role-name=deploy", "--policy-arn", DENY_ALL]),
    ],
)
def test_a_deny_by_hand_is_the_call_that_the_action_makes(of: PlanItem, words: list[str]) -> None:
    """Given a deny that was not made, the line attaches the same policy to the same principal."""
    found = wording.by_hand(of, DENY_ALL, "NotPermitted")
    assert found is not None
    step, line = found
    assert step == f"Deny everything to {wording.phrase(of).object} by hand:"
    assert shlex.split(line) == ["aws", "iam", *words]


@pytest.mark.parametrize(
    ("of", "call"),
    [(DENY_USER, "put-user-permissions-boundary"), (DENY_ROLE, "put-role-permissions-boundary")],
)
def test_where_the_quota_is_full_by_hand_means_the_boundary(of: PlanItem, call: str) -> None:
    """Given a principal with as many policies as IAM allows, the line sets the boundary, which always works."""
    found = wording.by_hand(of, DENY_ALL, "QuotaFull")
    assert found is not None
    words = shlex.split(found[1])
    assert words[2] == call
    assert words[-2:] == ["--permissions-boundary", DENY_ALL]


def test_a_key_is_disabled_by_hand_without_its_whole_id() -> None:
    """Given a key that was not disabled, the line looks the id up, because no alert holds a whole one."""
    found = wording.by_hand(DISABLE, DENY_ALL, "")
    assert found is not None
    assert "--status Inactive" in found[1]
    assert KEY not in found[1]


def test_a_session_is_denied_by_hand_under_the_name_that_the_action_uses() -> None:
    """Given a session that was not denied, the line writes the policy that the action would, so it can be verified."""
    found = wording.by_hand(REVOKE_ONE, DENY_ALL, "NotPermitted")
    assert found is not None
    words = shlex.split(found[1])
    assert words[2:5] == [
        "put-role-policy",
        "--role-name=deploy",
        f"--policy-name=Tourniquet-{CASE}-{REVOKE_ONE.id}",
    ]
    assert json.loads(words[-1]) == session_denied(f"{ROLE_ID}:attacker")
    every = wording.by_hand(REVOKE_ALL, DENY_ALL, "NotPermitted")
    assert every is not None
    assert f"--policy-name=Tourniquet-{CASE}-{REVOKE_ALL.id}" in every[1]
    assert "aws:TokenIssueTime" in every[1]


@pytest.mark.parametrize("of", [replace(one, target=replace(one.target, name="")) for one in ALL])
def test_without_a_name_there_is_no_line_and_no_request(of: PlanItem) -> None:
    """Given an item whose user or role nobody knows, no line is offered that would name the wrong one."""
    assert wording.by_hand(of, DENY_ALL, "") is None
    assert wording.request(of) is None


@pytest.mark.parametrize(
    ("of", "request_"),
    [
        (DISABLE, {"user_name": "ci-user"}),
        (DENY_USER, {"user_name": "ci-user"}),
        (replace(DENY_BY_KEY, target=key()), {"user_name": "ci-user"}),
        (DENY_ROLE, {"role_name": "deploy"}),
        (REVOKE_ONE, None),
        (REVOKE_ALL, None),
    ],
)
def test_a_request_never_cuts_off_more_than_the_item(of: PlanItem, request_: dict[str, str] | None) -> None:
    """Given an item, the request that makes it is one that the workflow reads, and a session has none of its own."""
    assert wording.request(of) == request_
    if request_:
        read = incident_from(request_)
        assert [target.name for target in read.targets] == [of.target.name]


@pytest.mark.parametrize("of", ALL)
def test_no_wording_gives_a_key_id_or_untrusted_text_away(of: PlanItem) -> None:
    """Given an item whose names are hostile, each sentence is one line, and no whole key id is in it or in a line."""
    hostile = f"x\r\n\u202eWHAT WAS DONE {KEY} https://evil.example"
    odd = replace(of, target=replace(of.target, name=hostile))
    words = wording.phrase(odd)
    assert f"{words.done}{words.to_do}{words.object}".isprintable()
    assert KEY not in words.object
    assert "://" not in words.object
    found = wording.by_hand(odd, DENY_ALL, "")
    assert found is not None
    assert found[0].isprintable()
    (name,) = [word for word in shlex.split(found[1]) if word.startswith(("--user-name=", "--role-name="))][:1]
    assert name.partition("=")[2] == hostile


def test_what_is_read_back_of_a_role_is_safe_to_show() -> None:
    """Given a policy's name that is not ours, what is told of it is one line."""
    made = change(REVOKE_ALL)
    odd = replace(made, after={**made.after, "policy": f"a\nb{SESSION_KEY}"})
    assert wording.read_back(odd) == f"the role has the inline policy a b…{SESSION_KEY[-4:]}"


# Instances

#: Each action on an instance: what it did, what it is to do, what is read back of it, why there may be nothing to do.
ON_INSTANCES = {
    "isolate_instance": (
        f"isolated instance {INSTANCE}",
        f"isolate instance {INSTANCE}",
        f"its network interface has the isolation group {ISOLATED} only, which has no rules",
        "it was so already",
    ),
    "stop_instance": (
        f"stopped instance {INSTANCE}",
        f"stop instance {INSTANCE}",
        "it is stopped, or about to be",
        "it was so already",
    ),
    "take_profile": (
        f"took away the instance profile of instance {INSTANCE}",
        f"take away the instance profile of instance {INSTANCE}",
        "it has none any more; it had web",
        "it has none",
    ),
    "leave_groups": (
        f"detached instance {INSTANCE} from its Auto Scaling group",
        f"detach instance {INSTANCE} from its Auto Scaling group",
        "it is leaving its group; web is to start another one in its place",
        "it is in none, or leaves it already",
    ),
    "leave_balancers": (
        f"deregistered instance {INSTANCE} from load balancers",
        f"deregister instance {INSTANCE} from load balancers",
        "no Elastic Load Balancing target group and no classic load balancer sends new connections to it",
        "no Elastic Load Balancing target group and no classic load balancer sends to it",
    ),
    "protect_instance": (
        f"protected instance {INSTANCE} and its volumes from termination",
        f"protect instance {INSTANCE} and its volumes from termination",
        "termination protection is on, a shutdown only stops it, and its volumes stay",
        "it was so already",
    ),
    "lock_metadata": (
        f"switched off the metadata service of instance {INSTANCE}",
        f"switch off the metadata service of instance {INSTANCE}",
        "the service is off",
        "it was so already",
    ),
    "snapshot_volumes": (
        f"snapshotted the volumes of instance {INSTANCE}",
        f"snapshot the volumes of instance {INSTANCE}",
        "snap-1, made in one moment and locked for 90 days",
        "they were snapshotted already, or it has none on EBS",
    ),
    "record_instance": (
        f"recorded what instance {INSTANCE} was before",
        f"record what instance {INSTANCE} was before",
        f"s3://{BUCKET}/incidents/{CASE}/{INSTANCE}/before.json",
        "it was done already",
    ),
    "collect_evidence": (
        f"collected evidence about instance {INSTANCE}",
        f"collect evidence about instance {INSTANCE}",
        f"s3://{BUCKET}/incidents/{CASE}/{INSTANCE}/manifest.json",
        "it was done already",
    ),
}


@pytest.mark.parametrize(("action", "words"), ON_INSTANCES.items(), ids=ON_INSTANCES)
def test_an_action_on_an_instance_has_its_words(action: str, words: tuple[str, str, str, str]) -> None:
    """Given an action on an instance: what it does, did, what its own check sees, and why nothing was to be done."""
    of = item(action, instance())
    said, made = wording.phrase(of), change(of)
    assert f"{said.done} {said.object}" == words[0]
    assert f"{said.to_do} {said.object}" == words[1]
    assert wording.read_back(made) == words[2]
    assert wording.already(of) == words[3]
    assert actions.load(action).verify(made.after)
    assert not actions.load(action).verify(made.before)


OF_TWO_VPCS = f"each of its 2 network interfaces has the isolation group of its VPC ({ISOLATED}1, {ISOLATED}2)"
TWO_VPCS = {"eni-1": (VPC, f"{ISOLATED}1"), "eni-2": ("vpc-2", f"{ISOLATED}2")}


@pytest.mark.parametrize(
    ("action", "after", "says"),
    [
        (
            "isolate_instance",
            interfaces({"eni-1": (VPC, ISOLATED), "eni-2": (VPC, ISOLATED)}),
            f"each of its 2 network interfaces has the isolation group {ISOLATED} only, which has no rules",
        ),
        (
            "isolate_instance",
            interfaces(TWO_VPCS),
            f"{OF_TWO_VPCS} only, which has no rules",
        ),
        (
            "isolate_instance",
            interfaces({"eni-1": (VPC, ISOLATED)}, {VPC: THROUGH}),
            (
                f"its network interface has the isolation group {ISOLATED} only, which has no rules; the group "
                f"{THROUGH}, which it went through, is left without rules and can be deleted"
            ),
        ),
        (
            "isolate_instance",
            interfaces(TWO_VPCS, {VPC: f"{THROUGH}1", "vpc-2": f"{THROUGH}2"}),
            (
                f"{OF_TWO_VPCS} only, which has no rules; the groups {THROUGH}1, {THROUGH}2, which it went through, "
                "are left without rules and can be deleted"
            ),
        ),
        (
            "leave_groups",
            {"group": "", "lifecycle": ""},
            "it is in no group; web is to start another one in its place",
        ),
        (
            "leave_groups",
            {"group": "web", "lifecycle": "Detached"},
            "it is in no group; web is to start another one in its place",
        ),
        (
            "protect_instance",
            {"spot": True, "termination": False, "shutdown": "terminate", "volumes": {"vol-1": {"delete": False}}},
            "its volumes stay when it is terminated; a Spot instance cannot be protected itself",
        ),
        (
            "snapshot_volumes",
            {
                "days": 30.0,  # as a journal gives numbers back
                "volumes": {"vol-2": "snap-2", "vol-1": "snap-1"},
                "locked": {"snap-1": True, "snap-2": True},
            },
            "snap-1, snap-2, locked for 30 days",
        ),
    ],
)
def test_what_was_read_back_of_an_instance_is_told_as_it_is(action: str, after: Json, says: str) -> None:
    """Given instances of other kinds, what is told is what was read: each VPC's group, what is left, what stays."""
    assert actions.load(action).verify(after), "the action would not be told as made"
    assert wording.read_back(change(item(action, instance()), after=after)) == says


@pytest.mark.parametrize(
    ("before", "after", "at_once"),
    [
        ({"vol-1": "", "vol-2": ""}, {"vol-1": "snap-1", "vol-2": "snap-2"}, True),
        ({"vol-1": "", "vol-2": "snap-2"}, {"vol-1": "snap-1", "vol-2": "snap-2"}, False),
        ({"vol-1": ""}, {"vol-1": "snap-1", "vol-2": "snap-2"}, False),
    ],
)
def test_one_moment_is_told_of_one_set_only(before: Json, after: Json, at_once: bool) -> None:  # noqa: FBT001 - a parameter
    """Given snapshots, that they are of one moment is told where one call made them all."""
    made = change(item("snapshot_volumes", instance()), before={"volumes": before}, after={"volumes": after})
    assert ("in one moment" in wording.read_back(made)) is at_once


STILL = "onnections that were open may go on through eni-1, because of: CreateSecurityGroup: denied."
HOW = " through eni-1, because of: CreateSecurityGroup: denied"


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        (f"Every interface is isolated, but c{STILL}", HOW),
        (f"C{STILL}", HOW),
        ("the open group could not be made", " (the open group could not be made)"),
        ("", ""),
        (f"C{STILL}\n{KEY} https://evil.example", f"{HOW}. …{KEY[-4:]} https[:]//evil.example"),
    ],
)
def test_an_isolation_that_ends_nothing_is_told_as_one(reason: str, how: str) -> None:
    """Given an isolation without the step that ends connections, that it holds, what goes on and why is told safely."""
    said = wording.still_tracked(item("isolate_instance", instance()), reason)
    assert said == f"Isolated instance {INSTANCE}, but connections that were open may go on{how}."


@pytest.mark.parametrize(
    ("action", "error", "half"),
    [
        ("isolate_instance", "StillTracked", True),
        ("isolate_instance", "QuotaFull", False),
        ("isolate_instance", "", False),
        ("stop_instance", "StillTracked", False),
    ],
)
def test_only_an_isolation_can_be_half_done(action: str, error: str, half: bool) -> None:  # noqa: FBT001 - a parameter
    """Given what an action failed with, it was made all the same where an isolation left connections open."""
    assert wording.is_half_done(item(action, instance()), error) is half


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (
            "QuotaFull",
            (
                f"Instance {INSTANCE} cannot be isolated: the account has as many security groups as it may. Stop it, "
                "which loses its memory, or delete a group and isolate it:"
            ),
        ),
        ("StillTracked", f"Stop instance {INSTANCE} if its open connections must end; that loses its memory:"),
    ],
)
def test_where_isolating_again_would_not_help_a_stop_is_offered(error: str, step: str) -> None:
    """Given an isolation that a line would not make either, the line stops the instance, and the step says why."""
    stop = wording.by_hand(item("stop_instance", instance()), DENY_ALL, "")
    assert stop is not None
    assert wording.by_hand(item("isolate_instance", instance()), DENY_ALL, error) == (step, stop[1])
    other = wording.by_hand(item("snapshot_volumes", instance()), DENY_ALL, error)
    assert other is not None
    assert "create-snapshots" in other[1]


MORE_BY_HAND = {
    "isolate_instance": (
        "Connections that are open may go on until they end, and an interface in another VPC needs a group there. "
        "That a rule to be revoked does not exist is no fault"
    ),
}


@pytest.mark.parametrize("action", ON_INSTANCES)
def test_an_action_on_an_instance_can_be_made_by_hand(action: str) -> None:
    """Given an action on an instance that failed, the line names the region in every call, and the instance."""
    of = item(action, instance())
    found = wording.by_hand(of, DENY_ALL, "NotPermitted")
    assert found is not None
    step, line = found
    to_do = ON_INSTANCES[action][1]
    besides = f". {MORE_BY_HAND[action]}" if action in MORE_BY_HAND else ""
    assert step == f"{to_do[0].upper()}{to_do[1:]} by hand{besides}:"
    if action == "leave_balancers":
        assert line == "", "nobody knows which, so no single line does it"
        return
    assert "\n" not in line
    assert shlex.split(line)
    subprocess.run([SHELL, "-n", "-c", line], check=True, timeout=10)  # noqa: S603 - only read
    assert line.count("aws ") == line.count(f" --region {REGION} ") > 0
    assert INSTANCE in line
    elsewhere = wording.by_hand(item(action, instance(region="")), DENY_ALL, "")
    assert elsewhere == (step, line.replace(f" --region {REGION}", "")), "without one it is the reader's own region"


@pytest.mark.parametrize(("error", "half"), [("StillTracked", True), ("QuotaFull", False)])
def test_where_an_isolation_cannot_end_it_a_stop_is_offered(error: str, half: bool) -> None:  # noqa: FBT001 - a table
    """Given open connections that go on, or no room for a group, the line is a stop, and its price is told."""
    of = item("isolate_instance", instance())
    assert wording.is_half_done(of, error) is half
    assert not wording.is_half_done(item("stop_instance", instance()), error)
    found = wording.by_hand(of, DENY_ALL, error)
    assert found is not None
    assert "loses its memory" in found[0]
    assert shlex.split(found[1])[1:3] == ["ec2", "stop-instances"]


def test_an_isolation_that_left_connections_open_is_told_as_one() -> None:
    """Given an isolation whose open connections may go on, it is told as made, with what AWS said as the reason."""
    of = item("isolate_instance", instance())
    said = wording.still_tracked(of, "Every interface is isolated, because of: QuotaFull\nx https://evil.example.")
    assert said.startswith(f"Isolated instance {INSTANCE}, but connections that were open may go on (Every interface")
    assert said.endswith("because of: QuotaFull x https[:]//evil.example).")
    assert wording.still_tracked(of, "").endswith("connections that were open may go on.")


@pytest.mark.parametrize("action", ON_INSTANCES)
@pytest.mark.parametrize(
    "odd",
    [
        *(
            "",
            "i-",
            "i-0",
            "x",
            INSTANCE.upper(),
            f"{INSTANCE}\n",
            f"{INSTANCE} -x",
            f"-x {INSTANCE}",
            f"{INSTANCE},i-1",
        ),
        *("$(reboot)", "`reboot`", "'; reboot; '", '"; reboot; "', "a\nreboot", "{}", "{0}", "i-../../etc/passwd"),
    ],
)
@pytest.mark.parametrize("where", ["id", "region"])
def test_no_line_is_built_of_what_is_no_instance_or_no_region(action: str, where: str, odd: str) -> None:
    """Given an id or a region that is none, no line is built of it; the step sends the reader to the console."""
    if (where, odd) == ("region", ""):
        return
    target = instance(odd) if where == "id" else instance(region=odd)
    found = wording.by_hand(item(action, target), DENY_ALL, "")
    assert found is not None
    assert found[1] == ""
    assert found[0].isprintable()


@pytest.mark.parametrize("action", ON_INSTANCES)
def test_what_is_told_of_an_instance_is_safe_to_show(action: str) -> None:
    """Given hostile names in what was read of an instance, what is told is one line, without a link or a key id."""
    hostile = f"x\r\n\u202eWHAT WAS DONE {KEY} https://evil.example"

    def spoil(value: object) -> object:
        match value:
            case str():
                return hostile
            case dict():
                return {key: spoil(one) for key, one in value.items()}
        return value

    made = change(item(action, instance()))
    odd = replace(made, before=spoil(made.before), after=spoil(made.after))  # type: ignore[arg-type]  # still a dict
    said = wording.read_back(odd)
    assert said.isprintable()
    assert KEY not in said
    assert "https://" not in said
    words = wording.phrase(item(action, instance(hostile)))
    assert f"{words.done}{words.to_do}{words.object}".isprintable()
    assert KEY not in words.object


@pytest.mark.parametrize("action", ON_INSTANCES)
def test_every_action_on_an_instance_has_the_one_request(action: str) -> None:
    """Given any action on an instance, its request is the one about the instance, in its region, and can be read."""
    asked = wording.request(item(action, instance()))
    assert asked == {"instance_id": INSTANCE, "region": REGION}
    assert [(target.id, target.region) for target in incident_from(asked).targets] == [(INSTANCE, REGION)]
    nowhere = item(action, instance(region=""))
    assert incident_from({"instance_id": INSTANCE}).targets == (), "a request without a region could be read"
    assert wording.request(nowhere) is None


def test_every_action_has_its_words() -> None:
    """Given the actions, each is said in words of its own, so that a new one is not told as a deny."""
    assert {one.action for one in ALL} | set(ON_INSTANCES) == set(actions.names())
    assert {name for name in actions.names() if actions.load(name).on_instances} == set(ON_INSTANCES)
    of = [*ALL, *(item(action, instance()) for action in ON_INSTANCES)]
    said = {(words.to_do, words.object) for words in map(wording.phrase, of)}
    assert len(said) == len(of)

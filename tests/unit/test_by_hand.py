"""Stories of the lines that make by hand what an action on an instance could not: pasted, they make the right calls."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import botocore.session
import pytest

from lambdas import actions, by_hand
from tests.unit.cases import INSTANCE, REGION, VPC, instance
from tests.unit.test_actions import SHELL

if TYPE_CHECKING:
    from pathlib import Path

ON_INSTANCES = [name for name in actions.names() if actions.load(name).on_instances]
NO_LINE = "leave_balancers"  #: nobody knows which, without looking
LINES = [name for name in ON_INSTANCES if name != NO_LINE]

#: An ``aws`` that notes what it was told and answers as EC2 and Auto Scaling would.
FAKE = f"""
aws() {{
  printf '%s\\0' "$@" >> "$TOLD"; printf '\\n' >> "$TOLD"
  case "$*" in
    *create-security-group*) echo sg-made ;;
    *length*) echo "$RULES" ;;
    *describe-security-groups*) echo "$KNOWN" ;;
    *VpcId*) echo {VPC} ;;
    *NetworkInterfaceId*) printf 'eni-1\\teni-2\\n' ;;
    *describe-iam-instance-profile-associations*) echo iip-assoc-1 ;;
    *describe-auto-scaling-instances*) echo web group ;;
    *) echo answer ;;
  esac
}}
"""
#: Options of the CLI itself.
OF_THE_CLI = {"region", "query", "output"}


def pasted(line: str, folder: Path, known: str = "", *, rules: int = 0, works: bool = True) -> list[list[str]]:
    """Paste a line into a shell in a folder; give each call's words.

    ``known`` is a group of an earlier paste, ``rules`` how many rules the group has in the end.
    """
    log = folder / "told"
    log.write_bytes(b"")
    ended = subprocess.run(  # noqa: S603 - the line is what is tested, and aws is a function there
        [SHELL, "-euc", f"{FAKE}\n{line}"],
        check=False,
        cwd=folder,
        env={"PATH": os.defpath, "TOLD": str(log), "KNOWN": known, "RULES": str(rules)},
        timeout=10,
    )
    assert (ended.returncode == 0) is works
    return [call.split("\0")[:-1] for call in log.read_text().split("\n") if call]


def options(call: list[str]) -> dict[str, list[str]]:
    """Read the options of a call, and what is said of each."""
    found: dict[str, list[str]] = {}
    for word in call[2:]:
        if word.startswith("--"):
            name, *values = word.removeprefix("--").split("=", 1)
            found[name] = values
        else:
            found[[*found][-1]].append(word)
    return found


@pytest.mark.parametrize("action", LINES)
def test_a_line_makes_calls_that_there_are_in_the_instances_region(tmp_path: Path, action: str) -> None:
    """Given a line, each of its calls and options exists, is made in the region, and one names the instance."""
    calls = pasted(by_hand.line(action, instance()), tmp_path)
    session = botocore.session.get_session()
    for service, name, *_ in calls:
        model = session.get_service_model(service)
        names = {one.replace("_", "").lower(): one for one in model.operation_names}
        assert name.replace("-", "") in names
    for call in calls:
        model = session.get_service_model(call[0])
        operation = next(one for one in model.operation_names if one.lower() == call[1].replace("-", ""))
        shape = model.operation_model(operation).input_shape
        members = {one.lower() for one in shape.members} if shape else set()
        said = {name.removeprefix("no-").replace("-", "") for name in options(call)} - OF_THE_CLI
        assert said <= members
        assert options(call)["region"] == [REGION]
    assert any(INSTANCE in word for call in calls for word in call)


@pytest.mark.parametrize(
    ("action", "call", "says"),
    [
        (
            "take_profile",
            "ec2 disassociate-iam-instance-profile",
            {"association-id": ["iip-assoc-1"]},
        ),
        (
            "leave_groups",
            "autoscaling detach-instances",
            {
                "auto-scaling-group-name": ["web group"],
                "instance-ids": [INSTANCE],
                "no-should-decrement-desired-capacity": [],
            },
        ),
        ("protect_instance", "ec2 modify-instance-attribute", {"instance-initiated-shutdown-behavior": ["stop"]}),
        ("lock_metadata", "ec2 modify-instance-metadata-options", {"http-endpoint": ["disabled"]}),
        ("snapshot_volumes", "ec2 create-snapshots", {"instance-specification": [f"InstanceId={INSTANCE}"]}),
        ("stop_instance", "ec2 stop-instances", {"instance-ids": [INSTANCE]}),
        ("record_instance", "ec2 describe-instances", {"instance-ids": [INSTANCE]}),
        ("collect_evidence", "ec2 get-console-output", {"instance-id": [INSTANCE]}),
    ],
)
def test_the_last_call_of_a_line_is_what_was_to_be_made(
    tmp_path: Path, action: str, call: str, says: dict[str, list[str]]
) -> None:
    """Given a line, when it is pasted, what it looked up first is what its last call is about."""
    *_, last = pasted(by_hand.line(action, instance()), tmp_path)
    assert " ".join(last[:2]) == call
    assert says.items() <= options(last).items()


def test_a_protection_by_hand_is_both(tmp_path: Path) -> None:
    """Given a protection that failed, the line protects from termination, and from a shutdown from within."""
    first, _ = pasted(by_hand.line("protect_instance", instance()), tmp_path)
    assert options(first)["disable-api-termination"] == []


@pytest.mark.parametrize("found", ["", "sg-known"])
def test_an_isolation_by_hand_is_one_of_every_interface(tmp_path: Path, found: str) -> None:
    """Given an isolation that failed, the line makes a group in the VPC, or takes the one that an earlier paste made.

    It takes the group's rules away, and gives it to each interface.
    """
    calls = pasted(by_hand.line("isolate_instance", instance()), tmp_path, found)
    of: dict[str, list[dict[str, list[str]]]] = {}
    for call in calls:
        of.setdefault(call[1], []).append(options(call))
    assert [one["vpc-id"] for one in of.get("create-security-group", [])] == ([] if found else [[VPC]])
    group = found or "sg-made"
    emptied = of["revoke-security-group-egress"]
    assert all(one["group-id"] == [group] for one in emptied)
    assert [address in str(one) for one, address in zip(emptied, ("0.0.0.0/0", "::/0"), strict=True)] == [True, True]
    moves = of["modify-network-interface-attribute"]
    assert [(one["network-interface-id"], one["groups"]) for one in moves] == [
        (["eni-1"], [group]),
        (["eni-2"], [group]),
    ]
    assert [call[1] for call in calls[-2:]] == ["modify-network-interface-attribute"] * 2


def test_an_isolation_by_hand_moves_nothing_into_a_group_that_has_rules(tmp_path: Path) -> None:
    """Given a group with a rule that stays, when the line is pasted, it fails, and no interface is put into it."""
    calls = pasted(by_hand.line("isolate_instance", instance()), tmp_path, "sg-known", rules=1, works=False)
    assert "modify-network-interface-attribute" not in [call[1] for call in calls]


def test_an_isolation_by_hand_moves_nothing_without_a_group(tmp_path: Path) -> None:
    """Given a group that cannot be made, when the line is pasted, no interface is changed."""
    line = (
        'aws() { case "$*" in *create-security-group*) return 1;; *modify*) touch moved;; *VpcId*) echo x;; esac; }\n'
    )
    line += by_hand.line("isolate_instance", instance())
    ended = subprocess.run([SHELL, "-c", line], check=False, cwd=tmp_path, timeout=10)  # noqa: S603 - as above
    assert ended.returncode != 0
    assert not (tmp_path / "moved").exists()


@pytest.mark.parametrize("known", ["", "sg-known"])
@pytest.mark.parametrize("refused", ["::/0", "revoke"])
def test_a_rule_that_is_not_there_does_not_keep_an_isolation_by_hand(tmp_path: Path, known: str, refused: str) -> None:
    """Given a group without a rule that is to be revoked, when the line is pasted, the interfaces are moved."""
    ended = isolated(
        tmp_path, f"*{refused}*) touch refused; return 254;; *group-name,*) echo {known};; *length*) echo 0;;"
    )
    assert ended == 0
    assert {"moved", "refused"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "answers",
    [
        "*VpcId*) return 254;; *length*) echo 0;;",
        "*group-name,*) return 254;; *length*) echo 0;;",
        "*length*) return 254;;",
        "*length*) echo None;;",
        "*length*) ;;",
    ],
    ids=["no VPC", "groups not read", "rules refused", "rules unknown", "rules not read"],
)
def test_what_cannot_be_read_moves_nothing(tmp_path: Path, answers: str) -> None:
    """Given a VPC, a group or rules that cannot be read, when the line is pasted, it fails, and nothing is moved."""
    assert isolated(tmp_path, answers) != 0
    assert not (tmp_path / "moved").exists()


def isolated(folder: Path, answers: str) -> int:
    """Paste an isolation where AWS answers so; give how it ended. An interface that is moved leaves a file."""
    line = f'aws() {{ case "$*" in {answers} *modify*) touch moved;; *) echo x;; esac; }}\n'
    line += by_hand.line("isolate_instance", instance())
    return subprocess.run([SHELL, "-c", line], check=False, cwd=folder, timeout=10).returncode  # noqa: S603 - as above


@pytest.mark.parametrize("action", ["record_instance", "collect_evidence"])
def test_what_is_kept_by_hand_is_in_a_file_of_the_instance(tmp_path: Path, action: str) -> None:
    """Given evidence that failed, when the line is pasted, what the call answered is in a file by the instance's id."""
    pasted(by_hand.line(action, instance()), tmp_path)
    (kept,) = [path for path in tmp_path.iterdir() if path.name != "told"]
    assert kept.name.startswith(INSTANCE)
    assert kept.read_text() == "answer\n"


@pytest.mark.parametrize("action", LINES)
@pytest.mark.parametrize(
    "odd",
    ["$(touch gone)", "`touch gone`", "'; touch gone; '", '"; touch gone; "', "x\ntouch gone", "--query", "{}", " "],
)
def test_a_line_is_of_an_instance_and_a_region_or_there_is_none(action: str, odd: str) -> None:
    """Given an id or a region that is none, there is no line, also where it only begins or ends as one."""
    for text in (odd, f"{INSTANCE}{odd}", f"{odd}{INSTANCE}"):
        assert by_hand.line(action, instance(text)) == ""
    for text in (odd, f"{REGION}{odd}", f"{odd}{REGION}"):
        assert by_hand.line(action, instance(region=text)) == ""
    assert by_hand.line(action, instance("i-0a1b2c3d")), "an id of the short form"
    for region in ("us-gov-west-1", "cn-north-1", "ap-southeast-2"):
        assert f" --region {region} " in by_hand.line(action, instance(region=region))


@pytest.mark.parametrize("action", [NO_LINE, "disable_key", "no-such-action", ""])
def test_what_no_line_makes_has_none(action: str) -> None:
    """Given what no single line makes, or what is nothing about an instance, there is no line."""
    assert by_hand.line(action, instance()) == ""

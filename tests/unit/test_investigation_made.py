"""What was made, changed or removed: named, with lines that work when pasted and give nothing away."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore
import botocore.session
import pytest

from lambdas import commands
from lambdas.investigation import records
from lambdas.investigation.made import MOST, Inventory, change_of, resources
from lambdas.investigation.makings import CHANGED, MADE, MAKINGS, REMOVED
from tests.unit.trail import LOGS, log

if TYPE_CHECKING:
    from lambdas.model import Json

KEY = "AKIAMADEUP0000000001"


def record(
    name: str, service: str, request: Json | None = None, response: Json | None = None, **fields: Any
) -> records.Record:
    """Read the record of a write."""
    return records.from_event(
        {
            "eventID": "11111111-2222-3333-4444-555555555555",
            "eventTime": "2026-11-27T03:31:00Z",
            "eventName": name,
            "eventSource": f"{service}.amazonaws.com",
            "awsRegion": "eu-west-1",
            "readOnly": False,
            "recipientAccountId": "111122223333",
            "userIdentity": {"accessKeyId": KEY, "type": "IAMUser"},
            "requestParameters": request,
            "responseElements": response,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("name", "service", "request_", "response", "kind", "named", "undo"),
    [
        (
            "RunInstances",
            "ec2",
            {},
            {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}},
            "instance",
            "i-0123456789abcdef0",
            "aws ec2 stop-instances --instance-ids=i-0123456789abcdef0 --region=eu-west-1",
        ),
        (
            "CreateFunction20150331",
            "lambda",
            {"functionName": "miner"},
            {"functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:miner"},
            "function",
            "miner",
            (
                "aws lambda put-function-concurrency --function-name=miner --reserved-concurrent-executions=0 "
                "--region=eu-west-1"
            ),
        ),
        (
            "CreateUser",
            "iam",
            {"userName": "eve"},
            {"user": {"arn": "arn:aws:iam::111122223333:user/eve"}},
            "user",
            "eve",
            "aws iam attach-user-policy --user-name=eve --policy-arn=arn:aws:iam::aws:policy/AWSDenyAll",
        ),
        (
            "PutBucketPolicy",
            "s3",
            {"bucketName": "data"},
            None,
            "bucket",
            "data",
            (
                "aws s3api put-public-access-block --bucket=data --public-access-block-configuration="
                "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true "
                "--region=eu-west-1"
            ),
        ),
        (
            "StopLogging",
            "cloudtrail",
            {"name": "t"},
            None,
            "trail",
            "t",
            "aws cloudtrail start-logging --name=t --region=eu-west-1",
        ),
        ("CreateVpc", "ec2", {}, {"vpc": {"vpcId": "vpc-1"}}, "vpc", "vpc-1", ""),
        ("PutFleetThing", "newservice", {"fleetThingName": "x"}, None, "fleet_thing", "x", ""),
    ],
)
def test_a_write_names_its_thing(  # noqa: PLR0917 - the columns of the table
    name: str, service: str, request_: Json, response: Json | None, kind: str, named: str, undo: str
) -> None:
    """Given a write, listed or not, when it is read, the thing has a kind, a name and what takes it back."""
    [one] = resources(record(name, service, request_, response))
    assert (one.kind, one.id, one.undo) == (kind, named, undo)
    assert one.console.startswith("https://eu-west-1.console.aws.amazon.com/")
    assert one.look.startswith("aws ")
    assert one.by == KEY


def test_several_things_of_one_call_are_each_listed() -> None:
    """Given a call that launched three instances, each is there once."""
    items = [{"instanceId": f"i-{number}"} for number in (1, 2, 3, 3)]
    assert [one.id for one in resources(record("RunInstances", "ec2", {}, {"instancesSet": {"items": items}}))] == [
        "i-1",
        "i-2",
        "i-3",
    ]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("CreateThing", MADE),
        ("RunThing", MADE),
        ("PutThing", CHANGED),
        ("UpdateThing2020_05_31", CHANGED),
        ("DeleteThing", REMOVED),
        ("TerminateThing", REMOVED),
        ("ConsoleLogin", ""),
        ("Creates", ""),
        ("", ""),
    ],
)
def test_an_unknown_write_is_judged_by_its_verb(name: str, change: str) -> None:
    """Given a write without a row, when it is judged, its first word says what it does."""
    assert change_of(record(name, "newservice")) == change


def test_what_failed_or_only_looked_made_nothing() -> None:
    """Given a refused call and a read, when they are judged, nothing was made."""
    assert not list(resources(record("CreateUser", "iam", {"userName": "eve"}, errorCode="AccessDenied")))
    assert not list(resources(record("CreateUser", "iam", {"userName": "eve"}, readOnly=True)))


def test_no_line_gives_a_key_away() -> None:
    """Given a key that was made, when it is listed, no line has the whole id, and one switches the key off."""
    made = record("CreateAccessKey", "iam", {"userName": "eve"}, {"accessKey": {"accessKeyId": KEY, "userName": "eve"}})
    [one] = resources(made)
    assert one.id == KEY
    assert KEY not in one.look + one.undo + one.console + one.note
    assert one.undo == commands.set_key_status("eve", KEY, "Inactive")


@pytest.mark.parametrize("name", ["x; rm -rf ~", "$(curl evil)", "`id`", "--profile=other", "a'b\"c", "x y", "ü"])
def test_a_name_stays_a_name_in_a_shell_and_in_an_address(name: str) -> None:
    """Given a name that a shell could read otherwise, when a line is made, it is one word of it."""
    [one] = resources(record("CreateFunction20150331", "lambda", {"functionName": name}))
    for line in (one.look, one.undo):
        assert f"--function-name={name}" in shlex.split(line)
    assert re.fullmatch(r"https://[!-~]+", one.console)
    assert not set(one.console) & set("\"'<>`$ ;")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u202eb", f"a {KEY}"])
def test_a_name_that_cannot_be_shown_makes_no_line(name: str) -> None:
    """Given a name with control characters or a whole key id in it, when a line would be made, there is none."""
    [one] = resources(record("CreateFunction20150331", "lambda", {"functionName": name}))
    assert (one.look, one.undo) == ("", "")


@pytest.mark.parametrize("region", ["", "eu-west-1; id", "../..", "EU"])
def test_an_odd_region_reaches_no_line_and_no_address(region: str) -> None:
    """Given a record with something else as its region, when lines are made, it is in none of them."""
    for event in (
        record("RunThing", "new", {"thingId": "1"}, awsRegion=region),
        record("CreateFunction20150331", "lambda", {"functionName": "f"}, awsRegion=region),
    ):
        [one] = resources(event)
        assert not region or region not in one.console + one.look + one.undo


def test_a_prohibition_is_not_taken_back() -> None:
    """Given AWS' or our own denial that somebody attached, when it is listed, there is no line that detaches it."""
    for policy in ("AWSDenyAll", "AWSCompromisedKeyQuarantineV3"):
        request = {"userName": "eve", "policyArn": f"arn:aws:iam::aws:policy/{policy}"}
        [one] = resources(record("AttachUserPolicy", "iam", request))
        assert (one.undo, one.note) == ("", "Attached to the user eve.")


def test_other_partitions_have_their_own_console() -> None:
    """Given a record of China, when it is listed, addresses and ARNs are China's."""
    [one] = resources(record("CreateUser", "iam", {"userName": "eve"}), "aws-cn")
    assert one.console.startswith("https://eu-west-1.console.amazonaws.cn/")
    assert "arn:aws-cn:iam::aws:policy/AWSDenyAll" in one.undo


def test_what_was_removed_again_says_so() -> None:
    """Given a user that was made, deleted and made again, when it is listed, the second one is alive."""
    inventory = Inventory()
    inventory.add(record("CreateUser", "iam", {"userName": "eve"}))
    inventory.add(record("DeleteUser", "iam", {"userName": "eve"}, eventTime="2026-11-27T03:40:00Z"))
    [made, removed] = inventory.settled()
    assert (made.state, made.undo) == ("removed again at 2026-11-27T03:40:00Z", "")
    assert removed.change == REMOVED
    inventory.add(record("CreateUser", "iam", {"userName": "eve"}, eventTime="2026-11-27T03:50:00Z"))
    [made] = [one for one in inventory.settled() if one.change == MADE]
    assert (made.at, made.state) == ("2026-11-27T03:50:00Z", "")


def test_very_many_things_are_bounded_and_counted() -> None:
    """Given more things than anybody reads, when they are listed, the rest is counted."""
    inventory = Inventory()
    for number in range(MOST + 5):
        inventory.add(record("CreateUser", "iam", {"userName": f"u{number}"}))
    assert (len(inventory.settled()), inventory.left_out) == (MOST, 5)


@pytest.mark.parametrize("log_name", LOGS)
def test_nearly_every_thing_of_the_real_logs_has_a_name(log_name: str) -> None:
    """Given the real logs, when their writes are listed, nearly every thing is named."""
    inventory = Inventory()
    for event in log(log_name):
        inventory.add(records.from_event(event))
    named = Counter(bool(one.id) for one in inventory.settled())
    assert named[True] / named.total() > 0.85


@cache
def model_of(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Read botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


LINES = sorted({line for row in MAKINGS.values() for line in (row.look, row.undo) if line})


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_a_call_that_the_command_line_has(line: str) -> None:
    """Given a line of the table, its service, operation and options are those of AWS' own model."""
    service, operation, *options = line.split()
    alias = {"s3api": "s3", "configservice": "config"}.get(service, service)
    model = model_of(alias)
    by_name = {botocore.xform_name(name, "-"): name for name in model.operation_names}
    assert operation in by_name
    shape = model.operation_model(by_name[operation]).input_shape
    members = {botocore.xform_name(name, "-") for name in (shape.members if shape else {})}
    given = {option.partition("=")[0].removeprefix("--").removeprefix("no-") for option in options}
    required = {botocore.xform_name(name, "-") for name in (shape.required_members if shape else [])}
    assert required <= given
    for name in given:
        assert name in members | {"query"}

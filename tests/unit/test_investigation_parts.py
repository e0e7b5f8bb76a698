"""The parts in a bucket that behaves like S3: written once, gone on with, read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from lambdas import errors
from lambdas.investigation import rounds
from lambdas.investigation.lineage import Subject
from lambdas.investigation.parts import Lookup, Mark, Shelf
from tests.unit.test_investigation_lookback import KEY, SINCE, UNTIL, record
from tests.unit.trail import Clock, Trail

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP = Lookup(by="AccessKeyId", value=KEY)


@pytest.fixture
def shelf(aws_account: None, new_name: Callable[[], str]) -> Shelf:  # noqa: ARG001 - the account must be there first
    """Give a folder of a bucket of this test's own."""
    s3, bucket = boto3.client("s3", region_name="us-east-1"), f"evidence-{new_name()}"
    s3.create_bucket(Bucket=bucket)
    return Shelf(s3=s3, bucket=bucket, folder=rounds.folder("inc-1", 1))


def test_a_part_is_written_once_and_read_again(shelf: Shelf) -> None:
    """Given a part, when another of the same number is written, the first one stays, with its mark and its records."""
    mark = Mark(part=1, events=1, token="t" * 3_000, until=UNTIL, newest=UNTIL)
    assert shelf.write("eu-west-1", LOOKUP, mark, ['{"eventID":"a"}'])
    assert not shelf.write("eu-west-1", LOOKUP, Mark(part=1, done=True), ['{"eventID":"b"}'])
    assert shelf.mark("eu-west-1", LOOKUP, 1) == mark
    assert list(shelf.records()) == [{"eventID": "a"}]
    assert shelf.event_ids("eu-west-1", LOOKUP, 1) == {"a"}
    assert shelf.last("eu-west-1") == {LOOKUP.folder: 1}
    assert shelf.last("eu-west-2") == {}


def test_a_document_is_kept_once(shelf: Shelf) -> None:
    """Given a document, when it is kept twice, the first one stays; of one that is not there, nothing comes."""
    assert shelf.kept("rounds/1.json") is None
    assert shelf.keep("rounds/1.json", {"a": 1})
    assert not shelf.keep("rounds/1.json", {"a": 2})
    assert shelf.kept("rounds/1.json") == {"a": 1}
    assert list(shelf.records()) == [], "a document is no part"


def test_a_look_in_a_real_bucket(shelf: Shelf) -> None:
    """Given a look in pieces of three seconds, when it is done, everything is in the bucket once."""
    trail = Trail(Clock()).hold(record(number) for number in range(700))
    told = rounds.open_look(shelf, [Subject(kind="key", value=KEY)], since=SINCE, until=UNTIL)
    done = False
    while not done:
        done = rounds.look_up(trail, shelf, "eu-west-1", told["round"], seconds=3, pace=trail.clock.pace())["done"]
    assert sorted(one["eventID"] for one in shelf.records()) == [f"eu-west-1-{number:08}" for number in range(700)]
    assert rounds.follow(shelf, 1) == {"round": 2, "lookups": 0, "left_out": 0}


def test_a_round_that_is_not_there_is_said(shelf: Shelf) -> None:
    """Given a look that nobody opened, when a round of it is read, Unexpected is raised."""
    with pytest.raises(errors.Unexpected):
        rounds.read(shelf, 1)


def test_a_bucket_that_is_not_there_is_a_named_error(shelf: Shelf) -> None:
    """Given no bucket, when a part is written, one of our own errors is raised."""
    nowhere = Shelf(s3=shelf.s3, bucket="evidence-nobody-has", folder=shelf.folder)
    with pytest.raises(errors.TourniquetError):
        nowhere.write("eu-west-1", LOOKUP, Mark(part=1), [])
    with pytest.raises(errors.TourniquetError):
        list(nowhere.records())

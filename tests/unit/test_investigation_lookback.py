"""A hundred thousand events in seventeen regions, refusals, functions that die: nothing is lost, nothing is twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from lambdas import errors
from lambdas.investigation import rounds
from lambdas.investigation.lineage import Subject
from lambdas.investigation.lookback import PAGE, look_back
from lambdas.investigation.parts import Lookup
from tests.unit.samples import ROOT
from tests.unit.trail import Bucket, Clock, FolderBucket, Trail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lambdas.investigation.parts import Shelf
    from lambdas.model import Json

KEY = "AKIAMADEUP0000000001"
BY_KEY = Lookup(by="AccessKeyId", value=KEY)
SINCE, UNTIL = "2026-09-01T00:00:00Z", "2026-11-27T00:00:00Z"
REGIONS = [f"region-{number}" for number in range(17)]
WHOLE = 100_000


def record(number: int, region: str = "eu-west-1", **fields: Any) -> Json:
    """Make a record; the time goes on by a second every third."""
    seconds = number // 3
    at = f"2026-11-{seconds // 86_400 % 25 + 1:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
    return {
        "eventID": f"{region}-{number:08}",
        "eventTime": at,
        "eventName": f"Describe{number % 60}",
        "eventSource": "ec2.amazonaws.com",
        "awsRegion": region,
        "readOnly": number % 5 > 0,
        "userIdentity": {"type": "IAMUser", "userName": "mallory", "principalId": "AIDAMALLORY", "accessKeyId": KEY},
        "sourceIPAddress": f"198.51.100.{number % 250}",
        "userAgent": "aws-cli/2",
        "requestParameters": {"filler": "x" * 300},
        "responseElements": None,
        **fields,
    }


def ids(shelf: Shelf) -> list[str]:
    """List the ids of all events that were kept."""
    return [str(one["eventID"]) for one in shelf.records()]


def look(trail: Trail, shelf: Shelf, seconds: float = 9_999, most: int = 10**9) -> Json:
    """Look one key up in one region."""
    clock = trail.clock
    return look_back(
        trail,
        shelf,
        "eu-west-1",
        [BY_KEY],
        since=SINCE,
        until=UNTIL,
        seconds=seconds,
        pace=clock.pace(),
        most=most,
    )


def test_everything_is_found_once_and_counted() -> None:
    """Given 1,234 events, when they are looked up, each is kept once, in parts, with the counts told."""
    trail, bucket = Trail(Clock()).hold(record(number) for number in range(1_234)), Bucket()
    told = look(trail, bucket.shelf())
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(1_234)]
    assert told == {
        "region": "eu-west-1",
        "done": True,
        "lookups": 1,
        "left": 0,
        "calls": 25,
        "events": 1_234,
        "parts": 2,
        "throttled": 0,
        "truncated": 0,
    }
    assert KEY not in "".join(bucket.objects), "no name of an object gives the key away"


def test_a_second_call_after_the_end_asks_nothing() -> None:
    """Given a look that is done, when it is called again, CloudTrail is not asked, nothing is written, it is done."""
    trail, bucket = Trail(Clock()).hold(record(number) for number in range(120)), Bucket()
    look(trail, bucket.shelf())
    asked, objects = len(trail.asked), dict(bucket.objects)
    told = look(trail, bucket.shelf())
    assert (told["done"], told["calls"], len(trail.asked)) == (True, 0, asked)
    assert bucket.objects == objects


def test_a_credential_that_nobody_used_is_not_asked_about_again() -> None:
    """Given a key without events, when it is looked up twice, CloudTrail is asked once."""
    trail, bucket = Trail(Clock()), Bucket()
    assert look(trail, bucket.shelf())["events"] == 0
    assert look(trail, bucket.shelf())["done"]
    assert len(trail.asked) == 1
    assert ids(bucket.shelf()) == []


def test_the_time_is_kept_and_the_next_call_goes_on() -> None:
    """Given three seconds a call, when it is called until done, no call works longer, and all is there once."""
    trail, bucket = Trail(Clock()).hold(record(number) for number in range(2_000)), Bucket()
    told, calls = {"done": False}, 0
    while not told["done"]:
        began = trail.clock.now
        told = look(trail, bucket.shelf(), seconds=3)
        calls += 1
        assert trail.clock.now - began < 4
    assert calls == 7
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(2_000)]


def test_no_time_at_all_changes_nothing() -> None:
    """Given no time, when it is called, nothing is asked or written, and it says that it is not done."""
    trail, bucket = Trail(Clock()).hold([record(1)]), Bucket()
    assert look(trail, bucket.shelf(), seconds=0)["done"] is False
    assert (trail.asked, bucket.objects) == ([], {})


@pytest.mark.parametrize("dies_at", range(1, 8))
def test_a_function_killed_right_after_a_part_repeats_nothing(dies_at: int) -> None:
    """Given a function that is killed when a part was just written, when it is called again, no event is twice."""
    trail = Trail(Clock()).hold(record(number) for number in range(6_500))
    bucket = Bucket(killed_after=lambda writes: writes == dies_at)
    with pytest.raises(KeyboardInterrupt):
        look(trail, bucket.shelf())
    calls = len(trail.asked)
    assert look(trail, bucket.shelf())["done"]
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(6_500)]
    assert len(trail.asked) == 130, f"asked again after {calls}"


@pytest.mark.parametrize("dies_at", [1, 7, 19, 20, 21, 45])
def test_a_function_killed_between_parts_asks_only_those_pages_again(dies_at: int) -> None:
    """Given a function that is killed at a call, when it is called again, at most a part is asked for anew."""

    def killed(number: int) -> str:
        if number == dies_at:
            raise KeyboardInterrupt
        return ""

    trail = Trail(Clock(), refuse=killed).hold(record(number) for number in range(2_500))
    bucket = Bucket()
    with pytest.raises(KeyboardInterrupt):
        look(trail, bucket.shelf())
    assert look(trail, bucket.shelf())["done"]
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(2_500)]
    assert len(trail.asked) <= 50 + 20


def test_two_at_work_at_once_write_nothing_twice() -> None:
    """Given somebody else who writes the same parts meanwhile, when both are done, each event is there once."""
    trail = Trail(Clock()).hold(record(number) for number in range(3_000))
    bucket = Bucket()
    other = Trail(Clock()).hold(trail.records)

    def meddle(number: int) -> str:
        if number == 5:
            look(other, bucket.shelf(), seconds=11)
        return ""

    trail.refuse = meddle
    assert look(trail, bucket.shelf())["done"]
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(3_000)]


def test_refused_calls_count_and_lose_nothing() -> None:
    """Given a CloudTrail that refuses every fourth call, when it is asked on, it is asked slower and all is found."""
    trail = Trail(Clock(), refuse=lambda number: "ThrottlingException" if number % 4 == 0 else "")
    trail.hold(record(number) for number in range(1_500))
    bucket = Bucket()
    told = look(trail, bucket.shelf())
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(1_500)]
    assert told["throttled"] == told["calls"] - 30 > 5
    assert trail.most_in_a_second() <= 2


def test_a_throttling_that_does_not_end_uses_the_time_and_no_more() -> None:
    """Given a CloudTrail that refuses always, it is asked ever slower until the time is over."""
    trail = Trail(Clock(), refuse=lambda _: "ThrottlingException").hold([record(1)])
    told = look(trail, Bucket().shelf(), seconds=60)
    assert told["done"] is False
    assert told["calls"] < 15


def test_what_was_found_before_a_failure_is_kept() -> None:
    """Given permissions that are taken away meanwhile, when it fails, NotPermitted is raised and the pages are kept."""
    trail = Trail(Clock(), refuse=lambda number: "AccessDeniedException" if number == 4 else "")
    trail.hold(record(number) for number in range(500))
    bucket = Bucket()
    with pytest.raises(errors.NotPermitted):
        look(trail, bucket.shelf())
    assert len(ids(bucket.shelf())) == 3 * PAGE
    assert look(trail, bucket.shelf())["done"]
    assert len(set(ids(bucket.shelf()))) == len(ids(bucket.shelf())) == 500


def test_a_region_that_does_not_answer_is_unavailable() -> None:
    """Given a region that nobody reaches, when it was tried several times, Unavailable is raised."""

    class Gone:
        def lookup_events(self, **_: object) -> Json:
            raise EndpointConnectionError(endpoint_url="https://cloudtrail.nowhere")

    with pytest.raises(errors.Unavailable):
        look_back(Gone(), Bucket().shelf(), "x", [BY_KEY], since=SINCE, until=UNTIL, seconds=99, pace=Clock().pace())


def test_a_token_that_got_old_is_replaced_by_the_time() -> None:
    """Given tokens that last a minute, when a look goes on after an hour, nothing is missing and nothing is twice."""
    trail, bucket = Trail(Clock(), token_lasts=60).hold(record(number) for number in range(3_000)), Bucket()
    while not look(trail, bucket.shelf(), seconds=8)["done"]:
        trail.clock.sleep(3_600)
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(3_000)]


def test_tokens_that_are_never_taken_end_in_an_error() -> None:
    """Given a CloudTrail that takes none of its tokens, when it was tried, Unexpected is raised instead of going on."""
    trail = Trail(Clock(), token_lasts=-1).hold(record(number) for number in range(500))
    with pytest.raises(errors.Unexpected):
        look(trail, Bucket().shelf())


def test_records_that_repeat_are_kept_once() -> None:
    """Given a history that has each event twice, far apart, when it is looked up, each is kept once."""
    trail = Trail(Clock()).hold(record(number // 2) for number in range(800))
    trail.hold(record(number) for number in range(400))
    bucket = Bucket()
    look(trail, bucket.shelf())
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(400)]


def test_enough_is_enough_and_is_said() -> None:
    """Given a limit, when there is more, the look ends at the page that reaches it and says that it was cut."""
    trail, bucket = Trail(Clock()).hold(record(number) for number in range(900)), Bucket()
    told = look(trail, bucket.shelf(), most=210)
    assert (told["done"], told["truncated"]) == (True, 1)
    assert len(ids(bucket.shelf())) == 250
    assert look(trail, bucket.shelf(), most=210)["truncated"] == 1, "the next call still says it"


def test_only_the_time_that_was_asked_for_is_looked_up() -> None:
    """Given events before and after, when a span is looked up, only what is in it is kept."""
    trail = Trail(Clock()).hold(record(number, eventTime=f"2026-11-{number + 1:02}T12:00:00Z") for number in range(20))
    bucket = Bucket()
    look_back(
        trail,
        bucket.shelf(),
        "eu-west-1",
        [BY_KEY],
        since="2026-11-05T12:00:00Z",
        until="2026-11-09T12:00:00Z",
        seconds=99,
        pace=trail.clock.pace(),
    )
    assert sorted(ids(bucket.shelf())) == [f"eu-west-1-{number:08}" for number in range(4, 9)]


def history() -> Iterator[tuple[str, Json]]:
    """Make a hundred thousand events in 17 regions; the first issues a credential that has the last hundredth."""
    child = {"credentials": {"accessKeyId": "ASIAMADEUP0000000002", "sessionToken": "secret"}}
    for number in range(WHOLE):
        region = REGIONS[number % len(REGIONS)]
        if number == 0:
            yield region, record(number, region, eventName="GetSessionToken", responseElements=child)
        elif number % 100 == 99:
            identity = {"type": "IAMUser", "userName": "mallory", "accessKeyId": "ASIAMADEUP0000000002"}
            yield region, record(number, region, userIdentity=identity)
        else:
            yield region, record(number, region)


class Deaths:
    """Kills whoever wrote, at every so many writes."""

    def __init__(self, every: int) -> None:
        self.so_far, self.writes, self.every = 0, count(1), every

    def __call__(self, _: int) -> bool:
        """Say whether the one that just wrote dies."""
        dead = next(self.writes) % self.every == 0
        self.so_far += dead
        return dead


def look_up_until_done(shelf: Shelf, number: int, trails: dict[str, Trail]) -> None:
    """Start the function of each region again, whether it died or its time was over, until it is done."""
    for region, trail in trails.items():
        done = False
        while not done:
            try:
                told = rounds.look_up(trail, shelf, region, number, seconds=30, pace=trail.clock.pace())
            except KeyboardInterrupt:
                continue
            done = told["done"]


def test_a_hundred_thousand_events_in_seventeen_regions(tmp_path: Path) -> None:
    """Given throttling and functions that die, all is found once, as fast as CloudTrail lets, in little memory."""
    refused = {region: (lambda number: "ThrottlingException" if number % 40 == 0 else "") for region in REGIONS}
    trails = {region: Trail(Clock(), refuse=refused[region], call_takes=0.2) for region in REGIONS}
    whole = defaultdict(list)
    for region, one in history():
        whole[region].append(one)
    for region, trail in trails.items():
        trail.hold(whole[region])
    deaths = Deaths(every=25)
    bucket = FolderBucket(folder=tmp_path)
    shelf = bucket.shelf()
    told = rounds.open_look(shelf, [Subject(kind="key", value=KEY)], since=SINCE, until=UNTIL)
    for looked_up in (WHOLE - WHOLE // 100, WHOLE):
        assert told["lookups"] == 1
        bucket.killed_after = deaths
        look_up_until_done(shelf, told["round"], trails)
        bucket.killed_after = lambda _: False
        found = bucket.event_ids()
        assert len(found) == len(set(found)) == looked_up
        told, peak = follow_elsewhere(tmp_path, told["round"])
        assert peak < 256 * 1024 * 1024, f"{peak >> 20} MB"
    assert told["lookups"] == 0
    assert set(found) == {one["eventID"] for some in whole.values() for one in some}
    assert deaths.so_far > 3
    for trail in trails.values():
        assert trail.most_in_a_second() <= 2
        pages = -(-len(trail.records) // PAGE) + 1
        assert trail.clock.now - 1_000 < pages * 0.5 * 1.3


_FOLLOW = """
import json, resource, sys
from pathlib import Path
from lambdas.investigation import rounds
from tests.unit.trail import FolderBucket
told = rounds.follow(FolderBucket(folder=Path(sys.argv[1])).shelf(), int(sys.argv[2]))
status = Path("/proc/self/status")  # what getrusage says, Linux takes over from who started the process
lines = status.read_text().splitlines() if status.exists() else []
peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
print(json.dumps([told, *(peak or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])]))
"""


def follow_elsewhere(folder: Path, number: int) -> tuple[Json, int]:
    """Follow in a process of its own; give the answer and the bytes of memory that the process had at most."""
    command = [sys.executable, "-c", _FOLLOW, str(folder), str(number)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    told, kilobytes = json.loads(said)
    return told, kilobytes * (1 if sys.platform == "darwin" else 1024)

"""Two real logs, served as CloudTrail serves them: an investigation finds exactly what is in them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.investigation import records
from lambdas.investigation.lineage import Lineage, Subject, first_lookups, next_lookups
from lambdas.investigation.lookback import look_back
from tests.unit.trail import LOGS, Bucket, Clock, Trail, data, log

if TYPE_CHECKING:
    from lambdas.investigation.lineage import Tree
    from lambdas.investigation.parts import Shelf

SINCE, UNTIL = "2023-01-01T00:00:00Z", "2025-12-31T00:00:00Z"


@pytest.fixture(scope="module")
def trails() -> dict[str, dict[str, Trail]]:
    """Give the event history of each log, by region."""
    found: dict[str, dict[str, Trail]] = {}
    for name in LOGS:
        by_region = defaultdict(list)
        for record in log(name):
            by_region[record["awsRegion"]].append(record)
        found[name] = {region: Trail(Clock()).hold(some) for region, some in by_region.items()}
    return found


def investigate(trails: dict[str, Trail], root: Subject, rounds: int = 9) -> tuple[Lineage, Tree, Shelf]:
    """Look back in every region, follow what was found, and look again until there is nothing new."""
    bucket, done = Bucket(), set()
    wanted, lineage = first_lookups([root]), Lineage()
    for number in range(rounds):
        shelf = bucket.shelf(f"incidents/inc-1/investigation/{number}")
        for region, trail in trails.items():
            told = look_back(
                trail, shelf, region, wanted, since=SINCE, until=UNTIL, seconds=9_999, pace=trail.clock.pace()
            )
            assert told["done"]
        lineage.fold(records.read(one) for one in shelf.records())
        tree = lineage.tree([root])
        done |= set(wanted)
        wanted = next_lookups(tree, done)
        if not wanted:
            break
    return lineage, tree, shelf


def expected() -> list[Any]:
    """List each key of which is known what is to be found."""
    try:
        known = data("cloudtrail/expected_by_access_key.json")
    except pytest.skip.Exception:
        return [pytest.param("", "", marks=pytest.mark.skip("no logs beside the project"))]
    return [pytest.param(log, key, id=f"{log}-{key[-4:]}") for log, keys in known.items() for key in keys]


@pytest.mark.parametrize(("log_name", "key"), expected())
def test_each_key_s_history_is_exactly_what_the_log_has(
    trails: dict[str, dict[str, Trail]], log_name: str, key: str
) -> None:
    """Given a key in a real log, when it is investigated, its history has every event once and nothing else."""
    want = data("cloudtrail/expected_by_access_key.json")[log_name][key]
    lineage, tree, _ = investigate(trails[log_name], Subject(kind="key", value=key))
    history = lineage.histories[key]
    assert history.events == want["management_events_deduped"] == want["distinct_eventIDs"]
    assert history.regions == want["regions"]
    assert (history.first, history.last) == (want["first"], want["last"])
    assert len(history.names) == want["distinct_event_names"]
    assert history.writes == want["writes"]
    assert {code: history.errors[code] for code in want["errors"]} == want["errors"]
    assert len(history.sources) == want["source_ips"]
    assert history.keys_created == sorted(want["keys_created"])
    assert history.sts_credentials_issued == sorted(want["sts_credentials_issued"])
    by, identity = history.by, want["identity"]
    assert (by.type, by.id, by.arn) == (identity["type"], identity["principalId"], identity["arn"])
    assert by.name == (identity["userName"] or "")
    assert {*want["keys_created"], *want["sts_credentials_issued"]} <= set(tree.nodes)

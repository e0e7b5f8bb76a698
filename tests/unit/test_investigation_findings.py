"""The findings: the whole story as one document, what is handed over, and what could not be known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.investigation import records, rounds
from lambdas.investigation.closing import Removals, found
from lambdas.investigation.findings import MOST_LINES, MOST_RUNS, MOST_TOLD, Case, Story, findings
from lambdas.investigation.lineage import Lineage, Subject
from tests.unit.test_investigation_lineage import ACCOUNT, ROOT, ROOT_KEY, assume, call, made, session, story
from tests.unit.trail import LOGS, Bucket, Clock, Trail, log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.model import Json

NOW = "2026-11-27T04:00:00Z"
CASE = Case(incident_id="inc-1", account=ACCOUNT, made_at=NOW, since="2026-09-01T00:00:00Z", until=NOW)

#: The document's keys, as those who render it know them, and the keys of what is in its lists.
KEYS = {
    "timeline": "at until name service region by principal address agent count ok error write tactics weight what",
    "credentials": (
        "id key_id kind principal name parent issued_by issued_at expires depth events denied first last regions state"
        " born_of_case"
    ),
    "sources": "address agents events denied first last",
    "errors": "name code count",
    "suspicious": "name service tactics techniques count denied first last why",
    "logging": "at name region what ok",
    "resources": "kind id arn region change event at by ok state console look remove note",
    "found": "kind id name account region why proof",
}
TOP = (
    "schema incident_id account partition made_at since until look outcome held title subjects done counts first last"
    " stock principals cost posture next_steps unknown"
)
ALL = {*TOP.split(), *KEYS}


def told(events: Iterable[Json], case: Case = CASE, root: Subject = ROOT) -> Json:
    """Investigate records."""
    read = [records.from_event(event) for event in events]
    lineage = Lineage()
    lineage.fold(read)
    whole = Story(tree=lineage.tree([root]), partition=case.partition)
    whole.fold([*read, *read])
    return findings(case, lineage, whole)


def test_the_document_has_the_shape_that_others_render() -> None:
    """Given a story, when it is told, the document and everything in it has the agreed keys, and is JSON."""
    document = told([*story(), *(call("ListUsers", ROOT_KEY, minute, errorCode="AccessDenied") for minute in range(9))])
    assert set(document) == ALL
    for name, keys in KEYS.items():
        for one in document[name]:
            assert set(one) == set(keys.split())
    assert document["counts"].keys() == {"events", "denied", "writes", "regions", "credentials", "sources"}
    assert json.loads(json.dumps(document)) == document


def test_only_the_case_s_own_calls_are_told() -> None:
    """Given an innocent who works beside, when the story is told, nothing of it is in the document."""
    document = told(story())
    assert "alice" not in json.dumps(document)
    assert document["counts"]["events"] == len(story()) - 2
    assert document["counts"]["credentials"] == len(document["credentials"]) == 8


def test_whole_key_ids_stand_only_where_they_may() -> None:
    """Given a story, when it is told, key ids are whole in ``key_id`` and in the ids of things, nowhere else."""
    document = told(story())
    ids = {one["key_id"] for one in document["credentials"]}
    for one in document["credentials"]:
        del one["key_id"]
    for one in [*document["resources"], *document["found"]]:
        del one["id"]
    whole = json.dumps(document)
    assert ids
    assert not [one for one in ids if one in whole]


def test_credentials_with_the_same_end_have_different_names() -> None:
    """Given two credentials whose last four letters are the same, when they are told, people can tell them apart."""
    events = [
        call(
            "GetSessionToken",
            ROOT_KEY,
            number,
            responseElements={"credentials": {"accessKeyId": f"ASIA{number}00000000000SAME"}},
        )
        for number in range(1, 4)
    ]
    names = [one["id"] for one in told(events)["credentials"]]
    assert len(names) == len(set(names)) == 4
    assert all(len(name) < 14 for name in names)


def test_the_same_call_is_one_line_and_what_weighs_stands_alone() -> None:
    """Given many reads and some grave writes, when they are told, reads are a line an hour, grave ones a minute."""
    reads = [{**call("ListUsers", ROOT_KEY, minute), "readOnly": True} for minute in range(50)]
    writes = [call("CreateUser", ROOT_KEY, minute, requestParameters={"userName": f"u{minute}"}) for minute in (1, 2)]
    lines = told([*reads, *writes])["timeline"]
    assert [(line["name"], line["count"]) for line in lines] == [
        ("ListUsers", 50),
        ("CreateUser", 1),
        ("CreateUser", 1),
    ]
    assert (lines[0]["at"], lines[0]["until"]) == ("2026-11-27T03:00:00Z", "2026-11-27T03:49:00Z")
    assert all(line["what"].endswith(".") for line in lines)


def test_the_order_in_which_records_arrive_changes_nothing() -> None:
    """Given the same records backwards, when they are told, the document is the same."""
    assert told(story()) == told(reversed(story()))


def test_a_failure_is_told_as_one() -> None:
    """Given refused and failed calls, when they are told, they are no change and say so."""
    events = [
        call("CreateUser", ROOT_KEY, 1, errorCode="AccessDenied"),
        call("CreateUser", ROOT_KEY, 2, errorCode="EntityAlreadyExists"),
        call("StopLogging", ROOT_KEY, 3, service="cloudtrail", errorCode="TrailNotFoundException"),
    ]
    document = told(events)
    assert [line["what"].split()[0] for line in document["timeline"]] == ["Refused.", "Failed.", "Failed."]
    assert not document["resources"]
    assert [one["ok"] for one in document["logging"]] == [False]
    assert "Switch on again what records and watches." not in document["next_steps"]


def test_a_trail_that_was_stopped_is_told_and_limits_what_is_known() -> None:
    """Given a trail that was stopped, when it is told, it is in the recording's list, the steps and the unknown."""
    document = told([call("StopLogging", ROOT_KEY, 3, service="cloudtrail", requestParameters={"name": "t"})])
    assert [one["name"] for one in document["logging"]] == ["StopLogging"]
    assert document["next_steps"][0] == "Switch on again what records and watches."
    assert any("StopLogging was called at 2026-11-27T03:03:00Z" in one for one in document["unknown"])


def test_what_could_not_be_found_out_is_said() -> None:
    """Given regions that were silent, look-ups that were cut, credentials that were left out, each is said."""
    case = Case(
        made_at=NOW, since="2026-09-01T00:00:00Z", until=NOW, silent=("me-south-1",), cut=2, most=50_000, left_out=7
    )
    unknown = "\n".join(told(story(), case)["unknown"])
    for said in ("data events", "some minutes late", "me-south-1", "2 look-ups", "7 more credentials", "90 days"):
        assert said in unknown
    second = Case(made_at=NOW, since="", until=NOW, look=2)
    assert "some minutes late" not in "\n".join(told(story(), second)["unknown"])


def test_nothing_found_is_said() -> None:
    """Given no record at all, when it is told, the document is whole and says that there was nothing."""
    document = told([])
    assert set(document) == ALL
    assert "No event was found." in document["unknown"][0]
    assert [one["events"] for one in document["credentials"]] == [0]


def test_a_long_story_is_cut_where_it_weighs_least() -> None:
    """Given more lines than anybody reads, when it is told, the grave ones are there and the rest is counted."""
    reads = [
        {**call(f"List{number}", ROOT_KEY, number % 60), "eventID": str(number), "readOnly": True}
        for number in range(MOST_LINES + 40)
    ]
    grave = call("CreateUser", ROOT_KEY, 59, requestParameters={"userName": "eve"})
    document = told([*reads, grave])
    assert len(document["timeline"]) == MOST_LINES
    assert "CreateUser" in {line["name"] for line in document["timeline"]}
    assert any("41 lines of the timeline more" in one for one in document["unknown"])


def test_an_attacker_who_never_calls_twice_alike_fills_no_memory() -> None:
    """Given a new agent at each call, when they are told, they fall together at some point, and all are counted."""
    lineage = Lineage()
    whole = Story(tree=lineage.tree([ROOT]))
    event = {**call("ListUsers", ROOT_KEY, 1), "readOnly": True}
    first = records.from_event(event)
    for number in range(MOST_RUNS + 500):
        whole.fold([type(first)(event_id=str(number), name="ListUsers", key_id=ROOT_KEY, agent=str(number))])
    assert len(whole.runs) == MOST_RUNS + 1
    assert sum(run.count for run in whole.runs.values()) == MOST_RUNS + 500


def handed_over(events: Iterable[Json], **more: Any) -> list[tuple[str, str]]:
    """List what is handed over, by kind and id."""
    read = [records.from_event(event) for event in events]
    lineage, removals = Lineage(), Removals()
    lineage.fold(read)
    for record in read:
        removals.add(record)
    return [(one["kind"], one["id"]) for one in found(lineage.tree([ROOT]), removals, now=NOW, **more)]


USER = made("CreateUser", 1, {"user": {"userName": "eve", "userId": "AIDAEVE"}}, requestParameters={"userName": "eve"})
THEIR_KEY = made("CreateAccessKey", 2, {"accessKey": {"accessKeyId": "AKIAMADEUP0000000001", "userName": "eve"}})
INSTANCE = made("RunInstances", 3, {"instancesSet": {"items": [{"instanceId": "i-1"}]}}, service="ec2")
SESSION = assume(ROOT_KEY, 4, "ASIAMADEUP0000000002", "deploy")
EVERYTHING = [USER, THEIR_KEY, INSTANCE, SESSION]


def test_what_is_alive_and_proven_is_handed_over_with_its_proof() -> None:
    """Given a user, a key, an instance and a session of the case, each is handed over with its proof."""
    document = told(EVERYTHING)
    assert [(one["kind"], one["id"], one["proof"]) for one in document["found"]] == [
        ("user", "AIDAEVE", USER["eventID"]),
        ("access_key", "AKIAMADEUP0000000001", THEIR_KEY["eventID"]),
        ("instance", "i-1", INSTANCE["eventID"]),
        ("role_session", "AROADEPLOY:s", SESSION["eventID"]),
    ]
    assert [one["account"] for one in document["found"]] == [ACCOUNT] * 4
    assert document["found"][2]["region"] == "us-east-1"


@pytest.mark.parametrize("number", range(4))
def test_what_failed_is_never_handed_over(number: int) -> None:
    """Given one of the calls refused, when things are handed over, its thing is not among them."""
    events = [{**event, "errorCode": "AccessDenied"} if at == number else event for at, event in enumerate(EVERYTHING)]
    assert len(handed_over(events)) == 3


def test_what_is_gone_or_over_is_never_handed_over() -> None:
    """Given things that were removed again or that expired, when things are handed over, they are not among them."""
    removed = [
        call("DeleteUser", "AKIAOWNER", 50, requestParameters={"userName": "eve"}),
        call(
            "TerminateInstances",
            "AKIAOWNER",
            50,
            service="ec2",
            requestParameters={"instancesSet": {"items": [{"instanceId": "i-1"}]}},
        ),
    ]
    assert handed_over([*EVERYTHING, *removed]) == [("role_session", "AROADEPLOY:s")], "the user's key went with it"
    key_only = call("DeleteAccessKey", "AKIAOWNER", 50, requestParameters={"accessKeyId": "AKIAMADEUP0000000001"})
    assert ("access_key", "AKIAMADEUP0000000001") not in handed_over([*EVERYTHING, key_only])
    expired = assume(ROOT_KEY, 4, "ASIAMADEUP0000000002", "deploy")
    expired["responseElements"]["credentials"]["expiration"] = "Nov 27, 2026, 3:59:59 AM"
    assert handed_over([expired]) == []
    assert handed_over(EVERYTHING, gone={"AIDAEVE", "i-1"}) == [
        ("access_key", "AKIAMADEUP0000000001"),
        ("role_session", "AROADEPLOY:s"),
    ]


def test_a_user_that_was_made_again_is_alive() -> None:
    """Given a user that was deleted before it was made, when things are handed over, it is among them."""
    earlier = call("DeleteUser", "AKIAOWNER", 0, requestParameters={"userName": "eve"})
    assert ("user", "AIDAEVE") in handed_over([earlier, USER])


def test_what_no_record_ties_to_the_case_is_never_handed_over() -> None:
    """Given an innocent who makes the same things meanwhile, nothing of theirs is handed over."""
    alice = {"type": "IAMUser", "userName": "alice", "principalId": "AIDAALICE"}
    theirs = [
        {**event, "eventID": f"x-{at}", "userIdentity": {**alice, "accessKeyId": "AKIAMADEUP0000ALICE1"}}
        for at, event in enumerate(EVERYTHING)
    ]
    assert handed_over(theirs) == []
    assert handed_over([*theirs, SESSION]) == [("role_session", "AROADEPLOY:s")]


def test_the_responder_s_own_is_never_handed_over() -> None:
    """Given a session of a role of the responder, by its name or its id, it is not handed over."""
    assert handed_over([SESSION], own={"deploy"}) == []
    assert handed_over([SESSION], own={"AROADEPLOY"}) == []


@pytest.mark.parametrize("name", ["x", "deploy"])
def test_nobody_hides_behind_the_responder_s_name_or_path(name: str) -> None:
    """Given a user with the path of the responder's roles, or with a role's name, it is handed over."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/tourniquet/{name}"
    theirs = made("CreateUser", 1, {"user": {"userName": name, "userId": "AIDAEVE", "arn": arn}})
    assert handed_over([theirs], own={"deploy"}) == [("user", "AIDAEVE")]


def test_what_is_made_again_in_the_second_of_its_removal_is_handed_over() -> None:
    """Given a user that was made, deleted and made again within a second, it is not taken for gone."""
    removed = call("DeleteUser", ROOT_KEY, 1, requestParameters={"userName": "eve"})
    assert ("user", "AIDAEVE") in handed_over([USER, removed])


def test_what_the_sessions_of_a_shared_role_made_is_not_handed_over() -> None:
    """Given a case about a role and nothing narrower, nothing of all its callers is handed over, and that is said."""
    theirs = {**USER, "userIdentity": {**USER["userIdentity"], "accessKeyId": "ASIAMADEUP0000000002"}}
    lineage = Lineage()
    lineage.fold(records.from_event(one) for one in (SESSION, theirs))
    story = Story(tree=lineage.tree([Subject(kind="role", value="deploy")]))
    story.fold(records.from_event(one) for one in (SESSION, theirs))
    document = findings(CASE, lineage, story)
    assert document["found"] == []
    assert any("All callers of a role were followed" in one for one in document["unknown"])
    assert "CreateUser" in {one["event"] for one in document["resources"]}


def test_what_was_made_before_the_credentials_were_suspect_is_told_and_not_handed_over() -> None:
    """Given things that a key made long before its leak, they are not contained, and it is said that they are alive."""
    lineage = Lineage()
    lineage.fold(records.from_event(one) for one in EVERYTHING)
    story = Story(tree=lineage.tree([ROOT]))
    story.fold(records.from_event(one) for one in EVERYTHING)
    document = findings(replace(CASE, suspect_since=INSTANCE["eventTime"]), lineage, story)
    assert [one["kind"] for one in document["found"]] == ["instance", "role_session"]
    assert any(one.startswith("2 things that these credentials made before") for one in document["unknown"])


def test_a_whole_look_ends_in_findings() -> None:
    """Given a look in the bucket, when it is told, the findings are those of its records."""
    trail, bucket = Trail(Clock()).hold(story()), Bucket()
    shelf = bucket.shelf(rounds.folder("inc-1", 1))
    at = rounds.open_look(shelf, [ROOT], since=CASE.since, until="2026-11-28T00:00:00Z")
    while at["lookups"]:
        rounds.look_up(trail, shelf, "us-east-1", at["round"], seconds=999, pace=trail.clock.pace())
        at = rounds.follow(shelf, at["round"])
    document = rounds.tell(shelf, at["round"], CASE)
    assert document["counts"] == told(story())["counts"]
    assert document["until"] == "2026-11-28T00:00:00Z"


@pytest.mark.parametrize("log_name", LOGS)
def test_the_real_logs_are_told(log_name: str) -> None:
    """Given every key of the real logs, the document is whole, and handed over is what is proven."""
    events = log(log_name)
    read = [records.from_event(event) for event in events]
    proofs = {record.event_id for record in read}
    keys = sorted({record.key_id for record in read if record.key_id})[:25]
    lineage = Lineage()
    lineage.fold(read)
    for key in keys:
        whole = Story(tree=lineage.tree([Subject(kind="key", value=key)]))
        whole.fold(record for record in read if record.actor in whole.tree)
        document = findings(CASE, lineage, whole)
        assert document["counts"]["events"] >= 1
        assert {one["proof"] for one in document["found"]} <= proofs
        assert len(document["credentials"]) <= MOST_TOLD


def test_a_session_is_told_by_its_role() -> None:
    """Given calls of a role's session, when they are told, the credential has its role, its issue and its expiry."""
    document = told([SESSION, call("ListUsers", "ASIAMADEUP0000000002", 5, identity=session("deploy"))])
    [_, child] = document["credentials"]
    assert (child["kind"], child["name"], child["parent"], child["issued_by"]) == (
        "role_session",
        "deploy",
        "…ROOT",
        "AssumeRole",
    )
    assert (child["expires"], child["events"], child["born_of_case"], child["depth"]) == (
        "2026-11-27T23:59:00Z",
        1,
        True,
        1,
    )

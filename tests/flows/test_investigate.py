"""The investigation in the real workflow with the real handlers: what the attacker did, found, told and closed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from demo import events
from lambdas import aws, errors, journal, planning
from lambdas.aws import Grant
from lambdas.handlers import investigate, look_back, report, take_stock
from lambdas.investigation import lookback, parts, rounds, standing
from lambdas.journal import Table
from tests.flows.account import ACCOUNT, Account
from tests.flows.test_grants import Recorder, granted
from tests.flows.test_principals import make_role
from tests.unit.trail import Clock, Trail

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime.now(UTC)
CI_USER = {"type": "IAMUser", "userName": "ci-user", "principalId": "AIDA2TESTUSER0000001"}


def at(minutes: float) -> str:
    """Give a time so many minutes ago, as a record has it."""
    return f"{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


class History:
    """What CloudTrail has of the account, in each region; what comes late comes when a test says so."""

    def __init__(self) -> None:
        self.trails: dict[str, Trail] = {}
        self.number = 0

    def region(self, name: str) -> Trail:
        """Give the event history of a region."""
        return self.trails.setdefault(name, Trail(clock=Clock()))

    def record(self, key: str, name: str, service: str = "iam", *, region: str = "us-east-1", **more: Any) -> str:
        """Record a call that a key made; give the event's id."""
        self.number += 1
        identity = more.pop("identity", CI_USER)
        record = {
            "eventVersion": "1.11",
            "eventID": f"00000000-0000-0000-0000-{self.number:012}",
            "eventTime": more.pop("when", at(30 - self.number / 10)),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-cli/2.15",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "userIdentity": {**identity, "accountId": ACCOUNT, "accessKeyId": key},
            **more,
        }
        self.region(region).hold([record])
        return str(record["eventID"])


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> History:
    """Give the event history, and have it answered for CloudTrail, without waiting."""
    kept, client = History(), aws.client

    def known(service: str, **more: Any) -> Any:  # noqa: ANN401 - boto3's clients
        return kept.region(more.get("region") or "us-east-1") if service == "cloudtrail" else client(service, **more)

    known.cache_clear = client.cache_clear  # type: ignore[attr-defined]  # as the fixtures of the account use it
    monkeypatch.setattr(aws, "client", known)
    monkeypatch.setattr(lookback, "PAUSE", 0.0)
    monkeypatch.setattr(take_stock, "_SECONDS", 3.0)
    monkeypatch.setattr(report, "_SECONDS", 20.0)
    return kept


@pytest.fixture
def investigated(make_account: Callable[..., Account], history: History) -> Account:
    """Give an account in which what was cut is investigated."""
    del history
    return make_account(investigate=True)


def attack(account: Account, history: History) -> dict[str, str]:
    """Leak a key, with which somebody made a user with a key and assumed a role; give what is what."""
    (leaked,) = account.user("ci-user")
    (born,) = account.user("backdoor")
    role_id = make_role(account, "deploy", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    unique = account.iam.get_user(UserName="backdoor")["User"]["UserId"]
    history.record(
        leaked,
        "CreateUser",
        requestParameters={"userName": "backdoor"},
        responseElements={"user": {"userName": "backdoor", "userId": unique, "arn": "arn:aws:iam::1:user/backdoor"}},
    )
    history.record(
        leaked,
        "CreateAccessKey",
        requestParameters={"userName": "backdoor"},
        responseElements={"accessKey": {"accessKeyId": born, "userName": "backdoor", "status": "Active"}},
    )
    session = "ASIA2TESTSESSION0009"
    history.record(
        leaked,
        "AssumeRole",
        "sts",
        requestParameters={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy", "roleSessionName": "evil"},
        responseElements={
            "credentials": {"accessKeyId": session, "expiration": "Dec 31, 2099, 11:59:59 PM"},
            "assumedRoleUser": {
                "assumedRoleId": f"{role_id}:evil",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/evil",
            },
        },
    )
    history.record(
        born,
        "ListBuckets",
        "s3",
        region="eu-west-1",
        identity={"type": "IAMUser", "userName": "backdoor", "principalId": unique},
    )
    return {"leaked": leaked, "born": born, "role_id": role_id, "session": session}


def settled(account: Account) -> list[dict[str, Any]]:
    """Wait until no workflow runs any more; give the executions of the investigation, the first one first."""
    for _ in range(3):
        for machine in (account.respond, account.investigator):
            for one in account.stepfunctions.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]:
                account.finish(one["executionArn"])
    found = account.stepfunctions.list_executions(stateMachineArn=account.investigator, maxResults=1000)["executions"]
    return sorted((account.finish(one["executionArn"]) for one in found), key=lambda one: one["startDate"])


def told_by(account: Account, source: str) -> list[dict[str, Any]]:
    """Give the alerts of a source."""
    return [one for one in account.alerts() if one["signal"]["source"] == source]


def test_what_the_attacker_made_is_contained_in_the_same_case(investigated: Account, history: History) -> None:
    """Given a leaked key that made a user and assumed a role, after the cut both are found by records, and cut too."""
    known = attack(investigated, history)
    (case,) = investigated.run(events.health(known["leaked"], account=ACCOUNT))
    (run,) = settled(investigated)
    assert run["status"] == "SUCCEEDED", (run.get("error"), run.get("cause"), investigated.tracebacks)
    found = json.loads(run["output"])["found"]
    assert {(one["kind"], one["name"]) for one in found} == {
        ("user", "backdoor"),
        ("access_key", "backdoor"),
        ("role_session", "deploy"),
    }
    assert investigated.denied("backdoor")
    assert investigated.status("backdoor") == {known["born"]: "Inactive"}
    policies = investigated.iam.list_role_policies(RoleName="deploy")["PolicyNames"]
    assert [name for name in policies if name.startswith("Tourniquet-")]
    assert [one["pk"] for one in investigated.cases()] == [case["incident_id"]]
    alerts = told_by(investigated, "investigation")
    told = next(one for one in alerts if one["signal"]["type"] == "report")
    assert told["report"].startswith(f"s3://{investigated.bucket}/incidents/{case['incident_id']}/investigation/1/")
    assert known["leaked"] not in json.dumps(alerts)
    assert known["born"] not in json.dumps(alerts)
    assert len(settled(investigated)) == 1, "what an investigation found starts no other"


def test_the_report_lies_in_the_evidence_bucket_in_all_its_forms(investigated: Account, history: History) -> None:
    """Given an investigation, its page, its JSON, its summary and the form for AWS Support are in the case's folder."""
    known = attack(investigated, history)
    (case,) = investigated.run(events.health(known["leaked"], account=ACCOUNT))
    settled(investigated)
    folder = f"incidents/{case['incident_id']}/investigation/1/"
    listed = investigated.s3.list_objects_v2(Bucket=investigated.bucket, Prefix=folder)["Contents"]
    names = {one["Key"].removeprefix(folder) for one in listed}
    assert names >= {"report.html", "report.json", "summary.txt", "support.html", "support.txt", "stock.json"}
    page = investigated.s3.get_object(Bucket=investigated.bucket, Key=f"{folder}report.html")["Body"].read().decode()
    assert "backdoor" in page
    assert known["leaked"] not in page
    document = json.loads(
        investigated.s3.get_object(Bucket=investigated.bucket, Key=f"{folder}report.json")["Body"].read()
    )
    assert document["counts"]["events"] == 4
    assert {one["id"] for one in document["credentials"]} >= {f"…{known['leaked'][-4:]}", f"…{known['born'][-4:]}"}
    assert next(one for one in document["credentials"] if one["id"] == f"…{known['born'][-4:]}")["depth"] == 1


def test_a_second_look_adds_what_came_late_and_does_not_repeat_what_was_told(
    make_account: Callable[..., Account], history: History
) -> None:
    """Given a record that arrives after the first look, the second one finds what it names, and tells only that."""
    account = make_account(investigate=True, look=0.02)
    known = attack(account, history)
    (late,) = account.user("latecomer")
    unique = account.iam.get_user(UserName="latecomer")["User"]["UserId"]
    done: list[bool] = []

    def arrive() -> None:
        if not done and account.denied("backdoor"):  # the first look is over
            done.append(True)
            history.record(
                known["leaked"],
                "CreateUser",
                requestParameters={"userName": "latecomer"},
                responseElements={"user": {"userName": "latecomer", "userId": unique}},
            )

    account.always["InvestigateFunctionArn"] = arrive
    account.run(events.health(known["leaked"], account=ACCOUNT))
    first, second = settled(account)
    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED"), (second, account.tracebacks)
    assert done
    settled(account)
    assert account.denied("latecomer")
    assert account.status("latecomer") == {late: "Inactive"}
    reports = [one for one in told_by(account, "investigation") if one["signal"]["type"] == "report"]
    assert len(reports) == 2
    added = [one for one in reports[1]["not_done"] if "first look did not have" in one]
    assert any("latecomer" in one for one in added)
    assert not any("backdoor" in one for one in added)


def test_a_second_look_does_not_follow_others_of_a_session_s_name(
    make_account: Callable[..., Account], history: History
) -> None:
    """Given a session that was found and cut, what others made in sessions of that name is not the attacker's."""
    account = make_account(investigate=True, look=0.02)
    known = attack(account, history)
    (theirs,) = account.user("made-by-the-pipeline")
    unique = account.iam.get_user(UserName="made-by-the-pipeline")["User"]["UserId"]
    pipeline = {
        "type": "AssumedRole",
        "principalId": f"{known['role_id']}:evil",
        "sessionContext": {"sessionIssuer": {"userName": "deploy", "principalId": known["role_id"]}},
    }
    history.record(
        "ASIA2TESTSESSION0042",
        "CreateUser",
        identity=pipeline,
        when=at(60 * 24 * 30),
        requestParameters={"userName": "made-by-the-pipeline"},
        responseElements={"user": {"userName": "made-by-the-pipeline", "userId": unique}},
    )
    account.run(events.health(known["leaked"], account=ACCOUNT))
    assert [one["status"] for one in settled(account)] == ["SUCCEEDED"] * 2
    settled(account)
    assert account.denied("backdoor")
    assert not account.denied("made-by-the-pipeline")
    assert account.status("made-by-the-pipeline") == {theirs: "Active"}


def test_a_second_look_with_nothing_new_is_silent(make_account: Callable[..., Account], history: History) -> None:
    """Given nothing that arrived late and no cut undone, the second look tells nobody."""
    account = make_account(investigate=True, look=0.02)
    known = attack(account, history)
    account.run(events.health(known["leaked"], account=ACCOUNT))
    assert [one["status"] for one in settled(account)] == ["SUCCEEDED"] * 2
    assert len([one for one in told_by(account, "investigation") if one["signal"]["type"] == "report"]) == 1


def test_a_cut_that_was_undone_until_the_second_look_is_made_again_and_told(
    make_account: Callable[..., Account], history: History
) -> None:
    """Given a deny that somebody detached after the first look, the second one has it made again, and says so."""
    account = make_account(investigate=True, look=0.05)
    (leaked,) = account.user("ci-user")
    history.record(leaked, "GetCallerIdentity", "sts")
    undone: list[bool] = []

    def undo() -> None:
        begun = account.stepfunctions.list_executions(stateMachineArn=account.investigator)["executions"]
        if undone or len(begun) < 2:
            return
        undone.append(True)
        account.iam.detach_user_policy(UserName="ci-user", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")

    account.always["InvestigateFunctionArn"] = undo
    account.run(events.health(leaked, account=ACCOUNT))
    settled(account)
    assert undone
    assert account.denied("ci-user")
    last = [one for one in told_by(account, "investigation") if one["signal"]["type"] == "report"][-1]
    assert any("had been undone since" in one for one in last["not_done"])


def start(account: Account, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Start an investigation by hand; give its execution when it has ended."""
    started = account.stepfunctions.start_execution(stateMachineArn=account.investigator, input=json.dumps(asked))
    return account.finish(started["executionArn"])


def test_a_case_that_is_investigated_again_is_looked_up_anew(investigated: Account, history: History) -> None:
    """Given a case whose report was told, and a record since, when a person asks again, that is found and contained."""
    known = attack(investigated, history)
    (case,) = investigated.run(events.health(known["leaked"], account=ACCOUNT))
    settled(investigated)
    (late,) = investigated.user("latecomer")
    unique = investigated.iam.get_user(UserName="latecomer")["User"]["UserId"]
    history.record(
        known["leaked"],
        "CreateUser",
        requestParameters={"userName": "latecomer"},
        responseElements={"user": {"userName": "latecomer", "userId": unique}},
    )
    run = start(investigated, {"incident_id": case["incident_id"]})
    first, again = (one["report"] for one in told_by(investigated, "investigation") if one["report"])
    assert json.loads(run["output"])["report"] == again != first
    settled(investigated)
    assert investigated.denied("latecomer")
    assert investigated.status("latecomer") == {late: "Inactive"}


def test_who_made_a_thing_can_be_asked(investigated: Account, history: History) -> None:
    """Given the id of an instance, the investigation finds the call that launched it and what else its caller did."""
    (key,) = investigated.user("ci-user")
    history.record(
        key,
        "RunInstances",
        "ec2",
        region="eu-west-1",
        resources=[{"ARN": "i-0123456789abcdef0"}],
        responseElements={"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}},
    )
    history.record(key, "CreateKeyPair", "ec2", region="eu-west-1", requestParameters={"keyName": "mine"})
    ended = start(investigated, {"resource": "i-0123456789abcdef0"})
    assert ended["status"] == "SUCCEEDED", (ended.get("cause"), investigated.tracebacks)
    output = json.loads(ended["output"])
    assert output["found"] == [], "nobody said that this is a case"
    document = json.loads(
        investigated.s3.get_object(
            Bucket=investigated.bucket, Key=output["report"].split("/", 3)[3].replace(".html", ".json")
        )["Body"].read()
    )
    assert {one["event"] for one in document["resources"]} == {"RunInstances", "CreateKeyPair"}


def test_what_was_done_while_the_second_look_waited_is_in_it(
    make_account: Callable[..., Account], history: History
) -> None:
    """Given a call after the second look was started and before it began to look, it is found."""
    account = make_account(investigate=True, look=0.05)
    (leaked,) = account.user("ci-user")
    history.record(leaked, "GetUser")
    calls: list[str] = []

    def call() -> None:
        begun = account.stepfunctions.list_executions(stateMachineArn=account.investigator)["executions"]
        if calls or len(begun) < 2:
            return
        calls.append(history.record(leaked, "CreateKeyPair", "ec2", requestParameters={"keyName": "mine"}, when=soon()))

    def soon() -> str:
        return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    account.always["InvestigateFunctionArn"] = call
    account.run(events.health(leaked, account=ACCOUNT))
    settled(account)
    assert calls
    last = [one for one in told_by(account, "investigation") if one["signal"]["type"] == "report"][-1]
    assert any("key pair" in one for one in last["not_done"]), last["not_done"]


def test_what_the_sessions_of_a_role_did_can_be_asked(investigated: Account, history: History) -> None:
    """Given the name of a role, the sessions that began for it are looked up, and what they did is found."""
    known = attack(investigated, history)
    history.record(
        "ASIA2TESTINNOCENT001",
        "AssumeRole",
        "sts",
        resources=[{"ARN": f"arn:aws:iam::{ACCOUNT}:role/deploy"}],
        responseElements={
            "credentials": {"accessKeyId": "ASIA2TESTSESSION0077", "expiration": "Dec 31, 2099, 11:59:59 PM"},
            "assumedRoleUser": {
                "assumedRoleId": f"{known['role_id']}:one",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/one",
            },
        },
    )
    history.record("ASIA2TESTSESSION0077", "CreateKeyPair", "ec2", requestParameters={"keyName": "mine"})
    ended = start(investigated, {"role_name": "deploy"})
    assert ended["status"] == "SUCCEEDED", (ended.get("cause"), investigated.tracebacks)
    key = json.loads(ended["output"])["report"].split("/", 3)[3].replace(".html", ".json")
    document = json.loads(investigated.s3.get_object(Bucket=investigated.bucket, Key=key)["Body"].read())
    assert "CreateKeyPair" in {one["event"] for one in document["resources"]}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Give {"),
        ("text", "Give {"),
        ({"incident_id": "inc-1"}, "whole id"),
        ({"incident_id": "inc-20200101-0000000000"}, "no case of this id"),
        ({"user_name": "a", "role_name": "b"}, "Give {"),
        ({"user_name": "two words"}, "user_name"),
        ({"user_name": "a", "since": "yesterday"}, "since"),
        ({"user_name": "a", "since": "2999-01-01T00:00:00Z"}, "since"),
        ({"instance_id": "i-0123456789abcdef0"}, "region"),
    ],
)
def test_what_cannot_be_investigated_is_told(investigated: Account, asked: Any, says: str) -> None:  # noqa: ANN401 - any JSON
    """Given an input that cannot be read or a case that nobody knows, people are told what to give."""
    ended = start(investigated, asked)
    assert ended["status"] == "SUCCEEDED", (ended.get("cause"), investigated.tracebacks)
    (alert,) = investigated.alerts()
    assert alert["outcome"] == "REFUSED"
    assert says in json.dumps(alert["not_done"], ensure_ascii=False)


def test_a_region_that_does_not_answer_is_named_and_the_others_go_on(investigated: Account, history: History) -> None:
    """Given CloudTrail that refuses in one region, what the others have is found, and the report names that one."""
    known = attack(investigated, history)
    history.region("eu-west-1").refuse = lambda _: "AccessDeniedException"
    investigated.run(events.health(known["leaked"], account=ACCOUNT))
    (run,) = settled(investigated)
    assert run["status"] == "SUCCEEDED", (run.get("cause"), investigated.tracebacks)
    told = next(one for one in told_by(investigated, "investigation") if one["signal"]["type"] == "report")
    assert any("eu-west-1" in one and "No answer" in one for one in told["not_done"])
    assert investigated.denied("backdoor")


def test_of_many_instances_each_is_handed_over_to_a_run_that_can_carry_it(
    investigated: Account, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a key that launched 20 instances and made a user, no run gets more instances than one run isolates."""
    known = attack(investigated, history)
    ids = [f"i-{number:017x}" for number in range(20)]
    monkeypatch.setattr(standing, "now", lambda *_: ({}, []))  # nobody says how they stand
    history.record(
        known["leaked"],
        "RunInstances",
        "ec2",
        responseElements={"instancesSet": {"items": [{"instanceId": one} for one in ids]}},
    )
    investigated.run(events.health(known["leaked"], account=ACCOUNT))
    (run,) = settled(investigated)
    batches = [part["found"] for part in json.loads(run["output"])["batches"]]
    instances = [[one["id"] for one in part if one["kind"] == "instance"] for part in batches]
    assert sorted(one for part in instances for one in part) == ids
    assert max(len(part) for part in instances) <= planning.MOST_INSTANCES


def test_a_case_that_does_not_take_the_report_s_place_is_told_once(
    investigated: Account, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an incident table that fails where the report is noted, people are told of the report, and once."""
    known = attack(investigated, history)

    def busy(*_: object) -> None:
        raise errors.Throttled("busy")

    monkeypatch.setattr(Table, "report", busy)
    investigated.run(events.health(known["leaked"], account=ACCOUNT))
    (run,) = settled(investigated)
    assert run["status"] == "SUCCEEDED"
    assert len([one for one in told_by(investigated, "investigation") if one["signal"]["type"] == "report"]) == 1


def test_a_look_that_grows_too_long_ends_with_a_report(
    investigated: Account, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given regions that are never done, the run stops calling and following, and the report says so."""
    known = attack(investigated, history)
    unfinished = {"done": False, "left": ["eu-west-1"], "silent": [], "truncated": 0}
    monkeypatch.setitem(investigated.functions, "LookBackFunctionArn", (lambda *_: unfinished, {}))
    monkeypatch.setattr(rounds, "follow", lambda _, number: {"round": number + 1, "lookups": 1, "left_out": 0})
    monkeypatch.setattr(rounds, "tell", lambda *args, told=rounds.tell: told(args[0], 1, args[2]))
    ended = start(investigated, {"access_key_id": known["leaked"]})
    assert ended["status"] == "SUCCEEDED", (ended.get("cause"), investigated.tracebacks)
    (told,) = told_by(investigated, "investigation")
    assert any("not everything was followed" in one for one in told["not_done"])


def test_a_report_that_cannot_be_written_is_announced_plainly(investigated: Account, history: History) -> None:
    """Given a report that fails, the workflow itself tells people."""
    (leaked,) = investigated.user("ci-user")
    history.record(leaked, "GetUser")
    investigated.failures["ReportFunctionArn"] = [errors.Unexpected("boom")]
    ended = start(investigated, {"access_key_id": leaked})
    assert ended["status"] == "SUCCEEDED"
    (alert,) = investigated.alerts()
    assert (alert["outcome"], alert["signal"]["source"]) == ("FAILED", "investigation")


def test_what_is_granted_is_what_an_investigation_calls(make_account: Callable[..., Account], history: History) -> None:
    """Given two looks at a case, what each function calls is granted to it, and what is granted is called."""
    account = make_account(investigate=True, look=0.02)
    recorder = Recorder()
    aws._session().events.register("before-call", recorder)  # noqa: SLF001 - every client of the functions
    known = attack(account, history)
    account.run(events.health(known["leaked"], account=ACCOUNT))
    assert [one["status"] for one in settled(account)] == ["SUCCEEDED"] * 2
    calls = recorder.calls
    assert calls["InvestigateFunctionArn"] == granted(investigate.GRANTS)
    assert calls["LookBackFunctionArn"] == granted(look_back.GRANTS) - {"cloudtrail:LookupEvents"}, "that is answered"
    assert calls["ReportFunctionArn"] <= granted(report.GRANTS)
    assert calls["ReportFunctionArn"] >= granted(
        [*parts.GRANTS, *journal.OUTCOME_GRANTS, Grant(action="sns:Publish", resource="*")]
    )
    assert calls["TakeStockFunctionArn"] <= granted(take_stock.GRANTS)

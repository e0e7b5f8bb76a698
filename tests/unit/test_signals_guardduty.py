"""Stories of GuardDuty findings: who is meant, and what must not be acted on."""

from __future__ import annotations

from typing import Any

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.model import Kind, Target
from lambdas.signals import guardduty, incident_from
from lambdas.signals.reading import MOST_TARGETS
from tests.unit.samples import names, sample

ACCOUNT = "123456789012"
KEY = "AKIA2TESTEXPOSED0002"
SESSION_KEY = "ASIA2TESTSESSION0003"
ROLE = "AROA2TESTDEPLOYROLE1:build-77"

BUILD_KEY = Target(kind=Kind.ACCESS_KEY, id=KEY, name="build-agent", account=ACCOUNT)
BUILD_AGENT = Target(kind=Kind.USER, id="AIDA2TESTBUILDUSER01", name="build-agent", account=ACCOUNT)


def key(key_id: str, name: str = "", account: str = ACCOUNT) -> Target:
    """Give a key as a target."""
    return Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=account)


def session(identity: str, name: str, account: str = ACCOUNT) -> Target:
    """Give a session of a role as a target."""
    return Target(kind=Kind.ROLE_SESSION, id=identity, name=name, account=account)


def instance(identity: str, region: str, account: str = ACCOUNT) -> Target:
    """Give an instance as a target."""
    return Target(kind=Kind.INSTANCE, id=identity, account=account, region=region)


ROOT_USER = Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT)
DEPLOY = Target(kind=Kind.ROLE, id="AROA2TESTDEPLOYROLE1", name="deploy", account=ACCOUNT)
VISITOR = Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:visitor", name="visitor", account=ACCOUNT)
FOREIGNER = Target(kind=Kind.OTHER, id="AROA2TESTFOREIGNROLE:sync", account="998877665544")

SAMPLES: dict[str, tuple[tuple[Target, ...], str]] = {
    "guardduty-iamuser": ((BUILD_KEY,), ""),
    "guardduty-assumed-role": ((session(ROLE, "deploy"),), ""),
    "guardduty-role-without-session": ((DEPLOY,), ""),
    "guardduty-federated-user": ((VISITOR, key("ASIA2TESTSESSION0004")), ""),
    "guardduty-unknown-user-type": ((key("ASIA2TESTSESSION0005"),), ""),
    "guardduty-root": ((ROOT_USER,), ""),
    "guardduty-aws-service": ((), ""),
    "guardduty-sample": ((), "this is a sample finding"),
    "guardduty-sample-flag-in-value-string": ((BUILD_KEY,), "this is a sample finding"),
    "guardduty-archived": ((BUILD_KEY,), "the finding is archived"),
    "guardduty-session-key-of-user": ((BUILD_AGENT,), ""),
    "guardduty-no-resource": ((), ""),
    "guardduty-of-a-member-account": ((key(KEY, "build-agent", "210987654321"),), ""),
    "guardduty-s3-by-user": ((BUILD_KEY,), ""),
    "guardduty-s3-of-another-account": ((FOREIGNER,), ""),
    "guardduty-s3-anonymous": ((), ""),
    "guardduty-s3-object": ((), ""),
    "guardduty-eks-by-role": ((session("AROA2TESTCLUSTERADM1:jo@example.org", "cluster-admin"),), ""),
    "guardduty-eks-anonymous": ((), ""),
    "guardduty-lambda": ((), ""),
    "guardduty-database": ((), ""),
    "guardduty-instance-actor": ((instance("i-0a1b2c3d4e5f60718", "eu-west-1"),), ""),
    "guardduty-instance-target": ((instance("i-0a1b2c3d", "us-east-1"),), ""),
    "guardduty-instance-sample": ((), "this is a sample finding"),
    "guardduty-runtime-on-instance": ((instance("i-0a1b2c3d4e5f60719", "us-east-1"),), ""),
    "guardduty-runtime-on-ecs": ((), ""),
    "guardduty-attack-sequence": ((BUILD_KEY,), ""),
    "guardduty-attack-sequence-of-a-role": (
        (
            session(ROLE, "deploy"),
            BUILD_KEY,
            key("AKIA2TESTEXPOSED0007"),
            instance("i-0a1b2c3d4e5f60718", "eu-west-1"),
            instance("i-0a1b2c3d4e5f60719", "eu-central-1"),
        ),
        "",
    ),
    "guardduty-attack-sequence-without-key-of-actor": ((BUILD_AGENT,), ""),
    "guardduty-custom-rule": ((BUILD_KEY,), ""),
}


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("guardduty-")])
def test_every_form_of_the_finding_gives_what_it_names(name: str) -> None:
    """Given a sample finding, when it is read, it names exactly what stands in it and says whether to act."""
    incident = incident_from(sample(name))
    assert (incident.targets, incident.signal.inert) == SAMPLES[name]
    assert bool(incident.notes) is not bool(incident.targets)


NOBODY: list[Target] = []


@pytest.mark.parametrize(
    ("user_type", "key_id", "principal", "targets"),
    [
        ("IAMUser", KEY, "AIDA2TESTBUILDUSER01", [BUILD_KEY]),
        ("IAM_USER", KEY, "AIDA2TESTBUILDUSER01", [BUILD_KEY]),
        ("IAMUser", SESSION_KEY, "AIDA2TESTBUILDUSER01", [BUILD_AGENT]),
        ("IAMUser", "", "AIDA2TESTBUILDUSER01", [BUILD_AGENT]),
        ("IAMUser", SESSION_KEY, "odd:one", [Target(kind=Kind.USER, name="build-agent", account=ACCOUNT)]),
        ("Unknown", KEY, "", [key(KEY)]),
        ("Unknown", SESSION_KEY, ROLE, [key(SESSION_KEY)]),
        ("Unknown", "", ROLE, NOBODY),
        ("", KEY, "", [key(KEY)]),
        ("SomethingNew", SESSION_KEY, "", [key(SESSION_KEY)]),
        ("AssumedRole", SESSION_KEY, ROLE, [session(ROLE, "build-agent")]),
        ("ASSUMED_ROLE", SESSION_KEY, ROLE, [session(ROLE, "build-agent")]),
        ("Role", SESSION_KEY, ROLE, [session(ROLE, "build-agent")]),
        (
            "Role",
            "",
            "AROA2TESTDEPLOYROLE1",
            [Target(kind=Kind.ROLE, id="AROA2TESTDEPLOYROLE1", name="build-agent", account=ACCOUNT)],
        ),
        (
            "AssumedRole",
            SESSION_KEY,
            "AROA2TESTDEPLOYROLE1:a session*",
            [Target(kind=Kind.ROLE, id="AROA2TESTDEPLOYROLE1", name="build-agent", account=ACCOUNT)],
        ),
        ("AssumedRole", SESSION_KEY, "", [Target(kind=Kind.ROLE, name="build-agent", account=ACCOUNT)]),
        ("Root", KEY, ACCOUNT, [ROOT_USER]),
        (
            "FederatedUser",
            SESSION_KEY,
            f"{ACCOUNT}:bob",
            [Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:bob", name="bob", account=ACCOUNT), key(SESSION_KEY)],
        ),
        (
            "FederatedUser",
            "",
            "",
            [Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:build-agent", name="build-agent", account=ACCOUNT)],
        ),
        (
            "AWSAccount",
            KEY,
            "998877665544",
            [Target(kind=Kind.OTHER, id="998877665544", name="build-agent", account="998877665544")],
        ),
        ("AWSAccount", KEY, "AIDAELSEWHERE", [Target(kind=Kind.OTHER, id="AIDAELSEWHERE", name="build-agent")]),
        ("AWSService", KEY, "guardduty", NOBODY),
    ],
)
def test_the_type_of_the_user_decides_what_the_finding_is_about(
    user_type: str, key_id: str, principal: str, targets: list[Target]
) -> None:
    """Given a user type, when the finding is read, its key, user, role or root is the target accordingly."""
    event = events.guardduty(key_id, "build-agent", user_type=user_type, principal_id=principal, account=ACCOUNT)
    incident = incident_from(event)
    assert list(incident.targets) == targets
    assert bool(incident.notes) is not bool(targets)


@pytest.mark.parametrize("user_type", ["IAMUser", "AssumedRole", "FederatedUser", "AWSAccount", "Unknown"])
@pytest.mark.parametrize(
    "name",
    ["", "ANONYMOUS_PRINCIPAL", "anonymous", "Anonymous", "ec2.amazonaws.com", "GeneratedFindingUserName", "a/b"],
)
def test_a_caller_who_is_nobody_is_not_named(user_type: str, name: str) -> None:
    """Given a caller that is anonymous, a service or a sample's, without an id, when it is read, nobody is named."""
    incident = incident_from(events.guardduty("", name, user_type=user_type, principal_id="", account=ACCOUNT))
    assert incident.targets == ()
    assert incident.notes


@pytest.mark.parametrize(("user_type", "principal"), [("AssumedRole", "?"), ("FederatedUser", "a b"), ("IAMUser", "")])
def test_a_session_key_is_what_is_left_where_its_principal_cannot_be_read(user_type: str, principal: str) -> None:
    """Given a session's key and a principal that cannot be read, when the finding is read, the key is the target."""
    event = events.guardduty(SESSION_KEY, "two words", user_type=user_type, principal_id=principal, account=ACCOUNT)
    assert incident_from(event).targets == (key(SESSION_KEY),)


def test_a_federated_user_of_another_account_keeps_that_account() -> None:
    """Given a federated user whose id names another account, when the finding is read, its targets are that one's."""
    event = events.guardduty(
        SESSION_KEY, "bob", user_type="FederatedUser", principal_id="998877665544:bob", account=ACCOUNT
    )
    assert {target.account for target in incident_from(event).targets} == {"998877665544"}


@pytest.mark.parametrize("remote", ["998877665544", 998877665544])
def test_the_account_of_a_caller_from_elsewhere_is_told(remote: object) -> None:
    """Given a caller of another account, when the finding names that account only, it is the target's account."""
    event = events.guardduty("", "", user_type="AWSAccount", principal_id="", account=ACCOUNT)
    action = event["detail"]["service"]["action"]["awsApiCallAction"]
    action["remoteAccountDetails"] = {"accountId": remote, "affiliated": False}
    expected = Target(kind=Kind.OTHER, id="998877665544", account="998877665544")
    assert incident_from(event).targets == (expected,)


@pytest.mark.parametrize("resource_type", ["AccessKey", "EKSCluster", "S3Bucket", "S3Object", "S3AccessPoint"])
def test_these_resource_types_may_say_who_called(resource_type: str) -> None:
    """Given a finding of a kind that has a caller, when it is read, the caller is the target."""
    event = events.guardduty(KEY, "build-agent", resource_type=resource_type, account=ACCOUNT)
    assert incident_from(event).targets == (key(KEY, "build-agent"),)


@pytest.mark.parametrize(
    "resource_type",
    ["ECSCluster", "Container", "Lambda", "RDSDBInstance", "Something", "", None, 7, ["AccessKey"], "accesskey"],
)
def test_only_the_resource_type_decides_not_the_blocks_that_are_there(resource_type: object) -> None:
    """Given a finding on something else that carries access key details, when it is read, nobody is named."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["resource"]["instanceDetails"] = {"instanceId": "i-0a1b2c3d4e5f60718"}
    event["detail"]["resource"]["resourceType"] = resource_type
    incident = incident_from(event)
    assert incident.targets == ()
    assert len(incident.notes) == 1
    assert incident.notes[0].startswith("The finding ")


def test_a_finding_on_an_instance_names_no_principal_and_one_on_a_key_no_instance() -> None:
    """Given findings with both blocks, when they are read, the resource type alone says which of them counts."""
    event = events.instance_finding("i-0a1b2c3d4e5f60718", account=ACCOUNT)
    event["detail"]["resource"]["accessKeyDetails"] = events.guardduty(KEY, "a")["detail"]["resource"][
        "accessKeyDetails"
    ]
    assert incident_from(event).targets == (instance("i-0a1b2c3d4e5f60718", "us-east-1"),)
    event["detail"]["resource"]["resourceType"] = "AccessKey"
    assert [target.kind for target in incident_from(event).targets] == [Kind.ACCESS_KEY]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("guardduty-eks-anonymous", "the EKS cluster shop"),
        ("guardduty-runtime-on-ecs", "the ECS cluster shop"),
        ("guardduty-lambda", "the Lambda function resize"),
        ("guardduty-database", "the database instance orders"),
        ("guardduty-s3-object", "an object of the S3 bucket example-uploads"),
        ("guardduty-s3-anonymous", "the S3 bucket example-invoices"),
        ("guardduty-no-resource", "does not say what kind of resource"),
    ],
)
def test_a_finding_that_names_nobody_says_what_it_is_about(name: str, says: str) -> None:
    """Given a finding without a principal or instance, when it is read, a note says what it is about."""
    assert any(says in note for note in incident_from(sample(name)).notes)


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        ("i-0a1b2c3d", True),
        ("i-0a1b2c3d4e5f60718", True),
        ("i-0a1b2c3d4e5f6071", False),
        ("i-0A1B2C3D4E5F60718", False),
        ("i-archived123456789", False),
        ("mi-0a1b2c3d4e5f60718", False),
        ("i-99999999", False),
        ("", False),
        (None, False),
    ],
)
def test_only_what_has_the_form_of_an_instance_id_is_an_instance(identity: Any, named: bool) -> None:  # noqa: ANN401, FBT001 - a table of any JSON
    """Given an instance id of any form, when the finding is read, only a real one is named, the others are noted."""
    incident = incident_from(events.instance_finding(identity, account=ACCOUNT))
    assert [target.id for target in incident.targets] == ([identity] if named else [])
    assert bool(incident.notes) is not named


def test_an_instance_is_where_the_finding_says() -> None:
    """Given a finding of another region, when it is read, the instance is there; without a region it says so."""
    event = events.instance_finding("i-0a1b2c3d", region="ap-southeast-2", account=ACCOUNT) | {"region": "us-east-1"}
    assert incident_from(event).targets == (instance("i-0a1b2c3d", "ap-southeast-2"),)
    event["detail"]["region"] = "https://x"
    assert incident_from(event).targets == (instance("i-0a1b2c3d", "us-east-1"),)
    incident = incident_from(event | {"region": None})
    assert incident.targets == (instance("i-0a1b2c3d", ""),)
    assert any("in which region" in note for note in incident.notes)


@pytest.mark.parametrize(
    ("role", "read"),
    [
        ("ACTOR", "ACTOR"),
        ("TARGET", "TARGET"),
        ("actor", "ACTOR"),
        ("Target", "TARGET"),
        ("VICTIM", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_the_role_of_the_resource_is_kept(role: Any, read: str) -> None:  # noqa: ANN401 - any JSON
    """Given a resource role, when the finding is read, it is ACTOR, TARGET or nothing."""
    assert incident_from(events.instance_finding("i-0a1b2c3d", role=role)).signal.resource_role == read
    assert incident_from(events.guardduty(KEY, "a", resource_role=role)).signal.resource_role == read


def test_the_latest_activity_is_when_the_signal_is_at() -> None:
    """Given a finding, when it is read, its time is that of the latest activity, else that of the event."""
    event = events.guardduty(KEY, "build-agent", seen_at="2026-11-20T03:04:44.000Z")
    assert incident_from(event).signal.at == "2026-11-20T03:04:44.000Z"
    del event["detail"]["service"]["eventLastSeen"]
    assert incident_from(event).signal.at == event["time"]


DEPLOY_ARN = f"arn:aws:iam::{ACCOUNT}:role/ops/deploy"


@pytest.mark.parametrize(
    ("actor", "targets"),
    [
        (events.actor("build-agent", uid="AIDA2TESTBUILDUSER01", key_id=KEY), [BUILD_KEY]),
        (events.actor("build-agent", uid="AIDA2TESTBUILDUSER01", key_id=SESSION_KEY), [BUILD_AGENT]),
        (events.actor("deploy", "AssumedRole", uid=ROLE, key_id=SESSION_KEY), [session(ROLE, "deploy")]),
        (events.actor("build-77", "AssumedRole", uid=ROLE, issuer=DEPLOY_ARN), [session(ROLE, "deploy")]),
        (events.actor("deploy", "AssumedRole", uid="AROA2TESTDEPLOYROLE1"), [DEPLOY]),
        (events.actor("deploy", "AssumedRole"), [Target(kind=Kind.ROLE, name="deploy", account=ACCOUNT)]),
        (
            {
                "user": {"name": "x", "uid": "AROA2TESTDEPLOYROLE1", "type": "AssumedRole"},
                "session": {"uid": ROLE, "issuer": DEPLOY_ARN},
            },
            [session(ROLE, "deploy")],
        ),
        (
            {
                "user": {"name": "deploy", "uid": "AROA2TESTDEPLOYROLE1", "type": "AssumedRole"},
                "session": {"uid": "AROAOTHERROLEOFALL01:x1"},
            },
            [DEPLOY],
        ),
        (events.actor("root", "Root", uid=ACCOUNT), [ROOT_USER]),
        (
            events.actor("visitor", "FederatedUser", uid=f"{ACCOUNT}:visitor", key_id=SESSION_KEY),
            [VISITOR, key(SESSION_KEY)],
        ),
        (
            events.actor("", "AWSAccount", uid="AROA2TESTFOREIGNROLE:sync"),
            [Target(kind=Kind.OTHER, id="AROA2TESTFOREIGNROLE:sync")],
        ),
        (
            events.actor("", "AWSAccount", uid="998877665544"),
            [Target(kind=Kind.OTHER, id="998877665544", account="998877665544")],
        ),
        (events.actor("s3.amazonaws.com", "AWSService"), NOBODY),
        ({"id": "user:AssumedRole:AROA2TESTDEPLOYROLE1:build-77"}, NOBODY),
        ({"id": "process:1", "process": {"name": "miner"}}, NOBODY),
        ({"user": "build-agent"}, NOBODY),
        ("build-agent", NOBODY),
    ],
)
def test_an_actor_of_an_attack_sequence_is_named_like_any_principal(actor: Any, targets: list[Target]) -> None:  # noqa: ANN401 - any JSON
    """Given an attack sequence with one actor, when it is read, the actor's user is named; its own id is not parsed."""
    incident = incident_from(events.attack_sequence(actor, account=ACCOUNT))
    assert list(incident.targets) == targets
    assert bool(incident.notes) is not bool(targets)


@pytest.mark.parametrize("account", [ACCOUNT, {"uid": ACCOUNT}, {"uid": ACCOUNT, "account": "shop"}])
def test_the_account_of_an_actor_may_be_an_object_or_a_text(account: object) -> None:
    """Given an actor whose account stands there in either form, when the sequence is read, that account is kept."""
    actor = events.actor("build-agent", uid="AIDA2TESTBUILDUSER01", key_id=KEY)
    actor["user"]["account"] = account
    assert incident_from(events.attack_sequence(actor, account="210987654321")).targets == (BUILD_KEY,)


def test_whose_an_actor_is_says_its_issuer_or_its_key_not_where_it_acted() -> None:
    """Given actors in this account, when their role or key is said to be another account's, they are named as its."""
    theirs = "998877665544"
    role = events.actor("x", "AssumedRole", uid=ROLE, issuer=f"arn:aws:iam::{theirs}:role/deploy", account=ACCOUNT)
    user = events.actor("build-agent", key_id=KEY, account=ACCOUNT)
    event = events.attack_sequence(role, user, resources=(events.hit(KEY, account=theirs),), account=ACCOUNT)
    assert incident_from(event).targets == (session(ROLE, "deploy", theirs), key(KEY, "build-agent", theirs))


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        (events.hit("AKIA2TESTEXPOSED0007", account=ACCOUNT), key("AKIA2TESTEXPOSED0007")),
        (events.hit("AKIA2TESTEXPOSED0007", "AccessKey", account=ACCOUNT), key("AKIA2TESTEXPOSED0007")),
        (events.hit(KEY, account=ACCOUNT), None),
        (events.hit("not-a-key"), None),
        (
            events.hit("i-0a1b2c3d", "EC2_INSTANCE", account=ACCOUNT, region="eu-west-1"),
            instance("i-0a1b2c3d", "eu-west-1"),
        ),
        (
            {"uid": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0a1b2c3d", "resourceType": "EC2_INSTANCE"},
            instance("i-0a1b2c3d", "eu-west-1"),
        ),
        ({"uid": "i-0a1b2c3d", "resourceType": "EC2_INSTANCE"}, instance("i-0a1b2c3d", "us-east-1")),
        (events.hit("i-99999999", "EC2_INSTANCE"), None),
        (events.hit("i-0a1b2c3d", "S3_BUCKET"), None),
        (events.hit("arn:aws:s3:::example", "S3_BUCKET"), None),
        ("i-0a1b2c3d", None),
    ],
)
def test_keys_and_instances_that_a_sequence_hit_are_named(resource: Any, named: Target | None) -> None:  # noqa: ANN401 - any JSON
    """Given an actor and a resource, when they are read, another's key and an instance are named beside the actor."""
    actor = events.actor("build-agent", uid="AIDA2TESTBUILDUSER01", key_id=KEY)
    incident = incident_from(events.attack_sequence(actor, resources=(resource,), account=ACCOUNT))
    assert incident.targets == ((BUILD_KEY, named) if named else (BUILD_KEY,))


def test_a_key_that_a_sequence_hit_has_the_user_that_the_resource_tells() -> None:
    """Given a key among the resources with its user, when no actor is named, the key has its user."""
    resource = events.hit(KEY, account=ACCOUNT) | {
        "data": {"accessKey": {"principalId": "AIDA2TESTBUILDUSER01", "userName": "build-agent", "userType": "IAMUser"}}
    }
    assert incident_from(events.attack_sequence(resources=(resource,), account=ACCOUNT)).targets == (BUILD_KEY,)


def test_more_actors_than_a_case_handles_are_told_not_dropped() -> None:
    """Given sixty actors, when the sequence is read, as many as a case takes are targets and a note tells the rest."""
    actors = [events.actor(f"user-{number}") for number in range(60)]
    incident = incident_from(events.attack_sequence(*actors))
    assert len(incident.targets) == MOST_TARGETS
    assert any(f"{60 - MOST_TARGETS} more targets" in note for note in incident.notes)


def test_the_actors_of_a_custom_rule_are_who_made_the_call() -> None:
    """Given a finding of a custom detection rule, whatever its resource type, when it is read, its actors are named."""
    event = sample("guardduty-custom-rule")
    for kind in (None, "", "CustomDetection"):
        event["detail"]["resource"] = {"resourceType": kind}
        assert incident_from(event).targets == (BUILD_KEY,)
    event["detail"]["resource"] = {"resourceType": "Lambda"}
    assert incident_from(event).targets == ()
    incident = incident_from(sample("guardduty-custom-rule"))
    assert dict(incident.context) == {"From": "203.0.113.77", "Actors": "IAMUser build-agent"}


def test_the_account_of_the_finding_counts_not_that_of_the_envelope() -> None:
    """Given a member's finding that a delegated administrator gets, when it is read, it is about the member."""
    event = events.guardduty(KEY, "build-agent", account="210987654321") | {"account": ACCOUNT}
    incident = incident_from(event)
    assert incident.signal.account == "210987654321"
    assert {target.account for target in incident.targets} == {"210987654321"}


@pytest.mark.parametrize(
    ("severity", "read"),
    [(8, 8.0), (8.0, 8.0), ("8", 8.0), ("7.5", 7.5), (None, 0.0), ("high", 0.0), ({}, 0.0), (True, 0.0)],
)
def test_a_severity_may_be_a_number_or_a_string(severity: Any, read: float) -> None:  # noqa: ANN401 - any JSON
    """Given a severity of any type, when it is read, it is a number; 0 where there is none."""
    assert incident_from(events.guardduty(KEY, "x", severity=severity)).signal.severity == read


@pytest.mark.parametrize("severity", [1e300, "1e300", -4, 11])
def test_a_severity_stays_on_the_scale(severity: Any) -> None:  # noqa: ANN401 - any JSON
    """Given a severity off the scale of 0 to 10, when it is read, it is brought back onto it."""
    assert 0 <= incident_from(events.guardduty(KEY, "x", severity=severity)).signal.severity <= 10


@pytest.mark.parametrize(
    "info",
    [
        {"sample": True},
        {"sample": "true"},
        {"value": '{"sample": true}'},
        {"value": '{"sample": "true"}'},
        {"value": '{"sample":true}', "sample": False},
    ],
)
def test_a_sample_is_known_by_its_flag_wherever_it_stands(info: dict[str, Any]) -> None:
    """Given the sample flag, plain or inside the JSON string, when the finding is read, it is inert."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["service"]["additionalInfo"] = info
    assert incident_from(event).signal.inert == "this is a sample finding"


@pytest.mark.parametrize(
    "info",
    [
        {},
        None,
        [],
        "sample",
        {"sample": False},
        {"sample": None},
        {"value": "{"},
        {"value": '["sample"]'},
        {"value": 3},
    ],
)
def test_a_finding_without_the_flag_is_real(info: object) -> None:
    """Given additional information that is empty, odd or says no, when the finding is read, it is acted on."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["service"]["additionalInfo"] = info
    assert incident_from(event).signal.inert == ""


def test_an_instance_of_a_sample_is_known_only_where_the_finding_is_about_it() -> None:
    """Given the made-up instance of samples, when a finding on a key carries it as filler, that finding is real."""
    assert incident_from(events.instance_finding("i-99999999")).signal.inert == "this is a sample finding"
    assert incident_from(sample("guardduty-s3-by-user")).signal.inert == ""


def test_a_sample_without_the_flag_is_known_by_what_guardduty_writes_into_samples() -> None:
    """Given a sample of an old form, without the flag, when it is read, the generated names give it away."""
    event = sample("guardduty-sample")
    event["detail"]["service"]["additionalInfo"] = {}
    assert incident_from(event).signal.inert == "this is a sample finding"


@pytest.mark.parametrize("key_id", [KEY, SESSION_KEY])
@pytest.mark.parametrize("name", ["GeneratedFindingUserName", "ci-GeneratedFinding"])
def test_a_user_cannot_be_named_into_a_sample(name: str, key_id: str) -> None:
    """Given a user that somebody renamed like a sample's, when a finding on its real key is read, it is real."""
    event = events.guardduty(key_id, name, sample=False, principal_id="AIDA2TESTBUILDUSER01", account=ACCOUNT)
    incident = incident_from(event)
    assert incident.signal.inert == ""
    (target,) = incident.targets
    assert target.id == (KEY if key_id == KEY else "AIDA2TESTBUILDUSER01")
    assert target.name == name


@pytest.mark.parametrize(
    ("archived", "inert"), [(True, True), ("true", True), (False, False), (None, False), ("no", False)]
)
def test_an_archived_finding_changes_nothing(archived: Any, inert: bool) -> None:  # noqa: ANN401, FBT001 - a table
    """Given a finding that somebody archived, when it is read, it is inert and still names its key."""
    event = events.guardduty(KEY, "build-agent", archived=archived)
    incident = incident_from(event)
    assert bool(incident.signal.inert) is inert
    assert incident.targets
    del event["detail"]["service"]["archived"]
    assert incident_from(event).signal.inert == ""


def test_the_same_finding_with_a_higher_count_is_recognised() -> None:
    """Given a finding that is updated, when it comes again, the signal has the same id; from elsewhere it has not."""
    event = events.guardduty(KEY, "build-agent")
    known = incident_from(event).signal.id
    again = event | {"id": "another", "time": "2026-11-20T09:00:00Z"}
    again["detail"] = event["detail"] | {"service": event["detail"]["service"] | {"count": 12}}
    assert incident_from(again).signal.id == known
    assert incident_from(event | {"region": "eu-west-1"}).signal.id != known


def test_the_caller_and_the_call_are_told() -> None:
    """Given a finding on a call, when it is read, the reader is given the call, the address and the country."""
    assert dict(incident_from(sample("guardduty-iamuser")).context) == {
        "Call": "iam.amazonaws.com:ListUsers",
        "From": "198.51.100.23",
        "Country": "Elsewhere",
    }


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("guardduty-")])
def test_the_rule_lets_findings_of_every_type_through(name: str) -> None:
    """Given a finding, when the rule's pattern is laid on it, it matches whatever it is about; mocks never do."""
    rule = EventPattern(None, guardduty.PATTERN)
    event = sample(name)
    assert rule.matches_event(event)
    assert rule.matches_event(event | {"detail": {}})
    assert not rule.matches_event(event | {"source": "awsmock.guardduty"})
    assert not rule.matches_event(event | {"detail-type": "GuardDuty Malware Protection Object Scan Result"})

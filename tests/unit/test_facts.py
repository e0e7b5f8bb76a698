"""Stories of asking AWS: whose credentials are, who else would be hit, and what if nobody answers."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas import facts
from lambdas.facts import gather
from lambdas.model import Fact, InstanceFact, Kind, RoleFact, Standing, Target
from lambdas.signals.reading import is_user_name
from tests.unit.cases import ACCOUNT, SESSION_KEY, incident, key, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_iam import IAMClient

UNKNOWN = Fact(standing=Standing.UNKNOWN)
GONE = Fact(standing=Standing.GONE)
NO_KEY = "AKIA2TESTNOBODYSKEY1"
HOME = "us-east-1"


def moment(**ahead: float) -> str:
    """Give a moment from now as events write it."""
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Silent:
    """A service that has nothing to tell: CloudTrail before a record has arrived, EC2 without the instance."""

    def lookup_events(self, **_: object) -> dict[str, Any]:
        """Answer without a record."""
        return {"Events": []}

    def describe_instances(self, **_: object) -> dict[str, Any]:
        """Answer without an instance."""
        return {"Reservations": []}

    def describe_regions(self) -> dict[str, Any]:
        """Answer without a region."""
        return {"Regions": []}


def clients(iam: IAMClient, **services: object) -> Callable[..., Any]:
    """Give what triage gives: the client of a service by its name, IAM's and those that are said."""
    known = {"iam": iam, "cloudtrail": Silent(), "ec2": Silent()} | services
    return lambda service, region="": known.get(f"{service}_{region.replace('-', '_')}", known[service])


def ask(iam: IAMClient, target: Target, at: str = "", **services: object) -> Fact:
    """Ask about one target of an event that was sent at a moment."""
    return gather(clients(iam, **services), incident(target, at=at), seconds=20)[target]


@pytest.fixture
def made(iam: IAMClient, new_name: Callable[[], str]) -> tuple[str, str]:
    """Make a user under a path, with a key; give its name and the key's id."""
    name = new_name()
    iam.create_user(UserName=name, Path="/pipelines/")
    return name, iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]


def test_the_owner_of_a_key_is_found_by_the_key(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a key that the event names without a user, when IAM is asked, the user, its id, ARN and keys are known."""
    name, key_id = made
    found = iam.get_user(UserName=name)["User"]
    fact = ask(iam, key(key_id, ""))
    assert fact == Fact(
        standing=Standing.HERE, user=name, user_id=found["UserId"], arn=found["Arn"], keys={key_id: "Active"}
    )
    assert fact.arn.endswith(f":user/pipelines/{name}")


def test_iam_is_believed_over_the_name_in_the_event(
    iam: IAMClient, made: tuple[str, str], new_name: Callable[[], str]
) -> None:
    """Given an event with an older or a wrong name, when IAM is asked, the key's owner is who it is now."""
    name, key_id = made
    assert ask(iam, key(key_id, "somebody-else")).user == name
    renamed = new_name()
    iam.update_user(UserName=name, NewUserName=renamed)
    assert ask(iam, key(key_id, name)).user == renamed


def test_a_key_is_found_however_young_its_user_is(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given an event that is older than the user, when the key itself is known, its user is the one that is meant."""
    assert ask(iam, key(made[1], ""), at=moment(days=-1)).standing is Standing.HERE


def test_a_key_that_nobody_has_is_gone(iam: IAMClient) -> None:
    """Given a key that IAM does not know and no user, when IAM is asked, it is gone."""
    assert ask(iam, key(NO_KEY, "")) == GONE
    assert ask(iam, key(NO_KEY, "nobody-of-that-name")) == GONE


@pytest.mark.parametrize("gone", [NO_KEY, SESSION_KEY])
def test_a_gone_or_temporary_key_leads_to_the_user_that_the_event_names(
    iam: IAMClient, made: tuple[str, str], gone: str
) -> None:
    """Given a deleted key, or one of a session, with its user's name, when IAM is asked, the user is known."""
    name, key_id = made
    fact = ask(iam, key(gone, name), at=moment(hours=1))
    assert (fact.standing, fact.user, fact.gone_key) == (Standing.HERE, name, True)
    assert set(fact.keys) == {key_id}


def test_temporary_credentials_that_nobody_saw_used_are_unknown(iam: IAMClient) -> None:
    """Given a session key alone and no record of its use, when AWS is asked, it leads nowhere: CloudTrail may lag."""
    assert ask(iam, key(SESSION_KEY, "")) == UNKNOWN


def test_a_user_is_known_with_all_its_keys(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a user with an active and an inactive key, when IAM is asked, both are known with their status."""
    name, first = made
    second = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=first, Status="Inactive")
    assert ask(iam, user(name), at=moment(hours=1)).keys == {first: "Inactive", second: "Active"}


def test_a_user_that_nobody_has_is_gone(iam: IAMClient) -> None:
    """Given a name that no user has, when IAM is asked, it is gone."""
    assert ask(iam, user("nobody-of-that-name")) == GONE


def test_a_user_of_whom_only_the_id_is_known_is_unknown(iam: IAMClient) -> None:
    """Given a user's unique id without a name, by which IAM finds nobody, when it is asked, the user is not gone."""
    assert ask(iam, user("", "AIDA2TESTCIUSER00001"), at=moment(hours=1)) == UNKNOWN


def test_a_user_made_after_the_event_is_not_the_one_that_is_meant(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a user made anew since the event, when IAM is asked by name, it is gone; later events mean the new one."""
    name, _ = made
    assert ask(iam, user(name), at=moment(hours=-1)) == GONE
    assert ask(iam, key(NO_KEY, name), at=moment(hours=-1)) == GONE
    assert ask(iam, user(name), at=moment(hours=1)).standing is Standing.HERE


def test_a_user_known_by_its_id_is_compared_by_it(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given the id of a user in the event, when another has its name by now, it is gone; the date does not matter."""
    name, _ = made
    same = iam.get_user(UserName=name)["User"]["UserId"]
    assert ask(iam, user(name, same), at=moment(hours=-1)).standing is Standing.HERE
    assert ask(iam, user(name, "AIDA2TESTSOMEONEELSE")) == GONE


@pytest.mark.parametrize(
    "at",
    ["", "yesterday", "Fri, 20 Nov 2026 03:07:41 GMT", "2099-01-01", "2099-01-01T00:00:00"],
)
def test_a_time_that_cannot_be_read_does_not_stand_in_the_way(iam: IAMClient, made: tuple[str, str], at: str) -> None:
    """Given an event without a readable time, when IAM is asked by name, the user is known."""
    assert ask(iam, user(made[0]), at=at).standing is Standing.HERE


def test_a_time_at_the_end_of_time_does_not_stand_in_the_way(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given an event of the year 9999 in a zone behind UTC, when IAM is asked by name, nothing is raised."""
    assert ask(iam, user(made[0]), at="9999-12-31T23:59:59-23:59").standing in set(Standing)


def test_a_time_of_another_zone_is_compared_as_a_moment(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a time far back with an extreme offset, when IAM is asked, the user is younger than that."""
    assert ask(iam, user(made[0]), at="0001-01-01T00:00:00+23:59") == GONE


@pytest.mark.parametrize("name", ["root", "Root", "root-account"])
def test_the_root_user_is_known_as_such(iam: IAMClient, name: str) -> None:
    """Given a report on root, by name or with a key that IAM does not know, when IAM is asked, it is root."""
    assert ask(iam, user(name)).standing is Standing.ROOT
    assert ask(iam, key(NO_KEY, name)).standing is Standing.ROOT


class AsAws:
    """IAM with what moto leaves out: a name that no user can have is refused, not "not found"."""

    def __init__(self, iam: IAMClient, owner: str = "") -> None:
        self._iam = iam
        self._owner = owner

    def get_user(self, **named: str) -> Any:  # noqa: ANN401 - boto3's answer
        """Refuse a name with characters that IAM does not allow."""
        if not is_user_name(named["UserName"]):
            answer: Any = {
                "Error": {"Code": "ValidationError", "Message": "The specified value for userName is invalid."}
            }
            raise ClientError(answer, "GetUser")
        return self._iam.get_user(**named)

    def get_access_key_last_used(self, **named: str) -> Any:  # noqa: ANN401 - boto3's answer
        """Name the owner of every key."""
        return {"UserName": self._owner} if self._owner else self._iam.get_access_key_last_used(**named)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        return getattr(self._iam, name)


@pytest.mark.parametrize("owner", ["", "<root_account>"])
def test_the_root_user_is_known_by_a_name_that_no_user_can_have(iam: IAMClient, owner: str) -> None:
    """Given Trusted Advisor's name of root, when IAM refuses it as no user's name, it is root all the same."""
    client = cast("IAMClient", AsAws(iam, owner))
    assert ask(client, key(NO_KEY, "<root_account>")).standing is Standing.ROOT


def test_what_nobody_can_tell_about_is_not_asked_about(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given root, another principal and a user, when facts are gathered, only the user is asked about."""
    others = (Target(kind=Kind.ROOT, id=ACCOUNT, name="root"), Target(kind=Kind.OTHER, id="AIDAX"))
    assert set(gather(clients(iam), incident(*others, user(made[0])), seconds=20)) == {user(made[0])}


def refusal(code: str, call: str = "LookupEvents") -> ClientError:
    """Give an error of AWS as botocore makes it."""
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, call)


class Failing:
    """A service that answers every call with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        def call(**_: object) -> None:
            raise refusal(self._code, name)

        return call


class NotThere(Silent):
    """An EC2 that refuses to describe what is not there, as AWS' does."""

    def describe_instances(self, **_: object) -> dict[str, Any]:
        """Refuse."""
        raise refusal("InvalidInstanceID.NotFound", "describe_instances")


@pytest.mark.parametrize("code", ["Throttling", "ServiceFailure", "SomethingNew"])
@pytest.mark.parametrize("target", [key(), key(name=""), user()])
def test_an_error_is_unknown_not_gone(code: str, target: Target) -> None:
    """Given an IAM that fails, when it is asked, nothing is known: gone would leave the key alone."""
    assert ask(cast("IAMClient", Failing(code)), target) == UNKNOWN


def test_a_key_of_another_account_is_not_here() -> None:
    """Given a key of another account, which AWS answers with a refusal, when IAM is asked, it is not here."""
    assert ask(cast("IAMClient", Failing("AccessDenied")), key(name="")) == GONE


class Slow:
    """IAM that answers only when it is let go, and quickly for one key."""

    def __init__(self, iam: IAMClient, quick: str) -> None:
        self._iam = iam
        self._quick = quick
        self.go = threading.Event()

    def get_access_key_last_used(self, **named: str) -> Any:  # noqa: ANN401 - boto3's answer
        """Wait, unless it is for the quick one."""
        if named["AccessKeyId"] != self._quick:
            self.go.wait(30)
        return self._iam.get_access_key_last_used(**named)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        return getattr(self._iam, name)


@pytest.fixture
def slow(iam: IAMClient, made: tuple[str, str]) -> Iterator[Slow]:
    """Give an IAM that is slow for all but the user's own key, and let it go in the end."""
    client = Slow(iam, made[1])
    yield client
    client.go.set()


def test_who_does_not_answer_in_time_is_unknown_and_the_others_are_known(slow: Slow, made: tuple[str, str]) -> None:
    """Given an IAM that is slow for two keys, when the time is over, the third is known and those two are not."""
    lagging = [key(f"AKIA2TESTSLOWKEY000{number}", "") for number in range(2)]
    started = time.monotonic()
    found = gather(clients(cast("IAMClient", slow)), incident(*lagging, key(made[1], "")), seconds=0.5)
    assert time.monotonic() - started < 5
    assert [found[target] for target in lagging] == [UNKNOWN, UNKNOWN]
    assert found[key(made[1], "")].user == made[0]


# --- Roles


def trust(*principals: object, effect: object = "Allow") -> dict[str, Any]:
    """Give a trust policy with one statement for each of the principals."""
    statements = [{"Effect": effect, "Principal": who, "Action": "sts:AssumeRole"} for who in principals]
    return {"Version": "2012-10-17", "Statement": statements}


SERVICE = trust({"Service": "ec2.amazonaws.com"})
ONE_USER = f"arn:aws:iam::{ACCOUNT}:user/pipelines/ci-user"


def new_role(iam: IAMClient, name: str, path: str = "/", document: object = SERVICE) -> tuple[str, str]:
    """Make a role; give its id and its ARN."""
    made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(document))["Role"]
    return made["RoleId"], made["Arn"]


def a_role(name: str, role_id: str = "") -> Target:
    """Give a role as a target."""
    return Target(kind=Kind.ROLE, id=role_id, name=name, account=ACCOUNT)


def a_session(role_name: str, role_id: str, name: str = "deploy", region: str = "") -> Target:
    """Give a session of a role as a target."""
    session_id = f"{role_id}:{name}"
    return Target(kind=Kind.ROLE_SESSION, id=session_id, name=role_name, account=ACCOUNT, region=region)


def test_a_role_and_its_session_are_known(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a role, when it or a session of it is asked about, IAM's answer says what it is."""
    name = new_name()
    role_id, arn = new_role(iam, name, "/pipelines/", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    known = Fact(standing=Standing.HERE, role=RoleFact(name=name, role_id=role_id, arn=arn))
    assert known.role is not None
    assert (known.role.unchangeable, known.role.shared, known.role.names_chosen) == ("", True, True)
    for target in (a_role(name), a_role(name, role_id), a_session(name, role_id)):
        assert ask(iam, target, at=moment(hours=1)) == known


def test_a_role_that_is_not_the_one_that_was_meant_is_gone(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given another role's id, no such role, a name no role can have, or a younger role, when asked, it is gone."""
    name = new_name()
    role_id, _ = new_role(iam, name)
    assert ask(iam, a_session(name, "AROA2TESTSOMEONEELSE")) == GONE
    assert ask(iam, a_role(name, "AROA2TESTSOMEONEELSE")) == GONE
    assert ask(iam, a_role("nobody-of-that-name")) == GONE
    assert ask(iam, a_role("<no role>")) == GONE
    assert ask(iam, a_role(name), at=moment(hours=-1)) == GONE
    assert ask(iam, a_session(name, role_id), at=moment(hours=-1)).standing is Standing.HERE


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ServiceFailure"])
@pytest.mark.parametrize("target", [a_role("deploy"), a_session("deploy", "AROA2TESTDEPLOYROLE1")])
def test_a_role_that_iam_does_not_tell_about_is_unknown(code: str, target: Target) -> None:
    """Given an IAM that refuses or fails, when a role is asked about, nothing is known of it."""
    assert ask(cast("IAMClient", Failing(code)), target) == UNKNOWN


def test_a_role_without_a_name_is_unknown(iam: IAMClient) -> None:
    """Given only the id of a role, by which IAM finds nothing, when it is asked about, nothing is known of it."""
    assert ask(iam, a_role("", "AROA2TESTDEPLOYROLE1")) == UNKNOWN
    assert ask(iam, a_session("", "AROA2TESTDEPLOYROLE1")) == UNKNOWN


@pytest.mark.parametrize(
    ("path", "name", "said"),
    [
        ("/aws-service-role/support.amazonaws.com/", "AWSServiceRoleForSupport", "service-linked"),
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Admin_0123456789abcdef", "identity-center"),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_Audit_0123456789abcdef", "identity-center"),
        ("/", "AWSReservedSSO_Mine_0123456789abcdef", ""),
        ("/aws-reserved/sso.amazonaws.com/", "called-otherwise", ""),
        ("/mine/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Path_0123456789abcdef", ""),
        ("/", "AWSServiceRoleForNothing", ""),
        ("/mine/aws-service-role/", "AWSServiceRoleForMe", ""),
        ("/service-role/", "lambda-basic", ""),
    ],
)
def test_the_path_says_whether_a_role_can_be_changed(iam: IAMClient, path: str, name: str, said: str) -> None:
    """Given a role's path, when it is asked about, only those that AWS keeps for itself are unchangeable."""
    new_role(iam, name, path)
    role = ask(iam, a_role(name)).role
    assert role is not None
    assert role.unchangeable == said


def role_fact(document: object) -> RoleFact:
    """Read a role with a trust policy as IAM answers it."""
    found = {
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
        "RoleName": "deploy",
        "RoleId": "AROA2TESTDEPLOYROLE1",
        "Path": "/",
        "AssumeRolePolicyDocument": document,
    }
    return facts._role_fact(found)  # noqa: SLF001 - IAM itself takes no malformed trust policy


OTHER_ACCOUNTS_USER = "arn:aws:iam::210987654321:user/ci-user"
ANOTHER_USER = f"arn:aws:iam::{ACCOUNT}:user/another"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
A_ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


@pytest.mark.parametrize(
    ("document", "shared", "names_chosen"),
    [
        (trust({"AWS": ONE_USER}), False, True),
        (trust({"AWS": [ONE_USER]}), False, True),
        (trust({"AWS": ONE_USER}, {"AWS": [ONE_USER, ONE_USER]}), False, True),
        ({"Statement": {"Effect": "Allow", "Principal": {"AWS": ONE_USER}}}, False, True),
        ({"Statement": [*trust({"AWS": ONE_USER})["Statement"], *trust("*", effect="Deny")["Statement"]]}, False, True),
        (trust({"AWS": OTHER_ACCOUNTS_USER}), True, True),
        (trust({"AWS": ONE_USER}, {"AWS": ANOTHER_USER}), True, True),
        (trust({"AWS": [ONE_USER, ANOTHER_USER]}), True, True),
        (trust({"AWS": ONE_USER, "Service": "ec2.amazonaws.com"}), True, True),
        (trust({"AWS": ONE_USER}, {"NotRead": 7}), True, True),
        (trust({"AWS": ONE_USER}, 7), True, True),
        (trust({"AWS": ONE_USER}, {}), True, True),
        (trust({"AWS": [ONE_USER, None]}), True, True),
        (trust({"AWS": ONE_USER}, effect="allow"), True, True),
        ({"Statement": [*trust({"AWS": ONE_USER})["Statement"], *trust("*", effect="allow")["Statement"]]}, True, True),
        (trust({"AWS": ONE_USER}, effect=None), True, True),
        (trust({"Federated": ONE_USER}), True, True),
        (trust({"AWS": ROOT}), True, True),
        (trust({"AWS": ACCOUNT}), True, True),
        (trust({"AWS": A_ROLE}), True, True),
        (trust({"AWS": "AIDA2TESTDELETEDUSER"}), True, True),
        (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"}), True, True),
        (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*/ci-user"}), True, True),
        (trust({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}), True, True),
        (trust({"Federated": "accounts.google.com"}), True, True),
        (trust("*"), True, True),
        (trust({"AWS": "*"}), True, True),
        (trust({"Service": "*"}), True, True),
        ({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": ONE_USER}}]}, True, True),
        ({"Statement": [{"Effect": "Allow", "NotPrincipal": {}, "Principal": {"AWS": ONE_USER}}]}, True, True),
        (trust({"Service": "ec2.amazonaws.com"}), True, False),
        (trust({"Service": ["lambda.amazonaws.com", "states.us-east-1.amazonaws.com"]}), True, False),
        (trust({"Service": "ec2.amazonaws.com"}, {"Service": "lambda.amazonaws.com"}), True, False),
        (trust({"Service": ["ec2.amazonaws.com", "rolesanywhere.amazonaws.com"]}), True, True),
        (trust({"Service": "ec2.amazonaws.com"}, {"AWS": ROOT}), True, True),
        (trust({"Service": []}), True, True),
        (trust(), True, True),
        ({"Statement": []}, True, True),
        ({"Statement": "Allow"}, True, True),
        ({"Statement": None}, True, True),
        ({}, True, True),
        ([], True, True),
        (None, True, True),
        (json.dumps(trust({"AWS": ONE_USER})), True, True),
    ],
)
def test_a_trust_policy_says_who_else_would_be_hit(document: object, *, shared: bool, names_chosen: bool) -> None:
    """Given a trust policy, when it is read, a role is narrow only if it says just that."""
    found = role_fact(document)
    assert (found.shared, found.names_chosen) == (shared, names_chosen)


def test_iams_own_answer_is_read(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given trust policies that IAM keeps and gives back decoded, when roles are asked about, they are understood."""
    for document, said in ((trust({"AWS": ONE_USER}), (False, True)), (SERVICE, (True, False))):
        name = new_name()
        new_role(iam, name, document=document)
        role = ask(iam, a_role(name)).role
        assert role is not None
        assert (role.shared, role.names_chosen) == said


_words = st.sampled_from(
    ["Allow", "Deny", "*", "AWS", "Service", ONE_USER, ANOTHER_USER, ROOT, "ec2.amazonaws.com", "", "Principal"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)
_principals = st.dictionaries(st.sampled_from(["AWS", "Service", "Federated"]), st.lists(_words, max_size=3) | _json)
_statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Allow", "Deny"]) | _json, "Principal": _principals | _json},
    optional={"NotPrincipal": _json, "Condition": _json},
)
_documents = st.fixed_dictionaries({"Statement": st.lists(_statements, max_size=3) | _statements | _json}) | _json


@settings(max_examples=600, deadline=None)
@given(document=_documents)
def test_whatever_a_trust_policy_holds_a_role_is_only_known_to_be_narrow_where_it_is(document: Any) -> None:  # noqa: ANN401 - any JSON
    """Given any JSON as a trust policy, when it is read, nothing is raised, and doubt makes the role a shared one."""
    found = role_fact(document)
    if found.shared and found.names_chosen:
        return
    statements = document["Statement"]
    allowed = [one for one in (statements if isinstance(statements, list) else [statements]) if one["Effect"] != "Deny"]
    assert allowed
    assert all(one["Effect"] == "Allow" and "NotPrincipal" not in one for one in allowed)
    named: list[Any] = []
    for one in allowed:
        for kind, who in one["Principal"].items():
            named += [(kind, name) for name in (who if isinstance(who, list) else [who])]
    if not found.shared:
        assert set(named) in ({("AWS", ONE_USER)}, {("AWS", ANOTHER_USER)})
    else:
        assert named
        assert {kind for kind, _ in named} == {"Service"}
        assert all(isinstance(name, str) and name not in {"", "*"} for _, name in named)


# --- Instances


@pytest.fixture(scope="module")
def ec2(aws_account: None) -> Any:  # noqa: ANN401, ARG001 - no stubs of EC2 are installed; the account must be there first
    """Give a client of the account's EC2 in another region than IAM's."""
    return boto3.client("ec2", region_name="eu-west-1")


def launched(ec2: Any) -> tuple[str, str, str]:  # noqa: ANN401 - boto3's client
    """Start an instance with a second interface in another VPC; give its id and both VPCs."""
    places = []
    for number in (1, 2):
        vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        places.append((vpc, ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24")["Subnet"]["SubnetId"]))
    started = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=places[0][1])
    instance_id = started["Instances"][0]["InstanceId"]
    interface = ec2.create_network_interface(SubnetId=places[1][1])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=instance_id, DeviceIndex=1)
    return instance_id, places[0][0], places[1][0]


def an_instance(instance_id: str, region: str = "eu-west-1") -> Target:
    """Give an instance as a target."""
    return Target(kind=Kind.INSTANCE, id=instance_id, account=ACCOUNT, region=region)


def test_an_instance_is_in_the_vpcs_of_all_its_interfaces(iam: IAMClient, ec2: Any) -> None:  # noqa: ANN401 - boto3's client
    """Given an instance with interfaces in two VPCs, when EC2 of its region is asked, both are known."""
    instance_id, *vpcs = launched(ec2)
    assert ask(iam, an_instance(instance_id), ec2_eu_west_1=ec2) == Fact(
        standing=Standing.HERE, vpcs=tuple(sorted(vpcs)), instance=InstanceFact(region="eu-west-1")
    )


@pytest.mark.parametrize("odd", [{}, {"NetworkInterfaces": None}, {"NetworkInterfaces": [None, {}, {"VpcId": 7}]}])
def test_an_instance_is_in_its_own_vpc(iam: IAMClient, odd: dict[str, Any]) -> None:
    """Given an instance whose interfaces cannot be read, when EC2 is asked, the instance's own VPC is known."""
    silent = Silent()
    shown = {"InstanceId": "i-0123456789abcdef0", "VpcId": "vpc-1", "State": {"Name": "running"}} | odd
    answer = {"Reservations": [{"Instances": [shown]}]}
    silent.describe_instances = lambda **_: answer  # type: ignore[method-assign]  # as EC2 may answer
    fact = ask(iam, an_instance("i-0123456789abcdef0"), ec2=silent)
    assert fact.standing is Standing.HERE
    assert fact.vpcs is not None
    assert "vpc-1" in fact.vpcs


def test_an_instance_that_is_not_there_is_gone(iam: IAMClient, ec2: Any) -> None:  # noqa: ANN401 - boto3's client
    """Given ids of nothing, no id of an instance, or a terminated one, when EC2 is asked, it is gone."""
    for instance_id in ("i-0123456789abcdef0", "i-99999999", "not-an-instance"):
        assert ask(iam, an_instance(instance_id), ec2_eu_west_1=ec2) == GONE
    instance_id, *_ = launched(ec2)
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert ask(iam, an_instance(instance_id), ec2_eu_west_1=ec2) == GONE
    assert ask(iam, an_instance("i-0123456789abcdef0")) == GONE


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded", "AuthFailure", "InternalError"])
def test_an_instance_that_ec2_does_not_tell_about_is_unknown(iam: IAMClient, code: str) -> None:
    """Given an EC2 that refuses or fails, when an instance is asked about, nothing is known of it."""
    assert ask(iam, an_instance("i-0123456789abcdef0"), ec2=Failing(code)) == UNKNOWN
    assert ask(iam, Target(kind=Kind.INSTANCE, account=ACCOUNT)) == UNKNOWN


def test_an_instance_is_looked_for_where_it_is_or_where_the_signal_is(iam: IAMClient) -> None:
    """Given an instance with or without a region, when EC2 is asked, it is that region's, or the signal's."""
    asked: list[tuple[str, str]] = []

    def client(service: str, region: str = "") -> Any:  # noqa: ANN401 - boto3's clients
        asked.append((service, region))
        return iam if service == "iam" else Silent()

    one, other = an_instance("i-0123456789abcdef0", "eu-west-1"), an_instance("i-0123456789abcdef0", "")
    gather(client, incident(one, other, region="ap-south-2"), seconds=20)
    assert sorted(asked) == [("ec2", "ap-south-2"), ("ec2", "eu-west-1")]


def test_the_session_of_an_instance_is_in_its_vpcs(
    iam: IAMClient,
    ec2: Any,  # noqa: ANN401 - boto3's client
    new_name: Callable[[], str],
) -> None:
    """Given a session that is called like an instance, when AWS is asked, the role and the VPCs are known."""
    instance_id, *vpcs = launched(ec2)
    name = new_name()
    role_id, _ = new_role(iam, name)
    fact = ask(iam, a_session(name, role_id, instance_id, "eu-west-1"), ec2_eu_west_1=ec2)
    assert (fact.standing, fact.vpcs) == (Standing.HERE, tuple(sorted(vpcs)))
    assert fact.role is not None
    assert fact.role.names_chosen is False


def profile_of(iam: IAMClient, name: str) -> str:
    """Make a role that EC2 alone may assume, and an instance profile with it; give the profile's ARN."""
    new_role(iam, name)
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/team/")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return made


def launch_with(name: str, region: str, **more: Any) -> str:
    """Start an instance that has an instance profile; give its id."""
    ec2 = boto3.client("ec2", region_name=region)
    started = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": name}, **more
    )
    return str(started["Instances"][0]["InstanceId"])


def everywhere(service: str, region: str = "") -> Any:  # noqa: ANN401 - boto3's client
    """Give what triage has: the client of any service in any region."""
    return boto3.client(service, region_name=region or HOME)  # type: ignore[call-overload]  # any service


def fact_of(instance_id: str, region: str = "eu-west-1") -> Fact:
    """Ask about an instance of the account."""
    target = an_instance(instance_id, region)
    return gather(everywhere, incident(target), seconds=20)[target]


def test_an_instance_that_has_its_role_for_itself_is_known_to(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given the one instance with a role, when every region was asked, the role is known, and that it is its own."""
    name = new_name()
    profile = profile_of(iam, name)
    fact = fact_of(launch_with(name, "eu-west-1"))
    assert fact.instance == InstanceFact(region="eu-west-1", profile=profile, alone=True)
    assert fact.role is not None
    assert (fact.role.name, fact.role.of_instances) == (name, True)


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-2"])
def test_a_role_that_another_instance_has_is_not_its_own(
    iam: IAMClient, new_name: Callable[[], str], region: str
) -> None:
    """Given a second instance with the role, in the same region or far away, the first does not have it for itself."""
    name = new_name()
    profile_of(iam, name)
    first = launch_with(name, "eu-west-1")
    second = launch_with(name, region)
    assert (alone := fact_of(first).instance)
    assert not alone.alone
    boto3.client("ec2", region_name=region).terminate_instances(InstanceIds=[second])
    assert (alone := fact_of(first).instance)
    assert alone.alone


def test_a_role_in_a_second_profile_is_not_its_own(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given another instance that has the role by another profile, the first does not have it for itself."""
    name, other = new_name(), new_name()
    profile_of(iam, name)
    iam.create_instance_profile(InstanceProfileName=other)
    iam.add_role_to_instance_profile(InstanceProfileName=other, RoleName=name)
    first = launch_with(name, "eu-west-1")
    launch_with(other, "eu-west-1")
    assert (fact := fact_of(first).instance)
    assert not fact.alone


def test_an_instance_of_a_group_never_has_its_role_for_itself(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given an instance that an Auto Scaling group made, the group is known, and that it will make another one."""
    name = new_name()
    profile_of(iam, name)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "aws:autoscaling:groupName", "Value": "web"}]}]
    fact = fact_of(launch_with(name, "eu-west-1", TagSpecifications=tags)).instance
    assert fact
    assert (fact.group, fact.alone) == ("web", False)


def test_a_region_that_does_not_answer_may_have_another_one(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given a region that refuses, when it is asked who has the role, nobody is known to have it for itself."""
    name = new_name()
    profile_of(iam, name)
    instance_id = launch_with(name, "eu-west-1")
    original = everywhere

    def refusing(service: str, region: str = "") -> Any:  # noqa: ANN401 - boto3's client
        return Failing("UnauthorizedOperation") if region == "sa-east-1" else original(service, region)

    target = an_instance(instance_id)
    fact = gather(refusing, incident(target), seconds=20)[target]
    assert fact.instance
    assert not fact.instance.alone
    assert fact.role is not None


def test_the_instance_of_a_session_is_found_in_any_region(iam: IAMClient, new_name: Callable[[], str]) -> None:
    """Given an instance's credentials used from another region, the instance is found where it is."""
    name = new_name()
    profile = profile_of(iam, name)
    instance_id = launch_with(name, "ap-northeast-1")
    target = a_session(name, iam.get_role(RoleName=name)["Role"]["RoleId"], instance_id, "eu-west-1")
    fact = gather(everywhere, incident(target), seconds=20)[target]
    assert fact.instance == InstanceFact(region="ap-northeast-1", profile=profile, alone=True)
    assert fact.vpcs


def test_what_only_makes_the_cut_wider_is_waited_for_half_of_the_time(
    iam: IAMClient, new_name: Callable[[], str]
) -> None:
    """Given regions that do not answer in time, the role is known after half of the time, and nothing is asked on."""
    name = new_name()
    profile_of(iam, name)
    instance_id = launch_with(name, "eu-west-1")
    asked: list[str] = []
    answer = threading.Event()

    class Slow:
        def __getattr__(self, _: str) -> Any:  # noqa: ANN401 - boto3's methods
            answer.wait(10)
            raise refusal("RequestTimeout", "describe_instances")

    def slow(service: str, region: str = "") -> Any:  # noqa: ANN401 - boto3's client
        if service == "ec2" and region not in {"", "eu-west-1"}:
            asked.append(region)
            return Slow()
        return everywhere(service, region)

    target = an_instance(instance_id)
    began = time.monotonic()
    fact = gather(slow, incident(target), seconds=4)[target]
    took = time.monotonic() - began
    answer.set()
    assert fact.instance
    assert not fact.instance.alone
    assert fact.role is not None
    assert took < 3.5


def test_a_profile_without_its_role_says_nothing_about_the_instance(
    iam: IAMClient, new_name: Callable[[], str]
) -> None:
    """Given an instance whose profile has lost its role, the instance is here all the same."""
    name = new_name()
    profile_of(iam, name)
    instance_id = launch_with(name, "eu-west-1")
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    fact = fact_of(instance_id)
    assert (fact.standing, fact.role) == (Standing.HERE, None)


@pytest.mark.parametrize(
    ("session", "ec2", "vpcs"),
    [
        ("i-0123456789abcdef0", Silent(), ()),
        ("i-0123456789abcdef0", NotThere(), ()),
        ("i-0123456789abcdef0", Failing("UnauthorizedOperation"), None),
        ("i-am-called-so", Failing("UnauthorizedOperation"), None),
        ("deploy", Silent(), None),
    ],
)
def test_a_session_is_real_without_an_instance(
    iam: IAMClient, new_name: Callable[[], str], session: str, ec2: object, vpcs: tuple[str, ...] | None
) -> None:
    """Given a session whose instance is gone, is not told of or never was, when AWS is asked, the role is known."""
    name = new_name()
    role_id, _ = new_role(iam, name)
    fact = ask(iam, a_session(name, role_id, session), ec2=ec2)
    assert (fact.standing, fact.vpcs) == (Standing.HERE, vpcs)
    assert fact.role is not None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Reservations": None},
        {"Reservations": [None, {}, {"Instances": [None, {}, {"InstanceId": "i-0aaaaaaaaaaaaaaaa"}]}]},
        {"Reservations": "none"},
    ],
)
def test_an_answer_without_the_instance_is_not_about_it(iam: IAMClient, answer: dict[str, Any]) -> None:
    """Given an answer of EC2 that names no or another instance, when it is read, the instance is gone."""
    silent = Silent()
    silent.describe_instances = lambda **_: answer  # type: ignore[method-assign]  # as EC2 would not answer
    assert ask(iam, an_instance("i-0123456789abcdef0"), ec2=silent) == GONE


# --- Temporary credentials, by what CloudTrail has recorded


class Trail:
    """CloudTrail with records of one key's use, as LookupEvents answers them."""

    def __init__(self, *records: object, key_id: str = SESSION_KEY) -> None:
        self._records = records
        self._key_id = key_id
        self.asked = 0

    def lookup_events(self, **asked: Any) -> dict[str, Any]:
        """Give the records, if the key is the one that is asked about."""
        self.asked += 1
        (wanted,) = asked["LookupAttributes"]
        assert wanted["AttributeKey"] == "AccessKeyId"
        assert 1 <= asked["MaxResults"] <= 50
        if wanted["AttributeValue"] != self._key_id:
            return {"Events": []}
        return {"Events": [{"EventId": str(n), "CloudTrailEvent": one} for n, one in enumerate(self._records)]}


def record(identity: object, **fields: object) -> str:
    """Give a record of one call, as CloudTrail keeps it."""
    given = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventName": "ListBuckets",
        "recipientAccountId": ACCOUNT,
    }
    return json.dumps(given | fields)


def identity(type_: str, principal_id: str, issuer: dict[str, str] | None = None, **fields: object) -> dict[str, Any]:
    """Give the caller of a record, who called with temporary credentials."""
    who: dict[str, Any] = {
        "type": type_,
        "principalId": principal_id,
        "arn": "arn:aws:…",
        "accountId": ACCOUNT,
        "accessKeyId": SESSION_KEY,
        "sessionContext": {"attributes": {"creationDate": "2026-11-20T03:00:00Z", "mfaAuthenticated": "false"}},
    }
    if issuer is not None:
        who["sessionContext"]["sessionIssuer"] = issuer
    return who | fields


def issued_by(type_: str, principal_id: str, name: str, **fields: str) -> dict[str, str]:
    """Give whose role or user issued a session."""
    issuer = {"type": type_, "principalId": principal_id, "arn": "arn:aws:…", "accountId": ACCOUNT, "userName": name}
    return issuer | fields


NAMELESS = key(SESSION_KEY, "")
FEDERATED = Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:visitor", name="visitor", account=ACCOUNT)


def user_id_of(iam: IAMClient, name: str) -> str:
    """Give a user's unique id."""
    return iam.get_user(UserName=name)["User"]["UserId"]


def test_a_users_session_leads_to_the_user(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given credentials of GetSessionToken and a record of their use, when AWS is asked, the user is known."""
    name, key_id = made
    user_id = user_id_of(iam, name)
    fact = ask(iam, NAMELESS, cloudtrail=Trail(record(identity("IAMUser", user_id, userName=name))))
    assert fact.means == user(name, user_id)
    assert (fact.standing, fact.user, fact.user_id, dict(fact.keys)) == (
        Standing.HERE,
        name,
        user_id,
        {key_id: "Active"},
    )
    assert not fact.gone_key


def test_a_roles_session_leads_to_the_role(iam: IAMClient, new_name: Callable[[], str], ec2: Any) -> None:  # noqa: ANN401 - boto3's client
    """Given an instance's credentials and a record of their use, when AWS is asked, role and VPCs are known."""
    instance_id, *vpcs = launched(ec2)
    name = new_name()
    role_id, arn = new_role(iam, name, "/apps/")
    trail = Trail(record(identity("AssumedRole", f"{role_id}:{instance_id}", issued_by("Role", role_id, name))))
    found = incident(NAMELESS, region="eu-west-1")
    fact = gather(clients(iam, cloudtrail=trail, ec2_eu_west_1=ec2), found, seconds=20)[NAMELESS]
    assert fact.means == a_session(name, role_id, instance_id)
    assert (fact.standing, fact.vpcs) == (Standing.HERE, tuple(sorted(vpcs)))
    assert fact.role == RoleFact(name=name, role_id=role_id, arn=arn, names_chosen=False, of_instances=True)


@pytest.mark.parametrize(
    ("services", "of_instances"),
    [
        (["ec2.amazonaws.com"], True),
        (["ec2.amazonaws.com", "lambda.amazonaws.com"], False),
        (["lambda.amazonaws.com"], False),
    ],
)
def test_only_a_role_that_ec2_alone_may_assume_is_of_instances(
    iam: IAMClient, new_name: Callable[[], str], services: list[str], *, of_instances: bool
) -> None:
    """Given services that may assume a role, its sessions are instances' only if EC2 is the only one."""
    name = new_name()
    statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    fact = ask(iam, Target(kind=Kind.ROLE, name=name, account=ACCOUNT), at=moment(hours=1))
    assert fact.role is not None
    assert (fact.role.of_instances, fact.role.names_chosen) == (of_instances, False)


def test_a_federated_session_leads_to_the_user_who_issued_it(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a federated user and its key, when AWS is asked, both lead to the IAM user; another does not."""
    name, key_id = made
    user_id = user_id_of(iam, name)
    who = identity("FederatedUser", FEDERATED.id, issued_by("IAMUser", user_id, name))
    other = Target(kind=Kind.FEDERATED_USER, id=f"{ACCOUNT}:guest", name="guest", account=ACCOUNT)
    found = gather(clients(iam, cloudtrail=Trail(record(who))), incident(FEDERATED, NAMELESS, other), seconds=20)
    assert found[FEDERATED] == found[NAMELESS]
    assert found[FEDERATED].means == user(name, user_id)
    assert dict(found[FEDERATED].keys) == {key_id: "Active"}
    assert found[other] == UNKNOWN


def test_a_federated_user_without_its_key_is_unknown(iam: IAMClient) -> None:
    """Given a federated user alone, when AWS is asked, nobody can say who issued the session."""
    assert ask(iam, FEDERATED) == UNKNOWN


@pytest.mark.parametrize(
    "who",
    [
        identity("Root", ACCOUNT),
        identity("FederatedUser", FEDERATED.id, issued_by("Root", ACCOUNT, "")),
    ],
)
def test_roots_session_is_roots(iam: IAMClient, who: dict[str, Any]) -> None:
    """Given credentials that root made, when AWS is asked, the root user is known."""
    fact = ask(iam, NAMELESS, cloudtrail=Trail(record(who)))
    assert fact == Fact(standing=Standing.ROOT, means=Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT))


def test_whose_session_it_was_may_be_gone(iam: IAMClient) -> None:
    """Given a record of a user or a role that is not there any more, when AWS is asked, who was meant is still said."""
    for who, means in (
        (identity("IAMUser", "AIDA2TESTDELETEDUSER", userName="was"), user("was", "AIDA2TESTDELETEDUSER")),
        (
            identity("AssumedRole", "AROA2TESTDELETEDROLE:x", issued_by("Role", "AROA2TESTDELETEDROLE", "was")),
            a_session("was", "AROA2TESTDELETEDROLE", "x"),
        ),
    ):
        fact = ask(iam, NAMELESS, cloudtrail=Trail(record(who)))
        assert fact == Fact(standing=Standing.GONE, means=means)


def test_a_principal_that_iam_does_not_tell_about_is_named_all_the_same() -> None:
    """Given a record and an IAM that fails, when AWS is asked, the principal is named and nothing else is known."""
    trail = Trail(record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="ci-user")))
    fact = ask(cast("IAMClient", Failing("ServiceFailure")), NAMELESS, cloudtrail=trail)
    assert fact == Fact(standing=Standing.UNKNOWN, means=user("ci-user", "AIDA2TESTCIUSER00001"))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 100_000,
        json.dumps({}),
        record(None),
        record([]),
        record({}),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001")),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="no user <b>")),
        record(identity("IAMUser", "", userName="ci-user")),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName=["ci-user"])),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="ci-user", accountId="210987654321")),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="ci-user", accountId=None)),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="ci-user"), recipientAccountId="210987654321"),
        record(identity("IAMUser", "AIDA2TESTCIUSER00001", userName="ci-user", accessKeyId="ASIA2TESTANOTHERKEY1")),
        record(identity("AssumedRole", "AROA2TESTDEPLOYROLE1:x")),
        record(identity("AssumedRole", "AROA2TESTDEPLOYROLE1:x", sessionContext="none")),
        record(identity("AssumedRole", "AROA2TESTDEPLOYROLE1", issued_by("Role", "AROA2TESTDEPLOYROLE1", "deploy"))),
        record(identity("AssumedRole", "AROA2*:x", issued_by("Role", "AROA2*", "deploy"))),
        record(identity("AssumedRole", "AROA2TESTDEPLOYROLE1:x", issued_by("Role", "AROA2TESTDEPLOYROLE1", ""))),
        record(identity("FederatedUser", FEDERATED.id)),
        record(identity("FederatedUser", FEDERATED.id, issued_by("Role", "AROA2TESTDEPLOYROLE1", "deploy"))),
        record(identity("FederatedUser", FEDERATED.id, issued_by("IAMUser", "AIDA2", "a", accountId="210987654321"))),
        record(identity("AWSService", "ec2.amazonaws.com")),
        record(identity("SAMLUser", "x", userName="x")),
    ],
)
def test_a_record_that_does_not_say_who_it_was_is_passed_over(
    iam: IAMClient, made: tuple[str, str], odd: object
) -> None:
    """Given an odd record, when it is read, it names nobody; the next one does."""
    found = incident(NAMELESS, FEDERATED)
    facts_of = gather(clients(iam, cloudtrail=Trail(odd)), found, seconds=20)
    assert facts_of == {NAMELESS: UNKNOWN, FEDERATED: UNKNOWN}
    good = record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0]))
    assert ask(iam, NAMELESS, cloudtrail=Trail(odd, good)).user == made[0]


@pytest.mark.parametrize("answer", [{}, {"Events": None}, {"Events": "none"}, {"Events": [None, {}, 7]}])
def test_an_answer_of_cloudtrail_that_is_odd_names_nobody(iam: IAMClient, answer: dict[str, Any]) -> None:
    """Given an answer without records, when it is read, nothing is known."""
    silent = Silent()
    silent.lookup_events = lambda **_: answer  # type: ignore[method-assign]  # as CloudTrail would not answer
    assert ask(iam, NAMELESS, cloudtrail=silent) == UNKNOWN


@settings(max_examples=300, deadline=None)
@given(who=_json | st.fixed_dictionaries(dict.fromkeys(identity("IAMUser", "AIDA"), _json)), whole=st.booleans())
def test_whatever_a_record_holds_nothing_is_raised(who: Any, *, whole: bool) -> None:  # noqa: ANN401 - any JSON
    """Given any JSON as a record or as its caller, when it is read, nothing is raised and nobody is made up."""
    text = json.dumps(who) if whole else record(who)
    read = facts._identity(text, SESSION_KEY, ACCOUNT)  # noqa: SLF001 - to try many records without a pool for each
    assert read == {}


@settings(max_examples=300, deadline=None)
@given(
    changed=st.dictionaries(st.sampled_from(["type", "principalId", "userName", "sessionContext"]), _json, max_size=2),
    type_=st.sampled_from(["IAMUser", "AssumedRole", "FederatedUser", "Root"]),
)
def test_a_caller_with_odd_fields_is_nobody_or_somebody_of_this_account(type_: str, changed: dict[str, Any]) -> None:
    """Given a caller with fields of any kind, when it is read, nothing is raised; who it names is of this account."""
    who = identity(type_, "AIDA2:x", issued_by("IAMUser", "AIDA2", "ci-user"), userName="ci-user") | changed
    means = facts._principal(who)  # noqa: SLF001 - the same
    assert means is None or (means.account == ACCOUNT and means.id and means.name)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("AccessDeniedException"),
        refusal("UnrecognizedClientException"),
        EndpointConnectionError(endpoint_url="https://cloudtrail"),
        ValueError("a bug"),
    ],
)
def test_a_cloudtrail_that_does_not_answer_leaves_a_session_unknown(iam: IAMClient, error: Exception) -> None:
    """Given a CloudTrail that throttles, refuses or cannot be reached, when it is asked, nothing is known."""
    silent = Silent()

    def fail(**_: object) -> dict[str, Any]:
        raise error

    silent.lookup_events = fail  # type: ignore[method-assign]  # as AWS fails
    assert ask(iam, NAMELESS, cloudtrail=silent) == UNKNOWN


@pytest.mark.parametrize("saw", [HOME, "eu-west-1"])
def test_both_regions_records_are_asked_for(iam: IAMClient, made: tuple[str, str], saw: str) -> None:
    """Given a signal from another region, when either that region or the global one has a record, the user is known."""
    trail = Trail(record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0])))
    other = Failing("ThrottlingException")
    services = {f"cloudtrail_{saw.replace('-', '_')}": trail, "cloudtrail": other}
    found = gather(clients(iam, **services), incident(NAMELESS, region="eu-west-1"), seconds=20)
    assert found[NAMELESS].user == made[0]
    assert trail.asked == 1


@pytest.mark.parametrize("region", [HOME, ""])
def test_one_region_is_asked_once(iam: IAMClient, region: str) -> None:
    """Given a signal from the global region, or from nowhere, when CloudTrail is asked, it is asked once."""
    trail = Trail()
    gather(clients(iam, cloudtrail=trail), incident(NAMELESS, region=region), seconds=20)
    assert trail.asked == 1


class Counting:
    """IAM that counts how often a user is asked about."""

    def __init__(self, iam: IAMClient) -> None:
        self._iam = iam
        self.asked = 0

    def get_user(self, **named: str) -> Any:  # noqa: ANN401 - boto3's answer
        """Count, and answer."""
        self.asked += 1
        return self._iam.get_user(**named)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        return getattr(self._iam, name)


def test_records_of_two_regions_are_one_answer(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given records in both regions, when AWS is asked, the user is known once."""
    trail = Trail(record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0])))
    counting = Counting(iam)
    services = clients(cast("IAMClient", counting), cloudtrail=trail)
    fact = gather(services, incident(NAMELESS, region="eu-west-1"), seconds=20)[NAMELESS]
    assert (trail.asked, counting.asked, fact.user) == (2, 1, made[0])


@pytest.mark.parametrize("account", ["", ACCOUNT])
def test_a_request_by_hand_names_no_account(iam: IAMClient, made: tuple[str, str], account: str) -> None:
    """Given a key without an account, when AWS is asked, the account is the one whose CloudTrail has the record."""
    trail = Trail(record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0])))
    target = key(SESSION_KEY, "", account=account)
    found = gather(clients(iam, cloudtrail=trail), incident(target, account=""), seconds=20)
    assert found[target].user == made[0]


def test_a_key_of_another_account_is_not_taken_for_one_of_this(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given an incident of another account, when this account's records name a caller, it is not the one meant."""
    trail = Trail(record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0])))
    assert ask(iam, key(SESSION_KEY, "", account="210987654321"), cloudtrail=trail) == UNKNOWN


# --- AWS' quarantine


def doubted(iam: IAMClient, *targets: Target) -> dict[Target, Fact]:
    """Ask about targets of a signal that counts only if the user is quarantined."""
    found = incident(*targets, doubt="the call may have been refused", at=moment(hours=1))
    return gather(clients(iam), found, seconds=20)


@pytest.mark.parametrize("version", ["", "V2", "V3"])
def test_a_user_with_aws_policy_is_quarantined(iam: IAMClient, made: tuple[str, str], version: str) -> None:
    """Given a doubted signal and AWS' policy on the user, when IAM is asked, it is quarantined."""
    policy = f"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine{version}"
    assert doubted(iam, user(made[0]))[user(made[0])].quarantined is False
    iam.attach_user_policy(UserName=made[0], PolicyArn=policy)
    fact = doubted(iam, user(made[0]))[user(made[0])]
    assert (fact.standing, fact.quarantined) == (Standing.HERE, True)


def test_a_policy_that_is_only_called_so_is_none(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given the account's own policy of that name, when IAM is asked, the user is not quarantined by AWS."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    own = iam.create_policy(PolicyName="AWSCompromisedKeyQuarantineV9", PolicyDocument=json.dumps(document))
    iam.attach_user_policy(UserName=made[0], PolicyArn=own["Policy"]["Arn"])
    assert doubted(iam, user(made[0]))[user(made[0])].quarantined is False


def test_only_a_doubted_signals_users_are_asked_for_it(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given no doubt, no user or no such user, when IAM is asked, nobody says anything of a quarantine."""
    assert ask(iam, user(made[0])).quarantined is None
    assert doubted(iam, key(made[1], ""))[key(made[1], "")].quarantined is None
    assert doubted(iam, user("nobody-of-that-name"))[user("nobody-of-that-name")] == GONE


class Hiding:
    """IAM that tells everything but which policies are attached."""

    def __init__(self, iam: IAMClient) -> None:
        self._iam = iam

    def get_paginator(self, name: str) -> Any:  # noqa: ANN401 - boto3's paginator
        """Refuse the one list."""
        if name == "list_attached_user_policies":
            raise refusal("AccessDenied", "ListAttachedUserPolicies")
        return self._iam.get_paginator(cast("Any", name))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        return getattr(self._iam, name)


def test_a_quarantine_that_iam_does_not_tell_of_is_unknown(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given an IAM that refuses the list, when it is asked, the user is known and its quarantine is not."""
    fact = doubted(cast("IAMClient", Hiding(iam)), user(made[0]))[user(made[0])]
    assert (fact.standing, fact.user, fact.quarantined) == (Standing.HERE, made[0], None)


# --- Time


class Stuck(Silent):
    """A service that does not answer before it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def lookup_events(self, **_: object) -> dict[str, Any]:
        """Wait."""
        self.go.wait(30)
        return {"Events": []}

    def describe_instances(self, **_: object) -> dict[str, Any]:
        """Wait."""
        self.go.wait(30)
        return {"Reservations": []}


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    """Give a service that does not answer, and let it go in the end."""
    service = Stuck()
    yield service
    service.go.set()


def test_a_part_that_is_late_does_not_take_the_rest_with_it(
    iam: IAMClient, stuck: Stuck, made: tuple[str, str], new_name: Callable[[], str]
) -> None:
    """Given an EC2 and a region's CloudTrail that do not answer, when the time is over, what others said is known."""
    name = new_name()
    role_id, _ = new_role(iam, name)
    session = a_session(name, role_id, "i-0123456789abcdef0")
    trail = Trail(record(identity("IAMUser", user_id_of(iam, made[0]), userName=made[0])))
    services = {"ec2": stuck, "cloudtrail": stuck, "cloudtrail_us_east_1": trail}
    started = time.monotonic()
    found = gather(clients(iam, **services), incident(session, NAMELESS, region="eu-west-1"), seconds=1.5)
    assert time.monotonic() - started < 5
    assert (found[session].standing, found[session].vpcs) == (Standing.HERE, None)
    assert found[session].role is not None
    assert (found[NAMELESS].standing, found[NAMELESS].user) == (Standing.HERE, made[0])


def test_two_steps_share_one_time(stuck: Stuck) -> None:
    """Given a CloudTrail that answers and an IAM that does not, when the time is over, the principal is named."""
    who = identity("AssumedRole", "AROA2TESTDEPLOYROLE1:x", issued_by("Role", "AROA2TESTDEPLOYROLE1", "deploy"))

    class Waiting:
        def get_role(self, **_: object) -> object:
            stuck.go.wait(30)
            return None

    started = time.monotonic()
    services = clients(cast("IAMClient", Waiting()), cloudtrail=Trail(record(who)))
    found = gather(services, incident(NAMELESS), seconds=0.5)
    assert time.monotonic() - started < 5
    assert found[NAMELESS] == Fact(standing=Standing.UNKNOWN, means=a_session("deploy", "AROA2TESTDEPLOYROLE1", "x"))


def test_no_time_is_no_answer(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given no time at all, when facts are gathered, nothing is known and nothing is raised."""
    assert gather(clients(iam), incident(user(made[0])), seconds=0) == {user(made[0]): UNKNOWN}

"""Stories of asking IAM: whose a key is, who a user is, and what if nobody answers."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from lambdas.facts import gather
from lambdas.model import Fact, Kind, Standing, Target
from lambdas.signals.reading import is_user_name
from tests.unit.cases import ACCOUNT, SESSION_KEY, incident, key, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_iam import IAMClient

UNKNOWN = Fact(standing=Standing.UNKNOWN)
GONE = Fact(standing=Standing.GONE)
NO_KEY = "AKIA2TESTNOBODYSKEY1"


def moment(**ahead: float) -> str:
    """Give a moment from now as events write it."""
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ask(iam: IAMClient, target: Target, at: str = "") -> Fact:
    """Ask about one target of an event that was sent at a moment."""
    return gather(iam, incident(target, at=at), seconds=20)[target]


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


def test_temporary_credentials_without_a_user_are_nobodys(iam: IAMClient) -> None:
    """Given a session key alone, when IAM is asked, it leads nowhere."""
    assert ask(iam, key(SESSION_KEY, "")) == GONE


def test_a_user_is_known_with_all_its_keys(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given a user with an active and an inactive key, when IAM is asked, both are known with their status."""
    name, first = made
    second = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=first, Status="Inactive")
    assert ask(iam, user(name), at=moment(hours=1)).keys == {first: "Inactive", second: "Active"}


def test_a_user_that_nobody_has_is_gone(iam: IAMClient) -> None:
    """Given a name that no user has, when IAM is asked, it is gone."""
    assert ask(iam, user("nobody-of-that-name")) == GONE


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


def test_what_is_no_key_and_no_user_is_not_asked_about(iam: IAMClient, made: tuple[str, str]) -> None:
    """Given root, a role's session and a user, when facts are gathered, only the user is asked about."""
    others = (
        Target(kind=Kind.ROOT, id=ACCOUNT, name="root"),
        Target(kind=Kind.ROLE_SESSION, id="AROA:x"),
        Target(kind=Kind.OTHER, id="AIDAX"),
    )
    assert set(gather(iam, incident(*others, user(made[0])), seconds=20)) == {user(made[0])}


class Failing:
    """IAM that answers every call with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's methods
        def call(**_: object) -> None:
            answer: Any = {"Error": {"Code": self._code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(answer, name)

        return call


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
    facts = gather(cast("IAMClient", slow), incident(*lagging, key(made[1], "")), seconds=0.5)
    assert time.monotonic() - started < 5
    assert [facts[target] for target in lagging] == [UNKNOWN, UNKNOWN]
    assert facts[key(made[1], "")].user == made[0]

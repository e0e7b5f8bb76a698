"""Stories of AWS' errors: each becomes one of ours, and none gives a key away."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from lambdas import aws, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "AKIA2TESTEXPOSED0001"


def refusal(code: str, message: str = "no", status: int = 400, call: str = "UpdateAccessKey") -> ClientError:
    """Give an error as botocore makes it of an answer."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, call)


def translated(error: Exception) -> errors.TourniquetError:
    """Give what an error becomes."""
    with pytest.raises(errors.TourniquetError) as caught, aws.translated():
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("NoSuchEntity", errors.TargetGone),
        ("NoSuchEntityException", errors.TargetGone),
        ("ResourceNotFoundException", errors.TargetGone),
        ("InvalidInstanceID.NotFound", errors.TargetGone),
        ("InvalidInstanceID.Malformed", errors.TargetGone),
        ("ExecutionDoesNotExist", errors.TargetGone),
        ("TaskDoesNotExist", errors.TargetGone),
        ("TaskTimedOut", errors.TargetGone),
        ("LimitExceeded", errors.QuotaFull),
        ("LimitExceededException", errors.QuotaFull),
        ("AccessDenied", errors.NotPermitted),
        ("AccessDeniedException", errors.NotPermitted),
        ("UnauthorizedOperation", errors.NotPermitted),
        ("AuthorizationError", errors.NotPermitted),
        ("AuthorizationErrorException", errors.NotPermitted),
        ("OperationNotPermittedException", errors.NotPermitted),
        ("UnmodifiableEntity", errors.NotPermitted),
        ("UnmodifiableEntityException", errors.NotPermitted),
        ("Throttling", errors.Throttled),
        ("ThrottlingException", errors.Throttled),
        ("TooManyRequestsException", errors.Throttled),
        ("RequestLimitExceeded", errors.Throttled),
        ("ProvisionedThroughputExceededException", errors.Throttled),
        ("ConcurrentModification", errors.Throttled),
        ("ConcurrentModificationException", errors.Throttled),
        ("EntityTemporarilyUnmodifiable", errors.Throttled),
        ("EntityTemporarilyUnmodifiableException", errors.Throttled),
        ("InvalidGroup.NotFound", errors.Unavailable),
        ("InvalidNetworkInterfaceID.NotFound", errors.Unavailable),
        ("InvalidVolume.NotFound", errors.Unavailable),
        ("InvalidSnapshot.NotFound", errors.Unavailable),
        ("ServiceFailure", errors.Unavailable),
        ("ServiceFailureException", errors.Unavailable),
        ("ServiceUnavailable", errors.Unavailable),
        ("InternalError", errors.Unavailable),
        ("InternalFailure", errors.Unavailable),
        ("InternalServerError", errors.Unavailable),
        ("RequestTimeout", errors.Unavailable),
        ("InvalidInput", errors.Unexpected),
        ("PolicyNotAttachable", errors.Unexpected),
        ("MalformedPolicyDocument", errors.Unexpected),
        ("InvalidToken", errors.Unexpected),
        ("ValidationException", errors.Unexpected),
        ("", errors.Unexpected),
    ],
)
def test_every_code_has_its_class(code: str, named: type[errors.TourniquetError]) -> None:
    """Given a code of AWS, when it is translated, it is the class that the workflow's retries match."""
    found = translated(refusal(code, "the words of AWS"))
    assert type(found) is named
    assert str(found) == f"UpdateAccessKey: {code}: the words of AWS"


@pytest.mark.parametrize("call", ["SendTaskSuccess", "SendTaskFailure"])
def test_a_token_that_step_functions_does_not_know_is_gone(call: str) -> None:
    """Given an answer to a workflow that does not wait for it, when it is translated, there is nobody to answer."""
    for code in ("InvalidToken", "TaskTimedOut", "TaskDoesNotExist"):
        assert type(translated(refusal(code, call=call))) is errors.TargetGone


@pytest.mark.parametrize(
    ("status", "named"), [(500, errors.Unavailable), (503, errors.Unavailable), (499, errors.Unexpected)]
)
def test_an_unknown_code_is_judged_by_its_status(status: int, named: type[errors.TourniquetError]) -> None:
    """Given a code that nobody foresaw, when the status says that AWS failed, it is worth another try."""
    assert type(translated(refusal("SomethingNew", status=status))) is named


@pytest.mark.parametrize("answer", [{}, {"Error": {}}, {"Error": {"Code": None, "Message": None}}])
def test_an_answer_without_a_code_is_translated_too(answer: Any) -> None:  # noqa: ANN401 - botocore's answer
    """Given an error whose answer is empty, when it is translated, it is one of ours all the same."""
    assert type(translated(ClientError(answer, "GetUser"))) is errors.Unexpected


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://iam"),
        ConnectionClosedError(endpoint_url="https://iam"),
    ],
)
def test_an_answer_that_did_not_come_is_worth_another_try(error: Exception) -> None:
    """Given a connection that broke or timed out, when it is translated, the workflow will try again."""
    assert type(translated(error)) is errors.Unavailable


@pytest.mark.parametrize(
    "error", [ConnectTimeoutError(endpoint_url="https://iam"), EndpointConnectionError(endpoint_url="https://iam")]
)
def test_a_connection_that_was_not_made_is_worth_another_try(error: Exception) -> None:
    """Given an endpoint that could not be reached in time, when it is translated, the workflow will try again."""
    assert type(translated(error)) is errors.Unavailable


@pytest.mark.parametrize("error", [NoCredentialsError(), BotoCoreError()])
def test_any_other_error_of_botocore_is_unexpected(error: Exception) -> None:
    """Given an error that is no answer of AWS, when it is translated, it is one of ours."""
    assert type(translated(error)) is errors.Unexpected


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDenied", f"User is not authorized on access key {KEY} because of a policy"),
        refusal("NoSuchEntity", f"The Access Key with id {KEY} cannot be found."),
        EndpointConnectionError(endpoint_url=f"https://iam/?AccessKeyId={KEY}"),
        ReadTimeoutError(endpoint_url=f"https://iam/?AccessKeyId={KEY}"),
    ],
)
def test_neither_the_message_nor_a_traceback_shows_a_key(error: Exception) -> None:
    """Given an error with a key id in its text, when it is translated, nothing that a log prints has it whole."""
    found = translated(error)
    assert KEY not in str(found)
    assert "…0001" in str(found)
    printed = "".join(traceback.format_exception(found))
    assert KEY not in printed
    assert found.__cause__ is None
    assert found.__suppress_context__
    assert "During handling" not in printed
    assert "direct cause" not in printed


def test_what_is_no_error_of_aws_goes_through() -> None:
    """Given a bug of ours, when it is raised among calls, it stays what it is."""
    with pytest.raises(KeyError), aws.translated():
        raise KeyError("a bug")


def test_an_error_that_the_caller_handles_goes_through() -> None:
    """Given a code that the caller asked to have, when it is raised, it is botocore's own; another is translated."""
    with pytest.raises(ClientError), aws.translated("ConditionalCheckFailedException"):
        raise refusal("ConditionalCheckFailedException")
    with pytest.raises(errors.Unexpected), aws.translated("ConditionalCheckFailedException"):
        raise refusal("ValidationException")


def test_what_works_is_left_alone() -> None:
    """Given a call that works, when it is made, nothing is raised."""
    with aws.translated():
        done = True
    assert done


@pytest.fixture
def fresh(aws_account: None) -> Iterator[None]:  # noqa: ARG001 - the account must be there first
    """Give a function that has just started; no other test is to meet its clients."""
    aws._session.cache_clear()  # noqa: SLF001 - as above
    aws.client.cache_clear()
    yield
    aws._session.cache_clear()  # noqa: SLF001 - as above
    aws.client.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_clients_are_made_once_and_do_not_wait_long() -> None:
    """Given a function, when it asks for clients, each is made once, and the table's gives up after a second."""
    patient, hasty = aws.client("dynamodb"), aws.client("dynamodb", hasty=True)
    assert aws.client("dynamodb") is patient
    assert hasty is not patient
    assert (patient.meta.config.connect_timeout, patient.meta.config.read_timeout) == (1, 3)
    assert hasty.meta.config.connect_timeout + hasty.meta.config.read_timeout <= 1.5
    assert hasty.meta.config.retries["total_max_attempts"] == 1


@pytest.mark.usefixtures("fresh")
def test_a_client_may_be_of_another_region() -> None:
    """Given a region, when a client is asked for, it is that region's, made once and from the same session."""
    own, other = aws.client("ec2"), aws.client("ec2", region="eu-west-1")
    assert (own.meta.region_name, other.meta.region_name) == ("us-east-1", "eu-west-1")
    assert aws.client("ec2", region="eu-west-1") is other
    assert aws._session.cache_info().misses == 1  # noqa: SLF001 - a second session costs more than the client
    assert (other.meta.config.connect_timeout, other.meta.config.read_timeout) == (1, 3)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("region", ["no region", "x.example.com", "-"])
def test_what_cannot_be_a_region_leads_nowhere(region: str) -> None:
    """Given a region of an odd event, when a client is asked for, it is refused: no call leaves for another host."""
    with pytest.raises(errors.Unexpected), aws.translated():
        aws.client("ec2", region=region)


@pytest.mark.usefixtures("fresh")
def test_clients_may_be_asked_for_at_once() -> None:
    """Given threads that ask for clients at the same time, when they are made, every thread gets its own region's."""
    regions = [f"eu-test-{number}" for number in range(16)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        made = list(pool.map(lambda region: aws.client("sts", region=region), regions))
    assert [client.meta.region_name for client in made] == regions

"""An account that answers what a test tells it to, in shapes that botocore's models allow, and notes what is asked.

The clients are real ones of boto3, up to the moment when a request would be sent. What a test does not answer gets an
empty answer.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
_ACTIONS = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call that was made."""

    service: str
    call: str
    region: str
    params: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that AWS answers."""

    code: str
    status: int = 400


class Answering:
    """The account: ``answers`` holds, by ``service.Operation``, an answer, a refusal, an exception or a function.

    A function is given the region and the parameters, and gives one of the others.
    """

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers: dict[str, Any] = answers or {}
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        _now.account = self

    def clients(self, service: str, *, hasty: bool = False, once: bool = False, region: str = "") -> Any:  # noqa: ANN401, ARG002 - like the functions' own
        """Give the client of a service; it is answered by the account that was made last."""
        with _making:
            return _client(service, region or "us-east-1")

    def actions(self) -> set[str]:
        """Name the IAM actions that were needed for what was asked."""
        found = set()
        for one in self.asked:
            signed = _client(one.service, one.region).meta.service_model.signing_name
            found.add(_ACTIONS.get((one.service, one.call), f"{signed}:{one.call}"))
        return found

    def times(self, call: str) -> int:
        """Count how often an operation was called."""
        return sum(one.call == call for one in self.asked)

    def answer(self, model: Any, context: dict[str, Any]) -> tuple[AWSResponse, dict[str, Any]]:  # noqa: ANN401 - botocore's own
        """Note a call, and answer it."""
        service, region = model.service_model.service_name, context["client_region"]
        asked = Asked(service=service, call=model.name, region=region, params=context.get("told", {}))
        with self._lock:
            self.asked.append(asked)
        answer = self.answers.get(f"{service}.{model.name}", {})
        if callable(answer) and not isinstance(answer, (Refusal, Exception)):
            answer = answer(region, asked.params)
        if isinstance(answer, Exception):
            raise answer
        status = answer.status if isinstance(answer, Refusal) else 200
        if isinstance(answer, Refusal):
            answer = {"Error": {"Code": answer.code, "Message": f"{answer.code} says AWS"}}
        else:
            report = ParamValidator().validate(answer, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        http = AWSResponse("https://127.0.0.1", status, HTTPHeaders(), None)
        return http, copy.deepcopy(answer) | {"ResponseMetadata": {"HTTPStatusCode": status}}


class _Now:
    """The account that the clients ask now."""

    account: Answering


_now = _Now()
_making = threading.Lock()


def _note(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context["told"] = dict(params)


def _answer(model: Any, context: dict[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]]:  # noqa: ANN401 - botocore's own
    return _now.account.answer(model, context)


@cache
def _session() -> boto3.Session:
    session = botocore.session.Session()
    session.set_credentials("testing", "testing")
    on: Any = session.register
    on("before-parameter-build", _note)
    on("before-call", _answer)
    return boto3.Session(botocore_session=session)


@cache
def _client(service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
    made: Callable[..., Any] = _session().client
    return made(service, region_name=region)

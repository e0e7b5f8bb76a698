"""Where LocalEmu's STS differs from AWS, and whoever tells sessions apart by their key would notice.

GetSessionToken and GetFederationToken issue credentials of their own at each call. LocalEmu gives the example key of
AWS' documentation every time, so that a new session takes the place of all earlier ones, whosever they were.

May touch: moto's answers of STS in this process.
Never does: keep state of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse
from moto.sts.utils import random_session_token

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    """Correct LocalEmu's STS in this process. To be called once."""
    for call in ("get_session_token", "get_federation_token"):
        setattr(TokenResponse, call, _with_own_credentials(getattr(TokenResponse, call)))


def _with_own_credentials(issue: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def issue_anew(self: Any) -> Any:  # noqa: ANN401 - moto is untyped
        answer = issue(self)
        key = iam_backends[self.current_account][self.partition].create_temp_access_key()
        answer.result["Credentials"] |= {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": random_session_token(),
        }
        return answer

    return issue_anew

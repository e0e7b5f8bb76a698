"""`python -m demo.emulator`: the embedded AWS, until it is stopped.

Run by the emulator's own interpreter, which has LocalEmu; `demo.aws` starts it and sets the environment
variables LocalEmu reads (GATEWAY_LISTEN, IAM_ENFORCEMENT and so on) and LAMBDA_PYTHON, the interpreter
that stands for the Lambda image.

May touch: 127.0.0.1, and the folder FILESYSTEM_ROOT names.
Never does: listen on another interface, use Docker, or call AWS.
"""

from __future__ import annotations

from typing import Any

from localemu.runtime import main as localemu
from twisted.internet import endpoints

from demo.emulator import (
    cloudtrail_as_aws,
    iam_as_aws,
    iam_delay,
    instances_as_aws,
    jsonata_shim,
    lambda_on_host,
    many_calls,
    moto_fixes,
    sns_mail,
    sts_as_aws,
    workflow_logs,
)


def _listen_on_loopback_only() -> None:
    # LocalEmu drops the host of GATEWAY_LISTEN on its way to the server, which then listens everywhere.
    initialise = endpoints.TCP4ServerEndpoint.__init__

    def on_loopback(self: object, reactor: object, port: int, *_: Any, **__: Any) -> None:
        initialise(self, reactor, port, interface="127.0.0.1")

    endpoints.TCP4ServerEndpoint.__init__ = on_loopback


if __name__ == "__main__":
    _listen_on_loopback_only()
    jsonata_shim.install("localemu")
    moto_fixes.install()
    many_calls.install()
    lambda_on_host.install()
    iam_as_aws.install()
    iam_delay.install()
    instances_as_aws.install()
    sts_as_aws.install()
    cloudtrail_as_aws.install()
    sns_mail.install()
    workflow_logs.install()
    localemu.main()

"""Start the embedded AWS, deploy into it, read the e-mails it delivered, and stop it.

May touch: subprocesses of its own, 127.0.0.1, `.build/` of the project, and the scratch folder and the files
that its caller names.
Never does: use the person's own AWS account. No profile, configuration file, credential or endpoint of
theirs reaches a process started here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
ACCOUNT = "000000000000"
REGION = "us-east-1"
STACK = "TourniquetResponder"

_READY_LIMIT_SECONDS = 90
_ASK_LIMIT_SECONDS = 1  # LocalEmu's own shutdown takes longer, and saves only what is thrown away
_KILL_LIMIT_SECONDS = 10
_TAIL_LINES = 25
_SAY_EVERY_SECONDS = 2
_NOT_UPLOADED = "Failed to publish asset"
_RESOURCES = re.compile(r"\|\s*(\d+)/(\d+)\s*\|")


class EmbeddedAwsError(Exception):
    """The embedded AWS could not be started or deployed into; the text says what to do or what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail that a subscription of an SNS topic delivered."""

    to: str
    subject: str
    body: str


class EmbeddedAws:
    """A running embedded AWS. Leaving it as a context manager stops it.

    ``port`` is where it listens on 127.0.0.1, and ``pid`` is its process and its process group.
    """

    def __init__(self, *, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    @classmethod
    def start(cls, *, port: int = 4566, scratch: Path, log: Path, say: Callable[[str], None] = print) -> EmbeddedAws:
        """Start it and wait until it answers.

        ``scratch`` is the folder its state lives in, ``log`` the file its output goes to. Whatever interrupts
        the start, a Ctrl-C included, leaves no process. Raises EmbeddedAwsError when the port is taken, when
        a part is not installed, and when it does not come up.
        """
        python = _installed(BUILD / "emulator" / "bin" / "python")
        runtime = _installed(BUILD / "runtime" / "bin" / "python")
        _require_free(port)
        (scratch / "tmp").mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [python, "-m", "demo.emulator"],
                cwd=scratch,
                env=_emulator_environment(port=port, scratch=scratch, runtime=runtime),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        aws = cls(port=port, pid=process.pid)
        try:
            aws._await_readiness(process, log)
        except BaseException:
            aws.stop()
            raise
        say(f"AWS is up at {aws.url} ({time.monotonic() - started:.0f} s)")
        return aws

    def stop(self) -> None:
        """End its whole process group: first ask, then kill. Harmless when it is gone already.

        A Ctrl-C meanwhile does not interrupt it: a second one must not leave what the first was to end.
        """
        with _undisturbed():
            self._stop()

    def _stop(self) -> None:
        for request, limit in ((signal.SIGTERM, _ASK_LIMIT_SECONDS), (signal.SIGKILL, _KILL_LIMIT_SECONDS)):
            deadline = time.monotonic() + limit
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, request)
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.05)

    def is_running(self) -> bool:
        """Tell whether a process of its group is left."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # else an ended child of ours stays as a zombie and counts
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # the number belongs to somebody else by now
            return False
        return True

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Give the environment variables that point an SDK or a tool here, and away from a real account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def get(self, path: str) -> dict[str, Any]:
        """Read one of the emulator's own JSON pages, such as ``/_aws/ses``."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310 - always http to 127.0.0.1
            page: dict[str, Any] = json.load(answer)
            return page

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        try:
            self.get("/_localemu/health")
        except (OSError, ValueError):
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _await_readiness(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _READY_LIMIT_SECONDS
        while not self.is_ready():
            if process.poll() is not None:
                raise EmbeddedAwsError(
                    f"The embedded AWS ended with status {process.returncode}. Its log, {log}, ends with:\n"
                    + _tail(log)
                )
            if time.monotonic() > deadline:
                raise EmbeddedAwsError(
                    f"The embedded AWS did not answer within {_READY_LIMIT_SECONDS} s. Its log, {log}, "
                    f"ends with:\n{_tail(log)}"
                )
            time.sleep(0.1)


def deploy(
    aws: EmbeddedAws,
    *,
    context: Mapping[str, str],
    outputs: Path,
    say: Callable[[str], None] = print,
    app: Path = ROOT,
) -> dict[str, str]:
    """Deploy the stack with the stock CDK tool, bootstrapping first where nobody has, and give its outputs.

    ``context`` goes to the app as `-c` options, ``outputs`` is the file CDK writes the outputs to, and
    ``app`` the folder with cdk.json. An upload of the functions' code that was cut off is tried once more. Raises
    EmbeddedAwsError with the end of what CDK said when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="cdk.out-", dir=BUILD) as assembly:
        where = ["--output", assembly, "--no-notices", "--no-version-reporting"]
        options = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
        if not _is_bootstrapped(aws):
            bootstrap = ["bootstrap", f"aws://{ACCOUNT}/{REGION}", *where, *options]
            _cdk(aws, bootstrap, phase="bootstrap", app=app, say=say)
        outputs.parent.mkdir(parents=True, exist_ok=True)
        target = ["deploy", STACK, "--require-approval", "never", "--outputs-file", str(outputs)]
        try:
            _cdk(aws, [*target, *where, *options], phase="deploy", app=app, say=say)
        except EmbeddedAwsError as error:
            if _NOT_UPLOADED not in str(error):
                raise
            say("cdk deploy: an upload was cut off, as happens on a busy machine; once more")
            _cdk(aws, [*target, *where, *options], phase="deploy", app=app, say=say)
    written: dict[str, dict[str, str]] = json.loads(outputs.read_text("utf-8")) if outputs.exists() else {}
    return written.get(STACK, {})


def mails(aws: EmbeddedAws) -> list[Mail]:
    """Give the e-mails that SNS subscriptions have delivered, oldest first."""
    try:
        mailbox = aws.get("/_aws/ses")
    except urllib.error.HTTPError:  # the mailbox exists from the first e-mail on
        return []
    found: list[Mail] = []
    for message in mailbox["messages"]:
        body = message.get("Body") or {}
        text = body.get("text_part") or body.get("html_part") or "" if isinstance(body, dict) else str(body)
        subject = str(message.get("Subject") or "")
        addresses = (message.get("Destination") or {}).get("ToAddresses") or []
        found += [Mail(to=address, subject=subject, body=text) for address in addresses]
    return found


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C for a while; only the main thread may, and only there does it arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cdk(aws: EmbeddedAws, arguments: list[str], *, phase: str, app: Path, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    said: deque[str] = deque(maxlen=400)
    process = subprocess.Popen(
        [_installed(BUILD / "bin" / "cdk"), *arguments, "--ci", "--progress", "events", "--no-color"],
        cwd=app,
        env=_clean_environment() | aws.environment() | _CDK_ENVIRONMENT | _tools_first(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    say(f"cdk {phase} …")
    told = started
    try:
        for line in process.stdout or ():
            said.append(line.rstrip())
            resources = _RESOURCES.search(line)
            if resources and time.monotonic() - told >= _SAY_EVERY_SECONDS:
                told = time.monotonic()
                say(f"cdk {phase}: {resources[1]} of {resources[2]} resources ({told - started:.0f} s)")
        status = process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    seconds = time.monotonic() - started
    if status != 0:
        tail = "\n".join([line for line in said if line][-_TAIL_LINES:])
        raise EmbeddedAwsError(f"cdk {phase} failed after {seconds:.0f} s. It ends with:\n{tail}")
    say(f"cdk {phase} is done ({seconds:.0f} s)")


_CDK_ENVIRONMENT = {
    "CI": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "1",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "CDK_DEFAULT_ACCOUNT": ACCOUNT,
    "CDK_DEFAULT_REGION": REGION,
    "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}


def _tools_first() -> dict[str, str]:
    folders = [str(BUILD / "bin"), str(BUILD / "venv" / "bin"), os.environ.get("PATH", "")]
    return {"PATH": os.pathsep.join(folders)}


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}


def _emulator_environment(*, port: int, scratch: Path, runtime: str) -> dict[str, str]:
    own = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LAMBDA_PYTHON": runtime,
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(scratch.resolve()),
        "TMPDIR": str(scratch.resolve() / "tmp"),
        "OVERRIDE_IN_DOCKER": "0",
        "EC2_VM_MANAGER": "none",
        "LOCALEMU_ENI_REAL": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LAMBDA_KEEPALIVE_MS": "60000",
        "IAM_ENFORCEMENT": "1",
        "ROOT_ACCESS_KEYS": f"test,{ACCOUNT}",
    }
    return _clean_environment() | own


def _is_bootstrapped(aws: EmbeddedAws) -> bool:
    query = "Action=DescribeStacks&StackName=CDKToolkit&Version=2010-05-15"
    signature = f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/cloudformation/aws4_request, "
    request = urllib.request.Request(  # noqa: S310 - always http to 127.0.0.1
        aws.url,
        data=query.encode(),
        headers={
            "Authorization": f"{signature}SignedHeaders=host, Signature=none",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return b"_COMPLETE</StackStatus>" in answer.read()
    except urllib.error.HTTPError:
        return False


def _installed(program: Path) -> str:
    found = shutil.which(program)
    if found is None:
        raise EmbeddedAwsError(f"{program.relative_to(ROOT)} is missing: `make demo` installs it.")
    return found


def free_port() -> int:
    """Give a port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise EmbeddedAwsError(
                f"Port {port} of 127.0.0.1 is in use: stop what listens there (an embedded AWS of an earlier "
                "run ends with `make down`) or choose another port."
            ) from None


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if line.strip()][-_TAIL_LINES:])

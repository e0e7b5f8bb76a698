"""Lambda without Docker: each execution environment is a subprocess of AWS' runtime interface client.

An environment talks to a Runtime API that this module serves to it alone, on 127.0.0.1. Python functions
only, layers included. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

May touch: subprocesses of its own, loopback sockets, and the place where LocalEmu looks its executor up.
Never does: use Docker, or let an environment outlive the emulator.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, override

from localemu import config
from localemu.aws.api.lambda_ import TooManyRequestsException
from localemu.services.lambda_ import provider
from localemu.services.lambda_.invocation import (
    execution_environment,
    layer_mounter,
    runtime_executor,
    version_manager,
)
from localemu.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localemu.services.lambda_.invocation.lambda_models import InvocationResult

if TYPE_CHECKING:
    from collections.abc import Callable

_BOOTSTRAP = Path(__file__).with_name("lambda_environment.py")
_START_LIMIT_SECONDS = 30
_POLL_SECONDS = 0.02
_DEFAULT_TIMEOUT_SECONDS = 3
_MOST_RUNNING = int(os.environ.get("DEMO_MOST_RUNNING_LAMBDAS", "10"))  # what AWS gives a new account
_ROOM_LIMIT_SECONDS = 10
_MOST_PROCESSES = int(os.environ.get("DEMO_MOST_LAMBDA_PROCESSES", "10"))


#: These mostly wait: they take no processor from the others, which they call themselves.
_WAITING = {"tourniquet-Hold"}

#: On Lambda every environment has processors of its own, and an account may run so many at once; here they share a few.
_room = threading.Semaphore(_MOST_RUNNING)


def install() -> None:
    """Make LocalEmu run functions with `HostExecutor`, a few at once, and honour the log group a function names."""
    for module in (runtime_executor, execution_environment, version_manager, provider):
        module.get_runtime_executor = lambda: HostExecutor
    version_manager.LambdaVersionManager.invoke = _where_there_is_room()
    execution_environment.ExecutionEnvironment.get_log_group_name = _log_group
    atexit.register(_Process.end_all)


def _where_there_is_room() -> Callable[..., InvocationResult]:
    """Let an invocation wait a while for its turn, then refuse it as AWS does when too many run at once."""
    invoke: Callable[..., InvocationResult] = version_manager.LambdaVersionManager.invoke

    def invoke_in_turn(self: Any, *, invocation: Any) -> InvocationResult:  # noqa: ANN401 - LocalEmu is untyped
        if self.function_version.id.function_name in _WAITING:
            return invoke(self, invocation=invocation)
        if not _room.acquire(timeout=_ROOM_LIMIT_SECONDS):
            raise TooManyRequestsException("Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded", Type="User")
        try:
            return invoke(self, invocation=invocation)
        finally:
            _room.release()

    return invoke_in_turn


def _log_group(environment: Any) -> str:  # noqa: ANN401 - LocalEmu is untyped
    version = environment.function_version
    named = (version.config.logging_config or {}).get("LogGroup")
    return str(named or f"/aws/lambda/{version.id.function_name}")


class _RuntimeApi:
    """The Runtime API for one environment: it hands out invocations and takes their results."""

    def __init__(self) -> None:
        self.invocations: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.results: queue.Queue[tuple[bool, bytes]] = queue.Queue()
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


def _handler_for(api: _RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @override
        def log_message(self, *args: object) -> None:
            """Say nothing: LocalEmu logs the invocation."""

        def do_GET(self) -> None:
            api.ready.set()
            invocation = api.invocations.get()
            if invocation is None:  # the environment has ended: nobody reads an answer
                self.close_connection = True
                return
            self._answer(
                200,
                invocation["payload"].encode(),
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": invocation["invoke-id"],
                    "Lambda-Runtime-Invoked-Function-Arn": invocation["invoked-function-arn"],
                    "Lambda-Runtime-Trace-Id": invocation.get("trace-id", ""),
                    "Lambda-Runtime-Deadline-Ms": str(invocation["deadline"]),
                },
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(202, b"{}")
            if self.path.endswith("/init/error"):
                api.init_error = body
                api.ready.set()
            else:
                api.results.put((self.path.endswith("/error"), body))

        def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


class _Process:
    """One running environment: a subprocess, its Runtime API and what it has printed.

    Beyond `_MOST_PROCESSES`, the ones that have been idle longest are ended, and their next invocation starts
    cold. Busy ones are never ended.
    """

    _all: ClassVar[list[_Process]] = []
    _all_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, version: Any, environment: dict[str, str]) -> None:  # noqa: ANN401 - LocalEmu is untyped
        self.busy = True
        self._lines: list[str] = []
        self._lines_lock = threading.Lock()
        self.api = _RuntimeApi()
        folder = str(version.config.code.get_unzipped_code_location())
        self._popen = subprocess.Popen(
            [os.environ["LAMBDA_PYTHON"], "-P", str(_BOOTSTRAP), environment["_HANDLER"]],
            cwd=folder,
            env=_variables(version, folder, environment) | {"AWS_LAMBDA_RUNTIME_API": self.api.address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        with self._all_lock:
            self._all.append(self)
        self._make_room()

    def claim(self) -> bool:
        """Take this process for an invocation; false when it has ended meanwhile."""
        with self._all_lock:
            if self not in self._all or self._popen.poll() is not None:
                return False
            self.busy = True
            return True

    def release(self) -> None:
        """Give this process back: it is now the one that was used last."""
        with self._all_lock:
            self.busy = False
            if self in self._all:
                self._all.remove(self)
                self._all.append(self)
        self._make_room()

    def end(self) -> None:
        """Kill the process and close its Runtime API. Ending twice is the same as ending once."""
        with self._all_lock:
            if self in self._all:
                self._all.remove(self)
        self._popen.kill()
        self._popen.wait()
        self._reader.join(timeout=1)
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        self.api.close()

    @classmethod
    def end_all(cls) -> None:
        """Kill every environment."""
        for process in list(cls._all):
            process.end()

    @classmethod
    def _make_room(cls) -> None:
        with cls._all_lock:
            idle = [process for process in cls._all if not process.busy]
            surplus = idle[: max(0, len(cls._all) - _MOST_PROCESSES)]
            for process in surplus:
                cls._all.remove(process)
        for process in surplus:
            process.end()

    @property
    def exit_status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._popen.poll()

    def output(self) -> str:
        """Give what the process has printed since `forget_output`."""
        with self._lines_lock:
            return "".join(self._lines)

    def forget_output(self) -> None:
        """Start a new log."""
        with self._lines_lock:
            self._lines.clear()

    def _read(self) -> None:
        for line in self._popen.stdout or ():
            with self._lines_lock:
                self._lines.append(line.decode("utf-8", "replace"))


def _variables(version: Any, folder: str, environment: dict[str, str]) -> dict[str, str]:  # noqa: ANN401 - LocalEmu is untyped
    runtime = version.config.runtime
    layers = layer_mounter.prepare_merged_opt(version)
    search = [folder]
    if layers:
        search += [f"{layers}/python", f"{layers}/python/lib/{runtime}/site-packages"]
    search += [path for path in [environment.get("PYTHONPATH")] if path]
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": tempfile.gettempdir(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **environment,
        "PYTHONPATH": os.pathsep.join(search),
        "LAMBDA_TASK_ROOT": folder,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
    }


class HostExecutor(runtime_executor.RuntimeExecutor):  # type: ignore[misc]  # LocalEmu is untyped
    """Runs one execution environment of one function version, as LocalEmu asks."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002, ANN401 - LocalEmu names it, and is untyped
        super().__init__(id=id, function_version=function_version)
        self._environment: dict[str, str] = {}
        self._process: _Process | None = None

    def start(self, env_vars: dict[str, object]) -> None:
        """Start the environment and wait until it asks for work.

        Raises StatusErrorException with the function's own error when its module cannot be loaded.
        """
        self._environment = {name: str(value) for name, value in env_vars.items()}
        self._start().release()

    def stop(self) -> None:
        """End the environment."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def invoke(self, payload: dict[str, Any], function_timeout: int | None = None) -> InvocationResult:
        """Run one invocation, in a new process when the last one crashed, timed out or made room."""
        process = self._process
        if process is None or not process.claim():
            self.stop()
            process = self._start()
        request = payload["invoke-id"]
        limit = function_timeout or self.function_version.config.timeout or _DEFAULT_TIMEOUT_SECONDS
        process.forget_output()
        started = time.time()
        process.api.invocations.put({**payload, "deadline": int((started + limit) * 1000)})
        is_error, body = _await_result(process, request, limit)
        milliseconds = (time.time() - started) * 1000
        time.sleep(_POLL_SECONDS / 10)  # what the handler printed last may still be in the pipe
        memory = self.function_version.config.memory_size
        logs = (
            f"START RequestId: {request} Version: {self.function_version.id.qualifier}\n{process.output()}"
            f"END RequestId: {request}\n"
            f"REPORT RequestId: {request}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\t"
            f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB\t\n"
        )
        if process.exit_status is None:
            process.release()
        else:
            self.stop()
        return InvocationResult(request, body, is_error=is_error, logs=logs)

    def _start(self) -> _Process:
        process = _Process(self.function_version, self._environment)
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        error: bytes | None = None
        while not process.api.ready.wait(_POLL_SECONDS):
            if process.exit_status is not None or time.monotonic() > deadline:
                said = process.output()[-800:]
                error = _error("Runtime.ExitError", f"The environment did not start ({process.exit_status}): {said}")
                break
        error = error or process.api.init_error
        if error is not None:
            process.end()
            raise StatusErrorException("Environment startup failed", payload=error)
        self._process = process
        return process

    def get_address(self) -> str:
        """Give the host that LocalEmu finds the environment at."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Give the host that the function finds LocalEmu at."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Give an address that nothing asks: each environment has a Runtime API of its own."""
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/unused"

    def get_logs(self) -> str:
        """Give what the running invocation has printed."""
        return "" if self._process is None else self._process.output()

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:  # noqa: ANN401 - LocalEmu is untyped
        """Unpack the code of a function version."""
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:  # noqa: ANN401 - LocalEmu is untyped
        """Do nothing: the unpacked code goes with the scratch folder."""


def _await_result(process: _Process, request: str, limit: float) -> tuple[bool, bytes]:
    deadline = time.monotonic() + limit
    while True:
        try:
            return process.api.results.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            pass
        if process.exit_status is not None:
            status = process.exit_status
            return True, _error(
                "Runtime.ExitError",
                f"RequestId: {request} Error: Runtime exited with error: exit status {status}",
            )
        if time.monotonic() > deadline:
            process.end()
            return True, _error(
                "Sandbox.Timedout", f"RequestId: {request} Error: Task timed out after {limit:.2f} seconds"
            )


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()

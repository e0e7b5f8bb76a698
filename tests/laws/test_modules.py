"""The house rules that every module is held to."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from lambdas import actions, errors, playbooks

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lambdas", "stacks", "demo", "docs", "bench")
MODULES = sorted([ROOT / "app.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))])
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

PURE = (
    "model",
    "errors",
    "text",
    "by_hand",
    "commands",
    "targets",
    "guardrails",
    "answers",
    "planning",
    "handoff",
    "wording",
    "watched",
    "alert",
    "release_alert",
    "restoring",
    "signals",
    "playbooks",
)
#: What is pure in a layer that is not.
PURE_IN_INVESTIGATION = (
    *("closing", "findings", "lineage", "made", "makings", "records", "suspicious"),
    "late",
    *("chapters", "moments", "page", "pictures", "report", "shown", "summary", "support_form", "words"),
)
PURE_MODULES = {f"investigation/{name}.py" for name in PURE_IN_INVESTIGATION}
IMPURE_LIBRARIES = {
    "boto3",
    "botocore",
    "os",
    "time",
    "datetime",
    "random",
    "socket",
    "subprocess",
    "logging",
    "aws_lambda_powertools",
    "urllib",
    "http",
    "pathlib",
}
KNOW_BOTO3 = {"lambdas/aws.py", "lambdas/journal.py"}

#: Which layer may import which, within ``lambdas``; a layer may always import from itself.
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "text": set(),
    "commands": {"text"},
    "telemetry": set(),
    "targets": {"model", "text"},
    "guardrails": {"model", "playbooks", "signals", "targets"},
    "answers": {"model", "playbooks", "signals", "targets", "text"},
    "by_hand": {"model"},
    "wording": {"model", "text", "targets", "commands", "by_hand"},
    "handoff": {"model", "guardrails", "planning"},
    "executions": {"errors", "aws", "telemetry"},
    "meeting": {"errors", "model", "guardrails", "handoff", "journal", "planning", "targets", "telemetry", "text"},
    "signals": {"model"},
    "playbooks": {"model"},
    "planning": {"model", "answers", "guardrails", "signals", "playbooks", "targets"},
    "watched": {"model", "text", "wording"},
    "alert": {"model", "playbooks", "text", "targets", "wording", "watched", "commands"},
    "report_alert": {"model", "text", "commands", "alert", "investigation"},
    "release_alert": {"model", "text", "targets", "commands", "alert"},
    "restoring": {"model", "text"},
    "aws": {"errors", "text"},
    "actions": {"model", "errors", "text", "aws", "commands", "telemetry"},
    "facts": {"model", "errors", "aws", "actions", "signals"},
    "journal": {"model", "errors", "aws"},
    "holding": {"errors", "model", "text"},
    "newborns": {"errors", "model", "aws", "actions"},
    "investigation": {"model", "errors", "text", "commands", "aws", "signals", "actions"},
}


def imports(path: Path) -> set[str]:
    """List what a module imports, in full names, type-checking imports included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer(path: Path) -> str:
    """Name the layer of a module of ``lambdas``: its file's or its folder's name."""
    return path.relative_to(ROOT / "lambdas").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_every_module_says_what_it_is_what_it_may_touch_and_what_it_never_does(path: Path) -> None:
    """Given a module, its docstring has all three."""
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert re.search(r"^May touch: ", said, re.MULTILINE), "the docstring does not say what it may touch"
    assert re.search(r"^Never( does)?: ", said, re.MULTILINE), "the docstring does not say what it never does"


LAMBDA_MODULES = [path for path in MODULES if path.is_relative_to(ROOT / "lambdas")]


@pytest.mark.parametrize("path", LAMBDA_MODULES, ids=[str(p.relative_to(ROOT)) for p in LAMBDA_MODULES])
def test_imports_go_one_way(path: Path) -> None:
    """Given a module that ships, it imports only from the layers below it, and never from what does not ship."""
    own = layer(path)
    outside = {
        name for name in imports(path) if name.split(".")[0] in {"stacks", "demo", "tests", "docs", "bench", "aws_cdk"}
    }
    assert not outside
    if own in {"handlers", "__init__"}:
        return
    inside = {name.split(".")[1] for name in imports(path) if name.startswith("lambdas.")} - {own}
    assert inside <= LAYERS[own], f"{own} imports {inside - LAYERS[own]}"


PURE_PATHS = [
    path for path in LAMBDA_MODULES if layer(path) in PURE or str(path.relative_to(ROOT / "lambdas")) in PURE_MODULES
]


@pytest.mark.parametrize("path", PURE_PATHS, ids=lambda p: p.stem)
def test_pure_code_stays_pure(path: Path) -> None:
    """Given a pure module, it imports nothing that knows AWS, the clock, the environment or a file."""
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE_LIBRARIES


def test_few_modules_know_boto3() -> None:
    """Given the whole package, only the clients' module and the table's know boto3 and botocore."""
    knowing = {
        str(path.relative_to(ROOT))
        for path in LAMBDA_MODULES
        if {name.split(".")[0] for name in imports(path)} & {"boto3", "botocore"}
    }
    assert knowing == KNOW_BOTO3


def test_stacks_and_handlers_meet_in_constants_only() -> None:
    """Given the stacks, what they take from the handlers is the environment's names and the grants."""
    taken = {name for path in (ROOT / "stacks").glob("*.py") for name in imports(path) if "lambdas.handlers" in name}
    named = (
        *("approval", "environment", "hold", "investigate", "look_back", "notify", "report", "restore"),
        *("take_stock", "triage"),
    )
    assert taken == {f"lambdas.handlers.{name}" for name in named}


@pytest.mark.parametrize("path", LAMBDA_MODULES, ids=[str(p.relative_to(ROOT)) for p in LAMBDA_MODULES])
def test_steps_raise_named_errors_and_return_none(path: Path) -> None:
    """Given a module that ships, it raises the errors of ``lambdas.errors`` and returns no error as a value."""
    ours = {name for name, value in vars(errors).items() if isinstance(value, type)}
    allowed_elsewhere = {"lambdas/actions/__init__.py": {"ValueError"}, "lambdas/aws.py": {"_ours"}}
    allowed_elsewhere["lambdas/handlers/hold.py"] = {"_named"}  # the error of the function that it called
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called = node.exc.func
            if isinstance(called, ast.Call) and getattr(called.func, "id", "") == "type":
                continue  # the same error with more words
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name in ours | allowed_elsewhere.get(str(path.relative_to(ROOT)), set())
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            assert not keys & {"statusCode", "status_code"}


@pytest.mark.parametrize("name", actions.names())
def test_an_action_may_touch_what_it_is_granted(name: str) -> None:
    """Given an action, the calls in its docstring's "May touch" are those of its grants."""
    module = importlib.import_module(f"lambdas.actions.{name}")
    said = (module.__doc__ or "").split("May touch:")[1].split("Never:")[0]
    assert set(re.findall(r"\b[a-z][a-z0-9-]*:[A-Z]\w+", said)) == {grant.action for grant in actions.load(name).grants}


WITH_GRANTS = [
    "executions",
    "facts",
    "newborns",
    "handlers.approval",
    "handlers.hold",
    "handlers.investigate",
    "handlers.look_back",
    "handlers.notify",
    "handlers.restore",
    "handlers.triage",
    "investigation.cost",
    "investigation.credential_report",
    "investigation.lookback",
    "investigation.parts",
    "investigation.posture",
    "investigation.principals",
    "investigation.standing",
    "investigation.stock",
    "investigation.stock_global",
]


@pytest.mark.parametrize("name", WITH_GRANTS)
def test_a_module_with_grants_may_touch_what_it_is_granted(name: str) -> None:
    """Given a module with grants, the calls in its docstring are those grants."""
    module = importlib.import_module(f"lambdas.{name}")
    said = (module.__doc__ or "").split("May touch:")[1].split("Never:")[0]
    granted = {grant.action for grant in module.GRANTS if not grant.implied_by}
    assert set(re.findall(r"\b[a-z][a-z0-9-]*:[A-Z]\w+", said)) == granted


def test_every_playbook_module_is_in_the_list() -> None:
    """Given the playbooks' folder, each module's playbook is listed, under the module's name, with real actions."""
    modules = {path.stem for path in (ROOT / "lambdas" / "playbooks").glob("*.py")} - {"__init__", "shape"}
    assert {playbook.name for playbook in playbooks.PLAYBOOKS} == modules
    for playbook in playbooks.PLAYBOOKS:
        assert set(playbook.actions) <= set(actions.names())
        assert playbook.next_steps or playbook.after_principals


#: What an investigation begins with.
def test_every_module_that_nobody_suspects_is_imported_by_something() -> None:
    """Given the package that ships, every module is reached from a handler."""
    reached: set[Path] = set()
    by_name = {ROOT / "lambdas" / "actions" / f"{name}.py" for name in actions.names()}
    waiting = [*(ROOT / "lambdas" / "handlers").glob("*.py"), *by_name]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for name in imports(path):
            for candidate in (name, name.rpartition(".")[0]):
                base = ROOT.joinpath(*candidate.split("."))
                waiting += [found for found in (base.with_suffix(".py"), base / "__init__.py") if found.exists()]
    assert set(LAMBDA_MODULES) - reached == {ROOT / "lambdas" / "__init__.py"} - reached

"""Promises of the stand-in for command:local:Command: the pure part, the process, and the served plugin."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local_aws.plugins.command_process import CommandError, Output, Runner, command_environment
from local_aws.plugins.command_properties import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    Command,
    changed_properties,
    check,
    read_command,
    replacing_properties,
    with_outputs,
)

PLUGIN = Path(__file__).resolve().parents[2] / "local_aws/plugins/bin/pulumi-resource-command"
URN = "urn:pulumi:local::web::command:local:Command::smoke"


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value}


def struct(values: dict[str, Any]) -> Any:
    return json_format.ParseDict(values, struct_pb2.Struct())


class Plugin:
    """The running plugin, as the engine sees it."""

    def __init__(self, process: subprocess.Popen[str], stub: Any) -> None:
        self.process = process
        self.stub = stub

    def create(self, *, preview: bool = False, **inputs: Any) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(urn=URN, properties=struct(inputs), preview=preview)
        answer = self.stub.Create(request)
        return {"id": answer.id, **json_format.MessageToDict(answer.properties)}

    def update(self, olds: dict[str, Any], *, preview: bool = False, **inputs: Any) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(urn=URN, olds=struct(olds), news=struct(inputs), preview=preview)
        return dict(json_format.MessageToDict(self.stub.Update(request).properties))


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Plugin]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        [str(PLUGIN)], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Plugin(process, provider_pb2_grpc.ResourceProviderStub(channel))
    finally:
        process.kill()
        process.communicate()


def test_creates_with_the_shell_and_trims_the_last_newline_only(plugin: Plugin) -> None:
    state = plugin.create(create="printf 'one\\n\\n'; echo two >&2; cat", stdin="in", environment={"A": "b"})

    assert state["stdout"] == "one\n\nin"
    assert state["stderr"] == "two"
    assert state["environment"] == {"A": "b"}
    assert state["id"].startswith("smoke")


def test_a_preview_runs_nothing_and_leaves_the_outputs_open(plugin: Plugin, tmp_path: Path) -> None:
    created = plugin.create(preview=True, create=f"touch {tmp_path}/made")
    updated = plugin.update({"stdout": "old"}, preview=True, create=f"touch {tmp_path}/made")

    assert created["stdout"] == created["stderr"] == updated["stdout"] == UNKNOWN
    assert created["id"] == ""
    assert list(tmp_path.iterdir()) == []


def test_an_update_runs_update_or_else_create_and_sees_what_was_printed_before(plugin: Plugin) -> None:
    olds = {"stdout": "before", "stderr": "warned"}

    with_update = plugin.update(
        olds, create="echo c", update="echo u $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"
    )
    without = plugin.update(olds, create="echo c ${PULUMI_COMMAND_STDOUT}")
    neither = plugin.update(olds, delete="true")
    hidden = plugin.update(olds, create="echo c $PULUMI_COMMAND_STDOUT", addPreviousOutputInEnv=False)

    assert with_update["stdout"] == "u before warned"
    assert without["stdout"] == "c before"
    assert neither["stdout"] == "before"
    assert hidden["stdout"] == "c"


def test_a_delete_runs_delete_with_the_state_and_without_one_does_nothing(
    plugin: Plugin, tmp_path: Path
) -> None:
    state = {"delete": "echo $PULUMI_COMMAND_STDOUT $A > gone", "dir": str(tmp_path), "stdout": "id-1"}
    plugin.stub.Delete(
        provider_pb2.DeleteRequest(urn=URN, properties=struct({**state, "environment": {"A": "b"}}))
    )
    plugin.stub.Delete(provider_pb2.DeleteRequest(urn=URN, properties=struct({"create": "exit 1"})))

    assert (tmp_path / "gone").read_text() == "id-1 b\n"


def test_a_failure_tells_the_exit_status_the_command_and_its_output_in_order(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        plugin.create(create="echo first; sleep 0.2; echo second >&2; exit 3")

    assert raised.value.details() == (
        'exit status 3: running "echo first; sleep 0.2; echo second >&2; exit 3":\nfirst\nsecond\n'
    )


def test_a_secret_input_reaches_the_command_and_makes_the_outputs_secret(plugin: Plugin) -> None:
    state = plugin.create(create="cat", stdin=secret("hush"))

    assert state["stdout"] == secret("hush")
    assert state["stderr"] == secret("")
    assert state["stdin"] == secret("hush")


def test_changed_triggers_replace_and_other_inputs_update(plugin: Plugin) -> None:
    def diff(olds: dict[str, Any], news: dict[str, Any]) -> Any:
        return plugin.stub.Diff(
            provider_pb2.DiffRequest(urn=URN, id="x", old_inputs=struct(olds), news=struct(news))
        )

    same = diff({"create": "a", "triggers": [1, {"x": None}]}, {"create": "a", "triggers": [1, {"x": None}]})
    updated = diff({"create": "a"}, {"create": "b", "update": "c"})
    replaced = diff({"triggers": ["ami-1"]}, {"triggers": ["ami-2"]})

    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert (updated.changes, list(updated.replaces)) == (provider_pb2.DiffResponse.DIFF_SOME, [])
    assert list(updated.diffs) == ["create", "update"]
    assert list(replaced.replaces) == ["triggers"]


def test_what_is_not_offered_is_refused_by_name(plugin: Plugin) -> None:
    remote = URN.replace("command:local:Command", "command:remote:Command")
    requests: dict[str, Callable[[], Any]] = {
        "command:remote:Command": lambda: plugin.stub.Check(provider_pb2.CheckRequest(urn=remote)),
        "command:local:run": lambda: plugin.stub.Invoke(provider_pb2.InvokeRequest(tok="command:local:run")),
    }
    for name, request in requests.items():
        with pytest.raises(grpc.RpcError) as raised:
            request()
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert name in raised.value.details()


def test_cancelling_ends_the_command_and_what_it_started(plugin: Plugin, tmp_path: Path) -> None:
    failed: list[str] = []

    def create() -> None:
        with pytest.raises(grpc.RpcError) as raised:
            plugin.create(create="sleep 300 & echo $! > child; wait")
        failed.append(raised.value.details())

    thread = threading.Thread(target=create)
    thread.start()
    child = psutil.Process(int(wait_for(tmp_path / "child")))

    plugin.stub.Cancel(empty_pb2.Empty())
    thread.join(timeout=20)
    child.wait(timeout=10)

    assert failed
    assert failed[0].startswith("signal: killed: running")


def test_an_interrupted_plugin_ends_at_once(plugin: Plugin) -> None:
    os.killpg(plugin.process.pid, signal.SIGINT)

    assert plugin.process.wait(timeout=10) == 0


def test_every_bad_input_is_reported_and_tied_to_its_property() -> None:
    failures = check(
        {
            "create": 1,
            "interpreter": "bash",
            "environment": {"A": 1},
            "logging": "loud",
            "assetPaths": ["*"],
            "typo": "x",
            "triggers": [1, None, {"a": 1}],
            "dir": UNKNOWN,
            "stdin": secret("fine"),
        }
    )

    assert sorted(failure.property for failure in failures) == [
        *("assetPaths", "create", "environment", "interpreter", "logging", "typo"),
    ]
    assert not any("\n" in failure.reason for failure in failures)


def test_an_unknown_value_counts_as_changed_and_a_secret_as_its_value() -> None:
    assert changed_properties({"stdin": "a"}, {"stdin": secret("a")}) == []
    assert changed_properties({"triggers": ["a"]}, {"triggers": [UNKNOWN]}) == ["triggers"]
    assert changed_properties({"create": "a"}, {"create": "a", "addPreviousOutputInEnv": True}) == []
    assert replacing_properties(["create", "triggers"]) == ["triggers"]


def test_outputs_are_plain_where_no_input_is_secret() -> None:
    assert with_outputs({"create": "a"}, "out", "err") == {"create": "a", "stdout": "out", "stderr": "err"}
    assert with_outputs({"environment": {"A": secret("b")}}, "out", "err")["stdout"] == secret("out")


def test_the_commands_own_variables_win_over_the_environment() -> None:
    command = Command(environment={"A": "own"})

    environment = command_environment(
        command, Output(stdout="x"), {"A": "theirs", "PULUMI_COMMAND_STDOUT": "y"}
    )

    assert environment == {"A": "own", "PULUMI_COMMAND_STDOUT": "x"}


@pytest.mark.parametrize(
    ("logging", "expected"),
    [
        (None, ["err", "out"]),
        ("stdoutAndStderr", ["err", "out"]),
        ("stdout", ["out"]),
        ("stderr", ["err"]),
        ("none", []),
    ],
)
def test_the_logging_property_chooses_what_is_shown(logging: str | None, expected: list[str]) -> None:
    shown: list[str] = []

    output = Runner().run(
        "echo out; echo err >&2", read_command({"logging": logging}), Output(), shown.append
    )

    assert sorted(shown) == expected
    assert (output.stdout, output.stderr) == ("out", "err")


def test_the_interpreter_is_honoured() -> None:
    command = read_command({"interpreter": [sys.executable, "-c"]})

    assert Runner().run("print(6 * 7)", command, Output(), lambda _line: None).stdout == "42"


@pytest.mark.parametrize("change", [{"dir": "/no/such/folder"}, {"interpreter": ["/no/such/program"]}])
def test_a_command_that_cannot_start_says_which_and_why(change: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=r"/no/such.*running \"true\""):
        Runner().run("true", read_command(change), Output(), lambda _line: None)


def test_a_command_that_does_not_read_its_input_is_no_failure() -> None:
    output = Runner().run("true", read_command({"stdin": "x" * 1_000_000}), Output(), lambda _line: None)

    assert output == Output()


def wait_for(file: Path) -> str:
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return json.dumps(int(file.read_text()))

"""What a Pulumi program hands to the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from image_builder import PackerImage, PackerImageArgs
from image_builder.errors import ImageBuildError
from image_builder.resource import relative_folder
from tests.image_builder.templates import props_of, write_image


class Recorder(Mocks):
    """Remembers what is registered."""

    def __init__(self) -> None:
        self.resources: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(args)
        return "ami-0a", {**args.inputs, "ami_id": "ami-0a"}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"no function is called: {args.token}")


Register = Callable[[PackerImageArgs], MockResourceArgs]


@pytest.fixture
def register() -> Register:
    """Creates a PackerImage and returns what the engine gets."""

    def register(args: PackerImageArgs) -> MockResourceArgs:
        recorder = Recorder()
        asyncio.set_event_loop(asyncio.new_event_loop())
        set_mocks(recorder, preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> pulumi.Output[Any]:
            return PackerImage("web", args).ami_id.apply(lambda ami_id: ami_id)

        program()
        return recorder.resources[0]

    return register


def args(folder: str, **changes: Any) -> PackerImageArgs:
    return PackerImageArgs(**{"folder": folder, "family": "tiny", "region": "us-east-1", **changes})


def test_the_inputs_are_those_of_the_contract_and_no_path_of_this_machine(
    project: Path, register: Register
) -> None:
    image = write_image(project / "images/tiny")

    registered = register(args(str(image), variables={"size": 3.0}, build_timeout_minutes=5))

    inputs = {name: value for name, value in registered.inputs.items() if value is not None}
    provider = inputs.pop("__provider")
    assert registered.typ == "pulumi-python:dynamic/image_builder:PackerImage"
    assert inputs == props_of(Path("images/tiny"), variables={"size": 3}, verify=True)
    assert str(project) not in str(inputs) + str(provider)


@pytest.mark.usefixtures("project")
def test_while_pinned_the_folder_is_not_even_read(register: Register) -> None:
    registered = register(args("images/nothing", pinned_ami="ami-0123456789abcdef0"))

    assert registered.inputs["pinned_ami"] == "ami-0123456789abcdef0"
    assert registered.inputs.get("fingerprint") is None


@pytest.mark.usefixtures("project")
def test_a_missing_folder_is_left_to_the_check(register: Register) -> None:
    assert register(args("images/nothing")).inputs.get("fingerprint") is None


@pytest.mark.parametrize("value", ["plain", {"deep": ["plain"]}])
def test_a_secret_variable_is_refused_with_the_way_out(project: Path, value: Any) -> None:
    secret = pulumi.Output.secret("planted-value")
    variables = {"key": {"deep": [secret]} if isinstance(value, dict) else secret}

    with pytest.raises(ImageBuildError, match=r"variables\['key'\] .* PKR_VAR_key") as raised:
        PackerImage("web", args(str(project), variables=variables))

    assert "planted-value" not in str(raised.value)


def test_a_variable_without_a_value_is_refused(project: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"variables\['size'\] is None"):
        PackerImage("web", args(str(project), variables={"size": None}))


@pytest.mark.parametrize("value", [Path("x"), {1, 2}, b"x", {"deep": [Path("x")]}])
def test_a_variable_that_is_no_plain_value_is_refused_without_a_traceback(project: Path, value: Any) -> None:
    with pytest.raises(pulumi.RunError, match=r"variables\['size'\] is .* · text, a number, .* was expected"):
        PackerImage("web", args(str(project), variables={"size": value}))


@pytest.mark.parametrize("change", [{"folder": ""}, {"family": 3}, {"folder": Path("x")}])
def test_a_folder_or_family_that_is_no_text_is_refused(project: Path, change: dict[str, Any]) -> None:
    with pytest.raises(pulumi.RunError, match=r"PackerImageArgs\.(folder|family) is .* was expected"):
        PackerImage("web", args(**{"folder": str(project), **change}))


def test_a_folder_is_recorded_relative_to_the_program(project: Path) -> None:
    assert relative_folder("images/web/") == "images/web"
    assert relative_folder(str(project / "images/web")) == "images/web"
    assert relative_folder("./images/../images/web") == "images/web"

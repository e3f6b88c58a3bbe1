"""What the properties of a command:local:Command mean: pure, and blind to how they were transported.

Behaviour of pulumi-command 1.2.1 as its SDK (pulumi_command/local/command.py) documents it. Where that says
that changed triggers update a resource with an `update` command, the real one replaces (pulumi-command#855).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TYPE = "command:local:Command"

# Marks of Pulumi's property wire format (sdk/python/lib/pulumi/runtime/rpc.py).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a public constant)

TEXT_PROPERTIES = frozenset({"create", "update", "delete", "dir", "stdin", "logging"})
LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")
NOT_OFFERED = frozenset({"assetPaths", "archivePaths"})
PROPERTIES = (
    TEXT_PROPERTIES | NOT_OFFERED | {"environment", "interpreter", "triggers", "addPreviousOutputInEnv"}
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An input that cannot be used, and why."""

    property: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """The inputs of a command:local:Command, with secrets unwrapped."""

    create: str | None = None
    update: str | None = None
    delete: str | None = None
    interpreter: tuple[str, ...] = ("/bin/sh", "-c")
    dir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None
    logging: str = "stdoutAndStderr"
    adds_previous_output: bool = True

    def on_update(self) -> str | None:
        """Return the command that an update runs."""
        return self.create if self.update is None else self.update


def is_secret(value: Any) -> bool:
    """Tell whether *value* is, or contains, a secret."""
    if isinstance(value, Mapping):
        return value.get(SIGNATURE_KEY) == SECRET_SIGNATURE or any(is_secret(item) for item in value.values())
    return isinstance(value, list) and any(is_secret(item) for item in value)


def without_secrets(value: Any) -> Any:
    """Return *value* with every secret replaced by what it holds."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return without_secrets(value.get("value"))
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def check(inputs: Mapping[str, Any]) -> list[Failure]:
    """Return every input that cannot be used; unknown ones are left for the update to find out."""
    plain: dict[str, Any] = without_secrets(inputs)
    failures = []
    for name, value in sorted(plain.items()):
        if value is None or value == UNKNOWN or name.startswith("__"):
            continue
        reason = _wrong(name, value)
        if reason:
            failures.append(Failure(property=name, reason=reason))
    return failures


def _wrong(name: str, value: Any) -> str | None:
    if name not in PROPERTIES:
        return f"{name}: not a property of {TYPE}; its properties are {', '.join(sorted(PROPERTIES))}"
    if name in NOT_OFFERED:
        return f"{name}: not offered by the local stand-in for {TYPE}; read the file in the program instead"
    if name in TEXT_PROPERTIES and not isinstance(value, str):
        return f"{name}: {value!r} is no text; give a string"
    if name == "logging" and value not in LOGGING:
        return f"logging: {value!r} is none of {', '.join(LOGGING)}"
    if name == "addPreviousOutputInEnv" and not isinstance(value, bool):
        return f"addPreviousOutputInEnv: {value!r} is neither true nor false"
    if name == "interpreter" and not _is_list_of_text(value):
        return f"interpreter: {value!r} is no list of texts; give the program and its arguments"
    if name == "environment" and not (isinstance(value, Mapping) and _is_list_of_text(list(value.values()))):
        return "environment: not a map from names to texts; give every value as a string"
    if name == "triggers" and not isinstance(value, list):
        return f"triggers: {value!r} is no list"
    return None


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def with_defaults(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that are stored: the real provider adds this default in Check."""
    return {"addPreviousOutputInEnv": True, **inputs}


def read_command(properties: Mapping[str, Any]) -> Command:
    """Return the command that checked *properties* describe; outputs among them are ignored."""
    plain: dict[str, Any] = without_secrets(properties)
    adds_previous_output = plain.get("addPreviousOutputInEnv")
    return Command(
        create=plain.get("create"),
        update=plain.get("update"),
        delete=plain.get("delete"),
        interpreter=tuple(plain.get("interpreter") or ("/bin/sh", "-c")),
        dir=plain.get("dir"),
        environment=dict(plain.get("environment") or {}),
        stdin=plain.get("stdin"),
        logging=plain.get("logging") or "stdoutAndStderr",
        adds_previous_output=True if adds_previous_output is None else bool(adds_previous_output),
    )


def changed_properties(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Return the names of the inputs whose values differ; a value unknown so far counts as another one."""
    old, new = without_secrets(with_defaults(olds)), without_secrets(with_defaults(news))
    return [name for name in sorted(PROPERTIES) if old.get(name) != new.get(name)]


def replacing_properties(changed: Sequence[str]) -> list[str]:
    """Return those of the *changed* inputs that replace the resource."""
    return [name for name in changed if name == "triggers"]


def with_outputs(inputs: Mapping[str, Any], stdout: str, stderr: str) -> dict[str, Any]:
    """Return the resource's state; like the real provider, one secret input makes both outputs secret."""
    outputs: dict[str, Any] = {"stdout": stdout, "stderr": stderr}
    if is_secret(inputs):
        outputs = {name: {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value} for name, value in outputs.items()}
    return {**inputs, **outputs}

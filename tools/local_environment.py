"""The environment in which pulumi, packer and boto3 work on a local AWS instead of a real one.

It is the whole difference between a local run and a real one, together with Pulumi.local.yaml. `make up`, the
line `eval "$(make -s env)"` and the end-to-end tests all get it from here.
"""

import contextlib
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_aws.environment import UNSET, aws_environment
from local_aws.home import Home, read_home
from tools.toolchain import ROOT, Toolchain, ToolchainError, read_toolchain
from tools.versions import read_requirement_version

LOCAL_AWS_HOME = ROOT / ".local" / "aws"
LOCAL_BACKEND = ROOT / ".local" / "pulumi"
PLUGIN_STAND_INS = ROOT / "local_aws" / "plugins" / "bin"
# Whoever reads a local stack's state may read this too: there is nothing real in it.
LOCAL_PASSPHRASE = "local"  # noqa: S105 (protects nothing)
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")  # haproxy is there, and not on everybody's PATH


def join_path(first: Iterable[str], path: str, last: Iterable[str]) -> str:
    """Return a PATH of *first*, then *path*, then *last*, each folder once."""
    folders = [*first, *path.split(os.pathsep), *last]
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder))


def place_plugin_stand_ins(pulumi_home: Path, requirements: str) -> None:
    """Put the stand-ins where the engine keeps downloaded plugins, at the versions that the program asks for.

    The engine would also take them from PATH, but warns about it in every run.
    """
    for name in ("aws", "command"):
        version = read_requirement_version(requirements, f"pulumi-{name}")
        link = pulumi_home / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        link.parent.mkdir(parents=True, exist_ok=True)
        target = PLUGIN_STAND_INS / link.name
        if not link.is_symlink() or link.readlink() != target:
            temporary = link.with_name(f".{link.name}.{os.getpid()}")
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            temporary.symlink_to(target)
            temporary.replace(link)


def pulumi_home(backend: Path) -> Path:
    """Return where pulumi keeps its plugins and the selected stacks of the state in *backend*."""
    return backend.resolve() / "home"


def pulumi_environment(backend: Path, *, uses_real_plugins: bool) -> dict[str, str]:
    """Return the variables that make pulumi keep everything in the folder *backend* and download nothing."""
    environment = {
        # Beside each state pulumi would keep its checksum in a file that it does not replace at once: killed
        # in that moment, it could not read the state again (gocloud.dev/blob/fileblob, setAttrs).
        "PULUMI_BACKEND_URL": f"{backend.resolve().as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": LOCAL_PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if not uses_real_plugins:
        environment["PULUMI_HOME"] = str(pulumi_home(backend))
        environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return environment


def tool_environment(toolchain: Toolchain, path: str) -> dict[str, str]:
    """Return the variables by which the tools of *toolchain* are found before those on *path*."""
    environment = {"PATH": join_path(toolchain.path, path, SYSTEM_FOLDERS), "CHECKPOINT_DISABLE": "1"}
    if toolchain.packer_plugin_path is not None:
        environment["PACKER_PLUGIN_PATH"] = toolchain.packer_plugin_path
    return environment


def real_variables(toolchain: Toolchain, path: str) -> dict[str, str]:
    """Return what a run against a real account needs: where its tools are, and nothing of a local run."""
    names = ("PATH", "PACKER_PLUGIN_PATH")
    return {name: value for name, value in tool_environment(toolchain, path).items() if name in names}


def read_local_home() -> Home:
    """Return this checkout's local AWS; raise ToolchainError where it was never started."""
    home = read_home(LOCAL_AWS_HOME)
    if home is None:
        raise ToolchainError("this checkout has no local AWS yet; run `make up`")
    return home


def local_variables(home: Home, backend: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Return every variable that a run against *home* sets, with Pulumi's state in the folder *backend*."""
    uses_real_plugins = base.get("AWS_PLUGIN") == "real"
    backend.mkdir(parents=True, exist_ok=True)
    if not uses_real_plugins:
        place_plugin_stand_ins(pulumi_home(backend), (ROOT / "requirements.txt").read_text())
    return {
        **aws_environment(home, base),
        **tool_environment(read_toolchain(), base.get("PATH", "")),
        **pulumi_environment(backend, uses_real_plugins=uses_real_plugins),
    }


def local_environment(
    *, home: Home | None = None, backend: Path = LOCAL_BACKEND, base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return *base* changed into the environment of a run against *home*, made for `subprocess`.

    *home* is this checkout's local AWS if not given, *backend* the folder of Pulumi's state and plugins.
    """
    variables = local_variables(home or read_local_home(), backend, base)
    return {**{name: value for name, value in base.items() if name not in UNSET}, **variables}


def export_lines(variables: Mapping[str, str]) -> str:
    """Return *variables* as lines for a shell's `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items()))


def shell_lines(variables: Mapping[str, str]) -> str:
    """Return *variables* of a local run as lines for `eval`, which also unset what contradicts them."""
    return f"unset {' '.join(UNSET)}\n{export_lines(variables)}"

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
from local_aws.home import read_home
from tools.toolchain import ROOT, Toolchain, ToolchainError, read_toolchain
from tools.versions import read_requirement_version

LOCAL_AWS_HOME = ROOT / ".local" / "aws"
LOCAL_BACKEND = ROOT / ".local" / "pulumi"
LOCAL_PULUMI_HOME = ROOT / ".local" / "pulumi-home"
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


def pulumi_environment(backend: Path, pulumi_home: Path, *, uses_real_plugins: bool) -> dict[str, str]:
    """Return the variables that make pulumi keep its state in the folder *backend* and download nothing."""
    environment = {
        "PULUMI_BACKEND_URL": backend.resolve().as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": LOCAL_PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if not uses_real_plugins:
        environment["PULUMI_HOME"] = str(pulumi_home.resolve())
        environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return environment


def tool_environment(toolchain: Toolchain, path: str) -> dict[str, str]:
    """Return the variables by which the tools of *toolchain* are found before those on *path*."""
    environment = {"PATH": join_path(toolchain.path, path, SYSTEM_FOLDERS), "CHECKPOINT_DISABLE": "1"}
    if toolchain.packer_plugin_path is not None:
        environment["PACKER_PLUGIN_PATH"] = toolchain.packer_plugin_path
    return environment


def local_variables(
    *,
    aws_home: Path = LOCAL_AWS_HOME,
    backend: Path = LOCAL_BACKEND,
    pulumi_home: Path = LOCAL_PULUMI_HOME,
    base: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return every variable that a local run sets; the local AWS in *aws_home* must have been started."""
    home = read_home(aws_home)
    if home is None:
        raise ToolchainError(f"{aws_home} has no local AWS · `make up` starts it · run `make up`")
    uses_real_plugins = base.get("AWS_PLUGIN") == "real"
    if not uses_real_plugins:
        place_plugin_stand_ins(pulumi_home, (ROOT / "requirements.txt").read_text())
    backend.mkdir(parents=True, exist_ok=True)
    return {
        **aws_environment(home),
        **tool_environment(read_toolchain(), base.get("PATH", "")),
        **pulumi_environment(backend, pulumi_home, uses_real_plugins=uses_real_plugins),
    }


def local_environment(
    *,
    aws_home: Path = LOCAL_AWS_HOME,
    backend: Path = LOCAL_BACKEND,
    pulumi_home: Path = LOCAL_PULUMI_HOME,
    base: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return *base* changed into the environment of a local run; made for `subprocess`.

    *aws_home* is the folder of the local AWS (`python -m local_aws start --home FOLDER`), *backend* that of
    Pulumi's state, *pulumi_home* that of Pulumi's plugins and selected stacks.
    """
    variables = local_variables(aws_home=aws_home, backend=backend, pulumi_home=pulumi_home, base=base)
    return {**{name: value for name, value in base.items() if name not in UNSET}, **variables}


def shell_lines(variables: Mapping[str, str]) -> str:
    """Return *variables* as lines for a shell's `eval`."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    return "\n".join([f"unset {' '.join(UNSET)}", *exports])

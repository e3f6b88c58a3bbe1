"""The set-up, from a bare machine to one on which `make up` and `make test` run."""

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tools.fresh_machine import debian, go_tools, pulumi_distribution, virtual_environment
from tools.fresh_machine.go_tools import GoTool
from tools.fresh_machine.machine import Machine, find_problems, inspect_machine
from tools.fresh_machine.processes import Processes
from tools.fresh_machine.schedule import Schedule, format_duration
from tools.fresh_machine.step import Step, output_of
from tools.toolchain import LOGS, ROOT, VIRTUAL_ENVIRONMENT, Toolchain, cache_folder, write_toolchain
from tools.versions import read_go_version, read_module_version

REQUIREMENTS = ROOT / "requirements.txt"
PULUMI_MODULE = ROOT / "tools" / "pulumi"
PACKER_MODULE = ROOT / "tools" / "packer"
LANGUAGE_HOST = ROOT / "tools" / "language_host"


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The three programs that are built where they are missing, and the language host's folder."""

    pulumi: GoTool
    packer: GoTool
    amazon_plugin: GoTool
    distribution: Path


def pinned_tools(machine: Machine, cache: Path) -> Tools:
    """Return the tools at the versions that the pinned modules require."""
    pulumi_mod = (PULUMI_MODULE / "go.mod").read_text()
    packer_mod = (PACKER_MODULE / "go.mod").read_text()
    pulumi_version = read_module_version(pulumi_mod, "github.com/pulumi/pulumi/pkg/v3")
    sdk_version = read_module_version(pulumi_mod, pulumi_distribution.SDK_MODULE)
    return Tools(
        pulumi=GoTool(
            name="pulumi",
            version=pulumi_version,
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            module_folder=PULUMI_MODULE,
            cache=cache,
            # Without this, `pulumi version` prints nothing.
            link_flags=f"-X {pulumi_distribution.SDK_MODULE}/go/common/version.Version=v{pulumi_version}",
        ),
        packer=GoTool(
            name="packer",
            version=read_module_version(packer_mod, "github.com/hashicorp/packer"),
            package="github.com/hashicorp/packer",
            module_folder=PACKER_MODULE,
            cache=cache,
        ),
        amazon_plugin=GoTool(
            name="packer-plugin-amazon",
            version=read_module_version(packer_mod, "github.com/hashicorp/packer-plugin-amazon"),
            package="github.com/hashicorp/packer-plugin-amazon",
            module_folder=PACKER_MODULE,
            cache=cache,
        ),
        distribution=pulumi_distribution.distribution_folder(
            cache, sdk_version, LANGUAGE_HOST, with_pulumi=machine.pulumi is None
        ),
    )


def plan(machine: Machine, tools: Tools) -> list[Step]:
    """Return the steps that this machine needs, those that take longest to wait for first."""
    packages = list(machine.missing_packages)
    python = VIRTUAL_ENVIRONMENT / "bin" / "python"
    packer = str(machine.packer or tools.packer.executable)
    needs_venv_package = debian.VIRTUAL_ENVIRONMENTS.name in packages
    steps = [
        Step(
            name="debian",
            doing=f"installing with apt: {' '.join(packages)}",
            is_done=lambda: not packages,
            run=lambda work: debian.install(work, packages, machine.as_root),
        ),
        Step(
            name="python",
            doing="installing the Python packages of requirements.txt into .venv (1 to 2 minutes)",
            after=["debian"] if needs_venv_package else [],
            is_done=lambda: virtual_environment.is_ready(VIRTUAL_ENVIRONMENT, REQUIREMENTS),
            run=lambda work: virtual_environment.prepare(work, VIRTUAL_ENVIRONMENT, REQUIREMENTS),
        ),
        Step(
            name="base-image",
            doing="making the disk of the first machine (Debian 12, 1 to 2 minutes)",
            after=["debian", "python"],
            announced_after_seconds=4,
            is_done=lambda: False,
            run=lambda work: work.run(str(python), "-m", "local_aws.machines.base_image", cwd=ROOT),
        ),
    ]
    if machine.packer is None:
        steps.append(
            Step(
                name="packer",
                doing=f"building packer {tools.packer.version} from its pinned Go module (2 to 4 minutes)",
                is_done=tools.packer.executable.exists,
                run=lambda work: go_tools.build(work, tools.packer),
            )
        )
    if not machine.has_amazon_plugin:
        steps.append(
            Step(
                name="amazon-plugin",
                doing=f"building Packer's amazon plugin {tools.amazon_plugin.version} (2 to 4 minutes)",
                after=["packer"],
                is_done=lambda: go_tools.has_plugin(go_tools.plugin_folder(tools.amazon_plugin)),
                run=lambda work: go_tools.install_plugin(work, tools.amazon_plugin, packer),
            )
        )
    if machine.pulumi is None:
        steps.append(
            Step(
                name="pulumi",  # beside the others: a Go build alone leaves cores idle while it links
                doing=f"building pulumi {tools.pulumi.version} from its pinned Go module (4 to 6 minutes)",
                is_done=tools.pulumi.executable.exists,
                run=lambda work: go_tools.build(work, tools.pulumi),
            )
        )
    if not machine.has_language_host:
        pulumi = tools.pulumi.executable if machine.pulumi is None else None
        steps.append(
            Step(
                name="language-host",
                doing="putting the stand-in for pulumi-language-python together",
                after=["pulumi"],
                is_done=tools.distribution.exists,
                run=lambda work: pulumi_distribution.assemble(
                    work,
                    tools.distribution,
                    pulumi=pulumi,
                    sources=LANGUAGE_HOST,
                    module_folder=PULUMI_MODULE,
                ),
            )
        )
    return steps


def choose_toolchain(machine: Machine, tools: Tools) -> Toolchain:
    """Return where the tools are once every step is done."""
    folders = [str(VIRTUAL_ENVIRONMENT / "bin")]
    if not machine.has_language_host:
        folders.append(str(tools.distribution))
    if machine.packer is None:
        folders.append(str(tools.packer.folder))
    plugins = None if machine.has_amazon_plugin else str(go_tools.plugin_folder(tools.amazon_plugin))
    return Toolchain(path=tuple(folders), packer_plugin_path=plugins)


def needs_go(machine: Machine, tools: Tools) -> bool:
    """Tell whether something has still to be built."""
    return (
        (machine.packer is None and not tools.packer.executable.exists())
        or not (machine.has_amazon_plugin or go_tools.has_plugin(go_tools.plugin_folder(tools.amazon_plugin)))
        or not (machine.has_language_host or tools.distribution.exists())
    )


def _obtain_sudo() -> None:
    """Ask for the password now, where there is somebody to ask; apt runs later and cannot."""
    if not output_of("sudo", "-n", "id"):
        subprocess.run(["sudo", "-v"], check=False)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the set-up; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 tools/setup.py", description=__doc__)
    parser.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--tests", action="store_true", help="install what only the tests need, too")
    arguments = parser.parse_args()
    began = time.monotonic()
    cache = cache_folder()
    machine = inspect_machine(cache, for_tests=arguments.tests)
    tools = pinned_tools(machine, cache)
    steps = plan(machine, tools)
    if arguments.plan:
        for step in steps:
            print(f"{step.name}: {'ready' if step.is_done() else step.doing}")
        return 0
    oldest_go = read_go_version((PULUMI_MODULE / "go.mod").read_text())
    problems = find_problems(machine, oldest_go=oldest_go, needs_go=needs_go(machine, tools))
    for problem in problems:
        print(f"setup: {problem}", file=sys.stderr)
    if problems:
        return 1
    if machine.missing_packages and not machine.is_root:
        _obtain_sudo()
    processes = Processes(kill_prefix=machine.as_root)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        has_succeeded = Schedule(steps, processes, LOGS).run()
    except KeyboardInterrupt:
        processes.stop()
        print("setup: interrupted; run it again and it continues with what is missing", file=sys.stderr)
        return 130
    if not has_succeeded:
        return 1
    write_toolchain(choose_toolchain(machine, tools))
    print(f"setup: everything is ready ({format_duration(time.monotonic() - began)})")
    return 0

"""pulumi, packer and its amazon plugin, built from the modules that tools/pulumi and tools/packer pin."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.fresh_machine.step import Work

AMAZON_PLUGIN = "github.com/hashicorp/amazon"
# The compiler collects its garbage less often, which took more than a tenth of its time, but within bounds
# (Go's "A Guide to the Go Garbage Collector").
COMPILER_SETTINGS = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}


@dataclass(frozen=True, kw_only=True)
class GoTool:
    """A program in the pinned module of *module_folder*, and where its built form is kept."""

    name: str
    version: str
    package: str
    module_folder: Path
    cache: Path
    link_flags: str = ""

    @property
    def folder(self) -> Path:
        """The folder of the built program, one for each version."""
        return self.cache / f"{self.name}-{self.version}"

    @property
    def executable(self) -> Path:
        """The built program."""
        return self.folder / self.name

    def build_command(self, output: Path) -> list[str]:
        """Return the command that builds the program as *output*.

        `go install pkg@version` would look up lists of versions; a module with a go.sum does not.
        """
        link_flags = f"-s -w {self.link_flags}".strip()
        # What a debugger needs is not linked in, and so not compiled either.
        flags = ["-mod=readonly", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", link_flags]
        return ["go", "build", *flags, "-o", str(output), self.package]

    def build(self, work: Work, output: Path) -> None:
        """Build the program as *output*."""
        environment = {name: os.environ.get(name, value) for name, value in COMPILER_SETTINGS.items()}
        work.run(*self.build_command(output), cwd=self.module_folder, environment=environment)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes *folder* when all went well; the caller holds the folder's lock."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # what an interrupted set-up left
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def lock_file(folder: Path) -> Path:
    """Return the file that is locked while *folder* is made."""
    return folder.with_name(f".{folder.name}.lock")


def build(work: Work, tool: GoTool) -> None:
    """Build *tool* into the cache, unless another set-up has just done so."""
    with work.lock(lock_file(tool.folder)):
        if tool.executable.exists():
            return
        with new_folder(tool.folder) as folder:
            tool.build(work, folder / tool.name)


def plugin_folder(tool: GoTool) -> Path:
    """Return the PACKER_PLUGIN_PATH that holds only the plugin *tool*."""
    return tool.cache / f"packer-plugins-amazon-{tool.version}"


def has_plugin(folder: Path) -> bool:
    """Tell whether *folder* is a PACKER_PLUGIN_PATH with the amazon plugin and its checksum in it."""
    return any((folder / AMAZON_PLUGIN).glob("packer-plugin-amazon_v*_SHA256SUM"))


def install_plugin(work: Work, tool: GoTool, packer: str) -> None:
    """Build the amazon plugin *tool* and register it with *packer* in a folder of its own."""
    final = plugin_folder(tool)
    with work.lock(lock_file(final)):
        if has_plugin(final):
            return
        with new_folder(final) as folder, new_folder(tool.folder) as built:
            binary = built / tool.name
            tool.build(work, binary)
            environment = {
                "PACKER_PLUGIN_PATH": str(folder),
                "CHECKPOINT_DISABLE": "1",
                "PATH": os.environ.get("PATH", ""),
            }
            work.run(
                packer, "plugins", "install", "--path", str(binary), AMAZON_PLUGIN, environment=environment
            )
            binary.unlink()  # Packer has copied it

"""pulumi with its Python language host beside it, laid out as Pulumi's own distribution lays them out.

The engine looks for its bundled plugins beside its own executable and warns about those found elsewhere.
"""

import hashlib
import os
import shutil
from pathlib import Path

from tools.fresh_machine.go_tools import lock_file, new_folder
from tools.fresh_machine.processes import StepFailed
from tools.fresh_machine.step import Work, output_of

SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
SDK_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
LAUNCHER = "pulumi-language-python"


def host_digest(sources: Path) -> str:
    """Return what identifies the language host in *sources*."""
    digest = hashlib.sha256()
    for file in sorted([*sources.glob("*.py"), sources / LAUNCHER]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def distribution_folder(cache: Path, sdk_version: str, sources: Path, *, with_pulumi: bool) -> Path:
    """Return the folder of pulumi and the language host, or of the language host alone."""
    name = "pulumi-with-python" if with_pulumi else "pulumi-language-python"
    return cache / f"{name}-{sdk_version}-{host_digest(sources)}"


def assemble(work: Work, folder: Path, *, pulumi: Path | None, sources: Path, module_folder: Path) -> None:
    """Make *folder* of the language host, the SDK's own two scripts and, where given, *pulumi*."""
    with work.lock(lock_file(folder)):
        if folder.exists():
            return
        work.run("go", "mod", "download", SDK_MODULE, cwd=module_folder)
        sdk = output_of("go", "-C", str(module_folder), "list", "-m", "-f", "{{.Dir}}", SDK_MODULE).strip()
        if not sdk:
            raise StepFailed(f"{SDK_MODULE} is not in Go's module cache after its download")
        with new_folder(folder) as unfinished:
            for script in SDK_SCRIPTS:
                shutil.copyfile(Path(sdk, script), unfinished / Path(script).name)
            shutil.copyfile(sources / LAUNCHER, unfinished / LAUNCHER)
            for file in unfinished.iterdir():
                file.chmod(0o755)
            (unfinished / sources.name).mkdir()
            for module in sources.glob("*.py"):
                shutil.copyfile(module, unfinished / sources.name / module.name)
            if pulumi is not None:
                os.link(pulumi, unfinished / "pulumi")

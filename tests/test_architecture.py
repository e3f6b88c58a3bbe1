"""Who may know whom: read from the source itself, so that no import and no word slips in unseen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("image_builder", "infra", "settings")
FORBIDDEN = {
    "image_builder": {"infra", "settings", "local_aws", "tools", "tests", "pulumi_aws", "pulumi_command"},
    "infra": {"image_builder", "settings", "local_aws", "tools", "tests"},
    "settings": {"image_builder", "infra", "local_aws", "tools", "tests"},
    "aws_credentials.py": {"image_builder", "infra", "settings", "local_aws", "tools", "tests"},
    "__main__.py": {"local_aws", "tools", "tests"},
}
EDGES = {
    # A rollout's clients are made in fleets; account opens the session of what a person asks for.
    # Which versions of secrets there are is read without values, which a function of pulumi_aws would read.
    "boto3": {
        "image_builder/ec2_client.py",
        "infra/rollout/fleets.py",
        "infra/rollout/account.py",
        "infra/secret_versions.py",
    },
    # Who calls EC2 with that client: AMIs, their tags and snapshots are for good, temporaries are what a
    # build makes for itself, fleets are what runs images, launch templates what names them; removal takes
    # them away, and account, pruning and revoking_regions hand the clients on.
    "mypy_boto3_ec2": {
        f"image_builder/{name}.py"
        for name in (
            "ec2_client",
            "registry/account",
            "amis",
            "releasing/copies",
            "registry/tagging",
            "registry/snapshots",
            "leftovers/temporaries",
            "registry/fleets",
            "registry/launch_templates",
            "retention/removal",
            "releasing/sharing",
            "retention/pruning",
            "releasing/revoking_regions",
        )
    },
    "mypy_boto3_autoscaling": {
        f"image_builder/{name}.py" for name in ("ec2_client", "registry/account", "registry/fleets")
    },
    # What is written down about credentials, without asking anybody for some; and AWS's models, read once.
    "botocore.session": {"aws_credentials.py", "image_builder/ec2_client.py"},
    # Whether a run lives is known to its processes only.
    "psutil": {"image_builder/building/living_runs.py"},
    # A machine is looked at by its checks only, in a process that Packer starts.
    **{
        module: {"image_builder/checks/run.py", "image_builder/checks/hygiene/test_hygiene.py"}
        for module in ("pytest", "testinfra", "paramiko")
    },
    "subprocess": {
        f"image_builder/{name}.py"
        for name in ("building/packer", "building/supervised", "building/supervisor", "checkout/git")
    },
}
LOCAL_RUN = re.compile(
    r"\blocal[ _-]?(aws|run|stack)\b|\b(moto|podman|haproxy|emulat\w+|localhost|127\.0)", re.I
)


def python_files(name: str) -> list[Path]:
    """The Python files of a package, or the one file."""
    path = ROOT / name
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def product_files() -> list[Path]:
    """Every Python file that a real deployment runs."""
    return [file for name in FORBIDDEN for file in python_files(name)]


def imported_names(file: Path) -> Iterator[str]:
    """The full name of each module that *file* imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide what is imported"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def short(file: Path) -> str:
    """The path in the repository."""
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_part_imports_what_it_must_not_know(name: str) -> None:
    files = python_files(name)

    found = {
        f"{short(file)} imports {module}"
        for file in files
        for module in imported_names(file)
        if module.split(".")[0] in FORBIDDEN[name]
    }

    assert files
    assert not found


def test_no_two_packages_of_the_image_builder_know_each_other() -> None:
    used: dict[str, set[str]] = {}
    for file in python_files("image_builder"):
        package = short(file.parent).split("/")[1:2]
        names = (name.split(".") for name in imported_names(file) if name.startswith("image_builder."))
        if package:
            used.setdefault(package[0], set()).update(name[1] for name in names)

    assert "building" in used
    assert {(one, two) for one, others in used.items() for two in others if one in used.get(two, ())} == {
        (one, one) for one, others in used.items() if one in others
    }


@pytest.mark.parametrize("module", EDGES)
def test_the_outside_world_is_reached_at_its_edges_only(module: str) -> None:
    users = {
        short(file)
        for file in product_files()
        if any(name == module or name.startswith(f"{module}.") for name in imported_names(file))
    }

    assert users <= EDGES[module]


def test_stack_config_is_read_in_settings_only() -> None:
    readers = {
        short(file)
        for file in product_files()
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr == "Config" and "pulumi" in ast.unparse(node.value))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module in ("pulumi", "pulumi.config", "pulumi.runtime.config")
        )
    }

    assert readers == {"settings/loading.py"}


def test_product_code_has_no_word_about_local_runs() -> None:
    texts = [*product_files(), ROOT / "Pulumi.yaml", ROOT / "Pulumi.dev.yaml", ROOT / "Pulumi.prod.yaml"]
    texts += [file for file in (ROOT / "images").rglob("*") if file.is_file() and file.suffix != ".pyc"]

    found = {f"{short(file)}: {match[0]}" for file in texts for match in LOCAL_RUN.finditer(file.read_text())}

    assert not found


def test_the_program_fits_on_a_page_or_three() -> None:
    """It tells the story and computes nothing: no function, loop or class of its own."""
    tree = ast.parse((ROOT / "__main__.py").read_text())

    kinds = {type(node) for node in tree.body}

    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.If}


@pytest.mark.parametrize("name", PRODUCT)
def test_a_product_file_is_short_enough_to_read(name: str) -> None:
    lengths = {short(file): len(file.read_text().splitlines()) for file in python_files(name)}

    assert {file: lines for file, lines in lengths.items() if lines > 240} == {}

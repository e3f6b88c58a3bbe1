"""What the files of this checkout want kept: the pins of its stacks, locked bases, and its families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from image_builder.bases.base_image import LOCK_FILE, read_lock
from image_builder.checkout.stack_config import config_files, config_in, project_of, values_of
from image_builder.errors import ImageBuildError

_PIN, _FOLDER, _FAMILY = "pinnedAmi", "imageFolder", "imageFamily"


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """What the files say, and what is wrong with those that cannot be read, a line each."""

    project: str = ""
    pins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The files that name each AMI: a stack's pin, or the base that an image is locked to."""
    families: frozenset[str] = frozenset()
    """Those that some stack deploys."""
    problems: Sequence[str] = ()


def read_project_files(folder: Path) -> ProjectFiles:
    """What the project in *folder* says; nothing where there is none."""
    problems: list[str] = []
    pins: dict[str, list[str]] = {}
    families: set[str] = set()
    image_folders = {lock.parent for lock in folder.glob(f"images/*/{LOCK_FILE}")}
    project = ""
    with _noted(problems):
        project = project_of(folder)
    for file in config_files(folder):
        with _noted(problems):
            for pin in _pins_in(file):
                pins.setdefault(pin, []).append(file.name)
            config = config_in(file, project)
            families.update(filter(None, [config.text(_FAMILY)]))
            image_folders.update(folder / text for text in [config.text(_FOLDER)] if text)
    for image_folder in sorted(image_folders):
        with _noted(problems):
            for base in _bases_of(image_folder):
                pins.setdefault(base, []).append(str(image_folder.relative_to(folder) / LOCK_FILE))
    # The project's own file is read twice.
    return ProjectFiles(
        project=project,
        pins=pins,
        families=frozenset(families),
        problems=list(dict.fromkeys(problems)),
    )


def _pins_in(file: Path) -> list[str]:
    values = values_of(file, _PIN)
    if None in values:
        raise ImageBuildError(
            f"{file.name}: {_PIN} is a secret · the id of an AMI was expected, which is not to be removed · "
            f"pulumi config set {_PIN} ami-... in that stack"
        )
    return [value for value in values if value]


def _bases_of(image_folder: Path) -> list[str]:
    """What an image is built on, in any region."""
    try:
        lock = read_lock(image_folder)
    except (OSError, UnicodeDecodeError) as error:
        raise ImageBuildError(
            f"{image_folder / LOCK_FILE} cannot be read: {error} · a lock of base images was expected · "
            "mend it"
        ) from None
    return [base.ami_id for images in lock.images.values() for base in images.values()] if lock else []


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Note what cannot be read, so that the rest is."""
    try:
        yield
    except ImageBuildError as error:
        problems.append(str(error))

"""The checkout's .venv: exactly the packages of requirements.txt, checked by their hashes."""

import hashlib
import sys
from pathlib import Path

from tools.fresh_machine.step import Work, output_of

DIGEST_FILE = ".requirements-digest"


def expected_digest(requirements: bytes, python: str) -> str:
    """Return what identifies the packages and the Python that they were installed for."""
    return hashlib.sha256(python.encode() + b"\n" + requirements).hexdigest()


def is_ready(folder: Path, requirements: Path) -> bool:
    """Tell whether *folder* holds what *requirements* asks for."""
    recorded = folder / DIGEST_FILE
    digest = expected_digest(requirements.read_bytes(), sys.version)
    return (folder / "bin/python").exists() and recorded.exists() and recorded.read_text() == digest


def prepare(work: Work, folder: Path, requirements: Path) -> None:
    """Make *folder* a virtual environment of this Python with exactly these packages."""
    (folder / DIGEST_FILE).unlink(missing_ok=True)
    python = folder / "bin" / "python"
    is_usable = output_of(str(python), "-c", "import pip, sys; print(sys.version)").strip() == sys.version
    if not is_usable:
        work.run(sys.executable, "-m", "venv", "--clear", str(folder))
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "--no-input")
    # Python compiles what is used when it is used; all of pulumi_aws takes half a minute.
    work.run(*pip, "install", "--no-compile", "--require-hashes", "-r", str(requirements))
    (folder / DIGEST_FILE).write_text(expected_digest(requirements.read_bytes(), sys.version))

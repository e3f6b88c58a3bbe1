"""Packer's manifest of one run → the AMI that this run made.

Any template works, with a manifest post-processor of its own or without: Packer runs in a private copy of the
image folder, and add_manifest gives the copy's build block one more post-processor, whose file is in the
run's private folder. The alternatives were worse: `-machine-readable` output has a long history of being
misread (hashicorp/packer#881, #5294, #6123), a shared manifest file is appended to and still lists older runs
(hashicorp/packer#12337), and asking each template to carry a manifest with a path variable would refuse most
of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_builder.errors import ManifestError
from image_builder.packer_template.hcl import as_list, bodies_of, read_text
from image_builder.packer_template.hcl_text import escaped, open_up, quoted, replace_blocks
from image_builder.regions import REGION

_ARTIFACT = re.compile(rf"({REGION.pattern}):(ami-[0-9a-f]+)")

_IN_HCL = """
  post-processor "manifest" {{
    output     = {output}
    strip_path = true
  }}"""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An AMI that Packer says it made."""

    source: str
    """`amazon-ebs.web`"""
    region: str
    ami_id: str

    def __str__(self) -> str:
        return f"{self.ami_id} in {self.region} ({self.source})"


def add_manifest(file: Path, output: Path) -> None:
    """Make every build of the template *file* write its manifest to *output*, as its last post-processor.

    Everything before the end of a build block keeps its line, so Packer's messages still point at the right
    one.
    """
    text = read_text(file)
    if file.suffix == ".json":
        document = json.loads(text)
        for _, build in bodies_of(document, "build"):
            ours = {"manifest": {"output": escaped(str(output)), "strip_path": True}}
            build["post-processor"] = [*as_list(build.get("post-processor", [])), ours]
        file.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return
    manifest = _IN_HCL.format(output=quoted(escaped(str(output))))
    file.write_text(
        replace_blocks(text, "build", lambda block, _line: open_up(block, manifest)), encoding="utf-8"
    )


def read_built_ami(manifest_path: Path, region: str) -> str:
    """The id of the one AMI that the run made, in *region*; otherwise an error names all it made."""
    artifacts = read_artifacts(manifest_path)
    if not artifacts:
        raise ManifestError(f"{manifest_path} names no AMI · one in {region} was expected")
    if len(artifacts) > 1 or artifacts[0].region != region:
        raise ManifestError(
            f"Packer made {', '.join(map(str, artifacts))} · one AMI in {region} was expected · they stay in "
            "your account: deregister what you do not need; use `region = var.region`, one source"
        )
    return artifacts[0].ami_id


def regions_of(manifest_path: Path) -> set[str]:
    """The regions where the run made AMIs, as far as its manifest can be read."""
    try:
        return {artifact.region for artifact in read_artifacts(manifest_path)}
    except ManifestError:
        return set()


def read_artifacts(manifest_path: Path) -> list[Artifact]:
    """Every AMI of the manifest's last run."""
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        last_run = manifest["last_run_uuid"]
        builds = [build for build in manifest["builds"] if build["packer_run_uuid"] == last_run]
        return [artifact for build in builds for artifact in _artifacts_of(build)]
    except FileNotFoundError as error:
        raise ManifestError(f"{manifest_path} was not written by Packer · see the log beside it") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{manifest_path} is no manifest of Packer ({error!r})") from error


def _artifacts_of(build: dict[str, Any]) -> list[Artifact]:
    source = f"{build['builder_type']}.{build['name']}"
    artifacts = []
    for part in build["artifact_id"].split(","):  # us-east-1:ami-1,us-west-2:ami-2 where copies were made
        match = _ARTIFACT.fullmatch(part.strip())
        if match is None:
            raise ManifestError(f"{source} made {part!r} · an AMI as REGION:ami-… was expected")
        artifacts.append(Artifact(source=source, region=match[1], ami_id=match[2]))
    return artifacts

"""An AMI that is there already, and the build that it may still belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_builder.amis import Amis
from image_builder.building import adoption
from image_builder.building.adoption import reuse
from image_builder.building.run_folder import RUNS
from image_builder.inputs import ImageInputs
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.templates import inputs_of, write_image

RUN = "20261123T080000-0123abcd"
POST_PROCESSOR_FAILED = (
    "==> amazon-ebs.tiny: Running post-processor:  (type shell-local)\n"
    "Build 'amazon-ebs.tiny' errored after 4 seconds: 1 error(s) occurred:\n"
    "\n* Post-processor failed: Script exited with non-zero exit status: 1\n"
)


@pytest.fixture
def inputs(project: Path) -> ImageInputs:
    return inputs_of(write_image(project / "tiny"))


@pytest.fixture
def ami_id(ec2: EmulatedEc2, inputs: ImageInputs) -> str:
    """An AMI of the run."""
    return ec2.register("tiny-1", ImageFamily=inputs.family, ImageFingerprint=inputs.fingerprint, RunId=RUN)


def ended(project: Path, exit_code: int, log: str) -> None:
    """The folder of the run, once its Packer has ended."""
    run = project / RUNS / RUN
    run.mkdir(parents=True)
    (run / "build.json").write_text(json.dumps({"exit_code": exit_code, "was_stopped": False}))
    (run / "packer.log").write_text(log)


def test_an_image_whose_build_is_over_is_reused_at_once(
    amis: Amis, project: Path, inputs: ImageInputs, ami_id: str
) -> None:
    ended(project, 0, "")
    said: list[str] = []

    found = reuse(inputs, amis, said.append)

    assert found is not None
    assert (found.ami_id, said) == (ami_id, [])


def test_while_its_build_is_at_work_in_whatever_folder_its_verdict_is_waited_for(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs, ami_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([{RUN: 4711}, {RUN: 4711}, {}])

    def living() -> dict[str, int]:
        now = next(looks)
        if not now:
            ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "Rejected", "Value": "it failed"}])
        return now

    monkeypatch.setattr(adoption, "living_runs", living)
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.01")
    said: list[str] = []

    assert reuse(inputs, amis, said.append) is None
    assert said == [
        f"{ami_id} of the same fingerprint is still worked on by process 4711: waiting",
        f"{ami_id} cannot be reused: {ami_id} is Rejected: it failed",
    ]


def test_an_image_whose_post_processor_failed_after_its_provider_was_killed_is_rejected(
    ec2: EmulatedEc2, amis: Amis, project: Path, inputs: ImageInputs, ami_id: str
) -> None:
    ended(project, 1, POST_PROCESSOR_FAILED)
    said: list[str] = []

    assert reuse(inputs, amis, said.append) is None
    assert reuse(inputs, amis, said.append) is None
    assert said == [f"{ami_id} is marked Rejected: a post-processor of its build failed"]
    assert ec2.tags_of(ami_id)["Rejected"] == "a post-processor of its build failed"


@pytest.mark.parametrize("log", ["", "Build 'amazon-ebs.tiny' errored after 4 seconds: timeout\n"])
def test_any_other_end_of_its_build_says_nothing_against_it(
    amis: Amis, project: Path, inputs: ImageInputs, ami_id: str, log: str
) -> None:
    ended(project, 1, log)

    found = reuse(inputs, amis, print)

    assert found is not None
    assert found.ami_id == ami_id

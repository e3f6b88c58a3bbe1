"""Builds one image: private folder, Packer, manifest, and the AMI confirmed with AWS before it counts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import TAG_RUN, TAG_SOURCE_AMI, Ami
from image_builder.amis import Amis
from image_builder.bases.known_base import follow_base
from image_builder.building.adoption import FAILED_POST_PROCESSOR, adopt, is_of_a_post_processor, reject_run
from image_builder.building.manifest import read_built_ami, regions_of
from image_builder.building.packer import (
    Ended,
    Packer,
    failure_message,
    packer_environment,
    packer_version,
    succeeded,
)
from image_builder.building.progress import read_source_ami
from image_builder.building.record import record_contents, tags_for
from image_builder.building.run_folder import (
    RunFolder,
    close_run,
    copy_template,
    make_run_folder,
    new_run_id,
    prepare,
)
from image_builder.checkout.git import Commit, read_commit
from image_builder.ec2_client import reason_and_advice
from image_builder.errors import AmiError, ManifestError, PackerError, TemplateError
from image_builder.inputs import ImageInputs
from image_builder.lookup import free_name, images_of, images_of_run, usable_of
from image_builder.packer_template.given_variables import names_passed, values_for
from image_builder.packer_template.hidden import hide_values, names_to_hide
from image_builder.packer_template.run_tags import add_run_tags
from image_builder.packer_template.template import Template, problems_of, read_template, require_values

_SECONDS_TO_REGISTER = 900.0
"""What an AMI that is registered already gets to become available, however late the build is."""

_PACKAGE_LIST = "package_list"


@dataclass(frozen=True, kw_only=True)
class Build:
    """What is decided about a build before it starts."""

    inputs: ImageInputs
    template: Template
    run: RunFolder
    ami_name: str
    tags: Mapping[str, str]
    commit: Commit
    deadline: float


def build_image(inputs: ImageInputs, amis: Amis, show: Callable[[str], None], lock: int) -> tuple[Ami, str]:
    """Build *inputs*; the AMI, available and tagged, and its origin: a concurrent build's is `reused`.

    *lock* is this build's (build_lock.py).
    """
    environment = packer_environment(inputs.region)
    version = packer_version(environment)
    template = read_template(inputs.folder)
    if problems := problems_of(template, inputs.region):
        raise TemplateError(f"{inputs.folder}: {'; '.join(problems)}")
    require_values(inputs.folder, template, names_passed(vars(inputs)), os.environ)

    commit = read_commit(inputs.folder, inputs.file_digests)
    if commit.hindrance:
        show(commit.hindrance)
    ami_name = free_name(amis, inputs)
    run = make_run_folder(Path.cwd(), new_run_id())
    build = Build(
        inputs=inputs,
        template=template,
        run=run,
        ami_name=ami_name,
        tags=tags_for(inputs, ami_name=ami_name, commit=commit, packer_version=version, run_id=run.run_id),
        commit=commit,
        deadline=time.monotonic() + inputs.build_timeout_minutes * 60,
    )
    try:
        copy_template(inputs.folder, run, inputs.file_digests)
        prepare(run, variables_for(build))
        add_run_tags(run.template, build.tags)
        hide_values(run.template, names_to_hide(template, environment))
        show(f"building {ami_name} with Packer {version} · log: {run.log}")
        packer = Packer(
            run=run,
            environment=environment,
            deadline=build.deadline,
            show=show,
            lock=lock,
            when_silent=amis.find_hopelessness,
        )
        ended = packer.run()
    finally:
        close_run(run)
    if not succeeded(ended):
        return _after_failure(build, ended, amis, show)
    try:
        ami_id = read_built_ami(run.manifest, inputs.region)
    except ManifestError:
        # Which of several is meant nobody knows: none may be found by its fingerprint next time.
        reject_run(amis, run.run_id, "its build did not make exactly one AMI", regions_of(run.manifest))
        raise
    return _confirm(build, ami_id, amis, show), "built"


def variables_for(build: Build) -> dict[str, Any]:
    """What Packer is given: the user's variables, and those of ours that the template declares."""
    of_the_run = {
        "ami_name": build.ami_name,
        "tags": dict(build.tags),
        "git_commit": build.commit.sha,
        _PACKAGE_LIST: str(build.run.package_list),
    }
    return values_for(build.template.variables, vars(build.inputs), of_the_run)


def _confirm(build: Build, ami_id: str, amis: Amis, show: Callable[[str], None]) -> Ami:
    """The AMI as AWS knows it, if it is what this run was to make."""
    deadline = max(build.deadline, time.monotonic() + _SECONDS_TO_REGISTER)
    ami = amis.wait_until_available(ami_id, deadline=deadline)
    run_id = ami.tags.get(TAG_RUN, build.run.run_id)
    if run_id != build.run.run_id:
        raise AmiError(
            f"{ami_id} has the tag RunId={run_id} · this run is {build.run.run_id} · see {build.run.log}"
        )
    if not ami.architecture:
        raise AmiError(f"{ami_id} has no architecture · see {build.run.log}")
    source_ami = ami.source_ami_id or read_source_ami(build.run.log.read_text(errors="replace"))
    ami = amis.add_tags(ami, {**build.tags, TAG_SOURCE_AMI: source_ami})
    package_list = build.run.package_list if _PACKAGE_LIST in build.template.variables else None
    if hindrance := record_contents(ami, build.inputs, package_list, amis):
        show(f"packages of {ami.ami_id}: {hindrance}")
    follow_base(ami, amis)
    return ami


def _after_failure(build: Build, ended: Ended, amis: Amis, show: Callable[[str], None]) -> tuple[Ami, str]:
    """The AMI that is there although Packer failed: this run's, complete, or that of a faster build."""
    message = failure_message(ended, run=build.run, minutes=build.inputs.build_timeout_minutes)
    if ended.is_hopeless:
        raise PackerError(message)
    try:
        own = images_of_run(amis, build.run.run_id)
        images = images_of(amis, build.inputs)
    except (BotoCoreError, ClientError) as error:
        raise PackerError(f"{message} · AWS could not be asked: {reason_and_advice(error)}") from error
    if own and is_of_a_post_processor(ended.failure):
        reject_run(amis, build.run.run_id, FAILED_POST_PROCESSOR, regions_of(build.run.manifest))
        raise PackerError(f"{message} · {own[0].ami_id} is marked Rejected and will not be reused")
    found = usable_of(own or images)
    if found is None:
        raise PackerError(message)
    deadline = max(build.deadline, time.monotonic() + _SECONDS_TO_REGISTER)
    try:
        if own:
            ami = _confirm(build, found.ami_id, amis, show)
        else:
            ami = adopt(build.inputs, found, amis, deadline=deadline)
    except AmiError as error:
        raise PackerError(f"{message} · its AMI cannot be used either: {error}") from error
    if own:
        show(f"adopted {ami.ami_id}, which is complete although Packer failed: {message}")
        return ami, "built"
    show(f"adopted {ami.ami_id}, which another build of the same fingerprint registered first")
    return ami, "reused"

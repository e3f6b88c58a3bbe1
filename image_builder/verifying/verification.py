"""Verifies a new image: boots it once on a throwaway machine, and has its checks look at that.

A second run of the same supervised Packer, in a run folder of its own: what it makes is tagged, cleaned up
and found again like that of a build. Only a check that failed speaks against the image. A run that did not
get that far, because AWS, Packer or the time failed, says nothing: the image stays as it is, neither verified
nor rejected, and the next `up` verifies it again.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from image_builder.ami import (
    TAG_BUILT_BY,
    TAG_BUILT_BY_PACKER,
    TAG_COMMIT,
    TAG_RUN,
    TAG_RUN_DEADLINE,
    TAG_VERIFIED,
    Ami,
    iso,
)
from image_builder.amis import Amis
from image_builder.building.packer import Ended, Packer, packer_environment, packer_version
from image_builder.building.record import run_deadline
from image_builder.building.run_folder import (
    RunFolder,
    close_run,
    copy_template,
    make_run_folder,
    new_run_id,
    prepare,
)
from image_builder.checks.report import FACTS, REPORT, read_report
from image_builder.errors import VerificationError
from image_builder.inputs import ImageInputs
from image_builder.packer_template.given_variables import names_passed, values_for
from image_builder.packer_template.hcl_text import escaped
from image_builder.packer_template.hidden import hide_values, names_to_hide
from image_builder.packer_template.run_tags import add_run_tags
from image_builder.packer_template.template import Template, read_template, require_values
from image_builder.packer_template.verification_template import CHECKS, booting_folder, make_it_boot
from image_builder.releasing.revocation import TAG_REJECTED
from image_builder.verifying.verification_result import Verdict, judge

_KEY = "login-key"
_PROJECT = Path(__file__).resolve().parents[2]


def verify_image(inputs: ImageInputs, ami: Ami, amis: Amis, show: Callable[[str], None], lock: int) -> Ami:
    """*ami*, tagged Verified; a VerificationError when its checks failed, or could not be run.

    *lock* is that of its build (build_lock.py).
    """
    began = time.monotonic()
    verdict = _run_checks(inputs, ami, amis, show, lock)
    if verdict.rejection:
        amis.add_tags(ami, {TAG_REJECTED: verdict.rejection})
    if verdict.problem:
        raise VerificationError(verdict.problem)
    verified = amis.add_tags(ami, {TAG_VERIFIED: iso(datetime.now(UTC))})
    show(f"verified {ami.ami_id} with {verdict.passed} checks in {time.monotonic() - began:.0f} s")
    return verified


def _run_checks(inputs: ImageInputs, ami: Ami, amis: Amis, show: Callable[[str], None], lock: int) -> Verdict:
    environment = packer_environment(inputs.region)
    version = packer_version(environment)
    template = read_template(booting_folder(inputs.folder))
    require_values(inputs.folder, template, names_passed(vars(inputs)), os.environ)
    run = make_run_folder(Path.cwd(), new_run_id())
    try:
        copy_template(inputs.folder, run, inputs.file_digests)
        (run.path / FACTS).write_text(json.dumps(_facts(inputs, ami)), encoding="utf-8")
        make_it_boot(run.template, ami.ami_id, "verification", _commands(run))
        run_tags = _run_tags(inputs, run)
        prepare(run, _variables(inputs, ami, template, run, run_tags))
        add_run_tags(run.template, run_tags)
        hide_values(run.template, names_to_hide(template, environment))
        show(f"verifying {ami.ami_id} on a throwaway machine, with Packer {version} · log: {run.log}")
        packer = Packer(
            run=run,
            environment=environment,
            deadline=time.monotonic() + inputs.build_timeout_minutes * 60,
            show=show,
            lock=lock,
            when_silent=amis.find_hopelessness,
        )
        ended: Ended = packer.run()
    finally:
        close_run(run)
    return judge(
        ended,
        read_report(run.path / REPORT),
        ami_id=ami.ami_id,
        run=run,
        minutes=inputs.build_timeout_minutes,
    )


def _facts(inputs: ImageInputs, ami: Ami) -> dict[str, str]:
    """What checks are told of the image (checks/image.py)."""
    return {
        "ami_id": ami.ami_id,
        "ami_name": ami.name,
        "family": inputs.family,
        "fingerprint": inputs.fingerprint,
        "git_commit": ami.tags.get(TAG_COMMIT, ""),
        "region": inputs.region,
    }


def _run_tags(inputs: ImageInputs, run: RunFolder) -> dict[str, str]:
    deadline = run_deadline(datetime.now(UTC), inputs.build_timeout_minutes)
    return {
        TAG_BUILT_BY: TAG_BUILT_BY_PACKER,
        TAG_RUN: run.run_id,
        TAG_RUN_DEADLINE: iso(deadline),
    }


def _variables(
    inputs: ImageInputs, ami: Ami, template: Template, run: RunFolder, run_tags: dict[str, str]
) -> dict[str, Any]:
    """The user's variables and those of ours, as far as *template* declares them."""
    of_the_run = {
        "ami_name": f"verification of {ami.name}",
        "tags": run_tags,
        "git_commit": ami.tags.get(TAG_COMMIT, ""),
        "package_list": str(run.package_list),
    }
    return values_for(template.variables, vars(inputs), of_the_run)


def _commands(run: RunFolder) -> list[str]:
    """What Packer runs here while the machine is there: take the login, and run the checks with it.

    The key stays out of every command line and environment, which others can read, and out of the log: it
    goes through a script that Packer writes for its owner only, and removes at once. The checks' run removes
    the file; what a killed one leaves goes with the run's copy of the template.
    """
    key = str(run.template / _KEY)
    words = [
        *(sys.executable, "-m", "image_builder.checks.run"),
        *(str(run.path), str(run.template / CHECKS), "--key", key),
    ]
    login = "--host '${build.Host}' --port '${build.Port}' --user '${build.User}'"
    return [
        f"umask 077\ncat > {escaped(shlex.quote(key))} <<'KEY'\n${{build.SSHPrivateKey}}\nKEY",
        f"cd {escaped(shlex.quote(str(_PROJECT)))} && exec {escaped(shlex.join(words))} {login}",
    ]

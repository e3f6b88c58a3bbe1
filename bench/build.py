"""Our build of the web app's image, against a bare `packer build` of the same template."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.local_run import LocalRun, local_run
from bench.measure import Result, Way, compare
from tools.toolchain import ROOT

TEMPLATE = ROOT / "images" / "web-app"
REGION = "us-east-1"


def run(rounds: int, say: Callable[[str], None]) -> Result:
    """Time both from the first look at AWS to an AMI that is available and tagged."""
    with local_run(say) as here:
        # The first build of an account finds podman's and apt's caches cold.
        say(f"one build to warm up: {time_packer(here, 'warm-up'):.2f} s")
        return compare(
            "build of images/web-app on a local AWS (an image that does not exist yet, to an available AMI)",
            Way(name="PackerImage", run=lambda number: time_packer_image(here, number)),
            Way(name="packer build", run=lambda number: time_packer(here, f"bare-{number}")),
            rounds,
            say,
        )


def time_packer(here: LocalRun, name: str) -> float:
    """The seconds of a bare build."""
    command = ["packer", "build", "-color=false", "-var", f"ami_name={name}", "-var", f"region={REGION}"]
    command += ["-var", 'tags={"Built-By"="packer"}', str(TEMPLATE)]
    began = time.perf_counter()
    here.must(command)
    return time.perf_counter() - began


def time_packer_image(here: LocalRun, number: int) -> float:
    """The seconds that the provider takes to fingerprint the folder and to make the image."""
    program = Path(__file__).with_name("build_once.py")
    printed = here.must([sys.executable, str(program), str(ROOT), str(TEMPLATE), f"bench-{number}", REGION])
    answer = json.loads(printed.splitlines()[-1])
    if answer["origin"] != "built":
        raise RuntimeError(f"{answer['ami_id']} was {answer['origin']}; the bench is to build")
    return float(answer["seconds"])

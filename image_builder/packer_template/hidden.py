"""Which values of the environment Packer must not print, and how it is made to leave them out.

Packer replaces the value of each sensitive variable in all that it prints (packer v1.15.0,
hcl2template/parser.go, filterVarsFromLogs), and of nothing else: not of the AWS credentials that a
provisioner on this machine inherits and may well print. So the private copy of the template declares them as
sensitive variables too; their values are read by Packer itself, and are in no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from image_builder.packer_template.template import Template

_AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_FILE = "image-builder-hidden.pkr.hcl"
# A shorter one is no secret, and would take ordinary words out of what Packer prints.
_FEWEST_CHARACTERS = 8


def names_to_hide(template: Template, environment: Mapping[str, str]) -> list[str]:
    """The environment variables whose values must not be printed.

    Those of AWS, and those of the template's variables that only the environment can have given: what needs
    no hiding would be in the state, or have a default.
    """
    given = (
        f"PKR_VAR_{name}"
        for name, variable in sorted(template.variables.items())
        if not variable.has_default and not variable.is_sensitive
    )
    return [name for name in (*_AWS_SECRETS, *given) if len(environment.get(name, "")) >= _FEWEST_CHARACTERS]


def hide_values(folder: Path, names: list[str]) -> None:
    """Have Packer, whose template is in *folder*, leave out the values of the variables *names*."""
    declarations = (
        f'variable "hidden_{name}" {{\n  default   = env("{name}")\n  sensitive = true\n}}\n'
        for name in names
    )
    (folder / _FILE).write_text("".join(declarations), encoding="utf-8")

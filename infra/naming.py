"""Names that AWS takes: Pulumi makes them unique, but neither shorter nor free of characters."""

from __future__ import annotations

import re

ADDED_BY_PULUMI = 8
"""A hyphen and seven random digits (autonaming, Pulumi documentation "Resource names")."""


def shorten(name: str, longest: int) -> str:
    """*name* in letters, digits and hyphens, with room for what Pulumi adds to stay within *longest*.

    Two stacks whose names are cut to the same text do not collide: the added digits differ.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    # Load balancers may not be called internal-... (CreateLoadBalancer, ELBv2 API reference).
    return plain.removeprefix("internal-")[: longest - ADDED_BY_PULUMI].rstrip("-")

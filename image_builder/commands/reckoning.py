"""The images with all that is known of each, for the commands that tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from image_builder.commands.common import complain

if TYPE_CHECKING:
    from datetime import datetime

    from image_builder.registry.account import Account
    from image_builder.registry.inventory import Listed


def reckon(account: Account, now: datetime) -> list[Listed]:
    """Our images, newest first, each with why it is kept; what cannot be told is said on standard error."""
    from pathlib import Path

    from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER
    from image_builder.checkout.project_files import read_project_files
    from image_builder.registry.ancestry import base_of
    from image_builder.registry.inventory import listed
    from image_builder.retention.gathering import gather
    from image_builder.retention.keeping import Facts, why_kept

    found = account.amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})
    if not found:
        return []
    files = read_project_files(Path.cwd())
    facts, _ = gather(account, files, Facts(now=now, families=files.families or None))
    for problem in (*files.problems, *facts.unresolved):
        complain(f"{problem}; why an image is kept may be told in part")
    bases = account.amis.find_by_ids(filter(None, map(base_of, found)))
    return listed(found, bases, facts.users, why_kept(found, facts))

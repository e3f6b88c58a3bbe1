"""Tells cloud-init of a machine from its seed, and writes it down in the layout of the EC2 datasource.

What a program on the machine reads in /run/cloud-init/instance-data.json is then at the same place as on EC2:
`ds` is what the metadata address answers, by the names there (persist_instance_data in cloud-init 22.4,
cloudinit/sources/__init__.py, `_crawled_metadata`). NoCloud alone would have it at `meta_data`.

cloud-init finds a datasource by the name of its module.
"""

from __future__ import annotations

from typing import Any

from cloudinit import sources
from cloudinit.sources.DataSourceNoCloud import DataSourceNoCloud


class DataSourceLocalAws(DataSourceNoCloud):  # type: ignore[misc]
    """A seed that looks like EC2's metadata."""

    dsname = "LocalAws"

    def _get_data(self) -> bool:
        if not super()._get_data():
            return False
        self._crawled_metadata = {"meta-data": self.metadata}
        return True


def get_datasource_list(depends: list[str]) -> Any:
    """The classes that need exactly *depends*: cloud-init's convention."""
    return sources.list_from_depends(depends, [(DataSourceLocalAws, (sources.DEP_FILESYSTEM,))])

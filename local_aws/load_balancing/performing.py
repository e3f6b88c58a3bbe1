"""Has haproxy do what was decided for a target."""

from __future__ import annotations

import logging

from local_aws.load_balancing.runtime_api import RuntimeApi
from local_aws.load_balancing.targets import Act, Phase, Record

logger = logging.getLogger(__name__)


def perform(haproxy: RuntimeApi, act: Act, record: Record) -> None:
    """Have one *act* done for the target of *record*."""
    names = (record.group.name, record.group.fail_open_name, record.target.server)
    backend, _, server = names
    if act is Act.ADD:
        haproxy.add_server(*names, record.group.health_check)
    elif act is Act.RETRY:
        haproxy.observe(backend, server)
    elif act in (Act.ADMIT, Act.DENY):
        if record.is_probing:
            haproxy.check_as_asked(backend, server, record.group.health_check)
        haproxy.weigh(backend, server, record.weight)
        haproxy.admit(*names, is_up=act is Act.ADMIT)
    elif act is Act.DRAIN:
        haproxy.drain(*names)
    elif act is Act.KILL:
        haproxy.kill_sessions(*names)
    elif act is Act.REMOVE:
        haproxy.remove_server(*names)
    else:
        haproxy.weigh(backend, server, record.weight)
    if act is not Act.WEIGHT:
        logger.info("%s %s at %s", act.value, record.target.instance_id, server)


def resume(haproxy: RuntimeApi, record: Record) -> None:
    """Bring a server that a new process was started with to where it was in the old one."""
    group, server = record.group, record.target.server
    if record.phase is Phase.INITIAL:
        haproxy.observe(group.name, server)
    elif record.phase is Phase.IN_SERVICE and not record.is_up:
        haproxy.admit(group.name, group.fail_open_name, server, is_up=False)

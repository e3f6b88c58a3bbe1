"""haproxy's configuration for what the load balancers are to do. Pure: the same values give the same text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from local_aws.load_balancing.model import Configuration, Forward, HealthCheck, Listener, TargetGroup
from local_aws.load_balancing.request_log import LOG_FORMAT
from local_aws.load_balancing.targets import Phase, Record

NO_TARGETS = "no-targets"
PROBE_SECONDS = 1
NEVER = 100_000  # failures in a row
CONNECT_TIMEOUT_SECONDS = 10  # Application Load Balancers user guide, "HTTP 504: Gateway timeout"
SERVER_HEADER = "awselb/2.0"
REASONS = {
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
# A load balancer that cannot connect to a target answers 502; haproxy's word for that is 503.
ERROR_FILES = {502: 502, 503: 502, 504: 504}


def error_page(status: int) -> str:
    """The page that an Application Load Balancer answers with *status* by itself."""
    title = f"{status} {REASONS[status]}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )


def error_file(status: int) -> str:
    """A whole HTTP response with *status*, as haproxy's errorfile wants it."""
    page = error_page(status)
    return (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nServer: {SERVER_HEADER}\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(page)}\r\nCache-Control: no-cache\r\n\r\n{page}"
    )


def quote(text: str) -> str:
    """*text* as one word of haproxy's configuration, whatever is in it."""
    if not text:
        return '""'
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=?&,")
    return "".join(c if c in safe else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)


def render(
    configuration: Configuration,
    records: Iterable[Record],
    *,
    listening: Mapping[tuple[str, int], int],
    control: int,
    log: int,
    error_files: Mapping[int, str],
    user: tuple[str, str] | None,
) -> str:
    """The configuration of a process that inherits the sockets *listening*, *control* and *log* by number."""
    by_group: dict[str, list[Record]] = {}
    for record in records:
        by_group.setdefault(record.group.name, []).append(record)
    blocks = [_global(control, user), _defaults(error_files)]
    for listener in configuration.listeners:
        blocks.append(_frontend(listener, listening[(listener.address, listener.port)], log))
    for group in configuration.groups:
        blocks += _backends(group, by_group.get(group.name, []))
    blocks.append(_no_targets())
    return "\n\n".join("\n    ".join(lines) for lines in blocks) + "\n"


def _global(control: int, user: tuple[str, str] | None) -> list[str]:
    lines = ["global", f"stats socket fd@{control} level admin", "stats timeout 10s"]
    # One thread: a request is either counted on its server or not yet given to it when a server is drained.
    lines += ["nbthread 1", "hard-stop-after 1h", "spread-checks 0"]
    return lines + ([f"user {user[0]}", f"group {user[1]}"] if user else [])


def _defaults(error_files: Mapping[int, str]) -> list[str]:
    lines = ["defaults", "mode http", f"timeout connect {CONNECT_TIMEOUT_SECONDS}s"]
    # No retry: the load balancer answers 502 to a refused connection (user guide, "HTTP 502: Bad gateway").
    lines += ["retries 0", "no option redispatch"]
    # Each request has its own connection to the target, so a drained target is idle when its count is 0.
    lines += ["option http-server-close", "option idle-close-on-response", "option log-health-checks"]
    return lines + [f"errorfile {status} {quote(path)}" for status, path in sorted(error_files.items())]


def _frontend(listener: Listener, descriptor: int, log: int) -> list[str]:
    idle = listener.idle_timeout_seconds
    lines = [f"frontend {listener.name}", f"bind fd@{descriptor}", f"timeout client {idle}s"]
    lines += [f"log fd@{log} format raw local0", f'log-format "{LOG_FORMAT}"']
    lines += [f"timeout http-keep-alive {idle}s", f"timeout http-request {idle}s"]
    action = listener.action
    if not isinstance(action, Forward):
        body = (
            f" content-type {quote(action.content_type)} string {quote(action.body)}" if action.body else ""
        )
        lines.append(f"http-request return status {action.status}{body}")
        return [*lines, f"default_backend {NO_TARGETS}"]
    lines += [
        'http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" '
        "if { req.hdr(X-Forwarded-For) -m found }",
        "http-request set-header X-Forwarded-For %[src] if !{ req.hdr(X-Forwarded-For) -m found }",
        "http-request set-header X-Forwarded-Proto http",
        f"http-request set-header X-Forwarded-Port {listener.port}",
        "http-request set-header X-Amzn-Trace-Id Root=1-%{+X}Ts-%[uuid(4),regsub(-,,g),bytes(0,24)] "
        "if !{ req.hdr(X-Amzn-Trace-Id) -m found }",
    ]
    return [*lines, *_choice(action), f"default_backend {NO_TARGETS}"]


def _choice(action: Forward) -> list[str]:
    """The rules that pick a target group by weight, and its fail-open twin while nothing in it is healthy."""
    total = sum(group.weight for group in action.groups)
    if not total:
        return []
    lines = [f"http-request set-var(txn.lot) rand({total})"] if len(action.groups) > 1 else []
    reached = 0
    for group in action.groups:
        reached += group.weight
        lot = f" {{ var(txn.lot) -m int lt {reached} }}" if len(action.groups) > 1 else ""
        # A process that finishes its requests counts no servers any more, though it still uses them.
        none_healthy = f"{lot} !{{ stopping }} {{ nbsrv({group.name}) eq 0 }}"
        none_at_all = f"{none_healthy} {{ nbsrv({group.name}.fail-open) eq 0 }}"
        lines.append(f"use_backend {NO_TARGETS} if{none_at_all}")
        lines.append(f"use_backend {group.name}.fail-open if{none_healthy}")
        lines.append(f"use_backend {group.name}{f' if{lot}' if lot else ''}")
    return lines


def _backends(group: TargetGroup, records: list[Record]) -> list[list[str]]:
    balance = "leastconn" if group.algorithm == "least_outstanding_requests" else "roundrobin"
    shared = [f"balance {balance}", f"timeout server {group.idle_timeout_seconds}s"]
    check = group.health_check
    checked = [f"backend {group.name}", *shared, f"timeout check {check.timeout_seconds}s", "option httpchk"]
    checked += [
        f"http-check send meth GET uri {quote(check.path)} ver HTTP/1.1 hdr Host %[srv_name] "
        "hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close",
        f"http-check expect status {check.codes}",
    ]
    fail_open = [f"backend {group.fail_open_name}", *shared]
    for record in records:
        server = f"server {record.target.server} {record.target.server}"
        is_serving = record.phase is Phase.IN_SERVICE
        off = "" if is_serving and record.is_up else " disabled"
        options = server_options(check, is_probing=record.is_probing)
        checked.append(f"{server} {options} weight {record.weight}{off}")
        fail_open.append(f"{server}{'' if is_serving else ' disabled'}")
    return [checked, fail_open]


def server_options(check: HealthCheck, *, is_probing: bool) -> str:
    """The words after a checked server's address.

    A new target is checked every second until it passes once, since haproxy lets a whole interval go by
    before the first check. When it is to be called unhealthy is decided by time meanwhile (targets.py).
    """
    port = f" port {check.port}" if check.port else ""
    interval, fall = check.interval_seconds, check.unhealthy_threshold
    if is_probing:
        interval, fall = PROBE_SECONDS, NEVER
    return f"check{port} inter {interval}s rise {check.healthy_threshold} fall {fall}"


def _no_targets() -> list[str]:
    answer = f"http-request return status 503 content-type text/html hdr Server {SERVER_HEADER}"
    return [f"backend {NO_TARGETS}", "timeout server 1s", f"{answer} string {quote(error_page(503))}"]

"""Everything that goes into the base image, and the name that follows from it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
REPOSITORY = "localhost/immutable-machines/debian-12"
OVERLAY = Path(__file__).parent / "overlay"
ARCHIVE_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PACKAGES = (
    "ca-certificates",
    "cloud-init",
    "curl",
    "dbus",
    "iproute2",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# Timers that would hold apt's lock while a provisioner wants it, and a terminal that nobody can open.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "systemd-firstboot.service",
)
# Done in the new root ("$1"), after the packages are installed and the additions copied.
STEPS = (
    'chroot "$1" update-ca-certificates',
    f'chroot "$1" systemctl mask {" ".join(MASKED_UNITS)}',
    'chroot "$1" systemctl enable local-aws-api.socket local-aws-shared-mounts.service',
    # Every machine makes its own: systemd writes the id at first boot, cloud-init the host keys.
    'printf "uninitialized\\n" > "$1/etc/machine-id"',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
# How apt reaches its archive is the computer's business, so the machine is told the same.
APT_SETTINGS = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::ForceIPv")
PROXY_SETTINGS = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that goes into the base image, as it is found on this computer."""

    sources: tuple[str, ...]
    apt_settings: str
    certificates: tuple[tuple[str, bytes], ...]
    overlay: tuple[tuple[str, bytes], ...]

    @property
    def tag(self) -> str:
        """The image's name; another recipe has another name."""
        digest = hashlib.sha256()
        parts: list[tuple[str, bytes]] = [
            ("sources", "\n".join(self.sources).encode()),
            ("packages", " ".join(PACKAGES).encode()),
            ("steps", "\n".join(STEPS).encode()),
            ("apt", self.apt_settings.encode()),
            *((f"certificate {name}", content) for name, content in self.certificates),
            *((f"overlay {name}", content) for name, content in self.overlay),
        ]
        for name, content in parts:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def debian_sources(index_targets: str) -> tuple[str, ...]:
    """The lines of sources.list that name Debian 12, from `apt-get indextargets` of URI|release|component.

    Empty when this computer's archive has no Debian 12; mmdebstrap then uses its own default.
    """
    lines: list[str] = []
    for line in index_targets.splitlines():
        uri, release, component = line.split("|")[:3]
        is_debian_12 = release in (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
        entry = f"deb [signed-by={ARCHIVE_KEYRING}] {uri} {release} {component}"
        if is_debian_12 and component == "main" and entry not in lines:
            lines.append(entry)
    has_main_archive = any(f" {SUITE} " in line for line in lines)
    return tuple(lines) if has_main_archive else ()


def apt_settings(config_dump: str, environment: dict[str, str]) -> str:
    """The lines of `apt-config dump` that say how to reach an archive, and the proxies of *environment*."""
    lines = [
        line
        for line in config_dump.splitlines()
        if line.startswith(APT_SETTINGS) and not line.endswith(' "";')
    ]
    for variable, setting in PROXY_SETTINGS.items():
        value = environment.get(variable)
        if value and not any(line.startswith(f"{setting} ") for line in lines):
            lines.append(f'{setting} "{value}";')
    return "".join(f"{line}\n" for line in lines)


def files_below(folder: Path, pattern: str = "*") -> tuple[tuple[str, bytes], ...]:
    """Each file below *folder* as (relative path, content), in order."""
    if not folder.is_dir():
        return ()
    paths = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in paths)


def read_recipe() -> Recipe:
    """The recipe as this computer's apt configuration and this folder say now."""
    targets = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Identifier: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    return Recipe(
        sources=debian_sources(targets.stdout),
        apt_settings=apt_settings(dump.stdout, dict(os.environ)),
        certificates=files_below(CERTIFICATES, "*.crt"),
        overlay=files_below(OVERLAY),
    )

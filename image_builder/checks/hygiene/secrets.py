"""What secrets look like, and where an image would hold them by mistake."""

from __future__ import annotations

PATTERNS = {
    "AWS access key": r"\b(AKIA|ASIA)[A-Z2-7]{16}\b",
    "AWS secret access key": r"aws_?secret_?access_?key\"?[ =:]+[\"']?[A-Za-z0-9/+]{40}\b",
    "private key": r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----",
    "GitHub token": r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10}",
    "Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{16}",
    "Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}",
    "PyPI token": r"\bpypi-AgEIcHlwaS5vcmc",
    "Pulumi access token": r"\bpul-[a-f0-9]{40}\b",
    "HashiCorp Vault token": r"\bhv[bsr]\.[A-Za-z0-9_-]{24}",
}
"""Extended regular expressions of grep, by what they find. Each is of a form that nothing else has."""

PLACES = "/etc /home /opt /root /srv /tmp /usr/local /var/lib/cloud /var/log /var/tmp"

MADE_AT_BOOT = ("/etc/ssh/ssh_host_*_key", "/etc/ssl/private/ssl-cert-snakeoil.key")
"""Private keys that a machine makes for itself, and that no image holds: another check looks at their age."""

CREDENTIAL_FILES = (
    *(".aws/credentials", ".aws/cli/cache", ".aws/sso/cache", ".azure", ".config/gcloud", ".boto"),
    *(".docker/config.json", ".git-credentials", ".netrc", ".npmrc", ".pgpass", ".pypirc", ".vault-token"),
    *(".pulumi/credentials.json", ".config/gh/hosts.yml", ".terraform.d/credentials.tfrc.json"),
    *(".ssh/id_dsa", ".ssh/id_ecdsa", ".ssh/id_ed25519", ".ssh/id_rsa"),
)
"""What tools keep in a home, by its path there; a machine's credentials are its instance role's."""

"""What a region of AWS is called."""

from __future__ import annotations

import re

REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")
"""`us-east-1`, `us-gov-west-1`, `eusc-de-east-1`; whether there is one of that name, AWS says."""

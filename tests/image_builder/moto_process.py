"""`python -m moto.server`, but for answers that are sent at once."""

from __future__ import annotations

from typing import Any

import moto.server

from local_aws.whole_answers import WholeAnswers

if __name__ == "__main__":
    server: Any = moto.server
    server.MotoRequestHandler = WholeAnswers
    server.main()

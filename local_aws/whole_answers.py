"""How an answer is put on the wire."""

from __future__ import annotations

from moto.moto_server.werkzeug_app import MotoRequestHandler


class WholeAnswers(MotoRequestHandler):
    """Sends an answer at once, and not its headers first.

    The AWS SDK for Go closes a request when the headers of its answer arrive. Where net/http has not noticed
    by then that the request was sent, it gives up the connection with the rest of the answer, and the SDK
    asks again: for a second key pair of the same name, say, which fails (aws-sdk-go-v2#2737). AWS is too far
    away for that, but a busy computer is near enough. What came with the headers, up to the 4 KiB that
    net/http reads at once, is not lost.
    """

    wbufsize = 64 * 1024

"""The way into the API: each call is noted, meets the faults, and is served or not."""

from __future__ import annotations

from collections.abc import Iterable

from local_aws.faults.call import read_call
from local_aws.faults.doing import Meeting, perform
from local_aws.faults.errors import error_code
from local_aws.faults.exchange import (
    Answer,
    Application,
    Environ,
    StartResponse,
    ask,
    drop_connection,
    read_body,
)
from local_aws.faults.journal import Journal
from local_aws.faults.meeting import Faults
from local_aws.faults.memory import Memory


class Door:
    """A WSGI application in front of another one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.faults = Faults()
        self.journal = Journal()
        self.memory = Memory()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call, or close its connection."""
        call = read_call(environ, read_body(environ))
        entry = self.journal.begin(call)

        def serve() -> Answer:
            entry.served = True
            answer = ask(self._application, environ)
            if call.is_read and answer.code == 200:
                self.memory.remember(call.key, answer)
            return answer

        armed = self.faults.meet(call)
        answer: Answer | None = None
        try:
            if armed:
                entry.fault_id, entry.kind = armed.fault_id, armed.fault.kind
                answer = perform(Meeting(call=call, armed=armed, environ=environ, serve=serve))
            else:
                answer = serve()
        finally:
            self.journal.end(
                entry,
                status=answer.code if answer else None,
                error_code=error_code(answer) if answer else None,
            )
        if answer is None:
            drop_connection(environ)
        start_response(answer.status, list(answer.headers))
        return [answer.body]

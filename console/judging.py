"""Takes what people say of alerts to the topic ``feedback``."""

from __future__ import annotations

import threading
import time
from typing import Final

from pydantic import ValidationError

from console.access import Caller
from console.asking import Desk
from console.ports import Reads, Records
from console.problems import RequestError, not_found
from integrations.commands import CommandWriter
from integrations.feedback_links import Verdict
from schemas.slo_events import Feedback

_SETTLE_S: Final = 2.0
_LOOK_S: Final = 0.02


class Judging:
    """Takes verdicts.

    Parameters
    ----------
    writer
        Where they are written.
    reads, records
        Where the alert is known.
    desk
        Who knows the time.
    """

    def __init__(self, writer: CommandWriter, reads: Reads, records: Records | None, desk: Desk) -> None:
        self._writer = writer
        self._reads = reads
        self._records = records
        self._desk = desk

    def judge(self, caller: Caller, alert_id: str, verdict: Verdict, by: str = "", note: str | None = None) -> Feedback:
        """Write a verdict, and wait a little until it is to be read.

        Raises
        ------
        RequestError
            404 if there is no such alert.
        BrokerError
            If it cannot be written.
        """
        labels = self.labels_of(caller.tenant, alert_id)
        try:
            said = Feedback(
                tenant=caller.tenant,
                alert_id=alert_id,
                verdict=verdict,
                at_ms=self._desk.now_ms(),
                labels=labels,
                by=by or None,
                note=note,
            )
        except ValidationError as error:
            raise RequestError(400, str(error.errors(include_url=False)[0]["msg"])) from error
        self._writer.judge(said)
        deadline, pause = time.monotonic() + _SETTLE_S, threading.Event()
        while not self._is_seen(said) and time.monotonic() < deadline:
            pause.wait(_LOOK_S)
        return said

    def labels_of(self, tenant: str, alert_id: str) -> dict[str, str]:
        """The labels of an alert.

        Raises
        ------
        RequestError
            404 if there is no such alert.
        """
        if (standing := self._reads.alert(tenant, alert_id)) is not None:
            return standing.alert.labels
        old = self._records.alert(tenant, alert_id) if self._records is not None else None
        if old is None:
            raise not_found("alert", alert_id)
        return old.labels

    def _is_seen(self, said: Feedback) -> bool:
        standing = self._reads.alert(said.tenant, said.alert_id)
        if standing is None:
            return True
        return standing.feedback is not None and standing.feedback.at_ms >= said.at_ms

"""``/feedback``: one click on a link says whether an alert needed action; another confirms it."""

from __future__ import annotations

from html import escape
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.access import Caller
from console.asking import Desk
from console.judging import Judging
from console.problems import RequestError
from integrations.feedback_links import FeedbackLink, Verdict, read
from schemas.errors import SchemaError

_SAYS: Final[dict[Verdict, str]] = {
    "actioned": "it needed action",
    "false": "it did not need action",
    "duplicate": "another alert had said it already",
}
# Nothing of another origin, and nothing that runs.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem;color:#1b1f24;"
    "background:#fff}button{font:inherit;padding:.5rem 1.2rem}dt{color:#57606a}dd{margin:0 0 .4rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ea;background:#14171a}dt{color:#9aa4ae}}"
)


class FeedbackPages:
    """The page of a link, and what its button does.

    A GET changes nothing: programs that look at the links of a message must not vote.

    Parameters
    ----------
    judging
        Who takes verdicts.
    desk
        Who knows the time.
    secret
        That signs the links; without one there are none.
    """

    def __init__(self, judging: Judging, desk: Desk, secret: str | None) -> None:
        self._judging = judging
        self._desk = desk
        self._secret = secret

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/feedback", tags=["feedback"])
        options = {"response_class": HTMLResponse, "response_model": None}
        router.add_api_route("/{token}", self.ask, methods=["GET"], **options)  # type: ignore[arg-type]
        router.add_api_route("/{token}", self.confirm, methods=["POST"], **options)  # type: ignore[arg-type]
        return router

    def ask(self, token: str) -> HTMLResponse:
        """Ask whether the verdict of a link is meant."""
        link = self._read(token)
        labels = self._judging.labels_of(link.tenant, link.alert_id)
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in sorted(labels.items()))
        return _page(
            f"<h1>{escape(_SAYS[link.verdict].capitalize())}?</h1><p>You are about to say of this alert that "
            f'{escape(_SAYS[link.verdict])}.</p><dl>{rows}</dl><form method="post"><button>Say so</button></form>'
        )

    def confirm(self, token: str) -> HTMLResponse:
        """Write the verdict of a link."""
        link = self._read(token)
        self._judging.judge(Caller("", "responder", link.tenant), link.alert_id, link.verdict, "a link")
        return _page(f"<h1>Thank you</h1><p>It is written down that {escape(_SAYS[link.verdict])}.</p>")

    def _read(self, token: str) -> FeedbackLink:
        if self._secret is None:
            raise RequestError(404, "there are no links here", "Set console.link_secret_file")
        try:
            return read(token, self._secret, self._desk.now_ms())
        except SchemaError as error:
            raise RequestError(403, error.what, error.way_out) from error


def _page(body: str) -> HTMLResponse:
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Feedback</title><style>{_STYLE}</style></head><body>"
    )
    return HTMLResponse(f"{head}{body}</body></html>\n", headers={"Content-Security-Policy": _POLICY})

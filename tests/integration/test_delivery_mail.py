"""E-mail over real SMTP: threads, what a server says, and TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integrations.delivery import Outcome
from tests.integration.vendors.certificate import self_signed
from tests.integration.vendors.mailbox import MailboxStandIn
from tests.integration.vendors.notifications import notification, story
from tests.integration.vendors.session import Session


def deliver(far: MailboxStandIn, *steps: Any, **more: Any) -> list[Outcome]:
    usual = {
        "to": "SRE <sre@example.com>, ops@example.com",
        "from": "Metrics AI <metrics@example.com>",
        "smarthost": far.smarthost,
        "require_tls": False,
        "timeout": 2,
    }
    session = Session()

    async def run() -> list[Outcome]:
        adapter = session.adapter("email", **{**usual, **more})
        return [await adapter.deliver(told, {}) for told in steps]

    return session.run(run)


def test_a_story_is_three_mails_in_one_thread() -> None:
    with MailboxStandIn() as far:
        outcomes = deliver(far, *story())
        assert [(one.outcome, one.status) for one in outcomes] == [("delivered", 250)] * 3
        first, _, last = far.mails
        assert far.envelopes[0] == ("metrics@example.com", ("sre@example.com", "ops@example.com"))
        assert first["Subject"] == "[P0] Disk of node-0 is full in 2 d"
        assert last["Subject"] == "[Resolved] Disk of node-0 is full in 2 d"
        assert len({mail["References"] for mail in far.mails}) == 1
        assert len({mail["Message-ID"] for mail in far.mails}) == 3
        text, html = (part.get_content() for part in first.iter_parts())
        assert "- P0 firing: The disk of node-0 is full in 2 d (since 2026-02-28 23:59:00 UTC)" in text
        assert '<a href="https://console.example.com/incidents/incident-1">Open incident</a>' in html


def test_what_a_label_says_is_text_in_html_and_a_line_in_a_header() -> None:
    with MailboxStandIn() as far:
        deliver(far, notification(title="<script>\r\nBcc: all@example.com", reason="<b>bold</b>"))
        (mail,) = far.mails
        assert mail["Bcc"] is None
        assert mail["Subject"] == "[P0] <script> Bcc: all@example.com"
        html = list(mail.iter_parts())[1].get_content()
        assert "<b>" not in html
        assert "&lt;b&gt;bold&lt;/b&gt;" in html


def test_a_mail_whose_answer_was_lost_is_sent_again_as_the_same_one() -> None:
    with MailboxStandIn() as far:
        far.fail_next("DATA", "reset")
        opening = story()[0]
        outcomes = deliver(far, opening, opening)
        assert [one.outcome for one in outcomes] == ["retry", "delivered"]
        assert len({mail["Message-ID"] for mail in far.mails}) == 1


@pytest.mark.parametrize(
    ("verb", "reply", "outcome", "status"),
    [
        ("MAIL", "451 later", "retry", 451),
        ("MAIL", "550 not you", "refused", 550),
        ("DATA", "452 full", "retry", 452),
        ("DATA", "554 spam", "refused", 554),
        ("EHLO", "421 busy", "retry", 421),
        ("RCPT", "450 later", "delivered", 250),
    ],
)
def test_what_the_server_says_decides(verb: str, reply: str, outcome: str, status: int) -> None:
    with MailboxStandIn() as far:
        far.fail_next(verb, reply)
        (found,) = deliver(far, notification())
        assert (found.outcome, found.status) == (outcome, status)


def test_a_recipient_that_nobody_knows_is_refused_and_another_one_gets_it_all_the_same() -> None:
    with MailboxStandIn() as far:
        alone, beside = (
            deliver(far, notification(), to=to)[0] for to in ("nobody@example.com", "nobody@x.example, a@example.com")
        )
        assert (alone.outcome, alone.status) == ("refused", 550)
        assert (beside.outcome, beside.text) == ("delivered", "recipients that were refused: 1")


def test_a_server_that_is_away_or_offers_no_tls_is_tried_again() -> None:
    far = MailboxStandIn()
    with far:
        (plain,) = deliver(far, notification(), require_tls=True)
    (away,) = deliver(far, notification())
    assert (plain.outcome, away.outcome) == ("retry", "retry")
    assert "STARTTLS" in plain.text
    assert far.mails == []


def test_a_password_that_is_wrong_is_not_repeated() -> None:
    with MailboxStandIn(password="right") as far:
        (wrong,) = deliver(far, notification(), auth_username="bot", auth_password="hidden")
        assert (wrong.outcome, wrong.status) == ("retry", 535)
        assert "hidden" not in wrong.text
        assert deliver(far, notification(), auth_username="bot", auth_password="right")[0].is_delivered


def test_the_password_is_said_only_to_a_server_that_proves_its_name(tmp_path: Path) -> None:
    trusted, context = self_signed(tmp_path)
    who = {"auth_username": "bot", "auth_password": "right", "require_tls": True}
    with MailboxStandIn(context, "right") as far:
        (unproved,) = deliver(far, notification(), **who)
        assert (unproved.outcome, unproved.status) == ("retry", None)
        assert "CERTIFICATE_VERIFY_FAILED" in unproved.text
        assert deliver(far, notification(), tls_config={"ca_file": str(trusted)}, **who)[0].is_delivered
        assert deliver(far, notification(), tls_config={"insecure_skip_verify": True}, **who)[0].is_delivered
        (nowhere,) = deliver(far, notification(), tls_config={"ca_file": str(tmp_path / "none")}, **who)
        assert (nowhere.outcome, len(far.mails)) == ("retry", 2)


def test_a_server_that_says_nothing_is_too_slow_in_the_end() -> None:
    with MailboxStandIn() as far:
        far.fail_next("EHLO", "nothing")
        (slow,) = deliver(far, notification(), timeout=0.3)
        assert slow.outcome == "retry"
        assert far.mails == []

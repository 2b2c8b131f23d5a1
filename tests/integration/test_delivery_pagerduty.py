"""PagerDuty over real HTTP: what a key opens, keys that are rotated, digests, changes, and the rate."""

from __future__ import annotations

import asyncio
from pathlib import Path

from integrations.delivery import Limiter
from integrations.delivery.pagerduty_event import key_fingerprint
from schemas.change_events import NearestChange
from tests.integration.vendors.notifications import AT_MS, alert, notification, story
from tests.integration.vendors.pagerduty import PagerDutyStandIn
from tests.integration.vendors.session import Session
from tests.integration.vendors.standin import Fault

KEY = "0123456789abcdef0123456789abcdef"
NEW_KEY = "fedcba9876543210fedcba9876543210"


def test_a_story_opens_adds_and_resolves_by_one_key() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            for told in story():
                outcome = await adapter.deliver(told, {})
                assert (outcome.outcome, outcome.status) == ("delivered", 202)
                assert outcome.reference == {"routing_key": key_fingerprint(KEY)}

        session.run(run)
        assert [event.effect for event in far.events] == ["opened", "appended", "resolved"]
        body = far.events[0].body
        assert body["payload"]["summary"] == "[P0] Disk of node-0 is full in 2 d"
        assert body["payload"]["source"] == "node-0"
        assert body["payload"]["severity"] == "critical"
        assert body["links"] == [{"href": "https://logs.example.com/q?node=node-0", "text": "Logs"}]
        assert body["payload"]["custom_details"]["forecast"] == ["/var is full on 3 March at noon."]
        assert "payload" not in far.events[2].body


def test_what_one_key_opened_is_resolved_by_it_after_the_key_was_replaced() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            opening, update, resolving = story()
            old = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            memory = (await old.deliver(opening, {})).reference
            new = session.adapter("pagerduty", routing_key=NEW_KEY, retired_routing_keys=[KEY], url=far.enqueue_url)
            assert (await new.deliver(update, memory)).is_delivered
            assert (await new.deliver(resolving, memory)).is_delivered
            again = notification(id="later", sequence=4)
            assert (await new.deliver(again, memory)).reference == {"routing_key": key_fingerprint(NEW_KEY)}

        session.run(run)
        assert [(event.effect, event.routing_key) for event in far.events] == [
            ("opened", KEY),
            ("appended", KEY),
            ("resolved", KEY),
            ("opened", NEW_KEY),
        ]


def test_a_resolve_whose_key_is_gone_is_refused_and_says_what_to_do() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=NEW_KEY, url=far.enqueue_url)
            outcome = await adapter.deliver(story()[2], {"routing_key": key_fingerprint(KEY)})
            assert outcome.outcome == "refused"
            assert "put it into retired_routing_keys" in outcome.text
            assert KEY not in outcome.text

        session.run(run)
        assert far.requests == []


def test_a_digest_is_a_change_and_wakes_nobody() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            assert (await adapter.deliver(notification(action="digest", priority="P3"), {})).is_delivered
            deployed = NearestChange(id="d1", kind="deploy", what="checkout 2.1", at_ms=AT_MS, url="https://ci/1")
            told = notification(action="digest", priority="P3", alerts=[], context={"changes": [deployed]})
            assert (await adapter.deliver(told, {})).is_delivered

        session.run(run)
        assert far.events == []
        assert [change["payload"]["source"] for change in far.changes] == ["node-0", "metrics-ai"]
        assert far.changes[1]["links"] == [{"href": "https://ci/1", "text": "More"}]


def test_an_event_that_would_be_too_large_is_taken_with_less_in_it() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            many = [alert(number, labels={"text": "x" * 4000}) for number in range(500)]
            assert (await adapter.deliver(notification(alerts=many), {})).is_delivered

        session.run(run)
        assert len(far.requests[0].body) <= 512_000
        details = far.events[0].body["payload"]["custom_details"]
        assert details["truncated"] == f"{500 - len(details['alerts'])} alerts did not fit."


def test_a_key_that_pagerduty_does_not_know_is_refused_and_never_repeated_in_the_outcome() -> None:
    session = Session()
    with PagerDutyStandIn(keys=[NEW_KEY]) as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            outcome = await adapter.deliver(notification(), {})
            assert (outcome.outcome, outcome.status) == ("refused", 400)
            assert "Invalid routing key" in outcome.text
            short = await session.adapter("pagerduty", routing_key="abc", url=far.enqueue_url).deliver(
                notification(), {}
            )
            assert "should be 32 characters" in short.text
            assert "abc" not in short.text

        session.run(run)


def test_a_key_in_a_file_is_waited_for_and_may_be_replaced(tmp_path: Path) -> None:
    session = Session()
    file = tmp_path / "key"
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key_file=file, url=far.enqueue_url)
            outcome = await adapter.deliver(notification(), {})
            assert (outcome.outcome, outcome.status) == ("retry", None)
            assert "cannot read routing_key_file" in outcome.text
            file.write_text(KEY)
            assert (await adapter.deliver(notification(), {})).is_delivered

        session.run(run)


def test_a_storm_stays_below_what_a_key_may_do_and_nothing_is_turned_away() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    session = Session(limiter=Limiter(lambda: now[0], sleep))
    with PagerDutyStandIn(per_minute=120, clock=lambda: now[0]) as far:

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            for number in range(300):
                told = notification(id=f"n{number}", dedup_key=f"key-{number}")
                while not (outcome := await adapter.deliver(told, {})).is_delivered:
                    assert outcome.retry_after_s is not None
                    now[0] += outcome.retry_after_s

        session.run(run)
        assert len(far.requests) == len(far.events) == 300
        assert set(far.all_opens().values()) == {1}
        assert now[0] > 180


def test_a_pause_that_is_asked_for_holds_back_the_others_of_the_key() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    session = Session(limiter=Limiter(lambda: now[0], sleep))
    with PagerDutyStandIn() as far:
        far.fail_next(Fault("status", 429, {"Retry-After": "60"}))

        async def run() -> None:
            adapter = session.adapter("pagerduty", routing_key=KEY, url=far.enqueue_url)
            throttled, held = [await adapter.deliver(notification(id=n, dedup_key=n), {}) for n in ("a", "b")]
            assert (throttled.status, throttled.retry_after_s) == (429, 60.0)
            assert (held.outcome, held.status, held.text) == ("retry", None, "held back to stay below the rate")
            assert held.retry_after_s == 60.0
            now[0] = 60.0
            for n in ("b", "a"):
                assert (await adapter.deliver(notification(id=n, dedup_key=n), {})).is_delivered

        session.run(run)
        assert len(far.requests) == 3


def test_many_at_once_are_told_at_once() -> None:
    session = Session()
    with PagerDutyStandIn() as far:

        async def run() -> None:
            adapters = [session.adapter("pagerduty", routing_key=f"{n:032x}", url=far.enqueue_url) for n in range(10)]
            tasks = [one.deliver(notification(dedup_key=f"k{n}"), {}) for n, one in enumerate(adapters)]
            assert all(outcome.is_delivered for outcome in await asyncio.gather(*tasks))

        session.run(run)
        assert len(far.open_keys()) == 10

"""What time alone does to what is known: alerts that flapped settle, what is over is forgotten."""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.settings import DispatchSettings
from incidents.dispatch.standing import Turn
from incidents.dispatch.subjects import Subject
from incidents.routing.config import RoutingConfig


def settle_flaps(book: DispatchBook, config: RoutingConfig, now_ms: int) -> list[Subject]:
    """Let alerts stand as they say again that did not change for long enough; gives them back."""
    window_ms = round(config.fatigue.flap_window_s * 1000)
    settled = []
    for key in sorted(key for key, at_ms in book.flaps.items() if now_ms - at_ms >= window_ms):
        book.set("flap", key, None)
        settled += [one for one in book.episodes(key) if one.turn(now_ms, Turn.SETTLED)]
    for subject in settled:
        subject.decide(now_ms, "flapping", "passed", "it has settled")
        if subject.alert.state == "resolved":
            subject.turn(now_ms, Turn.ENDED)
        book.touch_subject(subject)
    return settled


def forget_old(book: DispatchBook, settings: DispatchSettings, config: RoutingConfig, now_ms: int) -> list[str]:
    """Drop what is over for long enough; gives the keys of the silences that are gone."""
    before_ms = now_ms - round(settings.retention_s * 1000)
    for subject in list(book.all_subjects()):
        ended_ms = subject.alert.ended_ms
        if ended_ms is not None and ended_ms < before_ms and subject.standing != "flapping":
            book.drop_subject(subject)
    for thread in list(book.threads.values()):
        if not thread.members and not thread.is_open:
            book.drop_thread(thread)
    _forget_incidents(book, before_ms)
    _forget_small(book, config, before_ms, now_ms)
    gone = book.silences.forget(now_ms - round(settings.silence_retention_s * 1000))
    for key in gone:
        book.touch(f"silence/{key}")
    return gone


def _forget_incidents(book: DispatchBook, before_ms: int) -> None:
    for key, incident in list(book.incidents.items()):
        is_over = incident.state in ("resolved", "reviewed", "merged")
        if is_over and incident.updated_ms < before_ms and not book.subjects_of(key) and not book.threads_about(key):
            book.drop_incident(key)


def _forget_small(book: DispatchBook, config: RoutingConfig, before_ms: int, now_ms: int) -> None:
    quiet_ms = round(config.fatigue.suppress_s * 1000)
    gone = [("command", key) for key, at_ms in book.commands.items() if at_ms < before_ms]
    gone += [("quiet", key) for key, (told_ms, _) in book.quiet.items() if told_ms + quiet_ms <= now_ms]
    gone += [("bucket", key) for key, bucket in book.buckets.items() if bucket.is_full(now_ms)]
    for kind, key in gone:
        book.set(kind, key, None)

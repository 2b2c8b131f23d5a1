"""Sources: what is read when nothing is said, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from integrations.formats import FORMATS, Recogniser, SeriesTable, decoder_for
from integrations.gateway import IngestSettings, SourceSettings
from integrations.gateway.gateway import message_limit
from integrations.kafka.admin import TopicState
from schemas.errors import ConfigurationError
from schemas.topics import MAX_MESSAGE_BYTES


def test_every_shipped_format_has_a_default_topic() -> None:
    sources = {source.topic: source.format for source in IngestSettings().sources}
    assert sources["metrics"] == "native"
    assert sources["otlp_metrics"] == "otlp"
    assert set(sources.values()) == set(FORMATS)


@pytest.mark.parametrize(
    "given",
    [
        {"sources": []},
        {"sources": [{"topic": "m", "format": "native"}, {"topic": "m", "format": "otlp"}]},
        {"sources": [{"topic": "a b", "format": "native"}]},
        {"sources": [{"topic": "m", "format": "xml"}]},
        {"sources": [{"topic": "m", "format": "native", "tenant": "a/b"}]},
        {"sources": [{"topic": "m", "format": "telegraf_json", "counters": ["("]}]},
        {"batch_samples": 0},
        {"identity": {"planet": ["earth"]}},
        {"lingerms": 5},
    ],
)
def test_settings_that_cannot_hold_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IngestSettings.model_validate(given)


def test_a_source_tells_its_decoder_what_messages_do_not() -> None:
    source = SourceSettings(topic="collectd", format="collectd", store_rates=False, time_unit="ms")
    assert (source.options.store_rates, source.options.time_unit) == (False, "ms")


def test_a_sources_label_fields_and_counters_reach_its_decoder() -> None:
    settings = IngestSettings.model_validate(
        {"sources": [{"topic": "f", "format": "fluentbit", "label_fields": ["rack"], "counters": ["n"]}]}
    )
    table = SeriesTable("default", Recogniser())
    decoder = decoder_for("fluentbit", settings.sources[0].options)
    decoded = decoder.decode([b'{"n": 1, "rack": "r1"}', b'{"n": 1, "rack": "r2"}'], [0, 0], table)
    assert [table[at].labels for at in decoded.series] == [{"rack": "r1"}, {"rack": "r2"}]
    assert {table[at].type for at in decoded.series} == {"counter"}


def test_batches_fit_the_topic_that_takes_least() -> None:
    told, untold = TopicState("a", 4, {"max.message.bytes": "1048588"}), TopicState("b", 4)
    assert message_limit([untold, told]) == 1_048_588
    assert message_limit([untold]) == MAX_MESSAGE_BYTES
    with pytest.raises(ConfigurationError, match=r"max\.message\.bytes"):
        message_limit([TopicState("a", 4, {"max.message.bytes": "100"})])

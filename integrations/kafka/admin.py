"""The catalogue against a broker: create, check, and what the broker can do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from integrations.kafka.connection import KafkaSettings
from integrations.kafka.embedded import EMBEDDED_CLUSTER_IDS
from schemas.errors import BrokerError
from schemas.topics import CATALOGUE, MAX_MESSAGE_BYTES, REJECTED, SAMPLES, Topic

# A broken connection is an error that we raise, not lines on standard error.
_MUTE: Final = logging.getLogger("integrations.kafka.admin.client")
_MUTE.disabled = True
LOG: Final = logging.getLogger(__name__)
REQUEST_S: Final = 15.0
# How long a person waits before a broker is said not to answer.
ANSWER_S: Final = 5.0
# A cluster that starts elects its transaction coordinators last.
COORDINATOR_LIMIT_S: Final = 30.0
PROBE: Final = "transactions-probe"
_FENCED: Final = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
_UNSUPPORTED: Final = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION, KafkaError._NOT_IMPLEMENTED)
_UNAUTHORIZED: Final = (
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
_SIZE: Final = "max.message.bytes"
_SOURCE_CONFIG: Final = {_SIZE: str(MAX_MESSAGE_BYTES)}


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it.

    Parameters
    ----------
    name
        With the prefix.
    partitions
        How many.
    config
        What its configuration says; empty where the broker keeps or tells none.
    replicas
        Of the partition that has the fewest.
    untold
        Why the configuration is not known; empty where it is.
    """

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    untold: str = ""


def list_topics(settings: KafkaSettings, timeout_s: float = REQUEST_S) -> dict[str, TopicState]:
    """All topics of the broker by name, without its internal ones and without configuration.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    return _topics(_admin(settings), settings, timeout_s)


def describe_topics(settings: KafkaSettings, names: Iterable[str]) -> dict[str, TopicState]:
    """Those of the named topics that exist, with their configuration.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    admin = _admin(settings)
    wanted = set(names)
    found = {name: state for name, state in _topics(admin, settings, REQUEST_S).items() if name in wanted}
    configs, untold = _describe(admin, found)
    return {
        name: replace(state, config=configs.get(name, {}), untold=untold.get(name, "")) for name, state in found.items()
    }


def create_topics(
    settings: KafkaSettings, topics: Iterable[Topic] = CATALOGUE, sources: Iterable[str] = (), mend: bool = True
) -> list[str]:
    """Create what is missing and, with ``mend``, set what is configured otherwise; the names of the topics created.

    Producers' topics are created where missing and otherwise left alone. A partition count is never changed: it
    says where every key lives.

    Raises
    ------
    BrokerError
        If the broker does not answer or refuses.
    """
    admin = _admin(settings)
    existing = _topics(admin, settings, REQUEST_S)
    ours = {settings.topic(topic): topic.config() for topic in topics}
    wanted = dict.fromkeys(sources, _SOURCE_CONFIG) | ours
    missing = [name for name in wanted if name not in existing]
    new = [
        NewTopic(
            name,
            num_partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            config=wanted[name],
        )
        for name in missing
    ]
    if new:
        for name, future in admin.create_topics(new, request_timeout=REQUEST_S).items():
            _await_created(name, future)
        _await_until(lambda: _topics(admin, settings, REQUEST_S).keys() >= set(missing), "the new topics")
    if mend:
        _mend_configs(admin, {name: config for name, config in ours.items() if name in existing})
    return missing


def check_topics(
    settings: KafkaSettings, topics: Iterable[Topic] = CATALOGUE, sources: Iterable[str] = ()
) -> list[str]:
    """Every difference between the catalogue and the broker, a sentence each; empty when they agree.

    What cannot be compared counts as a difference, except on the embedded broker, which keeps no configuration.
    Of a producer's topic only records are compared that are larger than ours may be.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    wanted = {settings.topic(topic): topic for topic in topics}
    found = describe_topics(settings, [*wanted, *sources])
    differences = [f"{name}: missing" for name in (*wanted, *sources) if name not in found]
    ours = [(state, wanted[name]) for name, state in found.items() if name in wanted]
    for state, _ in ours:
        if state.partitions != settings.partitions:
            differences.append(f"{state.name}: {state.partitions} partitions, not {settings.partitions}")
    if is_embedded(settings):
        return differences
    for state, topic in ours:
        if state.replicas != settings.replication_factor > 0:
            differences.append(f"{state.name}: {state.replicas} replicas, not {settings.replication_factor}")
        differences += config_differences(state, topic)
    for name in sources:
        if (theirs := found.get(name)) is not None:
            differences += config_differences(theirs, None)
    return differences


def config_differences(state: TopicState, topic: Topic | None) -> list[str]:
    """What a topic's configuration has otherwise than the catalogue; a producer's topic where ``topic`` is None.

    Examples
    --------
    >>> config_differences(TopicState("theirs", 1, untold="Not authorized"), None)
    ['theirs: its configuration is unchecked (Not authorized)']
    """
    if state.untold or not state.config:
        return [f"{state.name}: its configuration is unchecked ({state.untold or 'the broker tells none'})"]
    if topic is None:
        size = int(state.config.get(_SIZE, 0))
        limit = f"more than the {MAX_MESSAGE_BYTES} of {REJECTED.name}"
        return [f"{state.name}: {_SIZE} is {size}, {limit}"] if size > MAX_MESSAGE_BYTES else []
    return [
        f"{state.name}: {key} is {state.config.get(key)}, not {value}"
        for key, value in topic.config().items()
        if not _same(state.config.get(key), value)
    ]


def _same(found: str | None, wanted: str) -> bool:
    return found is not None and sorted(found.split(",")) == sorted(wanted.split(","))


def has_transactions(settings: KafkaSettings, timeout_s: float = COORDINATOR_LIMIT_S) -> bool:
    """Whether a checkpoint may stand on the broker's transactions.

    The embedded broker answers their requests, but shows aborted records to everybody: it is known by its cluster's
    name. Of any other it is tried whether a second owner of a transactional id shuts out the first.

    Raises
    ------
    BrokerError
        If the broker does not answer, does not let us try, or has no transaction coordinator within the time.
    """
    if is_embedded(settings, min(timeout_s, REQUEST_S)):
        return False
    name = f"{settings.topic_prefix}{PROBE}"
    options = settings.librdkafka(transactional_id=name)
    first, second = Producer(options, logger=_MUTE), Producer(options, logger=_MUTE)
    consumer = Consumer(settings.librdkafka(group_id=name), logger=_MUTE)
    try:
        first.init_transactions(timeout_s)
        second.init_transactions(timeout_s)
        first.begin_transaction()
        offsets = [TopicPartition(settings.topic(SAMPLES), 0, 0)]
        first.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), timeout_s)
    except KafkaException as error:
        return shows_fencing(error.args[0], name)
    finally:
        consumer.close()
    return False


def shows_fencing(error: KafkaError, name: str) -> bool:
    """Whether an error of the trial says that the broker fences; False where it lacks transactions.

    Raises
    ------
    BrokerError
        If the error says neither: then nobody knows, and a guess could cost the checkpoints their fence.
    """
    if error.code() in _FENCED:
        return True
    if error.code() in _UNSUPPORTED:
        return False
    if error.code() in _UNAUTHORIZED:
        way_out = f"Grant write on transactional id {name} and read on group {name}, or set kafka.profile to kafka"
    else:
        way_out = "See whether its transaction coordinator is up, or set kafka.profile to kafka"
    raise BrokerError(f"the broker does not show whether it has transactions: {error.str()}", way_out)


def is_embedded(settings: KafkaSettings, timeout_s: float = REQUEST_S) -> bool:
    """Whether the broker is the embedded one.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    return _metadata(_admin(settings), settings, timeout_s).cluster_id in EMBEDDED_CLUSTER_IDS


def resolve_profile(settings: KafkaSettings) -> KafkaSettings:
    """The same settings with ``auto`` replaced by what the broker turns out to be.

    A broker other than the embedded one that lacks transactions counts as embedded: its checkpoints go without.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    if settings.profile != "auto":
        return settings
    profile = "kafka" if has_transactions(settings) else "embedded"
    LOG.info("the broker's profile", extra={"profile": profile, "broker": settings.bootstrap})
    return settings.model_copy(update={"profile": profile})


def _admin(settings: KafkaSettings) -> AdminClient:
    return AdminClient(settings.librdkafka(), logger=_MUTE)


def _metadata(admin: AdminClient, settings: KafkaSettings, timeout_s: float) -> Any:
    try:
        return admin.list_topics(timeout=timeout_s)
    except KafkaException as error:
        raise _broker_error(f"the broker at {settings.bootstrap} does not answer", error) from error


def _topics(admin: AdminClient, settings: KafkaSettings, timeout_s: float) -> dict[str, TopicState]:
    topics = _metadata(admin, settings, timeout_s).topics
    return {
        name: TopicState(
            name,
            len(topic.partitions),
            replicas=min((len(one.replicas) for one in topic.partitions.values()), default=0),
        )
        for name, topic in sorted(topics.items())
        if topic.error is None and not name.startswith("__")
    }


def _describe(admin: AdminClient, names: Iterable[str]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Configurations by topic, and why some are not told."""
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    untold: dict[str, str] = {}
    if not resources:
        return configs, untold
    for resource, future in admin.describe_configs(resources, request_timeout=REQUEST_S).items():
        try:
            configs[resource.name] = {name: entry.value for name, entry in future.result().items()}
        except KafkaException as error:
            if error.args[0].retriable():
                raise _broker_error("the broker does not tell its configuration", error) from error
            untold[resource.name] = error.args[0].str()
    return configs, untold


def _await_created(name: str, future: Future[Any]) -> None:
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another worker was quicker
            raise _broker_error(f"the broker does not create {name}", error) from error


def _await_until(seen: Callable[[], bool], what: str) -> None:
    # A broker answers a change before its own view of the cluster has it.
    deadline = time.monotonic() + REQUEST_S
    while not seen():
        if time.monotonic() > deadline:
            raise BrokerError(f"the broker does not show {what}", "See its log")
        time.sleep(0.02)


def _mend_configs(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> None:
    wrong = _wrong_configs(admin, wanted)
    if not wrong:
        return
    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in config.items()
            ],
        )
        for name, config in wrong.items()
    ]
    for resource, future in admin.incremental_alter_configs(changes, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            raise _broker_error(f"the broker does not change {resource.name}", error) from error
    _await_until(lambda: not _wrong_configs(admin, wrong), "the changed configuration")


def _wrong_configs(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """What must be set, by topic; nothing where the broker keeps no configuration."""
    wrong = {}
    for name, found in _describe(admin, wanted)[0].items():
        config = {key: value for key, value in wanted[name].items() if found and not _same(found.get(key), value)}
        if config:
            wrong[name] = config
    return wrong


def _broker_error(what: str, error: KafkaException) -> BrokerError:
    reason = error.args[0]
    said = reason.str() if isinstance(reason, KafkaError) else reason
    return BrokerError(f"{what}: {said}", "Is it up, and is that its address?")

"""A worker process: its roles, its health over HTTP, its end in order."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import disable_created_metrics

from incidents.rules.book import RuleBook
from integrations.health_http import HealthServer, telemetry_routes
from integrations.kafka.process import end_within
from integrations.project.sink import Sink
from integrations.telemetry import Telemetry
from metrics_ai.config import Config
from metrics_ai.logs import set_up_logs
from metrics_ai.precompile import precompile_detect, precompile_ingest
from metrics_ai.ready_file import write_ready_file
from metrics_ai.routing_files import RoutingFile

if TYPE_CHECKING:
    from metrics_ai.deliverer import Deliverer

LOG = logging.getLogger("metrics_ai.worker")
STAGES: Final = ("detect", "burn", "decide", "route", "notify")
# An orderly stop takes 15 s at most; what is not over then hangs.
LAST_RESORT_S: Final = 18.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the command line says of a worker.

    Parameters
    ----------
    port
        Of its health pages; 0 takes a free one.
    ready_file
        Where to write the port.
    log_file
        Where to log, instead of standard error.
    """

    port: int
    ready_file: Path | None = None
    log_file: Path | None = None


class Http(Protocol):
    """A server of a worker's port."""

    port: int

    @property
    def url(self) -> str:
        """Where it listens."""


@dataclass
class _Failure:
    error: BaseException | None = None


def run_worker_process(roles: Sequence[str], config: Config, options: WorkerOptions) -> None:
    """Run roles until SIGTERM, SIGINT, or until one fails.

    Raises
    ------
    MetricsAIError
        If a port is taken, a file cannot be written, or a role fails in a way that we know; the rest is logged, and
        ends the process with 1.
    """
    name = ",".join(roles)
    set_up_logs(config.log.level, config.log.format, {"role": name}, options.log_file)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    telemetry = Telemetry(name)
    for role in roles:
        telemetry.set_ready(role, False)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop_for_certain(stop))
    with _http(roles, config, telemetry, options.port) as server:
        if options.ready_file:
            write_ready_file(options.ready_file, {"pid": os.getpid(), "port": server.port})
        LOG.info("started", extra={"roles": name, "http": server.url, "broker": config.kafka.bootstrap})
        try:
            _run(roles, config, telemetry, stop)
        except BaseException:
            LOG.exception("a role failed")
            raise
        finally:
            if options.ready_file:
                options.ready_file.unlink(missing_ok=True)
    LOG.info("ended")


def _http(roles: Sequence[str], config: Config, telemetry: Telemetry, port: int) -> AbstractContextManager[Http]:
    """What the worker's port serves: its health, and the API where that is one of its roles."""
    if "console" in roles:
        from metrics_ai.console_role import console_http  # noqa: PLC0415  # FastAPI takes a second

        return console_http(config, telemetry, config.http.host, port)
    return HealthServer(telemetry_routes(telemetry), config.http.host, port)


def _stop_for_certain(stop: threading.Event) -> None:
    if not stop.is_set():
        end_within(LAST_RESORT_S)
    stop.set()


def _run(roles: Sequence[str], config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    """Stages in the main thread, which their event loop wants; the others each in a thread of its own."""
    failure = _Failure()
    runners = {"ingest": _run_ingest, "collector": _run_collector, "project": _run_project, "console": _run_console}
    threads = [
        threading.Thread(
            target=_guarded, args=(runners[role], config, telemetry, stop, failure), name=role, daemon=True
        )
        for role in roles
        if role in runners
    ]
    for thread in threads:
        thread.start()
    try:
        _run_stages([role for role in roles if role in STAGES], config, telemetry, stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failure.error is not None:
        raise failure.error


def _guarded(
    run: Callable[[Config, Telemetry, threading.Event], None],
    config: Config,
    telemetry: Telemetry,
    stop: threading.Event,
    failure: _Failure,
) -> None:
    """Run a role; what ends it ends the process, which is started again by whoever supervises it."""
    try:
        run(config, telemetry, stop)
    except BaseException as error:  # noqa: BLE001  # handed to the main thread, which raises it
        failure.error = error
    finally:
        stop.set()


def _run_stages(roles: Sequence[str], config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    if not roles:
        stop.wait()
        return
    # Faust takes a second to import, and only stages need it.
    from agents.worker import Holdings, WorkerSettings, run_worker  # noqa: PLC0415

    if "detect" in roles:
        # Before it joins: a compiler in its event loop would cost the worker its place in the group.
        precompile_detect()
    settings = WorkerSettings(config.kafka, config.checkpoint, config.ticks, config.detect, config.decide, config.slo)
    if {"burn", "decide"}.intersection(roles):
        settings = replace(settings, runbooks=_runbooks(config))
    if "decide" in roles:
        settings = replace(settings, rules=_rules(config))
    holdings = Holdings()
    if "burn" in roles:
        _announce_objectives(config, lambda: holdings.has("burn", 0), stop)
    if "route" in roles:
        file = RoutingFile(config.routing)
        settings = replace(
            settings, routing=file.config, dispatch=config.dispatch.model_copy(update={"tenant": config.tenant})
        )
        _announce_routes(config, file, lambda: holdings.has("route", 0), stop)
    if "notify" in roles:
        settings = replace(settings, outbox=config.outbox, deliver=_deliverer(config))
    run_worker([role for role in STAGES if role in roles], settings, telemetry, stop, holdings=holdings)


def _deliverer(config: Config) -> Deliverer:
    from metrics_ai.deliverer import Deliverer  # noqa: PLC0415  # clients of HTTP
    from metrics_ai.links import feedback_link  # noqa: PLC0415

    return Deliverer(RoutingFile(config.routing), config.console.external_url, feedback_link(config.console))


def _runbooks(config: Config) -> Callable[[Mapping[str, str]], list[str]]:
    """Names the runbooks that fit an alert's labels; those that cannot be read are told, and left out."""
    from metrics_ai.runbook_files import runbook_library  # noqa: PLC0415

    library = runbook_library(config)
    for problem in library.problems:
        LOG.warning("a runbook is left out", extra={"problem": str(problem)})
    return lambda labels: [one.id for one in library.fitting(labels)]


def _rules(config: Config) -> RuleBook:
    """The alert rules; a file of them that does not hold is told, and left out."""
    from metrics_ai.rule_files import rule_library  # noqa: PLC0415

    library = rule_library(config.rules)
    for problem in library.problems:
        LOG.warning("a file of alert rules is left out", extra={"problem": str(problem)})
    return library.book


def _announce_objectives(config: Config, is_ours: Callable[[], bool], stop: threading.Event) -> None:
    """Let a thread tell all partitions what the files of objectives say, for as long as the worker runs."""
    from metrics_ai.slo_publishing import SettingsTopic, SloPublisher  # noqa: PLC0415

    publisher = SloPublisher(config, SettingsTopic(config.kafka), is_ours)
    threading.Thread(target=publisher.run, args=(stop,), name="objectives", daemon=True).start()


def _announce_routes(config: Config, file: RoutingFile, is_ours: Callable[[], bool], stop: threading.Event) -> None:
    """Let a thread tell the route stage what the file of routes says, for as long as the worker runs."""
    from metrics_ai.routing_publishing import RoutingPublisher  # noqa: PLC0415

    publisher = RoutingPublisher(file, config.routing.file, config.kafka, is_ours)
    threading.Thread(target=publisher.run, args=(stop,), name="routes", daemon=True).start()


def _run_ingest(config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    from integrations.gateway.gateway import Gateway  # noqa: PLC0415  # decoders of every format

    precompile_ingest()
    Gateway(config.ingest, config.kafka, telemetry).run(stop)


def _run_collector(config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    from integrations.collector import Collector  # noqa: PLC0415

    Collector(config.collector, config.kafka, telemetry).run(stop)


def _run_console(config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    """The server runs already: there is nothing to be made ready for."""
    del config
    telemetry.set_ready("console")
    stop.wait()


def _run_project(config: Config, telemetry: Telemetry, stop: threading.Event) -> None:
    from integrations.project import Projector  # noqa: PLC0415

    Projector(_sinks(config, telemetry), config.kafka, telemetry).run(stop)


def _sinks(config: Config, telemetry: Telemetry) -> list[Sink]:
    """What the role ``project`` feeds."""
    from integrations.history import HistorySink  # noqa: PLC0415  # Parquet
    from integrations.prometheus import AlertMetrics, PageLoad, SloMetrics, SloRemoteWrite  # noqa: PLC0415

    sinks: list[Sink] = [SloMetrics(telemetry, config.slo.status_every_s)]
    sinks += [AlertMetrics(telemetry), PageLoad(telemetry, config.records.shift_starts_h)]
    if config.slo.remote_write.url is not None:
        sinks.append(SloRemoteWrite(config.slo.remote_write, telemetry, config.slo.status_every_s))
    if config.history.folder is not None:
        sinks.append(HistorySink(config.history, telemetry))
    if config.serving.url is not None:
        from integrations.serving.sink import ServingSink  # noqa: PLC0415  # the client of Redis

        sinks.append(ServingSink(config.serving, telemetry))
    if config.records.url is not None:
        from integrations.records.sink import RecordsSink  # noqa: PLC0415  # SQLAlchemy takes half a second

        sinks.append(RecordsSink(config.records, telemetry))
    return sinks

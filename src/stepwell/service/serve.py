"""One service from start to end: stores, ports, service.json, agent; and at SIGTERM all of it in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import uvicorn

from ..errors import PortBusy, StoreUnavailable
from ..home import Home
from ..launch import agent_is_there, start_agent
from ..query.local import LocalReader
from ..query.retention import LocalRetention
from ..settings import Settings
from ..stores.blobs import BlobStore, open_blobs
from ..stores.ingest import Ingest
from ..stores.local import local_urls
from ..stores.metrics import MetricStore, open_metrics
from ..stores.retention.rules import store_id
from ..v1 import ingest_pb2_grpc
from ..version import VERSION
from .app import Info, create_app
from .auth import GrpcGuard, Token, load_token, loopback_names
from .batcher import Batcher
from .figures import Figures
from .grpc_blobs import BlobService
from .grpc_ingest import IngestService
from .heap import keep_few_heaps
from .http_blobs import blob_router
from .http_ingest import ingest_router
from .live import Live, live_router
from .page import login_router, static_router
from .page_api import page_router
from .ports import GRPC_PORT, HTTP_PORT, PORT_TRIES, Address, bind, parse_address, shown_url
from .raw_body import Connection
from .reading import reading_router
from .retention_api import retention_router
from .service_file import remove_service_file, write_service_file
from .sessions import Sessions
from .stopping import Stopper
from .stops import StopBoard

__all__ = ["Running", "serve"]

log = logging.getLogger("stepwell.service")

_LOOPBACK = "127.0.0.1"
_LOOK_S = 0.5  # between two looks whether an agent of the home still holds its mailbox
_GIVING_UP_S = 5.0  # what an agent may take to end, beyond its linger
_GRACE_S = 5  # for requests in flight at SIGTERM; blocks already taken are always finished


@dataclass(frozen=True)
class Running:
    """What `on_ready` is told."""

    url: str
    grpc: str
    token_file: Path
    metrics: str
    blobs: str
    boot: str


def serve(
    home: Home,
    *,
    http: str | None = None,
    grpc: str | None = None,
    metrics_url: str | None = None,
    blobs_url: str | None = None,
    token_file: Path | None = None,
    advertise_grpc: str | None = None,
    settings: Settings | None = None,
    agent: bool = True,
    on_ready: Callable[[Running], None] | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT; then writes and acks what it has taken, and returns.

    http, grpc: HOST:PORT; None is 127.0.0.1:7450 and 7451, or the next free ones. metrics_url, blobs_url: the
    stores; None is the embedded ones of the home. agent: start one, so that waiting spools are taken in.
    Raises StoreBusy, StoreTooNew, StoreError, PortBusy, HomeError, SettingsError, each before anything is served.
    """
    keep_few_heaps()
    home.make(home.store)
    settings = settings or Settings.load()
    token = load_token(home, token_file)
    default_metrics, default_blobs = local_urls(home)
    metrics = open_metrics(metrics_url or default_metrics)
    try:
        metrics.migrate()
        blobs = open_blobs(blobs_url or default_blobs)
        blobs.prepare()
        blobs.register(store_id(metrics))
        service = _Service(
            home=home,
            settings=settings,
            token=token,
            metrics=metrics,
            blobs=blobs,
            token_file=token_file or home.token_file,
        )
        asyncio.run(service.run(http, grpc, advertise_grpc, agent, on_ready))
    finally:
        metrics.close()


class _Service:
    def __init__(
        self, *, home: Home, settings: Settings, token: Token, metrics: MetricStore, blobs: BlobStore, token_file: Path
    ) -> None:
        self._home = home
        self._settings = settings
        self._token = token
        self._token_file = token_file
        self._metrics = metrics
        self._blobs = blobs
        self._boot = secrets.token_hex(8)
        self._figures = Figures()
        self._ingest = Ingest(metrics, blobs, settings, self._figures.stages)
        self._batcher = Batcher(self._ingest, settings, self._figures)
        self._board = StopBoard()
        self._live = Live(metrics)
        self._streams = IngestService(
            batcher=self._batcher,
            stops=self._board,
            settings=settings,
            figures=self._figures,
            boot=self._boot,
            version=VERSION,
        )

    async def run(
        self,
        http: str | None,
        grpc_address: str | None,
        advertise_grpc: str | None,
        agent: bool,
        on_ready: Callable[[Running], None] | None,
    ) -> None:
        stop = _stop_signals()
        listener = bind(parse_address(http) if http else None, _LOOPBACK, HTTP_PORT)
        host, port = listener.getsockname()[:2]
        address = Address(host, port)
        try:
            grpc_server, grpc_bound = await self._start_grpc(
                parse_address(grpc_address) if grpc_address else None, host
            )
        except BaseException:
            listener.close()
            raise
        # A client on another machine puts the host of the URL that it knows in place of an empty one.
        advertised = advertise_grpc or (f":{grpc_bound.port}" if grpc_bound.is_wildcard else str(grpc_bound))
        self._batcher.start()
        self._figures.watch_loop()
        web = _Web(self._config(address, advertised))
        web_task = asyncio.create_task(web.serve(sockets=[listener]))
        try:
            await _started(web, web_task)
            running = Running(
                url=shown_url(address),
                grpc=str(grpc_bound),
                token_file=self._token_file,
                metrics=self._metrics.where,
                blobs=self._blobs.where,
                boot=self._boot,
            )
            write_service_file(
                self._home.service_file, url=running.url, grpc=advertised, token=self._token, boot=self._boot
            )
            log.info("serving %s, gRPC %s, metrics in %s, blobs in %s", *_shown(running))
            if loopback_names(address.host) is None:
                log.warning("listening on %s without TLS: the token crosses the network in the clear", address)
            if on_ready:
                on_ready(running)
            if agent:
                await self._bring_an_agent(stop)
            await stop.wait()
            log.info("shutting down: writing what has been taken")
        finally:
            self._streams.stop_reading()
            self._live.close()
            web.should_exit = True
            await self._batcher.close()
            await grpc_server.stop(_GRACE_S)
            await web_task
            remove_service_file(self._home.service_file, self._boot)

    async def _bring_an_agent(self, stop: asyncio.Event) -> None:
        """So that what waits in the home is taken in.

        One that holds the mailbox may be giving up at this moment, not having seen us: it either lets go within its
        linger, and another is started, or has found us and goes on.
        """
        until = asyncio.get_running_loop().time() + self._settings.agent_linger_s + _GIVING_UP_S
        while agent_is_there(self._home) and asyncio.get_running_loop().time() < until:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_S)
                return
        if not start_agent(self._home):
            log.warning("no agent could be started; `stepwell sync` takes in what waits in %s", self._home.spool)

    def _config(self, address: Address, advertised: str) -> uvicorn.Config:
        sessions = Sessions(self._token.reveal())
        stopper = Stopper(self._metrics, self._batcher, self._board, self._settings)
        app = create_app(
            info=Info(version=VERSION, grpc=advertised, boot=self._boot),
            routers=[
                ingest_router(
                    batcher=self._batcher,
                    ingest=self._ingest,
                    stopper=stopper,
                    settings=self._settings,
                    figures=self._figures,
                    boot=self._boot,
                ),
                blob_router(self._blobs, self._settings, self._figures),
                reading_router(LocalReader(self._metrics, self._blobs, where=self._metrics.where)),
                page_router(self._metrics),
                retention_router(LocalRetention(self._metrics, self._blobs, self._settings)),
                live_router(self._live),
                login_router(sessions, self._token),
                static_router(VERSION),
            ],
            check=self._check,
            figures=self._figures,
            token=self._token,
            hosts=loopback_names(address.host),
            sessions=sessions,
        )
        return uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )

    def _check(self) -> None:
        if not self._metrics.ping():
            log.warning("not ready: %s does not answer", self._metrics.where)
            raise StoreUnavailable(f"{self._metrics.where} does not answer")
        self._blobs.check()

    async def _start_grpc(self, asked: Address | None, host: str) -> tuple[grpc.aio.Server, Address]:
        for _ in range(PORT_TRIES):
            # gRPC binds by itself and does not say why it could not: a socket of ours finds out, and is closed again.
            probe = bind(asked, host, GRPC_PORT)
            address = Address(*probe.getsockname()[:2])
            probe.close()
            server = self._grpc_server()
            try:
                if server.add_insecure_port(str(address)):
                    await server.start()
                    return server, address
            except RuntimeError:
                log.debug("%s was taken between two looks", address)
            if asked is not None and asked.port:
                break
        raise PortBusy(f"gRPC cannot listen at {asked or host}; name a free address with --grpc")

    def _grpc_server(self) -> grpc.aio.Server:
        limit = 4 * self._settings.block_bytes_max  # somewhat larger than allowed is answered TOO_LARGE, not cut off
        server = grpc.aio.server(
            interceptors=[GrpcGuard(self._token)],
            options=[
                ("grpc.so_reuseport", 0),  # a second service must fail here, not share the port
                ("grpc.max_receive_message_length", limit),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                # Left to itself the window grows with the line's rate, which on a fast one is memory and no gain.
                ("grpc.http2.bdp_probe", 0),
                ("grpc.http2.lookahead_bytes", self._settings.grpc_window_bytes),
            ],
        )
        ingest_pb2_grpc.add_IngestServicer_to_server(self._streams, server)
        BlobService(self._blobs, self._ingest, self._settings, self._figures).add_to(server)
        return server


class _Web(uvicorn.Server):
    """Signals are the service's: its HTTP half ends when the whole does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _started(web: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not web.started:
        if task.done():
            task.result()
            raise PortBusy("the HTTP side ended before it was up; see the log")
        await asyncio.sleep(0.01)


def _stop_signals() -> asyncio.Event:
    """Set at the first SIGTERM or SIGINT. At the second the process ends at once: what is not acked is sent again."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop


def _shown(running: Running) -> tuple[str, str, str, str]:
    return running.url, running.grpc, running.metrics, running.blobs

"""One service for a whole module: it starts in a second or two, and no test here ends it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_client import HttpClient
from serving import Service, serving
from stream_client import StreamClient, credentials
from support import end_processes_of


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("service") / "home"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(clean):
            patch.delenv(name)
        with serving(home, env={"STEPWELL_AGENT_LINGER_S": "0.5", "STEPWELL_FLUSH_INTERVAL_S": "0.02"}) as service:
            yield service
    end_processes_of(home)


@pytest.fixture
def http(service: Service) -> HttpClient:
    return HttpClient(service.home)


@pytest.fixture
def stream(service: Service) -> Iterator[StreamClient]:
    with StreamClient(*credentials(service.home)) as client:
        yield client


@pytest.fixture
def target(service: Service) -> str:
    return credentials(service.home)[0]


@pytest.fixture
def log(service: Service) -> Path:
    return service.home / "serve.log"

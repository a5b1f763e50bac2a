"""deploy/ held to what there is without a container engine: schemas, linters, and our own command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from stepwell.cli.main import COMMANDS
from stepwell.home import Home
from stepwell.service.auth import load_token
from stepwell.settings import Settings
from stepwell.stores.s3_address import S3Address
from stepwell.stores.server_address import ServerAddress
from support import REQUIRE_ALL

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
ROOT = DEPLOY.parent
KUBERNETES = sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
SERVE = {command.name: command for command in COMMANDS}["serve"]
KUBERNETES_VERSIONS = ("1.30.0", "1.37.0")  # the oldest and the newest that are claimed


def tool(name: str) -> str:
    """A program that `pip install .[test]` brings where there is one for this machine."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        if REQUIRE_ALL:
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def passes(*command: str, cwd: Path = DEPLOY, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stepwell_variables(text: str) -> set[str]:
    return set(re.findall(r"\bSTEPWELL_[A-Z_]+\b", text))


def known_variables() -> set[str]:
    options = {str(option.envvar) for option in SERVE.params if isinstance(option, click.Option) and option.envvar}
    settings = {"STEPWELL_" + name.upper() for name in Settings._fields}
    others = {"STEPWELL_HOME", "STEPWELL_SERVER", "STEPWELL_TOKEN", "STEPWELL_RUN_ID", "STEPWELL_CLICKHOUSE_PASSWORD"}
    return options | settings | others


# --- every option by a variable


def test_every_option_of_the_service_has_a_variable() -> None:
    for option in SERVE.params:
        assert isinstance(option, click.Option)
        assert str(option.envvar).startswith("STEPWELL_"), option.name
        assert str(option.envvar) in (SERVE.help or ""), f"the help does not name {option.envvar}"


def test_the_service_is_told_everything_by_variables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "STEPWELL_HTTP": "0.0.0.0:1", "STEPWELL_GRPC": "0.0.0.0:2", "STEPWELL_ADVERTISE_GRPC": "there:3",
        "STEPWELL_METRICS_URL": "clickhouse://db", "STEPWELL_BLOBS_URL": "s3://bucket",
        "STEPWELL_TOKEN_FILE": str(home / "a-token"),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    told: dict[str, Any] = {}
    monkeypatch.setattr("stepwell.service.serve", lambda _, **options: told.update(options))
    SERVE.main([], standalone_mode=False)
    told.pop("on_ready")
    assert told == {
        "http": "0.0.0.0:1", "grpc": "0.0.0.0:2", "advertise_grpc": "there:3", "metrics_url": "clickhouse://db",
        "blobs_url": "s3://bucket", "token_file": home / "a-token",
    }  # fmt: skip


# --- the Dockerfile


def instructions() -> Iterator[tuple[str, str]]:
    """(name, the rest) of each, without comments."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            yield name, rest


def test_the_dockerfile_passes_its_linter() -> None:
    passes(tool("hadolint"), "--failure-threshold", "style", "Dockerfile")


def test_the_image_is_made_of_what_there_is() -> None:
    kept = [
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = [
        path for name, rest in instructions() if name == "COPY" and "--from" not in rest for path in rest.split()[:-1]
    ]
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
    assert sorted(kept) == sorted(copied), "the ignore file lets in what is copied, and nothing else"


def test_the_image_runs_as_nobody_in_particular_and_tells_its_health() -> None:
    found = dict(instructions())
    assert found["USER"].split(":")[0].isdigit()
    assert found["USER"] != "0"
    assert "/healthz" in found["HEALTHCHECK"]
    assert json.loads(found["ENTRYPOINT"]) == ["stepwell"]
    variables = dict(one.split("=", 1) for one in found["ENV"].split())
    assert stepwell_variables(found["ENV"]) <= known_variables()
    ports = {variables[name].rpartition(":")[2] for name in ("STEPWELL_HTTP", "STEPWELL_GRPC")}
    assert set(found["EXPOSE"].split()) == ports
    extras = set(re.findall(r"\[([\w,]+)\]", (DEPLOY / "Dockerfile").read_text()))
    assert extras == {"server,grafana"}


# --- compose


def composed(env_file: Path = DEPLOY / ".env.example") -> dict[str, Any]:
    """As docker compose itself reads it: checked by its schema, variables filled in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
    text = passes(tool("docker-compose"), "--env-file", str(env_file), "config", "--format", "json", env=environment)
    found: dict[str, Any] = json.loads(text)
    return found


def test_compose_reads_its_file_with_the_example_of_settings() -> None:
    services = composed()["services"]
    assert set(services) == {"clickhouse", "minio", "stepwell", "prometheus", "grafana"}
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped"
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), volume
                assert volume["read_only"], volume
        for other in service.get("depends_on", {}):
            assert other in services
    assert not [name for name, one in services.items() if one["image"].endswith(":latest") or ":" not in one["image"]]


@pytest.mark.parametrize(
    "missing", ["STEPWELL_TOKEN", "CLICKHOUSE_PASSWORD", "MINIO_ROOT_PASSWORD", "GRAFANA_ADMIN_PASSWORD"]
)
def test_compose_starts_nothing_without_a_secret(tmp_path: Path, missing: str) -> None:
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    (tmp_path / "env").write_text("\n".join(line for line in lines if not line.startswith(f"{missing}=")))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [tool("docker-compose"), "--env-file", str(tmp_path / "env"), "config", "--quiet"]
    done = subprocess.run(command, cwd=DEPLOY, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert missing in done.stderr


def test_compose_holds_no_secret_and_names_settings_that_there_are() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    for line in text.splitlines():
        if re.search(r"PASSWORD|SECRET|TOKEN", line.split("#")[0]) and ": " in line and "http" not in line:
            assert "${" in line or "stepwell_token" in line, line
    assert stepwell_variables(text) <= known_variables()
    token = yaml.safe_load(text)["secrets"]["stepwell_token"]
    assert token == {"environment": "STEPWELL_TOKEN"}


def test_the_example_token_is_one_that_the_service_takes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dict(
        line.split("=", 1) for line in (DEPLOY / ".env.example").read_text().splitlines() if re.match(r"\w+=", line)
    )
    monkeypatch.setenv("STEPWELL_TOKEN", settings["STEPWELL_TOKEN"])
    load_token(Home())


def test_prometheus_scrapes_under_the_name_that_the_dashboard_asks_for() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    health = (DEPLOY / "grafana" / "dashboards" / "health.json").read_text()
    assert f'job=\\"{job["job_name"]}\\"' in health
    assert job["authorization"]["credentials_file"] == "/run/secrets/stepwell_token"


# --- Kubernetes


def manifests() -> dict[str, dict[str, Any]]:
    """By kind."""
    return {
        one["kind"]: one
        for path in KUBERNETES
        for one in yaml.safe_load_all(path.read_text())
        if one["apiVersion"] != "kustomize.config.k8s.io/v1beta1"
    }


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_manifests_pass_the_schema_of_kubernetes(version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for kind, manifest in manifests().items():
        validate.validate(manifest, version, strict=True)
        assert kind


def test_kustomize_names_the_files_that_there_are() -> None:
    folder = DEPLOY / "kubernetes"
    found = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(found) == {"apiVersion", "kind", "namespace", "labels", "resources", "images"}
    assert sorted(found["resources"]) == sorted(
        path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml"
    )
    images = {one["image"].split(":")[0] for one in containers(manifests()["Deployment"])}
    assert {one["name"] for one in found["images"]} == images


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest["spec"]["template"]["spec"]["containers"]
    return found


def test_manifests_fit_each_other() -> None:
    its = manifests()
    pods = its["Deployment"]["spec"]["template"]
    labels = pods["metadata"]["labels"].items()
    assert its["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert its["Service"]["spec"]["selector"].items() <= labels
    assert its["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    (container,) = containers(its["Deployment"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 7450, "grpc": 7451}
    assert {port["name"]: port["targetPort"] for port in its["Service"]["spec"]["ports"]} == {
        name: name for name in ports
    }
    backend = its["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": its["Service"]["metadata"]["name"], "port": {"name": "http"}}
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"), ("startupProbe", "/healthz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}
    named = {next(iter(one.values()))["name"] for one in container["envFrom"]}
    assert named == {its["Secret"]["metadata"]["name"], its["ConfigMap"]["metadata"]["name"]}


def test_manifests_name_settings_that_there_are() -> None:
    for path in KUBERNETES:
        assert stepwell_variables(path.read_text()) <= known_variables(), path


def test_stores_are_named_by_addresses_that_the_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    of_kubernetes = {**manifests()["ConfigMap"]["data"], **manifests()["Secret"]["stringData"]}
    of_compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["stepwell"]["environment"]
    for settings in (of_kubernetes, of_compose):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STEPWELL_CLICKHOUSE_PASSWORD"):
            monkeypatch.setenv(name, settings[name])
        metrics, blobs = settings["STEPWELL_METRICS_URL"], settings["STEPWELL_BLOBS_URL"]
        assert ServerAddress.parse(metrics).password == settings["STEPWELL_CLICKHOUSE_PASSWORD"]
        assert S3Address.parse(blobs).bucket == "stepwell"


def test_a_training_job_outlives_the_wait_of_its_last_acks() -> None:
    job = manifests()["Job"]
    assert job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > Settings().finish_timeout_dying_s
    (container,) = containers(job)
    named = {one["name"] for one in container["env"]}
    assert {"STEPWELL_SERVER", "STEPWELL_TOKEN", "STEPWELL_RUN_ID", "RANK", "WORLD_SIZE"} <= named


# --- our own command line


def command_lines() -> Iterator[list[str]]:
    """What the image is started with."""
    yield json.loads(dict(instructions())["CMD"])
    yield list(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["stepwell"]["command"])
    for container in containers(manifests()["Deployment"]):
        yield list(container["args"])


@pytest.mark.parametrize("line", list(command_lines()), ids=" ".join)
def test_every_command_line_is_one_of_ours(line: list[str]) -> None:
    command = {one.name: one for one in COMMANDS}[line[0]]
    command.make_parser(click.Context(command)).parse_args(line[1:])

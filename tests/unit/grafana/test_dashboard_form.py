"""The form of dashboards and provisioning: what Grafana reads, and that deploy/grafana is what the code writes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from grafana_backend import panels_of, sql_targets
from stepwell.cli import main
from stepwell.errors import StoreError
from stepwell.grafana import PrometheusSource, source_of, write_provisioning
from stepwell.service.figures import Figures

if sys.version_info < (3, 11):
    pytest.skip("the dashboards' SDK needs Python 3.11", allow_module_level=True)

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from stepwell.grafana.dashboards import SCHEMA_VERSION, dashboards
from stepwell.grafana.target import register

ROOT = Path(__file__).resolve().parents[3]
TEXTS = dashboards()
BOARDS = {name: json.loads(text) for name, text in TEXTS.items()}
# As deploy/compose.yaml has them.
METRICS, PROMETHEUS, SEEN_AT = (
    "clickhouse://grafana@clickhouse:8123/stepwell",
    "http://prometheus:9090",
    "/etc/stepwell",
)


@pytest.mark.parametrize("board", TEXTS.values(), ids=TEXTS)
def test_a_dashboard_has_nothing_that_grafanas_models_do_not_know(board: str) -> None:
    register_default_plugins()
    register()
    read = Dashboard.from_json(json.loads(board))
    assert json.loads(JSONEncoder().encode(read)) == json.loads(board)


def test_dashboards_are_found_by_fixed_uids() -> None:
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        "fleet": "stepwell-fleet",
        "run": "stepwell-run",
        "compare": "stepwell-compare",
        "health": "stepwell-health",
    }


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_and_queries_are_told_apart(board: dict[str, Any]) -> None:
    assert board["schemaVersion"] == SCHEMA_VERSION
    assert "id" not in board
    panels = list(panels_of(board))
    assert len(panels) == len({panel["id"] for panel in panels})
    for panel in panels:
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names)), panel["title"]
        assert panel["datasource"]["uid"] in ("stepwell-clickhouse", "stepwell-prometheus")
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    for _, target in sql_targets(board):
        assert target["editorType"] == "sql"
        assert target["queryType"] == {0: "timeseries", 1: "table", 2: "logs"}[target["format"]]


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_do_not_lie_over_each_other(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_links_name_dashboards_and_variables_that_there_are(board: dict[str, Any]) -> None:
    text = json.dumps(board)
    for uid, query in re.findall(r'"/d/([\w-]+)\?([^"]*)"', text):
        (other,) = [one for one in BOARDS.values() if one["uid"] == uid]
        names = {one["name"] for one in other["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= names
        assert set(re.findall(r"\$\{(\w+):queryparam\}", query)) <= names


def test_service_health_asks_for_figures_that_the_service_gives() -> None:
    given = Figures().text().decode()
    names = set(re.findall(r"^# TYPE (\w+) ", given, re.MULTILINE))
    asked = {
        name
        for panel in panels_of(BOARDS["health"])
        for target in panel["targets"]
        for name in re.findall(r"stepwell_\w+", target["expr"])
    }
    assert asked
    assert {re.sub(r"_bucket$", "", name) for name in asked} <= names


# --- provisioning

# What Grafana documents of these files, with nothing else allowed.
DATASOURCE_KEYS = {"name", "uid", "type", "access", "url", "editable", "jsonData", "secureJsonData"}
CLICKHOUSE_KEYS = {
    "version", "host", "port", "protocol", "secure", "username", "defaultDatabase", "tlsSkipVerify", "tlsAuth",
    "tlsAuthWithCACert", "customSettings",
}  # fmt: skip
PROVIDER_KEYS = {
    "name", "folder", "folderUid", "type", "disableDeletion", "allowUiUpdates", "updateIntervalSeconds", "options",
}  # fmt: skip


def written(folder: Path, url: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the one ClickHouse data source, the one provider)"""
    write_provisioning(folder, source_of(url, {}), **options)
    sources = yaml.safe_load((folder / "provisioning/datasources/stepwell.yaml").read_text())
    providers = yaml.safe_load((folder / "provisioning/dashboards/stepwell.yaml").read_text())
    assert (sources["apiVersion"], providers["apiVersion"]) == (1, 1)
    for one in sources["datasources"]:
        assert set(one) <= DATASOURCE_KEYS
    (provider,) = providers["providers"]
    assert set(provider) == PROVIDER_KEYS
    (clickhouse,) = [one for one in sources["datasources"] if one["type"] == "grafana-clickhouse-datasource"]
    assert set(clickhouse["jsonData"]) <= CLICKHOUSE_KEYS
    return clickhouse, provider


def test_a_password_is_a_reference_to_grafanas_environment(tmp_path: Path) -> None:
    source, _ = written(tmp_path, "clickhouse://re%24der:sec%2Fret@db.lab:8443/runs?secure=1&ca=/etc/ca.pem")
    assert source["secureJsonData"] == {
        "password": "${STEPWELL_CLICKHOUSE_PASSWORD}",
        "tlsCACert": "$__file{/etc/ca.pem}",
    }
    assert source["jsonData"] == {
        "version": "4.14.0", "host": "db.lab", "port": 8443, "protocol": "http", "secure": True,
        "username": "re$$der", "defaultDatabase": "runs", "tlsAuthWithCACert": True,
    }  # fmt: skip
    for path in tmp_path.rglob("*.*"):
        assert "sec/ret" not in path.read_text()


def test_a_cluster_answers_each_run_from_its_own_shard(tmp_path: Path) -> None:
    source, _ = written(tmp_path, "clickhouse://one,two/runs?cluster=main&cert=/c.pem&key=/k.pem")
    assert source["jsonData"]["customSettings"] == [{"setting": "distributed_product_mode", "value": "local"}]
    assert source["secureJsonData"]["tlsClientKey"] == "$__file{/k.pem}"


def test_dashboards_are_looked_for_where_grafana_sees_them(tmp_path: Path) -> None:
    _, provider = written(tmp_path, "clickhouse://db")
    assert provider["options"] == {"path": f"{tmp_path}/dashboards"}
    _, provider = written(tmp_path, "clickhouse://db", seen_at="/mounted/")
    assert provider["options"] == {"path": "/mounted/dashboards"}
    found = {path.stem for path in (tmp_path / "dashboards").glob("*.json")}
    assert found == set(BOARDS) - {"health"}, "without Prometheus there is nothing to ask for health"


@pytest.mark.parametrize("url", [None, "chdb:///var/lib/stepwell"])
def test_the_embedded_store_is_refused_with_what_to_do(url: str | None) -> None:
    with pytest.raises(StoreError, match="chDB lives inside the service") as refused:
        source_of(url, {})
    assert "stepwell serve --metrics clickhouse://" in str(refused.value)


def test_the_compose_files_folder_is_what_the_code_writes(tmp_path: Path) -> None:
    """After a change: stepwell grafana deploy/grafana --metrics ... as CONTRIBUTING.md says."""
    source = source_of(METRICS, {})
    written = write_provisioning(tmp_path, source, PrometheusSource(PROMETHEUS), seen_at=SEEN_AT)
    kept = ROOT / "deploy" / "grafana"
    names = {path.relative_to(tmp_path) for path in written}
    assert names == {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()}
    for name in names:
        assert (kept / name).read_text() == (tmp_path / name).read_text(), name


# --- the command


def grafana(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["grafana", *arguments], env=env)


def test_the_command_says_what_it_wrote_and_what_grafana_needs(home: Path, tmp_path: Path) -> None:
    done = grafana(str(tmp_path / "out"), "--prometheus", PROMETHEUS, env={"STEPWELL_METRICS_URL": METRICS})
    assert done.exit_code == 0, done.output
    for text in ("run.json", "health.json", "grafana-clickhouse-datasource", "STEPWELL_CLICKHOUSE_PASSWORD"):
        assert text in done.output


def test_the_command_refuses_the_embedded_store(home: Path, tmp_path: Path) -> None:
    done = grafana(str(tmp_path / "out"))
    assert done.exit_code == 1
    assert "chDB" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = grafana(str(tmp_path / "file" / "out"), "--metrics", METRICS)
    assert done.exit_code == 1
    assert "cannot write" in done.stderr


def test_without_the_sdk_the_line_that_brings_it_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "stepwell.grafana.dashboards")
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.builders.dashboard", None)
    done = grafana(str(tmp_path / "out"), "--metrics", METRICS)
    assert done.exit_code == 1
    assert "pip install 'stepwell[grafana]'" in done.stderr

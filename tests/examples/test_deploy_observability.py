"""Alert rules and dashboard: they ask for what a real sidecar tells, and promtool agrees."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from frontdesk_sidecar.metrics import SHUT_REASONS
from frontdesk_sidecar.simulator import SimulatorConfig
from frontdesk_sidecar.simulator.server import running

yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "observability"
RULES = yaml.safe_load((PLACE / "rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((PLACE / "dashboard.json").read_text())
#: Of each series besides its own: what Prometheus adds.
ADDED = {"job", "instance"}
STARTED = re.compile(r"started http=(\S+)")
KEY = "key-of-the-scrape"
LINES = (
    {
        "type": "identify",
        "messageId": "1",
        "timestamp": "2026-11-20T12:00:00Z",
        "userId": "1",
        "traits": {"email": "jane.doe@example.com"},
        "context": {"event": "Logged In", "route": "POST /login"},
    },
    {
        "type": "counts",
        "timestamp": "2026-11-20T12:00:00Z",
        "counts": {"dropped.journal_full": 3, "identify.dropped.journal_denied": 1},
    },
    {"type": "nonsense"},
)


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels that ask for something."""
    return [one for one in DASHBOARD["panels"] if one["type"] != "row"]


def expressions() -> dict[str, str]:
    """Every PromQL expression of rules and dashboard by where it stands."""
    found = {one["alert"]: one["expr"] for one in RULES}
    for panel in panels():
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for one in DASHBOARD["annotations"]["list"]:
        found[one["name"]] = one["expr"]
    for one in DASHBOARD["templating"]["list"]:
        if one["type"] == "query":
            found[f"${one['name']}"] = one["definition"]
    # The templates of annotations ask as well.
    for rule in RULES:
        for asked in re.findall(r'printf "([^"]+)"', rule["annotations"]["description"]):
            if "frontdesk_" in asked:
                found[f"{rule['alert']} annotation"] = asked.replace("'", '"')
    return found


EXPRESSIONS = expressions()


def wait_for(ask: Any, within_s: float = 20.0) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + within_s
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def exposition() -> tuple[str, str]:
    """What a sidecar tells that has delivered, counted and rejected: as text, and OpenMetrics."""
    with tempfile.TemporaryDirectory() as name, running(SimulatorConfig()) as sap:
        place = Path(name)
        (place / "journal").mkdir()
        text = "".join(json.dumps(line) + "\n" for line in LINES)
        (place / "journal" / f"{time.time_ns():020d}-1-x.ndjson").write_text(text)
        (place / "key").write_text(KEY)
        config = place / "frontdesk.toml"
        config.write_text(
            f'[capture]\njournal = "{place}/journal"\n'
            f'[sap]\nbase_url = "{sap}"\nclient_id = "frontdesk"\nclient_secret = "secret"\n'
            f'[store]\npath = "{place}/store/frontdesk.db"\n'
            f'[http]\nport = 0\nkey_file = "{place}/key"\n'
        )
        log = place / "log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(config)]
            environment = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK")}
            sidecar = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        try:
            started = wait_for(lambda: STARTED.search(log.read_text()))
            with httpx.Client(base_url=started[1], trust_env=False) as client:
                assert client.get("/metrics").status_code == 401
                client.headers["authorization"] = f"Bearer {KEY}"

                def scrape() -> str | None:
                    text = client.get("/metrics").text
                    return text if 'outcome="delivered"' in text else None

                text = wait_for(scrape)
                wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
                answer = client.get("/metrics", headers={"accept": wanted})
                assert answer.headers["content-type"].startswith("application/openmetrics-text")
        finally:
            sidecar.terminate()
            sidecar.wait(15)
    return text, answer.text


@pytest.fixture(scope="module")
def metrics(exposition: tuple[str, str]) -> dict[str, set[str]]:
    """Series and their labels."""
    text, open_metrics = exposition
    assert list(openmetrics_families(open_metrics))  # type: ignore[no-untyped-call] # without types
    series: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            series.setdefault(sample.name, set()).update(sample.labels)
    return series


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_metric_and_label_exists(where: str, metrics: dict[str, set[str]]) -> None:
    """Names of metrics, and labels that are selected by, are those of a real sidecar."""
    expression = EXPRESSIONS[where]
    selectors = re.findall(r"\b(frontdesk_\w+|up)\b(?:\{(.*?)\})?", expression)
    assert selectors or where == "FrontdeskWatchdog"
    known = set(ADDED)
    for name, selector in selectors:
        assert name in metrics, name
        known |= metrics[name]
        for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', selector):
            assert label in metrics[name] | ADDED, f"{name}: {label}"
    for grouping in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        assert set(re.findall(r"\w+", grouping)) <= known, grouping
    for reasons in re.findall(r'reason=~?"([^"]+)"', expression):
        assert set(reasons.split("|")) <= set(SHUT_REASONS)


def test_every_metric_is_shown(metrics: dict[str, set[str]]) -> None:
    """The dashboard leaves nothing out that the sidecar tells."""
    shown = " ".join(EXPRESSIONS.values())
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics}
    assert [name for name in sorted(families) if name not in shown] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_say_what_to_do(rule: dict[str, Any]) -> None:
    """A severity, a summary, a description, and a runbook under a heading that exists."""
    assert rule["labels"]["severity"] in ("critical", "warning", "none")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    document, _, anchor = rule["annotations"]["runbook_url"].rpartition("/")[2].partition("#")
    text = (ROOT / "docs" / document).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
    assert anchor in anchors
    assert anchor == rule["alert"].lower()


def test_the_documents_name_every_alert() -> None:
    """And none that is not there."""
    text = (ROOT / "docs" / "observability.md").read_text()
    named = re.findall(r"^### (Frontdesk\w+)$", text, re.MULTILINE)
    assert named == [one["alert"] for one in RULES]


def promtool(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool, or skip."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (in Debian's package prometheus)")
    command = [tool, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_promtool_finds_nothing_in_the_metrics(exposition: tuple[str, str]) -> None:
    """`promtool check metrics`: names, units and help by Prometheus' conventions."""
    done = promtool("check", "metrics", given=exposition[0])
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_promtool_takes_the_rules() -> None:
    """Syntax of expressions and templates."""
    done = promtool("check", "rules", str(PLACE / "rules.yml"))
    assert done.returncode == 0, done.stderr


def test_the_alerts_fire_when_they_should() -> None:
    """`promtool test rules`: series over hours, and what fires when; and that it would notice."""
    done = promtool("test", "rules", str(PLACE / "rules_test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    tested = (PLACE / "rules_test.yml").read_text()
    assert [one["alert"] for one in RULES if one["alert"] not in tested] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("> 1800", "> 180000"),
        ("unless on (instance, target)", "and on (instance, target)"),
        ('state="dead"', 'state="due"'),
        ("[15m])\n          ) > 0", "[15m])\n          ) > 100"),
        ("commit_seconds_count", "commit_seconds_sum"),
    ],
)
def test_the_unit_tests_notice(before: str, after: str, tmp_path: Path) -> None:
    """A rule that is wrong fails them."""
    rules = (PLACE / "rules.yml").read_text()
    assert before in rules
    (tmp_path / "rules.yml").write_text(rules.replace(before, after, 1))
    shutil.copy2(PLACE / "rules_test.yml", tmp_path)
    assert promtool("test", "rules", str(tmp_path / "rules_test.yml")).returncode != 0


def test_promtool_takes_the_scrape_configuration(tmp_path: Path) -> None:
    """`promtool check config`; Debian's is built without discovery in Kubernetes: then the rest."""
    config = yaml.safe_load((PLACE / "prometheus.yml").read_text())
    shutil.copy2(PLACE / "rules.yml", tmp_path)
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    done = promtool("check", "config", "--syntax-only", str(path))
    if "kubernetes_sd_configs not found" in done.stderr:
        for job in config["scrape_configs"]:
            job.pop("kubernetes_sd_configs", None)
        path.write_text(yaml.safe_dump(config))
        done = promtool("check", "config", "--syntax-only", str(path))
    assert done.returncode == 0, done.stderr


def test_promtool_takes_what_the_dashboard_asks(tmp_path: Path) -> None:
    """Its expressions, with Grafana's variables filled in, as recording rules."""
    filled = [
        re.sub(r"\$\w+", "5m", text.replace("$instance", ".*").replace("$target", ".*"))
        for where, text in EXPRESSIONS.items()
        if not where.startswith(("Frontdesk", "$"))
    ]
    rules = [{"record": f"panel:{n}", "expr": one} for n, one in enumerate(filled)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_whole() -> None:
    """Numbers are unique, panels do not overlap, each says what it is about and asks one source."""
    numbers = Counter(one["id"] for one in DASHBOARD["panels"])
    assert max(numbers.values()) == 1
    cells: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(cells.values()) == 1
    for panel in panels():
        assert panel["title"]
        assert panel["description"]
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert used - {"__rate_interval"} == variables


def test_the_pod_monitor_scrapes_what_the_manifests_offer() -> None:
    """The operator's kind: port, secret and labels are those of the Kubernetes examples."""
    monitor = yaml.safe_load((PLACE / "podmonitor.yaml").read_text())["spec"]
    [endpoint] = monitor["podMetricsEndpoints"]
    manifests = ROOT / "examples" / "kubernetes"
    secret = yaml.safe_load((manifests / "base" / "secret.example.yaml").read_text())
    key = endpoint["authorization"]["credentials"]
    assert key["name"] == secret["metadata"]["name"]
    assert key["key"] in secret["stringData"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "frontdesk"}]
    [chosen] = monitor["selector"]["matchExpressions"]
    for path in ("base/statefulset.yaml", "daemonset/daemonset.yaml"):
        template = yaml.safe_load((manifests / path).read_text())["spec"]["template"]
        assert template["metadata"]["labels"][chosen["key"]] in chosen["values"]
        assert f"name: {endpoint['port']}, containerPort: 8077" in (manifests / path).read_text()

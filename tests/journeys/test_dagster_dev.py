"""A real `dagster dev`: a delivery is dropped in the inbox, and what Dagster says of it is read as people read it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli.serve import dagster_dev
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.builders import NOW

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AIRPORTS = ["transport", "airports"]
PATIENCE = 240.0  # seconds; on two cores a run takes about 10, the docs wait for the next minute

ASSET = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  groupName
  owners { ... on UserAssetOwner { email } ... on TeamAssetOwner { team } }
  freshnessStatusInfo { freshnessStatus }
  assetMaterializations(limit: 1) { description metadataEntries { label ... on TextMetadataEntry { text } } }
  assetObservations(limit: 1) { description }
  assetChecksOrError { ... on AssetChecks { checks {
    name blocking
    executionForLatestMaterialization { status evaluation { success description } }
  } } }
} } }"""


@dataclass
class Dev:
    """A running Dagster, and the hub behind it."""

    address: str
    hub: Hub
    deliveries: dict[str, DemoDelivery]

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}graphql", body, {"Content-Type": "application/json"})
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            answer = json.loads(response.read())
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def asset(self, path: list[str]) -> Any:
        return self.ask(ASSET, key={"path": path})["assetNodeOrError"]

    def drop(self, name: str) -> None:
        contract = self.hub.book().find("transport.airports")
        pipeline.deliver(self.hub, contract, self.deliveries[name].path, name)

    def wait(self, what: str, until: Callable[[], Any]) -> Any:
        give_up_at = time.monotonic() + PATIENCE
        while time.monotonic() < give_up_at:
            if found := until():
                return found
            time.sleep(1)
        pytest.fail(f"waited {PATIENCE:.0f} s for {what}")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("dev")
    told = write_deliveries(folder / "outbox", NOW)
    deliveries = {each.name: each for each in told if each.dataset == "transport.airports"}
    environment = {
        **os.environ,
        "DATAHUB_ROOT": str(folder / "hub"),
        "DATAHUB_SENSOR_INTERVAL_SECONDS": "2",
        "DATAHUB_DOCS_INTERVAL_MINUTES": "1",
        "DATAHUB_MONITOR_INTERVAL_SECONDS": "2",
        "FRESHNESS_DAEMON_INTERVAL_SECONDS": "2",
    }
    hub = open_hub(Settings(root=folder / "hub"))
    with dagster_dev(folder / "dagster", environment) as address:
        yield Dev(address, hub, deliveries)


def described(asset: Any, kind: str) -> str:
    return next((event["description"] or "" for event in asset[kind]), "")


def test_a_delivery_dropped_in_the_inbox_is_released_checked_and_documented(dev: Dev) -> None:
    dev.drop("first")
    asset = dev.wait("the release", lambda: _if(dev.asset(AIRPORTS), lambda a: a["assetMaterializations"]))
    assert described(asset, "assetMaterializations").startswith("release ")
    assert "published as generation 1" in described(asset, "assetMaterializations")
    assert asset["groupName"] == "transport"
    assert {"email": "transport-data@example.com"} in asset["owners"]

    def all_checked() -> Any:
        found = dev.asset(AIRPORTS)["assetChecksOrError"]["checks"]
        answers = {each["name"]: each["executionForLatestMaterialization"] for each in found}
        assert answers.pop("slo_freshness") is None, "nothing was due yet"
        return answers if all(each and each["evaluation"] for each in answers.values()) else None

    answers = dev.wait("the checks", all_checked)
    contract = dev.hub.book().find("transport.airports")
    assert set(answers) == {"contract", "slo_quality", *(test.check_name for test in contract.tests)}
    failed = [name for name, each in answers.items() if not each["evaluation"]["success"]]
    assert failed == ["transport_airports_state_is_known"], "the one that warns"

    fresh = dev.wait("the freshness", lambda: _if(dev.asset(AIRPORTS), lambda a: a["freshnessStatusInfo"]))
    assert fresh["freshnessStatusInfo"]["freshnessStatus"] in {"HEALTHY", "UNKNOWN"}
    dev.wait("freshness to be judged", lambda: _freshness(dev) == "HEALTHY")
    dev.wait("the docs", lambda: dev.asset(["hub_docs"])["assetMaterializations"])


def _if(value: Any, is_there: Callable[[Any], Any]) -> Any:
    return value if is_there(value) else None


def _freshness(dev: Dev) -> str:
    return (dev.asset(AIRPORTS)["freshnessStatusInfo"] or {}).get("freshnessStatus", "")


def test_a_rejected_delivery_shows_its_release_and_the_asset_stays_published(dev: Dev) -> None:
    before = described(dev.asset(AIRPORTS), "assetMaterializations")
    dev.drop("cut-off")
    asset = dev.wait(
        "the rejection",
        lambda: _if(dev.asset(AIRPORTS), lambda a: "was rejected" in described(a, "assetObservations")),
    )
    assert described(asset, "assetMaterializations") == before

    def refused() -> list[str]:
        checks = dev.asset(AIRPORTS)["assetChecksOrError"]["checks"]
        latest = [each["executionForLatestMaterialization"] for each in checks]
        answers = [each["evaluation"] for each in latest if each and each["evaluation"]]
        return [
            each["description"]
            for each in answers
            if not each["success"] and "(rejected)" in each["description"]
        ]

    assert dev.wait("the failed check", refused)


def test_people_see_it_in_the_browser(dev: Dev, chromium: Path, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    pages = {
        "catalog": ("assets", "airport_weather_board"),
        "lineage": ("asset-groups", "consumers"),
        "overview": ("assets/transport/airports?view=overview", "Promise"),
        "checks": ("assets/transport/airports?view=checks", "This is a blocking asset check"),
        "events": ("assets/transport/airports?view=events", "seconds by step"),
        "runs": ("runs", "release_transport"),
        "docs": ("assets/hub_docs?view=overview", "What consumers read"),
    }
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        for name, (path, words) in pages.items():
            page.goto(f"{dev.address}{path}", wait_until="domcontentloaded")
            expect(page.get_by_text(words).first).to_be_visible(timeout=60_000)
            page.screenshot(path=shots / f"dagster-{name}.png")
        browser.close()
    assert all((shots / f"dagster-{name}.png").stat().st_size > 10_000 for name in pages)

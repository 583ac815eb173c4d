"""dbt's own page takes seconds: it is made when it would tell something else, and at no other time."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.dbt.docs_page import of_any_run
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import Hub
from tests.builders import NOW, contract
from tests.hubs import SetClock, hub_at, orders, put_delivery

ORDERS = contract()


class Documented:
    """A hub whose pages are built with dbt's. `project` is what a team changes; `made` counts dbt's runs."""

    def __init__(self, root: Path) -> None:
        self.root, self.project, self.made, self.fails = root, "as it was", 0, False
        self.clock = SetClock(NOW + timedelta(days=3650))

    def hub(self) -> Hub:
        storage = LocalStorage(self.root)
        site = StaticSite(storage, pipeline.status, self._dbt, dbt_docs_made_from=lambda: self.project)
        return hub_at(self.root, ORDERS, clock=self.clock, site=site)

    def build(self, *, with_dbt_docs: bool = True) -> None:
        pipeline.document(self.hub(), with_dbt_docs=with_dbt_docs)

    def release(self) -> None:
        put_delivery(self.hub(), ORDERS, "a", {"x.parquet": orders([1])})
        pipeline.release(self.hub(), ORDERS, "a", actor="test")

    def _dbt(self, folder: Path) -> None:
        self.made += 1
        if self.fails:
            raise EngineError("dbt failed")
        (folder / "index.html").write_text("<body></body>")


@pytest.fixture
def documented(tmp_path: Path) -> Documented:
    made = Documented(tmp_path)
    made.build()
    return made


def change_the_project(documented: Documented) -> None:
    documented.project = "as it is now"


def remove_the_page(documented: Documented) -> None:
    (documented.root / "docs/dbt/index.html").unlink()


def test_a_deadline_and_a_second_build_cost_no_run_of_dbt(documented: Documented) -> None:
    documented.build()
    documented.clock.at += timedelta(days=2)
    documented.build()
    assert documented.made == 1


@pytest.mark.parametrize("change", [change_the_project, remove_the_page, Documented.release])
def test_it_follows_the_project_and_what_is_published(
    documented: Documented, change: Callable[[Documented], None]
) -> None:
    change(documented)
    documented.build(with_dbt_docs=False)
    documented.build()
    documented.build()
    assert documented.made == 2
    assert (documented.root / "docs/dbt/index.html").exists()


def test_after_a_run_that_failed_dbt_is_asked_again(documented: Documented) -> None:
    documented.project, documented.fails = "as it is now", True
    with pytest.raises(EngineError):
        documented.build()
    documented.fails = False
    documented.build()
    assert documented.made == 3


def test_two_runs_of_dbt_over_the_same_project_give_the_same() -> None:
    def run(number: int) -> dict[str, object]:
        nodes = {"a": {"name": "a", "created_at": number / 7}, "b": {"created_at": number}}
        read = list(nodes) if number % 2 else list(reversed(nodes))
        metadata = {"generated_at": str(number), "invocation_id": str(number), "dbt_version": "1"}
        return of_any_run({"metadata": metadata, "nodes": {name: nodes[name] for name in read}})

    assert str(run(1)) == str(run(2))

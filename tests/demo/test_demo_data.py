"""The demo's deliveries keep to their contracts, apart from those that are meant not to."""

import filecmp
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datahub_dagster.demo import open_data
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.demo.times import PACIFIC
from datahub_dagster.domain import words
from datahub_dagster.domain.freshness_policy import CronPolicy, freshness_policy
from datahub_dagster.domain.slo import SloState, standing
from tests.demo.promised import CONTRACTS, promising
from tests.projects.running import HUB_PROJECT, DbtProject

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)  # a Sunday
ODD_TIMES = [
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2027, 1, 1, 12, tzinfo=UTC),
    datetime(2027, 12, 2, 5, tzinfo=UTC),
    datetime(2028, 2, 29, 23, tzinfo=UTC),
    datetime(2028, 3, 1, 8, tzinfo=UTC),
]

ARROW_TYPES = {
    "varchar": pa.string(),
    "double": pa.float64(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


STATIONS_ARE_AIRPORTS = (
    "source_hub_relationship_rate_weather_hourly_temperatures_station__iata__0_99__source_transport_airports_"
)
FINDINGS = {  # what the audits should notice: status and failure count of each test that doesn't pass
    "transport.airports first": {"transport_airports_state_is_known": ("warn", 12)},
    "volatility.index_sessions 2026-11-19-loaded-twice": {
        "source_accepted_values_volatility_index_sessions_signal__short__long__neutral": ("fail", 1),
        "source_hub_between_volatility_index_sessions_low__0__True": ("fail", 1),
        "source_hub_between_volatility_index_sessions_open__150__0__True": ("fail", 1),
        "source_hub_between_volatility_index_sessions_signal_return__25___25": ("warn", 1),
        "source_unique_volatility_index_sessions_trade_date": ("fail", 1),
    },
    "weather.hourly_temperatures 2026-11-21-unknown-station": {STATIONS_ARE_AIRPORTS: ("fail", 1)},
    "transport.airports cut-off": {
        "source_hub_row_count_transport_airports_5000__3000": ("fail", 1),
        "transport_airports_state_is_known": ("warn", 1),
        # The tests of other teams that read the airports notice as well.
        STATIONS_ARE_AIRPORTS: ("fail", 1),
        "source_relationships_weather_daily_observations_station__iata__source_transport_airports_": (
            "fail",
            718,
        ),
    },
}


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[DemoDelivery]:
    return write_deliveries(tmp_path_factory.mktemp("outbox"), NOW)


def data_files(delivery: DemoDelivery) -> list[Path]:
    return sorted(delivery.path.rglob("*.parquet"))


def partition_spec(dataset: str) -> dict[str, Any] | None:
    return CONTRACTS[dataset]["config"]["meta"]["hub"].get("delivery", {}).get("partitions")


def partition_of(dataset: str, file: Path) -> str:
    """The partition that a file's place says it holds; the dataset's own name where it has none."""
    if partition_spec(dataset) is None:
        return dataset
    return file.parent.name.partition("=")[2] or file.stem


def faults_of_schema(delivery: DemoDelivery) -> set[str]:
    """Columns of a delivery that differ from the contract in presence or type."""
    promised = {
        (column["name"], ARROW_TYPES[column["data_type"]])
        for column in CONTRACTS[delivery.dataset]["columns"]
    }
    faults: set[str] = set()
    for file in data_files(delivery):
        found = {(field.name, field.type) for field in pq.read_schema(file)}
        found |= {(part.partition("=")[0], pa.date32()) for part in file.parts if "=" in part}
        faults |= {name for name, _ in found ^ promised}
    return faults


def test_every_dataset_is_delivered_first_and_every_delivery_has_a_dataset(
    deliveries: list[DemoDelivery],
) -> None:
    assert {delivery.dataset for delivery in deliveries} == set(CONTRACTS)
    assert {delivery.dataset for delivery in deliveries if delivery.name == "first"} == set(CONTRACTS)
    assert len({delivery.path for delivery in deliveries}) == len(deliveries)
    for delivery in deliveries:
        assert delivery.path.parts[-3:] == (*delivery.dataset.split("."), delivery.name)
        assert (delivery.path / "_SUCCESS").is_file()


def test_types_are_those_of_the_contract_except_in_one_delivery(deliveries: list[DemoDelivery]) -> None:
    faults = {delivery.name: faults_of_schema(delivery) for delivery in deliveries}
    assert faults.pop("2026-11-new-export") == {"temp_max", "wind"}
    assert not any(faults.values())


@pytest.mark.parametrize("now", [NOW, *ODD_TIMES])
def test_a_file_holds_exactly_the_partition_that_its_name_says(now: datetime, tmp_path: Path) -> None:
    for delivery in write_deliveries(tmp_path, now):
        spec = partition_spec(delivery.dataset)
        if spec is None:
            continue
        for file in data_files(delivery):
            table = pq.ParquetFile(file).read()
            if spec["column"] in table.column_names:
                length = len("2026-11" if spec["granularity"] == "month" else "2026-11-22")
                values = {value.isoformat()[:length] for value in table[spec["column"]].to_pylist()}
            else:
                values = {value.date().isoformat() for value in table["observed_at"].to_pylist()}
            assert values == {partition_of(delivery.dataset, file)}


@pytest.mark.parametrize("now", [NOW, *ODD_TIMES])
def test_the_newest_business_date_is_recent_over_when_it_is_delivered_and_the_oldest_after_the_start(
    now: datetime, tmp_path: Path
) -> None:
    partitions: dict[str, set[str]] = {}
    for delivery in write_deliveries(tmp_path, now):
        spec = partition_spec(delivery.dataset)
        if spec is None:
            continue
        brought = {partition_of(delivery.dataset, file) for file in data_files(delivery)}
        partitions.setdefault(delivery.dataset, set()).update(brought)
        month_now = open_data.add_months(delivery.at.date().replace(day=1), 0)
        recent = delivery.at.date() - timedelta(days=7)
        if spec["granularity"] == "day":
            assert max(brought) <= f"{delivery.at.date()}"
            assert max(brought) >= f"{recent}"
        else:
            assert max(brought) <= f"{month_now:%Y-%m}"
    for dataset, values in partitions.items():
        spec = partition_spec(dataset)
        assert spec
        assert min(values) >= f"{spec['start']}"[: len(min(values))]
        assert len(values) <= 40


def test_no_row_is_of_a_time_after_its_delivery(deliveries: list[DemoDelivery]) -> None:
    for delivery in deliveries:
        if delivery.dataset == "weather.hourly_temperatures":
            until = delivery.at.astimezone(PACIFIC).replace(tzinfo=None)
            newest = max(
                max(pq.ParquetFile(file).read()["observed_at"].to_pylist()) for file in data_files(delivery)
            )
            assert newest <= until
            assert newest.date() == until.date() or delivery.name == "first"


def test_the_same_instant_gives_the_same_bytes(deliveries: list[DemoDelivery], tmp_path: Path) -> None:
    for first, again in zip(deliveries, write_deliveries(tmp_path, NOW), strict=True):
        assert (first.dataset, first.name, first.story) == (again.dataset, again.name, again.story)
        for one, other in zip(data_files(first), data_files(again), strict=True):
            assert filecmp.cmp(one, other, shallow=False)


def test_the_repeat_has_the_bytes_of_what_came_before(deliveries: list[DemoDelivery]) -> None:
    (place,) = (i for i, delivery in enumerate(deliveries) if delivery.expected == "repeat")
    before = [each for each in deliveries[:place] if each.dataset == deliveries[place].dataset][-1]
    for one, other in zip(data_files(deliveries[place]), data_files(before), strict=True):
        assert filecmp.cmp(one, other, shallow=False)


def test_what_a_schedule_would_fetch_is_the_demos_first_delivery(deliveries: list[DemoDelivery]) -> None:
    source = CONTRACTS["transport.airports"]["config"]["meta"]["hub"]["delivery"]["source"]
    (file,) = (HUB_PROJECT / source).glob("*.parquet")
    (first,) = data_files(next(each for each in deliveries if each.dataset == "transport.airports"))
    assert pq.read_table(file).equals(pq.read_table(first))


def test_a_growing_month_is_promised_by_age_and_a_stopped_one_is_late() -> None:
    promised = promising("weather.daily_observations")
    (promise,) = promised.freshness_slos
    delivered = datetime(2026, 11, 22, 6, tzinfo=UTC)

    def state(after: timedelta) -> SloState:
        published = {"2026-11": delivered}
        return standing(promise, promised.partitions, published, delivered, delivered + after).state

    assert words.promises(promised) == ["never older than 3 days"]
    assert state(timedelta(days=1)) is SloState.MET
    assert state(timedelta(days=20)) is SloState.LATE


def test_a_daily_promise_is_a_cron_in_dagster() -> None:
    policy = freshness_policy(promising("weather.hourly_temperatures"), NOW.date())

    assert isinstance(policy, CronPolicy)
    assert (policy.deadline_cron, policy.timezone) == ("0 21 * * *", "America/Los_Angeles")


def test_a_time_before_the_contracts_begin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2026-03-01 or later"):
        write_deliveries(tmp_path, datetime(2026, 2, 28, 23, 59, tzinfo=UTC))


@pytest.mark.slow
def test_each_delivery_fares_as_it_says(deliveries: list[DemoDelivery], tmp_path: Path) -> None:
    published: dict[str, dict[str, list[Path]]] = {dataset: {} for dataset in CONTRACTS}
    project = DbtProject(HUB_PROJECT, tmp_path)
    project.sql(*(statement for dataset in CONTRACTS for statement in as_view(dataset, [])))
    noticed: dict[str, dict[str, tuple[str, int | None]]] = {}

    for delivery in deliveries:
        if faults_of_schema(delivery):
            assert delivery.expected == "rejected"
            continue
        brought: dict[str, list[Path]] = {}
        for file in data_files(delivery):
            brought.setdefault(partition_of(delivery.dataset, file), []).append(file)
        would_be = {**published[delivery.dataset], **brought}
        project.sql(*as_view(delivery.dataset, [file for files in would_be.values() for file in files]))

        answers = project.run_tests(f"source:{delivery.dataset}")
        assert answers
        assert "error" not in {status for status, _ in answers.values()}
        noticed[f"{delivery.dataset} {delivery.name}"] = {
            name: answer
            for name, answer in answers.items()
            if answer[0] != "pass" and "hub_recency" not in name  # that one looks at this machine's clock
        }
        passed = "fail" not in {status for status, _ in answers.values()}
        assert passed == (delivery.expected != "rejected"), noticed
        if passed:
            published[delivery.dataset] = would_be
        else:
            kept = [file for files in published[delivery.dataset].values() for file in files]
            project.sql(*as_view(delivery.dataset, kept))

    assert {name: answers for name, answers in noticed.items() if answers} == FINDINGS
    assert {status for status, _ in project.run_tests().values()} == {"pass", "warn"}


def as_view(dataset: str, files: list[Path]) -> list[str]:
    """Statements that make a dataset readable: a view of its files, or of no row at all."""
    schema, name = dataset.split(".")
    if files:
        hive = (
            "hive_types={'observed_on': date}" if "=" in files[0].parent.name else "hive_partitioning=false"
        )
        query = f"select * from read_parquet({[str(file) for file in files]}, {hive})"
    else:
        columns = [
            f"null::{column['data_type']} as {column['name']}" for column in CONTRACTS[dataset]["columns"]
        ]
        query = f"select {', '.join(columns)} where false"
    return [f"create schema if not exists {schema}", f"create or replace view {schema}.{name} as {query}"]

"""SLOs as asset checks: what they say, who asks them, and who never does."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.definitions import build
from datahub_dagster.defs.answers import Answer
from datahub_dagster.defs.names import check_key, slo_check_names
from datahub_dagster.defs.slo_answers import answers_of_evaluations, answers_of_reports
from datahub_dagster.domain.contract import Contract, DeliverySpec, FreshnessSlo, QualitySlo, Schedule
from datahub_dagster.domain.monitor import Evaluation
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from tests.builders import NOW, book, consumer, contract, data_test
from tests.defs.dagster_hub import DagsterHub, evaluations, requests, rows, shown, text, verdicts
from tests.hubs import SteppingClock, orders, put_delivery

DAILY = FreshnessSlo(due=time(12))
ORDERS = contract(freshness_slos=(DAILY,), quality_slo=QualitySlo())
MORNING = datetime(2036, 11, 18, 9, tzinfo=UTC)  # later than any file that a test writes
DUE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DESK = consumer("desk", slos={"payments.orders": FreshnessSlo(due=time(7), timezone="Asia/Tokyo")})


def hub_of(root: Path, *contracts: Contract, at: datetime = MORNING) -> DagsterHub:
    there = DagsterHub(root=root, book=book(*(contracts or (ORDERS,))))
    there.use(clock=SteppingClock(at=at))
    return there


def deliver(there: DagsterHub, name: str, ids: list, of: Contract = ORDERS) -> None:
    put_delivery(there.hub, of, name, {"part-0.parquet": orders(ids)})


def ask(there: DagsterHub, *names: str, of: Contract = ORDERS) -> dict[str, dg.AssetCheckEvaluation]:
    """A run of some SLOs by hand."""
    job = there.defs.resolve_implicit_global_asset_job_def()
    chosen = job.get_subset(
        asset_selection=set(), asset_check_selection={check_key(of, name) for name in names}
    )
    result = chosen.execute_in_process(instance=there.instance, raise_on_error=False)
    assert result.success, "an SLO never fails a run"
    return {each.check_name: each for each in evaluations(result)}


# ── What is there ────────────────────────────────────────────────────────────────────────────────────────────────────


def checks_of(definitions: dg.Definitions) -> dict[str, str]:
    graph = definitions.resolve_asset_graph()
    return {
        key.name: graph.get_check_spec(key).description or ""
        for key in graph.asset_check_keys
        if "slo_" in key.name
    }


def test_every_promise_has_a_check_those_to_consumers_too() -> None:
    several = replace(
        ORDERS, freshness_slos=(DAILY, FreshnessSlo(name="desk-open", max_age=timedelta(hours=2)))
    )

    assert checks_of(build(shown(several, consumers=(DESK,)))) == {
        "slo_freshness": "Published by 12:00 UTC, every day: 99% of the time, over 90 days.",
        "slo_desk_open": "Published never older than 2 h: 99% of the time, over 90 days.",
        "slo_for_desk": "Published by 07:00 Asia/Tokyo, every day: 99% of the time, over 90 days. Promised to Desk.",
        "slo_quality": "95% of deliveries pass their audit at the first try, over 90 days.",
    }
    assert checks_of(build(shown(contract()))) == {}


def test_neither_a_data_test_nor_another_slo_takes_the_name_of_a_check() -> None:
    odd = replace(
        ORDERS,
        freshness_slos=(DAILY, replace(DAILY, name="by noon"), replace(DAILY, name="by-noon")),
        tests=(
            data_test("singular", None, name="slo_freshness"),
            data_test("unique", "id", name="hub_slo_freshness"),
        ),
    )
    definitions = build(shown(odd, contract("a.b", team="slo")))

    dg.Definitions.validate_loadable(definitions)
    assert slo_check_names(odd, ()) == {
        "freshness": "hub_hub_slo_freshness",
        "by noon": "slo_by_noon",
        "by-noon": "hub_slo_by_noon",
        "quality": "slo_quality",
    }


def test_no_job_and_no_sensor_of_data_tests_has_an_slo() -> None:
    definitions = build(shown(ORDERS, consumers=(DESK,)))
    tests = {"contract", *(test.check_name for test in ORDERS.tests)}

    for job in ("release_payments", "checks"):
        layer = definitions.resolve_job_def(job).asset_layer
        assert {key.name for each in layer.data for key in each.assets_def.check_keys} >= tests
        assert {key.name for key in layer.asset_graph.asset_check_keys} == tests
    sensor = definitions.resolve_sensor_def("contracts_changed")
    assert sensor.asset_selection is not None
    chosen = sensor.asset_selection.resolve_checks(definitions.resolve_asset_graph())
    assert {key.name for key in chosen} == tests


# ── Who asks them ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_release_asks_every_data_test_and_no_slo(tmp_path: Path) -> None:
    fetched = replace(ORDERS, delivery=DeliverySpec(source="data", schedule=Schedule(cron="0 5 * * *")))
    there = hub_of(tmp_path, fetched)
    deliver(there, "a", [1], of=fetched)
    (request,) = requests(there.sensor("inbox"))
    with dg.build_schedule_context(there.instance) as context:
        tick = there.defs.resolve_schedule_def("fetch_payments__orders").evaluate_tick(context)
    assert tick.run_requests
    (fetch,) = tick.run_requests
    released = there.launch(request)

    tests = {"contract", *(test.check_name for test in fetched.tests)}
    assert released.success
    assert set(verdicts(released)) - {"slo_quality"} == tests
    assert {event.step_key for event in released.all_events if event.step_key} == {"payments__orders"}
    assert {key.name for key in fetch.asset_check_keys or ()} == tests
    assert set(verdicts(there.run("checks"))) == tests


@pytest.mark.slow
def test_an_slo_can_be_asked_by_hand_and_says_how_it_stands_now(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    before = ask(there, "slo_freshness")["slo_freshness"]
    deliver(there, "a", [1])
    there.materialize(ORDERS, job="release_payments")
    there.use(clock=SteppingClock(at=MORNING.replace(hour=13)))
    kept = ask(there, "slo_freshness", "slo_quality")
    there.use(clock=SteppingClock(at=MORNING.replace(day=19, hour=13)))
    missing = ask(there, "slo_freshness")["slo_freshness"]

    assert (before.passed, before.description) == (True, "freshness: nothing was due yet")
    assert kept["slo_freshness"].passed
    assert "in time, there since 2036-11-18 09:00 UTC, due 2036-11-18 12:00 UTC" in (
        kept["slo_freshness"].description or ""
    )
    assert (
        kept["slo_quality"].description
        == "quality: delivery a passed its audit at once; 100% kept; budget 100% left, 0 of 0.05 spent"
    )
    assert (missing.passed, missing.blocking) == (False, False)
    assert (
        missing.description
        == "Wed 2036-11-19: missing, due 2036-11-19 12:00 UTC; 50% kept; budget overspent, 1 of 0.02 allowed"
    )


@pytest.mark.slow
def test_a_release_tells_how_the_slos_stand_so_that_dagster_does_not_show_them_as_never_asked(
    tmp_path: Path,
) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    there.materialize(ORDERS, job="release_payments")
    there.use(clock=SteppingClock(at=MORNING.replace(hour=13)))
    deliver(there, "b", [1, 1])
    rejected = there.materialize(ORDERS, job="release_payments")
    deliver(there, "c", [1, 2])
    released = there.materialize(ORDERS, job="release_payments", deliveries=["c"])
    back = there.run("rollback", "roll_back", dataset="payments.orders", generation=1, reason="?")

    slos = [
        {name: ok for name, ok in verdicts(each).items() if "slo" in name}
        for each in (rejected, released, back)
    ]
    assert slos == [{"slo_freshness": True, "slo_quality": False}] * 3
    assert (rejected.success, released.success, back.success) == (False, True, True)
    put_delivery(there.hub, ORDERS, "d", {"part-0.parquet": orders([4])})
    pipeline.release(there.hub, ORDERS, "d", actor="cli")
    told = [
        each
        for each in there.sensor("released_elsewhere").asset_events
        if isinstance(each, dg.AssetCheckEvaluation)
    ]
    assert {each.check_name for each in told} >= {"slo_freshness", "slo_quality"}


# ── What they say ────────────────────────────────────────────────────────────────────────────────────────────────────


def due(verdict: Verdict, days: int = 0, late: timedelta = timedelta(0), **more) -> DueResult:
    at = DUE + timedelta(days=days)
    came = at + late if verdict in (Verdict.MET, Verdict.LATE) else None
    return DueResult(
        slo="freshness",
        business_date=at.date().isoformat(),
        due_at=at,
        deadline_at=at,
        verdict=verdict,
        answered_at=came,
        late=late,
        **more,
    )


def report_of(*results: DueResult | DeliveryResult, slo: FreshnessSlo | None = DAILY, **more) -> SloReport:
    window = timedelta(days=90)
    figures = {
        "met": 99,
        "late": 1,
        "attainment": 0.99,
        "allowed": 2.0,
        "left": 0.5,
        "burn_rate": 0.5,
    } | more.pop("budget", {})
    budget = Budget(objective=0.98, window=window, since=NOW - window, until=NOW, **figures)
    name = "quality" if slo is None else slo.name
    return SloReport(contract=ORDERS, name=name, slo=slo, budget=budget, results=results, **more)


def said(report: SloReport, **readers) -> Answer:
    ((_, answer),) = answers_of_reports([report], book(ORDERS, **readers), NOW, "http://docs.example")
    return answer


def test_a_delay_counts_from_the_deadline_so_that_the_grace_is_told() -> None:
    missed = replace(due(Verdict.MISSED), deadline_at=DUE + timedelta(hours=1))

    assert "missing, due 2026-11-20 09:30 UTC, 1 h of grace; " in said(report_of(missed)).description


@pytest.mark.parametrize(
    ("result", "passed", "severity", "words"),
    [
        (
            due(Verdict.MET),
            True,
            "ERROR",
            "in time, there since 2026-11-20 18:30 JST, due 2026-11-20 18:30 JST",
        ),
        (
            due(Verdict.LATE, late=timedelta(minutes=35)),
            True,
            "ERROR",
            "35 min late, there since 2026-11-20 19:05 JST, due 2026-11-20 18:30 JST",
        ),
        (due(Verdict.MISSED), False, "ERROR", "missing, due 2026-11-20 18:30 JST"),
        (due(Verdict.EXCUSED, reason="moving house"), True, "ERROR", "nothing was owed: moving house"),
        (due(Verdict.UNKNOWN, reason="a clock"), False, "WARN", "nobody can say: a clock"),
    ],
    ids=lambda value: value.verdict.value if isinstance(value, DueResult) else "",
)
def test_a_check_shows_how_the_newest_due_time_stands(
    result: DueResult, passed: bool, severity: str, words: str
) -> None:
    tokyo = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo")
    answer = said(report_of(due(Verdict.MISSED, days=-1), result, slo=tokyo))

    assert (answer.passed, answer.severity.value, answer.blocking) == (passed, severity, False)
    assert answer.description == f"Fri 2026-11-20: {words}; 99% kept; budget 50% left, 1 of 2 spent"
    assert answer.metadata["verdict"] == result.verdict.value


@pytest.mark.parametrize(
    ("result", "minutes"),
    [
        (replace(due(Verdict.MET), answered_at=DUE - timedelta(minutes=40)), -40.0),
        (due(Verdict.LATE, late=timedelta(minutes=35)), 35.0),
        (due(Verdict.EXCUSED, reason="moving house"), 0.0),
    ],
)
def test_how_late_it_came_is_plotted_and_how_early(result: DueResult, minutes: float) -> None:
    assert said(report_of(result)).metadata["late (minutes)"] == minutes


def test_an_age_is_told_as_an_age() -> None:
    hourly = FreshnessSlo(max_age=timedelta(hours=1))

    assert "too old since 2026-11-20 09:30 UTC;" in said(report_of(due(Verdict.MISSED), slo=hourly)).text
    late = due(Verdict.LATE, late=timedelta(hours=1))
    assert (
        "too old from 2026-11-20 09:30 UTC to 2026-11-20 10:30 UTC" in said(report_of(late, slo=hourly)).text
    )
    assert "never too old" in said(report_of(due(Verdict.MET), slo=hourly)).text


def test_what_nobody_can_say_is_a_warning_and_not_a_pass() -> None:
    answer = said(report_of(problem="payments.orders: generation 7 can't be read"))

    assert (answer.passed, answer.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nobody can say: payments.orders: generation 7 can't be read" in answer.text


def test_quality_passes_while_its_objective_is_kept() -> None:
    refused = DeliveryResult(release="r", delivery="monday", at=NOW, verdict=Verdict.MISSED, reason="2 tests")
    kept = said(report_of(refused, slo=None))
    broken = said(report_of(refused, slo=None, budget={"late": 3, "attainment": 0.97, "left": -0.5}))

    assert kept.passed
    assert (broken.passed, broken.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (
        broken.description
        == "quality: delivery monday was rejected: 2 tests; 97% kept; budget overspent, 3 of 2 allowed"
    )


def test_what_dagster_plots_is_a_float_and_what_people_ask_for_stands_beside_it() -> None:
    readers = (consumer("board"), DESK)
    report = report_of(due(Verdict.MISSED), next_due_at=DUE + timedelta(days=1))
    metadata = said(report, consumers=readers).metadata

    floats = {name: value for name, value in metadata.items() if isinstance(value, float)}
    assert floats == {
        "late (minutes)": 0.0,
        "attainment (%)": 99.0,
        "budget left (%)": 50.0,
        "burn rate": 0.5,
    }
    assert text(metadata, "due") == DUE.timestamp()
    assert text(metadata, "next due") == (DUE + timedelta(days=1)).timestamp()
    assert metadata["objective"] == "98% over 90 days"
    assert [(row["consumer"], row["already"]) for row in rows(metadata, "affected")] == [
        ("Desk", "yes"),
        ("Board", "not yet"),
    ]
    assert [row["verdict"] for row in rows(metadata, "recent due times")] == ["missed"]
    assert text(metadata, "docs") == "http://docs.example/datasets/payments.orders.html"


def test_an_older_date_that_comes_at_last_does_not_hide_that_a_newer_one_is_missing() -> None:
    late, missing = due(Verdict.LATE, days=-1, late=timedelta(hours=23)), due(Verdict.MISSED)
    report = report_of(late, missing)
    told = Evaluation(contract=ORDERS, report=report, result=late)
    newer = Evaluation(contract=ORDERS, report=report, result=missing)
    ((_, alone),) = answers_of_evaluations([told], book(ORDERS))
    both = [answer for _, answer in answers_of_evaluations([newer, told], book(ORDERS))]

    assert not alone.passed
    assert alone.text.startswith(
        "23 h late, there since 2026-11-20 08:30 UTC, due 2026-11-19 09:30 UTC; but Fri 2026-11-20: missing"
    )
    assert [(each.about, each.passed) for each in both] == [
        ("Thu 2026-11-19", True),
        ("Fri 2026-11-20", False),
    ]


def test_what_is_caught_up_with_is_plotted_as_it_would_have_been() -> None:
    past = [
        due(Verdict.MET, days=-3),
        due(Verdict.MISSED, days=-2),
        due(Verdict.MET, days=-1),
        due(Verdict.MET),
    ]
    report = report_of(*past)
    told = [Evaluation(contract=ORDERS, report=report, result=result) for result in past]
    answers = [answer for _, answer in answers_of_evaluations(told, book(ORDERS))]

    shares = [answer.metadata["attainment (%)"] for answer in answers]
    assert shares == [100.0, 50.0, 66.667, 99.0], "the newest as the report has it"
    assert [len(answer.metadata["recent due times"].records) for answer in answers] == [1, 2, 3, 4]
    assert [answer.passed for answer in answers] == [True, False, True, True]

"""Documents of datasets written by hand, for the templates alone: each test says only what it is about."""

from collections.abc import Iterable
from typing import Any

from datahub_dagster.adapters.site import paths

DAYS = [f"2026-11-{day:02}" for day in (12, 13, 16, 17, 18, 19, 20)]


def an_slo(**values: Any) -> dict[str, Any]:
    return {
        "name": "freshness",
        "due": "18:30",
        "max_age_seconds": None,
        "timezone": "Asia/Tokyo",
        "calendar": "XTKS",
        "covers": 0,
        "grace_seconds": 0.0,
        "objective": 0.99,
        "window_days": 90.0,
        "consumer": None,
        "granularity": "day",
        "overrides": [],
    } | values


def a_result(day: str, verdict: str = "met", **values: Any) -> dict[str, Any]:
    due = f"{day}T09:30:00Z"
    return {
        "verdict": verdict,
        "at": due,
        "business_date": day,
        "due_at": due,
        "deadline_at": due,
        "answered_at": f"{day}T09:12:00Z" if verdict == "met" else None,
        "late_seconds": None,
        "release": None,
        "delivery": None,
        "reason": None,
    } | values


def a_history(*results: dict[str, Any], **values: Any) -> dict[str, Any]:
    told = [each["verdict"] for each in results]
    counted = [each for each in told if each in ("met", "late", "missed")]
    kept = counted.count("met")
    attainment = kept / len(counted) if counted else None
    objective = values.get("objective", 0.99)
    allowed = (1 - objective) * len(counted)
    return {
        "name": "freshness",
        "consumer": None,
        "consumer_label": None,
        "slo": an_slo(),
        "objective": objective,
        "window_days": 90.0,
        "since": "2026-08-22T00:00:00Z",
        "attainment": attainment,
        "is_kept": None if attainment is None else attainment >= objective,
        **{verdict: told.count(verdict) for verdict in ("met", "late", "missed", "excused", "unknown")},
        "budget_allowed": allowed,
        "budget_left": None if not counted else 1 - (len(counted) - kept) / allowed,
        "burn_rate": None,
        "next_due_at": "2026-11-24T09:30:00Z",
        "problem": None,
        "timezone": "Asia/Tokyo",
        "results": list(results),
        "results_count": len(results),
    } | values


def rows(columns: Iterable[str], *several: list[str | None], truncated: bool = False) -> dict[str, Any]:
    return {"columns": list(columns), "rows": list(several), "truncated": truncated}


def an_answer(status: str = "pass", **values: Any) -> dict[str, Any]:
    return {
        "status": status,
        "failures": 0 if status == "pass" else 2,
        "message": "" if status == "pass" else "Got 2 results, configured to warn if != 0",
        "at": "2026-11-20T09:12:00Z",
        "release": None,
        "sample": None,
    } | values


def a_test(check: str, **values: Any) -> dict[str, Any]:
    return {
        "check": check,
        "label": check,
        "kind": check,
        "column": None,
        "severity": "error",
        "description": "",
        "where": None,
        "last": an_answer(),
        "history": [an_answer(release=f"2026-11-{day}.1") for day in (20, 19, 18)],
    } | values


def statistics(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "nulls": 0, "low": None, "high": None} | values


def a_column(name: str, **values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "varchar",
        "description": "",
        "nullable": True,
        "unique": False,
        "classification": None,
        "is_secret": False,
        "deprecated": False,
        "examples": [],
        "tags": [],
        "constraints": [],
        "tests": [],
        "statistics": None,
        "readers": [],
    } | values


def a_delivery(day: str, number: int, **values: Any) -> dict[str, Any]:
    state = values.get("state", "published")
    return {
        "delivery": day,
        "release": f"{day}.{number}",
        "state": state,
        "outcome": {"overtaken": "superseded"}.get(state, state),
        "received_at": f"{day}T09:00:00Z",
        "finished_at": f"{day}T09:12:00Z",
        "published_at": f"{day}T09:12:00Z" if state == "published" else None,
        "why": f"{state}, as generation {number}",
        "generation": number if state == "published" else None,
        "contract_version": "1.2.0",
        "partitions": [day],
        "partitions_count": 1,
        "partitions_text": day,
        "rows": 3_912,
        "dataset_rows": 3_912,
        "bytes": 1_204_113,
        "files": 1,
        "actor": "airflow",
        "due": [],
        "faults": [],
        "blocks": [],
        "failing": [],
        "warnings": [],
        "diff": None,
    } | values


def a_fault(code: str, message: str, **values: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "file": "part-0.parquet", "files": 1, "column": None} | values


def failed(check: str, sample: dict[str, Any] | None) -> dict[str, Any]:
    """The parts of a delivery that a test refused."""
    block = {"code": "test-failed", "check": check, "label": check, "message": "3 failures"}
    failing = {
        "check": check,
        "label": check,
        "status": "fail",
        "failures": 3,
        "message": "",
        "sample": sample,
    }
    return {"state": "rejected", "blocks": [block], "failing": [failing], "why": f"{check}: 3 failures"}


def a_diff(against: str, **values: Any) -> dict[str, Any]:
    return {
        "against": against,
        "rows": 12,
        "bytes": 3_400,
        "dataset_rows": 3_912,
        "columns": [],
        "statistics": [],
        "partitions_added": [],
        "partitions_added_count": len(values.get("partitions_added", ())),
        "partitions_replaced": [],
        "partitions_replaced_count": 0,
    } | values


def a_generation(number: int, day: str, **values: Any) -> dict[str, Any]:
    return {
        "number": number,
        "kind": "release",
        "release": f"{day}.{number}",
        "published_at": f"{day}T09:12:00Z",
        "contract_version": "1.2.0",
        "actor": "airflow",
        "reason": "",
        "restores": None,
    } | values


def a_publication(day: str, number: int, **values: Any) -> dict[str, Any]:
    return {
        "release": f"{day}.{number}",
        "generation": number,
        "business_date": day,
        "rows": 11_736,
        "bytes": 3_612_339,
        "published_at": f"{day}T09:12:00Z",
        "rolled_back": False,
        "restores": None,
        "reason": "",
        "actor": "airflow",
    } | values


def a_reader(name: str, **values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "kind": "team",
        "type": "application",
        "columns": [],
        "slo": None,
        "notice_days": None,
        "page": paths.consumer_page(name),
        "affected_at": None,
        "is_affected": False,
    } | values


def an_incident(text: str, **values: Any) -> dict[str, Any]:
    return {
        "id": text,
        "kind": "slo-missed",
        "dataset": "equities.daily_prices",
        "team": "markets",
        "page": "datasets/equities.daily_prices.html",
        "opened_at": "2026-11-20T09:30:00Z",
        "closed_at": None,
        "text": text,
        "acknowledged_by": None,
        "acknowledged_reason": None,
        "facts": {},
    } | values


def a_standing(state: str = "met", **values: Any) -> dict[str, Any]:
    return {
        "slo": "freshness",
        "state": state,
        "business_date": "2026-11-20",
        "due_at": "2026-11-20T09:30:00Z",
        "deadline_at": "2026-11-20T09:30:00Z",
        "next_due_at": "2026-11-24T09:30:00Z",
        "reason": "",
    } | values


def a_dataset(name: str = "equities.daily_prices", **values: Any) -> dict[str, Any]:
    """A dataset that promises nothing and was never published, but for what is said of it."""
    document: dict[str, Any] = {
        "dataset": name,
        "team": "markets",
        "description": "",
        "owners": [],
        "tags": [],
        "columns": [],
        "version": "0.1.0",
        "lifecycle": "preview",
        "sunset_date": None,
        "successor": None,
        "successor_page": None,
        "classification": "internal",
        "page": paths.dataset_page(name),
        "document": paths.dataset_document(name),
        "published": None,
        "slo_state": None,
        "standings": [],
        "promises": [],
        "slos": [],
        "last_outcome": None,
        "last_delivery": None,
        "last_release": None,
        "last_at": None,
        "last_why": None,
        "waiting": 0,
        "failing_checks": [],
        "needs_attention": False,
        "consumers": [],
        "consumer_labels": [],
        "contract_fault": None,
        "problem": None,
        "schema_version": 2,
        "unique_id": f"source.hub.{name}",
        "asset_key": name.split("."),
        "origin": "models/markets/equities.yml:12",
        "support": [],
        "delivery": "Each delivery is the whole dataset.",
        "mode": "replace",
        "partition_column": None,
        "partition_granularity": None,
        "retention_releases": 30,
        "retention_days": 365,
        "license_terms": None,
        "license_redistribution": None,
        "license_url": None,
        "quality_objective": None,
        "quality_window_days": None,
        "dbt_freshness": None,
        "is_closed": False,
        "column_documents": [],
        "found_columns": [],
        "tests": [],
        "samples": None,
        "samples_reason": "unpublished",
        "slo_history": [],
        "deliveries": [],
        "generations": [],
        "changelog": [],
        "pins": [],
        "inbox": [],
        "lineage": {"reads": [], "read_by_tests": [], "consumers": []},
        "snippets": [],
        "incidents": [],
        "events": [],
        "downloads": {},
    } | values
    deliveries = document["deliveries"]
    if deliveries:
        document["last_outcome"] = deliveries[0]["state"]
    document.setdefault("deliveries_count", len(deliveries))
    document.setdefault("generations_count", len(document["generations"]))
    return document


def prices(**values: Any) -> dict[str, Any]:
    """A dataset with all there is: its newest delivery was refused, so that it is late and a consumer is affected."""
    week = [a_result(day) for day in DAYS[:4]] + [
        a_result("2026-11-18", "late", late_seconds=720.0, answered_at="2026-11-18T09:42:00Z"),
        a_result("2026-11-19", "excused", reason="The exchange's systems failed."),
        a_result("2026-11-20", "missed"),
    ]
    unique, positive = "hub_unique_combination_daily_prices", "hub_between_daily_prices_close"
    duplicates = rows(
        ("ticker", "trade_date", "n_records"),
        ["7203", "2026-11-20", "2"],
        [None, "2026-11-20", "14"],
        truncated=True,
    )
    changed = {
        "name": "close",
        "was": statistics("close", nulls=3, low="12.5", high="81,200"),
        "now": statistics("close", nulls=41, low="0.0", high="81,900"),
        "null_share_was": 0.0008,
        "null_share_now": 0.0105,
    }
    published = [
        a_delivery("2026-11-19", 6, warnings=[f"{positive}: 2 failures"], diff=a_diff("2026-11-18.5")),
        a_delivery(
            "2026-11-18",
            5,
            due=[
                {
                    "slo": "freshness",
                    "business_date": "2026-11-18",
                    "due_at": "2026-11-18T09:30:00Z",
                    "late_seconds": 720.0,
                    "is_counted": True,
                }
            ],
            diff=a_diff(
                "2026-11-17.4",
                rows=-40,
                columns=[{"name": "volume", "kind": "added", "was": None, "now": "bigint"}],
                statistics=[changed],
                partitions_added=["2026-11-18"],
            ),
        ),
    ]
    faults = [a_fault("missing-column", "the delivery has no column close", files=4, column="close")]
    told: dict[str, Any] = {
        "description": "One row for each **share** and trading day, closing auction included.",
        "owners": ["markets-data@example.com"],
        "support": [{"tool": "slack", "channel": "#markets-data", "url": "https://example.com/slack"}],
        "tags": ["listed", "price"],
        "version": "1.2.0",
        "lifecycle": "stable",
        "published": a_publication("2026-11-19", 6),
        "slo_state": "late",
        "promises": [
            an_slo(
                overrides=[
                    {
                        "on": "2026-12-31",
                        "kind": "removed",
                        "due_on": None,
                        "reason": "The exchange is closed.",
                    }
                ]
            )
        ],
        "standings": [a_standing("late", reason="the newest delivery was rejected")],
        "failing_checks": [positive],
        "mode": "partition",
        "partition_column": "trade_date",
        "partition_granularity": "day",
        "delivery": "Each delivery replaces the partitions that it brings: one a day of trade_date.",
        "license_terms": "internal use",
        "license_redistribution": False,
        "quality_objective": 0.95,
        "quality_window_days": 90.0,
        "is_closed": True,
        "column_documents": [
            a_column(
                "ticker",
                description="Four-character *securities* code.",
                nullable=False,
                examples=["7203", "9984"],
                statistics=statistics("ticker", low="1301", high="9997"),
                readers=["morning_signal"],
            ),
            a_column(
                "trade_date",
                type="date",
                nullable=False,
                statistics=statistics("trade_date", low=DAYS[0], high=DAYS[5]),
            ),
            a_column(
                "close",
                type="double",
                tests=["hub_between"],
                statistics=statistics("close", nulls=41, low="0.0"),
                readers=["morning_signal"],
            ),
            a_column("volume", type="bigint", deprecated=True),
            a_column("desk", classification="confidential", is_secret=True),
        ],
        "tests": [
            a_test(unique, description="One row for each share and day."),
            a_test(
                positive,
                column="close",
                severity="warn",
                last=an_answer("warn", sample=rows(("close",), ["-1"])),
            ),
        ],
        "samples": rows(
            ("ticker", "trade_date", "close"),
            ["7203", "2026-11-19", "2815.5"],
            ["9984", "2026-11-19", None],
        ),
        "samples_reason": None,
        "slo_history": [
            a_history(*week),
            a_history(
                a_result("2026-11-19"),
                name="for_morning_signal",
                consumer="morning_signal",
                consumer_label="Morning signal",
                slo=an_slo(due="08:00", covers=1),
            ),
            a_history(
                *(
                    a_result(
                        day,
                        business_date=None,
                        due_at=None,
                        deadline_at=None,
                        release=f"{day}.{n}",
                        delivery=day,
                    )
                    for n, day in ((4, "2026-11-17"), (5, "2026-11-18"), (6, "2026-11-19"))
                ),
                a_result(
                    "2026-11-20",
                    "missed",
                    business_date=None,
                    due_at=None,
                    release="2026-11-20.7",
                    delivery="2026-11-20",
                ),
                name="quality",
                slo=None,
                objective=0.95,
                next_due_at=None,
            ),
        ],
        "deliveries": [
            a_delivery("2026-11-20", 7, **failed(unique, duplicates)),
            *published,
            a_delivery("2026-11-17", 4, state="superseded", outcome="published", generation=4),
            a_delivery("2026-11-16", 3, state="rejected", faults=faults, why="no column close"),
            a_delivery(
                "2026-11-16",
                2,
                state="repeat",
                release="2026-11-13.1",
                rows=None,
                files=None,
                finished_at=None,
                contract_version=None,
                partitions=[],
                partitions_text="",
            ),
            a_delivery("2026-11-13", 1, state="overtaken"),
        ],
        "generations": [
            a_generation(6, "2026-11-19"),
            a_generation(5, "2026-11-18"),
            a_generation(4, "2026-11-17"),
        ],
        "changelog": [
            {
                "version": "1.2.0",
                "valid_from": "2026-11-18T00:00:00Z",
                "kind": "additive",
                "changes": [
                    {
                        "kind": "additive",
                        "subject": "volume",
                        "text": "column volume was added",
                        "was": None,
                        "now": "bigint",
                    },
                    {
                        "kind": "editorial",
                        "subject": "",
                        "text": "the description changed",
                        "was": "Prices.",
                        "now": "One row …",
                    },
                ],
            },
            {"version": "1.1.0", "valid_from": "2026-09-01T00:00:00Z", "kind": "first", "changes": []},
        ],
        "pins": [["2026-11-17.4", "year-end audit"]],
        "inbox": [
            {
                "delivery": "2026-11-24",
                "state": "incomplete",
                "problem": "",
                "files": 3,
                "bytes": 2_400_000,
                "newest_at": "2026-11-22T09:00:00Z",
            }
        ],
        "lineage": {
            "reads": [
                {
                    "dataset": "equities.listings",
                    "page": "datasets/equities.listings.html",
                    "tests": ["relationships"],
                }
            ],
            "read_by_tests": [
                {"dataset": "volatility.index_sessions", "page": None, "tests": ["relationships"]}
            ],
            "consumers": [
                a_reader(
                    "morning_signal",
                    label="Morning signal of the Tokyo desk",
                    columns=["ticker", "close"],
                    slo=an_slo(due="08:00", covers=1),
                    notice_days=30.0,
                    affected_at="2026-11-20T23:00:00Z",
                    is_affected=True,
                ),
                a_reader(
                    "rainfall_feed",
                    label="Rainfall feed",
                    kind="customer",
                    affected_at="2026-12-01T00:00:00Z",
                ),
            ],
        },
        "snippets": [
            {
                "language": "athena",
                "title": "Athena SQL",
                "code": 'SELECT *\nFROM "equities"."daily_prices"\nLIMIT 100;',
                "note": "",
                "for_all": "",
            },
            {
                "language": "python",
                "title": "Python",
                "code": 'import datahub_dagster\n\nhub = datahub_dagster.open()\ndata = hub["equities.daily_prices"]',
                "note": "",
                "for_all": "",
            },
        ],
        "incidents": [
            an_incident(
                "equities.daily_prices is late: 2026-11-20 was due at 18:30",
                acknowledged_by="mika",
                acknowledged_reason="A new file is on its way.",
            ),
            an_incident(
                "the release of 2026-11-17 was late",
                opened_at="2026-11-17T10:00:00Z",
                closed_at="2026-11-17T12:00:00Z",
            ),
        ],
        "downloads": {
            "odcs": "datasets/equities.daily_prices.odcs.yaml",
            "json_schema": "datasets/equities.daily_prices.schema.json",
            "atom": "datasets/equities.daily_prices.atom.xml",
        },
    }
    return a_dataset(**(told | values))

"""Documents of the overviews, made by hand: teams, consumers, the status and the changes, with every state that they show."""

from typing import Any

HOSTILE = "<script>alert('x')</script>\"'&\x00]]>"
DAYS = "mmmmm..mmlmm..mexmu..mmmmm..mmmmm..mmmmm..mmmmm..mmmmm..mmmmm..mmmmm..mmmmm..mmmmm..mmmmmm"


def slo(name: str = "freshness", **values: Any) -> dict[str, Any]:
    return {
        "name": name,
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


def short(name: str = "freshness", **values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "consumer": None,
        "consumer_label": None,
        "objective": 0.95,
        "attainment": 0.9839,
        "is_kept": True,
        "budget_left": 0.68,
        "burn_rate": 0.4,
        "missed": 1,
        "late": 1,
        "timezone": "Asia/Tokyo",
        "days": DAYS,
        "days_end": "2026-11-20",
    } | values


def standing(name: str = "freshness", state: str = "met", **values: Any) -> dict[str, Any]:
    return {
        "slo": name,
        "state": state,
        "business_date": "2026-11-20",
        "due_at": "2026-11-20T09:30:00Z",
        "deadline_at": "2026-11-20T09:30:00Z",
        "next_due_at": "2026-11-23T09:30:00Z",
        "reason": "",
    } | values


def dataset(name: str, team: str = "markets", **values: Any) -> dict[str, Any]:
    return {
        "dataset": name,
        "team": team,
        "description": "One row for each **share** and trading day.",
        "owners": [f"{team}@example.com"],
        "tags": ["listed"],
        "columns": ["ticker", "close"],
        "version": "1.2.0",
        "lifecycle": "stable",
        "sunset_date": None,
        "successor": None,
        "classification": "internal",
        "page": f"datasets/{name}.html",
        "document": f"datasets/{name}.json",
        "published": {
            "release": "2026-11-20.1",
            "generation": 12,
            "business_date": "2026-11-20",
            "rows": 3912,
            "bytes": 1_204_113,
            "published_at": "2026-11-20T09:12:00Z",
            "rolled_back": False,
            "restores": None,
            "reason": "",
            "actor": "",
        },
        "slo_state": "met",
        "standings": [standing()],
        "promises": [slo()],
        "slos": [short()],
        "last_outcome": "published",
        "last_delivery": "2026-11-20",
        "last_release": "2026-11-20.1",
        "last_at": "2026-11-20T09:12:00Z",
        "last_why": None,
        "waiting": 0,
        "failing_checks": [],
        "needs_attention": False,
        "consumers": ["morning_signal"],
        "consumer_labels": ["Morning signal"],
        "contract_fault": None,
        "problem": None,
    } | values


def incident(**values: Any) -> dict[str, Any]:
    return {
        "kind": "slo-missed",
        "dataset": "equities.daily_prices",
        "team": "markets",
        "opened_at": "2026-11-20T09:31:00Z",
        "closed_at": None,
        "id": "20261120-1",
        "page": "datasets/equities.daily_prices.html",
        "facts": {"slo": "freshness", "business_date": "2026-11-20", "due_at": "2026-11-20T09:30:00Z"},
        "text": "freshness: 2026-11-20 was not there in time",
        "acknowledged_by": None,
        "acknowledged_reason": None,
    } | values


def event(
    kind: str, *, release: str | None = None, change: str | None = None, text: str = "", **facts: Any
) -> dict[str, Any]:
    return {
        "id": f"{kind}/equities.daily_prices/{facts}",
        "at": "2026-11-20T09:12:00Z",
        "kind": kind,
        "dataset": "equities.daily_prices",
        "team": "markets",
        "title": "equities.daily_prices: something happened",
        "text": text,
        "page": "datasets/equities.daily_prices.html#release-2026-11-20.1",
        "release": release,
        "change": change,
        "facts": facts,
    }


def fault(**values: Any) -> dict[str, Any]:
    return {
        "team": "logistics",
        "path": "models/logistics/parcels.yml",
        "line": 41,
        "message": "unknown key 'retension' under meta.hub; did you mean 'retention'?",
        "next_step": "datahub check logistics",
        "has_last_good": False,
        "is_broken": True,
    } | values


def reading(name: str = "equities.daily_prices", **values: Any) -> dict[str, Any]:
    return {
        "dataset": name,
        "page": f"datasets/{name}.html",
        "columns": ["ticker", "close"],
        "slo": slo("for_morning_signal", due="08:00", covers=1),
        "slo_state": "late",
        "history": short("for_morning_signal", consumer="morning_signal"),
        "affected_at": "2026-11-23T23:00:00Z",
        "is_affected": False,
        "classification": "internal",
        "license_terms": "internal use",
    } | values


def consumer(name: str = "morning_signal", **values: Any) -> dict[str, Any]:
    return {
        "schema_version": 2,
        "name": name,
        "label": "Morning signal of the Tokyo desk",
        "kind": "team",
        "type": "application",
        "owner": "Tokyo desk",
        "email": "tokyo-desk@example.com",
        "url": "https://example.com/signal",
        "description": "Reads the prices **before** the session opens.",
        "notice_days": 30.0,
        "page": f"consumers/{name}.html",
        "reads": [
            reading(is_affected=True, affected_at="2026-11-20T23:00:00Z"),
            reading(
                "reference.calendars", slo=None, history=None, columns=[], affected_at=None, slo_state=None
            ),
            reading(
                "logistics.parcels", page=None, slo_state=None, classification=None, slo=None, history=None
            ),
            reading("volatility.index_sessions", license_terms=None, classification="confidential"),
        ],
    } | values


def datasets() -> list[dict[str, Any]]:
    return [
        dataset("equities.closing_auction"),
        dataset(
            "equities.daily_prices",
            slo_state="late",
            needs_attention=True,
            standings=[standing(state="late")],
            slos=[
                short(attainment=0.91, is_kept=False, budget_left=-0.8, burn_rate=4.2),
                short("for_morning_signal", consumer="morning_signal"),
                short("quality"),
            ],
            last_outcome="rejected",
            failing_checks=["hub_between_daily_prices_close"],
        ),
        dataset(
            "volatility.index_sessions",
            slos=[short(burn_rate=2.4, budget_left=0.21)],
            lifecycle="deprecated",
            published=dataset("x")["published"] | {"rolled_back": True},
        ),
        dataset("weather.daily_observations", "climate", classification="public", consumers=[]),
        dataset(
            "weather.stations", "climate", slos=[], standings=[], slo_state=None, published=None, consumers=[]
        ),
        dataset(
            "payments.card_settlements",
            "payments",
            classification="confidential",
            slo_state="unknown",
            needs_attention=True,
            standings=[standing(state="unknown", reason="The calendar ends on 2026-10-31.")],
            slos=[short(attainment=None, is_kept=None, budget_left=None, burn_rate=None, days="." * 90)],
        ),
    ]


def site(**values: Any) -> dict[str, Any]:
    return {
        "schema_version": 2,
        "datasets": datasets(),
        "teams": [
            {"team": team, "page": f"teams/{team}.html", "datasets": 2, "needs_attention": 1}
            for team in ("climate", "markets", "payments")
        ],
        "consumers": [
            consumer(),
            consumer("rainfall_feed", label="", kind=None, notice_days=None, owner=None),
        ],
        "contract_faults": [fault()],
        "incidents": [
            incident(),
            incident(kind="rejected", acknowledged_by="mika", acknowledged_reason="known"),
        ],
    } | values


def team(**values: Any) -> dict[str, Any]:
    return {
        "schema_version": 2,
        "team": "markets",
        "page": "teams/markets.html",
        "owners": ["markets-data@example.com"],
        "support": [{"tool": "slack", "channel": "#markets-data", "url": "https://example.com/slack"}],
        "datasets": [each for each in datasets() if each["team"] == "markets"],
        "faults": [fault(team="markets", has_last_good=True)],
        "incidents": [incident(), incident(closed_at="2026-11-20T12:00:00Z")],
        "events": events(),
    } | values


def events() -> list[dict[str, Any]]:
    return [
        event("published", generation=12, rows=3912, release="2026-11-20.1"),
        event("rejected", delivery="2026-11-19", why="3 rows twice", text="3 rows twice"),
        event("rolled-back", generation=3, restores=1, reason="The prices of another index."),
        event("contract", version="2.0.0", change="breaking", text="volume: the column was removed"),
        event("contract", version="1.1.0", change="additive", text="height: a column was added"),
        event("contract", version="1.0.1", change="editorial"),
        event("contract", version="1.0.0", change="first"),
        event("sunset", sunset_date="2027-03-31", successor="equities.daily_prices"),
        event("incident", incident="slo-missed", slo="freshness", business_date="2026-11-19"),
        event("incident", incident="checks-failed"),
    ]


def changes(**values: Any) -> dict[str, Any]:
    return {
        "schema_version": 2,
        "events": events(),
        "sunsets": [
            {
                "dataset": "volatility.index_sessions",
                "team": "markets",
                "page": "datasets/volatility.index_sessions.html",
                "sunset_date": "2027-03-31",
                "successor": "equities.daily_prices",
                "successor_page": "datasets/equities.daily_prices.html",
                "consumers": ["Morning signal of the Tokyo desk"],
            },
            {
                "dataset": "weather.stations",
                "team": "climate",
                "page": "datasets/weather.stations.html",
                "sunset_date": None,
                "successor": None,
                "successor_page": None,
                "consumers": [],
            },
        ],
        "incidents": [incident(), incident(closed_at="2026-11-19T12:00:00Z")],
    } | values


PAGES = {
    "team": ("team.html.j2", "teams/markets.html", team),
    "consumer": ("consumer.html.j2", "consumers/morning_signal.html", consumer),
    "consumers": ("consumers.html.j2", "consumers.html", site),
    "status": ("status.html.j2", "status.html", site),
    "changes": ("changes.html.j2", "changes.html", changes),
}

"""One page of each kind, the richest that the example hub has."""

DATASET = "datasets/equities.index_weights.html"
PRICES = "datasets/equities.daily_prices.html"
HOSTILE = "datasets/zz_hostile.table.html"
KINDS = {
    "start": "index.html",
    "dataset": DATASET,
    "hostile": HOSTILE,
    "team": "teams/markets.html",
    "consumer": "consumers/risk_report.html",
    "consumers": "consumers.html",
    "status": "status.html",
    "changes": "changes.html",
}
TONGUES = {"en": "", "ja": "ja/"}

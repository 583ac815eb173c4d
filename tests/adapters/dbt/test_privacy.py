"""What of a failed test's rows may be shown where the test reads something confidential."""

import pytest

from datahub_dagster.adapters.dbt.privacy import Privacy

PRIVACY = Privacy(strict=True, hidden=frozenset({"email"}), shown=frozenset({"id", "amount"}))


@pytest.mark.parametrize(
    ("column", "kind", "sql"),
    [
        ("id", "BIGINT", "select id, amount from orders where amount < 0"),
        ("id", "BIGINT", "select o.id from orders o where o.amount < 0 and o.id > 1 order by id"),
        (
            "unique_field",
            "BIGINT",
            "select id as unique_field, count(*) as n_records from orders group by id",
        ),
        (
            "n_records",
            "BIGINT",
            "select email as unique_field, count(*) as n_records from orders group by email",
        ),
        ("count_star()", "BIGINT", "select count(*) from orders"),
        ("amount", "DOUBLE", "with bad as (select id, amount from orders) select amount from bad"),
    ],
)
def test_what_is_known_not_to_be_confidential_is_shown(column: str, kind: str, sql: str) -> None:
    assert PRIVACY.shows(column, kind, sql)


@pytest.mark.parametrize(
    ("column", "kind", "sql"),
    [
        ("email", "VARCHAR", "select email from orders"),
        ("id", "VARCHAR", "select email as id from orders"),
        ("id", "VARCHAR", "select email id from orders"),
        ("id", "VARCHAR", "select o.email id, amount from orders o"),
        ("id", "VARCHAR", 'select "email" "id" from orders'),
        ("id", "VARCHAR", "select lower(email) id from orders"),
        ("id", "VARCHAR", "with r (id, amount) as (select email, amount from orders) select id from r"),
        ("id", "VARCHAR", "select id from (select email, amount from orders) as r (id, amount)"),
        ("id", "VARCHAR", "select id from (select email, amount from orders) r (id, amount) where id > 'a'"),
        ("unique_field", "VARCHAR", "select email as unique_field, count(*) as n_records from orders"),
        ("n_records", "BIGINT", "select length(email) as n_records from orders"),
        ("n_records", "BIGINT", "select length(email) n_records from orders"),
        ("pin_count", "BIGINT", "select pin_count from orders"),
    ],
)
def test_what_may_be_confidential_under_another_name_is_hidden(column: str, kind: str, sql: str) -> None:
    assert not PRIVACY.shows(column, kind, sql)

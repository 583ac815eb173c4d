"""Tables for the project `legacy/`: a few rows, with a few faults that its tests notice."""

LEGACY_TABLES = [
    "create schema shop_raw",
    "create schema crm",
    """
    create table shop_raw."DAILY_SALES_V2" as
    select * from (values
        (1, 10, 12.5, 'paid', 100, '2026-11-21 08:00:00'),
        (2, 10, 0.0, 'paid', 101, '2026-11-21 08:05:00'),
        (3, 11, 99999.0, 'void', 100, '2026-11-21 09:00:00'),
        (4, 99, 7.0, 'open', 100, '2026-11-21 09:30:00')
    ) as t(sale_id, "store-id", amount, status, customer_id, _loaded_at)
    """,
    """
    create table shop_raw.stores as
    select * from (values (10, date '2020-05-01'), (11, date '2021-06-01')) as t(store_id, opened_on)
    """,
    "create table shop_raw.tills as select 1 as till, 10 as store_id",
    "create table shop_raw.loyalty_cards as select 'L-1' as card_id",
    """
    create table crm.customers as
    select * from (values
        (100::bigint, 'a@example.com', null::date),
        (101::bigint, '', null::date),
        (102::bigint, null, date '2026-01-01')
    ) as t(customer_id, email, deleted_at)
    """,
    "create table crm.customers_history as select 100 as customer_id",
]

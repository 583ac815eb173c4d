{{ config(materialized='view', tags=['staging']) }}
select sale_id, "store-id" as store_id, amount, status
from {{ source('legacy-pos', 'daily-sales') }}

{{ config(severity='warn', tags=['nightly']) }}
select sales.sale_id
from {{ source('legacy-pos', 'daily-sales') }} as sales
left join {{ source('legacy-pos', 'stores') }} as stores on stores.store_id = sales."store-id"
left join {{ source('crm', 'customers') }} as customers on customers.customer_id = sales.customer_id
where stores.store_id is null or customers.customer_id is null

select store_id from {{ source('legacy-pos', 'stores') }} group by 1 having count(distinct opened_on) > 1

{#
  Whether a number is NaN, where a comparison doesn't say so by itself.
  Athena compares as IEEE says: every comparison with NaN is false. DuckDB holds NaN to be greater than any number.
#}
{% macro hub_is_nan(column) -%}{{ return(adapter.dispatch('hub_is_nan')(column)) }}{%- endmacro %}

{% macro default__hub_is_nan(column) -%}false{%- endmacro %}

{% macro duckdb__hub_is_nan(column) -%}isnan(cast({{ column }} as double)){%- endmacro %}

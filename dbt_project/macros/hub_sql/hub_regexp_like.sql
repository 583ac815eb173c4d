{# Whether a pattern is found anywhere in a text. #}
{% macro hub_regexp_like(column, pattern) -%}{{ return(adapter.dispatch('hub_regexp_like')(column, pattern)) }}{%- endmacro %}

{% macro default__hub_regexp_like(column, pattern) -%}
  regexp_like({{ column }}, '{{ pattern | replace("'", "''") }}')
{%- endmacro %}

{% macro duckdb__hub_regexp_like(column, pattern) -%}
  regexp_matches({{ column }}, '{{ pattern | replace("'", "''") }}')
{%- endmacro %}

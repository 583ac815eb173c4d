{#
  A date from YAML as SQL: `2026-01-31`, `today`, `today+30` or `today-7` (days).
  `today` is the engine's current date: UTC on Athena, the machine's time zone on DuckDB.
#}
{% macro hub_date_literal(value) -%}
  {%- set text = value | string | replace(' ', '') -%}
  {%- set relative = modules.re.fullmatch('today(?:([+-])([0-9]+))?', text) -%}
  {%- if relative and relative.group(2) -%}
    (current_date {{ relative.group(1) }} interval '{{ relative.group(2) }}' day)
  {%- elif relative -%}
    current_date
  {%- elif modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', text) -%}
    date '{{ text }}'
  {%- elif execute -%}
    {{ exceptions.raise_compiler_error("'" ~ value ~ "' is not a date: write 2026-01-31, today, today+30 or today-7") }}
  {%- endif -%}
{%- endmacro %}

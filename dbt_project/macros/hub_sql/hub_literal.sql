{# A value from YAML as SQL: numbers as they are, ISO dates as date literals, any other text as an SQL expression. #}
{% macro hub_literal(value) -%}
  {%- if modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', value | string) -%}date '{{ value }}'{%- else -%}{{ value }}{%- endif -%}
{%- endmacro %}

{# A column name, quoted so that `order` or `end` may be one; anything that isn't a plain name is left as it is. #}
{% macro hub_column(name) -%}
  {%- if modules.re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', name) -%}"{{ name }}"{%- else -%}{{ name }}{%- endif -%}
{%- endmacro %}

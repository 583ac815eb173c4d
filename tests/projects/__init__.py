"""Small dbt projects for tests, and real dbt run over them in process."""

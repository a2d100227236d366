"""Makes the Postgres role with which programs use the ledger: it owns the ledger, and has no other right."""

from contextlib import closing

from pg8000.native import literal

from orderflow.adapters.postgres import connect

APPLICATION_ROLE = "orderflow_app"
"""Owns the ledger and its schema and has no other right; the superuser is let in by the Unix socket only."""

# Tables that an earlier version made as the superuser get this owner. A sequence of a column follows its table.
_CHANGE_OWNER = f"""
DO $$
DECLARE
  relation regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
    CREATE ROLE {APPLICATION_ROLE};
  END IF;
  FOR relation IN
    SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
      AND relowner <> '{APPLICATION_ROLE}'::regrole
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {APPLICATION_ROLE}', relation);
  END LOOP;
END
$$
"""  # noqa: S608 - the name is a constant


def set_up_application_role(url: str, password: str) -> None:
    """Give the Postgres at `url`, a superuser's, the role with `password`, and make it the owner of the ledger.

    Doing that again changes nothing but the password. Raises as pg8000 does, such as when Postgres is not up yet.
    """
    with closing(connect(url)) as connection:
        # A statement that fails would be written to the log, and the password with it.
        connection.run("SET log_min_error_statement = panic")
        connection.run("BEGIN")
        connection.run(_CHANGE_OWNER)
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        # Statements of these kinds take no parameters.
        connection.run(f"ALTER ROLE {APPLICATION_ROLE} {rights} PASSWORD {literal(password)}")
        connection.run(f"ALTER DATABASE orderflow OWNER TO {APPLICATION_ROLE}")
        connection.run(f"ALTER SCHEMA public OWNER TO {APPLICATION_ROLE}")
        connection.run("ALTER ROLE orderflow PASSWORD NULL")
        connection.run("COMMIT")

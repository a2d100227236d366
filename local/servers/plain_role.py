"""Makes the role with which programs use the ledger: what a role of Postgres may least, and all that the ledger has."""

from contextlib import closing

from pg8000.native import literal

from orderflow.adapters.postgres import connect

PLAIN_ROLE = "orderflow_app"
"""Owns the ledger and its schema, and may nothing else; the superuser is let in by the Unix socket only."""

# What another version made as the superuser is handed over. A sequence of a column follows its table.
_HAND_OVER = f"""
DO $$
DECLARE
  relation regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{PLAIN_ROLE}') THEN
    CREATE ROLE {PLAIN_ROLE};
  END IF;
  FOR relation IN
    SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
      AND relowner <> '{PLAIN_ROLE}'::regrole
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {PLAIN_ROLE}', relation);
  END LOOP;
END
$$
"""  # noqa: S608 - the name is a constant


def admit_plain_role(url: str, password: str) -> None:
    """Have the Postgres at `url`, a superuser's, know the plain role by `password`, and the ledger belong to that role.

    Doing it again changes nothing but the password. Raises as pg8000 does, such as when Postgres is not up yet.
    """
    with closing(connect(url)) as connection:
        # What fails would be written to the log, and the password with it.
        connection.run("SET log_min_error_statement = panic")
        connection.run("BEGIN")
        connection.run(_HAND_OVER)
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        # Statements of these kinds take no parameters.
        connection.run(f"ALTER ROLE {PLAIN_ROLE} {rights} PASSWORD {literal(password)}")
        connection.run(f"ALTER DATABASE orderflow OWNER TO {PLAIN_ROLE}")
        connection.run(f"ALTER SCHEMA public OWNER TO {PLAIN_ROLE}")
        connection.run("ALTER ROLE orderflow PASSWORD NULL")
        connection.run("COMMIT")

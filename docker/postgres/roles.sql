-- The four roles of Simpul. Run as a superuser, as often as you like; a production DBA sets passwords afterwards
-- (\password simpul_app), ./dev relies on a private socket, docker/ sets them from secrets.
--
-- simpul_owner    owns the database and its objects; runs migrations, never serves requests
-- simpul_app      serves requests: one tenant per transaction, held by row-level security
-- simpul_system   relay, leases, timers, directories: a closed list of tables without payloads
-- simpul_analyst  reads schema `analytics`
-- simpul_backup   dumps everything and writes nothing: a dump in which row-level security hid rows would be none
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['simpul_owner', 'simpul_app', 'simpul_system', 'simpul_analyst', 'simpul_backup'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', role_name);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS', role_name);
  END LOOP;
END
$$;

ALTER ROLE simpul_app NOCREATEDB;
ALTER ROLE simpul_system NOCREATEDB;
ALTER ROLE simpul_analyst NOCREATEDB;
ALTER ROLE simpul_backup NOCREATEDB BYPASSRLS;
ALTER ROLE simpul_backup SET default_transaction_read_only = on;
GRANT pg_read_all_data TO simpul_backup;

-- What a statement without a tenant is told, see app.tenant().
ALTER ROLE simpul_app SET app.tenant_id = 'no tenant is set on this transaction';
ALTER ROLE simpul_system SET app.tenant_id = 'no tenant is set on this transaction';

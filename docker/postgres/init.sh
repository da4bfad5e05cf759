#!/usr/bin/env bash
# Runs once, inside the PostgreSQL container, on an empty data directory.
set -euo pipefail

admin() { psql -X -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --dbname "$@"; }

admin postgres -f /simpul/roles.sql
admin postgres \
  -v owner="$SIMPUL_OWNER_PASSWORD" -v app="$SIMPUL_APP_PASSWORD" \
  -v system="$SIMPUL_SYSTEM_PASSWORD" -v analyst="$SIMPUL_ANALYST_PASSWORD" \
  -v backup="$SIMPUL_BACKUP_PASSWORD" <<'SQL'
ALTER ROLE simpul_owner PASSWORD :'owner';
ALTER ROLE simpul_app PASSWORD :'app';
ALTER ROLE simpul_system PASSWORD :'system';
ALTER ROLE simpul_analyst PASSWORD :'analyst';
ALTER ROLE simpul_backup PASSWORD :'backup';
CREATE DATABASE simpul OWNER simpul_owner;
SQL
admin simpul -f /simpul/extensions.sql

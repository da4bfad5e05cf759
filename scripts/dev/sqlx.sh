# shellcheck shell=bash
# The committed answers of sqlx' query macros (.sqlx/). With DATABASE_URL and SQLX_OFFLINE_DIR set the macros write
# one file per query as the compiler expands them, so no other tool is needed. The schema they are checked against
# is a scratch database made from migrations/ alone, never a database that somebody has worked in.

SQLX_DATABASE=simpul_sqlx
readonly SQLX_DATABASE

sqlx_files() { grep -rlE '\bquery(_as|_scalar|_file|_file_as|_file_scalar)?(_unchecked)?!' --include='*.rs' crates tests benches 2>/dev/null; }

sqlx_fresh_database() {
  PG_BIN="$(postgres_cluster_bin)"
  postgres_admin -d postgres -c "DROP DATABASE IF EXISTS $SQLX_DATABASE WITH (FORCE)" \
    -c "CREATE DATABASE $SQLX_DATABASE OWNER simpul_owner"
  local migration
  local -a transaction
  for migration in migrations/*.up.sql; do
    [ -e "$migration" ] || continue
    transaction=(--single-transaction)
    if head -n 1 "$migration" | grep -q '^-- no-transaction'; then transaction=(); fi
    "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$RUN_DIR" -U simpul_owner -d "$SQLX_DATABASE" \
      "${transaction[@]}" -f "$migration" >/dev/null || die "migration $migration fails on an empty database"
  done
  # Queries on read models name tables without a schema: at run time the transaction's search path says which
  # version is meant, here it is the newest of each.
  "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$RUN_DIR" -U simpul_owner -d "$SQLX_DATABASE" >/dev/null <<'SQL'
SELECT format('ALTER DATABASE %I SET search_path = %s, public', current_database(), string_agg(quote_ident(nspname), ', '))
FROM pg_namespace WHERE nspname LIKE 'rm\_%' HAVING count(*) > 0 \gexec
SQL
}

# sqlx_generate <directory> [clippy's arguments...]: expands every query macro against the scratch database. By clippy, which
# expands them anyway: another command would check the workspace once more, and its dependencies if packages were named.
sqlx_generate() {
  local directory="$1"
  shift
  local -a files=()
  # cargo does not know that the macros depend on the database: newer files make them run again.
  mapfile -t files < <(sqlx_files)
  touch "${files[@]}"
  DATABASE_URL="$(database_url simpul_owner "$SQLX_DATABASE")" SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$directory" \
    cargo clippy --quiet --workspace --all-targets --locked "$@"
}

sqlx_regenerate() {
  install_missing
  servers_up
  sqlx_fresh_database
  rm -rf "$DEV_DIR/sqlx"
  mkdir -p "$DEV_DIR/sqlx"
  sqlx_generate "$DEV_DIR/sqlx"
  rm -rf .sqlx
  if [ -n "$(ls -A "$DEV_DIR/sqlx")" ]; then cp -r "$DEV_DIR/sqlx" .sqlx; fi
  say "$(find .sqlx -name '*.json' 2>/dev/null | wc -l) queries in .sqlx/"
}

# What clippy says of the workspace, and whether the committed answers are those of today.
sqlx_check() {
  sqlx_fresh_database
  rm -rf "$DEV_DIR/sqlx"
  mkdir -p "$DEV_DIR/sqlx"
  sqlx_generate "$DEV_DIR/sqlx" -- -D warnings
  diff -r .sqlx "$DEV_DIR/sqlx" >&2 || die ".sqlx/ differs from the queries and migrations: run ./dev sqlx and commit"
}

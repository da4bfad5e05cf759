# shellcheck shell=bash
# This checkout's own PostgreSQL cluster: reachable only through a unix socket in a directory of mode 0700, hence
# `trust`. Durability stays on, because benchmarks and crash tests are run against it.

PG_DATA="$STATE_DIR/pg/data"
readonly PG_DATA

# The newest server of at least version 15 that has PostGIS.
postgres_bin() {
  local version best=""
  for version in $(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n); do
    if [ "$version" -ge 15 ] && [ -x "/usr/lib/postgresql/$version/bin/initdb" ] &&
      [ -e "/usr/share/postgresql/$version/extension/postgis.control" ]; then
      best="$version"
    fi
  done
  [ -n "$best" ] && echo "/usr/lib/postgresql/$best/bin"
}

# An existing cluster stays with the version that made it.
postgres_cluster_bin() {
  local version bin
  if version="$(as_server cat "$PG_DATA/PG_VERSION" 2>/dev/null)"; then
    bin="/usr/lib/postgresql/$version/bin"
    [ -x "$bin/postgres" ] || die "$PG_DATA was made by PostgreSQL $version, which is gone: install it or remove $STATE_DIR/pg"
    echo "$bin"
  else
    postgres_bin || die "no PostgreSQL 15 or newer with PostGIS under /usr/lib/postgresql"
  fi
}

# Every process of a cluster has the data directory as its working directory.
postgres_processes() {
  find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$PG_DATA" 2>/dev/null | cut -d/ -f3 || true
}

# Prints the postmaster's pid when the pid file's process is alive and really works in this data directory.
postgres_pid() {
  local pid
  pid="$(as_server head -n 1 "$PG_DATA/postmaster.pid" 2>/dev/null)" || return 1
  [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$PG_DATA" ] && echo "$pid"
}

postgres_no_processes() { [ -z "$(postgres_processes)" ]; }

postgres_answers() { as_server "$PG_BIN/pg_isready" -q -h "$RUN_DIR" -t 1; }

postgres_init() {
  say "creating the PostgreSQL cluster in $PG_DATA"
  as_server "$PG_BIN/initdb" --pgdata="$PG_DATA" --username=postgres --auth=trust --data-checksums \
    --encoding=UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
  as_server tee "$PG_DATA/pg_hba.conf" >/dev/null <<HBA
# Only the unix socket, whose directory belongs to its owner alone.
local all all trust
HBA
  as_server tee -a "$PG_DATA/postgresql.conf" >/dev/null <<'CONF'

include_if_exists = 'simpul.conf'
CONF
}

postgres_configure() {
  as_server tee "$PG_DATA/simpul.conf" >/dev/null <<CONF
# Written by ./dev up.
listen_addresses = ''
unix_socket_directories = '$RUN_DIR'
unix_socket_permissions = 0700
external_pid_file = '$RUN_DIR/postgres.pid'
max_connections = 300
shared_buffers = 256MB
fsync = on
synchronous_commit = on
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
CONF
}

postgres_up() {
  PG_BIN="$(postgres_cluster_bin)"
  as_server test -s "$PG_DATA/PG_VERSION" || postgres_init
  if ! postgres_pid >/dev/null; then
    # After a kill -9 the old backends must be gone before the pid file may be: it guards shared memory.
    wait_for 30 "no process of an earlier start is left" postgres_no_processes ||
      die "an earlier PostgreSQL still runs in $PG_DATA: pids $(postgres_processes | tr '\n' ' ')"
    postgres_configure
    as_server rm -f "$PG_DATA/postmaster.pid" "$RUN_DIR/.s.PGSQL.5432" "$RUN_DIR/.s.PGSQL.5432.lock"
    as_server "$PG_BIN/pg_ctl" --pgdata="$PG_DATA" --log="$LOG_DIR/postgres.log" --silent --wait --timeout=60 \
      start 9>&- >/dev/null || die "PostgreSQL did not start within 60 s: see $LOG_DIR/postgres.log"
  fi
  wait_for 60 "PostgreSQL answers in $RUN_DIR" postgres_answers ||
    die "waited 60 s for PostgreSQL in $RUN_DIR: see $LOG_DIR/postgres.log"
  postgres_bootstrap
}

# Runs psql as the cluster's superuser.
postgres_admin() {
  PGOPTIONS='-c client_min_messages=warning' "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$RUN_DIR" -U postgres "$@" </dev/null
}

# Roles and databases; idempotent. Tests create their databases as simpul_owner, and PostGIS, which only a
# superuser may create, comes to them through template1.
postgres_bootstrap() {
  postgres_admin -d postgres -f docker/postgres/roles.sql
  postgres_admin -d postgres -c 'ALTER ROLE simpul_owner CREATEDB'
  postgres_admin -d template1 -f docker/postgres/extensions.sql
  postgres_database simpul_dev
  if postgres_database_missing "$SQLX_DATABASE"; then sqlx_fresh_database; fi
}

postgres_database_missing() {
  [ "$(postgres_admin -d postgres -At -c "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 0 ]
}

postgres_database() {
  if postgres_database_missing "$1"; then
    postgres_admin -d postgres -c "CREATE DATABASE $1 OWNER simpul_owner"
  fi
}

postgres_down() {
  local pid
  if ! pid="$(postgres_pid)"; then return; fi
  PG_BIN="$(postgres_cluster_bin)"
  as_server "$PG_BIN/pg_ctl" --pgdata="$PG_DATA" --silent --mode=fast --timeout=60 stop ||
    die "waited 60 s for PostgreSQL (pid $pid) to stop: see $LOG_DIR/postgres.log"
  say "PostgreSQL stopped"
}

postgres_psql() {
  PG_BIN="$(postgres_cluster_bin)"
  postgres_answers || die "PostgreSQL is not running: ./dev up"
  if [ $# -eq 0 ]; then set -- -d simpul_dev; fi
  PGDATABASE="${PGDATABASE:-simpul_dev}" PGUSER="${PGUSER:-simpul_owner}" exec "$PG_BIN/psql" -h "$RUN_DIR" "$@"
}

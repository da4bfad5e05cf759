# shellcheck shell=bash
# Words that every part of ./dev uses: messages, where state lives, ports, the servers' user, locks, and process
# records that survive a reboot or a kill -9 without ever naming somebody else's process.

say() { printf '\033[1m[dev]\033[0m %s\n' "$*" >&2; }
die() {
  printf '\033[1m[dev] error:\033[0m %s\n' "$*" >&2
  exit 1
}

# An environment without HOME (some CI runners) still has a home.
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
# Cargo tools take minutes to build, so all checkouts of one user share them.
TOOLS_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/simpul-dev/tools"
export PATH="$TOOLS_DIR/bin:$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin"

DEV_DIR="$ROOT/.dev"
CHECKOUT_HASH="$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)"
readonly TOOLS_DIR DEV_DIR CHECKOUT_HASH

# PostgreSQL and RabbitMQ refuse or should not run as root: root's servers run as the account that Debian's
# PostgreSQL package creates, a developer's servers as the developer.
if [ "$(id -u)" -eq 0 ]; then SERVER_USER=postgres; else SERVER_USER="$(id -un)"; fi
readonly SERVER_USER

# Runs a command as that user, from a directory that it can enter.
as_server() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u "$SERVER_USER" -- "$@"); else "$@"; fi
}

# Servers' files live in .dev, except when the servers' user cannot reach it (a checkout under /root).
STATE_DIR="$DEV_DIR"
if [ "$(id -u)" -eq 0 ] && id "$SERVER_USER" >/dev/null 2>&1 && ! as_server test -x "$ROOT"; then
  STATE_DIR="/var/lib/simpul-dev/$CHECKOUT_HASH"
fi
# A unix socket's path has at most 107 bytes; "/.s.PGSQL.5432" takes 14 of them.
RUN_DIR="$STATE_DIR/run"
if [ "${#RUN_DIR}" -gt 90 ]; then RUN_DIR="/tmp/simpul-$(id -u)-$CHECKOUT_HASH"; fi
LOG_DIR="$STATE_DIR/log"
readonly STATE_DIR RUN_DIR LOG_DIR

prepare_state() {
  id "$SERVER_USER" >/dev/null 2>&1 || die "user '$SERVER_USER' does not exist: run ./dev install"
  mkdir -p "$DEV_DIR" "$STATE_DIR"
  local dir
  for dir in "$RUN_DIR" "$LOG_DIR" "$STATE_DIR/pg" "$STATE_DIR/rabbit"; do
    [ -d "$dir" ] || mkdir -m 700 "$dir"
    if [ "$(id -u)" -eq 0 ]; then chown "$SERVER_USER:" "$dir"; fi
    [ "$(stat -c %U "$dir")" = "$SERVER_USER" ] || die "$dir belongs to $(stat -c %U "$dir"), not to $SERVER_USER"
    chmod 700 "$dir"
  done
}

# Runs a function while holding this checkout's lock, so that two `./dev up` do not start two servers.
with_lock() {
  mkdir -p "$DEV_DIR"
  exec 9>"$DEV_DIR/lock"
  flock -w 180 9 || die "waited 180 s for another ./dev to release $DEV_DIR/lock"
  "$@"
  exec 9>&-
}

# wait_for <seconds> <what> <command...>: polls until the command succeeds; says so when it took a while.
wait_for() {
  local seconds="$1" what="$2"
  shift 2
  local started=$SECONDS deadline=$((SECONDS + seconds))
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
  if [ "$SECONDS" -gt "$started" ]; then say "$what"; fi
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ten consecutive ports per checkout, below Linux' ephemeral range, kept in .dev/ports for the next start.
# free_port_block prints the first of ten ports on which nothing listens.
free_port_block() {
  local block=$((16#$CHECKOUT_HASH % 1200)) try port busy
  for ((try = 0; try < 1200; try++)); do
    local base=$((20000 + (block + try) % 1200 * 10))
    busy=no
    for ((port = base; port < base + 4; port++)); do
      if port_answers "$port"; then busy=yes; fi
    done
    if [ "$busy" = no ]; then
      echo "$base"
      return
    fi
  done
  die "no ten free ports between 20000 and 32000"
}

# A process is remembered as "pid start-time boot-id": a recycled pid never matches.
process_identity() {
  local stat
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
  # Fields after the last ')' start at number 3; the start time is number 22, the state number 3.
  local -a fields
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  echo "$1 ${fields[19]} $(cat /proc/sys/kernel/random/boot_id)"
}

record_process() { process_identity "$2" >"$RUN_DIR/$1.pid" || die "$1 ended at once: see $LOG_DIR/$1.log"; }

recorded_pid() {
  local record pid
  record="$(cat "$RUN_DIR/$1.pid" 2>/dev/null)" || return 1
  pid="${record%% *}"
  [ -n "$pid" ] && [ "$(process_identity "$pid")" = "$record" ] && echo "$pid"
}

process_gone() { ! recorded_pid "$1" >/dev/null; }

# stop_recorded <name> <seconds>: TERM, bounded wait, then KILL; only the very process that was recorded.
stop_recorded() {
  local pid
  if pid="$(recorded_pid "$1")"; then
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_for "$2" "$1 stopped" process_gone "$1"; then
      say "$1 (pid $pid) did not stop in $2 s: killing it"
      kill -KILL "$pid" 2>/dev/null || true
      wait_for 10 "$1 killed" process_gone "$1" || die "$1 (pid $pid) cannot be killed"
    fi
  fi
  rm -f "$RUN_DIR/$1.pid"
}

database_url() { printf 'postgres://%s@%s/%s' "$1" "${RUN_DIR//\//%2F}" "$2"; }

print_env() {
  local base=""
  if [ -r "$STATE_DIR/ports" ]; then base="$(cat "$STATE_DIR/ports")"; fi
  cat <<ENV
export PGHOST='$RUN_DIR'
export DATABASE_URL='$(database_url simpul_owner "$SQLX_DATABASE")'
export SIMPUL_DATABASE__OWNER_URL='$(database_url simpul_owner simpul_dev)'
export SIMPUL_DATABASE__APP_URL='$(database_url simpul_app simpul_dev)'
export SIMPUL_DATABASE__SYSTEM_URL='$(database_url simpul_system simpul_dev)'
export SIMPUL_DATABASE__ANALYST_URL='$(database_url simpul_analyst simpul_dev)'
export SIMPUL_DATABASE__BACKUP_URL='$(database_url simpul_backup simpul_dev)'
export SIMPUL_TEST_PYTHON='$DEV_DIR/venv/bin/python'
ENV
  if [ -n "$base" ]; then echo "export AMQP_URL='amqp://guest:guest@127.0.0.1:$base/%2f'"; fi
}

write_env() { print_env >"$DEV_DIR/env"; }

# The environment of a run of what is committed: query macros read .sqlx/, never a database.
load_committed_env() {
  # shellcheck source=/dev/null
  source "$DEV_DIR/env"
  export SQLX_OFFLINE=true
}

# shellcheck shell=bash
# This checkout's own RabbitMQ: own data, own Erlang port mapper, loopback only. The base port from .dev/ports is
# AMQP; the next two are Erlang distribution and the port mapper, the rest belongs to rabbitmqctl.

RABBIT_HOME="$STATE_DIR/rabbit"
RABBIT_SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server
readonly RABBIT_HOME RABBIT_SERVER

rabbitmq_env() {
  local base="$1"
  printf '%s\n' \
    "HOME=$RABBIT_HOME" "LANG=C.UTF-8" \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "RABBITMQ_NODENAME=simpul@localhost" \
    "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1" "RABBITMQ_NODE_PORT=$base" "RABBITMQ_DIST_PORT=$((base + 1))" \
    "RABBITMQ_CTL_DIST_PORT_MIN=$((base + 3))" "RABBITMQ_CTL_DIST_PORT_MAX=$((base + 9))" \
    "ERL_EPMD_PORT=$((base + 2))" "ERL_EPMD_ADDRESS=127.0.0.1" \
    "RABBITMQ_MNESIA_BASE=$RABBIT_HOME/mnesia" "RABBITMQ_LOG_BASE=$LOG_DIR" \
    "RABBITMQ_CONFIG_FILE=$RABBIT_HOME/rabbitmq" "RABBITMQ_CONF_ENV_FILE=$RABBIT_HOME/none" \
    "RABBITMQ_ENABLED_PLUGINS_FILE=$RABBIT_HOME/enabled_plugins" \
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
}

# start_detached <name> <base port> <command...>: in its own session, as the servers' user, recorded by pid. Every
# link of the chain execs the next, so the recorded pid is the server's.
start_detached() {
  local name="$1" base="$2" pid
  shift 2
  local -a variables
  mapfile -t variables < <(rabbitmq_env "$base")
  local -a chain=(setsid)
  if [ "$(id -u)" -eq 0 ]; then
    chain+=(setpriv "--reuid=$SERVER_USER" "--regid=$(id -g "$SERVER_USER")" --init-groups)
  fi
  (
    cd "$RABBIT_HOME" || exit 1
    # RUNNING_UNDER_SYSTEMD makes the start script exec Erlang instead of supervising it from a shell.
    exec "${chain[@]}" env -i "${variables[@]}" RUNNING_UNDER_SYSTEMD=true "$@"
  ) </dev/null >>"$LOG_DIR/$name.log" 2>&1 9>&- &
  pid=$!
  disown "$pid"
  record_process "$name" "$pid"
}

rabbitmq_up() {
  local base
  if recorded_pid rabbitmq >/dev/null && [ -r "$STATE_DIR/ports" ] && port_answers "$(cat "$STATE_DIR/ports")"; then
    return
  fi
  stop_recorded rabbitmq 60
  stop_recorded epmd 5
  base="$(rabbitmq_ports)"
  echo 'loopback_users.guest = true' >"$RABBIT_HOME/rabbitmq.conf"
  echo '[].' >"$RABBIT_HOME/enabled_plugins"
  if [ "$(id -u)" -eq 0 ]; then chown "$SERVER_USER:" "$RABBIT_HOME/rabbitmq.conf" "$RABBIT_HOME/enabled_plugins"; fi
  start_detached epmd "$base" epmd -port "$((base + 2))" -address 127.0.0.1
  wait_for 10 "Erlang's port mapper answers on port $((base + 2))" port_answers "$((base + 2))" ||
    die "waited 10 s for Erlang's port mapper: see $LOG_DIR/epmd.log"
  start_detached rabbitmq "$base" "$RABBIT_SERVER"
  wait_for 90 "RabbitMQ answers on port $base" rabbitmq_answers_or_ended "$base" || rabbitmq_failed 90
  recorded_pid rabbitmq >/dev/null || rabbitmq_failed 0
}

rabbitmq_answers_or_ended() { process_gone rabbitmq || port_answers "$1"; }

rabbitmq_failed() {
  tail -n 20 "$LOG_DIR/rabbitmq.log" >&2
  die "RabbitMQ did not come up (waited up to $1 s for its AMQP port): see $LOG_DIR/rabbitmq.log"
}

# Last time's ports when nobody has taken them since, else new ones.
rabbitmq_ports() {
  local base="" port
  if [ -r "$STATE_DIR/ports" ]; then base="$(cat "$STATE_DIR/ports")"; fi
  if [ -n "$base" ]; then
    for port in "$base" "$((base + 1))" "$((base + 2))"; do
      if port_answers "$port"; then base="" && break; fi
    done
  fi
  if [ -z "$base" ]; then
    base="$(free_port_block)"
    echo "$base" >"$STATE_DIR/ports"
  fi
  echo "$base"
}

rabbitmq_down() {
  stop_recorded rabbitmq 60
  stop_recorded epmd 5
}

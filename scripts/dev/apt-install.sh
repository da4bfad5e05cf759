#!/usr/bin/env bash
# Run as root by ./dev: installs the named Debian packages without starting their services. Debian asks
# /usr/sbin/policy-rc.d before it starts one; whatever was there before is put back.
set -euo pipefail

POLICY=/usr/sbin/policy-rc.d
SAVED=/usr/sbin/policy-rc.d.before-simpul
MARK='# Written by simpul ./dev for the time of one package installation.'

restore_policy() {
  if [ -e "$SAVED" ] || [ -L "$SAVED" ]; then
    mv -f "$SAVED" "$POLICY"
  elif grep -qxF "$MARK" "$POLICY" 2>/dev/null; then
    rm -f "$POLICY"
  fi
}

hold_services() {
  restore_policy # an earlier run may have been killed
  if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then mv "$POLICY" "$SAVED"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY"
  chmod 755 "$POLICY"
}

[ "$(id -u)" -eq 0 ] || {
  echo "apt-install.sh: must be run as root" >&2
  exit 1
}
export DEBIAN_FRONTEND=noninteractive
trap restore_policy EXIT
trap 'exit 130' INT TERM
hold_services
apt-get update -q -o Acquire::Retries=3 >&2
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >&2

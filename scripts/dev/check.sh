# shellcheck shell=bash
# What CI checks: cheap steps first, the test runner last, so that its summary ends the output.

# step <name> <command...>: runs one named step, fails naming it, prints how long it took.
step() {
  local name="$1" started=$SECONDS
  shift
  say "── $name"
  # A subshell keeps `set -e` alive inside shell functions, which `if` or `||` would switch off.
  set +e
  (
    set -e
    "$@"
  )
  local status=$?
  set -e
  [ "$status" -eq 0 ] || die "step '$name' failed after $((SECONDS - started)) s (exit status $status)"
  say "── $name: $((SECONDS - started)) s"
}

check_everything() {
  step "install" install_missing
  step "test tools" install_test_tools
  step "servers" servers_up
  load_committed_env
  check_fast
  step "dependencies (cargo deny)" check_dependencies
  step "clippy and query data (.sqlx)" sqlx_check
  step "documentation (rustdoc)" check_rustdoc
  # Everything at once: a package by itself has other features of what it needs, and would build all of it again.
  step "build" cargo build --quiet --workspace --all-targets --locked
  step "committed schemas" check_schemas
  step "doctests" cargo test --quiet --workspace --doc --locked
  say "── tests"
  # A quarter of their time they wait: for servers that start, for clocks, for the disk.
  NEXTEST_TEST_THREADS=$(($(nproc) + 1)) cargo nextest run --workspace --locked
}

check_fast() {
  step "format" cargo fmt --all -- --check
  step "shell" check_shell
  step "spelling" "$PYTHON_ENV/bin/typos"
}

check_lint() {
  install_missing
  python_tools
  check_fast
  step "clippy" check_clippy
}

check_shell() { shellcheck -x dev scripts/dev/*.sh .ci/run docker/postgres/*.sh; }

check_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

check_rustdoc() { RUSTDOCFLAGS='-D warnings' cargo doc --quiet --workspace --no-deps --locked; }

check_dependencies() {
  # A workspace of its own that nothing else here builds: its lock file must not fall behind.
  cargo metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null
  cargo deny --locked check --hide-inclusion-graph licenses bans sources
  if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote -q https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
    cargo deny --locked check --hide-inclusion-graph advisories
  else
    say "advisories not checked: the RustSec database is out of reach"
  fi
}

check_schemas() {
  "${CARGO_TARGET_DIR:-target}/debug/simpul" schema --check
}

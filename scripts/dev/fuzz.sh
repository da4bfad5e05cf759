# shellcheck shell=bash
# libFuzzer on the stable compiler: coverage by LLVM's own pass, no sanitizer (docs/adr/0052). The host is named as the target,
# so that build scripts and macros are not instrumented.

FUZZ_FLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
readonly FUZZ_FLAGS

# fuzz [target] [seconds]: one target, or all of them one after the other.
fuzz() {
  local wanted="${1:-all}" seconds="${2:-60}" target
  install_missing
  if ! command -v g++ >/dev/null; then install_packages g++; fi
  export SQLX_OFFLINE=true
  local -a targets=()
  if [ "$wanted" = all ]; then
    for target in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$target" .rs)"); done
  else
    [ -e "fuzz/fuzz_targets/$wanted.rs" ] || die "there is no target '$wanted': see fuzz/fuzz_targets"
    targets=("$wanted")
  fi
  for target in "${targets[@]}"; do
    step "fuzz $target" fuzz_one "$target" "$seconds"
  done
}

# What is new goes to fuzz/target/corpus; what breaks a law to fuzz/artifacts.
fuzz_one() {
  local target="$1" seconds="$2" host
  host="$(rustc -vV | sed -n 's/^host: //p')"
  (cd fuzz && RUSTFLAGS="$FUZZ_FLAGS" cargo build --quiet --locked --release --target "$host" --bin "$target")
  mkdir -p "fuzz/target/corpus/$target" fuzz/artifacts
  "fuzz/target/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="fuzz/artifacts/$target-" -print_final_stats=1 \
    "fuzz/target/corpus/$target" "fuzz/corpus/$target"
}

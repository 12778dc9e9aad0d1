#!/bin/sh
# run.sh [SECONDS]: fuzzes every target so long, on stable Rust. Coverage comes from LLVM's own pass; no sanitizer is needed, because
# the crate forbids unsafe code. A crash leaves its input in `artifacts/` and ends with an error.
set -eu
cd "$(dirname "$0")"
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1"
target=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p artifacts
# Naming the target keeps the flags away from build scripts.
cargo build --release --target "$target"
for name in rtmp amf0 flv recording; do
  mkdir -p "corpus/$name"
  "${CARGO_TARGET_DIR:-target}/$target/release/$name" "corpus/$name" "seeds/$name" -max_total_time="${1:-10}" -max_len=65536 \
    -timeout=5 -rss_limit_mb=512 -artifact_prefix=artifacts/ -print_final_stats=1 -verbosity=0
done

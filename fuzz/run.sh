#!/bin/sh
# run.sh - builds the fuzz targets and runs each for some seconds, one after another, on two corpora: the one
# in fuzz/corpus, which is not changed, and the one that grows in BUILD/corpus.
#   run.sh BUILD SECONDS [TARGET...]      without TARGET: all of them
# BUILD is a folder of its own: that of the ordinary build has a folder fuzz, too, with the same targets as tests.
# The input of a crash lies in BUILD/found; its place, once the cause is mended, is fuzz/corpus/TARGET.
set -eu

build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
cmake -S "$here/.." -B "$build" -DBP_FUZZ=ON -DBP_TESTS=OFF -DCMAKE_C_COMPILER=clang-14 >/dev/null
[ $# -gt 0 ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/')
mkdir -p "$build/found"
bad=0
for name; do
    [ -f "$here/fuzz_$name.c" ] || { echo "no target \"$name\" (there are: $(cd "$here" && echo fuzz_*.c))" >&2 && exit 2; }
    cmake --build "$build" --parallel "$(nproc)" --target "fuzz_$name" >"$build/found/$name.build" || { cat "$build/found/$name.build" && exit 1; }
    mkdir -p "$build/corpus/$name"
    log=$build/found/$name.log
    # The readers bound what they allocate by the bytes that they are given: a block of 1 GiB is a finding.
    if OMP_NUM_THREADS=1 "$build/bin/fuzz_$name" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -artifact_prefix="$build/found/$name-" -print_final_stats=1 \
        "$build/corpus/$name" "$here/corpus/$name" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        printf '%-8s %9s inputs in %4s s, %s branches seen, no finding\n' "$name" "$runs" "$seconds" \
            "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
    else
        tail -n 60 "$log"
        echo "$name: a finding; see $log" >&2
        bad=1
    fi
done
exit $bad

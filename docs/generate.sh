#!/bin/sh
# generate.sh - writes docs/commands.md and docs/api.md from the sources.
#   sh docs/generate.sh build/bin/backprop
set -eu
docs=$(dirname "$0")
"$1" help --markdown >"$docs/commands.md"
awk -f "$docs/api.awk" "$docs/../include/backprop/backprop.h" "$docs/../include/backprop/io.h" >"$docs/api.md"

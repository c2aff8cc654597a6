#!/bin/sh
# run.sh - the same work done by backprop and by other programs, side by side: builds what is needed, then compares.
#   sh bench/peers/run.sh BACKPROP BUILD [options of compare.py; --help lists them]
# BACKPROP is the command, BUILD a folder for what is built here. What is missing on the machine is installed from Debian's
# packages: see cmake/setup.sh.
set -eu

command=${1:?usage: run.sh BACKPROP BUILD [options]} build=${2:?usage: run.sh BACKPROP BUILD [options]}
shift 2
here=$(dirname "$0")

sh "$here/../../cmake/setup.sh" peers >&2
mkdir -p "$build"
build_peer() # build_peer PROGRAM SOURCE FLAGS AND LIBRARIES
{
    program=$1 source=$2
    shift 2
    cc -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -o "$build/$program" "$here/$source" "$@"
}
build_peer fann fann_peer.c -DPEER_VERSION="\"$(pkg-config --modversion fann)\"" $(pkg-config --cflags --libs fann) -lm
build_peer onednn gemm_peer.c -DPEER_ONEDNN -fopenmp -ldnnl
build_peer openblas gemm_peer.c $(pkg-config --cflags --libs openblas)

exec /usr/bin/python3 "$here/compare.py" --backprop "$command" --peers "$build" "$@"

#!/bin/sh
# growth.sh - how the cost of a training step grows with width, depth, batch and threads, held against a model of it.
#   sh bench/growth.sh [BACKPROP]       the command to measure; build/bin/backprop
#
# The model: a step costs  t0 + t1 layers + FLOPs / rate(threads),  FLOPs = (6 weights - 2 weights of the first layer) batch.
# t0 + t1 and the rates are taken from the smallest and the largest network; the rest of the table is prediction.
set -eu
backprop=${1:-build/bin/backprop}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

measure() # width depth batch threads -> a line: width depth batch threads microseconds
{
    net="dense $1 relu"
    i=1
    while [ "$i" -lt "$2" ]; do
        net="$net, dense $1 relu"
        i=$((i + 1))
    done
    best=0
    for round in 1 2 3; do
        speed=$("$backprop" train digits --rows 3000 --net "$net" --optimizer sgd --lr 0.001 --batch "$3" --threads "$4" \
            --steps 150 --epochs 100 --json --quiet --out "$folder/m.safetensors" |
            sed -n 's/.*"samples_per_second": \([0-9.]*\).*/\1/p')
        best=$(awk -v a="$best" -v b="$speed" 'BEGIN { print (b > a ? b : a) }')
    done
    awk -v w="$1" -v d="$2" -v b="$3" -v t="$4" -v s="$best" 'BEGIN { print w, d, b, t, b / s * 1e6 }'
}

{
    for threads in 1 2; do
        measure 16 1 16 $threads
        for width in 64 256 1024; do
            measure $width 2 128 $threads
        done
        for depth in 1 4 8; do
            measure 256 $depth 128 $threads
        done
        for batch in 16 64 512; do
            measure 256 2 $batch $threads
        done
        measure 1024 4 256 $threads
    done
} | awk '
    function flops(w, d, b) { first = 784 * w; rest = (d - 1) * w * w + w * 10; return (4 * first + 6 * rest) * b }
    { n++; w[n] = $1; d[n] = $2; b[n] = $3; t[n] = $4; us[n] = $5; f[n] = flops($1, $2, $3) }
    $1 == 16 { small[$4] = n }
    $1 == 1024 && $2 == 4 { large[$4] = n }
    END {
        printf "%6s %6s %6s %8s %9s %10s %10s %7s %9s\n", "width", "layers", "batch", "threads", "MFLOP", "measured", \
               "predicted", "off", "GFLOP/s"
        for (i = 1; i <= n; i++) {
            s = small[t[i]]; l = large[t[i]]
            rate = f[l] / us[l]
            per_layer = (us[s] - f[s] / rate) / 2
            predicted = per_layer * (d[i] + 1) + f[i] / rate
            printf "%6d %6d %6d %8d %9.2f %8.1fus %8.1fus %+6.0f%% %9.1f\n", w[i], d[i], b[i], t[i], f[i] / 1e6, us[i], \
                   predicted, 100 * (predicted - us[i]) / us[i], f[i] / us[i] / 1e3
        }
    }'

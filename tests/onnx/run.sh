#!/bin/sh
# run.sh - models of every kind, exported, checked by ONNX's checker and run in the real ONNX Runtime; and networks of PyTorch,
# imported.
#   run.sh BUILD      a build with tests in it
# ONNX Runtime is the npm package onnxruntime-node, put into BUILD/onnxruntime; a folder that has it already may be named in
# BACKPROP_ONNXRUNTIME. Where the package cannot be had, that is said and nothing is run.
set -eu

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=1.20.1
runtime=${BACKPROP_ONNXRUNTIME:-$build/onnxruntime/node_modules/onnxruntime-node}

skip()
{
    printf '\n************ SKIPPED: %s ************\n\n' "$*"
    exit 0
}

models=$build/onnx-kinds
rm -rf "$models"
mkdir -p "$models"
cmake --build "$build" --target onnx_kinds onnx_answers >/dev/null
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    mkdir "$models/torch"
    /usr/bin/python3 -B "$here/pytorch.py" "$build/bin/onnx_answers" "$models/torch"
else
    echo "no networks of PyTorch imported: the package python3-torch is missing"
fi
"$build/bin/onnx_kinds" "$models"
if /usr/bin/python3 -c 'import onnx' 2>/dev/null; then
    /usr/bin/python3 -B "$here/check.py" "$models"
else
    echo "not checked by ONNX's checker: the package python3-onnx is missing"
fi

command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are needed to run ONNX Runtime"
if [ ! -d "$runtime" ]; then
    mkdir -p "$build/onnxruntime"
    # Without its scripts: they fetch what only graphics processors need.
    (cd "$build/onnxruntime" && timeout 300 npm install --ignore-scripts --no-audit --no-fund "onnxruntime-node@$version" >log 2>&1) ||
        skip "npm cannot install onnxruntime-node $version; see $build/onnxruntime/log"
fi
node "$here/compare.js" "$runtime" "$models"

#!/bin/sh
# setup.sh - looks for the programs and libraries that are needed, and installs the missing ones.
#   sh cmake/setup.sh build    to build the command and the libraries
#   sh cmake/setup.sh test     ... and to run the tests
#   sh cmake/setup.sh fuzz     to build, and to fuzz
#   sh cmake/setup.sh ci       ... and for everything that .ci/run does
#   sh cmake/setup.sh tables   to build, and to compare on tables (bench/tables)
#   sh cmake/setup.sh peers    to build, and to compare with other programs (bench/peers)
# Says nothing when all is there. Installs with apt-get as root, else names the command to run.
set -eu

level=${1:?usage: setup.sh build|test|fuzz|ci|peers}
missing=

program() # program NAME PACKAGE
{
    command -v "$1" >/dev/null || missing="$missing $2"
}

library() # library PKG-CONFIG-MODULE PACKAGE
{
    pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

header() # header FILE COMPILER PACKAGE
{
    echo "#include <$1>" | $2 -E -x c - >/dev/null 2>&1 || missing="$missing $3"
}

module() # module MODULE PACKAGE: of the Python that the packages belong to
{
    /usr/bin/python3 -c "import importlib.util, sys; sys.exit(not importlib.util.find_spec('$1'))" 2>/dev/null || missing="$missing $2"
}

needs_build()
{
    program cc gcc
    program make make
    program cmake cmake
    program pkg-config pkg-config
    header stdlib.h cc libc6-dev
    library zlib zlib1g-dev
    library minizip libminizip-dev
    library jansson libjansson-dev
    library libprotobuf-c libprotobuf-c-dev
    program protoc-c protobuf-c-compiler
    library libcurl libcurl4-openssl-dev
    library libcrypto libssl-dev
}

needs_test()
{
    needs_build
    program c++ g++
    library cmocka libcmocka-dev
}

needs_fuzz() # libFuzzer and the sanitizers come with clang
{
    needs_build
    program clang-14 clang-14
    header omp.h "clang-14 -fopenmp" libomp-14-dev
}

needs_ci()
{
    needs_test
    needs_fuzz
    program clang-tidy-14 clang-tidy-14
    program clang-format-14 clang-format-14
    program aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    header stdlib.h aarch64-linux-gnu-gcc libc6-dev-arm64-cross
    program qemu-aarch64 qemu-user
    program arm-none-eabi-gcc gcc-arm-none-eabi
    header math.h arm-none-eabi-gcc libnewlib-arm-none-eabi
    program qemu-system-arm qemu-system-arm
    program node nodejs
    program npm npm
    program /usr/bin/python3 python3
    module onnx python3-onnx
    library fann libfann-dev
    module torch python3-torch
    module sklearn python3-sklearn
}

# The programs that bench/peers compares with.
needs_peers()
{
    needs_build
    program /usr/bin/python3 python3
    header fann.h cc libfann-dev
    header dnnl.h cc libdnnl-dev
    library openblas libopenblas-dev
    module torch python3-torch
    module sklearn python3-sklearn
    module threadpoolctl python3-threadpoolctl
}

# What bench/tables compares with.
needs_tables()
{
    needs_build
    program /usr/bin/python3 python3
    module sklearn python3-sklearn
    module pandas python3-pandas
}

case $level in
build | test | fuzz | ci | peers | tables) "needs_$level" ;;
*) echo "setup.sh: unknown level \"$level\" (valid: build, test, fuzz, ci, peers, tables)" >&2 && exit 2 ;;
esac
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing, by the names of Debian's packages:$missing. Please install them and try again." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    printf 'Some packages are missing. Please run this, and try again:\n\n  sudo apt-get install%s\n\n' "$missing" >&2
    exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# $missing is a list of words.
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "apt-get could not install:$missing" >&2
    exit 1
fi

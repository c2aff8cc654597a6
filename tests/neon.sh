#!/bin/sh
# neon.sh - the NEON kernels, where no aarch64 machine is at hand: the libraries built by Debian's cross compiler, with this
# project's own CMake files, and their tests run by qemu-user. The command is not built, its tests are not run, and an
# emulator says nothing about speed.
#   sh tests/neon.sh BUILD    works in BUILD/neon; a second run builds only what changed
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user (sh cmake/setup.sh ci), and an apt-get for arm64's libraries.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: neon.sh BUILD}/neon"
work=$(cd "$1/neon" && pwd)
jobs=$(nproc)
cross=aarch64-linux-gnu
libraries=$work/root/usr/lib/$cross
tests="test_plain test_kernel test_gemm test_vmath test_graph test_train test_threads test_golden test_golden_ops
    test_dataset test_format test_idx"

for program in $cross-gcc qemu-aarch64; do
    command -v $program >/dev/null || { echo "neon.sh: no $program; sh cmake/setup.sh ci installs it" >&2 && exit 1; }
done

# ---- libraries for arm64: unpacked into a folder; what is installed stays as it is ---------------------------

# apt-get with lists of its own, for arm64 alone, as if nothing were installed.
foreign_apt() # foreign_apt ARGUMENT...
{
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Acquire::Languages=none \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User=root "$@"
}

# The -dev packages of curl and openssl are for their headers: CMake looks for them, nothing here is linked to them.
unpack_libraries()
{
    mkdir -p apt/lists/partial apt/cache/archives/partial apt/packages
    : >apt/status
    foreign_apt update
    (cd apt/packages && foreign_apt download libcmocka0 libcmocka-dev libjansson-dev zlib1g-dev \
        libminizip-dev libprotobuf-c-dev libcurl4-openssl-dev libssl-dev)
    for package in apt/packages/*.deb; do
        dpkg-deb -x "$package" root.new
    done
    rm -rf apt root
    mv root.new root
}

cd "$work"
if ! [ -d root ]; then
    rm -rf root.new apt
    unpack_libraries >log 2>&1 || { cat log >&2 && echo "neon.sh: cannot fetch the libraries for arm64" >&2 && exit 1; }
fi

# ---- build -------------------------------------------------------------------------------------------------------------
export PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_LIBDIR="$libraries/pkgconfig"
cmake -S "$source" -B make -DBP_WERROR=ON \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=$cross-gcc \
    -DCMAKE_C_FLAGS="-isystem $work/root/usr/include -isystem $work/root/usr/include/$cross" \
    -DCMAKE_EXE_LINKER_FLAGS="-L$libraries -Wl,-rpath,$libraries" \
    -DCMAKE_FIND_ROOT_PATH="$work/root;/usr/$cross" \
    -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DZLIB_USE_STATIC_LIBS=ON \
    -DCMAKE_CROSSCOMPILING_EMULATOR="qemu-aarch64;-L;/usr/$cross" >log || { cat log >&2 && exit 1; }
# The names of the tests are a list of words.
cmake --build make --parallel "$jobs" --target $tests

# ---- test --------------------------------------------------------------------------------------------------------------
# Without the real data: training on it takes minutes when each instruction is emulated.
regex=$(echo $tests | tr ' ' '|')
BACKPROP_TEST_KERNEL=neon BACKPROP_DATA="$work/none" OMP_WAIT_POLICY=passive \
    ctest --test-dir make --output-on-failure --no-tests=error --parallel "$jobs" --tests-regex "^($regex)\$"

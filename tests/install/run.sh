#!/bin/sh
# run.sh - installs into a temporary prefix, moves it, and builds and runs outside programs against it: C and C++, shared
# and static, by pkg-config and by find_package.
#   run.sh BUILD CC CXX
set -eu

build=$1 cc=$2 cxx=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"

say()
{
    printf '\n-- %s\n' "$*"
}

say "install, then move: nothing may depend on where it was put first"
cmake --install "$build" --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
for file in bin/backprop include/backprop/backprop.h include/backprop/io.h share/man/man1/backprop.1 \
    share/man/man1/backprop-train.1 share/bash-completion/completions/backprop share/zsh/site-functions/_backprop \
    share/fish/vendor_completions.d/backprop.fish share/doc/backprop/LICENSE; do
    [ -s "$prefix/$file" ] || { echo "not installed, or empty: $file" && exit 1; }
done
"$prefix/bin/backprop" version
bash -n "$prefix/share/bash-completion/completions/backprop"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name backprop-io.pc)")
libraries=$(dirname "$(find "$prefix" -name libbackprop.a)")
export PKG_CONFIG_PATH
unset LD_LIBRARY_PATH
cd "$work"

# The flags of pkg-config are lists of words.
say "pkg-config, shared"
$cc -std=c11 $warnings "$here/program.c" -o c_shared $(pkg-config --cflags --libs backprop-io)
$cxx -std=c++17 $warnings "$here/program.cpp" -o cpp_shared $(pkg-config --cflags --libs backprop)
LD_LIBRARY_PATH=$libraries ./c_shared model
LD_LIBRARY_PATH=$libraries ./cpp_shared
LD_LIBRARY_PATH=$libraries ldd ./c_shared | grep -q "libbackprop.so" || { echo "not linked to the shared library" && exit 1; }

say "pkg-config, static"
$cc -std=c11 $warnings "$here/program.c" -o c_static -static $(pkg-config --static --cflags --libs backprop-io)
$cxx -std=c++17 $warnings "$here/program.cpp" -o cpp_static -static $(pkg-config --static --cflags --libs backprop)
./c_static model
./cpp_static

say "find_package, shared and static"
cmake -S "$here" -B outside -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" >"$work/log" ||
    { cat "$work/log" && exit 1; }
cmake --build outside >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
for program in c c_static; do ./outside/$program model; done
for program in cpp cpp_static; do ./outside/$program; done
if ldd ./outside/c_static | grep -q libbackprop; then echo "c_static uses the shared library" && exit 1; fi

say "the headers on their own, in C and in C++"
for header in backprop.h io.h; do
    echo "#include <backprop/$header>" >one.c
    $cc -std=c11 $warnings -Wshadow -I"$prefix/include" -fsyntax-only one.c
    $cxx -std=c++17 $warnings -Wshadow -I"$prefix/include" -fsyntax-only -x c++ one.c
done

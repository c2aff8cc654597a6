#!/bin/sh
# arm.sh - models as C on microcontrollers: compiled for Cortex-M without warnings, sizes told, self-tests run in an emulator.
#   arm.sh BUILD
# Needs gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm (sh cmake/setup.sh ci).
set -eu

here=$(cd "$(dirname "$0")" && pwd) build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in arm-none-eabi-gcc qemu-system-arm; do
    command -v $program >/dev/null || { echo "arm.sh: no $program; sh cmake/setup.sh ci installs it" >&2 && exit 1; }
done
cd "$work"

# ---- models: images; a table with numbers, missing ones, texts and dates ----
"$build/bin/backprop" train digits --rows 2000 --net "dense 32 relu" --steps 200 --quiet --out digits.safetensors >/dev/null
awk 'BEGIN {
    srand(1)
    print "size,colour,day,price"
    split("red green blue", colour, " ")
    for (i = 0; i < 300; i++) {
        size = rand() * 10
        printf "%s,%s,2023-%02d-%02d,%.3f\n", i % 9 ? size : "", colour[i % 3 + 1], i % 12 + 1, i % 28 + 1, size * (i % 3 + 1) + rand()
    }
}' >things.csv
"$build/bin/backprop" train things.csv --target price --epochs 5 --quiet --out things.safetensors >/dev/null

m0="-mcpu=cortex-m0 -mfloat-abi=soft" board_m0=mps2-an385 # the emulator has no M0 with room; an M3 runs its code
m3="-mcpu=cortex-m3 -mfloat-abi=soft" board_m3=mps2-an385
m4="-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16" board_m4=mps2-an386

export_c() # export_c MODEL TYPE EXPORT-OPTION...
{
    model=$1 type=$2
    shift 2
    "$build/bin/backprop" export "$model.safetensors" --c net.c --name net --type "$type" "$@" >/dev/null
}

compile() # compile OPTION... with the flags of the core
{
    arm-none-eabi-gcc -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -mthumb $flags -ffunction-sections -fdata-sections "$@"
}

emulate() # compiles net.c with its self-test and runs it
{
    compile -DNET_TEST_MAIN -nostartfiles -T "$here/cortex-m.ld" "$here/start.c" net.c -Wl,--gc-sections -o net.elf -lm
    timeout 60 qemu-system-arm -M "$board" -nographic -semihosting-config enable=on,target=native -kernel net.elf
}

check() # check CORE MODEL TYPE EXPORT-OPTION...
{
    eval "flags=\$$1 board=\$board_$1"
    core=$1
    shift
    export_c "$@"
    compile -c net.c -o net.o
    sizes=$(arm-none-eabi-size net.o | awk 'NR == 2 { print $1, $2 + $3 }')
    echo "$1 as $2 on $core: ${sizes% *} bytes of flash, ${sizes#* } of memory that is always taken"
    [ "${sizes#* }" -eq 0 ] || { echo "arm.sh: the source keeps something in memory" >&2 && exit 1; }
    export_c "$@" --with-test
    emulate || { echo "arm.sh: the self-test fails" >&2 && exit 1; }
}

for core in m0 m3 m4; do
    check $core digits f32
    check $core digits int8 --calibrate digits
    check $core things f32
    check $core things int8 --calibrate things.csv
done
check m4 things f64

# The emulator tells of a self-test that fails.
sed -i 's/y\[j\] - answer/y[j] + 1e6 - answer/' net.c
if emulate; then
    echo "arm.sh: a self-test that must fail does not" >&2
    exit 1
fi

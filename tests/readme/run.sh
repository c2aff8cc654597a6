#!/bin/sh
# run.sh - does what README.md and docs/ show, against a fresh installation in a temporary folder.
#   run.sh SOURCE BUILD
#
# Every fenced block in sh, c, cmake or python has a comment on the line in front of it that says what to do with it:
#   <!-- test: file NAME -->    write it to NAME
#   <!-- test: run -->          run it with sh -e; blocks of one document run in order, in one folder
#   <!-- test: run mnist -->    the same, where the MNIST files are on the machine (BACKPROP_DATA)
#   <!-- test: run tables -->   the same, where the public tables are (there, csv/); they lie in the folder then
#   <!-- test: ci -->           each line is run as it stands by .ci/run
#   <!-- test: elsewhere F -->  the test in file F runs it
# A block without such a comment is an error. Documents that docs/generate.sh writes are left to the test of their sources.
set -eu

source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/log"
PATH=$work/prefix/bin:$PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name backprop-io.pc)")
LD_LIBRARY_PATH=$(dirname "$(find "$work/prefix" -name libbackprop.so)")
BACKPROP_DATA=${BACKPROP_DATA:-$source/../shared/data}
CMAKE_PREFIX_PATH=$work/prefix
export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH BACKPROP_DATA
mnist=no tables=no
[ -e "$BACKPROP_DATA/mnist/t10k-labels-idx1-ubyte.gz" ] && mnist=yes
[ -e "$BACKPROP_DATA/csv/california-housing.csv" ] && tables=yes

# Takes a document apart: block number N becomes $out/N.block, and a line "N LINE ACTION ARGUMENT" of $out/list.
take_apart() # take_apart DOCUMENT OUT
{
    awk -v out="$2" '
        /^```/ && inside { inside = 0; close(file); next }
        /^```(sh|c|cmake|python)$/ {
            n++
            inside = 1
            file = out "/" n ".block"
            printf "" > file
            if (action == "") { print FILENAME ":" NR ": nobody tests this block" > "/dev/stderr"; bad = 1 }
            print n, NR, action > (out "/list")
            next
        }
        /^```/ { inside = 1; file = "/dev/null"; next }
        inside { print > file; next }
        { action = "" }
        /^<!-- test: .* -->$/ { action = $0; sub(/^<!-- test: /, "", action); sub(/ -->$/, "", action) }
        END { exit bad }' "$1"
}

run_block() # run_block FILE PLACE
{
    if ! (cd "$folder" && sh -e "$1") >"$work/log" 2>&1; then
        printf '%s: this failed:\n' "$2"
        cat "$1"
        printf 'it said:\n'
        cat "$work/log"
        return 1
    fi
}

run_by_ci() # run_by_ci FILE PLACE
{
    while read -r line; do
        sed 's/^ *//' "$source/.ci/run" | grep -qxF "$line" || { echo "$2: .ci/run has no line \"$line\"" && return 1; }
    done <"$1"
}

blocks=0
for document in "$source/README.md" "$source"/docs/*.md; do
    if grep -q "written again by docs/generate.sh" "$document"; then continue; fi
    name=$(basename "$document" .md)
    out=$work/$name.blocks folder=$work/$name.run
    mkdir "$out" "$folder"
    : >"$out/list"
    take_apart "$document" "$out"
    while read -r n line action argument; do
        place="$name.md:$line"
        blocks=$((blocks + 1))
        case "$action $argument" in
        "file "*) cp "$out/$n.block" "$folder/$argument" ;;
        "run ") run_block "$out/$n.block" "$place" ;;
        "run mnist") if [ $mnist = yes ]; then run_block "$out/$n.block" "$place"; else echo "$place: skipped, no MNIST here"; fi ;;
        "run tables")
            if [ $tables = yes ]; then
                ln -sf "$(realpath "$BACKPROP_DATA")"/csv/* "$folder"
                run_block "$out/$n.block" "$place"
            else
                echo "$place: skipped, no tables here"
            fi ;;
        "ci ") run_by_ci "$out/$n.block" "$place" ;;
        "elsewhere "*) grep -qF "$name.md" "$source/$argument" || { echo "$place: $argument does not read $name.md" && exit 1; } ;;
        *) echo "$place: \"test: $action $argument\" makes no sense" && exit 1 ;;
        esac
    done <"$out/list"
done
[ $blocks -gt 5 ] || { echo "only $blocks blocks found: something is wrong with this test" && exit 1; }
echo "$blocks blocks done"

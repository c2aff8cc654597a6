#!/bin/sh
# rooms.sh - the architecture, checked: which room includes which, and what the libraries call.
#   rooms.sh SOURCE BUILD
set -eu

source=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
bad=0

# ---- a room may call only rooms above it in this list; only the last ones may know of files, zlib, minizip, jansson and protobuf-c ----
cd "$source/src"
# The files of a room, its number in the list, and what it includes with quotes or angle brackets.
set -- base kernel graph nn data format cli
for room; do
    [ -d "$room" ] || { echo "no room src/$room" && exit 1; }
done
find . -name '*.[ch]' -print | sort | xargs grep -nE '^ *# *include ' | awk -v rooms="$*" '
    BEGIN {
        count = split(rooms, name, " ")
        for (i = 1; i <= count; i++) floor[name[i]] = i
    }
    {
        split($0, part, ":")
        split(part[1], path, "/")
        room = path[2]
        split($0, quoted, /["<>]/)
        header = quoted[2]
        split(header, target, "/")
        if (!(room in floor)) { print part[1] ": lies in no known room"; bad = 1 }
        else if (target[1] in floor && floor[target[1]] > floor[room]) {
            print part[1] ":" part[2] ": " room " may not use " header; bad = 1
        }
        else if (header == "backprop/io.h" && floor[room] < floor["data"]) {
            print part[1] ":" part[2] ": the core may not use " header; bad = 1
        }
        else if ((header == "zlib.h" || header == "jansson.h" || header ~ /pb-c/ || target[1] == "minizip") && floor[room] < floor["data"]) {
            print part[1] ":" part[2] ": the core depends on libc, libm and OpenMP only, not on " header; bad = 1
        }
        seen++
    }
    END {
        if (seen < 100) { print "only " seen " lines with #include found: something is wrong with this check"; bad = 1 }
        exit bad
    }' || bad=1

# ---- what the libraries call: nothing that prints, ends the process, or looks at the environment ----
forbidden='printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|fputc|perror|stdout|stderr|exit|_exit|abort|__assert_fail|getenv|secure_getenv|rand|srand|time'
for library in backprop backprop_io; do
    calls=$(nm -u "$build/lib/lib$library.a" | sed -n 's/^ *[Uw] //p' | sed 's/^__\(.*\)_chk$/\1/; s/@.*//' | sort -u)
    [ "$(echo "$calls" | wc -l)" -gt 20 ] || { echo "nm says nothing of lib$library.a" && exit 1; }
    found=$(echo "$calls" | grep -xE "$forbidden" || true)
    [ -z "$found" ] || { echo "lib$library calls" $found && bad=1; }
done
# The core opens no file either, but for those in which the kernel says how many processors there are.
found=$(nm -A -u "$build/lib/libbackprop.a" | grep -v ':processors\.c\.o:' | sed -n 's/.*[: ] *[Uw] //p' | sort -u |
    grep -xE 'f?open(64|at)?|fdopen|read|write|socket' || true)
[ -z "$found" ] || { echo "libbackprop calls" $found && bad=1; }
exit $bad

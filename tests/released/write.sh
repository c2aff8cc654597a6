#!/bin/sh
# write.sh - the files that later versions must be able to read, as this version writes them; run once for each release.
#   write.sh BUILD [FOLDER]       FOLDER: here, named after the version
# Models with their answers; a table, a model of it and its predictions; a checkpoint of a run, and how that run ended.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
backprop=$(cd "$1" && pwd)/bin/backprop
version=$("$backprop" version | sed -n '1s/^backprop //p')
folder=${2:-$here/$version}
# What a release wrote never changes.
mkdir "$folder" || exit 1
"$1/bin/released_write" "$folder"
cd "$folder"

awk 'BEGIN {
    print "district,size,since,balcony,rent"
    split("harbour hill \"old, town\"", district)
    for (i = 0; i < 40; i++) {
        size = 25 + i * 37 % 90
        where = i * 7 % 4
        printf "%s,%s,%04d-%02d-15,%s,%d\n", where == 3 ? "" : where == 2 ? "\"old, town\"" : where ? "hill" : "harbour",
            i % 9 == 4 ? "" : size, 1950 + i, 1 + i % 12, i % 3 ? "yes" : "no", size * (9 + 2 * where) + i
    }
}' >flats.csv
"$backprop" train flats.csv --target rent --test 0.2 --epochs 20 --net "dense 4 relu" --quiet --out rent.safetensors
"$backprop" predict rent.safetensors flats.csv --out rent.csv
"$backprop" train flats.csv --target district --test 0.2 --epochs 20 --net "dense 4 relu" --quiet --out district.safetensors
"$backprop" predict district.safetensors flats.csv --proba --out district.csv

# The run is over; without its last checkpoint it is not.
"$backprop" train moons --rows 60 --epochs 4 --batch 16 --net "dense 3 tanh" --checkpoint run --every "5 steps" --keep 2 \
    --quiet --out run.safetensors
rm "$(ls run/checkpoint-* | tail -n 1)"

#!/usr/bin/env bash
# What --lookup gains on the demo model, or on another: decode speed with and without in turn, and whether the text is the same.
# Usage: benchmarks/lookup.sh [options of generate, such as --model PATH --plan FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A record of lines: one prompt asks for one of them, the other begins to write them again.
awk 'BEGIN {
    split("blunt tidy calm brave quiet silver golden rapid gentle clever", a); split("otter lake river stone field falcon", b)
    for (i = 0; i < 60; i++)
        printf "line %s-%s: REGISTER_CONTENT is <%d>\n", a[i % 10 + 1], b[int(i / 10) + 1], 10000 + i * 7919 % 40000
}' > "$folder/record"
{ echo "Below is a record of lines. Remember the REGISTER_CONTENT of each line."; cat "$folder/record"
  printf "What is the <REGISTER_CONTENT> in line calm-river?"; } > "$folder/retrieval"
{ head -30 "$folder/record"; head -20 "$folder/record"; } > "$folder/copy"

for round in 1 2 3 4 5; do
    for task in retrieval copy; do
        template=on
        [ "$task" = copy ] && template=off
        for lookup in "" --lookup; do
            ./moa generate --prompt-file "$folder/$task" --template $template -n 600 $lookup "$@" \
                > "$folder/$task.text$lookup" 2> "$folder/said"
            echo "$task ${lookup:-plain}: $(tail -1 "$folder/said")"
        done
        cmp "$folder/$task.text" "$folder/$task.text--lookup"
    done
done

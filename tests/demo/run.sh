#!/usr/bin/env bash
# Draws a row of pictures with the model that comes with the repository, into out/.
set -euo pipefail
program=$1/bin/patchbay
mkdir -p out
seed=1
for prompt in "a red apple, noto style, on a blue background" "a dog, flat style, on a green background" \
  "a tree, noto style, on a yellow background"; do
  "${program}" generate "${prompt}" --guidance 4 --steps 20 --seed "${seed}" -o "out/demo-${seed}.png"
  seed=$((seed + 1))
done
echo "The pictures are in out/."

#!/bin/bash
# Go benchmarks of the frame path in the tree beside those of another revision,
# in turn, by benchstat: testbed/bench/stat.sh [REVISION [ROUNDS]]. Without a
# revision it is what origin/main has, the last landing.
set -euo pipefail
cd "$(dirname "$0")/../.."
base=$(git rev-parse --verify "${1:-origin/main}^{commit}")
rounds=${2:-8}
packages=(linecard/frame linecard/fdb linecard/pipeline)
dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/tree" >/dev/null 2>&1; rm -rf "$dir"' EXIT
git worktree add -q --detach "$dir/tree" "$base"
for p in "${packages[@]}"; do
  go test -c -o "$dir/new-${p//\//-}" "./$p"
  (cd "$dir/tree" && go test -c -o "$dir/old-${p//\//-}" "./$p")
done
for ((i = 0; i < rounds; i++)); do
  for p in "${packages[@]}"; do
    for side in old new; do
      tree=.; [ $side = new ] || tree=$dir/tree
      (cd "$tree/$p" && "$dir/$side-${p//\//-}" -test.run '^$' -test.bench . -test.benchtime 100ms) >>"$dir/$side"
    done
  done
done
go tool benchstat "$dir/old" "$dir/new"

#!/usr/bin/env bash
# Wheels and source archives of lkedge and its plugins, in dist/, checked by twine. Usage: tools/build-dist.sh
. "$(dirname "$0")/common.sh"

hash=$(content_hash tools/build-dist.sh constraints.txt)
if ! is_stamped dist "$hash"; then
  say "installing build and twine into .venv"
  .venv/bin/python -m pip install -q -c constraints.txt build twine
  stamp dist "$hash"
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf build
for project in . plugins/lkedge-*/; do
  say "wheel and source archive of $(cd "$project" && basename "$PWD")"
  .venv/bin/python -m build --no-isolation --outdir "$work" "$project" > "$work/log" || { cat "$work/log" >&2; die "it cannot be built"; }
done
rm -rf build "$work/log"
.venv/bin/twine check --strict "$work"/*
mkdir -p dist
mv "$work"/* dist/
say "in dist/"

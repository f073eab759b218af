#!/usr/bin/env bash
# Wheels and source archives of lkedge and its plugins, in dist/, checked by twine. Usage: tools/build-dist.sh
. "$(dirname "$0")/common.sh"

tools=${XDG_CACHE_HOME:-$HOME/.cache}/lkedge/dist-tools/$(content_hash packaging/requirements-dist.txt "$(.venv/bin/python -V)")
if [ ! -x "$tools/bin/twine" ]; then
  say "installing build and twine in $tools"
  rm -rf "$tools"
  .venv/bin/python -m venv "$tools"
  "$tools/bin/pip" install -q --no-deps -r packaging/requirements-dist.txt || { rm -rf "$tools"; die "build and twine could not be installed"; }
fi

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sources" "$work/dist"
# From copies: building writes beside what it builds, and leftovers of an earlier build would get into the wheel.
git ls-files -z --cached --others --exclude-standard -- lkedge plugins pyproject.toml README.md LICENSE | tar --null -T - -c | tar -x -C "$work/sources"
for file in lkedge/viewer/livekit-client.umd.js; do [ ! -f "$file" ] || cp "$file" "$work/sources/$file"; done
for plugin in "$work"/sources/plugins/lkedge-*/; do mv "$plugin" "$work/"; done
rm -r "$work/sources/plugins"
for project in "$work/sources" "$work"/lkedge-*/; do
  "$tools/bin/python" -m build --no-isolation --outdir "$work/dist" "$project" > "$work/log" 2>&1 || { cat "$work/log" >&2; die "${project##*/} cannot be built"; }
done
"$tools/bin/twine" check --strict "$work"/dist/*
mkdir -p dist
mv "$work"/dist/* dist/
say "wheels and source archives are in dist/"

#!/usr/bin/env bash
# livekit-server from the PATH, the cache, or built with Go.
# Usage: tools/setup-livekit-server.sh [--optional] [VERSION...]
# --optional: say what is missing and go on; `lkedge demo` then makes do without.
. "$(dirname "$0")/common.sh"

optional=
if [ "${1:-}" = --optional ]; then optional=1; shift; fi
find_server() { .venv/bin/python -m lkedge.demo.livekit_server find "$@" >/dev/null; }
build_server() { .venv/bin/python -m lkedge.demo.livekit_server build "$@" >/dev/null; }
versions=("$@")
if [ ${#versions[@]} = 0 ]; then
  if find_server; then exit 0; fi
  versions=("$(.venv/bin/python -c 'from lkedge.demo.livekit_server import VERSION; print(VERSION)')")
fi
for version in "${versions[@]}"; do
  if find_server "$version"; then continue; fi
  if ! command -v go >/dev/null; then
    ( install_packages golang-go ) || { [ -n "$optional" ] && { say "no Go: going on without livekit-server"; exit 0; }; exit 1; }
  fi
  build_server "$version" || { [ -n "$optional" ] && { say "going on without livekit-server"; exit 0; }; exit 1; }
done

#!/usr/bin/env bash
# Everything of Python in .venv: lkedge and its plugins, editable, and the development tools.
# Usage: tools/setup-venv.sh [--dev]
. "$(dirname "$0")/common.sh"

plugins=$(for folder in plugins/[!_]*/; do [ ! -f "$folder/pyproject.toml" ] || printf '%s ' "${folder%/}"; done)
inputs=(tools/setup-venv.sh pyproject.toml constraints.txt)
for folder in $plugins; do inputs+=("$folder/pyproject.toml"); done
base=$(content_hash "$PWD" "${inputs[@]}")
step=venv hash=$base
if [ "${1:-}" = --dev ]; then step=venv-dev; hash=$(content_hash "$base" requirements-dev.txt); fi

# Also where PYTHONDONTWRITEBYTECODE is set: without bytecode each start takes half a second longer.
compile_bytecode() { .venv/bin/python -m compileall -q lkedge plugins/*/src || true; }

if [ -x .venv/bin/lkedge ] && is_stamped "$step" "$hash"; then compile_bytecode; exit 0; fi

if ! python_is_new .venv/bin/python; then
  rm -rf .venv
  python=$(command -v python3 || true)
  if [ -z "$python" ]; then install_packages python3 python3-venv; python=$(command -v python3); fi
  python_is_new "$python" || die "lkedge needs Python 3.11 or newer; $python is $("$python" --version 2>&1)"
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then install_packages python3-venv; fi
  say "making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi

pip() { .venv/bin/python -m pip "$@"; }
editable=(-e '.[dbus]')
for folder in $plugins; do editable+=(-e "./$folder"); done
say "installing lkedge${plugins:+ with ${plugins% }} into .venv"
pip install -q -c constraints.txt setuptools
# "compat" puts the checkout on the import path; the default installs an import hook that costs each process 20 ms.
pip install -q -c constraints.txt --no-build-isolation --config-settings editable_mode=compat "${editable[@]}"
if [ "$step" = venv-dev ]; then
  say "installing the development tools into .venv"
  pip install -q -c constraints.txt -r requirements-dev.txt
fi
can_build() { command -v pkg-config >/dev/null && command -v cc >/dev/null && pkg-config --exists "$1"; }

if [ "$step" = venv-dev ] && ! can_build libsystemd; then
  # In a subshell: all but the tests of what speaks with systemd goes on without.
  (install_packages libsystemd-dev pkg-config gcc libc6-dev python3-dev) || say "going on without libsystemd's headers"
fi
if can_build libsystemd; then
  say "libsystemd is here: installing systemd-python"
  pip install -q -c constraints.txt systemd-python \
    || say "systemd-python could not be built; as a service lkedge logs to standard error, and tells systemd nothing"
fi
if can_build alsa; then
  say "libasound is here: installing pyalsaaudio"
  pip install -q -c constraints.txt pyalsaaudio || say "pyalsaaudio could not be built; the source alsa will say so"
fi
compile_bytecode
stamp venv "$base"
stamp "$step" "$hash"

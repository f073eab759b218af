#!/usr/bin/env bash
# The tests of the device lab, with the set-up they need. Usage: tools/test-device.sh [--if-needed] [PYTEST ARGUMENT...]
# --if-needed: as a part of `make test`: not if exactly this content has passed on this machine, and where the lab cannot
# be had, one line says why, and that is no failure.
. "$(dirname "$0")/common.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkedge/device-lab
machine_mib=2600
minutes="ten to thirty minutes"

is_part=
if [ "${1:-}" = --if-needed ]; then is_part=yes; shift; fi

# All that decides whether the tests pass, whatever git says of it.
content() {
  find lkedge plugins tests/device tests/sfu/harness tests/*.py conftest.py pyproject.toml constraints.txt \
    tools/common.sh tools/setup-device-lab.sh tools/test-device.sh -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' \
    ! -path '*/build/*' ! -name '*.md' ! -name livekit-client.umd.js -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
    sha256sum | cut -c1-16
}

# not_here REASON: the end where the lab cannot be had.
not_here() {
  [ -n "$is_part" ] || die "$*"
  say "the device lab is left out: $(tr -s ' \n' ' ' <<< "$*")"
  exit 0
}

# So many machines as memory and processors are enough for, two at most: each keeps two processors busy.
machines() {
  local fit most
  fit=$(awk -v each=$machine_mib '/^MemAvailable:/ { print int($2 / 1024 / each) }' /proc/meminfo)
  most=$(($(nproc) < 4 ? 1 : 2))
  echo $((fit < most ? fit : most))
}

set_up() { tools/setup-livekit-server.sh && tools/setup-device-lab.sh; }

before=$(content)
passed=$cache/passed-$before
if [ -n "$is_part" ] && [ -f "$passed" ]; then
  say "the device lab: exactly this content passed here, $(cat "$passed"); make test-device runs it again"
  exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The messages are shown as they come, and the last one is the reason.
if ! set_up 2>&1 | tee "$scratch/messages" >&2; then
  not_here "$(sed -n '/^error: /,$p' "$scratch/messages" | sed 's/^error: //')"
fi
count=$(machines)
[ "$count" -gt 0 ] || not_here "it needs $machine_mib MiB of free memory for a virtual machine; end other programs"

mkdir -p "$cache"
exec 7> "$cache/run.lock"
flock -n 7 || { say "another run of the device lab is going on here; waiting for it to end"; flock 7; }
if [ $# -gt 0 ]; then count=1; fi
say "the device lab: virtual cameras, sound cards and encoders in $count virtual machine(s); the first result comes after" \
  "some two minutes, all of it takes $minutes"
workers=()
if [ "$count" -gt 1 ]; then workers=(-n "$count" --dist worksteal); fi
status=0
mkdir "$scratch/not-booted"
LKEDGE_LAB_NOT_BOOTED=$scratch/not-booted .venv/bin/pytest tests/device -m device -v "${workers[@]}" "$@" || status=$?
reports=("$scratch"/not-booted/*)
if [ -f "${reports[0]}" ] && [ "${#reports[@]}" = "$count" ]; then not_here "$(cat "${reports[0]}")"; fi
if [ $status = 1 ] && [ $# = 0 ]; then
  say "what failed is run once more, in one machine: an emulated one on a busy host can be too late"
  status=0
  .venv/bin/pytest tests/device -m device -v --last-failed --last-failed-no-failures none || status=$?
fi
if [ $status = 0 ] && [ $# = 0 ] && [ "$(content)" = "$before" ]; then
  find "$cache" -maxdepth 1 -name 'passed-*' -mtime +30 -delete
  date '+%Y-%m-%d %H:%M' > "$passed"
fi
exit $status

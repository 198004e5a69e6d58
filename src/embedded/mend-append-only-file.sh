#!/bin/sh
# Cuts off the torn end that a loss of power leaves in Redis's append-only file, and keeps what it
# cut off; refuses every other damage. To be run where Redis does not run, before it is started with
# `aof-load-truncated no`.
#
#   sh mend-append-only-file.sh FOLDER [COMMAND...]
#
# FOLDER   `appendonlydir` in the `dir` of Redis; there is nothing to do while it does not exist
# COMMAND  what is run in our stead when Redis may start, such as `redis-server redis.conf`
# REDIS_CHECK_AOF in the environment: the program of that name, where it is not on PATH
#
# Exits with 0 when the files are whole, or whole again (it says what it cut off), and with 1 when
# Redis must not start with them. Nothing is changed then, unless the cut itself did not mend them:
# it says so, and where the copy is.
set -eu
umask 077
LC_ALL=C
export LC_ALL
folder=$1
shift
check=${REDIS_CHECK_AOF:-redis-check-aof}
return=$(printf '\r')

go_on() {
  [ "$#" -eq 0 ] && exit 0
  exec "$@"
}

# What is wrong, and what was done to the files if anything was.
refuse() {
  printf '%s\n' "$1" \
    "${2:-Nothing was changed}, and Redis must not start with it. Move $folder away and keep it, then" \
    "start again: Redis begins empty, and a worker writes it anew from the ledger, and reports what" \
    "the ledger did not have yet. bun run restore says before what that is, and --apply does it by" \
    "hand: see Backup and restore in docs/operations.md." >&2
  exit 1
}

# The lines that are `*` and this number: where a command of so many words begins.
heads() {
  tr '\000' ' ' | grep -c "^\*$1$return\$" || true
}

manifest=
for found in "$folder"/*.manifest; do
  # Redis writes a new one under a name of its own, which a crash leaves behind.
  case ${found##*/} in temp[-_]*) continue ;; esac
  [ -f "$found" ] && manifest=$found
done
[ -n "$manifest" ] || go_on "$@"

if ! command -v "$check" > /dev/null; then
  echo "There is no $check to read $manifest with: install it, or name it in REDIS_CHECK_AOF." >&2
  exit 1
fi
found=$("$check" "$manifest" 2>&1 < /dev/null) && go_on "$@"

# Of the file at which it ended: file, size, and how many bytes of it are whole commands.
facts=$(printf '%s\n' "$found" | tr '\000' ' ' |
  sed -n 's/^AOF analyzed: filename=\(.*\), size=\([0-9]*\), ok_up_to=\([0-9]*\),.*/\2 \3 \1/p' |
  tail -n 1)
size=${facts%% *}
whole=${facts#* }
name=${whole#* }
whole=${whole%% *}
if [ -z "$facts" ] || [ "$whole" -ge "$size" ]; then
  refuse "Redis cannot read $manifest, or what it names: $(printf '%s\n' "$found" | tail -n 2)"
fi
file=$folder/$name
damage="Redis's append-only file $file is damaged at byte $whole of $size"
last=$(sed -n 's/^file \([^ ]*\) .*/\1/p' "$manifest" | tail -n 1)
[ "$name" = "$last" ] || refuse "$damage, and other files follow it."
case $found in
  *'Unexpected '* | *'Expected prefix'*) refuse "$damage, which is no torn end." ;;
esac

# What is torn is the beginning of one command, or of one transaction. A length that was changed may
# look the same, but then whole commands stand in what it seems to have torn.
torn=$((size - whole))
if [ "$(tail -c "$torn" "$file" | head -c 15 | tr -d '\000\r\n')" = '*1$5MULTI' ]; then
  # Nothing else in a transaction is of one word but EXEC, and only a whole one has 10 bytes behind
  # the line in which it begins.
  begun=$({ tail -c "$torn" "$file" | head -c $((torn - 10)); printf 'end'; } | heads 1)
else
  begun=$(tail -c "$torn" "$file" | heads '[0-9][0-9]*')
fi
[ "$begun" -le 1 ] || refuse "$damage, and what was written later stands behind it."

kept=$file.torn-at-$whole-$(date -u +%Y%m%dT%H%M%SZ)
tail -c "$torn" "$file" > "$kept"
# It is on the disk before anything is cut off; an older `sync` knows no names, and does all.
sync "$kept" "$folder" 2> /dev/null || sync
printf 'y\n' | "$check" --fix "$manifest" > /dev/null 2>&1 || true
"$check" "$manifest" > /dev/null 2>&1 < /dev/null ||
  refuse "$damage, and $check --fix did not mend it." \
    "Something may have been cut off (a copy of all behind that byte is $kept)"
printf '%s\n' "Redis's append-only file had a torn end: the last $torn bytes of $file were cut off, and are kept in $kept"
go_on "$@"

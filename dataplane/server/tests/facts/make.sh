#!/bin/sh
# Writes commands.txt: what redis-server says of its own commands by COMMAND and COMMAND DOCS.
# Needs redis-server 7.0.15, redis-cli and jq. Usage: make.sh PORT > commands.txt, with a free port.
set -eu
port=$1
redis-server --port "$port" --save '' --appendonly no --daemonize no --logfile /dev/null &
server=$!
trap 'kill "$server"' EXIT
until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.1; done

cat <<'HEAD'
# Facts of redis-server 7.0.15, told by itself; made by make.sh.
# Between tabs: name, arity, flags, first and last key with step, categories, tips, since, group, key specs.
# A key spec: flags; begin (index:N, keyword:WORD:FROM, unknown); find (range:LAST:STEP:LIMIT, keynum:COUNT:FIRST:STEP, unknown)
HEAD
{
    redis-cli -3 --json -p "$port" command
    redis-cli -3 --json -p "$port" command docs
} | jq -rs '
    def begin: if .type == "index" then "index:\(.spec.index)"
        elif .type == "keyword" then "keyword:\(.spec.keyword):\(.spec.startfrom)" else "unknown" end;
    def find: if .type == "range" then "range:\(.spec.lastkey):\(.spec.keystep):\(.spec.limit)"
        elif .type == "keynum" then "keynum:\(.spec.keynumidx):\(.spec.firstkey):\(.spec.keystep)" else "unknown" end;
    def keys: map("\(.flags | sort | join(","));\(.begin_search | begin);\(.find_keys | find)") | join(" ");
    def line($docs): [.[0], .[1], (.[2] | sort | join(",")), "\(.[3]) \(.[4]) \(.[5])", (.[6] | map(.[1:]) | sort | join(",")),
        (.[7] | sort | join(",")), $docs.since, $docs.group, (.[8] | keys)] | @tsv;
    .[1] as $docs
    | .[0][]
    | . as $command
    | (. | line($docs[$command[0]])),
      ($command[9][] | line($docs[$command[0]].subcommands[.[0]]))
' | LC_ALL=C sort

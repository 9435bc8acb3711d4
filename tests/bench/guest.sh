#!/bin/sh
# Runs inside a guest that counts instructions: callcost with nothing attached, with empty programs, and with the agent.
# Prints "VARIANT JSON" lines. The agent's own log goes to the output when it does not come up.
set -u
calls=build/bench
chunks=20
model=/tmp/models/model.safetensors

# A safetensors header of 248 bytes, then 1 MiB of zeros.
write_model() {
	mkdir -p "${model%/*}"
	{
		printf '\370\0\0\0\0\0\0\0%-248s' '{"weight":{"dtype":"U8","shape":[1048576],"data_offsets":[0,1048576]}}'
		dd if=/dev/zero bs=1M count=1 2>/dev/null
	} >"$model"
}

write_config() {
	mkdir -p /tmp/state
	cat >/tmp/config.yaml <<-END
		state_dir: /tmp/state
		discover: false
		assets:
		  - {name: bench, paths: ['/tmp/models/*.safetensors']}
		workloads:
		  - {name: server, role: inference, serving_ports: [18080], confirm: {exe: /tensorwarden/build/bench/server}}
	END
}

wait_for() { # WORD FILE: within 60 seconds
	i=0
	until grep -q "$1" "$2" 2>/dev/null; do
		i=$((i + 1))
		if [ "$i" -gt 600 ]; then
			cat "$2"
			exit 1
		fi
		usleep 100000
	done
}

measure() {
	"$calls/callcost" -i -d /tmp -c "$chunks" | sed "s/^/$1 /"
}

empty() { # VARIANT NAMES
	mkfifo "/tmp/hold-$1"
	"$calls/attach_empty" "$calls/empty.bpf.o" "$2" <"/tmp/hold-$1" >"/tmp/$1.log" 2>&1 &
	exec 3>"/tmp/hold-$1"
	wait_for attached "/tmp/$1.log"
	measure "$1"
	exec 3>&-
	wait $!
}

agent() { # VARIANT FLAGS...
	variant=$1
	shift
	build/tensorwarden run --config /tmp/config.yaml "$@" >"/tmp/$variant.log" 2>&1 &
	wait_for ready "/tmp/$variant.log"
	measure "$variant"
	kill $!
	wait $! || cat "/tmp/$variant.log"
}

write_model
write_config
mkfifo /tmp/hold-server
"$calls/server" 18080 "$model" </tmp/hold-server >/tmp/server.log 2>&1 &
exec 4>/tmp/hold-server
wait_for serving /tmp/server.log
"$calls/callcost" -i -d /tmp -c 5 >/dev/null # the first run also pays for memory that was never used
measure none
empty empty hooks
empty sys_exit sys_exit
agent agent
agent stage-1 --escalate 1
agent stage-2 --escalate 2

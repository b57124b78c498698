;; A plugin that breaks in every way there is, written by hand: for tests of what runs plugins, and of who undoes what
;; they wrote. Commands that behave stand at the end.
;;
;; Memory: 0 text, 1024 the first argument, 2048 scratch, 4096 the list of a native command, 8192 its arguments.
(module
  (@custom "tenure_manifest"
    "{\22name\22:\22faulty\22,\22version\22:\221.0.0\22,\22kind\22:\22command\22,"
    "\22description\22:\22Breaks in every way there is.\22,"
    "\22limits\22:{\22memory_bytes\22:1048576,\22call_millis\22:10},"
    "\22commands\22:["
    ;; 0
    "{\22name\22:\22FAULTY.LOOP\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Runs for ever.\22},"
    ;; 1
    "{\22name\22:\22FAULTY.TRAP\22,\22arity\22:2,\22flags\22:[\22write\22,\22denyoom\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RW\22}],"
    "\22summary\22:\22Writes to a key, then does what is forbidden.\22},"
    ;; 2
    "{\22name\22:\22FAULTY.MEMORY\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Asks for memory until there is no more, then stops.\22},"
    ;; 3
    "{\22name\22:\22FAULTY.REFUSE\22,\22arity\22:2,\22flags\22:[\22write\22,\22denyoom\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RW\22}],"
    "\22summary\22:\22Writes to a key, then refuses.\22},"
    ;; 4
    "{\22name\22:\22FAULTY.HALF\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Promises two replies and gives one.\22},"
    ;; 5
    "{\22name\22:\22FAULTY.STEAL\22,\22arity\22:-3,\22flags\22:[\22write\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RW\22}],"
    "\22summary\22:\22Reads, sets and deletes a key that it did not declare; replies with what it was told.\22},"
    ;; 6
    "{\22name\22:\22FAULTY.STACK\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Calls itself for ever.\22},"
    ;; 7
    "{\22name\22:\22FAULTY.MISUSE\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Replies with bytes that lie outside of its memory.\22},"
    ;; 8
    "{\22name\22:\22FAULTY.WRITES\22,\22arity\22:2,\22flags\22:[\22write\22,\22denyoom\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22OW\22}],"
    "\22summary\22:\22Sets a key for ever.\22},"
    ;; 9
    "{\22name\22:\22FAULTY.SNEAK\22,\22arity\22:2,\22flags\22:[\22readonly\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RO\22}],"
    "\22summary\22:\22Says that it only reads, and sets and deletes its key; replies with what it was told.\22},"
    ;; 10
    "{\22name\22:\22FAULTY.NOP\22,\22arity\22:-1,\22flags\22:[\22readonly\22,\22fast\22],\22keys\22:[],"
    "\22summary\22:\22Replies with nil.\22},"
    ;; 11
    "{\22name\22:\22FAULTY.READ\22,\22arity\22:2,\22flags\22:[\22readonly\22,\22fast\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RO\22}],"
    "\22summary\22:\22Replies with the string at a key.\22},"
    ;; 12
    "{\22name\22:\22FAULTY.COUNT\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22How often it was called in this instance.\22},"
    ;; 13
    "{\22name\22:\22FAULTY.LOG\22,\22arity\22:2,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Logs its argument.\22},"
    ;; 14
    "{\22name\22:\22FAULTY.CALL\22,\22arity\22:-3,\22flags\22:[\22write\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22RW\22}],"
    "\22summary\22:\22FAULTY.CALL key command [argument ...]: runs a native command; replies with what it was told.\22},"
    ;; 15
    "{\22name\22:\22FAULTY.SET\22,\22arity\22:3,\22flags\22:[\22write\22,\22denyoom\22],"
    "\22keys\22:[{\22begin\22:1,\22access\22:\22OW\22}],"
    "\22summary\22:\22Sets a key.\22},"
    ;; 16
    "{\22name\22:\22FAULTY.NOW\22,\22arity\22:1,\22flags\22:[\22readonly\22],\22keys\22:[],"
    "\22summary\22:\22Replies with the time and a random number, twice each.\22}"
    "]}")

  (import "tenure_command_1_0" "arg_count" (func $arg_count (result i32)))
  (import "tenure_command_1_0" "arg_len" (func $arg_len (param i32) (result i32)))
  (import "tenure_command_1_0" "arg_read" (func $arg_read (param i32 i32 i32) (result i32)))
  (import "tenure_command_1_0" "call" (func $call (param i32 i32) (result i32)))
  (import "tenure_command_1_0" "get" (func $get (param i32 i32) (result i32)))
  (import "tenure_command_1_0" "set" (func $set (param i32 i32 i32 i32 i64) (result i32)))
  (import "tenure_command_1_0" "result_len" (func $result_len (result i32)))
  (import "tenure_command_1_0" "result_read" (func $result_read (param i32 i32 i32) (result i32)))
  (import "tenure_command_1_0" "reply_simple" (func $reply_simple (param i32 i32)))
  (import "tenure_command_1_0" "reply_bulk" (func $reply_bulk (param i32 i32)))
  (import "tenure_command_1_0" "reply_integer" (func $reply_integer (param i64)))
  (import "tenure_command_1_0" "reply_null" (func $reply_null))
  (import "tenure_command_1_0" "reply_array" (func $reply_array (param i32)))
  (import "tenure_command_1_0" "fail" (func $fail (param i32 i32)))
  (import "tenure_command_1_0" "now_millis" (func $now_millis (result i64)))
  (import "tenure_command_1_0" "random" (func $random (result i64)))
  (import "tenure_command_1_0" "log" (func $log (param i32 i32 i32)))

  (memory (export "memory") 4)
  (data (i32.const 0) "half-way")
  (data (i32.const 16) "FAULTY as it was asked to")
  (data (i32.const 48) "APPEND")
  (data (i32.const 56) "DEL")
  (data (i32.const 60) "OK")

  (global $calls (mut i64) (i64.const 0))

  ;; The first argument, at 1024.
  (func $key (result i32)
    (call $arg_read (i32.const 1) (i32.const 1024) (i32.const 1024)))

  ;; The second, at 2048.
  (func $second (result i32)
    (call $arg_read (i32.const 2) (i32.const 2048) (i32.const 2048)))

  ;; An entry of the list of a native command.
  (func $entry (param $at i32) (param $bytes i32) (param $len i32)
    (i32.store (local.get $at) (local.get $bytes))
    (i32.store offset=4 (local.get $at) (local.get $len)))

  ;; Replies with what a function of the host returned, and with its result.
  (func $tell (param $code i32)
    (local $len i32)
    (local.set $len (call $result_read (i32.const 0) (i32.const 131072) (i32.const 65536)))
    (call $reply_integer (i64.extend_i32_s (local.get $code)))
    (call $reply_bulk (i32.const 131072) (local.get $len)))

  ;; SET key half-way, then APPEND key half-way.
  (func $write (param $key_len i32)
    (drop (call $set (i32.const 1024) (local.get $key_len) (i32.const 0) (i32.const 8) (i64.const 0)))
    (call $entry (i32.const 4096) (i32.const 48) (i32.const 6))
    (call $entry (i32.const 4104) (i32.const 1024) (local.get $key_len))
    (call $entry (i32.const 4112) (i32.const 0) (i32.const 8))
    (drop (call $call (i32.const 4096) (i32.const 3))))

  ;; DEL of the bytes at a place.
  (func $delete (param $at i32) (param $len i32) (result i32)
    (call $entry (i32.const 4096) (i32.const 56) (i32.const 3))
    (call $entry (i32.const 4104) (local.get $at) (local.get $len))
    (call $call (i32.const 4096) (i32.const 2)))

  (func $loop
    (loop $again (br $again)))

  (func $trap
    (call $write (call $key))
    (unreachable))

  (func $memory
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (unreachable))

  (func $refuse
    (call $write (call $key))
    (call $fail (i32.const 16) (i32.const 25)))

  (func $half
    (call $reply_array (i32.const 2))
    (call $reply_null))

  (func $steal
    (local $len i32)
    (local.set $len (call $second))
    (call $reply_array (i32.const 6))
    (call $tell (call $get (i32.const 2048) (local.get $len)))
    (call $tell (call $set (i32.const 2048) (local.get $len) (i32.const 0) (i32.const 8) (i64.const 0)))
    (call $tell (call $delete (i32.const 2048) (local.get $len))))

  (func $stack (param $depth i64) (result i64)
    (i64.add (call $stack (i64.add (local.get $depth) (i64.const 1))) (i64.const 1)))

  (func $misuse
    (call $reply_bulk (i32.const -16) (i32.const 100)))

  (func $writes
    (local $len i32)
    (local.set $len (call $key))
    (loop $again
      (drop (call $set (i32.const 1024) (local.get $len) (i32.const 0) (i32.const 8) (i64.const 0)))
      (br $again)))

  (func $sneak
    (local $len i32)
    (local.set $len (call $key))
    (call $reply_array (i32.const 4))
    (call $tell (call $set (i32.const 1024) (local.get $len) (i32.const 0) (i32.const 8) (i64.const 0)))
    (call $tell (call $delete (i32.const 1024) (local.get $len))))

  (func $read
    (local $code i32)
    (local.set $code (call $get (i32.const 1024) (call $key)))
    (if (i32.eq (local.get $code) (i32.const 1))
      (then (call $reply_null) (return)))
    (call $reply_bulk
      (i32.const 131072)
      (call $result_read (i32.const 0) (i32.const 131072) (i32.const 65536))))

  (func $log_it
    (call $log (i32.const 1) (i32.const 1024) (call $key))
    (call $reply_simple (i32.const 60) (i32.const 2)))

  ;; The arguments from the second on lie one after the other from 8192 on.
  (func $call_it
    (local $index i32) (local $entry i32) (local $at i32) (local $len i32)
    (local.set $index (i32.const 2))
    (local.set $entry (i32.const 4096))
    (local.set $at (i32.const 8192))
    (loop $again
      (local.set $len (call $arg_read (local.get $index) (local.get $at) (i32.const 65536)))
      (call $entry (local.get $entry) (local.get $at) (local.get $len))
      (local.set $at (i32.add (local.get $at) (local.get $len)))
      (local.set $entry (i32.add (local.get $entry) (i32.const 8)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $index) (call $arg_count))))
    (call $reply_array (i32.const 2))
    (call $tell (call $call (i32.const 4096) (i32.sub (local.get $index) (i32.const 2)))))

  (func $set_it
    (local $key_len i32)
    (local.set $key_len (call $key))
    (drop (call $set
      (i32.const 1024) (local.get $key_len)
      (i32.const 131072) (call $arg_read (i32.const 2) (i32.const 131072) (i32.const 131072))
      (i64.const 0)))
    (call $reply_simple (i32.const 60) (i32.const 2)))

  (func $now
    (call $reply_array (i32.const 4))
    (call $reply_integer (call $now_millis))
    (call $reply_integer (call $random))
    (call $reply_integer (call $now_millis))
    (call $reply_integer (call $random)))

  (func (export "tenure_command_1_0") (param $command i32) (result i32)
    (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
    (block $16 (block $15 (block $14 (block $13 (block $12 (block $11 (block $10 (block $9 (block $8
    (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $15 $16 (local.get $command)))
      (call $loop) (return (i32.const 0)))
      (call $trap) (return (i32.const 0)))
      (call $memory) (return (i32.const 0)))
      (call $refuse) (return (i32.const 1)))
      (call $half) (return (i32.const 0)))
      (call $steal) (return (i32.const 0)))
      (drop (call $stack (i64.const 0))) (return (i32.const 0)))
      (call $misuse) (return (i32.const 0)))
      (call $writes) (return (i32.const 0)))
      (call $sneak) (return (i32.const 0)))
      (call $reply_null) (return (i32.const 0)))
      (call $read) (return (i32.const 0)))
      (call $reply_integer (global.get $calls)) (return (i32.const 0)))
      (call $log_it) (return (i32.const 0)))
      (call $call_it) (return (i32.const 0)))
      (call $set_it) (return (i32.const 0)))
      (call $now) (i32.const 0)))

;; TALLY.ADD delta key [key ...]: adds to several counters, all or none, and replies with a map of what they are now.
;; Written by hand, to show the interface without a compiler in between: each counter is a native INCRBY, and what that
;; replied is passed on. An error of one, such as that of a key that holds no number, is what the client reads, and no
;; counter has changed.
;;
;; Memory: 0 text, 256 the list of the native command, 512 the delta, 1024 a key, 2048 a result.
(module
  (@custom "tenure_manifest"
    "{\22name\22:\22tally\22,\22version\22:\221.0.0\22,\22kind\22:\22command\22,"
    "\22description\22:\22Adds to several counters, all or none.\22,"
    "\22commands\22:[{"
    "\22name\22:\22TALLY.ADD\22,\22arity\22:-3,\22flags\22:[\22write\22,\22denyoom\22],"
    "\22keys\22:[{\22begin\22:2,\22last\22:-1,\22step\22:1,\22access\22:\22RW\22}],"
    "\22summary\22:\22TALLY.ADD delta key [key ...]: adds delta to each counter. Replies with a map of keys and sums.\22,"
    "\22complexity\22:\22O(N), N keys\22}],"
    "\22limits\22:{\22memory_bytes\22:65536}}")

  (import "tenure_command_1_0" "arg_count" (func $arg_count (result i32)))
  (import "tenure_command_1_0" "arg_len" (func $arg_len (param i32) (result i32)))
  (import "tenure_command_1_0" "arg_read" (func $arg_read (param i32 i32 i32) (result i32)))
  (import "tenure_command_1_0" "call" (func $call (param i32 i32) (result i32)))
  (import "tenure_command_1_0" "result_len" (func $result_len (result i32)))
  (import "tenure_command_1_0" "result_read" (func $result_read (param i32 i32 i32) (result i32)))
  (import "tenure_command_1_0" "reply_map" (func $reply_map (param i32)))
  (import "tenure_command_1_0" "reply_bulk" (func $reply_bulk (param i32 i32)))
  (import "tenure_command_1_0" "reply_integer" (func $reply_integer (param i64)))
  (import "tenure_command_1_0" "fail" (func $fail (param i32 i32)))

  (memory (export "memory") 1 1)
  (data (i32.const 0) "INCRBY")
  (data (i32.const 16) "ERR a key or the delta is too long")

  ;; An argument, at a place that has room for so many bytes: its length, or -1 if it is longer.
  (func $read (param $index i32) (param $at i32) (param $room i32) (result i32)
    (if (i32.gt_u (call $arg_len (local.get $index)) (local.get $room))
      (then (return (i32.const -1))))
    (call $arg_read (local.get $index) (local.get $at) (local.get $room)))

  ;; An entry of the list of the native command: where an argument lies, and how long it is.
  (func $entry (param $number i32) (param $at i32) (param $len i32)
    (local $place i32)
    (local.set $place (i32.add (i32.const 256) (i32.mul (local.get $number) (i32.const 8))))
    (i32.store (local.get $place) (local.get $at))
    (i32.store offset=4 (local.get $place) (local.get $len)))

  ;; The number of a reply such as ":-12\r\n", whose bytes lie from 2048 on.
  (func $number (result i64)
    (local $at i32) (local $number i64) (local $sign i64) (local $byte i32)
    (local.set $at (i32.const 2049))
    (local.set $sign (i64.const 1))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 45)) ;; -
      (then
        (local.set $sign (i64.const -1))
        (local.set $at (i32.const 2050))))
    (block $end
      (loop $digits
        (local.set $byte (i32.load8_u (local.get $at)))
        (br_if $end (i32.eq (local.get $byte) (i32.const 13))) ;; \r
        (local.set $number (i64.add
          (i64.mul (local.get $number) (i64.const 10))
          (i64.extend_i32_u (i32.sub (local.get $byte) (i32.const 48)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $digits)))
    (i64.mul (local.get $sign) (local.get $number)))

  ;; The only command, so its number is not looked at.
  (func (export "tenure_command_1_0") (param $command i32) (result i32)
    (local $index i32) (local $delta_len i32) (local $key_len i32)
    (local.set $delta_len (call $read (i32.const 1) (i32.const 512) (i32.const 32)))
    (call $entry (i32.const 0) (i32.const 0) (i32.const 6))
    (call $entry (i32.const 2) (i32.const 512) (local.get $delta_len))
    (local.set $index (i32.const 2))
    (call $reply_map (i32.sub (call $arg_count) (i32.const 2)))
    (loop $keys
      (local.set $key_len (call $read (local.get $index) (i32.const 1024) (i32.const 1024)))
      (if (i32.lt_s (i32.or (local.get $key_len) (local.get $delta_len)) (i32.const 0))
        (then
          (call $fail (i32.const 16) (i32.const 34))
          (return (i32.const 1))))
      (call $entry (i32.const 1) (i32.const 1024) (local.get $key_len))
      (if (call $call (i32.const 256) (i32.const 3))
        (then
          ;; The error without its first byte, which says that it is one.
          (call $fail (i32.const 2049)
            (i32.sub (call $result_read (i32.const 0) (i32.const 2048) (i32.const 256)) (i32.const 1)))
          (return (i32.const 1))))
      (drop (call $result_read (i32.const 0) (i32.const 2048) (i32.const 256)))
      (call $reply_bulk (i32.const 1024) (local.get $key_len))
      (call $reply_integer (call $number))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $keys (i32.lt_u (local.get $index) (call $arg_count))))
    (i32.const 0)))

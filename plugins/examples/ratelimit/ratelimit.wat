;; RATELIMIT.TAKE and RATELIMIT.PEEK. Printed from the module that ratelimit.rs was compiled to: see ../README.md.
(module
  (type (;0;) (func (result i32)))
  (type (;1;) (func (result i64)))
  (type (;2;) (func (param i32 i32) (result i32)))
  (type (;3;) (func (param i32 i32 i32) (result i32)))
  (type (;4;) (func (param i32 i32)))
  (type (;5;) (func (param i32 i32 i32 i32 i64) (result i32)))
  (type (;6;) (func (param i32)))
  (type (;7;) (func (param i64)))
  (type (;8;) (func (param i32) (result i32)))
  (type (;9;) (func (param i32 i32 i32 i32)))
  (type (;10;) (func (param i32 i64 i64 i64 i64)))
  (import "tenure_command_1_0" "now_millis" (func (;0;) (type 1)))
  (import "tenure_command_1_0" "get" (func (;1;) (type 2)))
  (import "tenure_command_1_0" "result_read" (func (;2;) (type 3)))
  (import "tenure_command_1_0" "fail" (func (;3;) (type 4)))
  (import "tenure_command_1_0" "set" (func (;4;) (type 5)))
  (import "tenure_command_1_0" "reply_array" (func (;5;) (type 6)))
  (import "tenure_command_1_0" "reply_integer" (func (;6;) (type 7)))
  (import "tenure_command_1_0" "arg_len" (func (;7;) (type 8)))
  (import "tenure_command_1_0" "arg_read" (func (;8;) (type 3)))
  (table (;0;) 3 3 funcref)
  (memory (;0;) 1)
  (global (;0;) (mut i32) i32.const 32768)
  (global (;1;) i32 i32.const 32924)
  (global (;2;) i32 i32.const 32928)
  (export "memory" (memory 0))
  (export "tenure_command_1_0" (func 14))
  (export "__data_end" (global 1))
  (export "__heap_base" (global 2))
  (elem (;0;) (i32.const 1) func 11 9)
  (func (;9;) (type 0) (result i32)
    i32.const 0
    call 10
  )
  (func (;10;) (type 8) (param i32) (result i32)
    (local i32 i32 i32 i32 i64 i64 i64 i32 i32 i32 i32 i32 i32 i64 i64 i32 i64 i64)
    global.get 0
    i32.const 1376
    i32.sub
    local.tee 1
    global.set 0
    local.get 1
    i32.const 48
    i32.add
    i32.const 0
    i32.const 1024
    memory.fill
    i32.const 1
    local.set 2
    local.get 1
    i32.const 40
    i32.add
    i32.const 1
    local.get 1
    i32.const 48
    i32.add
    i32.const 1024
    call 12
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            block ;; label = @5
              block ;; label = @6
                block ;; label = @7
                  block ;; label = @8
                    local.get 1
                    i32.load offset=40
                    local.tee 3
                    i32.eqz
                    br_if 0 (;@8;)
                    local.get 1
                    i32.load offset=44
                    local.set 4
                    local.get 1
                    i32.const 1120
                    i32.add
                    i32.const 2
                    call 13
                    local.get 1
                    i32.load offset=1120
                    br_if 7 (;@1;)
                    local.get 1
                    i64.load offset=1128
                    local.set 5
                    local.get 1
                    i32.const 1120
                    i32.add
                    i32.const 3
                    call 13
                    local.get 1
                    i32.load offset=1120
                    br_if 7 (;@1;)
                    local.get 1
                    i64.load offset=1128
                    local.set 6
                    call 0
                    local.set 7
                    i32.const 0
                    local.set 8
                    local.get 1
                    i32.const 1120
                    i32.add
                    i32.const 0
                    i32.const 256
                    memory.fill
                    i32.const 1
                    local.set 9
                    block ;; label = @9
                      block ;; label = @10
                        block ;; label = @11
                          i32.const 1
                          i32.const 2
                          local.get 3
                          local.get 4
                          call 1
                          local.tee 10
                          i32.const 1
                          i32.eq
                          select
                          i32.const 0
                          local.get 10
                          select
                          br_table 0 (;@11;) 8 (;@3;) 1 (;@10;) 0 (;@11;)
                        end
                        i32.const 1
                        local.get 1
                        i32.const 1120
                        i32.add
                        i32.const 0
                        local.get 1
                        i32.const 1120
                        i32.add
                        i32.const 256
                        call 2
                        local.tee 2
                        i32.const 256
                        i32.gt_u
                        local.tee 11
                        select
                        local.tee 12
                        local.set 13
                        i32.const 0
                        local.set 10
                        block ;; label = @11
                          i32.const 0
                          local.get 2
                          local.get 11
                          select
                          local.tee 2
                          i32.eqz
                          br_if 0 (;@11;)
                          i32.const 0
                          local.set 10
                          block ;; label = @12
                            loop ;; label = @13
                              local.get 12
                              local.get 10
                              i32.add
                              i32.load8_u
                              i32.const 32
                              i32.eq
                              br_if 1 (;@12;)
                              i32.const 1
                              local.set 9
                              local.get 2
                              local.get 10
                              i32.const 1
                              i32.add
                              local.tee 10
                              i32.ne
                              br_if 0 (;@13;)
                            end
                            local.get 2
                            local.set 8
                            local.get 12
                            local.set 13
                            local.get 2
                            local.set 10
                            br 1 (;@11;)
                          end
                          local.get 12
                          local.get 10
                          i32.const 1
                          i32.add
                          local.tee 11
                          i32.add
                          local.set 13
                          local.get 2
                          local.get 11
                          i32.sub
                          local.set 8
                          i32.const 0
                          local.set 9
                        end
                        i32.const 0
                        local.set 2
                        i64.const 0
                        local.set 14
                        loop ;; label = @11
                          local.get 10
                          local.get 2
                          i32.eq
                          br_if 2 (;@9;)
                          local.get 12
                          local.get 2
                          i32.add
                          i32.load8_u
                          i32.const -48
                          i32.add
                          local.tee 11
                          i32.const 255
                          i32.and
                          i32.const 9
                          i32.gt_u
                          br_if 5 (;@6;)
                          local.get 1
                          i32.const 16
                          i32.add
                          local.get 14
                          i64.const 0
                          i64.const 10
                          i64.const 0
                          call 15
                          local.get 1
                          i64.load offset=24
                          i64.const 0
                          i64.ne
                          br_if 5 (;@6;)
                          local.get 2
                          i32.const 1
                          i32.add
                          local.set 2
                          local.get 1
                          i64.load offset=16
                          local.tee 15
                          local.get 11
                          i64.extend_i32_u
                          i64.const 255
                          i64.and
                          i64.add
                          local.tee 14
                          local.get 15
                          i64.ge_u
                          br_if 0 (;@11;)
                          br 5 (;@6;)
                        end
                      end
                      i32.const 1
                      local.get 1
                      i32.const 1120
                      i32.add
                      i32.const 0
                      local.get 1
                      i32.const 1120
                      i32.add
                      i32.const 256
                      call 2
                      local.tee 10
                      i32.const 256
                      i32.gt_u
                      local.tee 2
                      select
                      i32.const 0
                      local.get 10
                      local.get 2
                      select
                      call 3
                      br 4 (;@5;)
                    end
                    local.get 10
                    i32.eqz
                    local.get 9
                    i32.or
                    i32.eqz
                    br_if 1 (;@7;)
                    br 2 (;@6;)
                  end
                  i32.const 32818
                  i32.const 23
                  call 3
                  br 6 (;@1;)
                end
                i32.const 0
                local.set 2
                i32.const 1
                local.set 11
                i32.const 0
                local.set 9
                local.get 13
                local.set 16
                i32.const 0
                local.set 10
                block ;; label = @7
                  local.get 8
                  i32.eqz
                  br_if 0 (;@7;)
                  i32.const 0
                  local.set 10
                  block ;; label = @8
                    loop ;; label = @9
                      local.get 13
                      local.get 10
                      i32.add
                      i32.load8_u
                      i32.const 32
                      i32.eq
                      br_if 1 (;@8;)
                      i32.const 1
                      local.set 11
                      local.get 8
                      local.get 10
                      i32.const 1
                      i32.add
                      local.tee 10
                      i32.ne
                      br_if 0 (;@9;)
                    end
                    local.get 8
                    local.set 9
                    local.get 13
                    local.set 16
                    local.get 8
                    local.set 10
                    br 1 (;@7;)
                  end
                  local.get 13
                  local.get 10
                  i32.const 1
                  i32.add
                  local.tee 12
                  i32.add
                  local.set 16
                  local.get 8
                  local.get 12
                  i32.sub
                  local.set 9
                  i32.const 0
                  local.set 11
                end
                i64.const 0
                local.set 17
                block ;; label = @7
                  loop ;; label = @8
                    local.get 10
                    local.get 2
                    i32.eq
                    br_if 1 (;@7;)
                    local.get 13
                    local.get 2
                    i32.add
                    i32.load8_u
                    i32.const -48
                    i32.add
                    local.tee 12
                    i32.const 255
                    i32.and
                    i32.const 9
                    i32.gt_u
                    br_if 2 (;@6;)
                    local.get 1
                    local.get 17
                    i64.const 0
                    i64.const 10
                    i64.const 0
                    call 15
                    local.get 1
                    i64.load offset=8
                    i64.const 0
                    i64.ne
                    br_if 2 (;@6;)
                    local.get 2
                    i32.const 1
                    i32.add
                    local.set 2
                    local.get 1
                    i64.load
                    local.tee 15
                    local.get 12
                    i64.extend_i32_u
                    i64.const 255
                    i64.and
                    i64.add
                    local.tee 17
                    local.get 15
                    i64.ge_u
                    br_if 0 (;@8;)
                    br 2 (;@6;)
                  end
                end
                local.get 10
                i32.eqz
                br_if 0 (;@6;)
                local.get 11
                br_if 2 (;@4;)
                local.get 9
                i32.eqz
                br_if 0 (;@6;)
                i32.const 0
                local.set 10
                loop ;; label = @7
                  local.get 16
                  local.get 10
                  i32.add
                  i32.load8_u
                  i32.const 32
                  i32.eq
                  br_if 1 (;@6;)
                  local.get 9
                  local.get 10
                  i32.const 1
                  i32.add
                  local.tee 10
                  i32.ne
                  br_if 0 (;@7;)
                end
              end
              i32.const 32768
              i32.const 50
              call 3
            end
            i32.const 1
            local.set 2
            br 3 (;@1;)
          end
          local.get 17
          local.get 7
          i64.gt_u
          br_if 1 (;@2;)
        end
        local.get 7
        local.get 6
        i64.add
        local.set 17
        i64.const 0
        local.set 14
      end
      block ;; label = @2
        block ;; label = @3
          local.get 0
          br_if 0 (;@3;)
          local.get 14
          local.set 18
          br 1 (;@2;)
        end
        local.get 14
        local.set 18
        local.get 14
        local.get 5
        i64.ge_u
        br_if 0 (;@2;)
        i32.const 41
        local.set 10
        local.get 1
        i32.const 1076
        i32.add
        local.tee 12
        i32.const 0
        i32.const 41
        memory.fill
        local.get 17
        local.set 15
        loop ;; label = @3
          local.get 15
          i64.const 10
          i64.div_u
          local.set 6
          block ;; label = @4
            local.get 10
            local.tee 2
            local.get 2
            i32.const 0
            i32.ne
            i32.sub
            local.tee 10
            i32.const 40
            i32.gt_u
            br_if 0 (;@4;)
            local.get 12
            local.get 10
            i32.add
            local.get 6
            i64.const 246
            i64.mul
            local.get 15
            i64.add
            i32.wrap_i64
            i32.const 48
            i32.or
            i32.store8
          end
          local.get 15
          i64.const 9
          i64.gt_u
          local.set 0
          local.get 6
          local.set 15
          local.get 0
          br_if 0 (;@3;)
        end
        block ;; label = @3
          i32.const 0
          local.get 2
          i32.const -2
          i32.add
          local.tee 10
          local.get 10
          local.get 2
          i32.gt_u
          select
          local.tee 10
          i32.const 40
          i32.gt_u
          br_if 0 (;@3;)
          local.get 12
          local.get 10
          i32.add
          i32.const 32
          i32.store8
        end
        local.get 14
        i64.const 1
        i64.add
        local.tee 18
        local.set 15
        loop ;; label = @3
          local.get 15
          i64.const 10
          i64.div_u
          local.set 6
          block ;; label = @4
            local.get 10
            local.get 10
            i32.const 0
            i32.ne
            i32.sub
            local.tee 10
            i32.const 40
            i32.gt_u
            br_if 0 (;@4;)
            local.get 12
            local.get 10
            i32.add
            local.get 6
            i64.const 246
            i64.mul
            local.get 15
            i64.add
            i32.wrap_i64
            i32.const 48
            i32.or
            i32.store8
          end
          local.get 15
          i64.const 9
          i64.gt_u
          local.set 2
          local.get 6
          local.set 15
          local.get 2
          br_if 0 (;@3;)
        end
        local.get 1
        local.get 10
        i32.store offset=1072
        i32.const 1
        local.set 2
        local.get 3
        local.get 4
        i32.const 1
        local.get 12
        local.get 10
        i32.add
        local.get 10
        i32.const 41
        i32.gt_u
        select
        i32.const 0
        i32.const 41
        local.get 10
        i32.sub
        local.tee 10
        local.get 10
        i32.const 41
        i32.gt_u
        select
        local.get 17
        call 4
        i32.eqz
        br_if 0 (;@2;)
        local.get 1
        i32.const 1120
        i32.add
        i32.const 0
        i32.const 256
        memory.fill
        i32.const 1
        local.get 1
        i32.const 1120
        i32.add
        i32.const 0
        local.get 1
        i32.const 1120
        i32.add
        i32.const 256
        call 2
        local.tee 10
        i32.const 256
        i32.gt_u
        local.tee 0
        select
        i32.const 0
        local.get 10
        local.get 0
        select
        call 3
        br 1 (;@1;)
      end
      i32.const 3
      call 5
      local.get 14
      local.get 5
      i64.lt_u
      i64.extend_i32_u
      call 6
      i64.const 0
      local.get 5
      local.get 18
      i64.sub
      local.tee 15
      local.get 15
      local.get 5
      i64.gt_u
      select
      call 6
      local.get 17
      local.get 7
      i64.sub
      call 6
      i32.const 0
      local.set 2
    end
    local.get 1
    i32.const 1376
    i32.add
    global.set 0
    local.get 2
  )
  (func (;11;) (type 0) (result i32)
    i32.const 1
    call 10
  )
  (func (;12;) (type 9) (param i32 i32 i32 i32)
    (local i32 i32)
    i32.const 0
    local.set 4
    block ;; label = @1
      local.get 1
      call 7
      local.tee 5
      local.get 3
      i32.gt_u
      br_if 0 (;@1;)
      local.get 1
      local.get 2
      local.get 5
      call 8
      drop
      local.get 2
      local.set 4
    end
    local.get 0
    local.get 5
    i32.store offset=4
    local.get 0
    local.get 4
    i32.store
  )
  (func (;13;) (type 4) (param i32 i32)
    (local i32 i32 i32 i64 i32 i64)
    global.get 0
    i32.const 48
    i32.sub
    local.tee 2
    global.set 0
    local.get 2
    i64.const 0
    i64.store offset=40
    local.get 2
    i64.const 0
    i64.store offset=32
    local.get 2
    i32.const 24
    i32.add
    local.get 1
    local.get 2
    i32.const 32
    i32.add
    i32.const 16
    call 12
    block ;; label = @1
      block ;; label = @2
        local.get 2
        i32.load offset=24
        local.tee 3
        i32.eqz
        br_if 0 (;@2;)
        local.get 2
        i32.load offset=28
        local.set 4
        i32.const 0
        local.set 1
        i64.const 0
        local.set 5
        block ;; label = @3
          loop ;; label = @4
            local.get 4
            local.get 1
            i32.eq
            br_if 1 (;@3;)
            local.get 3
            local.get 1
            i32.add
            i32.load8_u
            i32.const -48
            i32.add
            local.tee 6
            i32.const 255
            i32.and
            i32.const 9
            i32.gt_u
            br_if 2 (;@2;)
            local.get 2
            local.get 5
            i64.const 0
            i64.const 10
            i64.const 0
            call 15
            local.get 2
            i64.load offset=8
            i64.const 0
            i64.ne
            br_if 2 (;@2;)
            local.get 1
            i32.const 1
            i32.add
            local.set 1
            local.get 2
            i64.load
            local.tee 7
            local.get 6
            i64.extend_i32_u
            i64.const 255
            i64.and
            i64.add
            local.tee 5
            local.get 7
            i64.ge_u
            br_if 0 (;@4;)
            br 2 (;@2;)
          end
        end
        local.get 4
        i32.eqz
        br_if 0 (;@2;)
        local.get 5
        i64.const -1
        i64.add
        i64.const 1000000000000
        i64.ge_u
        br_if 0 (;@2;)
        local.get 0
        local.get 5
        i64.store offset=8
        i64.const 0
        local.set 5
        br 1 (;@1;)
      end
      i32.const 32841
      i32.const 73
      call 3
      i64.const 1
      local.set 5
    end
    local.get 0
    local.get 5
    i64.store
    local.get 2
    i32.const 48
    i32.add
    global.set 0
  )
  (func (;14;) (type 8) (param i32) (result i32)
    (local i32)
    i32.const 1
    local.set 1
    block ;; label = @1
      local.get 0
      i32.const 1
      i32.gt_u
      br_if 0 (;@1;)
      local.get 0
      i32.const 2
      i32.shl
      i32.load offset=32916
      call_indirect (type 0)
      local.set 1
    end
    local.get 1
  )
  (func (;15;) (type 10) (param i32 i64 i64 i64 i64)
    local.get 0
    local.get 1
    local.get 2
    local.get 3
    local.get 4
    call 16
  )
  (func (;16;) (type 10) (param i32 i64 i64 i64 i64)
    (local i64 i64 i64 i64 i64 i64)
    local.get 0
    local.get 3
    i64.const 4294967295
    i64.and
    local.tee 5
    local.get 1
    i64.const 4294967295
    i64.and
    local.tee 6
    i64.mul
    local.tee 7
    local.get 3
    i64.const 32
    i64.shr_u
    local.tee 8
    local.get 6
    i64.mul
    local.tee 6
    local.get 5
    local.get 1
    i64.const 32
    i64.shr_u
    local.tee 9
    i64.mul
    i64.add
    local.tee 5
    i64.const 32
    i64.shl
    i64.add
    local.tee 10
    i64.store
    local.get 0
    local.get 8
    local.get 9
    i64.mul
    local.get 5
    local.get 6
    i64.lt_u
    i64.extend_i32_u
    i64.const 32
    i64.shl
    local.get 5
    i64.const 32
    i64.shr_u
    i64.or
    i64.add
    local.get 10
    local.get 7
    i64.lt_u
    i64.extend_i32_u
    i64.add
    local.get 4
    local.get 1
    i64.mul
    local.get 3
    local.get 2
    i64.mul
    i64.add
    i64.add
    i64.store offset=8
  )
  (data (;0;) (i32.const 32768) "ERR the key holds something else than a rate limitERR the key is too longERR limit and window_millis must be whole numbers from 1 to 1000000000000\00\00\01\00\00\00\02\00\00\00")
  (@custom "tenure_manifest" (after data) "{\0a  \22name\22: \22ratelimit\22,\0a  \22version\22: \221.0.0\22,\0a  \22kind\22: \22command\22,\0a  \22description\22: \22Counts within windows of fixed length, and says when there is no more to take.\22,\0a  \22commands\22: [\0a    {\0a      \22name\22: \22RATELIMIT.TAKE\22,\0a      \22arity\22: 4,\0a      \22flags\22: [\22write\22, \22denyoom\22, \22fast\22],\0a      \22keys\22: [{ \22begin\22: 1, \22access\22: \22RW\22 }],\0a      \22summary\22: \22RATELIMIT.TAKE key limit window_millis: takes one. Replies with [1 if it was there else 0, what is left, milliseconds until the window ends].\22,\0a      \22complexity\22: \22O(1)\22\0a    },\0a    {\0a      \22name\22: \22RATELIMIT.PEEK\22,\0a      \22arity\22: 4,\0a      \22flags\22: [\22readonly\22, \22fast\22],\0a      \22keys\22: [{ \22begin\22: 1, \22access\22: \22RO\22 }],\0a      \22summary\22: \22RATELIMIT.PEEK key limit window_millis: replies as RATELIMIT.TAKE would, and takes nothing.\22,\0a      \22complexity\22: \22O(1)\22\0a    }\0a  ],\0a  \22limits\22: { \22memory_bytes\22: 131072, \22call_millis\22: 10 }\0a}\0a")
)

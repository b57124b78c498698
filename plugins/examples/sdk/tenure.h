/* Guest side of tenure_command_1_0 for C and C++. What each function does stands in ops/docs/plugins.md. */
#ifndef TENURE_H
#define TENURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TENURE_C extern "C"
#else
#define TENURE_C
#endif

#define TENURE_IMPORT(name) \
    TENURE_C __attribute__((import_module("tenure_command_1_0"), import_name(#name)))

/* The function that the host calls, with the place of the command in the manifest. Returns 0, or anything else to refuse. */
#define TENURE_COMMAND TENURE_C __attribute__((export_name("tenure_command_1_0"))) int32_t

/* Bytes in the memory of the guest. */
typedef struct {
    const void *bytes;
    size_t len;
} tenure_bytes;

enum { TENURE_FOUND = 0, TENURE_MISSING = 1, TENURE_ERROR = 2 };
enum { TENURE_DEBUG = 0, TENURE_INFO = 1, TENURE_WARN = 2, TENURE_ERR = 3 };

TENURE_IMPORT(arg_count) int32_t tenure_arg_count(void);
TENURE_IMPORT(arg_len) int32_t tenure_arg_len(uint32_t index);
TENURE_IMPORT(arg_read) int32_t tenure_arg_read(uint32_t index, void *at, size_t capacity);

TENURE_IMPORT(call) int32_t tenure_call(const tenure_bytes *list, size_t list_len);
TENURE_IMPORT(get) int32_t tenure_get(const void *key, size_t key_len);
TENURE_IMPORT(set) int32_t tenure_set(const void *key, size_t key_len, const void *value, size_t value_len,
                                      int64_t expires_at_millis);
TENURE_IMPORT(result_len) int32_t tenure_result_len(void);
TENURE_IMPORT(result_read) int32_t tenure_result_read(size_t offset, void *at, size_t capacity);

TENURE_IMPORT(reply_simple) void tenure_reply_simple(const char *text, size_t text_len);
TENURE_IMPORT(reply_error) void tenure_reply_error(const char *text, size_t text_len);
TENURE_IMPORT(reply_integer) void tenure_reply_integer(int64_t number);
TENURE_IMPORT(reply_bulk) void tenure_reply_bulk(const void *bytes, size_t bytes_len);
TENURE_IMPORT(reply_null) void tenure_reply_null(void);
TENURE_IMPORT(reply_array) void tenure_reply_array(int32_t replies);
TENURE_IMPORT(reply_map) void tenure_reply_map(int32_t pairs);
TENURE_IMPORT(reply_set) void tenure_reply_set(int32_t replies);
TENURE_IMPORT(reply_double) void tenure_reply_double(double number);
TENURE_IMPORT(reply_boolean) void tenure_reply_boolean(int32_t is_true);
TENURE_IMPORT(reply_verbatim) void tenure_reply_verbatim(const char *format, size_t format_len, const char *text,
                                                         size_t text_len);

TENURE_IMPORT(fail) void tenure_fail(const char *text, size_t text_len);
TENURE_IMPORT(now_millis) int64_t tenure_now_millis(void);
TENURE_IMPORT(random) int64_t tenure_random(void);
TENURE_IMPORT(log) void tenure_log(int32_t level, const char *text, size_t text_len);

#endif

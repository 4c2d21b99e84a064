// The part of libchdb's C interface that the embedded ClickHouse needs, bound at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mplp {

// Opaque handles of libchdb.
using ChdbConnection = struct ChdbConnectionHandle *;
using ChdbInsertStream = struct ChdbInsertStreamHandle *;
struct ChdbResult;

struct ChdbLibrary {
  ChdbConnection *(*connect)(int argc, char **argv);
  void (*close_conn)(ChdbConnection *conn);
  ChdbResult *(*query_with_params_n)(ChdbConnection conn, const char *query, size_t query_len,
                                     const char *format, size_t format_len, const char *const *names,
                                     const size_t *name_lens, const char *const *values,
                                     const size_t *value_lens, size_t count);
  ChdbResult *(*stream_query_with_params_n)(ChdbConnection conn, const char *query, size_t query_len,
                                            const char *format, size_t format_len, const char *const *names,
                                            const size_t *name_lens, const char *const *values,
                                            const size_t *value_lens, size_t count);
  ChdbResult *(*stream_fetch_result)(ChdbConnection conn, ChdbResult *stream);
  void (*stream_cancel_query)(ChdbConnection conn, ChdbResult *stream);
  ChdbInsertStream (*stream_insert_with_params_n)(ChdbConnection conn, const char *query, size_t query_len,
                                                  const char *format, size_t format_len,
                                                  const char *const *names, const size_t *name_lens,
                                                  const char *const *values, const size_t *value_lens,
                                                  size_t count);
  int (*stream_append)(ChdbInsertStream stream, const void *data, size_t len);
  ChdbResult *(*stream_done)(ChdbInsertStream stream);
  void (*stream_cancel_insert)(ChdbInsertStream stream);
  const char *(*stream_insert_error)(ChdbInsertStream stream);
  void (*destroy_insert_stream)(ChdbInsertStream stream);
  char *(*result_buffer)(ChdbResult *result);
  size_t (*result_length)(ChdbResult *result);
  double (*result_elapsed)(ChdbResult *result);
  uint64_t (*result_rows_read)(ChdbResult *result);
  uint64_t (*result_storage_rows_read)(ChdbResult *result);
  uint64_t (*result_storage_bytes_read)(ChdbResult *result);
  uint64_t (*result_rows_written)(ChdbResult *result);
  uint64_t (*result_bytes_written)(ChdbResult *result);
  const char *(*result_error)(ChdbResult *result);
  void (*destroy_query_result)(ChdbResult *result);
  void (*set_signal_handlers_enabled)(int enabled);  // absent in old libraries
};

// Loads the library once in this process. Returns nullptr and fills `error` when that fails.
const ChdbLibrary *load_chdb_library(const std::string &path, std::string *error);

}  // namespace mplp

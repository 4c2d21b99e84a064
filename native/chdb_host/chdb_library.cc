#include "chdb_library.h"

#include <dlfcn.h>

#include <mutex>

namespace mplp {

namespace {

template <typename F>
bool bind(void *handle, const char *name, F *target, std::string *error) {
  *target = reinterpret_cast<F>(dlsym(handle, name));
  if (*target == nullptr && error != nullptr) *error = std::string("libchdb has no symbol ") + name;
  return *target != nullptr;
}

}  // namespace

const ChdbLibrary *load_chdb_library(const std::string &path, std::string *error) {
  static std::mutex mutex;
  static ChdbLibrary library;
  static bool loaded = false;
  std::lock_guard<std::mutex> lock(mutex);
  if (loaded) return &library;
  void *handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    *error = dlerror();
    return nullptr;
  }
  ChdbLibrary &l = library;
  loaded = bind(handle, "chdb_connect", &l.connect, error) &&
           bind(handle, "chdb_close_conn", &l.close_conn, error) &&
           bind(handle, "chdb_query_with_params_n", &l.query_with_params_n, error) &&
           bind(handle, "chdb_stream_query_with_params_n", &l.stream_query_with_params_n, error) &&
           bind(handle, "chdb_stream_fetch_result", &l.stream_fetch_result, error) &&
           bind(handle, "chdb_stream_cancel_query", &l.stream_cancel_query, error) &&
           bind(handle, "chdb_stream_insert_with_params_n", &l.stream_insert_with_params_n, error) &&
           bind(handle, "chdb_stream_append", &l.stream_append, error) &&
           bind(handle, "chdb_stream_done", &l.stream_done, error) &&
           bind(handle, "chdb_stream_cancel_insert", &l.stream_cancel_insert, error) &&
           bind(handle, "chdb_stream_insert_error", &l.stream_insert_error, error) &&
           bind(handle, "chdb_destroy_insert_stream", &l.destroy_insert_stream, error) &&
           bind(handle, "chdb_result_buffer", &l.result_buffer, error) &&
           bind(handle, "chdb_result_length", &l.result_length, error) &&
           bind(handle, "chdb_result_elapsed", &l.result_elapsed, error) &&
           bind(handle, "chdb_result_rows_read", &l.result_rows_read, error) &&
           bind(handle, "chdb_result_storage_rows_read", &l.result_storage_rows_read, error) &&
           bind(handle, "chdb_result_storage_bytes_read", &l.result_storage_bytes_read, error) &&
           bind(handle, "chdb_result_rows_written", &l.result_rows_written, error) &&
           bind(handle, "chdb_result_bytes_written", &l.result_bytes_written, error) &&
           bind(handle, "chdb_result_error", &l.result_error, error) &&
           bind(handle, "chdb_destroy_query_result", &l.destroy_query_result, error);
  bind(handle, "chdb_set_signal_handlers_enabled", &l.set_signal_handlers_enabled, nullptr);
  return loaded ? &library : nullptr;
}

}  // namespace mplp

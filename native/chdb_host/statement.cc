#include "statement.h"

#include <thread>

namespace mplp {

namespace {

struct Params {
  std::vector<const char *> names, values;
  std::vector<size_t> name_lens, value_lens;
  explicit Params(const std::vector<std::pair<std::string, std::string>> &params) {
    for (const auto &[name, value] : params) {
      names.push_back(name.data());
      name_lens.push_back(name.size());
      values.push_back(value.data());
      value_lens.push_back(value.size());
    }
  }
};

constexpr char kCancelled[] = "Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)";

}  // namespace

void Statement::start(OnData on_data, OnEnd on_end) {
  std::thread([self = shared_from_this(), on_data = std::move(on_data), on_end = std::move(on_end)] {
    Summary summary;
    self->run(on_data, &summary);
    std::deque<InputChunk> left;
    {
      std::lock_guard<std::mutex> lock(self->mutex_);
      self->cancelled_ = true;  // later chunks are released at once
      left.swap(self->input_);
    }
    for (auto &chunk : left) chunk.release();
    on_end(std::move(summary));
  }).detach();
}

void Statement::append(InputChunk chunk) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!cancelled_) {
      input_.push_back(std::move(chunk));
      changed_.notify_all();
      return;
    }
  }
  chunk.release();
}

void Statement::end_input() {
  std::lock_guard<std::mutex> lock(mutex_);
  input_ended_ = true;
  changed_.notify_all();
}

void Statement::ack_output() {
  std::lock_guard<std::mutex> lock(mutex_);
  --unread_;
  changed_.notify_all();
}

void Statement::cancel() {
  std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

bool Statement::await_output_room() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return cancelled_ || unread_ < kMaxUnreadChunks; });
  if (cancelled_) return false;
  ++unread_;
  return true;
}

void Statement::add_counters(ChdbResult *result, Summary *summary) const {
  summary->elapsed_s += lib_->result_elapsed(result);
  summary->result_rows += lib_->result_rows_read(result);
  summary->rows_read += lib_->result_storage_rows_read(result);
  summary->bytes_read += lib_->result_storage_bytes_read(result);
  summary->rows_written += lib_->result_rows_written(result);
  summary->bytes_written += lib_->result_bytes_written(result);
}

void Statement::run(const OnData &on_data, Summary *summary) {
  std::string program = "clickhouse", path = "--path=" + options_.path;
  char *argv[] = {program.data(), path.data()};
  ChdbConnection *conn = lib_->connect(2, argv);
  if (conn == nullptr) {
    summary->error = "Code: 210. DB::NetException: the embedded engine refused a connection. (NETWORK_ERROR)";
    return;
  }
  if (run_preamble(*conn, summary)) {
    switch (options_.kind) {
      case StatementOptions::Kind::kBuffered:
        run_buffered(*conn, on_data, summary);
        break;
      case StatementOptions::Kind::kStreamed:
        run_streamed(*conn, on_data, summary);
        break;
      case StatementOptions::Kind::kInsert:
        run_insert(*conn, summary);
        break;
    }
  }
  lib_->close_conn(conn);
}

bool Statement::run_preamble(ChdbConnection conn, Summary *summary) {
  for (const std::string &sql : options_.preamble) {
    ChdbResult *result = lib_->query_with_params_n(conn, sql.data(), sql.size(), "Null", 4, nullptr, nullptr,
                                                   nullptr, nullptr, 0);
    const char *error = lib_->result_error(result);
    if (error != nullptr) summary->error = error;
    lib_->destroy_query_result(result);
    if (!summary->error.empty()) return false;
  }
  return true;
}

void Statement::run_buffered(ChdbConnection conn, const OnData &on_data, Summary *summary) {
  const Params p(options_.params);
  ChdbResult *result = lib_->query_with_params_n(
      conn, options_.sql.data(), options_.sql.size(), options_.format.data(), options_.format.size(),
      p.names.data(), p.name_lens.data(), p.values.data(), p.value_lens.data(), p.names.size());
  const char *error = lib_->result_error(result);
  if (error != nullptr) summary->error = error;
  add_counters(result, summary);
  if (error == nullptr && lib_->result_length(result) > 0 && await_output_room()) {
    on_data(std::string(lib_->result_buffer(result), lib_->result_length(result)));
  }
  lib_->destroy_query_result(result);
}

void Statement::run_streamed(ChdbConnection conn, const OnData &on_data, Summary *summary) {
  const Params p(options_.params);
  ChdbResult *stream = lib_->stream_query_with_params_n(
      conn, options_.sql.data(), options_.sql.size(), options_.format.data(), options_.format.size(),
      p.names.data(), p.name_lens.data(), p.values.data(), p.value_lens.data(), p.names.size());
  const char *error = lib_->result_error(stream);
  if (error != nullptr) {
    summary->error = error;
    lib_->destroy_query_result(stream);
    return;
  }
  for (;;) {
    if (!await_output_room()) {
      summary->error = kCancelled;
      lib_->stream_cancel_query(conn, stream);
      break;
    }
    ChdbResult *chunk = lib_->stream_fetch_result(conn, stream);
    error = lib_->result_error(chunk);
    if (error != nullptr) summary->error = error;
    add_counters(chunk, summary);
    const size_t length = lib_->result_length(chunk);
    const bool more = error == nullptr && length > 0;
    if (more) on_data(std::string(lib_->result_buffer(chunk), length));
    lib_->destroy_query_result(chunk);
    if (!more) break;
  }
  lib_->destroy_query_result(stream);
}

void Statement::run_insert(ChdbConnection conn, Summary *summary) {
  const Params p(options_.params);
  ChdbInsertStream stream = lib_->stream_insert_with_params_n(
      conn, options_.sql.data(), options_.sql.size(), options_.format.data(), options_.format.size(),
      p.names.data(), p.name_lens.data(), p.values.data(), p.value_lens.data(), p.names.size());
  const char *error = lib_->stream_insert_error(stream);
  bool failed = error != nullptr;
  if (failed) summary->error = error;
  while (!failed) {
    InputChunk chunk;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return cancelled_ || input_ended_ || !input_.empty(); });
      if (cancelled_) {
        summary->error = kCancelled;
        failed = true;
        break;
      }
      if (input_.empty()) break;
      chunk = std::move(input_.front());
      input_.pop_front();
    }
    if (lib_->stream_append(stream, chunk.data, chunk.size) != 0) {
      error = lib_->stream_insert_error(stream);
      summary->error = error != nullptr ? error : kCancelled;
      failed = true;
    }
    chunk.release();
  }
  if (failed) {
    lib_->stream_cancel_insert(stream);
  } else {
    ChdbResult *result = lib_->stream_done(stream);
    error = lib_->result_error(result);
    if (error != nullptr) summary->error = error;
    add_counters(result, summary);
    lib_->destroy_query_result(result);
  }
  lib_->destroy_insert_stream(stream);
}

}  // namespace mplp

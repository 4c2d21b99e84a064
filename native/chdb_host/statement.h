// One SQL statement on its own connection and thread. Nothing here knows of JavaScript.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "chdb_library.h"

namespace mplp {

struct StatementOptions {
  std::string path;  // data directory
  // Statements run first on the fresh connection (`SET a = 1`, `USE db`); a failure of one ends the
  // statement.
  std::vector<std::string> preamble;
  std::string sql;
  std::string format;
  std::vector<std::pair<std::string, std::string>> params;
  enum class Kind { kBuffered, kStreamed, kInsert } kind = Kind::kBuffered;
};

struct Summary {
  double elapsed_s = 0;
  uint64_t rows_read = 0, bytes_read = 0, rows_written = 0, bytes_written = 0, result_rows = 0;
  std::string error;  // empty when the statement succeeded
};

// A piece of an insert's data; `release` is called exactly once, on the statement's thread.
struct InputChunk {
  const char *data;
  size_t size;
  std::function<void()> release;
};

class Statement : public std::enable_shared_from_this<Statement> {
 public:
  using OnData = std::function<void(std::string &&)>;
  using OnEnd = std::function<void(Summary &&)>;

  Statement(const ChdbLibrary *library, StatementOptions options)
      : lib_(library), options_(std::move(options)) {}

  // Runs on a thread of its own; the callbacks are called there. Call once.
  void start(OnData on_data, OnEnd on_end);
  void append(InputChunk chunk);
  void end_input();
  // The reader has taken a piece of output: the next may come.
  void ack_output();
  void cancel();

 private:
  void run(const OnData &on_data, Summary *summary);
  bool run_preamble(ChdbConnection conn, Summary *summary);
  void run_buffered(ChdbConnection conn, const OnData &on_data, Summary *summary);
  void run_streamed(ChdbConnection conn, const OnData &on_data, Summary *summary);
  void run_insert(ChdbConnection conn, Summary *summary);
  bool await_output_room();
  void add_counters(ChdbResult *result, Summary *summary) const;

  static constexpr int kMaxUnreadChunks = 4;

  const ChdbLibrary *lib_;
  const StatementOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<InputChunk> input_;
  bool input_ended_ = false;
  bool cancelled_ = false;
  int unread_ = 0;
};

}  // namespace mplp

// The addon of the embedded ClickHouse child: `open(libraryPath, dataPath)` and `run(options, onData,
// onEnd)`.
#include <napi.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "chdb_library.h"
#include "statement.h"

namespace {

using mplp::ChdbLibrary;
using mplp::Statement;
using mplp::StatementOptions;
using mplp::Summary;

struct Host {
  const ChdbLibrary *library = nullptr;
  std::string path;
  mplp::ChdbConnection *keeper = nullptr;  // the engine runs as long as one connection is open
};

Host host;

Napi::Value open_engine(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  std::string error;
  host.library = mplp::load_chdb_library(info[0].As<Napi::String>(), &error);
  if (host.library == nullptr) {
    Napi::Error::New(env, error).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  if (host.library->set_signal_handlers_enabled != nullptr) host.library->set_signal_handlers_enabled(0);
  host.path = info[1].As<Napi::String>();
  std::vector<std::string> args = {"clickhouse", "--path=" + host.path};
  auto extra = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < extra.Length(); i++) args.push_back(extra.Get(i).As<Napi::String>());
  std::vector<char *> argv;
  for (auto &arg : args) argv.push_back(arg.data());
  host.keeper = host.library->connect(static_cast<int>(argv.size()), argv.data());
  if (host.keeper == nullptr) Napi::Error::New(env, "the engine did not start").ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value close_engine(const Napi::CallbackInfo &info) {
  if (host.keeper != nullptr) host.library->close_conn(host.keeper);
  host.keeper = nullptr;
  return info.Env().Undefined();
}

// A thread of this process by its id: from now on it runs only where a processor has nothing else to do
// (sched(7), SCHED_IDLE). False where there is no such thing or it is not allowed.
Napi::Value run_thread_when_idle(const Napi::CallbackInfo &info) {
  bool is_done = false;
#ifdef __linux__
  sched_param param{};
  is_done = sched_setscheduler(info[0].As<Napi::Number>().Int32Value(), SCHED_IDLE, &param) == 0;
#endif
  return Napi::Boolean::New(info.Env(), is_done);
}

Napi::Value to_js(Napi::Env env, const Summary &summary) {
  auto object = Napi::Object::New(env);
  object.Set("elapsedSeconds", summary.elapsed_s);
  object.Set("rowsRead", static_cast<double>(summary.rows_read));
  object.Set("bytesRead", static_cast<double>(summary.bytes_read));
  object.Set("rowsWritten", static_cast<double>(summary.rows_written));
  object.Set("bytesWritten", static_cast<double>(summary.bytes_written));
  object.Set("resultRows", static_cast<double>(summary.result_rows));
  if (!summary.error.empty()) object.Set("error", summary.error);
  return object;
}

// The JavaScript handle of a running statement.
class StatementHandle : public Napi::ObjectWrap<StatementHandle> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Statement",
                       {InstanceMethod("append", &StatementHandle::append),
                        InstanceMethod("endInput", &StatementHandle::end_input),
                        InstanceMethod("acknowledge", &StatementHandle::acknowledge),
                        InstanceMethod("cancel", &StatementHandle::cancel)});
  }

  // new Statement({preamble, sql, format, params, kind}, onData(buffer), onEnd(summary), onAppended(bytes))
  explicit StatementHandle(const Napi::CallbackInfo &info) : Napi::ObjectWrap<StatementHandle>(info) {
    Napi::Env env = info.Env();
    if (host.keeper == nullptr) {
      Napi::Error::New(env, "the engine is not open").ThrowAsJavaScriptException();
      return;
    }
    auto given = info[0].As<Napi::Object>();
    StatementOptions options;
    options.path = host.path;
    auto preamble = given.Get("preamble").As<Napi::Array>();
    for (uint32_t i = 0; i < preamble.Length(); i++)
      options.preamble.push_back(preamble.Get(i).As<Napi::String>());
    options.sql = given.Get("sql").As<Napi::String>();
    options.format = given.Get("format").As<Napi::String>();
    auto params = given.Get("params").As<Napi::Array>();
    for (uint32_t i = 0; i + 1 < params.Length(); i += 2)
      options.params.emplace_back(params.Get(i).As<Napi::String>(), params.Get(i + 1).As<Napi::String>());
    const std::string kind = given.Get("kind").As<Napi::String>();
    options.kind = kind == "insert"     ? StatementOptions::Kind::kInsert
                   : kind == "streamed" ? StatementOptions::Kind::kStreamed
                                        : StatementOptions::Kind::kBuffered;
    on_data_ = Napi::ThreadSafeFunction::New(env, info[1].As<Napi::Function>(), "statement data", 0, 1);
    on_end_ = Napi::ThreadSafeFunction::New(env, info[2].As<Napi::Function>(), "statement end", 0, 1);
    on_appended_ =
        Napi::ThreadSafeFunction::New(env, info[3].As<Napi::Function>(), "statement appended", 0, 1);
    statement_ = std::make_shared<Statement>(host.library, std::move(options));
    statement_->start(
        [data = on_data_](std::string &&bytes) mutable {
          auto *moved = new std::string(std::move(bytes));
          data.BlockingCall(moved, [](Napi::Env env, Napi::Function callback, std::string *bytes) {
            callback.Call({Napi::Buffer<char>::New(
                env, bytes->data(), bytes->size(),
                [](Napi::Env, char *, std::string *owner) { delete owner; }, bytes)});
          });
        },
        // Released on the JavaScript thread, so that an append that races with the end still finds its
        // function.
        [data = on_data_, end = on_end_, appended = on_appended_, ended = ended_](Summary &&summary) mutable {
          struct Finish {
            Summary summary;
            Napi::ThreadSafeFunction data, end, appended;
            std::shared_ptr<bool> ended;
          };
          auto *finish = new Finish{std::move(summary), data, end, appended, ended};
          end.BlockingCall(finish, [](Napi::Env env, Napi::Function callback, Finish *finish) {
            *finish->ended = true;
            auto object = to_js(env, finish->summary);
            finish->data.Release();
            finish->appended.Release();
            finish->end.Release();
            delete finish;
            callback.Call({object});
          });
        });
  }

 private:
  Napi::Value append(const Napi::CallbackInfo &info) {
    if (*ended_) return info.Env().Undefined();
    auto buffer = info[0].As<Napi::Buffer<char>>();
    auto *keep = new Napi::Reference<Napi::Buffer<char>>(Napi::Persistent(buffer));
    const size_t size = buffer.Length();
    struct Done {
      Napi::Reference<Napi::Buffer<char>> *keep;
      size_t size;
    };
    auto *done = new Done{keep, size};
    statement_->append({buffer.Data(), size, [appended = on_appended_, done]() mutable {
                          appended.BlockingCall(done, [](Napi::Env env, Napi::Function callback, Done *done) {
                            delete done->keep;
                            const double size = static_cast<double>(done->size);
                            delete done;
                            callback.Call({Napi::Number::New(env, size)});
                          });
                        }});
    return info.Env().Undefined();
  }
  Napi::Value end_input(const Napi::CallbackInfo &info) {
    statement_->end_input();
    return info.Env().Undefined();
  }
  Napi::Value acknowledge(const Napi::CallbackInfo &info) {
    statement_->ack_output();
    return info.Env().Undefined();
  }
  Napi::Value cancel(const Napi::CallbackInfo &info) {
    statement_->cancel();
    return info.Env().Undefined();
  }

  std::shared_ptr<Statement> statement_;
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);  // JavaScript thread only
  Napi::ThreadSafeFunction on_data_, on_end_, on_appended_;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open_engine));
  exports.Set("close", Napi::Function::New(env, close_engine));
  exports.Set("runThreadWhenIdle", Napi::Function::New(env, run_thread_when_idle));
  exports.Set("Statement", StatementHandle::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(chdb_host, init)

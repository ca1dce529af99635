// SPDX-License-Identifier: Apache-2.0
// Sessions on what the caller provides: memory, an executor, a pool that they share.
#include <octet/octet.h>

#include <atomic>
#include <new>
#include <thread>

#include "tests/support/data.h"
#include "tests/support/mobilenet_v2.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/thread_team.h"
#include "tools/hash.h"

using namespace octet;

namespace {

// Small enough for ThreadSanitizer, large enough that its layers are worth cutting.
Model small_mobilenet() {
  const std::string bytes = tests::MobileNetV2(32).build();
  return Model::parse(tests::as_bytes(bytes)).value();
}

std::uint64_t hash_of_run(Session& session) {
  std::uint32_t state = 5;
  for (std::uint8_t& code : session.input<std::uint8_t>())
    code = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24);
  session.run();
  return tools::fnv1a(session.output_bytes(0));
}

std::uint64_t hash_of(const Model& model, const SessionOptions& options) {
  Session session = Session::create(model, options).value();
  return hash_of_run(session);
}

std::string refusal(const SessionOptions& options) {
  static const Model model = Model::load(test::digits("digits_qat.onnx")).value();
  return Session::create(model, options).status().message();
}

struct Aligned {
  explicit Aligned(std::size_t bytes)
      : size(bytes), memory(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kArenaAlignment}))) {}
  ~Aligned() { ::operator delete[](memory, std::align_val_t{kArenaAlignment}); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  std::size_t size;
  std::byte* memory;
};

}  // namespace

TEST_CASE("a session lives in the caller's memory and writes nowhere else", "[real-time]") {
  const Model model = small_mobilenet();
  SessionOptions options{.threads = 1};
  const auto expected = hash_of(model, options);
  const std::size_t needed = Session::arena_bytes_needed(model, options).value();
  constexpr std::size_t kGuard = 4096;
  const Aligned memory(needed + kGuard);
  std::ranges::fill(std::span(memory.memory, memory.size), std::byte{0xA5});
  options.arena = {memory.memory, needed};
  Session session = Session::create(model, options).value();
  CHECK(session.arena_bytes() == needed);
  CHECK(hash_of_run(session) == expected);
  for (const auto bytes : {std::span<const std::byte>(session.input_bytes(0)), session.output_bytes(0)}) {
    CHECK(bytes.data() >= memory.memory);
    CHECK(bytes.data() + bytes.size() <= memory.memory + needed);
  }
  for (const std::byte guard : std::span(memory.memory + needed, kGuard)) REQUIRE(guard == std::byte{0xA5});
}

TEST_CASE("memory that does not do is refused with a sentence", "[real-time]") {
  const Aligned memory(1 << 20);
  CHECK(refusal({.threads = 1, .arena = {memory.memory, 100}}).find("arena of 100 bytes: this model needs ") == 0);
  CHECK(refusal({.threads = 1, .arena = {memory.memory + 8, memory.size - 8}}) ==
        "arena begins 8 bytes beyond a multiple of 64: it must begin at one");
}

TEST_CASE("the limit on the arena counts the tables of row addresses", "[real-time]") {
  const Model model = Model::load(test::digits("digits_qat.onnx")).value();
  const std::size_t arena = Session::arena_bytes_needed(model, {.threads = 1}).value();
  const Result<Session> session = Session::create(model, {.threads = 1, .max_arena_bytes = arena});
  REQUIRE_FALSE(session.ok());  // its 3x3 convolutions have tables
  CHECK(session.status().message().find("SessionOptions::max_arena_bytes allows") != std::string::npos);
}

TEST_CASE("an executor computes every part once and changes no bit", "[real-time]") {
  const Model model = small_mobilenet();
  const auto expected = hash_of(model, {.threads = 1});
  std::size_t calls = 0, parts = 0;
  auto backwards = [&](std::size_t count, const Executor::Body& body) {
    ++calls;
    parts += count;
    for (std::size_t i = count; i > 0; --i) body(i - 1);
  };
  for (int threads : {1, 2, 7}) {
    Session session = Session::create(model, {.threads = threads, .executor = Executor::of(backwards)}).value();
    CHECK(session.threads() == threads);
    CHECK(hash_of_run(session) == expected);
  }
  CHECK(calls > 10);
  CHECK(parts > 2 * calls);
}

TEST_CASE("sessions share a pool, also from several threads at once", "[real-time]") {
  const Model model = small_mobilenet();
  const auto expected = hash_of(model, {.threads = 1});
  const auto pool = ThreadPool::create(3).value();
  CHECK(pool->threads() == 3);
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> callers;
  for (std::uint64_t& hash : hashes) callers.emplace_back([&] { hash = hash_of(model, {.pool = pool}); });
  for (std::thread& caller : callers) caller.join();
  for (const std::uint64_t hash : hashes) CHECK(hash == expected);
  CHECK(Session::create(model, {.pool = pool}).value().threads() == 3);
}

TEST_CASE("wishes about threads that contradict each other are refused", "[real-time]") {
  auto serial = [](std::size_t count, const Executor::Body& body) {
    for (std::size_t i = 0; i < count; ++i) body(i);
  };
  const auto pool = ThreadPool::create(2).value();
  CHECK(refusal({.threads = 3, .pool = pool}) == "threads 3: the shared pool has 2");
  CHECK(refusal({.executor = Executor::of(serial), .pool = pool}).find("on one of them") != std::string::npos);
  CHECK(ThreadPool::create(-1).status().message().find("threads -1") == 0);
}

// What ThreadSanitizer judges (./test.sh --tsan): 16 of the caller's threads, and 4 sessions of one model at once on
// them.
TEST_CASE("four sessions at once on sixteen threads of the caller", "[concurrent][real-time]") {
  const Model model = small_mobilenet();
  const auto expected = hash_of(model, {.threads = 1});
  test::ThreadTeam team(16);
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> callers;
  for (std::uint64_t& hash : hashes) {
    callers.emplace_back([&] {
      Session session = Session::create(model, {.threads = 16, .executor = Executor::of(team)}).value();
      for (int i = 0; i < 3; ++i) hash = hash_of_run(session);
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const std::uint64_t hash : hashes) CHECK(hash == expected);
}

TEST_CASE("sixteen threads with four sessions each", "[concurrent][real-time]") {
  const Model model = Model::load(test::digits("digits_qat.onnx")).value();
  const auto run_four = [&] {
    std::vector<Session> sessions;
    for (int i = 0; i < 4; ++i) sessions.push_back(Session::create(model, {.threads = 1}).value());
    std::vector<std::byte> all;
    for (int round = 0; round < 3; ++round) {
      for (Session& session : sessions) {
        std::ranges::fill(session.input<float>(), 0.25F * static_cast<float>(round));
        session.run();
        all.insert(all.end(), session.output_bytes(0).begin(), session.output_bytes(0).end());
      }
    }
    return tools::fnv1a(all);
  };
  const auto expected = run_four();
  std::vector<std::uint64_t> hashes(16);
  std::vector<std::thread> threads;
  for (std::uint64_t& hash : hashes) threads.emplace_back([&] { hash = run_four(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::uint64_t hash : hashes) CHECK(hash == expected);
}

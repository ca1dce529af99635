// SPDX-License-Identifier: Apache-2.0
// What starting costs: time to open a compiled model and create a session, memory, and how much slower the first
// run is than the others. Every sample is a process of its own that has done nothing else.
//
//   bench_load MODEL.octet [BACKEND] [PROCESSES]
#include <octet/model.h>
#include <octet/session.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

struct Sample {
  double open_ms, create_ms, first_ms, median_ms;
  double anonymous_after_create, anonymous, resident;  // kB more than before
};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// "Rss:" or "Anonymous:" of this process in kB; counted page by page, unlike /proc/self/statm.
double memory_kb(const char* field) {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  double kb = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, field, std::strlen(field)) == 0) kb = std::atof(line + std::strlen(field));
  }
  if (file != nullptr) std::fclose(file);
  return kb;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Sample measure(const char* path, const std::string& backend) {
  Sample sample;
  const double anonymous = memory_kb("Anonymous:"), resident = memory_kb("Rss:");
  const double start = now_ms();
  octet::Result<octet::Model> model = octet::Model::open(path);
  const double opened = now_ms();
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().message().c_str());
    _exit(1);
  }
  octet::Result<octet::Session> session = octet::Session::create(*model, {.backend = backend, .threads = 1});
  const double created = now_ms();
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().message().c_str());
    _exit(1);
  }
  sample.open_ms = opened - start;
  sample.create_ms = created - opened;
  sample.anonymous_after_create = memory_kb("Anonymous:") - anonymous;
  const double before = now_ms();
  session->run();
  sample.first_ms = now_ms() - before;
  sample.anonymous = memory_kb("Anonymous:") - anonymous;
  sample.resident = memory_kb("Rss:") - resident;
  std::vector<double> times;
  for (int i = 0; i < 15; ++i) {
    const double begin = now_ms();
    session->run();
    times.push_back(now_ms() - begin);
  }
  sample.median_ms = median(times);
  return sample;
}

// In a child, so that nothing is warm but the system's copy of the files.
bool measure_apart(const char* path, const std::string& backend, Sample& sample) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    const Sample mine = measure(path, backend);
    _exit(write(ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
  }
  close(ends[1]);
  const bool ok = read(ends[0], &sample, sizeof sample) == sizeof sample;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return ok;
}

void print(const char* what, std::vector<double> values, const char* unit) {
  std::printf("%-34s median %9.3f %-3s  best %9.3f  worst %9.3f\n", what, median(values), unit,
              *std::min_element(values.begin(), values.end()), *std::max_element(values.begin(), values.end()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_load MODEL.octet [BACKEND] [PROCESSES]\n");
    return 2;
  }
  const std::string backend = argc > 2 ? argv[2] : "";
  const int processes = argc > 3 ? std::atoi(argv[3]) : 21;
  std::vector<Sample> samples(static_cast<std::size_t>(std::max(processes, 1)));
  for (Sample& sample : samples) {
    if (!measure_apart(argv[1], backend, sample)) return 1;
  }
  const double file_kb = static_cast<double>(std::filesystem::file_size(argv[1])) / 1024;
  const auto all = [&](auto value) {
    std::vector<double> values;
    for (const Sample& sample : samples) values.push_back(value(sample));
    return values;
  };
  std::printf("%s, %.2f MiB, on %s, %d processes\n", argv[1], file_kb / 1024,
              backend.empty() ? "the best backend" : backend.c_str(), static_cast<int>(samples.size()));
  print("open", all([](const Sample& s) { return s.open_ms; }), "ms");
  print("create", all([](const Sample& s) { return s.create_ms; }), "ms");
  print("open + create", all([](const Sample& s) { return s.open_ms + s.create_ms; }), "ms");
  print("first run", all([](const Sample& s) { return s.first_ms; }), "ms");
  print("first run / median of 15 more", all([](const Sample& s) { return s.first_ms / s.median_ms; }), "");
  print("anonymous memory, created", all([](const Sample& s) { return s.anonymous_after_create / 1024; }), "MiB");
  print("  in percent of the file", all([&](const Sample& s) { return 100 * s.anonymous_after_create / file_kb; }),
        "%");
  print("anonymous memory, after a run", all([](const Sample& s) { return s.anonymous / 1024; }), "MiB");
  print("resident memory, after a run", all([](const Sample& s) { return s.resident / 1024; }), "MiB");
}

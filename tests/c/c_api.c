/* SPDX-License-Identifier: Apache-2.0 */
/* octet-c.h from C99. Usage: test_c_api examples/digits */
#include <octet/octet-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;
#define CHECK(condition)                                    \
  do {                                                      \
    if (!(condition)) {                                     \
      printf("FAILED line %d: %s\n", __LINE__, #condition); \
      printf("  last message: %s\n", octet_last_message()); \
      ++failures;                                           \
    }                                                       \
  } while (0)
#define CHECK_MESSAGE(text) CHECK(strstr(octet_last_message(), text) != NULL)

static char folder[512];

static const char* in_folder(const char* file) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  return path;
}

static octet_model* digits(void) {
  octet_model* model = NULL;
  CHECK(octet_model_load(in_folder("digits_qat.onnx"), NULL, &model) == OCTET_OK);
  if (model == NULL) exit(1);
  return model;
}

static void version_and_backends(void) {
  CHECK(strcmp(octet_version(), OCTET_VERSION) == 0);
  CHECK(octet_last_message()[0] == '\0');
  size_t defaults = 0, i;
  CHECK(octet_backend_count() >= 1);
  for (i = 0; i < octet_backend_count(); ++i) {
    octet_backend_info info = OCTET_BACKEND_INFO_INIT;
    CHECK(octet_backend_at(i, &info) == OCTET_OK);
    CHECK(info.name[0] != '\0' && info.description[0] != '\0');
    CHECK(info.usable == (info.reason[0] == '\0'));
    defaults += (size_t)info.is_default;
  }
  CHECK(defaults == 1);
  octet_backend_info info = OCTET_BACKEND_INFO_INIT;
  CHECK(octet_backend_at(i, &info) == OCTET_INVALID_ARGUMENT);
}

static void models(void) {
  octet_model* model = NULL;
  CHECK(octet_model_load("no_such_file.onnx", NULL, &model) == OCTET_REFUSED);
  CHECK_MESSAGE("no_such_file.onnx");
  CHECK(model == NULL);
  CHECK(octet_model_load(NULL, NULL, &model) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("null pointer");
  CHECK(octet_model_load("x", NULL, NULL) == OCTET_INVALID_ARGUMENT);
  CHECK(octet_model_parse("not a model", 11, NULL, NULL, &model) == OCTET_REFUSED);
  CHECK(octet_model_parse(NULL, 0, NULL, NULL, &model) == OCTET_INVALID_ARGUMENT);

  model = digits();
  CHECK(octet_model_is_quantized(model) == 1);
  CHECK(octet_model_input_count(model) == 1 && octet_model_output_count(model) == 1);
  octet_tensor_info info = OCTET_TENSOR_INFO_INIT;
  CHECK(octet_model_input(model, 0, &info) == OCTET_OK);
  CHECK(strcmp(info.name, "image") == 0 && info.dtype == OCTET_F32 && info.rank == 4);
  CHECK(info.dims[1] == 1 && info.dims[2] == 8 && info.dims[3] == 8);
  CHECK(octet_model_output(model, 0, &info) == OCTET_OK && info.rank == 2 && info.dims[1] == 10);
  CHECK(octet_model_input(model, 1, &info) == OCTET_INVALID_ARGUMENT);
  CHECK(octet_model_input(model, 0, NULL) == OCTET_INVALID_ARGUMENT);
  info.size = 0;
  CHECK(octet_model_input(model, 0, &info) == OCTET_INVALID_ARGUMENT);
  octet_model_free(model);

  octet_model_free(NULL);
  CHECK(octet_model_input_count(NULL) == 0 && octet_model_is_quantized(NULL) == 0);
  CHECK(octet_model_output(NULL, 0, &info) == OCTET_INVALID_ARGUMENT);
}

static void limits(void) {
  octet_model* model = NULL;
  octet_model_limits limits = OCTET_MODEL_LIMITS_INIT;
  CHECK(octet_model_load(in_folder("digits_qat.onnx"), &limits, &model) == OCTET_OK);
  octet_model_free(model);
  model = NULL;
  limits.max_nodes = 3;
  CHECK(octet_model_load(in_folder("digits_qat.onnx"), &limits, &model) == OCTET_REFUSED);
  CHECK_MESSAGE("nodes: ModelLimits::max_nodes allows 3");
  limits.max_nodes = 0;
  limits.max_file_bytes = 10;
  CHECK(octet_model_parse("not a model", 11, NULL, &limits, &model) == OCTET_REFUSED);
  CHECK_MESSAGE("the file has 11 bytes: ModelLimits::max_file_bytes allows 10");
  CHECK(octet_model_open(in_folder("digits_qat.onnx"), &limits, &model) == OCTET_REFUSED);
  limits.max_depth = -1;
  CHECK(octet_model_load(in_folder("digits_qat.onnx"), &limits, &model) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("octet_model_limits.max_depth is -1");
  limits.size = 0;
  CHECK(octet_model_open("x", &limits, &model) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("octet_model_limits.size is 0");
  CHECK(model == NULL);
}

/* An older program's struct ends earlier: what lies behind it must stay as it is. */
static void shorter_info(void) {
  octet_model* model = digits();
  octet_tensor_info info = OCTET_TENSOR_INFO_INIT;
  info.size = offsetof(octet_tensor_info, rank);
  info.rank = 77;
  CHECK(octet_model_input(model, 0, &info) == OCTET_OK);
  CHECK(strcmp(info.name, "image") == 0 && info.rank == 77);
  CHECK(info.size == offsetof(octet_tensor_info, rank));
  octet_model_free(model);
}

static void options(void) {
  octet_model* model = digits();
  octet_session* session = NULL;
  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  options.backend = "abacus";
  CHECK(octet_session_create(model, &options, &session) == OCTET_REFUSED);
  CHECK_MESSAGE("abacus");
  options.backend = "scalar";
  options.threads = -1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_REFUSED);
  CHECK_MESSAGE("threads -1");
  options.threads = 1;
  options.requant = (octet_requant)9;
  CHECK(octet_session_create(model, &options, &session) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("requant is 9");
  options.requant = OCTET_REQUANT_FIXED;
  options.input_shape_count = 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_INVALID_ARGUMENT);
  const int64_t wrong[] = {1, 1, 9, 9};
  octet_input_shape shape = {"image", wrong, 4};
  options.input_shapes = &shape;
  CHECK(octet_session_create(model, &options, &session) == OCTET_REFUSED);
  shape.rank = 7;
  CHECK(octet_session_create(model, &options, &session) == OCTET_INVALID_ARGUMENT);
  options.input_shape_count = 0;
  options.max_arena_bytes = 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_REFUSED);
  options.max_arena_bytes = 0;
  options.size = 0;
  CHECK(octet_session_create(model, &options, &session) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("size is 0");
  CHECK(session == NULL);

  /* A program compiled before `requant` existed: the field behind its end is not read. */
  options.size = offsetof(octet_session_options, requant);
  options.requant = (octet_requant)9;
  CHECK(octet_session_create(model, &options, &session) == OCTET_OK);
  CHECK(strcmp(octet_session_backend(session), "scalar") == 0 && octet_session_threads(session) == 1);
  octet_session_free(session);
  session = NULL;

  /* A program compiled against a newer header: fine while it asks for nothing unknown. */
  struct {
    octet_session_options known;
    size_t unknown;
  } newer = {OCTET_SESSION_OPTIONS_INIT, 0};
  newer.known.size = sizeof newer;
  CHECK(octet_session_create(model, &newer.known, &session) == OCTET_OK);
  octet_session_free(session);
  session = NULL;
  newer.unknown = 1;
  CHECK(octet_session_create(model, &newer.known, &session) == OCTET_INVALID_ARGUMENT);
  CHECK_MESSAGE("knows");
  CHECK(octet_session_create(NULL, NULL, &session) == OCTET_INVALID_ARGUMENT);
  CHECK(octet_session_create(model, NULL, NULL) == OCTET_INVALID_ARGUMENT);
  octet_model_free(model);
}

static size_t parts_run;
static void serial(void* self, size_t count, void (*task)(void* context, size_t index), void* context) {
  for (size_t i = 0; i < count; ++i) task(context, i);
  *(size_t*)self += count;
}

/* The caller's memory and threads, and threads that sessions share. */
static void resources(void) {
  octet_model* model = digits();
  octet_session* session = NULL;
  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  options.threads = 1;
  size_t needed = 0;
  CHECK(octet_session_arena_bytes_needed(model, &options, &needed) == OCTET_OK && needed > 0);
  CHECK(octet_session_arena_bytes_needed(model, &options, NULL) == OCTET_INVALID_ARGUMENT);
  char* memory = malloc(needed + 64);
  options.arena = memory + (64 - (uintptr_t)memory % 64) % 64;
  options.arena_bytes = needed - 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_REFUSED);
  CHECK_MESSAGE("this model needs");
  options.arena_bytes = needed;
  options.prefault = 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_OK);
  octet_session_run(session);
  const char* output = octet_session_output_data(session, 0);
  CHECK(output >= (char*)options.arena && output < (char*)options.arena + needed);
  octet_session_free(session);
  free(memory);

  octet_session_options threaded = OCTET_SESSION_OPTIONS_INIT;
  threaded.threads = 4;
  threaded.executor.parallel_for = serial;
  threaded.executor.self = &parts_run;
  CHECK(octet_session_create(model, &threaded, &session) == OCTET_OK);
  octet_session_run(session);
  octet_session_free(session);

  octet_thread_pool* pool = NULL;
  CHECK(octet_thread_pool_create(-1, &pool) == OCTET_REFUSED && pool == NULL);
  CHECK(octet_thread_pool_create(2, &pool) == OCTET_OK);
  octet_session_options shared = OCTET_SESSION_OPTIONS_INIT;
  shared.pool = pool;
  CHECK(octet_session_create(model, &shared, &session) == OCTET_OK);
  octet_thread_pool_free(pool); /* the session keeps it */
  CHECK(octet_session_threads(session) == 2);
  octet_session_run(session);
  octet_session_free(session);
  octet_model_free(model);
}

/* Two sessions on every usable backend give the same bytes; the model is freed before they run. */
static void runs(void) {
  octet_model* model = digits();
  octet_session* sessions[16];
  float image[64];
  size_t count = 0, i;
  for (i = 0; i < 64; ++i) image[i] = (float)(i * 7 % 17) / 16;
  for (i = 0; i < octet_backend_count() && count < 16; ++i) {
    octet_backend_info info = OCTET_BACKEND_INFO_INIT;
    octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
    CHECK(octet_backend_at(i, &info) == OCTET_OK);
    if (!info.usable) {
      printf("SKIPPED backend %s: %s\n", info.name, info.reason);
      continue;
    }
    options.backend = info.name;
    CHECK(octet_session_create(model, &options, &sessions[count]) == OCTET_OK);
    ++count;
  }
  octet_model_free(model);
  for (i = 0; i < count; ++i) {
    octet_tensor_info input = OCTET_TENSOR_INFO_INIT, output = OCTET_TENSOR_INFO_INIT;
    CHECK(octet_session_input_count(sessions[i]) == 1 && octet_session_output_count(sessions[i]) == 1);
    CHECK(octet_session_input(sessions[i], 0, &input) == OCTET_OK && input.bytes == sizeof image);
    CHECK(octet_session_output(sessions[i], 0, &output) == OCTET_OK && output.bytes == 10 * sizeof(float));
    memcpy(octet_session_input_data(sessions[i], 0), image, sizeof image);
    octet_session_run(sessions[i]);
    CHECK(memcmp(octet_session_output_data(sessions[i], 0), octet_session_output_data(sessions[0], 0), output.bytes) ==
          0);
    CHECK(octet_session_input_data(sessions[i], 1) == NULL && octet_session_output_data(sessions[i], 1) == NULL);
    CHECK(octet_session_input(sessions[i], 1, &input) == OCTET_INVALID_ARGUMENT);
  }
  for (i = 0; i < count; ++i) octet_session_free(sessions[i]);
  octet_session_free(NULL);
  octet_session_run(NULL);
  CHECK(octet_session_input_data(NULL, 0) == NULL && octet_session_threads(NULL) == 0);
}

/* Three images in one run, by the names that the model gives its input and output. */
static void batch(void) {
  octet_model* model = digits();
  octet_tensor_info info = OCTET_TENSOR_INFO_INIT;
  octet_session* session = NULL;
  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  const int64_t dims[4] = {3, 1, 8, 8};
  octet_input_shape shape = {"image", dims, 4};
  float images[3][64], together[3][10];
  size_t in, out, i, row;
  CHECK(octet_model_input(model, 0, &info) == OCTET_OK && info.dims[0] == OCTET_UNKNOWN && info.bytes == 0);
  for (i = 0; i < 3 * 64; ++i) images[i / 64][i % 64] = (float)(i * 7 % 17) / 16;
  options.input_shapes = &shape;
  options.input_shape_count = 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_OK);
  CHECK(octet_model_output(model, 0, &info) == OCTET_OK);
  in = octet_session_input_index(session, "image");
  out = octet_session_output_index(session, info.name);
  CHECK(in == 0 && out == 0);
  CHECK(octet_session_input_index(session, "nothing") == 1 && octet_session_output_index(session, NULL) == 1);
  CHECK(octet_session_output_index(NULL, info.name) == 0);
  CHECK(octet_session_input(session, in, &info) == OCTET_OK && info.dims[0] == 3 && info.bytes == sizeof images);
  CHECK(octet_session_output(session, out, &info) == OCTET_OK && info.bytes == sizeof together);
  memcpy(octet_session_input_data(session, in), images, sizeof images);
  octet_session_run(session);
  memcpy(together, octet_session_output_data(session, out), sizeof together);
  octet_session_free(session);

  CHECK(octet_session_create(model, NULL, &session) == OCTET_OK);
  for (row = 0; row < 3; ++row) {
    memcpy(octet_session_input_data(session, 0), images[row], sizeof images[row]);
    octet_session_run(session);
    CHECK(memcmp(octet_session_output_data(session, 0), together[row], sizeof together[row]) == 0);
  }
  octet_session_free(session);
  octet_model_free(model);
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  snprintf(folder, sizeof folder, "%s", argv[1]);
  version_and_backends();
  models();
  limits();
  shorter_info();
  options();
  resources();
  runs();
  batch();
  printf("%d failures\n", failures);
  return failures != 0;
}

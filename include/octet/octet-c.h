/* SPDX-License-Identifier: Apache-2.0 */
/** octet for C99 and for every language that calls C: opaque handles, status codes, and one sentence
 * per thread about the last failure. Nothing here throws, aborts or prints. docs/c-api.md is the tour.
 *
 * Ownership: what a function named ..._load, ..._open, ..._parse or ..._create hands out is given back to
 * ..._free, which takes NULL too. Strings and memory that a handle hands out live as long as the handle.
 * A session keeps its model alive: the model may be freed first.
 *
 * Threads: a model may be used by many threads at once, a session by one at a time.
 *
 * Structs begin with `size`, sizeof the struct as the caller knows it: so they can grow without
 * breaking programs that were compiled before. The ..._INIT macros set it. */
#ifndef OCTET_C_H
#define OCTET_C_H

#include <octet/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct octet_model octet_model;
typedef struct octet_session octet_session;
typedef struct octet_thread_pool octet_thread_pool;

/** What became of a call. */
typedef enum octet_status {
  OCTET_OK = 0,
  OCTET_INVALID_ARGUMENT = 1, /**< the call itself is wrong: a null pointer, an index, a size */
  OCTET_REFUSED = 2,          /**< the file, the shapes or the backend: octet_last_message() says why */
  OCTET_NO_MEMORY = 3
} octet_status;

/** Element types; the numbers stay as they are. */
typedef enum octet_dtype {
  OCTET_F32 = 0,
  OCTET_U8 = 1,
  OCTET_S8 = 2,
  OCTET_S32 = 3,
  OCTET_S64 = 4,
  OCTET_BOOL = 5
} octet_dtype;

/** How an int32 accumulator becomes an 8-bit code; docs/arithmetic.md has the formulas. */
typedef enum octet_requant {
  OCTET_REQUANT_FIXED = 0,        /**< octet's own */
  OCTET_REQUANT_FLOAT = 1,        /**< the formulas of ONNX Runtime on x86 */
  OCTET_REQUANT_FLOAT_QNNPACK = 2 /**< the formulas of PyTorch's qnnpack engine */
} octet_requant;

#define OCTET_MAX_RANK 6
#define OCTET_UNKNOWN (-1) /**< a size that is bound when a session is created */

/** An input or output. Filled by octet; `size` must be set before. */
typedef struct octet_tensor_info {
  size_t size;
  const char* name;
  octet_dtype dtype;
  int32_t rank;                 /**< at most OCTET_MAX_RANK */
  int64_t dims[OCTET_MAX_RANK]; /**< outermost first; OCTET_UNKNOWN in models only */
  size_t bytes;                 /**< of all elements; 0 while a size is unknown */
} octet_tensor_info;
#define OCTET_TENSOR_INFO_INIT \
  { sizeof(octet_tensor_info), NULL, OCTET_F32, 0, {0}, 0 }

/** The full shape of an input whose model leaves sizes open. */
typedef struct octet_input_shape {
  const char* name;
  const int64_t* dims; /**< `rank` of them, each at least 1 */
  int32_t rank;
} octet_input_shape;

/** The caller's own threads. `parallel_for` calls task(context, i) once for every i < count, on any threads, and
 * returns when all calls have returned. NULL in `parallel_for`: no executor. */
typedef struct octet_executor {
  void (*parallel_for)(void* self, size_t count, void (*task)(void* context, size_t index), void* context);
  void* self;
} octet_executor;

/** What a model file may ask for; octet/limits.h explains each. 0 is the default. */
typedef struct octet_model_limits {
  size_t size;
  size_t max_file_bytes;     /**< 16 GiB */
  size_t max_nodes;          /**< 100,000; likewise inputs, and outputs */
  size_t max_constant_bytes; /**< 16 GiB, files beside the model included */
  size_t max_computed_bytes; /**< 1 GiB of constants that nodes make of sizes alone */
  int32_t max_depth;         /**< 100 messages in each other */
} octet_model_limits;
#define OCTET_MODEL_LIMITS_INIT \
  { sizeof(octet_model_limits), 0, 0, 0, 0, 0 }

/** How a session runs. All zero but `size` is the default. */
typedef struct octet_session_options {
  size_t size;
  const char* backend; /**< NULL: OCTET_BACKEND of the environment, else the best usable one */
  int32_t threads;     /**< 0: what affinity and the cgroup quota allow */
  octet_requant requant;
  const octet_input_shape* input_shapes; /**< `input_shape_count` of them; what stays unknown becomes 1 */
  size_t input_shape_count;
  size_t max_arena_bytes;        /**< refuse a model that needs more for activations; 0: 4 GiB */
  void* arena;                   /**< memory for activations that outlives the session; NULL: the session allocates */
  size_t arena_bytes;            /**< at least octet_session_arena_bytes_needed, which begin at a multiple of 64 */
  octet_executor executor;       /**< computes on the caller's threads; `threads` of them are worth feeding */
  const octet_thread_pool* pool; /**< threads that sessions share, instead of an executor; may be freed first */
  int32_t prefault;              /**< 1: touch all memory of a run now, by running once on zeros */
} octet_session_options;
#define OCTET_SESSION_OPTIONS_INIT \
  { sizeof(octet_session_options), NULL, 0, OCTET_REQUANT_FIXED, NULL, 0, 0, NULL, 0, {NULL, NULL}, NULL, 0 }

/** One way of computing the int8 operators; all give the same bytes. `size` must be set before. */
typedef struct octet_backend_info {
  size_t size;
  const char* name;
  const char* description;
  const char* reason; /**< why it cannot run here; empty if it can */
  int32_t usable;     /**< 1 or 0 */
  int32_t is_default; /**< 1 for what a session gets if nobody says otherwise */
} octet_backend_info;
#define OCTET_BACKEND_INFO_INIT \
  { sizeof(octet_backend_info), NULL, NULL, NULL, 0, 0 }

/** "0.1.0" */
OCTET_API const char* octet_version(void);

/** The sentence about this thread's last failed call; "" before the first. The text stays until the
 * thread's next failed call. */
OCTET_API const char* octet_last_message(void);

/** Maps a compiled model (.octet); in octet::runtime. The file must stay as it is while the model lives.
 * `limits` may be NULL, here and below. */
OCTET_API octet_status octet_model_open(const char* path, const octet_model_limits* limits, octet_model** model);
/** Reads an ONNX file or a compiled model; only in octet::octet, which can read ONNX. */
OCTET_API octet_status octet_model_load(const char* path, const octet_model_limits* limits, octet_model** model);
/** The same from memory, which is free again afterwards. External data is looked up in `directory`;
 * NULL: the working directory. Only in octet::octet. */
OCTET_API octet_status octet_model_parse(const void* bytes, size_t byte_count, const char* directory,
                                         const octet_model_limits* limits, octet_model** model);
OCTET_API void octet_model_free(octet_model* model);

OCTET_API size_t octet_model_input_count(const octet_model* model);
OCTET_API size_t octet_model_output_count(const octet_model* model);
OCTET_API octet_status octet_model_input(const octet_model* model, size_t index, octet_tensor_info* info);
OCTET_API octet_status octet_model_output(const octet_model* model, size_t index, octet_tensor_info* info);
/** 1 if at least one operator computes on int8 codes, else 0. */
OCTET_API int32_t octet_model_is_quantized(const octet_model* model);

/** Prepares `model` for running: whatever can fail or allocate happens here. `options` may be NULL. */
OCTET_API octet_status octet_session_create(const octet_model* model, const octet_session_options* options,
                                            octet_session** session);
/** What options.arena must hold; costs as much as octet_session_create. */
OCTET_API octet_status octet_session_arena_bytes_needed(const octet_model* model, const octet_session_options* options,
                                                        size_t* bytes);
OCTET_API void octet_session_free(octet_session* session);

OCTET_API size_t octet_session_input_count(const octet_session* session);
OCTET_API size_t octet_session_output_count(const octet_session* session);
/** As for the model, with every size known. */
OCTET_API octet_status octet_session_input(const octet_session* session, size_t index, octet_tensor_info* info);
OCTET_API octet_status octet_session_output(const octet_session* session, size_t index, octet_tensor_info* info);

/** Where the input or output of this name stands; the count if there is none. */
OCTET_API size_t octet_session_input_index(const octet_session* session, const char* name);
OCTET_API size_t octet_session_output_index(const octet_session* session, const char* name);

/** The memory of an input or output, octet_tensor_info.bytes long, row-major (NCHW for images); the
 * same address as long as the session lives. NULL if there is no such index. */
OCTET_API void* octet_session_input_data(octet_session* session, size_t index);
OCTET_API const void* octet_session_output_data(const octet_session* session, size_t index);

/** Runs once, reading the inputs and writing the outputs. Cannot fail; a quantized model allocates
 * nothing here. */
OCTET_API void octet_session_run(octet_session* session);

/** The backend and the number of threads that the session got. */
OCTET_API const char* octet_session_backend(const octet_session* session);
OCTET_API int32_t octet_session_threads(const octet_session* session);

/** Threads for several sessions, which take turns on them; 0 for as many as affinity and quota allow. */
OCTET_API octet_status octet_thread_pool_create(int32_t threads, octet_thread_pool** pool);
OCTET_API void octet_thread_pool_free(octet_thread_pool* pool);

/** Every backend of this build, best first; strings live as long as the program. */
OCTET_API size_t octet_backend_count(void);
OCTET_API octet_status octet_backend_at(size_t index, octet_backend_info* info);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Classifies one image with an int8 model, in C. Usage: classify examples/digits */
#include <octet/octet-c.h>
#include <stdio.h>
#include <string.h>

/* An 8x8 drawing of a seven, dark = 1. */
/* clang-format off */
static const float seven[64] = {
    0, 0, .5f, 1, 1, 1, .7f, 0,
    0, 0, .8f, 1, .9f, 1, .8f, 0,
    0, 0, 0, 0, .4f, 1, .4f, 0,
    0, 0, .2f, .5f, .9f, .9f, .3f, 0,
    0, .1f, .9f, 1, 1, 1, .5f, 0,
    0, 0, .4f, 1, .7f, .1f, 0, 0,
    0, 0, .6f, 1, .1f, 0, 0, 0,
    0, 0, .9f, .6f, 0, 0, 0, 0};
/* clang-format on */

static int fail(void) {
  fprintf(stderr, "classify: %s\n", octet_last_message());
  return 1;
}

int main(int argc, char** argv) {
  char path[1024];
  snprintf(path, sizeof path, "%s/digits_qat.onnx", argc > 1 ? argv[1] : "examples/digits");

  octet_model* model = NULL;
  if (octet_model_load(path, NULL, &model) != OCTET_OK) return fail();

  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  options.threads = 1;
  octet_session* session = NULL;
  if (octet_session_create(model, &options, &session) != OCTET_OK) return fail();
  octet_model_free(model); /* the session keeps what it needs */

  memcpy(octet_session_input_data(session, 0), seven, sizeof seven);
  octet_session_run(session);
  const float* scores = octet_session_output_data(session, 0);

  int best = 0;
  for (int digit = 1; digit < 10; ++digit) {
    if (scores[digit] > scores[best]) best = digit;
  }
  printf("digit %d on backend %s\n", best, octet_session_backend(session));
  octet_session_free(session);
  return best == 7 ? 0 : 1;
}

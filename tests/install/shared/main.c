/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: outside MODEL.octet */
#include <octet/octet-c.h>
#include <stdio.h>

static int fail(void) {
  fprintf(stderr, "outside: %s\n", octet_last_message());
  return 1;
}

int main(int argc, char** argv) {
  octet_model* model = NULL;
  octet_session* session = NULL;
  if (argc < 2) return 2;
  if (octet_model_open(argv[1], NULL, &model) != OCTET_OK) return fail();
  if (octet_session_create(model, NULL, &session) != OCTET_OK) return fail();
  octet_model_free(model);
  octet_session_run(session);
  printf("octet %s: %zu outputs on %s\n", octet_version(), octet_session_output_count(session),
         octet_session_backend(session));
  octet_session_free(session);
  return 0;
}

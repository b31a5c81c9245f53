/* Checks that are counted, and reported only if they fail. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

#include "rulebound.h"

static int passed, failed;

#define CHECK(holds)                                                   \
  do {                                                                 \
    if (holds) {                                                       \
      passed++;                                                        \
    } else {                                                           \
      failed++;                                                        \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #holds); \
    }                                                                  \
  } while (0)

/* Makes a call; the caller frees the answer. */
static inline rulebound_buffer call(const char *request) {
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  CHECK(rulebound_call(request, strlen(request), &answer) == RULEBOUND_STATUS_OK);
  return answer;
}

/* Whether the answer to a request begins with a string. */
static inline int answers(const char *request, const char *beginning) {
  rulebound_buffer answer = call(request);
  int same = answer.data != NULL && strncmp(answer.data, beginning, strlen(beginning)) == 0;
  if (!same) {
    fprintf(stderr, "%s\n  answered %s\n", request, answer.data);
  }
  rulebound_buffer_free(&answer);
  return same;
}

static inline int report(void) {
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

#endif /* CHECK_H */

/* Many threads call at once, and each is answered as if it were alone. */
#include <pthread.h>

#include "check.h"

#define THREADS 8
#define CALLS 200

static const char *const REQUESTS[] = {
    "{\"start\":{\"flow\":\"flex.checkout\",\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\"}}",
    "{\"acknowledgement\":{\"provider\":\"truemed\"}}",
    "{\"versions\":{}}",
    "{\"catalogue\":{\"surplus\":1}}",
};
static rulebound_buffer expected[4];

static void *work(void *wrong) {
  for (int i = 0; i < CALLS; i++) {
    rulebound_buffer answer;
    rulebound_status status = rulebound_call(REQUESTS[i % 4], strlen(REQUESTS[i % 4]), &answer);
    if (status != RULEBOUND_STATUS_OK) {
      ++*(int *)wrong;
      continue;
    }
    *(int *)wrong += strcmp(answer.data, expected[i % 4].data) != 0;
    rulebound_buffer_free(&answer);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  int wrong[THREADS] = {0};
  for (int i = 0; i < 4; i++) {
    expected[i] = call(REQUESTS[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, &wrong[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(wrong[i] == 0);
  }
  for (int i = 0; i < 4; i++) {
    rulebound_buffer_free(&expected[i]);
  }
  return report();
}

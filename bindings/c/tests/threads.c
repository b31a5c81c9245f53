/* Many threads call at once and do not disturb each other; a small stack is enough for each. */
#include <pthread.h>

#include "check.h"

#define THREADS 8
#define CALLS 200

static const char *const REQUESTS[] = {
    "{\"start\":{\"flow\":\"flex.checkout\",\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\"}}",
    "{\"key_for\":{\"kind\":\"revup.token\",\"name\":\"tok_1\"}}",
    "{\"versions\":{}}",
    "{\"catalogue\":{\"surplus\":1}}",
};
static rulebound_buffer expected[4];

static void *work(void *wrong) {
  for (int i = 0; i < CALLS; i++) {
    rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
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

#define DEPTH 109 /* the most objects that can be nested in a command */

#ifdef __SANITIZE_ADDRESS__
static const size_t STACK = 1 << 20; /* the sanitizer needs more */
#else
static const size_t STACK = 128 << 10;
#endif

static void *handle(void *request) {
  CHECK(answers((const char *)request, "{\"ok\":{\"next\":"));
  return NULL;
}

/* The command that takes the most stack: what is nested in it is read, stored and written. */
static void a_small_stack_is_enough(void) {
  rulebound_buffer start = call("{\"start\":{\"flow\":\"truemed.payment_token\","
                                "\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\"}}");
  const int length = (int)(start.length - strlen("{\"ok\":}"));
  char nested[6 * DEPTH + 2] = "", request[2048];
  for (int i = 0; i < DEPTH; i++) {
    memcpy(nested + 5 * i, "{\"a\":", 5);
  }
  nested[5 * DEPTH] = '1';
  memset(nested + 5 * DEPTH + 1, '}', DEPTH);
  snprintf(request, sizeof request,
           "{\"handle\":{\"snapshot\":%.*s,\"command\":{\"type\":\"create_payment_token\",\"extra\":{\"nested\":%s},"
           "\"success_url\":\"https://shop.example/ok\",\"failure_url\":\"https://shop.example/no\","
           "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]},\"now\":0}}",
           length, start.data + strlen("{\"ok\":"), nested);
  rulebound_buffer_free(&start);
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
  CHECK(pthread_create(&thread, &attributes, handle, request) == 0 && pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
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
  a_small_stack_is_enough();
  return report();
}

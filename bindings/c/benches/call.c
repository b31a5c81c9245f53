/* What a call costs, compared with an empty one in the same run: the median of many rounds, in nanoseconds. */
#define _POSIX_C_SOURCE 200809L
#include <rulebound.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 51
#define CALLS 400
#define CART "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]"
#define NOW "\"now\":1796083200000"

#define REPLY(body) "\"fact\":{\"type\":\"reply\",\"effect\":\"create_payment_token:1\",\"http_status\":200," \
                    "\"body\":\"" body "\"}," NOW
#define WEBHOOK(body) "\"fact\":{\"type\":\"webhook\",\"origin\":\"verified\",\"body\":\"" body "\"}," NOW
#define CHARGE "\"command\":{\"type\":\"create_payment_session\",\"intent\":\"2026-12\",\"payment_token\":\"pt_1\"," \
               "\"total_amount\":1500,\"success_url\":\"https://shop.example/ok\"," CART "}," NOW
#define CARD_AND_ITEMS "\"command\":{\"type\":\"update_payment_token\",\"update_card_info\":true," CART "}," NOW

#define IGNORED ",\"ignored\":null"

static char snapshot[4096];

static void request_of(char *request, const char *verb, const char *fields) {
  snprintf(request, 8192, "{\"%s\":{\"snapshot\":%s,%s}}", verb, snapshot, fields);
}

/* Where a mark begins that follows no other of its kind. A snapshot has braces of its own. */
static const char *last(const char *text, const char *mark) {
  const char *found = NULL;
  for (const char *next = strstr(text, mark); next != NULL; next = strstr(next + 1, mark)) found = next;
  return found;
}

/* Makes a call, and takes the snapshot from between two marks of its answer, the last ones of their kind. */
static void take_snapshot(const char *request, const char *before, const char *after) {
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  if (rulebound_call(request, strlen(request), &answer) != RULEBOUND_STATUS_OK) exit(1);
  const char *begin = strstr(answer.data, before), *end = begin ? last(begin, after) : NULL;
  if (end == NULL) {
    fprintf(stderr, "%s\n", answer.data);
    exit(1);
  }
  begin += strlen(before);
  snprintf(snapshot, sizeof snapshot, "%.*s", (int)(end - begin), begin);
  rulebound_buffer_free(&answer);
}

static void step(const char *verb, const char *fields, const char *after) {
  char request[8192];
  request_of(request, verb, fields);
  take_snapshot(request, "\"next\":", after);
}

/* Makes a snapshot of an issued token, the usual state of a snapshot. */
static void issue_token(void) {
  take_snapshot("{\"start\":{\"flow\":\"truemed.payment_token\",\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\"}}",
                "{\"ok\":", "}");
  step("handle", "\"command\":{\"type\":\"create_payment_token\"," CART ",\"success_url\":\"https://shop.example/ok\","
                 "\"failure_url\":\"https://shop.example/no\"}," NOW, IGNORED);
  step("lease", "\"effect\":\"create_payment_token:1\"," NOW, ",\"request\":{");
  step("observe",
       REPLY("{\\\"provision_token_request_id\\\":\\\"ptr_1\\\",\\\"redirect_url\\\":\\\"https://x.example\\\"}"), IGNORED);
  step("observe", WEBHOOK("{\\\"payment_token\\\":\\\"pt_1\\\",\\\"provision_token_request_id\\\":\\\"ptr_1\\\"}"), IGNORED);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Prints one line of the table; without a request, for a call that does nothing. */
static void measure(const char *name, const char *request) {
  double rounds[ROUNDS];
  size_t length = request != NULL ? strlen(request) : 0;
  volatile unsigned sink = 0;
  for (int round = 0; round < ROUNDS; round++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < CALLS; i++) {
      rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
      if (request == NULL) sink += rulebound_abi();
      else if (rulebound_call(request, length, &answer) != RULEBOUND_STATUS_OK) exit(1);
      rulebound_buffer_free(&answer);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    rounds[round] = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / CALLS;
  }
  qsort(rounds, ROUNDS, sizeof *rounds, compare);
  printf("| %s | %.0f |\n", name, rounds[ROUNDS / 2]);
}

int main(void) {
  char charge[8192], rejected[8192], effects[8192], load[8192];
  issue_token();
  request_of(charge, "handle", CHARGE);
  request_of(rejected, "handle", CARD_AND_ITEMS);
  request_of(effects, "effects", NOW);
  snprintf(load, sizeof load, "{\"load\":{\"snapshot\":%s}}", snapshot);
  puts("| C | ns |\n| --- | ---: |");
  measure("empty call and free", NULL);
  measure("call: versions", "{\"versions\":{}}");
  measure("call: load", load);
  measure("call: effects", effects);
  measure("call: charge, accepted", charge);
  measure("call: card and items at once, rejected", rejected);
  return 0;
}

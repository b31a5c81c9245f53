/* The promises of every function: pointers are checked, outputs are written only on success, buffers are freed once. */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "rulebound_rules.h"

#define KEY "\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\""
#define START "{\"start\":{\"flow\":\"" RULEBOUND_FLOW_TRUEMED_PAYMENT_TOKEN "\"," KEY "}}"

static char untouched[] = "untouched";

/* A call that must fail, and must not touch the buffer for its answer. */
static rulebound_status unanswered(const char *request, size_t length) {
  rulebound_buffer answer = {untouched, 42};
  rulebound_status status = rulebound_call(request, length, &answer);
  CHECK(answer.data == untouched && answer.length == 42);
  return status;
}

static void pointers_are_checked(void) {
  CHECK(unanswered(NULL, 0) == RULEBOUND_STATUS_NULL_POINTER);
  CHECK(unanswered(NULL, 7) == RULEBOUND_STATUS_NULL_POINTER);
  CHECK(rulebound_call("{}", 2, NULL) == RULEBOUND_STATUS_NULL_POINTER);
  rulebound_buffer_free(NULL);
}

static void a_request_must_be_utf8_and_short(void) {
  CHECK(unanswered("\"\xff\"", 3) == RULEBOUND_STATUS_NOT_UTF8);
  CHECK(unanswered("\"\xed\xa0\x80\"", 5) == RULEBOUND_STATUS_NOT_UTF8); /* a lone surrogate */
  CHECK(unanswered("\"\xc3", 2) == RULEBOUND_STATUS_NOT_UTF8);           /* half a character */
  CHECK(unanswered("{}", SIZE_MAX) == RULEBOUND_STATUS_TOO_LONG);        /* never read */

  size_t most = RULEBOUND_REQUEST_MAX;
  char *text = (char *)malloc(most);
  if (text == NULL) {
    abort();
  }
  memset(text, ' ', most);
  CHECK(unanswered(text, most + 1) == RULEBOUND_STATUS_TOO_LONG);
  memcpy(text, START, strlen(START));
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  CHECK(rulebound_call(text, most, &answer) == RULEBOUND_STATUS_OK);
  CHECK(strncmp(answer.data, "{\"ok\":{\"flow\"", 13) == 0);
  rulebound_buffer_free(&answer);
  free(text);
}

#define ERROR(code, pointer) "{\"error\":{\"code\":\"" code "\",\"pointer\":\"" pointer "\""

static void errors_have_a_code_and_a_pointer(void) {
  CHECK(answers("", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("[]", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{\"sing\":{}}", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{\"start\":{\"flow\":\"truemed.payment_token\",\"key\":1}}",
                ERROR(RULEBOUND_ERROR_MALFORMED, "/key")));
  CHECK(answers("{\"read_webhook\":{\"provider\":\"truemed\",\"secrets\":[\"a\"],\"headers\":{},\"body\":\"\\ud800\",\"now\":0}}",
                ERROR(RULEBOUND_ERROR_MALFORMED, "/body")));
  CHECK(answers("{\"start\":{\"flow\":\"x.y\"," KEY "}}", ERROR(RULEBOUND_ERROR_UNKNOWN, "/flow")));
  CHECK(answers("{\"read_webhook\":{\"provider\":\"x\",\"secrets\":[],\"headers\":{},\"body\":\"\",\"now\":0}}", ERROR(RULEBOUND_ERROR_UNKNOWN, "/provider")));
  CHECK(answers("{\"webhook_ids\":{\"provider\":\"x\",\"fact\":{\"type\":\"webhook\",\"origin\":\"verified\",\"body\":\"\"}}}",
                ERROR(RULEBOUND_ERROR_UNKNOWN, "/provider")));
  CHECK(answers("{\"webhook_ids\":{\"provider\":\"truemed\",\"fact\":{\"type\":\"customer_returned\"}}}",
                ERROR(RULEBOUND_ERROR_MALFORMED, "/fact/type")));
  CHECK(answers("{\"ids\":{\"snapshot\":{\"flow\":\"x.y\",\"format\":1}}}",
                ERROR(RULEBOUND_ERROR_UNREADABLE_SNAPSHOT, "/snapshot/flow")));
  CHECK(answers("{\"save_as\":{\"format\":9,\"snapshot\":{\"flow\":\"flex.checkout\",\"format\":1," KEY
                ",\"revision\":0,\"state\":{\"sessions\":{}},\"outbox\":[],\"counters\":[]}}}",
                ERROR(RULEBOUND_ERROR_UNKNOWN_FORMAT, "/format")));
  CHECK(answers("{\"read_webhook\":{\"provider\":\"truemed\",\"secrets\":[\"a\"],\"headers\":{},\"body\":\"\","
                "\"now\":0}}",
                ERROR(RULEBOUND_ERROR_NOT_AUTHENTIC, "")));
  rulebound_buffer zero = RULEBOUND_BUFFER_INIT;
  CHECK(rulebound_call("{}\0", 3, &zero) == RULEBOUND_STATUS_OK);
  CHECK(strncmp(zero.data, "{\"error\"", 8) == 0);
  rulebound_buffer_free(&zero);

  size_t deep = 100000;
  char *text = (char *)malloc(deep + 1);
  if (text == NULL) {
    abort();
  }
  memset(text, '[', deep);
  text[deep] = '\0';
  CHECK(answers(text, "{\"error\":{\"code\":\"malformed\""));
  free(text);
}

static void a_buffer_without_an_answer_is_freed(void) {
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  CHECK(rulebound_call("\"caf\xe9\"", 6, &answer) == RULEBOUND_STATUS_NOT_UTF8);
  rulebound_buffer_free(&answer);
  CHECK(answer.data == NULL && answer.length == 0);
}

static void an_answer_is_freed_once(void) {
  rulebound_buffer answer = call(START);
  CHECK(answer.length == strlen(answer.data));
  rulebound_buffer_free(&answer);
  CHECK(answer.data == NULL && answer.length == 0);
  rulebound_buffer_free(&answer);
}

/* Whether an answer leads to a snapshot, which becomes a member of the next request. */
static int follow(rulebound_buffer answer, const char *beginning, const char *end, char *snapshot) {
  const char *from = strstr(answer.data, beginning), *to = from == NULL ? NULL : strstr(from, end);
  if (to == NULL) {
    return 0;
  }
  from += strlen(beginning);
  memcpy(snapshot, from, (size_t)(to - from));
  snapshot[to - from] = '\0';
  return 1;
}

/* A command is accepted, its request is leased, and a second lease is rejected. */
static void a_command_is_answered(void) {
  const char *command =
      "\"command\":{\"type\":\"create_payment_token\",\"success_url\":\"https://shop.example/ok\","
      "\"failure_url\":\"https://shop.example/no\","
      "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]},\"now\":0";
  const char *lease = "\"effect\":\"create_payment_token:1\",\"now\":0";
  static char snapshot[4096], request[8192];

  rulebound_buffer started = call(START);
  started.data[started.length - 1] = '\0';
  snprintf(snapshot, sizeof snapshot, "%s", started.data + strlen("{\"ok\":"));
  rulebound_buffer_free(&started);

  snprintf(request, sizeof request, "{\"handle\":{\"snapshot\":%s,%s}}", snapshot, command);
  rulebound_buffer step = call(request);
  CHECK(strncmp(step.data, "{\"ok\":{\"next\":", 14) == 0);
  CHECK(follow(step, "\"next\":", ",\"ignored\":null,\"transitions\":[{", snapshot));
  rulebound_buffer_free(&step);

  snprintf(request, sizeof request, "{\"lease\":{\"snapshot\":%s,%s}}", snapshot, lease);
  rulebound_buffer leased = call(request);
  CHECK(strncmp(leased.data, "{\"ok\":{\"next\":", 14) == 0);
  CHECK(follow(leased, "\"next\":", ",\"request\":{", snapshot));
  CHECK(strstr(leased.data, "\"url\":\"https://api.truemed.com/api/v1/payment_tokens/create\"") != NULL);
  rulebound_buffer_free(&leased);

  snprintf(request, sizeof request, "{\"lease\":{\"snapshot\":%s,%s}}", snapshot, lease);
  CHECK(answers(request, "{\"rejected\":{\"violations\":[{\"rule\":\"" RULEBOUND_RULE_EFFECT_LEASED "\""));
}

static void the_versions_agree(void) {
  CHECK(rulebound_abi() == RULEBOUND_ABI);
  CHECK(rulebound_protocol() == 1);
  CHECK(strcmp(rulebound_rules_version(), RULEBOUND_RULES_VERSION) == 0);
  CHECK(strcmp(rulebound_version(), RULEBOUND_VERSION) == 0);
  char request[64];
  snprintf(request, sizeof request, "%d.%d.%d", RULEBOUND_VERSION_MAJOR, RULEBOUND_VERSION_MINOR,
           RULEBOUND_VERSION_PATCH);
  CHECK(strcmp(request, RULEBOUND_VERSION) == 0);
  snprintf(request, sizeof request, "{\"ok\":{\"library\":\"%s\",\"rules\":\"%s\",\"protocol\":%u", rulebound_version(),
           rulebound_rules_version(), (unsigned)rulebound_protocol());
  CHECK(answers("{\"versions\":{}}", request));
  CHECK(strcmp(rulebound_status_text(RULEBOUND_STATUS_OK), "answered") == 0);
  for (int status = RULEBOUND_STATUS_OK; status <= RULEBOUND_STATUS_PANICKED; status++) {
    CHECK(strcmp(rulebound_status_text(status), rulebound_status_text(-1)) != 0);
  }
}

int main(void) {
  pointers_are_checked();
  a_request_must_be_utf8_and_short();
  errors_have_a_code_and_a_pointer();
  a_buffer_without_an_answer_is_freed();
  an_answer_is_freed_once();
  a_command_is_answered();
  the_versions_agree();
  return report();
}

/* What every function promises: pointers checked, outputs only on success, buffers freed once. */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "rulebound_rules.h"

#define KEY "\"key\":\"6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11\""
#define START "{\"start\":{\"flow\":\"" RULEBOUND_FLOW_TRUEMED_PAYMENT_TOKEN "\"," KEY "}}"

static char untouched[] = "untouched";

/* A call that must not be answered, nor touch what would hold the answer. */
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

static void a_text_must_be_utf8_and_short(void) {
  CHECK(unanswered("\"\xff\"", 3) == RULEBOUND_STATUS_NOT_UTF8);
  CHECK(unanswered("\"\xed\xa0\x80\"", 5) == RULEBOUND_STATUS_NOT_UTF8); /* a lone surrogate */
  CHECK(unanswered("\"\xc3", 2) == RULEBOUND_STATUS_NOT_UTF8);           /* half a letter */
  CHECK(unanswered("{}", SIZE_MAX) == RULEBOUND_STATUS_TOO_LONG);        /* read by nobody */

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

#define ERROR(code, field) "{\"error\":{\"code\":\"" code "\",\"field\":\"" field "\""

static void what_is_wrong_is_named_by_code_and_field(void) {
  CHECK(answers("", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("[]", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{\"sing\":{}}", ERROR(RULEBOUND_ERROR_MALFORMED, "")));
  CHECK(answers("{\"start\":{\"flow\":\"truemed.payment_token\",\"key\":1}}",
                ERROR(RULEBOUND_ERROR_MALFORMED, "/key")));
  CHECK(answers("{\"correlate\":{\"provider\":\"truemed\",\"body\":\"\\ud800\"}}",
                ERROR(RULEBOUND_ERROR_MALFORMED, "/body")));
  CHECK(answers("{\"start\":{\"flow\":\"x.y\"," KEY "}}", ERROR(RULEBOUND_ERROR_UNKNOWN, "/flow")));
  CHECK(answers("{\"acknowledgement\":{\"provider\":\"x\"}}", ERROR(RULEBOUND_ERROR_UNKNOWN, "/provider")));
  CHECK(answers("{\"correlation_ids\":{\"snapshot\":{\"flow\":\"x.y\",\"format\":1}}}",
                ERROR(RULEBOUND_ERROR_UNREADABLE_SNAPSHOT, "/snapshot/flow")));
  CHECK(answers("{\"save_as\":{\"format\":9,\"snapshot\":{\"flow\":\"flex.checkout\",\"format\":1," KEY
                ",\"revision\":0,\"state\":{\"checkouts\":{}},\"owed\":[],\"ordinals\":[]}}}",
                ERROR(RULEBOUND_ERROR_UNKNOWN_FORMAT, "/format")));
  CHECK(answers("{\"authenticate\":{\"provider\":\"truemed\",\"secrets\":[\"a\"],\"headers\":{},\"body\":\"\","
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

static void a_buffer_that_nothing_has_answered_is_freed(void) {
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

/* A wish is accepted, begun, and refused the second time. */
static void a_wish_is_answered(void) {
  const char *wish =
      "\"command\":{\"type\":\"create_payment_token\",\"success_url\":\"https://shop.example/ok\","
      "\"failure_url\":\"https://shop.example/no\","
      "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]},\"now\":0";
  const char *begin = "\"command\":{\"type\":\"begin\",\"effect\":\"create_payment_token:1\"},\"now\":0";
  const char *steps[] = {wish, begin};
  rulebound_buffer start = call(START), at = start;
  const char *snapshot = start.data + strlen("{\"ok\":");
  size_t length = start.length - strlen("{\"ok\":}");
  static char request[8192];
  for (int i = 0; i < 2; i++) {
    snprintf(request, sizeof request, "{\"handle\":{\"snapshot\":%.*s,%s}}", (int)length, snapshot, steps[i]);
    rulebound_buffer answer = call(request);
    rulebound_buffer_free(&at);
    at = answer;
    snapshot = strstr(at.data, "\"next\":") + strlen("\"next\":");
    const char *end = strstr(at.data, ",\"changed\":true");
    CHECK(end != NULL);
    length = end == NULL ? 0 : (size_t)(end - snapshot);
  }
  CHECK(strstr(at.data, "\"url\":\"https://api.truemed.com/api/v1/payment_tokens/create\"") != NULL);
  snprintf(request, sizeof request, "{\"handle\":{\"snapshot\":%.*s,%s}}", (int)length, snapshot, begin);
  CHECK(answers(request, "{\"refused\":{\"violations\":[{\"rule\":\"" RULEBOUND_RULE_EFFECT_IN_HAND "\""));
  rulebound_buffer_free(&at);
}

static void the_versions_are_told(void) {
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
  a_text_must_be_utf8_and_short();
  what_is_wrong_is_named_by_code_and_field();
  a_buffer_that_nothing_has_answered_is_freed();
  an_answer_is_freed_once();
  a_wish_is_answered();
  the_versions_are_told();
  return report();
}

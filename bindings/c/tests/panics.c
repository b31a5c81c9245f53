/* A panic in any function becomes its ordinary failure, and the next call works. Needs the feature `panics`. */
#include "check.h"

#ifdef __cplusplus
extern "C"
#endif
void rulebound_panic_next(void);

#define REQUEST "{\"key_for\":{\"kind\":\"revup.token\",\"name\":\"tok_1\"}}"

/* Something that fails once, and then works. */
#define FAILS_ONCE(failure, success) \
  do {                               \
    rulebound_panic_next();          \
    CHECK(failure);                  \
    CHECK(success);                  \
  } while (0)

int main(void) {
  char kept[] = "kept";
  rulebound_buffer answer = {kept, 4};
  rulebound_panic_next();
  CHECK(rulebound_call(REQUEST, strlen(REQUEST), &answer) == RULEBOUND_STATUS_PANICKED);
  CHECK(answer.data == kept && answer.length == 4);
  CHECK(answers(REQUEST, "{\"ok\":\""));

  answer = call(REQUEST);
  rulebound_panic_next();
  rulebound_buffer_free(&answer);
  CHECK(answer.data != NULL);
  rulebound_buffer_free(&answer);
  CHECK(answer.data == NULL);

  FAILS_ONCE(rulebound_status_text(0) == NULL, rulebound_status_text(0) != NULL);
  FAILS_ONCE(rulebound_version() == NULL, rulebound_version() != NULL);
  FAILS_ONCE(rulebound_rules_version() == NULL, rulebound_rules_version() != NULL);
  FAILS_ONCE(rulebound_protocol() == 0, rulebound_protocol() == 1);
  FAILS_ONCE(rulebound_abi() == 0, rulebound_abi() == RULEBOUND_ABI);
  return report();
}

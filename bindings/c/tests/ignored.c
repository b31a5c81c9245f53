/* Does not compile where warnings are errors: it ignores the status of a call. */
#include "rulebound.h"

int main(void) {
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  rulebound_call("\"caf\xe9\"", 6, &answer);
  rulebound_buffer_free(&answer);
  return 0;
}

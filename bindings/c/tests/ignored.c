/* Is not compiled where warnings are errors: whether there is an answer is not asked. */
#include "rulebound.h"

int main(void) {
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  rulebound_call("\"caf\xe9\"", 6, &answer);
  rulebound_buffer_free(&answer);
  return 0;
}

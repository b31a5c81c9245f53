#include <rulebound.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  const char *request = "{\"key_for\": {\"kind\": \"revup.token\", \"name\": \"tok_1\"}}";
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  rulebound_status status = rulebound_call(request, strlen(request), &answer);
  if (status != RULEBOUND_STATUS_OK) {
    fprintf(stderr, "%s\n", rulebound_status_text(status));
    return 1;
  }
  puts(answer.data);
  rulebound_buffer_free(&answer);
  return 0;
}

/* Plays scripts that come cut into verb, fields and choices, with tabs between them; writes two lines for each step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rulebound.h"

static char *snapshot; /* as a member of a request */

static rulebound_buffer ask(const char *verb, const char *fields) {
  size_t room = strlen(verb) + strlen(snapshot) + strlen(fields) + 8;
  char *request = malloc(room);
  snprintf(request, room, "{\"%s\":{%s%s}}", verb, snapshot, fields);
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  if (rulebound_call(request, strlen(request), &answer) != RULEBOUND_STATUS_OK) exit(1);
  answer.data[answer.length - 1] = '\0';
  return free(request), answer;
}

static const char *inside(rulebound_buffer answer) { return strchr(answer.data, ':') + 1; }

/* Goes on from the object behind a beginning, if the text begins so. */
static void follow(const char *text, const char *beginning) {
  if (strncmp(text, beginning, strlen(beginning)) != 0) return;
  const char *object = text + strlen(beginning), *end = object;
  for (int depth = 0, quoted = 0; *end && (end == object || depth > 0); end++) {
    if (quoted && *end == '\\') end++;
    else if (*end == '"') quoted = !quoted;
    else if (!quoted) depth += (*end == '{') - (*end == '}');
  }
  snapshot = realloc(snapshot, (size_t)(end - object) + 16);
  sprintf(snapshot, "%s%.*s", end == object ? "" : "\"snapshot\":", (int)(end - object), object);
}

static void show(const char *choices) {
  static const char *const VIEWS[] = {"owed", "awaits", "offers", "deadline", "correlation_ids"};
  rulebound_buffer it[5];
  int n = 0, bad = 0;
  for (; n < 5 && !bad; bad = strncmp(it[n++].data, "{\"error\"", 8) == 0) it[n] = ask(VIEWS[n], n < 4 ? choices : "");
  if (bad) puts(inside(it[n - 1]));
  else printf("[%s,%s,%s,%s,%s]\n", inside(it[0]), inside(it[1]), inside(it[2]), inside(it[3]), inside(it[4]));
  while (n > 0) rulebound_buffer_free(&it[--n]);
}

int main(void) {
  char *line = NULL;
  for (size_t room = 0; getline(&line, &room, stdin) > 0;) {
    const char *verb = strtok(line, "\t"), *fields = strtok(NULL, "\t\n"), *choices = strtok(NULL, "\n");
    if (choices == NULL) follow("", ""); /* a script begins: from no snapshot */
    if (*verb == '-') puts("null");
    else {
      rulebound_buffer done = ask(verb, fields);
      if (choices != NULL) puts(inside(done));
      follow(done.data, choices ? "{\"ok\":{\"next\":" : "{\"ok\":");
      follow(done.data, "{\"ok\":{\"applied\":true,\"next\":");
      rulebound_buffer_free(&done);
    }
    if (choices != NULL) show(choices);
  }
  return free(line), free(snapshot), 0;
}

/* Plays scripts whose lines hold a verb, its fields, and the time with the config, separated by tabs; writes two lines
 * for each step. */
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

/* Continues from the object that follows a prefix, if the answer has the prefix. */
static void follow(const char *answer, const char *prefix) {
  if (strncmp(answer, prefix, strlen(prefix)) != 0) return;
  const char *object = answer + strlen(prefix), *end = object;
  for (int depth = 0, quoted = 0; *end && (end == object || depth > 0); end++) {
    if (quoted && *end == '\\') end++;
    else if (*end == '"') quoted = !quoted;
    else if (!quoted) depth += (*end == '{') - (*end == '}');
  }
  snapshot = realloc(snapshot, (size_t)(end - object) + 16);
  sprintf(snapshot, "%s%.*s", end == object ? "" : "\"snapshot\":", (int)(end - object), object);
}

static void show(const char *context) {
  static const char *const VIEWS[] = {"status", "effects", "waiting_for", "actions", "wake_at", "ids"};
  rulebound_buffer views[6];
  int n = 0, bad = 0;
  for (; n < 6 && !bad; bad = strncmp(views[n++].data, "{\"error\"", 8) == 0)
    views[n] = ask(VIEWS[n], n < 5 ? context : "");
  if (bad) puts(inside(views[n - 1]));
  else printf("[%s,%s,%s,%s,%s,%s]\n", inside(views[0]), inside(views[1]), inside(views[2]),
              inside(views[3]), inside(views[4]), inside(views[5]));
  while (n > 0) rulebound_buffer_free(&views[--n]);
}

int main(void) {
  char *line = NULL;
  for (size_t room = 0; getline(&line, &room, stdin) > 0;) {
    const char *verb = strtok(line, "\t"), *fields = strtok(NULL, "\t\n"), *context = strtok(NULL, "\n");
    if (context == NULL) follow("", ""); /* a script begins, without a snapshot */
    if (*verb == '-') puts("null");
    else {
      rulebound_buffer done = ask(verb, fields);
      if (context != NULL) puts(inside(done));
      follow(done.data, context ? "{\"ok\":{\"next\":" : "{\"ok\":");
      rulebound_buffer_free(&done);
    }
    if (context != NULL) show(context);
  }
  return free(line), free(snapshot), 0;
}

/* The whole host in one file: three tables on SQLite, one loop for every provider, and a shop that uses it.
 *
 *   cc -std=c11 host.c $(pkg-config --cflags --libs rulebound sqlite3) -o host && ./host shop.db
 *
 * SQLite reads and writes the JSON; rulebound is one more function of SQL. */
#define _POSIX_C_SOURCE 200809L
#include <rulebound.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const TABLES =
    "CREATE TABLE flows   (flow text, key text, revision bigint, snapshot text, deadline bigint,"
    "                      PRIMARY KEY (flow, key));"
    "CREATE TABLE flow_ids(id text, flow text, key text, PRIMARY KEY (id, flow, key));"
    "CREATE TABLE inbox   (id text, provider text, fact text, received_at bigint);";

static sqlite3 *db;
static sqlite3_int64 clock_ms = 1796083200000; /* a real host asks the system */
static int dies_before_sending;                /* only the demonstration below sets it */

#define SECRET "whsec_of_the_shop"
#define HEADERS "{\"x-truemed-api-key\": \"" SECRET "\"}"

static void die(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

/* ---- rulebound and the clock, as functions of SQL: rulebound(verb, fields), now() ---- */

static void sql_rulebound(sqlite3_context *context, int count, sqlite3_value **given) {
  (void)count;
  char *request = sqlite3_mprintf("{\"%s\":%s}", sqlite3_value_text(given[0]), sqlite3_value_text(given[1]));
  if (request == NULL) die("no memory");
  rulebound_buffer answer;
  rulebound_status status = rulebound_call(request, strlen(request), &answer);
  sqlite3_free(request);
  if (status != RULEBOUND_STATUS_OK) {
    sqlite3_result_error(context, rulebound_status_text(status), -1);
    return;
  }
  sqlite3_result_text64(context, answer.data, answer.length, SQLITE_TRANSIENT, SQLITE_UTF8);
  rulebound_buffer_free(&answer);
}

static void sql_now(sqlite3_context *context, int count, sqlite3_value **given) {
  (void)count, (void)given;
  sqlite3_result_int64(context, clock_ms);
}

/* ---- statements: their parameters and their answer are texts, which live until forget() ---- */

typedef struct text {
  struct text *before;
  char letters[];
} text;
static text *texts;

static char *keep(const char *letters) {
  text *kept = malloc(sizeof *kept + strlen(letters) + 1);
  if (kept == NULL) die("no memory");
  kept->before = texts;
  texts = kept;
  return strcpy(kept->letters, letters);
}

static void forget(void) {
  while (texts != NULL) {
    text *last = texts;
    texts = last->before;
    free(last);
  }
}

/* The first column of the first row, or NULL; the parameters end with NULL. */
static char *sql(const char *statement, const char *const *parameters) {
  sqlite3_stmt *it;
  if (sqlite3_prepare_v2(db, statement, -1, &it, NULL) != SQLITE_OK) die(sqlite3_errmsg(db));
  for (int i = 0; parameters[i] != NULL; i++) sqlite3_bind_text(it, i + 1, parameters[i], -1, SQLITE_TRANSIENT);
  int row = sqlite3_step(it);
  if (row != SQLITE_ROW && row != SQLITE_DONE) die(sqlite3_errmsg(db));
  const char *value = row == SQLITE_ROW ? (const char *)sqlite3_column_text(it, 0) : NULL;
  char *kept = value != NULL ? keep(value) : NULL;
  while (row == SQLITE_ROW) row = sqlite3_step(it);
  if (row != SQLITE_DONE) die(sqlite3_errmsg(db));
  sqlite3_finalize(it);
  return kept;
}
#define SQL(...) SQL_(__VA_ARGS__, NULL)
#define SQL_(statement, ...) sql(statement, (const char *const[]){__VA_ARGS__})

static char *at_path(const char *json, const char *path) { return SQL("SELECT json_extract(?1, ?2)", json, path); }

/* ---- the host: `at` is always a snapshot as it was read ---- */

static char *send_request(const char *effect, const char *take);
static void carry_out(const char *due);
static char *tell(char *at, const char *fact);
static char *offer_inbox(char *at);

static char *load(const char *flow, const char *key) {
  return SQL("SELECT snapshot FROM flows WHERE flow = ?1 AND key = ?2", flow, key);
}

static char *load_again(const char *at) { return load(at_path(at, "$.flow"), at_path(at, "$.key")); }

static void look_again_in_time(const char *at) {
  SQL("UPDATE flows SET deadline = rulebound('deadline', json_object('snapshot', json(?1), 'now', now())) ->> 'ok'"
      " WHERE flow = ?1 ->> 'flow' AND key = ?1 ->> 'key' AND revision = ?1 ->> 'revision'", at);
}

/* Saves the step that was taken from a snapshot. NULL is a conflict: somebody else has saved since it was read. */
static char *save(const char *at, const char *step) {
  char *next = at_path(step, "$.ok.next");
  SQL("BEGIN IMMEDIATE");
  if (strcmp(at_path(at, "$.revision"), "0") == 0) {
    SQL("INSERT OR IGNORE INTO flows SELECT ?1 ->> 'flow', ?1 ->> 'key', ?1 ->> 'revision', ?1, NULL", next);
  } else {
    SQL("UPDATE flows SET revision = ?1 ->> 'revision', snapshot = ?1"
        " WHERE flow = ?1 ->> 'flow' AND key = ?1 ->> 'key' AND revision = ?2 ->> 'revision'", next, at);
  }
  int saved = sqlite3_changes(db) == 1;
  if (saved) {
    look_again_in_time(next);
    SQL("INSERT OR IGNORE INTO flow_ids SELECT value, ?1 ->> 'flow', ?1 ->> 'key'"
        " FROM json_each(rulebound('correlation_ids', json_object('snapshot', json(?1))), '$.ok')", next);
  }
  SQL("COMMIT");
  if (!saved) printf("conflict: another worker has saved since\n");
  return saved ? next : NULL;
}

static char *handle(const char *at, const char *command) {
  return SQL("SELECT rulebound('handle', json_object('snapshot', json(?1), 'command', json(?2), 'now', now()))",
             at, command);
}

/* 1. The host wants something: the saved snapshot, or NULL with every rule that the wish would break. */
static char *wish(const char *at, const char *command) {
  char *step = handle(at, command);
  if (at_path(step, "$.ok") != NULL) {
    char *next = save(at, step);
    return next != NULL ? next : wish(load_again(at), command);
  }
  char *why = at_path(step, "$.error.message");
  char *codes = SQL("SELECT group_concat(value ->> 'rule', ' ') FROM json_each(?1, '$.refused.violations')", step);
  printf("refused: %s\n", why != NULL ? why : codes);
  return NULL;
}

/* 2. Whatever is owed and ready. A review waits for a person. */
static char *work(char *at) {
  for (at = offer_inbox(at);;) {
    char *due = SQL("SELECT value FROM json_each("
                    "rulebound('owed', json_object('snapshot', json(?1), 'now', now())), '$.ok')"
                    " WHERE value ->> 'ready' AND value ->> 'type' <> 'review' LIMIT 1", at);
    if (due == NULL) return at;
    char *effect = at_path(due, "$.id");
    if (strcmp(at_path(due, "$.type"), "request") == 0) {
      char *step = handle(at, SQL("SELECT json_object('type', 'begin', 'effect', ?1)", effect));
      char *take = at_path(step, "$.ok.take");
      char *next = take != NULL ? save(at, step) : NULL; /* save before you send */
      if (next == NULL) return load_again(at);           /* it is in somebody else's hand */
      at = tell(next, send_request(effect, take));
    } else {
      carry_out(due); /* at least once: the id tells repeats apart */
      at = tell(at, SQL("SELECT json_object('type', 'done', 'effect', ?1)", effect));
    }
  }
}

/* A webhook that comes before the id it names: it waits until a step has learnt the id. */
static void keep_in_inbox(const char *provider, const char *fact) {
  printf("to the inbox: %s\n", at_path(fact, "$.body"));
  SQL("INSERT INTO inbox SELECT value, ?1, ?2, now() FROM json_each("
      "rulebound('correlate', json_object('provider', ?1, 'body', ?2 ->> 'body')), '$.ok')", provider, fact);
}

/* Offers a row what the inbox holds for the ids that it knows by now. */
static char *offer_inbox(char *at) {
  char *waiting = SQL("SELECT json_group_array(json_array(inbox.rowid, fact)) FROM inbox JOIN flow_ids USING (id)"
                      " WHERE flow = ?1 ->> 'flow' AND key = ?1 ->> 'key' AND flow LIKE provider || '.%'", at);
  char *row, path[32];
  for (int i = 0; snprintf(path, sizeof path, "$[%d]", i), (row = at_path(waiting, path)) != NULL; i++) {
    char *fact = at_path(row, "$[1]"), *next = tell(at, fact);
    if (next != at) printf("from the inbox: %s\n", at_path(fact, "$.body"));
    at = next;
    SQL("DELETE FROM inbox WHERE rowid = json_extract(?1, '$[0]')", row); /* told first: a crash loses nothing */
  }
  return at;
}

/* Something has happened. It is never refused; after a conflict it is told anew. */
static char *tell(char *at, const char *fact) {
  for (;;) {
    char *seen = SQL("SELECT rulebound('observe', json_object('snapshot', json(?1), 'fact', json(?2), 'now', now()))",
                     at, fact);
    if (at_path(seen, "$.error") != NULL) die(seen); /* a fact that this program has built wrong */
    char *because = at_path(seen, "$.ok.unmoved");
    if (because != NULL) {
      if (strcmp(because, "early") != 0) return at;
      keep_in_inbox(SQL("SELECT substr(?1, 1, instr(?1, '.') - 1)", at_path(at, "$.flow")), fact);
      char *now = load_again(at);
      if (strcmp(now, at) == 0) return at;
      at = now; /* another worker may have learnt the id while it was put there */
      continue;
    }
    char *next = save(at, seen);
    if (next != NULL) return offer_inbox(next);
    at = load_again(at);
  }
}

/* 3. A webhook: the status to answer with. */
static int webhook(const char *provider, const char *headers, const char *body) {
  char *origin = SQL("SELECT rulebound('authenticate', json_object('provider', ?1, 'secrets', json_array(?2),"
                     " 'headers', json(?3), 'body', ?4, 'now', now())) ->> 'ok'", provider, SECRET, headers, body);
  if (origin == NULL) return 401;
  char *fact = SQL("SELECT json_object('type', 'webhook', 'origin', ?1, 'body', ?2)", origin, body);
  SQL("BEGIN IMMEDIATE"); /* so that no worker learns the id between the look and the inbox */
  char *rows = SQL("SELECT json_group_array(DISTINCT snapshot) FROM flows JOIN flow_ids USING (flow, key)"
                   " JOIN json_each(rulebound('correlate', json_object('provider', ?1, 'body', ?2)), '$.ok')"
                   " ON flow_ids.id = value WHERE flow LIKE ?1 || '.%'", provider, body);
  if (strcmp(rows, "[]") == 0) keep_in_inbox(provider, fact);
  SQL("COMMIT");
  char *row, path[32];
  for (int i = 0; snprintf(path, sizeof path, "$[%d]", i), (row = at_path(rows, path)) != NULL; i++) {
    work(tell(row, fact));
  }
  return atoi(SQL("SELECT rulebound('acknowledgement', json_object('provider', ?1)) ->> 'ok'", provider));
}

/* 4. Time: a row is looked at again at its deadline. */
static void wake(void) {
  char *at;
  while ((at = SQL("SELECT snapshot FROM flows WHERE deadline <= now() LIMIT 1")) != NULL) look_again_in_time(work(at));
}

/* ---- the demonstration: a provider that is too quick, and a shop whose worker dies ---- */

static char *send_request(const char *effect, const char *take) {
  if (dies_before_sending) _exit(0);
  printf("%s %s\n", at_path(take, "$.method"), at_path(take, "$.url"));
  const char *body = "{\"id\":\"ps_1\"}";
  if (strncmp(effect, "create_payment_token", 20) == 0) {
    webhook("truemed", HEADERS, "{\"payment_token\":\"pt_1\",\"provision_token_request_id\":\"ptr_1\"}");
    body = "{\"provision_token_request_id\":\"ptr_1\",\"redirect_url\":\"https://truemed.example/q/1\"}";
  }
  return SQL("SELECT json_object('type', 'reply', 'to', ?1, 'status', 200, 'body', ?2)", effect, body);
}

static void carry_out(const char *due) { printf("%s: %s\n", at_path(due, "$.type"), at_path(due, "$.of")); }

static void open_shop(const char *path) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
      sqlite3_create_function(db, "rulebound", 2, flags, NULL, sql_rulebound, NULL, NULL) != SQLITE_OK ||
      sqlite3_create_function(db, "now", 0, SQLITE_UTF8, NULL, sql_now, NULL, NULL) != SQLITE_OK) {
    die(sqlite3_errmsg(db));
  }
}

#define CART "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]"
#define URLS "\"success_url\":\"https://shop.example/ok\",\"failure_url\":\"https://shop.example/no\""
static const char *const CREATE = "{\"type\":\"create_payment_token\"," CART "," URLS "}";
static const char *const CHARGE = "{\"type\":\"create_payment_session\",\"intent\":\"2026-12\","
                                  "\"payment_token\":\"pt_1\",\"total_amount\":1500," CART "," URLS "}";

int main(int count, char **arguments) {
  if (count != 2) die("usage: host DATABASE");
  open_shop(arguments[1]);
  if (sqlite3_exec(db, TABLES, NULL, NULL, NULL) != SQLITE_OK) die(sqlite3_errmsg(db));
  const char *flow = "truemed.payment_token", *key = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11";
  char *at = at_path(SQL("SELECT rulebound('start', json_object('flow', ?1, 'key', ?2))", flow, key), "$.ok");

  puts("-- nothing to charge yet");
  wish(at, CHARGE);

  puts("-- a worker dies between save and send");
  wish(at, CREATE);
  sqlite3_close(db);
  fflush(stdout);
  pid_t worker = fork();
  open_shop(arguments[1]);
  if (worker == 0) {
    dies_before_sending = 1;
    work(load(flow, key));
  }
  waitpid(worker, NULL, 0);
  wake(); /* its lease still runs */

  puts("-- five minutes later another takes over, and the webhook comes before the reply");
  clock_ms += 5 * 60 * 1000;
  char *read_before = load(flow, key);
  wake();

  puts("-- a third had read the row before that");
  at = work(read_before);

  puts("-- the charge");
  at = wish(at, CHARGE);
  if (at != NULL) work(at);
  const char *captured = "{\"payment_session_id\":\"ps_1\",\"status\":\"captured\",\"capture_amount\":1500}";
  printf("a stranger's webhook is answered with %d\n", webhook("truemed", "{}", captured));
  printf("the provider's with %d\n", webhook("truemed", HEADERS, captured));
  printf("%s rows wait in the inbox\n", SQL("SELECT count(*) FROM inbox"));
  forget();
  return sqlite3_close(db) != SQLITE_OK;
}

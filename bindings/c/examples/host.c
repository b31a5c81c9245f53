/* The whole host in one file: three tables on SQLite, one loop for every provider, and a shop that uses it.
 *
 * SQLite reads and writes the JSON; rulebound is one more function of SQL. The README says how it is compiled. */
#define _POSIX_C_SOURCE 200809L
#include <rulebound.h>
#include <rulebound_rules.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Made by the first run, and found by the next; a real host makes and changes its tables by migrations. */
static const char *const TABLES =
    "CREATE TABLE IF NOT EXISTS flows   (flow text, key text, revision bigint, snapshot text, deadline bigint,"
    "                                    PRIMARY KEY (flow, key));"
    "CREATE TABLE IF NOT EXISTS flow_ids(id text, flow text, key text, PRIMARY KEY (id, flow, key));"
    "CREATE TABLE IF NOT EXISTS inbox   (id text, provider text, fact text, received_at bigint);";

/* What the shop has agreed with each provider: the secrets of its webhooks, and its settings. A real host reads the
 * secrets from its environment, and has settings for each of Vend's retailers. */
static const char *const PROVIDERS =
    "CREATE TEMP TABLE providers AS SELECT column1 AS name, column2 AS secrets, column3 AS settings FROM (VALUES"
    " ('truemed', '[\"whsec_of_the_shop\"]', '{}'),"
    " ('flex', '[\"fwhsec_b2YgdGhlIHNob3A=\"]', '{}'),"
    " ('vend', '[]', '{\"domain_prefix\":\"marshmallow\",\"host\":\"retail.lightspeed.app\"}'),"
    " ('revup', '[]', '{}'))";

static sqlite3 *db;
static sqlite3_int64 clock_ms = 1796083200000; /* a real host asks the system */
static int saves_to_live = -1;                 /* only the demonstration below lets a worker die */

static void die(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

/* ---- rulebound and the clock, as functions of SQL: rulebound(verb, fields), now() ---- */

static void sql_rulebound(sqlite3_context *context, int count, sqlite3_value **given) {
  (void)count;
  char *request = sqlite3_mprintf("{\"%s\":%s}", sqlite3_value_text(given[0]), sqlite3_value_text(given[1]));
  if (request == NULL) die("no memory");
  rulebound_buffer answer = RULEBOUND_BUFFER_INIT;
  rulebound_status status = rulebound_call(request, strlen(request), &answer);
  sqlite3_free(request);
  if (status == RULEBOUND_STATUS_OK) {
    sqlite3_result_text64(context, answer.data, answer.length, SQLITE_TRANSIENT, SQLITE_UTF8);
  } else { /* an error like any other */
    const char *code = status == RULEBOUND_STATUS_TOO_LONG ? "too_long" : "unanswered";
    const char *why = rulebound_status_text(status);
    char *error = sqlite3_mprintf("{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, why);
    sqlite3_result_text(context, error, -1, sqlite3_free);
  }
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

static char *keep(const char *letters, size_t length) {
  text *kept = malloc(sizeof *kept + length + 1);
  if (kept == NULL) die("no memory");
  kept->before = texts;
  texts = kept;
  memcpy(kept->letters, letters, length);
  kept->letters[length] = '\0';
  return kept->letters;
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
  const char *value = row == SQLITE_ROW ? (const char *)sqlite3_column_text(it, 0) : NULL;
  char *kept = value != NULL ? keep(value, strlen(value)) : NULL;
  while (row == SQLITE_ROW) row = sqlite3_step(it);
  if (row != SQLITE_DONE) die(sqlite3_errmsg(db));
  sqlite3_finalize(it);
  return kept;
}
#define SQL(...) SQL_(__VA_ARGS__, NULL)
#define SQL_(statement, ...) sql(statement, (const char *const[]){__VA_ARGS__})

static char *at_path(const char *json, const char *path) { return SQL("SELECT json_extract(?1, ?2)", json, path); }

static char *item(const char *list, int index) {
  char path[32];
  snprintf(path, sizeof path, "$[%d]", index);
  return at_path(list, path);
}

/* ---- the host: `at` is always a snapshot as it was read ---- */

#define ITS_SETTINGS "SELECT settings FROM providers WHERE ?1 ->> 'flow' LIKE name || '.%'"
#define ABOUT_IT "'snapshot', json(?1), 'now', now(), 'settings', json((" ITS_SETTINGS "))"
#define ITS_ROW "flow = ?1 ->> 'flow' AND key = ?1 ->> 'key'"

static char *send_request(const char *effect, const char *take);
static void carry_out(const char *due);
static char *tell(char *at, const char *fact);
static char *offer_inbox(char *at);

static char *load(const char *flow, const char *key) {
  return SQL("SELECT snapshot FROM flows WHERE flow = ?1 AND key = ?2", flow, key);
}

static char *load_again(const char *at) { return load(at_path(at, "$.flow"), at_path(at, "$.key")); }

/* What is owed, can be done now, and waits for no person. */
static char *due(const char *at) {
  char *owed = SQL("SELECT rulebound('owed', json_object(" ABOUT_IT "))", at);
  if (at_path(owed, "$.error") != NULL) fprintf(stderr, "a row is left as it is: %s\n", owed);
  return SQL("SELECT value FROM json_each(?1, '$.ok')"
             " WHERE value ->> 'ready' AND value ->> 'type' <> 'review' LIMIT 1", owed);
}

/* When a worker looks at a row: at its deadline, and now if webhooks may wait for the ids that it has learnt. */
static void look_again(const char *at, const char *learnt) {
  SQL("UPDATE flows SET deadline = iif(?2 = '[]', answer ->> 'ok', now())"
      " FROM (SELECT rulebound('deadline', json_object(" ABOUT_IT ")) AS answer)"
      " WHERE " ITS_ROW " AND revision = ?1 ->> 'revision' AND json_type(answer, '$.ok') IS NOT NULL", at, learnt);
}

/* Saves the step that was taken from a snapshot. NULL is a conflict: somebody else has saved since it was read. */
static char *save(const char *at, const char *step) {
  char *next = at_path(step, "$.ok.next");
  SQL("BEGIN IMMEDIATE");
  if (strcmp(at_path(at, "$.revision"), "0") == 0) {
    SQL("INSERT OR IGNORE INTO flows SELECT ?1 ->> 'flow', ?1 ->> 'key', ?1 ->> 'revision', ?1, NULL", next);
  } else {
    SQL("UPDATE flows SET revision = ?1 ->> 'revision', snapshot = ?1"
        " WHERE " ITS_ROW " AND revision = ?2 ->> 'revision'", next, at);
  }
  int saved = sqlite3_changes(db) == 1;
  if (saved) {
    look_again(next, at_path(step, "$.ok.learnt"));
    SQL("INSERT OR IGNORE INTO flow_ids SELECT value, ?1 ->> 'flow', ?1 ->> 'key'"
        " FROM json_each(rulebound('correlation_ids', json_object('snapshot', json(?1))), '$.ok')", next);
  }
  SQL("COMMIT");
  if (saved && --saves_to_live == 0) _exit(fflush(stdout));
  if (!saved) printf("conflict: another worker has saved since\n");
  return saved ? next : NULL;
}

static char *handle(const char *at, const char *command) {
  return SQL("SELECT rulebound('handle', json_object(" ABOUT_IT ", 'command', json(?2)))", at, command);
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

/* 2. Whatever is owed and can be done. */
static char *work(char *at) {
  char *it;
  for (at = offer_inbox(at); (it = due(at)) != NULL;) {
    char *effect = at_path(it, "$.id");
    char *step = handle(at, SQL("SELECT json_object('type', 'begin', 'effect', ?1)", effect));
    char *before = at_path(step, "$.ok") != NULL ? save(at, step) : NULL; /* save before you act */
    if (before == NULL) return load_again(at);                            /* it is in somebody else's hand */
    char *take = at_path(step, "$.ok.take");
    if (take == NULL) carry_out(it); /* at least once: the id tells repeats apart */
    at = tell(before, take != NULL ? send_request(effect, take)
                                   : SQL("SELECT json_object('type', 'done', 'effect', ?1)", effect));
    if (at == before) break; /* nothing has moved: the next turn tries again */
  }
  return at;
}

/* A webhook that comes before the id it names waits until a step has learnt the id, once however often it is told. */
static void keep_in_inbox(const char *provider, const char *fact) {
  SQL("INSERT INTO inbox SELECT DISTINCT value, ?1, ?2, now() FROM json_each("
      "rulebound('correlate', json_object('provider', ?1, 'body', ?2 ->> 'body')), '$.ok')"
      " WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE id = value AND provider = ?1 AND fact = ?2)", provider, fact);
  if (sqlite3_changes(db) > 0) printf("to the inbox: %.100s\n", at_path(fact, "$.body"));
}

/* Offers a row what the inbox holds for the ids that it knows by now. */
static char *offer_inbox(char *at) {
  char *waiting = SQL("SELECT json_group_array(DISTINCT fact) FROM inbox JOIN flow_ids USING (id)"
                      " WHERE " ITS_ROW " AND flow LIKE provider || '.%'", at), *fact;
  for (int i = 0; (fact = item(waiting, i)) != NULL; i++) {
    char *next = tell(at, fact);
    if (next != at) printf("from the inbox: %s\n", at_path(fact, "$.body"));
    at = next;
  }
  return at;
}

/* Something has happened. It is never refused; after a conflict it is told anew. */
static char *tell(char *at, const char *fact) {
  for (;;) {
    char *seen = SQL("SELECT rulebound('observe', json_object(" ABOUT_IT ", 'fact', json(?2)))", at, fact);
    char *because = at_path(seen, "$.ok.unmoved"), *wrong = at_path(seen, "$.error.message");
    if (wrong != NULL && strcmp(at_path(fact, "$.type"), "reply") == 0) {
      fact = SQL("SELECT json_object('type', 'lost', 'to', ?1 ->> 'to', 'sending', ?1 ->> 'sending')", fact);
      continue;
    }
    int waits = wrong != NULL || (because != NULL && strcmp(because, "early") == 0);
    if (wrong != NULL) fprintf(stderr, "not told yet: %s\n", wrong);
    if (waits) keep_in_inbox(SQL("SELECT substr(?1, 1, instr(?1, '.') - 1)", at_path(at, "$.flow")), fact);
    char *failure = at_path(seen, "$.ok.failure"), *odd = at_path(seen, "$.ok.warnings");
    if (failure != NULL) fprintf(stderr, "not a success: %s\n", failure);
    if (odd != NULL && strcmp(odd, "[]") != 0) fprintf(stderr, "odd: %s\n", odd);
    char *next = waits ? NULL : because != NULL ? at : save(at, seen);
    if (next != NULL) {
      SQL("DELETE FROM inbox WHERE fact = ?1", fact); /* told first: a crash loses nothing */
      return next != at ? offer_inbox(next) : at;
    }
    char *now = load_again(at);
    if (waits && strcmp(now, at) == 0) return at;
    at = now; /* another worker has saved, and may have learnt the id while it was put there */
  }
}

/* The HTTP status for a webhook that is not taken, or 0. */
static int turned_away(const char *answer) {
  char *code = at_path(answer, "$.error.code");
  if (code == NULL) return 0;
  if (strcmp(code, RULEBOUND_ERROR_NOT_AUTHENTIC) == 0) return 401;
  return strcmp(code, "too_long") == 0 ? 413 : 400;
}

/* 3. A webhook, as the bytes came: the status to answer with. Whatever a stranger sends is answered. */
static int webhook(const char *provider, const char *headers, const char *bytes, size_t length) {
  char *secrets = SQL("SELECT secrets FROM providers WHERE name = ?1", provider);
  if (secrets == NULL) return 404;
  if (length > 1 << 20) return 413; /* rulebound reads no longer one */
  if (memchr(bytes, '\0', length) != NULL) return 400;
  char *body = keep(bytes, length);
  char *origin = SQL("SELECT rulebound('authenticate', json_object('provider', ?1, 'secrets', json(?2),"
                     " 'headers', json(?3), 'body', ?4, 'now', now()))", provider, secrets, headers, body);
  int status = turned_away(origin);
  if (status != 0) return status;
  char *ids = SQL("SELECT rulebound('correlate', json_object('provider', ?1, 'body', ?2))", provider, body);
  if ((status = turned_away(ids)) != 0) return status;
  char *fact = SQL("SELECT json_object('type', 'webhook', 'origin', ?1 ->> 'ok', 'body', ?2)", origin, body);
  SQL("BEGIN IMMEDIATE"); /* so that no worker learns the id between the look and the inbox */
  char *rows = SQL("SELECT json_group_array(DISTINCT snapshot) FROM flows JOIN flow_ids USING (flow, key)"
                   " WHERE flow LIKE ?1 || '.%' AND id IN (SELECT value FROM json_each(?2, '$.ok'))", provider, ids);
  if (strcmp(rows, "[]") == 0) keep_in_inbox(provider, fact);
  SQL("COMMIT");
  char *row;
  for (int i = 0; (row = item(rows, i)) != NULL; i++) tell(row, fact); /* what it leads to is left to the next turn */
  return atoi(SQL("SELECT rulebound('acknowledgement', json_object('provider', ?1)) ->> 'ok'", provider));
}

/* 4. A turn of the worker: every row whose time has come, and so whatever another worker has left undone. */
static void wake(void) {
  char *rows = SQL("SELECT json_group_array(json_array(flow, key)) FROM flows WHERE deadline <= now()"), *row;
  for (int i = 0; (row = item(rows, i)) != NULL; i++) look_again(work(load(item(row, 0), item(row, 1))), "[]");
}

/* ---- the demonstration: a provider that is too quick, workers that die, and strangers ---- */

#define TOKEN "truemed.payment_token", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11"
#define RETAILER "vend.subscription", "0d2f9a3e-53b2-4d0f-9c53-2f5f0c1f7a10"
#define SECRET "{\"x-truemed-api-key\": \"whsec_of_the_shop\"}"
#define UPDATED "{\"payment_token\":\"pt_1\",\"provision_token_request_id\":\"ptr_1\"}"
#define NOBODYS "{\"payment_token\":\"pt_9\",\"provision_token_request_id\":\"ptr_9\"}"
#define CAPTURED "{\"payment_session_id\":\"ps_1\",\"status\":\"captured\",\"capture_amount\":1500}"
#define CART "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]"
#define URLS "\"success_url\":\"https://shop.example/ok\",\"failure_url\":\"https://shop.example/no\""
#define CREATE "{\"type\":\"create_payment_token\"," CART "," URLS "}"
#define CHARGE "{\"type\":\"create_payment_session\",\"intent\":\"2026-12\",\"payment_token\":\"pt_1\"," \
               "\"total_amount\":1500," CART "," URLS "}"
#define SUBSCRIBE "{\"type\":\"create_subscription_token\",\"product_handle\":\"plan\",\"price_handle\":\"monthly\"," \
                  "\"return_url\":\"https://shop.example/back\"}"

static int told(const char *headers, const char *body) { return webhook("truemed", headers, body, strlen(body)); }

/* A real host sends it with its HTTP client, with its API key in the header `credential`, behind `scheme` where there is
 * one, and returns a fact of type `lost` where no answer comes. */
static char *send_request(const char *effect, const char *take) {
  printf("%s %s\n", at_path(take, "$.method"), at_path(take, "$.url"));
  const char *body = "{\"id\":\"ps_1\"}";
  if (strncmp(effect, "create_payment_token", 20) == 0) {
    told(SECRET, UPDATED);
    body = "{\"provision_token_request_id\":\"ptr_1\",\"redirect_url\":\"https://truemed.example/q/1\"}";
  } else if (strncmp(effect, "create_subscription_token", 25) == 0) {
    body = "{\"token\":\"0a7e36eb05a94bf1a4d3daeff0f561f9\",\"expires_in\":\"3600\"}";
  }
  return SQL("SELECT json_object('type', 'reply', 'to', ?1, 'sending', ?3 ->> 'sending', 'status', 200, 'body', ?2)",
             effect, body, take);
}

static void carry_out(const char *due) { printf("%s: %s\n", at_path(due, "$.type"), at_path(due, "$.of")); }

static char *start(const char *flow, const char *key) {
  return at_path(SQL("SELECT rulebound('start', json_object('flow', ?1, 'key', ?2))", flow, key), "$.ok");
}

static void open_shop(const char *path) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
      sqlite3_create_function(db, "rulebound", 2, flags, NULL, sql_rulebound, NULL, NULL) != SQLITE_OK ||
      sqlite3_create_function(db, "now", 0, SQLITE_UTF8, NULL, sql_now, NULL, NULL) != SQLITE_OK ||
      sqlite3_exec(db, TABLES, NULL, NULL, NULL) != SQLITE_OK ||
      sqlite3_exec(db, PROVIDERS, NULL, NULL, NULL) != SQLITE_OK) {
    die(sqlite3_errmsg(db));
  }
}

static void wish_for_a_token(void) { wish(start(TOKEN), CREATE); }
static void hear_of_the_capture(void) { told(SECRET, CAPTURED); }

/* Has another process do something, and die as soon as it has saved so many steps. */
static void dying(const char *path, int saves, void (*deed)(void)) {
  fflush(stdout);
  sqlite3_close(db);
  pid_t worker = fork();
  open_shop(path);
  if (worker == 0) {
    saves_to_live = saves;
    deed();
    die("it has saved less");
  }
  if (waitpid(worker, NULL, 0) != worker) die("nobody died");
}

int main(int count, char **arguments) {
  if (count != 2) die("usage: host DATABASE");
  open_shop(arguments[1]);
  if (load(TOKEN) != NULL) {
    puts("-- the shop opens again, an hour later");
    clock_ms += 60 * 60 * 1000;
    wake();
    return sqlite3_close(db) != SQLITE_OK;
  }

  puts("-- nothing to charge yet");
  wish(start(TOKEN), CHARGE);

  puts("-- a worker dies with the wish saved, and the next with the request in hand");
  dying(arguments[1], 1, wish_for_a_token);
  dying(arguments[1], 1, wake);
  wake(); /* its lease still runs */

  puts("-- five minutes later a third hears the webhook before the reply, and dies with the reply saved");
  clock_ms += 5 * 60 * 1000;
  char *read_before = load(TOKEN);
  dying(arguments[1], 2, wake);
  wake();

  puts("-- a fourth had read the row before that");
  work(read_before);

  puts("-- the charge, and a worker that dies with the provider's webhook saved");
  wish(load(TOKEN), CHARGE);
  wake();
  dying(arguments[1], 1, hear_of_the_capture);
  wake();
  printf("told again, it is answered with %d\n", told(SECRET, CAPTURED));

  puts("-- strangers, and a webhook that is nobody's, twice");
  static char large[1 << 20];
  memset(large, '\1', sizeof large); /* JSON writes each byte with six */
  printf("%d %d %d\n", told("{}", CAPTURED), told(SECRET, "caf\xe9"), webhook("truemed", SECRET, large, sizeof large));
  told(SECRET, NOBODYS);
  told(SECRET, NOBODYS);
  printf("%s rows in the inbox, one for each id\n", SQL("SELECT count(*) FROM inbox"));

  puts("-- another provider's wish, and the shop closes before anything is sent");
  wish(start(RETAILER), SUBSCRIBE);
  forget();
  return sqlite3_close(db) != SQLITE_OK;
}

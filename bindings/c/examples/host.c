/* The whole host in one file: three tables on SQLite, one loop for every provider, and a shop that uses it.
 *
 * SQLite reads and writes the JSON; rulebound is one more function of SQL. The README says how to compile it. */
#define _POSIX_C_SOURCE 200809L
#include <rulebound.h>
#include <rulebound_rules.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first run makes the tables, and the next one finds them; a real host makes and changes its tables by migrations. */
static const char *const TABLES =
    "CREATE TABLE IF NOT EXISTS flows   (flow text, key text, revision bigint, snapshot text, wake_at bigint,"
    "                                    PRIMARY KEY (flow, key));"
    "CREATE TABLE IF NOT EXISTS flow_ids(id text, flow text, key text, PRIMARY KEY (id, flow, key));"
    "CREATE TABLE IF NOT EXISTS inbox   (id text, provider text, fact text, received_at bigint);";

/* The secrets of each provider's webhooks; a real host reads them from its environment. */
static const char *const PROVIDERS =
    "CREATE TEMP TABLE providers AS SELECT column1 AS name, column2 AS secrets FROM (VALUES"
    " ('truemed', '[\"whsec_of_the_shop\"]'), ('flex', '[\"fwhsec_b2YgdGhlIHNob3A=\"]'),"
    " ('vend', '[]'), ('revup', '[]'))";

/* The config for every provider; a real host has a config for each of Vend's retailers. */
#define CONFIG "{\"vend\":{\"domain_prefix\":\"marshmallow\",\"host\":\"retail.lightspeed.app\"}}"

static sqlite3 *db;
static sqlite3_int64 clock_ms = 1796083200000; /* a real host asks the system */
static int saves_left = -1;                    /* only the demonstration below makes a worker crash */

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

/* ---- rulebound and the clock, as functions of SQL: rulebound(verb, fields), now() ---- */

static void sql_rulebound(sqlite3_context *context, int count, sqlite3_value **given) {
  (void)count;
  char *request = sqlite3_mprintf("{\"%s\":%s}", sqlite3_value_text(given[0]), sqlite3_value_text(given[1]));
  if (request == NULL) fail("no memory");
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

/* ---- statements: their parameters and results are strings, which stay valid until forget() ---- */

typedef struct string {
  struct string *before;
  char bytes[];
} string;
static string *strings;

static char *keep(const char *bytes, size_t length) {
  string *kept = malloc(sizeof *kept + length + 1);
  if (kept == NULL) fail("no memory");
  kept->before = strings;
  strings = kept;
  memcpy(kept->bytes, bytes, length);
  kept->bytes[length] = '\0';
  return kept->bytes;
}

static void forget(void) {
  while (strings != NULL) {
    string *last = strings;
    strings = last->before;
    free(last);
  }
}

/* The first column of the first row, or NULL; the parameters end with NULL. */
static char *sql(const char *text, const char *const *parameters) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK) fail(sqlite3_errmsg(db));
  for (int i = 0; parameters[i] != NULL; i++) {
    sqlite3_bind_text(statement, i + 1, parameters[i], -1, SQLITE_TRANSIENT);
  }
  int row = sqlite3_step(statement);
  const char *value = row == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
  char *kept = value != NULL ? keep(value, strlen(value)) : NULL;
  while (row == SQLITE_ROW) row = sqlite3_step(statement);
  if (row != SQLITE_DONE) fail(sqlite3_errmsg(db));
  sqlite3_finalize(statement);
  return kept;
}
#define SQL(...) SQL_(__VA_ARGS__, NULL)
#define SQL_(text, ...) sql(text, (const char *const[]){__VA_ARGS__})

static char *at_path(const char *json, const char *path) { return SQL("SELECT json_extract(?1, ?2)", json, path); }

static char *item(const char *list, int index) {
  char path[32];
  snprintf(path, sizeof path, "$[%d]", index);
  return at_path(list, path);
}

/* ---- the host: `snapshot` is always a snapshot as it was read ---- */

#define CALL "'snapshot', json(?1), 'now', now(), 'config', json('" CONFIG "')"
#define ID "(value ->> 'kind') || ':' || (value ->> 'id')"
#define ITS_ROW "flow = ?1 ->> 'flow' AND key = ?1 ->> 'key'"

static char *send_request(const char *effect, const char *request);
static void carry_out(const char *effect);
static char *observe(char *snapshot, const char *fact);
static char *observe_inbox(char *snapshot);

static char *load(const char *flow, const char *key) {
  return SQL("SELECT snapshot FROM flows WHERE flow = ?1 AND key = ?2", flow, key);
}

static char *reload(const char *snapshot) { return load(at_path(snapshot, "$.flow"), at_path(snapshot, "$.key")); }

/* An effect that is ready and not a review. */
static char *ready_effect(const char *snapshot) {
  char *effects = SQL("SELECT rulebound('effects', json_object(" CALL "))", snapshot);
  if (at_path(effects, "$.error") != NULL) fprintf(stderr, "this row cannot be read: %s\n", effects);
  return SQL("SELECT value FROM json_each(?1, '$.ok')"
             " WHERE value ->> 'ready' AND value ->> 'type' <> 'review' LIMIT 1", effects);
}

/* When a worker looks at a row again: at `wake_at`, or now if the inbox may hold webhooks for its new ids. */
static void schedule(const char *snapshot, const char *new_ids) {
  SQL("UPDATE flows SET wake_at = iif(?2 = '[]', answer ->> 'ok', now())"
      " FROM (SELECT rulebound('wake_at', json_object(" CALL ")) AS answer)"
      " WHERE " ITS_ROW " AND revision = ?1 ->> 'revision' AND json_type(answer, '$.ok') IS NOT NULL",
      snapshot, new_ids);
}

/* Saves the step or lease that a snapshot led to. NULL is a conflict: another worker has saved since it was read. */
static char *save(const char *snapshot, const char *step) {
  char *next = at_path(step, "$.ok.next"), *new_ids = at_path(step, "$.ok.new_ids");
  SQL("BEGIN IMMEDIATE");
  if (strcmp(at_path(snapshot, "$.revision"), "0") == 0) {
    SQL("INSERT OR IGNORE INTO flows SELECT ?1 ->> 'flow', ?1 ->> 'key', ?1 ->> 'revision', ?1, NULL", next);
  } else {
    SQL("UPDATE flows SET revision = ?1 ->> 'revision', snapshot = ?1"
        " WHERE " ITS_ROW " AND revision = ?2 ->> 'revision'", next, snapshot);
  }
  int saved = sqlite3_changes(db) == 1;
  if (saved) {
    schedule(next, new_ids != NULL ? new_ids : "[]");
    SQL("INSERT OR IGNORE INTO flow_ids SELECT " ID ", ?1 ->> 'flow', ?1 ->> 'key'"
        " FROM json_each(rulebound('ids', json_object('snapshot', json(?1))), '$.ok')", next);
  }
  SQL("COMMIT");
  if (saved && --saves_left == 0) _exit(fflush(stdout));
  if (!saved) printf("conflict: another worker has saved since\n");
  return saved ? next : NULL;
}

/* 1. The host has a command: the saved snapshot, or NULL with every rule that the command would break. */
static char *handle(const char *snapshot, const char *command) {
  char *step = SQL("SELECT rulebound('handle', json_object(" CALL ", 'command', json(?2)))", snapshot, command);
  if (at_path(step, "$.ok") != NULL) {
    char *next = save(snapshot, step);
    return next != NULL ? next : handle(reload(snapshot), command);
  }
  char *why = at_path(step, "$.error.message");
  char *codes = SQL("SELECT group_concat(value ->> 'rule', ' ') FROM json_each(?1, '$.rejected.violations')", step);
  printf("rejected: %s\n", why != NULL ? why : codes);
  return NULL;
}

/* 2. Every effect that can be carried out now. */
static char *work(char *snapshot) {
  char *effect;
  for (snapshot = observe_inbox(snapshot); (effect = ready_effect(snapshot)) != NULL;) {
    char *id = at_path(effect, "$.id");
    char *lease = SQL("SELECT rulebound('lease', json_object(" CALL ", 'effect', ?2))", snapshot, id);
    char *leased = at_path(lease, "$.ok") != NULL ? save(snapshot, lease) : NULL; /* save before you act */
    if (leased == NULL) return reload(snapshot);                                  /* another worker has leased it */
    char *request = at_path(lease, "$.ok.request");
    if (request == NULL) carry_out(effect); /* at least once: the id identifies a repeat */
    snapshot = observe(leased, request != NULL ? send_request(id, request)
                                               : SQL("SELECT json_object('type', 'done', 'effect', ?1)", id));
    if (snapshot == leased) break; /* nothing has changed: the next turn tries again */
  }
  return snapshot;
}

/* Observes what the inbox holds for the ids that a row knows. */
static char *observe_inbox(char *snapshot) {
  char *facts = SQL("SELECT json_group_array(DISTINCT fact) FROM inbox JOIN flow_ids USING (id)"
                    " WHERE " ITS_ROW " AND flow LIKE provider || '.%'", snapshot), *fact;
  for (int i = 0; (fact = item(facts, i)) != NULL; i++) {
    char *next = observe(snapshot, fact);
    if (next != snapshot) printf("from the inbox: %s\n", at_path(fact, "$.body"));
    snapshot = next;
  }
  return snapshot;
}

/* 3. Something has happened. No rule rejects a fact; after a conflict it is observed again. */
static char *observe(char *snapshot, const char *fact) {
  for (;;) {
    char *step = SQL("SELECT rulebound('observe', json_object(" CALL ", 'fact', json(?2)))", snapshot, fact);
    char *ignored = at_path(step, "$.ok.ignored.reason"), *error = at_path(step, "$.error.message");
    if (error != NULL && strcmp(at_path(fact, "$.type"), "reply") == 0) {
      fact = SQL("SELECT json_object('type', 'lost', 'effect', ?1 ->> 'effect', 'sending', ?1 ->> 'sending')", fact);
      continue;
    }
    int waits = error != NULL || (ignored != NULL && strcmp(ignored, "early") == 0);
    if (error != NULL) fprintf(stderr, "not observed yet: %s\n", error);
    char *failure = at_path(step, "$.ok.failure"), *warnings = at_path(step, "$.ok.warnings");
    if (failure != NULL) fprintf(stderr, "failure: %s\n", failure);
    if (warnings != NULL && strcmp(warnings, "[]") != 0) fprintf(stderr, "warnings: %s\n", warnings);
    char *next = waits ? NULL : ignored != NULL ? snapshot : save(snapshot, step);
    if (next != NULL) {
      SQL("DELETE FROM inbox WHERE fact = ?1", fact); /* after the step is saved: a crash loses nothing */
      return next != snapshot ? observe_inbox(next) : snapshot;
    }
    char *current = reload(snapshot);
    if (waits && strcmp(current, snapshot) == 0) return snapshot;
    snapshot = current; /* another worker has saved, and its step may have brought the id */
  }
}

/* The HTTP status for a webhook that the host does not accept, or 0. */
static int turn_away(const char *answer) {
  char *code = at_path(answer, "$.error.code");
  if (code == NULL) return 0;
  if (strcmp(code, RULEBOUND_ERROR_NOT_AUTHENTIC) == 0) return 401;
  return strcmp(code, "too_long") == 0 ? 413 : 400;
}

/* 4. A webhook, as its bytes arrived: the HTTP status to reply with, whoever sent it. It waits in the inbox, once for each of
 * its ids however often it arrives, until a row has observed it. */
static int webhook(const char *provider, const char *headers, const char *bytes, size_t length) {
  char *secrets = SQL("SELECT secrets FROM providers WHERE name = ?1", provider);
  if (secrets == NULL) return 404;
  if (length > 1 << 20) return 413; /* longer than rulebound reads */
  if (memchr(bytes, '\0', length) != NULL) return 400;
  char *body = keep(bytes, length);
  char *received = SQL("SELECT rulebound('read_webhook', json_object('provider', ?1, 'secrets', json(?2),"
                       " 'headers', json(?3), 'body', ?4, 'now', now()))", provider, secrets, headers, body);
  int status = turn_away(received);
  if (status != 0) return status;
  char *fact = at_path(received, "$.ok.fact"), *ids = at_path(received, "$.ok.ids");
  SQL("BEGIN IMMEDIATE"); /* so that no row gets the id between the inbox and the search */
  SQL("INSERT INTO inbox SELECT " ID ", ?1, ?2, now() FROM json_each(?3) WHERE NOT EXISTS"
      " (SELECT 1 FROM inbox WHERE id = " ID " AND provider = ?1 AND fact = ?2)", provider, fact, ids);
  int is_new = sqlite3_changes(db) > 0;
  char *rows = SQL("SELECT json_group_array(DISTINCT snapshot) FROM flows JOIN flow_ids USING (flow, key)"
                   " WHERE flow LIKE ?1 || '.%' AND id IN (SELECT " ID " FROM json_each(?2))", provider, ids);
  SQL("COMMIT");
  if (is_new && strcmp(rows, "[]") == 0) printf("to the inbox: %.100s\n", body);
  char *row;
  for (int i = 0; (row = item(rows, i)) != NULL; i++) observe(row, fact); /* the next turn carries out its effects */
  return atoi(at_path(received, "$.ok.acknowledge_with"));
}

/* 5. A turn of the worker: every row whose `wake_at` has come, with whatever a crashed worker has left undone. */
static void wake(void) {
  char *rows = SQL("SELECT json_group_array(json_array(flow, key)) FROM flows WHERE wake_at <= now()"), *row;
  for (int i = 0; (row = item(rows, i)) != NULL; i++) schedule(work(load(item(row, 0), item(row, 1))), "[]");
}

/* ---- the demonstration: a provider that is too quick, workers that crash, and strangers ---- */

#define TOKEN "truemed.payment_token", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11"
#define RETAILER "vend.subscription", "0d2f9a3e-53b2-4d0f-9c53-2f5f0c1f7a10"
#define SECRET "{\"x-truemed-api-key\": \"whsec_of_the_shop\"}"
#define UPDATED "{\"payment_token\":\"pt_1\",\"provision_token_request_id\":\"ptr_1\"}"
#define UNKNOWN "{\"payment_token\":\"pt_9\",\"provision_token_request_id\":\"ptr_9\"}"
#define CAPTURED "{\"payment_session_id\":\"ps_1\",\"status\":\"captured\",\"capture_amount\":1500}"
#define CART "\"order_items\":[{\"name\":\"B12\",\"sku\":\"b12\",\"quantity\":1,\"price\":1500}]"
#define URLS "\"success_url\":\"https://shop.example/ok\",\"failure_url\":\"https://shop.example/no\""
#define CREATE "{\"type\":\"create_payment_token\"," CART "," URLS "}"
#define CHARGE "{\"type\":\"create_payment_session\",\"intent\":\"2026-12\",\"payment_token\":\"pt_1\"," \
               "\"total_amount\":1500," CART "," URLS "}"
#define SUBSCRIBE "{\"type\":\"create_subscription_token\",\"product_handle\":\"plan\",\"price_handle\":\"monthly\"," \
                  "\"return_url\":\"https://shop.example/back\"}"

static int receive(const char *headers, const char *body) { return webhook("truemed", headers, body, strlen(body)); }

/* A real host sends the request with its HTTP client. It puts its API key into the header `credential.header`, after
 * `credential.scheme` if there is one, and returns a fact of type `lost` if no reply arrives. */
static char *send_request(const char *effect, const char *request) {
  printf("%s %s\n", at_path(request, "$.method"), at_path(request, "$.url"));
  const char *body = "{\"id\":\"ps_1\"}";
  if (strncmp(effect, "create_payment_token", 20) == 0) {
    receive(SECRET, UPDATED);
    body = "{\"provision_token_request_id\":\"ptr_1\",\"redirect_url\":\"https://truemed.example/q/1\"}";
  } else if (strncmp(effect, "create_subscription_token", 25) == 0) {
    body = "{\"token\":\"0a7e36eb05a94bf1a4d3daeff0f561f9\",\"expires_in\":\"3600\"}";
  }
  return SQL("SELECT json_object('type', 'reply', 'effect', ?1, 'sending', ?3 ->> 'sending', 'http_status', 200,"
             " 'body', ?2)", effect, body, request);
}

static void carry_out(const char *effect) {
  printf("%s: %s\n", at_path(effect, "$.type"), at_path(effect, "$.about.id"));
}

/* What a page shows. */
static void show(const char *flow, const char *key) {
  printf("status: %s\n", at_path(SQL("SELECT rulebound('status', json_object(" CALL "))", load(flow, key)), "$.ok.facets"));
}

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
    fail(sqlite3_errmsg(db));
  }
}

static void create_the_token(void) { handle(start(TOKEN), CREATE); }
static void receive_the_capture(void) { receive(SECRET, CAPTURED); }

/* Makes another process do something, and crash as soon as it has saved so many times. */
static void crash(const char *path, int saves, void (*act)(void)) {
  fflush(stdout);
  sqlite3_close(db);
  pid_t worker = fork();
  open_shop(path);
  if (worker == 0) {
    saves_left = saves;
    act();
    fail("the worker saved less often");
  }
  if (waitpid(worker, NULL, 0) != worker) fail("no worker crashed");
}

int main(int count, char **arguments) {
  if (count != 2) fail("usage: host DATABASE");
  open_shop(arguments[1]);
  if (load(TOKEN) != NULL) {
    puts("-- the shop opens again, an hour later");
    clock_ms += 60 * 60 * 1000;
    wake();
    return sqlite3_close(db) != SQLITE_OK;
  }

  puts("-- a charge before there is a token");
  handle(start(TOKEN), CHARGE);

  puts("-- one worker crashes after it saved the command, the next after it leased the request");
  crash(arguments[1], 1, create_the_token);
  crash(arguments[1], 1, wake);
  wake(); /* the lease has not expired */

  puts("-- five minutes later a third receives the webhook before the reply, and crashes after it saved the reply");
  clock_ms += 5 * 60 * 1000;
  char *read_before = load(TOKEN);
  crash(arguments[1], 2, wake);
  wake();

  puts("-- a fourth worker had read the row before that");
  work(read_before);

  puts("-- the charge, and a worker that crashes after it saved the provider's webhook");
  handle(load(TOKEN), CHARGE);
  wake();
  crash(arguments[1], 1, receive_the_capture);
  wake();
  printf("the same webhook again: %d\n", receive(SECRET, CAPTURED));
  show(TOKEN);

  puts("-- webhooks from strangers, and one that no row knows, twice");
  static char large[1 << 20];
  memset(large, '\1', sizeof large); /* JSON needs six bytes for each */
  printf("%d %d %d\n", receive("{}", CAPTURED), receive(SECRET, "caf\xe9"), webhook("truemed", SECRET, large, sizeof large));
  receive(SECRET, UNKNOWN);
  receive(SECRET, UNKNOWN);
  printf("%s rows in the inbox, one for each id\n", SQL("SELECT count(*) FROM inbox"));

  puts("-- a command for another provider, and the shop closes before it sends the request");
  handle(start(RETAILER), SUBSCRIBE);
  forget();
  return sqlite3_close(db) != SQLITE_OK;
}

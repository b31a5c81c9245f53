-- The tables of the host kits. Instants are milliseconds since 1970.

-- One row for each lifecycle at a provider.
CREATE TABLE rulebound_flows (
    flow        text   NOT NULL, -- such as truemed.payment_token
    key         text   NOT NULL, -- the shop's own name for it, never used again
    account     text   NOT NULL, -- which of your accounts at the provider; '' if there is one
    reference   text,            -- what a person searches for: an order's number
    revision    integer NOT NULL,
    snapshot    text   NOT NULL,
    wake_at     integer,          -- when a worker looks at it again; null if nothing can happen
    reviews     integer NOT NULL, -- questions that wait for a person
    failing     integer NOT NULL, -- effects that were tried five times or more
    tries       integer NOT NULL, -- failures of the row itself: it cannot be loaded, or deciding raises
    last_error  text,            -- the class and the code of the last failure
    created_at  integer NOT NULL,
    updated_at  integer NOT NULL,
    PRIMARY KEY (flow, key)
) STRICT;
CREATE INDEX rulebound_flows_wake_at ON rulebound_flows (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rulebound_flows_reviews ON rulebound_flows (updated_at) WHERE reviews > 0;
CREATE INDEX rulebound_flows_failing ON rulebound_flows (updated_at) WHERE failing > 0 OR tries > 0;
CREATE INDEX rulebound_flows_updated_at ON rulebound_flows (updated_at);
CREATE INDEX rulebound_flows_reference ON rulebound_flows (reference) WHERE reference IS NOT NULL;
CREATE INDEX rulebound_flows_key ON rulebound_flows (key);

-- The provider's ids that a row knows: by them a webhook finds it.
CREATE TABLE rulebound_ids (
    provider    text   NOT NULL,
    id          text   NOT NULL,
    flow        text   NOT NULL,
    key         text   NOT NULL,
    PRIMARY KEY (id, provider, flow, key) -- a search has no provider
) STRICT;
CREATE INDEX rulebound_ids_row ON rulebound_ids (flow, key);

-- Webhooks as they came, until every row that they concern has applied them.
CREATE TABLE rulebound_inbox (
    id           text    NOT NULL PRIMARY KEY, -- random
    provider     text    NOT NULL,
    account      text    NOT NULL, -- '' reaches the rows of every account
    digest       text    NOT NULL, -- SHA-256 of topic, content type and body
    deliveries   integer NOT NULL, -- how often it came
    origin       text    NOT NULL, -- verified or unverified
    content_type text,
    topic        text,
    body         blob    NOT NULL,
    received_at  integer  NOT NULL,
    wake_at      integer,           -- when it is offered again; null while only a row that learns an id can apply it
    tries        integer NOT NULL,
    last_error   text
) STRICT;
CREATE UNIQUE INDEX rulebound_inbox_digest ON rulebound_inbox (provider, account, digest);
CREATE INDEX rulebound_inbox_wake_at ON rulebound_inbox (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rulebound_inbox_received_at ON rulebound_inbox (received_at);

CREATE TABLE rulebound_inbox_ids (
    provider    text   NOT NULL,
    id          text   NOT NULL,
    inbox       text   NOT NULL,
    PRIMARY KEY (provider, id, inbox)
) STRICT;
CREATE INDEX rulebound_inbox_ids_inbox ON rulebound_inbox_ids (inbox);

-- What happened, without bodies, URLs, tokens or customers' data.
CREATE TABLE rulebound_journal (
    flow          text    NOT NULL,
    key           text    NOT NULL,
    seq           integer  NOT NULL,
    revision      integer  NOT NULL, -- the row's revision after it
    at            integer  NOT NULL,
    kind          text    NOT NULL, -- command, rejected, lease, a fact's type, retry, or error
    actor         text,             -- who asked for it: user:7, worker, webhook
    effect        text,
    http_status   integer,
    code          text,             -- a command's type, an ignored fact's reason, or an error's class
    rules         text,             -- a JSON array of rule codes that were broken or warned of
    transitions   text,             -- a JSON array
    failure       text,             -- a JSON object: kind, http_status, code, pointer, rule
    money         text,             -- a JSON array of the charges, captures and refunds that began or ended, with their amounts
    rules_version text    NOT NULL,
    digest        text    NOT NULL, -- SHA-256 of the row's snapshot after it
    PRIMARY KEY (flow, key, seq)
) STRICT;
CREATE INDEX rulebound_journal_at ON rulebound_journal (at);
CREATE INDEX rulebound_journal_refused ON rulebound_journal (at) WHERE kind = 'rejected' OR failure LIKE '%"kind":"refused"%';

-- Accounts that take no requests for now.
CREATE TABLE rulebound_pauses (
    provider    text    NOT NULL,
    account     text    NOT NULL,
    until       integer  NOT NULL,
    reason      text    NOT NULL, -- the status that caused it (401, 403, 407 or 429), or config: the account's config has a mistake
    count       integer NOT NULL, -- how often in sequence
    PRIMARY KEY (provider, account)
) STRICT;

-- The format of snapshots that every worker writes.
CREATE TABLE rulebound_formats (
    flow        text    NOT NULL PRIMARY KEY,
    format      integer NOT NULL
) STRICT;

CREATE TABLE rulebound_schema_version (
    version       integer NOT NULL,
    readable_from integer NOT NULL  -- the oldest kit's schema version that can work with these tables
) STRICT;
INSERT INTO rulebound_schema_version (version, readable_from) VALUES (1, 1);

-- The tables of the host kits. Instants are milliseconds since 1970. Names have the schema's name in front: the kit puts it in place of {schema}.

-- One row for each lifecycle at a provider.
CREATE TABLE {schema}.rulebound_flows (
    flow        text   NOT NULL, -- such as truemed.payment_token
    key         text   NOT NULL, -- the shop's own name for it, never used again
    account     text   NOT NULL, -- which of your accounts at the provider; '' if there is one
    reference   text COLLATE "C", -- what a person searches for: an order's number; its beginning is a range of the index
    revision    bigint NOT NULL,
    snapshot    text   NOT NULL,
    wake_at     bigint,          -- when a worker looks at it again; null if nothing can happen
    reviews     integer NOT NULL, -- questions that wait for a person
    failing     integer NOT NULL, -- effects that were tried five times or more
    tries       integer NOT NULL, -- failures of the row itself: it cannot be loaded, or deciding raises
    last_error  text,            -- the class and the code of the last failure
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    PRIMARY KEY (flow, key)
);
CREATE INDEX rulebound_flows_wake_at ON {schema}.rulebound_flows (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rulebound_flows_reviews ON {schema}.rulebound_flows (updated_at) WHERE reviews > 0;
CREATE INDEX rulebound_flows_failing ON {schema}.rulebound_flows (updated_at) WHERE failing > 0 OR tries > 0;
CREATE INDEX rulebound_flows_updated_at ON {schema}.rulebound_flows (updated_at);
CREATE INDEX rulebound_flows_reference ON {schema}.rulebound_flows (reference) WHERE reference IS NOT NULL;
CREATE INDEX rulebound_flows_key ON {schema}.rulebound_flows (key);

-- The provider's ids that a row knows: by them a webhook finds it.
CREATE TABLE {schema}.rulebound_ids (
    provider    text   NOT NULL,
    id          text   NOT NULL,
    flow        text   NOT NULL,
    key         text   NOT NULL,
    PRIMARY KEY (id, provider, flow, key) -- a search has no provider
);
CREATE INDEX rulebound_ids_row ON {schema}.rulebound_ids (flow, key);

-- Webhooks as they came, until every row that they concern has applied them.
CREATE TABLE {schema}.rulebound_inbox (
    id           text    NOT NULL PRIMARY KEY, -- random
    provider     text    NOT NULL,
    account      text    NOT NULL, -- '' reaches the rows of every account
    digest       text    NOT NULL, -- SHA-256 of topic, content type and body
    deliveries   integer NOT NULL, -- how often it came
    origin       text    NOT NULL, -- verified or unverified
    content_type text,
    topic        text,
    body         bytea   NOT NULL,
    received_at  bigint  NOT NULL,
    wake_at      bigint,           -- when it is offered again; null while only a row that learns an id can apply it
    tries        integer NOT NULL,
    last_error   text
);
CREATE UNIQUE INDEX rulebound_inbox_digest ON {schema}.rulebound_inbox (provider, account, digest);
CREATE INDEX rulebound_inbox_wake_at ON {schema}.rulebound_inbox (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rulebound_inbox_received_at ON {schema}.rulebound_inbox (received_at);

CREATE TABLE {schema}.rulebound_inbox_ids (
    provider    text   NOT NULL,
    id          text   NOT NULL,
    inbox       text   NOT NULL,
    PRIMARY KEY (provider, id, inbox)
);
CREATE INDEX rulebound_inbox_ids_inbox ON {schema}.rulebound_inbox_ids (inbox);

-- What happened, without bodies, URLs, tokens or customers' data.
CREATE TABLE {schema}.rulebound_journal (
    flow          text    NOT NULL,
    key           text    NOT NULL,
    seq           bigint  NOT NULL,
    revision      bigint  NOT NULL, -- the row's revision after it
    at            bigint  NOT NULL,
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
);
CREATE INDEX rulebound_journal_at ON {schema}.rulebound_journal (at);
CREATE INDEX rulebound_journal_refused ON {schema}.rulebound_journal (at) WHERE kind = 'rejected' OR failure LIKE '%"kind":"refused"%';

-- Accounts that take no requests for now.
CREATE TABLE {schema}.rulebound_pauses (
    provider    text    NOT NULL,
    account     text    NOT NULL,
    until       bigint  NOT NULL,
    reason      text    NOT NULL, -- the status that caused it (401, 403, 407 or 429), or config: the account's config has a mistake
    count       integer NOT NULL, -- how often in sequence
    PRIMARY KEY (provider, account)
);

-- The format of snapshots that every worker writes.
CREATE TABLE {schema}.rulebound_formats (
    flow        text    NOT NULL PRIMARY KEY,
    format      integer NOT NULL
);

CREATE TABLE {schema}.rulebound_schema_version (
    version       integer NOT NULL,
    readable_from integer NOT NULL  -- the oldest kit's schema version that can work with these tables
);
INSERT INTO {schema}.rulebound_schema_version (version, readable_from) VALUES (1, 1);

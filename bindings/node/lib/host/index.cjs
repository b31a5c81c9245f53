'use strict';

const { ConfigError, HostError, LookupFailed, NewerFormat, NoReview, NotSent, Pending, Rejected, Retry, RowError, SchemaError, TooNew, Unavailable, UnknownRow } = require('./errors.cjs');
const { Host } = require('./host.cjs');
const { send } = require('./send.cjs');

module.exports = { ConfigError, Host, HostError, LookupFailed, NewerFormat, NoReview, NotSent, Pending, Rejected, Retry, RowError, SchemaError, TooNew, Unavailable, UnknownRow, send };

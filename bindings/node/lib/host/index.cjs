'use strict';

const { ConfigError, HostError, NoReview, NotSent, Pending, Rejected, Retry, SchemaError, TooNew, Unavailable, UnknownRow } = require('./errors.cjs');
const { Host } = require('./host.cjs');
const { send } = require('./send.cjs');

module.exports = { ConfigError, Host, HostError, NoReview, NotSent, Pending, Rejected, Retry, SchemaError, TooNew, Unavailable, UnknownRow, send };

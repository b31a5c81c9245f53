import host from './index.cjs';

export const { ConfigError, Host, HostError, LookupFailed, NewerFormat, NoReview, NotSent, Pending, Rejected, Retry, RowError, SchemaError, TooNew, Unavailable, UnknownRow, send } = host;

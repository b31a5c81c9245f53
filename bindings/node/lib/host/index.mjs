import host from './index.cjs';

export const { ConfigError, Host, HostError, NoReview, NotSent, Pending, Rejected, Retry, SchemaError, TooNew, Unavailable, UnknownRow, send } = host;

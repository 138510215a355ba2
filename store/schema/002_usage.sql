-- Calls by key and tool: rows of a minute, folded into rows of an hour and of a day as they age. A call is in one row.
CREATE TABLE usage_counts (
  key_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  span_ms BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  admitted BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  PRIMARY KEY (key_id, tool, span_ms, starts_at)
);
CREATE INDEX usage_counts_by_account ON usage_counts (account_id, starts_at);
CREATE INDEX usage_counts_by_age ON usage_counts (span_ms, starts_at);

-- The audit of all accounts, newest first.
CREATE INDEX audit_by_time ON audit (at, account_id, position);

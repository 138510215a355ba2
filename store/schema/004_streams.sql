-- The newest event of an account that retention has deleted, 0 if none: up to here its sequence may have holes.
ALTER TABLE account_event_counters ADD COLUMN trimmed_through BIGINT NOT NULL DEFAULT 0;

-- What lets a browser open event streams: see server/stream_tokens.h. Only the digest of a token is kept.
CREATE TABLE stream_tokens (
  hash TEXT NOT NULL PRIMARY KEY,
  key_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX stream_tokens_by_key ON stream_tokens (key_id, created_at);
CREATE INDEX stream_tokens_by_end ON stream_tokens (expires_at);

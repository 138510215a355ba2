-- What a session listens to and which of its calls are answered on streams, so that both outlive a restart.
CREATE TABLE session_subscriptions (
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  uri TEXT NOT NULL,
  PRIMARY KEY (session_id, uri)
);
-- answer: null until there is one.
CREATE TABLE session_calls (
  stream_id TEXT NOT NULL PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  request TEXT NOT NULL,
  answer TEXT,
  created_at BIGINT NOT NULL
);
CREATE INDEX session_calls_by_session ON session_calls (session_id, created_at);
CREATE INDEX session_calls_by_time ON session_calls (created_at);

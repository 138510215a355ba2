-- Portable SQL: TEXT ids, BIGINT milliseconds since 1970 and flags (0, 1), JSON as TEXT. Each statement ends with ";" at
-- the end of a line; comments stand on lines of their own.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  tier TEXT NOT NULL,
  limit_override BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  limit_override BIGINT,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT,
  created_by_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX api_keys_by_account ON api_keys (account_id, id);

CREATE TABLE targets (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_by_key TEXT NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  port BIGINT NOT NULL,
  name TEXT NOT NULL,
  visibility TEXT NOT NULL,
  is_self BIGINT NOT NULL,
  scope_hosts TEXT NOT NULL,
  expected_ports TEXT NOT NULL,
  tags TEXT NOT NULL,
  verification_state TEXT NOT NULL,
  verification TEXT NOT NULL,
  attestation TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  archived_at BIGINT
);
CREATE INDEX targets_by_account ON targets (account_id, id);
-- One live target per address; archived ones keep theirs.
CREATE UNIQUE INDEX targets_live_url ON targets (account_id, url) WHERE archived_at IS NULL;

CREATE TABLE scans (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_by_key TEXT NOT NULL,
  target_id TEXT NOT NULL REFERENCES targets (id),
  profile TEXT NOT NULL,
  checks TEXT NOT NULL,
  status TEXT NOT NULL,
  outcome TEXT,
  started_by TEXT NOT NULL,
  baseline_scan_id TEXT,
  progress TEXT NOT NULL,
  counts TEXT NOT NULL,
  score BIGINT,
  grade TEXT,
  grade_reason TEXT,
  grade_algorithm TEXT NOT NULL,
  pinned_ip TEXT NOT NULL,
  scanner_version TEXT NOT NULL,
  ruleset_version TEXT NOT NULL,
  error_code TEXT,
  error_message TEXT,
  queued_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  deadline_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX scans_by_account ON scans (account_id, id);
CREATE INDEX scans_by_account_status ON scans (account_id, status, id);
CREATE INDEX scans_by_account_time ON scans (account_id, queued_at);
CREATE INDEX scans_by_target ON scans (target_id, id);
CREATE INDEX scans_by_target_status ON scans (target_id, status, id);

CREATE TABLE scan_checks (
  scan_id TEXT NOT NULL REFERENCES scans (id),
  position BIGINT NOT NULL,
  check_id TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  requests BIGINT NOT NULL,
  ms BIGINT NOT NULL,
  PRIMARY KEY (scan_id, check_id)
);

-- severity_rank: 0 critical ... 4 info, of the severity that counts (the override if there is one).
CREATE TABLE findings (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL,
  target_id TEXT NOT NULL REFERENCES targets (id),
  fingerprint TEXT NOT NULL,
  rule_id TEXT NOT NULL,
  engine TEXT NOT NULL,
  title TEXT NOT NULL,
  severity TEXT NOT NULL,
  severity_override TEXT,
  severity_rank BIGINT NOT NULL,
  cwe BIGINT NOT NULL,
  url TEXT NOT NULL,
  location TEXT NOT NULL,
  detail TEXT NOT NULL,
  status TEXT NOT NULL,
  status_reason TEXT NOT NULL,
  status_by TEXT NOT NULL,
  accepted_until BIGINT,
  first_seen_scan TEXT NOT NULL,
  last_seen_scan TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  fixed_at BIGINT,
  reopened_count BIGINT NOT NULL,
  precision_level TEXT NOT NULL,
  UNIQUE (target_id, fingerprint)
);
CREATE INDEX findings_by_target ON findings (target_id, severity_rank, rule_id, url, id);
CREATE INDEX findings_by_account ON findings (account_id, severity_rank, rule_id, url, id);

CREATE TABLE occurrences (
  finding_id TEXT NOT NULL REFERENCES findings (id),
  scan_id TEXT NOT NULL REFERENCES scans (id),
  diff_state TEXT NOT NULL,
  evidence TEXT NOT NULL,
  PRIMARY KEY (scan_id, finding_id)
);
CREATE INDEX occurrences_by_finding ON occurrences (finding_id, scan_id);

CREATE TABLE finding_events (
  finding_id TEXT NOT NULL REFERENCES findings (id),
  position BIGINT NOT NULL,
  from_status TEXT NOT NULL,
  to_status TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  note TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (finding_id, position)
);

CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_until BIGINT,
  is_cancel_requested BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX jobs_by_due ON jobs (state, due_at, id);
CREATE INDEX jobs_by_lease ON jobs (state, lease_until);
CREATE INDEX jobs_by_resource ON jobs (resource_id, id);

CREATE TABLE events (
  resource_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  resource_type TEXT NOT NULL,
  account_id TEXT NOT NULL,
  account_seq BIGINT NOT NULL,
  type TEXT NOT NULL,
  at BIGINT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (resource_id, seq)
);
CREATE UNIQUE INDEX events_by_account ON events (account_id, account_seq);

-- trimmed_through: events up to this one were deleted by retention.
CREATE TABLE event_counters (
  resource_id TEXT NOT NULL PRIMARY KEY,
  last_seq BIGINT NOT NULL,
  trimmed_through BIGINT NOT NULL
);
CREATE TABLE account_event_counters (
  account_id TEXT NOT NULL PRIMARY KEY,
  last_seq BIGINT NOT NULL
);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  protocol_version TEXT NOT NULL,
  client_info TEXT NOT NULL,
  client_capabilities TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_key ON sessions (key_id, created_at, id);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

CREATE TABLE idempotency (
  key_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  token TEXT NOT NULL,
  request_sha256 TEXT NOT NULL,
  answer TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (key_id, operation, token)
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

CREATE TABLE audit (
  account_id TEXT NOT NULL,
  position BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (account_id, position)
);

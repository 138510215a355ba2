-- An agent is configured in numbered versions that never change; a run is one execution of one version.

CREATE TABLE agents (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_by_key TEXT NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  kind TEXT NOT NULL,
  current_version BIGINT NOT NULL,
  is_public BIGINT NOT NULL,
  is_enabled BIGINT NOT NULL,
  is_shipped BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  archived_at BIGINT
);
CREATE INDEX agents_by_account ON agents (account_id, id);
CREATE INDEX agents_public ON agents (is_public, slug);
-- One live agent per slug; archived ones keep theirs.
CREATE UNIQUE INDEX agents_live_slug ON agents (account_id, slug) WHERE archived_at IS NULL;

CREATE TABLE agent_versions (
  agent_id TEXT NOT NULL REFERENCES agents (id),
  n BIGINT NOT NULL,
  definition TEXT NOT NULL,
  created_by_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (agent_id, n)
);

-- limits, usage, required_action: as callers see them. active_ms: time spent running, without what was spent waiting for
-- people.
CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_by_key TEXT NOT NULL,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  agent_version BIGINT NOT NULL,
  snapshot TEXT NOT NULL,
  input TEXT NOT NULL,
  previous_run_id TEXT,
  parent_run_id TEXT,
  status TEXT NOT NULL,
  incomplete_reason TEXT,
  required_action TEXT,
  output TEXT,
  usage TEXT NOT NULL,
  limits TEXT NOT NULL,
  error_code TEXT,
  error_message TEXT,
  started_by TEXT NOT NULL,
  is_tainted BIGINT NOT NULL,
  active_ms BIGINT NOT NULL,
  queued_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  deadline_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX runs_by_account ON runs (account_id, id);
CREATE INDEX runs_by_account_status ON runs (account_id, status, id);
CREATE INDEX runs_by_agent ON runs (agent_id, id);
CREATE INDEX runs_by_status ON runs (status, deadline_at);

CREATE TABLE run_steps (
  run_id TEXT NOT NULL REFERENCES runs (id),
  step_id TEXT NOT NULL,
  position BIGINT NOT NULL,
  tool TEXT NOT NULL,
  status TEXT NOT NULL,
  result TEXT,
  error TEXT,
  attempts BIGINT NOT NULL,
  is_tainted BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT,
  PRIMARY KEY (run_id, step_id)
);

-- call_key names the call within its run, so that a run that is taken up again finds what it has done.
CREATE TABLE tool_calls (
  id TEXT NOT NULL PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (id),
  call_key TEXT NOT NULL,
  position BIGINT NOT NULL,
  step_id TEXT NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  arguments TEXT NOT NULL,
  arguments_sha256 TEXT NOT NULL,
  status TEXT NOT NULL,
  approval TEXT,
  result TEXT,
  summary TEXT NOT NULL,
  error TEXT,
  is_error BIGINT NOT NULL,
  is_tainted BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT
);
CREATE UNIQUE INDEX tool_calls_by_key ON tool_calls (run_id, call_key);
CREATE INDEX tool_calls_by_position ON tool_calls (run_id, position);

-- What a model said and heard, in the provider's own blocks.
CREATE TABLE run_messages (
  run_id TEXT NOT NULL REFERENCES runs (id),
  position BIGINT NOT NULL,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (run_id, position)
);

-- Each try of a model request or of a tool call.
CREATE TABLE run_attempts (
  run_id TEXT NOT NULL REFERENCES runs (id),
  position BIGINT NOT NULL,
  subject TEXT NOT NULL,
  n BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  PRIMARY KEY (run_id, position)
);

-- What an operator has agreed to of a server of others: the hash of its list of tools.
CREATE TABLE mcp_servers (
  alias TEXT NOT NULL PRIMARY KEY,
  approved_sha256 TEXT,
  seen_sha256 TEXT,
  tools TEXT NOT NULL,
  approved_by_key TEXT,
  approved_at BIGINT,
  seen_at BIGINT
);

CREATE INDEX jobs_by_kind_state ON jobs (kind, state, due_at);

-- Which run started the scan; of which scan it is a retest.
ALTER TABLE scans ADD COLUMN run_id TEXT;
ALTER TABLE scans ADD COLUMN retest_of TEXT;
CREATE INDEX scans_by_run ON scans (run_id, id) WHERE run_id IS NOT NULL;

-- due_at: when the earliest pending delivery is due, or earlier; NULL if there is none. A sender owns the endpoint while
-- lease_until has not passed. paused_until: the receiver failed too often in a row, or asked for time.
CREATE TABLE webhooks (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_by_key TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT NOT NULL,
  is_enabled BIGINT NOT NULL,
  disabled_reason TEXT NOT NULL,
  disabled_at BIGINT,
  sealed_secret TEXT NOT NULL,
  sealed_previous_secret TEXT NOT NULL,
  previous_until BIGINT,
  failures_in_row BIGINT NOT NULL,
  failing_since BIGINT,
  last_success_at BIGINT,
  paused_until BIGINT NOT NULL,
  due_at BIGINT,
  lease_owner TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE INDEX webhooks_by_account ON webhooks (account_id, id);
CREATE INDEX webhooks_by_due ON webhooks (due_at) WHERE due_at IS NOT NULL;

-- The outbox and the delivery log in one. message_id is the webhook-id header: one for an event, whatever the attempt.
-- round_attempts: attempts since the delivery was queued or queued again.
CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id),
  account_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  cause TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  round_attempts BIGINT NOT NULL,
  due_at BIGINT,
  last_status BIGINT,
  last_error TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  finished_at BIGINT,
  UNIQUE (webhook_id, message_id)
);
CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries (webhook_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_end ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id),
  position BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  status BIGINT,
  error TEXT NOT NULL,
  response_head TEXT NOT NULL,
  response_body TEXT NOT NULL,
  PRIMARY KEY (delivery_id, position)
);

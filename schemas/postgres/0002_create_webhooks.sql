-- The last event that retention has removed. A reader whose position lies before it has missed events and is told so.
CREATE TABLE outbox_horizon (
    is_only         boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    transaction_id  xid8 NOT NULL DEFAULT '0',
    sequence        bigint NOT NULL DEFAULT 0
);
INSERT INTO outbox_horizon DEFAULT VALUES;

CREATE TABLE webhooks (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    url             text NOT NULL,
    description     text,
    -- Types of events, or the beginnings of some: `context.*`, `*`.
    types           jsonb NOT NULL DEFAULT '["*"]',
    -- Signs what is sent, so it is kept as it is.
    secret          text NOT NULL,
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    disabled_reason text CHECK (disabled_reason IN ('requested', 'gone', 'failing')),
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    -- How far delivery has come. Raised without raising the version: nobody edits it.
    cursor_transaction_id xid8 NOT NULL,
    cursor_sequence bigint NOT NULL,
    -- Attempts since the last success, when the first of them was, and when the next one may be.
    failure_count   integer NOT NULL DEFAULT 0 CHECK (failure_count >= 0),
    failing_since   timestamptz,
    retry_at        timestamptz,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX webhooks_newest ON webhooks (project_id, created_at DESC, id DESC);

-- What became of attempts to deliver; the last few of each webhook are kept.
CREATE TABLE webhook_deliveries (
    project_id      text NOT NULL,
    webhook_id      uuid NOT NULL,
    sequence        bigint GENERATED ALWAYS AS IDENTITY,
    -- Version of the webhook that the attempt went by.
    version         bigint NOT NULL CHECK (version > 0),
    event_id        text NOT NULL,
    event_type      text NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'missed')),
    status_code     integer,
    error           text,
    duration_ms     integer,
    attempted_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project_id, webhook_id, sequence),
    FOREIGN KEY (project_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
);

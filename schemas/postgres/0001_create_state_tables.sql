-- State of the modules. Rules that hold for every table of documents:
--   project_id  owns the row and leads every key, so nothing can refer across projects
--   version     the counter behind ETag and If-Match: 1 at first, raised by every change
--   document    the document as clients know it, without what columns say: its id and its times. `json` and not `jsonb`:
--               it comes back as it was written, and nothing searches inside it
--   generated columns are what lists filter by
-- Times are those of the database server.

CREATE TABLE contexts (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    document        json NOT NULL,
    status          text NOT NULL GENERATED ALWAYS AS (document ->> 'status') STORED
                    CHECK (status IN ('active', 'suspended', 'completed', 'failed')),
    lifecycle_stage text NOT NULL GENERATED ALWAYS AS (document ->> 'lifecycle_stage') STORED
                    CHECK (lifecycle_stage IN ('planning', 'execution', 'validation', 'completion')),
    session_id      text GENERATED ALWAYS AS (document -> 'global_state' ->> 'session_id') STORED,
    environment     text GENERATED ALWAYS AS (document -> 'global_state' ->> 'environment') STORED,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX contexts_newest ON contexts (project_id, created_at DESC, id DESC);
CREATE INDEX contexts_status ON contexts (project_id, status, created_at DESC, id DESC);
CREATE INDEX contexts_session ON contexts (project_id, session_id, created_at DESC, id DESC)
    WHERE session_id IS NOT NULL;

-- A copy of a context at one version. Never changed, so it has no counter of its own. `parts` names each part of the
-- document and the SHA-256 of its text; parts that did not change between snapshots are stored once.
CREATE TABLE context_snapshots (
    project_id      text NOT NULL,
    context_id      uuid NOT NULL,
    id              uuid NOT NULL,
    version         bigint NOT NULL CHECK (version > 0),
    parts           json NOT NULL,
    content_sha256  bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, context_id, id),
    FOREIGN KEY (project_id, context_id) REFERENCES contexts ON DELETE CASCADE
);
CREATE INDEX context_snapshots_newest ON context_snapshots (project_id, context_id, created_at DESC, id DESC);

CREATE TABLE context_snapshot_parts (
    project_id      text NOT NULL,
    context_id      uuid NOT NULL,
    sha256          bytea NOT NULL CHECK (octet_length(sha256) = 32),
    content         json NOT NULL,
    PRIMARY KEY (project_id, context_id, sha256),
    FOREIGN KEY (project_id, context_id) REFERENCES contexts ON DELETE CASCADE
);

CREATE TABLE plans (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    name            text NOT NULL,
    description     text,
    status          text NOT NULL DEFAULT 'draft',
    objectives      jsonb NOT NULL DEFAULT '[]',
    timeline        jsonb NOT NULL DEFAULT '{}',
    resources       jsonb NOT NULL DEFAULT '[]',
    workflow        jsonb NOT NULL DEFAULT '{}',
    validation      jsonb NOT NULL DEFAULT '{}',
    extra           jsonb NOT NULL DEFAULT '{}',
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX plans_newest ON plans (project_id, created_at DESC, id);
CREATE INDEX plans_status ON plans (project_id, status, created_at DESC, id);

CREATE TABLE tasks (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    plan_id         uuid NOT NULL,
    position        integer NOT NULL CHECK (position >= 0),
    name            text NOT NULL,
    description     text,
    type            text NOT NULL CHECK (type IN ('atomic', 'composite')),
    category        text,
    priority        text NOT NULL DEFAULT 'medium' CHECK (priority IN ('high', 'medium', 'low')),
    assigned_agent  text,
    estimated_duration text,
    resources_required jsonb NOT NULL DEFAULT '[]',
    resources       jsonb NOT NULL DEFAULT '[]',
    ai_ide_config   jsonb NOT NULL DEFAULT '{}',
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    extra           jsonb NOT NULL DEFAULT '{}',
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, plan_id, id),
    FOREIGN KEY (project_id, plan_id) REFERENCES plans ON DELETE CASCADE
);
CREATE INDEX tasks_order ON tasks (project_id, plan_id, position);
CREATE INDEX tasks_plan_status ON tasks (project_id, plan_id, status);
CREATE INDEX tasks_agent_status ON tasks (project_id, assigned_agent, status) WHERE assigned_agent IS NOT NULL;

CREATE TABLE task_dependencies (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    plan_id         uuid NOT NULL,
    from_task_id    uuid NOT NULL,
    to_task_id      uuid NOT NULL,
    dependency_type text NOT NULL DEFAULT 'finish_to_start'
                    CHECK (dependency_type IN ('finish_to_start', 'start_to_start', 'finish_to_finish')),
    extra           jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, from_task_id, to_task_id),
    -- Through the plan, so that both tasks are of the same one.
    FOREIGN KEY (project_id, plan_id, from_task_id) REFERENCES tasks (project_id, plan_id, id) ON DELETE CASCADE,
    FOREIGN KEY (project_id, plan_id, to_task_id) REFERENCES tasks (project_id, plan_id, id) ON DELETE CASCADE
);
CREATE INDEX task_dependencies_plan ON task_dependencies (project_id, plan_id, from_task_id);
CREATE INDEX task_dependencies_to ON task_dependencies (project_id, to_task_id);

CREATE TABLE confirmations (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    type            text NOT NULL CHECK (type IN ('approval', 'validation', 'verification', 'authorization')),
    target_type     text NOT NULL CHECK (target_type IN ('task', 'plan', 'resource', 'decision')),
    target_id       uuid NOT NULL,
    target          jsonb NOT NULL DEFAULT '{}',
    -- What exactly is approved: when the target has changed since, approvals do not hold.
    target_sha256   bytea CHECK (octet_length(target_sha256) = 32),
    criteria        jsonb NOT NULL DEFAULT '{}',
    approvers       jsonb NOT NULL DEFAULT '[]',
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
    result          jsonb NOT NULL DEFAULT '{}',
    expires_at      timestamptz,
    completed_at    timestamptz,
    extra           jsonb NOT NULL DEFAULT '{}',
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX confirmations_newest ON confirmations (project_id, created_at DESC, id);
CREATE INDEX confirmations_status ON confirmations (project_id, status, created_at DESC, id);
CREATE INDEX confirmations_target ON confirmations (project_id, target_type, target_id);
CREATE INDEX confirmations_expiry ON confirmations (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;

-- One decision an approver; never changed.
CREATE TABLE confirmation_decisions (
    project_id      text NOT NULL,
    confirmation_id uuid NOT NULL,
    approver_id     text NOT NULL,
    -- Version of the confirmation that the decision made.
    version         bigint NOT NULL CHECK (version > 0),
    approver_type   text NOT NULL CHECK (approver_type IN ('agent', 'human', 'system')),
    decision        text NOT NULL CHECK (decision IN ('approved', 'rejected')),
    comments        jsonb NOT NULL DEFAULT '[]',
    signature       text,
    decided_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, confirmation_id, approver_id),
    FOREIGN KEY (project_id, confirmation_id) REFERENCES confirmations ON DELETE CASCADE
);

CREATE TABLE roles (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    document        json NOT NULL,
    name            text NOT NULL GENERATED ALWAYS AS (document ->> 'name') STORED,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX roles_newest ON roles (project_id, created_at DESC, id DESC);
CREATE INDEX roles_name ON roles (project_id, name, created_at DESC, id DESC);

-- `inheritance.parent_roles`, where cycles can be looked for. A parent that others build on cannot be deleted.
CREATE TABLE role_parents (
    project_id      text NOT NULL,
    role_id         uuid NOT NULL,
    parent_role_id  uuid NOT NULL,
    -- Version of the role that added the parent.
    version         bigint NOT NULL CHECK (version > 0),
    overrides       jsonb NOT NULL DEFAULT '[]',
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, role_id, parent_role_id),
    CHECK (role_id <> parent_role_id),
    FOREIGN KEY (project_id, role_id) REFERENCES roles ON DELETE CASCADE,
    FOREIGN KEY (project_id, parent_role_id) REFERENCES roles ON DELETE RESTRICT
);
CREATE INDEX role_parents_parent ON role_parents (project_id, parent_role_id);

CREATE TABLE role_assignments (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    role_id         uuid NOT NULL,
    subject_id      text NOT NULL,
    expires_at      timestamptz,
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, subject_id, role_id),
    FOREIGN KEY (project_id, role_id) REFERENCES roles ON DELETE CASCADE
);
CREATE INDEX role_assignments_role ON role_assignments (project_id, role_id);

CREATE TABLE extensions (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    name            text NOT NULL,
    extension_version text NOT NULL,
    type            text NOT NULL
                    CHECK (type IN ('plugin', 'adapter', 'hook', 'capability', 'policy', 'audit')),
    interface       jsonb NOT NULL DEFAULT '{}',
    implementation  jsonb NOT NULL DEFAULT '{}',
    dependencies    jsonb NOT NULL DEFAULT '[]',
    security        jsonb NOT NULL DEFAULT '{}',
    metadata        jsonb NOT NULL DEFAULT '{}',
    status          text NOT NULL DEFAULT 'active',
    extra           jsonb NOT NULL DEFAULT '{}',
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, name, extension_version)
);
CREATE INDEX extensions_newest ON extensions (project_id, created_at DESC, id);
CREATE INDEX extensions_type ON extensions (project_id, type, created_at DESC, id);

CREATE TABLE executions (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    plan_id         uuid,
    task_id         uuid NOT NULL,
    context_id      uuid,
    agent_id        text,
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    input           jsonb NOT NULL DEFAULT '{}',
    output          jsonb,
    error           jsonb,
    progress        jsonb NOT NULL DEFAULT '{}',
    ai_ide_context  jsonb NOT NULL DEFAULT '{}',
    workspace       jsonb NOT NULL DEFAULT '{}',
    -- Raised whenever the execution changes hands: a write with an older epoch comes from an agent that lost it.
    lease_epoch     bigint NOT NULL DEFAULT 0 CHECK (lease_epoch >= 0),
    lease_until     timestamptz,
    started_at      timestamptz,
    completed_at    timestamptz,
    extra           jsonb NOT NULL DEFAULT '{}',
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (project_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    FOREIGN KEY (project_id, context_id) REFERENCES contexts ON DELETE CASCADE
);
CREATE INDEX executions_newest ON executions (project_id, created_at DESC, id);
CREATE INDEX executions_agent_status ON executions (project_id, agent_id, status);
CREATE INDEX executions_status ON executions (project_id, status, created_at);
CREATE INDEX executions_task ON executions (project_id, task_id);
CREATE INDEX executions_context ON executions (project_id, context_id) WHERE context_id IS NOT NULL;
CREATE INDEX executions_lease ON executions (lease_until) WHERE status = 'running';

-- One event a change, written in the transaction of the change. Readers follow (transaction_id, sequence) and stop
-- before pg_snapshot_xmin(pg_current_snapshot()): sequences alone become visible out of order.
CREATE TABLE outbox (
    sequence        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    project_id      text NOT NULL CHECK (project_id <> ''),
    -- `context.updated`, `plan.task.completed`, …
    type            text NOT NULL,
    subject_id      uuid NOT NULL,
    -- Version of the subject after the change.
    version         bigint NOT NULL CHECK (version > 0),
    payload         jsonb NOT NULL DEFAULT '{}',
    actor           text,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_order ON outbox (transaction_id, sequence);
CREATE INDEX outbox_subject ON outbox (project_id, subject_id, sequence);

-- Answers to requests that came with an `Idempotency-Key`, written in the transaction of their change.
CREATE TABLE idempotency_keys (
    project_id      text NOT NULL,
    key             text NOT NULL,
    -- Of method, path and body: the key stands for one request.
    request_sha256  bytea NOT NULL CHECK (octet_length(request_sha256) = 32),
    -- `{status, headers, body}`.
    reply           json,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at);

-- What became of transactions, by a mark that each writes just before its COMMIT: when the answer to a COMMIT is lost,
-- the mark is looked up. Marks belong to no project and live for minutes.
CREATE TABLE transaction_marks (
    id              uuid PRIMARY KEY,
    -- `abandoned` is written by whoever finds no mark: the transaction can then no longer commit.
    outcome         text NOT NULL CHECK (outcome IN ('committed', 'abandoned')),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX transaction_marks_age ON transaction_marks USING brin (created_at);

-- Parents stand in the document alone, where a role can also have predefined ones, which have no row. The two tables
-- that are dropped were never written to.
DROP TABLE role_parents;
DROP TABLE role_assignments;
ALTER TABLE roles ADD COLUMN parents json GENERATED ALWAYS AS (document #> '{inheritance,parent_roles}') STORED;

-- Who has which role. No key refers to `roles`, since predefined ones have no row: who removes a role and who assigns it
-- take the same lock.
CREATE TABLE role_assignments (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    document        json NOT NULL,
    role_id         text NOT NULL GENERATED ALWAYS AS (document ->> 'role_id') STORED,
    -- `agent:…`, `human:…`, `system:…`
    subject         text NOT NULL GENERATED ALWAYS AS (document ->> 'subject') STORED,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, subject, role_id)
);
CREATE INDEX role_assignments_newest ON role_assignments (project_id, created_at DESC, id DESC);
CREATE INDEX role_assignments_role ON role_assignments (project_id, role_id, created_at DESC, id DESC);

-- Keys by which subjects are known. The id stands in the key; of the secret there is a hash only.
CREATE TABLE api_keys (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    document        json NOT NULL,
    subject         text NOT NULL GENERATED ALWAYS AS (document ->> 'subject') STORED,
    -- SHA-256 of the whole key; a key without one opens nothing.
    secret_sha256   bytea CHECK (octet_length(secret_sha256) = 32),
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
-- Who comes with a key does not say of which project it is.
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);
CREATE INDEX api_keys_newest ON api_keys (project_id, created_at DESC, id DESC);
CREATE INDEX api_keys_subject ON api_keys (project_id, subject, created_at DESC, id DESC);

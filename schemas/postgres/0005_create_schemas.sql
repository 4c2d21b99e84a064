-- JSON Schemas that users have registered. A row never changes: another content needs another id.
CREATE TABLE schemas (
    project_id      text NOT NULL CHECK (project_id <> ''),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version = 1),
    -- The name it was registered under. In the order of bytes, so that pages have one order everywhere.
    schema_id       text COLLATE "C" NOT NULL,
    base            text NOT NULL,
    dialect         text NOT NULL CHECK (dialect IN ('draft-07', '2020-12')),
    -- JSON text.
    content         text NOT NULL,
    -- Of base and content.
    sha256          bytea NOT NULL CHECK (octet_length(sha256) = 32),
    -- Addresses of the schema and of those embedded in it; those it refers to; how many references it holds.
    resources       json NOT NULL,
    refers_to       json NOT NULL,
    reference_count integer NOT NULL CHECK (reference_count >= 0),
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, schema_id)
);

-- `schemas.resources`, where each can be looked for and belongs to one schema. Hashed: an address can be longer than
-- what an index takes.
CREATE TABLE schema_addresses (
    project_id      text NOT NULL,
    address_sha256  bytea NOT NULL CHECK (octet_length(address_sha256) = 32),
    schema_row_id   uuid NOT NULL,
    -- Version of the schema.
    version         bigint NOT NULL DEFAULT 1 CHECK (version = 1),
    PRIMARY KEY (project_id, address_sha256),
    FOREIGN KEY (project_id, schema_row_id) REFERENCES schemas ON DELETE CASCADE
);
CREATE INDEX schema_addresses_schema ON schema_addresses (project_id, schema_row_id);

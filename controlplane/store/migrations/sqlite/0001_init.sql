-- Everything the control plane keeps.
--
-- Ids are TEXT and sort by age. Times are BIGINT, milliseconds since 1970. Numbers that need 64 bits without a sign are
-- BIGINT with the same bits. Hashes are TEXT of hexadecimal digits. JSON is TEXT and never looked into by SQL. Bytes are BLOB.
-- A migration is never changed once it was released: its checksum stands in every database.

-- Numbers that only grow. `generation`: of desired states, the newest; a node that was told nothing has 0. Others: the next to be handed out.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value)
VALUES
    ('generation', 1),
    ('tenant', 1),
    ('stream', 1);

CREATE TABLE tenants (
    id         TEXT   NOT NULL PRIMARY KEY,
    number     BIGINT NOT NULL UNIQUE,
    name       TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL
);

CREATE TABLE clusters (
    id                    TEXT    NOT NULL PRIMARY KEY,
    tenant                TEXT    NOT NULL REFERENCES tenants (id),
    name                  TEXT    NOT NULL,
    state                 TEXT    NOT NULL CHECK (state IN ('creating', 'active', 'deleting')),
    shards                BIGINT  NOT NULL CHECK (shards >= 1),
    replicas              BIGINT  NOT NULL CHECK (replicas BETWEEN 0 AND 5),
    memory_bytes          BIGINT  NOT NULL,
    policy                TEXT    NOT NULL,
    tls                   BOOLEAN NOT NULL,
    seed                  BIGINT  NOT NULL,
    users                 TEXT    NOT NULL,
    certificate_pem       TEXT,
    certificate_key_pem   TEXT,
    certificate_not_after BIGINT,
    created_at            BIGINT  NOT NULL,
    revision              BIGINT  NOT NULL,
    UNIQUE (tenant, name),
    CHECK ((certificate_pem IS NULL) = (certificate_key_pem IS NULL)),
    CHECK ((certificate_pem IS NULL) = (certificate_not_after IS NULL))
);

CREATE TABLE nodes (
    id            BIGINT NOT NULL PRIMARY KEY,
    zone          TEXT   NOT NULL,
    host          TEXT   NOT NULL,
    ports         TEXT   NOT NULL,
    memory_bytes  BIGINT NOT NULL,
    policy        TEXT   NOT NULL CHECK (policy IN ('active', 'cordoned')),
    process       BIGINT NOT NULL,
    version       TEXT   NOT NULL,
    registered_at BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    revision      BIGINT NOT NULL
);

CREATE TABLE node_reports (
    node       BIGINT NOT NULL PRIMARY KEY REFERENCES nodes (id),
    at         BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    replicas   TEXT   NOT NULL,
    refusals   TEXT   NOT NULL,
    plugins    TEXT   NOT NULL
);

CREATE TABLE shards (
    id                TEXT   NOT NULL PRIMARY KEY,
    cluster           TEXT   NOT NULL REFERENCES clusters (id),
    name              TEXT   NOT NULL,
    slots             TEXT   NOT NULL,
    stream            BIGINT NOT NULL UNIQUE,
    preferred         BIGINT NOT NULL REFERENCES nodes (id),
    give_up           BIGINT,
    epoch             BIGINT,
    owner_node        BIGINT,
    owner_incarnation BIGINT,
    revision          BIGINT NOT NULL,
    UNIQUE (cluster, name),
    CHECK ((epoch IS NULL) = (owner_node IS NULL)),
    CHECK ((epoch IS NULL) = (owner_incarnation IS NULL))
);

CREATE TABLE replicas (
    shard    TEXT   NOT NULL REFERENCES shards (id),
    node     BIGINT NOT NULL REFERENCES nodes (id),
    address  TEXT   NOT NULL,
    state    TEXT   NOT NULL CHECK (state IN ('wanted', 'leaving')),
    why      TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (shard, node),
    UNIQUE (node, address)
);

CREATE TABLE plugins (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    sha256     TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    manifest   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, name, version),
    UNIQUE (tenant, sha256)
);

CREATE INDEX plugins_of_tenant ON plugins (tenant, id);

-- Apart, so that who lists plugins reads no modules.
CREATE TABLE plugin_modules (
    plugin TEXT NOT NULL PRIMARY KEY REFERENCES plugins (id) ON DELETE CASCADE,
    module BLOB NOT NULL
);

CREATE TABLE attachments (
    cluster     TEXT   NOT NULL REFERENCES clusters (id),
    name        TEXT   NOT NULL,
    plugin      TEXT   NOT NULL REFERENCES plugins (id),
    attached_at BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (cluster, name)
);

CREATE INDEX attachments_of_plugin ON attachments (plugin);

-- Neither tenant nor cluster is a foreign key: an operation that ended them is read afterwards.
CREATE TABLE operations (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT,
    cluster         TEXT,
    kind            TEXT   NOT NULL CHECK (
        kind IN ('create-cluster', 'delete-cluster', 'failover', 'verify-log', 'attach-plugin', 'detach-plugin')
    ),
    kind_shard      TEXT,
    kind_node       BIGINT,
    kind_plugin     TEXT,
    kind_version    TEXT,
    kind_generation BIGINT,
    state           TEXT   NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed')),
    steps           TEXT   NOT NULL,
    error_code      TEXT,
    error_detail    TEXT,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT,
    revision        BIGINT NOT NULL,
    CHECK ((kind = 'failover') = (kind_shard IS NOT NULL)),
    CHECK ((kind_shard IS NULL) = (kind_node IS NULL)),
    CHECK ((kind IN ('attach-plugin', 'detach-plugin')) = (kind_plugin IS NOT NULL)),
    CHECK ((kind_plugin IS NULL) = (kind_generation IS NULL)),
    CHECK ((kind = 'attach-plugin') = (kind_version IS NOT NULL)),
    CHECK ((error_code IS NULL) = (error_detail IS NULL))
);

-- One that is not over keeps others off its cluster.
CREATE UNIQUE INDEX operations_one_per_cluster ON operations (cluster) WHERE state IN ('pending', 'running');

CREATE INDEX operations_under_way ON operations (id) WHERE state IN ('pending', 'running');

CREATE INDEX operations_of_tenant ON operations (tenant, id);

CREATE INDEX operations_finished ON operations (finished_at);

CREATE TABLE api_keys (
    id            TEXT   NOT NULL PRIMARY KEY,
    tenant        TEXT   REFERENCES tenants (id) ON DELETE CASCADE,
    name          TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer', 'metrics')),
    secret_sha256 TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    revision      BIGINT NOT NULL
);

CREATE INDEX api_keys_of_tenant ON api_keys (tenant, id);

-- What follows outlives what it is about, so it has no foreign keys.

CREATE TABLE failovers (
    id             TEXT   NOT NULL PRIMARY KEY,
    shard          TEXT   NOT NULL,
    expect         BIGINT NOT NULL,
    to_node        BIGINT NOT NULL,
    to_incarnation BIGINT NOT NULL,
    reason         TEXT   NOT NULL CHECK (reason IN ('owner-silent', 'given-up')),
    outcome        TEXT   NOT NULL CHECK (outcome IN ('unknown', 'won', 'lost')),
    outcome_epoch  BIGINT,
    begun_at       BIGINT NOT NULL,
    ended_at       BIGINT,
    CHECK ((outcome = 'unknown') = (outcome_epoch IS NULL))
);

CREATE INDEX failovers_begun ON failovers (begun_at);

CREATE TABLE events (
    id      TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    message TEXT   NOT NULL,
    tenant  TEXT,
    cluster TEXT,
    shard   TEXT,
    node    BIGINT
);

CREATE INDEX events_of_tenant ON events (tenant, id);

CREATE INDEX events_of_cluster ON events (cluster, id);

CREATE INDEX events_at ON events (at);

CREATE TABLE audit_log (
    id           TEXT   NOT NULL PRIMARY KEY,
    started_at   BIGINT NOT NULL,
    completed_at BIGINT,
    api_key      TEXT   NOT NULL,
    tenant       TEXT,
    method       TEXT   NOT NULL,
    path         TEXT   NOT NULL,
    source       TEXT   NOT NULL,
    status       BIGINT,
    problem      TEXT
);

CREATE INDEX audit_log_of_tenant ON audit_log (tenant, id);

CREATE INDEX audit_log_started ON audit_log (started_at);

CREATE TABLE remembered (
    api_key         TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    request_sha256  TEXT   NOT NULL,
    status          BIGINT NOT NULL,
    body            TEXT   NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (api_key, idempotency_key)
);

CREATE INDEX remembered_expires ON remembered (expires_at);

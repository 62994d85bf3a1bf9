"""The first tables: users, auth, audit and jobs, each in a schema of its own."""

from migrations import script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'limen_app') THEN
        CREATE ROLE limen_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database of this cluster is being set up at the same moment
END $$;
DO $$ BEGIN
    -- Whoever creates a role may manage it, and since PostgreSQL 16 not by that become it.
    EXECUTE format('GRANT limen_app TO %I', current_user);
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- somebody else created the role, and has granted it or will have to
END $$;
"""

_USERS = """
CREATE SCHEMA users;

CREATE TABLE users.users (
    user_id        uuid PRIMARY KEY,
    email          text NOT NULL,
    email_key      text NOT NULL CONSTRAINT users_email_key UNIQUE,
    email_verified boolean NOT NULL,
    display_name   text NOT NULL,
    locale         text NOT NULL,
    state          text NOT NULL CHECK (state IN ('active', 'disabled')),
    version        bigint NOT NULL DEFAULT 1,
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL
);
CREATE INDEX users_email_prefix ON users.users (email_key text_pattern_ops);
CREATE INDEX users_disabled ON users.users (user_id) WHERE state = 'disabled';
CREATE INDEX users_unverified ON users.users (user_id) WHERE NOT email_verified;
CREATE INDEX users_create_time ON users.users (create_time);

CREATE TABLE users.role_grants (
    user_id    uuid NOT NULL REFERENCES users.users ON DELETE CASCADE,
    role       text NOT NULL,
    grant_time timestamptz NOT NULL,
    PRIMARY KEY (user_id, role)
);
CREATE INDEX role_grants_role ON users.role_grants (role, user_id);

CREATE TABLE users.sign_in_failures (
    account_key  bytea NOT NULL,
    network      text NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    locks        integer NOT NULL DEFAULT 0,
    last_attempt timestamptz,
    locked_until timestamptz,
    PRIMARY KEY (account_key, network)
);
CREATE INDEX sign_in_failures_age ON users.sign_in_failures (last_attempt);

CREATE TABLE users.known_networks (
    account_key  bytea NOT NULL,
    network      text NOT NULL,
    last_success timestamptz NOT NULL,
    PRIMARY KEY (account_key, network)
);
CREATE INDEX known_networks_age ON users.known_networks (last_success);
"""

_AUTH = """
CREATE SCHEMA auth;

CREATE TABLE auth.passwords (
    user_id     uuid PRIMARY KEY REFERENCES users.users ON DELETE CASCADE,
    encoded     text NOT NULL,
    update_time timestamptz NOT NULL
);

CREATE TABLE auth.sessions (
    session_id         uuid PRIMARY KEY,
    user_id            uuid NOT NULL REFERENCES users.users ON DELETE CASCADE,
    create_time        timestamptz NOT NULL,
    last_use_time      timestamptz NOT NULL,
    expire_time        timestamptz NOT NULL,
    proof_time         timestamptz NOT NULL,
    amr                text[] NOT NULL,
    user_agent         text NOT NULL,
    network            text NOT NULL,
    cookie_hash        bytea CONSTRAINT sessions_cookie UNIQUE,
    refresh_generation integer NOT NULL DEFAULT 0,
    rotate_time        timestamptz,
    revoke_time        timestamptz,
    revoke_reason      text
);
CREATE INDEX sessions_live ON auth.sessions (user_id, last_use_time DESC, session_id DESC)
    WHERE revoke_time IS NULL;
CREATE INDEX sessions_user ON auth.sessions (user_id);
CREATE INDEX sessions_expire_time ON auth.sessions (expire_time);

CREATE TABLE auth.one_time_tokens (
    token_id     uuid PRIMARY KEY,
    token_hash   bytea NOT NULL CONSTRAINT one_time_tokens_hash UNIQUE,
    purpose      text NOT NULL,
    user_id      uuid NOT NULL REFERENCES users.users ON DELETE CASCADE,
    create_time  timestamptz NOT NULL,
    expire_time  timestamptz NOT NULL,
    consume_time timestamptz,
    encoded      text,
    display_name text,
    locale       text,
    network      text
);
CREATE INDEX one_time_tokens_user ON auth.one_time_tokens (user_id, purpose, token_id DESC);
CREATE INDEX one_time_tokens_expire_time ON auth.one_time_tokens (expire_time);

CREATE TABLE auth.signing_keys (
    key_id        text PRIMARY KEY,
    public_key    bytea NOT NULL,
    sealed        bytea NOT NULL,
    create_time   timestamptz NOT NULL,
    activate_time timestamptz NOT NULL,
    retire_time   timestamptz
);
"""

_AUDIT = """
CREATE SCHEMA audit;

CREATE TABLE audit.events (
    event_id     uuid PRIMARY KEY,
    time         timestamptz NOT NULL,
    action       text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    actor_type   text NOT NULL,
    actor_id     text NOT NULL,
    subject_type text NOT NULL,
    subject_id   text NOT NULL,
    request_id   text NOT NULL,
    network      text NOT NULL,
    details      jsonb NOT NULL,
    event_key    text
);
CREATE INDEX events_time ON audit.events (time DESC, event_id DESC);
CREATE INDEX events_action ON audit.events (action, time DESC, event_id DESC);
CREATE INDEX events_outcome ON audit.events (outcome, time DESC, event_id DESC);
CREATE INDEX events_actor ON audit.events (actor_id, time DESC, event_id DESC);
CREATE INDEX events_subject ON audit.events (subject_id, time DESC, event_id DESC);
CREATE INDEX events_request ON audit.events (request_id);
CREATE UNIQUE INDEX events_key ON audit.events (actor_id, event_key) WHERE event_key IS NOT NULL;

CREATE TABLE audit.pending (
    event_id uuid PRIMARY KEY
);

CREATE TABLE audit.places (
    index    bigint PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT places_event UNIQUE REFERENCES audit.events
);
"""

_JOBS = """
CREATE SCHEMA jobs;

CREATE TABLE jobs.outbox (
    job_id       uuid PRIMARY KEY,
    kind         text NOT NULL,
    args         jsonb NOT NULL,
    create_time  timestamptz NOT NULL,
    due_time     timestamptz NOT NULL,
    publish_time timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    done_time    timestamptz,
    dead_time    timestamptz
);
CREATE INDEX outbox_open ON jobs.outbox (due_time)
    WHERE done_time IS NULL AND dead_time IS NULL;
CREATE INDEX outbox_published ON jobs.outbox (publish_time)
    WHERE publish_time IS NOT NULL AND done_time IS NULL AND dead_time IS NULL;
CREATE INDEX outbox_done ON jobs.outbox (done_time) WHERE done_time IS NOT NULL;
CREATE INDEX outbox_dead ON jobs.outbox (dead_time) WHERE dead_time IS NOT NULL;
"""

# What processes remember of these rows stays true because every change, even one made by hand,
# is announced in the transaction that makes it (server/platform/changes.py).
_NOTICES = """
CREATE FUNCTION users.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('limen_changes', 'user:' || coalesce(OLD.user_id, NEW.user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER UPDATE OR DELETE ON users.users
    FOR EACH ROW EXECUTE FUNCTION users.announce();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON users.role_grants
    FOR EACH ROW EXECUTE FUNCTION users.announce();

CREATE FUNCTION auth.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('limen_changes', 'session:' || OLD.session_id);
    RETURN NULL;
END $$;
CREATE TRIGGER announce_end
    AFTER UPDATE OF revoke_time, expire_time, user_id, proof_time ON auth.sessions
    FOR EACH ROW EXECUTE FUNCTION auth.announce();
CREATE TRIGGER announce_delete AFTER DELETE ON auth.sessions
    FOR EACH ROW WHEN (OLD.revoke_time IS NULL) EXECUTE FUNCTION auth.announce();

CREATE FUNCTION audit.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('limen_changes', TG_TABLE_SCHEMA || ':' || TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER INSERT ON audit.places
    FOR EACH STATEMENT EXECUTE FUNCTION audit.announce();
CREATE TRIGGER announce AFTER INSERT ON jobs.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION audit.announce();
"""

_GRANTS = """
GRANT USAGE ON SCHEMA users, auth, audit, jobs TO limen_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA users, auth, jobs TO limen_app;
GRANT SELECT, INSERT ON audit.events, audit.places TO limen_app;
GRANT SELECT, INSERT, DELETE ON audit.pending TO limen_app;
"""


def upgrade() -> None:
    for statements in (_ROLE, _USERS, _AUTH, _AUDIT, _JOBS, _NOTICES, _GRANTS):
        script.run(statements)


def downgrade() -> None:
    # The role stays: it belongs to the cluster, and other databases may use it.
    script.run("DROP SCHEMA jobs, audit, auth, users CASCADE")

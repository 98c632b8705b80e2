"""Invitations, and the indexes by which people and cards are listed, searched and counted."""

from peewee import AutoField, BigIntegerField, CharField, Model

STATEMENTS = (
    "CREATE INDEX account_created ON account (created_at, id)",
    "CREATE INDEX account_role ON account (role, created_at, id)",
    "CREATE INDEX account_status ON account (status, created_at, id)",
    "CREATE INDEX ev_card_created ON ev_card (created_at, id)",
    "CREATE INDEX ev_card_status ON ev_card (status, created_at, id)",
    "CREATE INDEX ev_card_expiry ON ev_card (expires_at)",
    "CREATE INDEX sign_in_open ON sign_in (account_id, last_seen_at) WHERE revoked_at IS NULL",
    "DROP INDEX charging_session_card",
    "CREATE INDEX charging_session_card ON charging_session (id_tag, number)",
)
# SQLite compares texts by their bytes. PostgreSQL does by the rules of a language, in which a prefix is no range.
BY_BYTES = (
    'CREATE INDEX account_email_bytes ON account (email COLLATE "C")',
    'CREATE INDEX ev_card_bytes ON ev_card (id_tag COLLATE "C")',
)


def up(migrator, db):
    class Invitation(Model):
        id = AutoField()
        email = CharField(unique=True)
        role = CharField()
        token_hash = CharField(unique=True)
        invited_by = CharField()
        created_at = BigIntegerField()
        expires_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "invitation"

    Invitation.create_table()
    for statement in STATEMENTS + (BY_BYTES if db.for_update else ()):
        db.execute_sql(statement)

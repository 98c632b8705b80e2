"""Links for new passwords, and mails about more than invitations. SQLite cannot lift NOT NULL: the table is copied."""

from peewee import AutoField, BigIntegerField, CharField, Model, SqliteDatabase

COLUMN = '"invitation_id" INTEGER NOT NULL'
POSTGRESQL = ("ALTER TABLE mail ALTER COLUMN invitation_id DROP NOT NULL",)
STATEMENTS = (
    "ALTER TABLE mail ADD COLUMN password_reset_id INTEGER REFERENCES password_reset (id) ON DELETE CASCADE",
    "CREATE UNIQUE INDEX mail_password_reset_id ON mail (password_reset_id)",
    "ALTER TABLE mail ADD COLUMN language VARCHAR(255) NOT NULL DEFAULT ''",
)


def up(migrator, db):
    class PasswordReset(Model):
        id = AutoField()
        email = CharField(index=True)
        token_hash = CharField(unique=True)
        expires_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "password_reset"

    db.create_tables([PasswordReset])
    for statement in (*(_copied(db) if isinstance(db, SqliteDatabase) else POSTGRESQL), *STATEMENTS):
        db.execute_sql(statement)


def _copied(db: SqliteDatabase) -> tuple[str, ...]:
    rows = db.execute_sql("SELECT type, sql FROM sqlite_master WHERE tbl_name = 'mail' AND sql IS NOT NULL")
    found = rows.fetchall()
    (table,) = (sql for kind, sql in found if kind == "table")
    assert COLUMN in table, table
    bare = table.replace(COLUMN, COLUMN.removesuffix(" NOT NULL"), 1)
    return (
        bare.replace('"mail"', '"mail_copy"', 1),
        "INSERT INTO mail_copy SELECT * FROM mail",
        "DROP TABLE mail",
        "ALTER TABLE mail_copy RENAME TO mail",
        *(sql for kind, sql in found if kind != "table"),
    )

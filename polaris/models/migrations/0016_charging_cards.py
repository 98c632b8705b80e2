"""An index for a card's open sessions, which every start asks for: the account's others may be thousands."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX charging_card ON charging_session (card_id) WHERE state = 'active'")
